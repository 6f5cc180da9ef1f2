//! Cedar behind one question. A decision depends on four words only (role, purpose, act or charge, ground), so each is
//! asked of Cedar once and remembered for as long as the policies are in force. A city may have policies of its own for
//! those who live in it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::str::FromStr;
use std::sync::{OnceLock, RwLock};

use base::{Purpose, Role};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression, Schema,
    ValidationMode, Validator,
};
use thiserror::Error;

use crate::{Act, Charge, Ground};

const SCHEMA: &str = include_str!("../../../policies/tsunagari.cedarschema");
const POLICIES: &[(&str, &str)] = &[
    ("peacetime.cedar", include_str!("../../../policies/peacetime.cedar")),
    ("watch_response.cedar", include_str!("../../../policies/watch_response.cedar")),
];

#[derive(Debug, Error)]
pub enum PolicyError {
    #[error("the policies in {file} cannot be read: {cause}")]
    Parse { file: String, cause: String },
    #[error("the policies in {file} do not fit the schema: {cause}")]
    Invalid { file: String, cause: String },
    #[error("policies were already installed")]
    Installed,
    #[error("the policies do not let the program itself do {0}: its timers would stop")]
    Program(&'static str),
    #[error("the folder {0} is not named by the five digits of a city")]
    NoCity(String),
    #[error("{file} cannot be read: {cause}")]
    Unread { file: String, cause: std::io::Error },
}

fn unread(path: &Path) -> impl Fn(std::io::Error) -> PolicyError {
    move |cause| PolicyError::Unread { file: path.display().to_string(), cause }
}

/// A checked set of policies.
pub struct Policies {
    set: PolicySet,
    schema: Schema,
    decided: RwLock<HashMap<(Role, Purpose, Deed, Ground), bool>>,
}

/// What is asked about: something with a person's record, or something for the region as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Deed {
    With(Act),
    For(Charge),
}

impl From<Act> for Deed {
    fn from(act: Act) -> Deed {
        Deed::With(act)
    }
}

impl From<Charge> for Deed {
    fn from(charge: Charge) -> Deed {
        Deed::For(charge)
    }
}

impl Deed {
    const fn key(self) -> &'static str {
        match self {
            Deed::With(act) => act.key(),
            Deed::For(charge) => charge.key(),
        }
    }

    const fn resource(self) -> &'static str {
        match self {
            Deed::With(_) => r#"Person::"person""#,
            Deed::For(_) => r#"Region::"region""#,
        }
    }
}

/// The policies in force: the region's, and for the persons of some cities (five digits) their own.
pub struct Rules {
    pub region: Policies,
    pub cities: BTreeMap<String, Policies>,
}

impl Rules {
    pub fn built_in() -> Result<Rules, PolicyError> {
        Ok(Rules { region: Policies::built_in()?, cities: BTreeMap::new() })
    }

    /// The `*.cedar` files of a folder are the region's; each folder in it that is named by a city's five digits holds
    /// that city's, whole. Anything else in it is refused, so that a misspelt city is not a silent default.
    pub fn from_folder(folder: &Path) -> Result<Rules, PolicyError> {
        let mut cities = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(unread(folder))? {
            let entry = entry.map_err(unread(folder))?;
            if !entry.file_type().map_err(unread(&entry.path()))?.is_dir() {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.len() != 5 || !name.bytes().all(|b| b.is_ascii_digit()) {
                return Err(PolicyError::NoCity(name));
            }
            cities.insert(name, Policies::from_folder(&entry.path())?);
        }
        Ok(Rules { region: Policies::from_folder(folder)?, cities })
    }

    /// Those for a person who lives there.
    pub(crate) fn of(&self, city: Option<&str>) -> &Policies {
        city.and_then(|city| self.cities.get(city)).unwrap_or(&self.region)
    }
}

/// Whether every policy of a set is one that the schema knows.
fn fits(validator: &Validator, set: &PolicySet) -> Result<(), String> {
    let report = validator.validate(set, ValidationMode::Strict);
    if report.validation_passed() {
        return Ok(());
    }
    let errors: Vec<String> = report.validation_errors().map(ToString::to_string).collect();
    Err(errors.join("; "))
}

static INSTALLED: OnceLock<Rules> = OnceLock::new();

/// Puts policies in force for the life of the program. Without it the built-in ones are.
pub fn install(rules: Rules) -> Result<(), PolicyError> {
    INSTALLED.set(rules).map_err(|_| PolicyError::Installed)
}

pub(crate) fn installed() -> &'static Rules {
    INSTALLED.get_or_init(|| Rules::built_in().expect("the built-in policies fit their schema; a test proves it"))
}

