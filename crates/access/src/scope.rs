//! For lists: one decision for all rows, then a filter in SQL. A property test proves that the two walls agree.

use base::{Ctx, Instant, PersonId, Role};
use db::Value;
use uuid::Uuid;

use crate::grants::own_city;
use crate::{AccessError, Act, Ground, Policies, Rules, policy};

/// Which persons a list may show to this actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    act: Act,
    holders: [Uuid; 2],
    own: Option<Uuid>,
    now: Instant,
    reaches: Vec<Reach>,
}

/// On which grounds persons of some cities are within reach.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reach {
    cities: Cities,
    grounds: Vec<Ground>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cities {
    Everywhere,
    In(String),
    /// Also those who live nowhere that is known.
    Outside(Vec<String>),
}

/// The scope of a list on which every row shows what `act` names. Refused where no row could ever be shown.
pub fn scope(ctx: &Ctx, act: Act) -> Result<Scope, AccessError> {
    scope_by(policy::installed(), ctx, act)
}

pub(crate) fn scope_by(rules: &Rules, ctx: &Ctx, act: Act) -> Result<Scope, AccessError> {
    let office = ctx.actor.office.map_or(ctx.actor.id, |o| o.0);
    let own = ctx.actor.person.filter(|_| matches!(ctx.actor.role, Role::Resident | Role::Link)).map(|p| p.0);
    let grounds = |policies: &Policies| -> Vec<Ground> {
        let holds = |g: &Ground| *g != Ground::Own || own.is_some();
        let decide = |g: &Ground| policies.decide(ctx.actor.role, ctx.purpose, act, *g);
        Ground::ALL.iter().copied().filter(holds).filter(decide).collect()
    };
    let elsewhere = match rules.cities.is_empty() {
        true => Cities::Everywhere,
        false => Cities::Outside(rules.cities.keys().cloned().collect()),
    };
    let own_sets =
        rules.cities.iter().map(|(city, set)| Reach { cities: Cities::In(city.clone()), grounds: grounds(set) });
    let mut reaches = vec![Reach { cities: elsewhere, grounds: grounds(&rules.region) }];
    reaches.extend(own_sets);
    reaches.retain(|reach| !reach.grounds.is_empty());
    if reaches.is_empty() {
        return Err(AccessError::Denied { act, person: None });
    }
    Ok(Scope { act, holders: [ctx.actor.id, office], own, now: ctx.now, reaches })
}

/// Whom a scope could hold at most, cities aside.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    pub all: bool,
    pub own: Option<PersonId>,
    pub holders: Vec<Uuid>,
    pub grounds: Vec<Ground>,
}

impl Scope {
    /// For the screens that are to ask anew, never for a decision.
    pub fn outline(&self) -> Outline {
        let grounds: Vec<Ground> = self.reaches.iter().flat_map(|reach| reach.grounds.iter().copied()).collect();
        Outline {
            all: grounds.contains(&Ground::Duty),
            own: self.own.filter(|_| grounds.contains(&Ground::Own)).map(PersonId),
            holders: self.holders.to_vec(),
            grounds: grounds.into_iter().filter(|ground| !matches!(ground, Ground::Duty | Ground::Own)).collect(),
        }
    }

    /// A condition on `column` (with its table: `"n.person_id"`) and its parameters, numbered from `$first`. It is asked
    /// of each row, for lists that something else has made short: a holder may have years of ended grants.
    pub fn filter(&self, column: &str, first: usize) -> (String, Vec<Value>) {
        self.written(Sql { column, form: Form::OfEachRow, next: first, values: vec![] })
    }

    /// The same condition as a list of all who are within reach, for lists that are found by it.
    pub fn filter_all(&self, column: &str, first: usize) -> (String, Vec<Value>) {
        self.written(Sql { column, form: Form::OfAll, next: first, values: vec![] })
    }

    fn written(&self, mut sql: Sql<'_>) -> (String, Vec<Value>) {
        debug_assert!(sql.column.contains('.'), "{} would be taken for a column of the grants", sql.column);
        let conditions: Vec<String> = self.reaches.iter().map(|reach| self.reach(&mut sql, reach)).collect();
        match conditions.as_slice() {
            [one] => (one.clone(), sql.values),
            more => (format!("({})", more.join(" OR ")), sql.values),
        }
    }

    fn reach(&self, sql: &mut Sql<'_>, reach: &Reach) -> String {
        let cities = match &reach.cities {
            Cities::Everywhere => None,
            Cities::In(city) => Some(sql.lives_in(std::slice::from_ref(city), false)),
            Cities::Outside(cities) => Some(sql.lives_in(cities, true)),
        };
        let grounds = self.grounds(sql, &reach.grounds);
        match cities {
            None => grounds,
            Some(cities) => format!("({cities} AND {grounds})"),
        }
    }

    fn grounds(&self, sql: &mut Sql<'_>, grounds: &[Ground]) -> String {
        if grounds.contains(&Ground::Duty) {
            return "1 = 1".to_owned();
        }
        let mut ways = Vec::new();
        if let Some(own) = self.own.filter(|_| grounds.contains(&Ground::Own)) {
            let own = sql.value(own.into());
            ways.push(format!("{} = {own}", sql.column));
        }
        if grounds.contains(&Ground::City) {
            let office = sql.value(self.holders[1].into());
            ways.push(sql.among(
                concat!("access_person_city p JOIN access_office_city o ON ", own_city!()),
                "p.person_id",
                &format!("o.office_id = {office}"),
            ));
        }
        let granted: Vec<String> =
            grounds.iter().filter(|g| g.is_granted()).map(|g| format!("'{}'", g.key())).collect();
        if !granted.is_empty() {
            let (a, b) = (sql.value(self.holders[0].into()), sql.value(self.holders[1].into()));
            let now = sql.value(self.now.into());
            let current = format!(
                "g.holder_id IN ({a}, {b}) AND g.ground IN ({}) AND (g.items = '' OR g.items LIKE '% {} %')
                 AND g.valid_from <= {now} AND g.valid_until > {now}",
                granted.join(", "),
                self.act.key(),
            );
            ways.push(sql.among("access_grant g", "g.person_id", &current));
        }
        match ways.as_slice() {
            [] => "1 = 0".to_owned(),
            [one] => one.clone(),
            more => format!("({})", more.join(" OR ")),
        }
    }
}

/// How the database goes about it.
#[derive(Clone, Copy)]
enum Form {
    OfEachRow,
    OfAll,
}

/// A condition being written.
struct Sql<'a> {
    column: &'a str,
    form: Form,
    next: usize,
    values: Vec<Value>,
}

impl Sql<'_> {
    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        self.next += 1;
        format!("${}", self.next - 1)
    }

    /// That the column is one of the persons of these tables.
    fn among(&self, tables: &str, person: &str, condition: &str) -> String {
        let column = self.column;
        match self.form {
            Form::OfEachRow => format!("EXISTS (SELECT 1 FROM {tables} WHERE {person} = {column} AND {condition})"),
            Form::OfAll => format!("{column} IN (SELECT {person} FROM {tables} WHERE {condition})"),
        }
    }

    fn lives_in(&mut self, cities: &[String], not: bool) -> String {
        let places: Vec<String> = cities.iter().map(|city| self.value(city.as_str().into())).collect();
        let not = if not { "NOT " } else { "" };
        format!(
            "{} {not}IN (SELECT person_id FROM access_person_city WHERE city IN ({}))",
            self.column,
            places.join(", ")
        )
    }
}