impl Policies {
    pub fn built_in() -> Result<Policies, PolicyError> {
        Policies::parse(SCHEMA, POLICIES.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())))
    }

    /// All `*.cedar` files of a folder against the built-in schema.
    pub fn from_folder(folder: &Path) -> Result<Policies, PolicyError> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unread(folder))? {
            let path = entry.map_err(unread(folder))?.path();
            if path.extension().is_some_and(|e| e == "cedar") {
                files.push((path.display().to_string(), std::fs::read_to_string(&path).map_err(unread(&path))?));
            }
        }
        files.sort();
        Policies::parse(SCHEMA, files.into_iter())
    }

    fn parse(schema: &str, files: impl Iterator<Item = (String, String)>) -> Result<Policies, PolicyError> {
        let (schema, _) = Schema::from_cedarschema_str(schema)
            .map_err(|e| PolicyError::Parse { file: "tsunagari.cedarschema".into(), cause: e.to_string() })?;
        let validator = Validator::new(schema.clone());
        let mut text = String::new();
        for (file, content) in files {
            // Each file by itself, so that the one to be mended is named.
            match PolicySet::from_str(&content) {
                Ok(set) => fits(&validator, &set).map_err(|cause| PolicyError::Invalid { file, cause })?,
                Err(e) => return Err(PolicyError::Parse { file, cause: e.to_string() }),
            }
            text.push_str(&content);
            text.push('\n');
        }
        let set = PolicySet::from_str(&text)
            .map_err(|e| PolicyError::Parse { file: "all policies".into(), cause: e.to_string() })?;
        let policies = Policies { set, schema, decided: RwLock::new(HashMap::new()) };
        // Timers, the watch and escalations must never stand before a wall that somebody forgot to open.
        let program = |act: &Act| policies.decide(Role::System, Purpose::Operation, *act, Ground::Duty);
        match Act::ALL.iter().find(|act| !program(act)) {
            Some(act) => Err(PolicyError::Program(act.key())),
            None => Ok(policies),
        }
    }

    /// Whether the policies allow it. On any error: no.
    pub fn decide(&self, role: Role, purpose: Purpose, deed: impl Into<Deed>, ground: Ground) -> bool {
        let deed = deed.into();
        let question = (role, purpose, deed, ground);
        if let Ok(decided) = self.decided.read()
            && let Some(answer) = decided.get(&question)
        {
            return *answer;
        }
        let answer = self.ask(role, purpose, deed, ground).unwrap_or_else(|cause| {
            tracing::error!(%cause, "a decision about access failed and counts as no");
            false
        });
        if let Ok(mut decided) = self.decided.write() {
            decided.insert(question, answer);
        }
        answer
    }

    fn ask(
        &self,
        role: Role,
        purpose: Purpose,
        deed: Deed,
        ground: Ground,
    ) -> Result<bool, Box<dyn std::error::Error>> {
        let principal = EntityUid::from_str(r#"User::"actor""#)?;
        let resource = EntityUid::from_str(deed.resource())?;
        let action = EntityUid::from_str(&format!("Action::\"{}\"", deed.key()))?;
        let word = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let user = Entity::new(
            principal.clone(),
            HashMap::from([("role".to_owned(), word(role.key()))]),
            std::collections::HashSet::new(),
        )?;
        let person = Entity::new_no_attrs(resource.clone(), std::collections::HashSet::new());
        let entities = Entities::from_entities([user, person], Some(&self.schema))?;
        let context = Context::from_pairs([
            ("purpose".to_owned(), word(purpose.key())),
            ("ground".to_owned(), word(ground.key())),
        ])?;
        let request = Request::new(principal, action, resource, context, Some(&self.schema))?;
        let response = Authorizer::new().is_authorized(&request, &self.set, &entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(error.to_string().into());
        }
        Ok(response.decision() == Decision::Allow)
    }
}
