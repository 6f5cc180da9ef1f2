//! On what a recorded act rests. A ground comes from the wall's own witness, or from a closed list of ways in which
//! somebody shows who they are; nobody writes one in words of their own.

use access::{Charged, Witness};
use base::PersonId;

base::words! {
    /// What an act rests on where no person's record was opened.
    Means {
        Own = "own", "ご自身の操作";
        Password = "password", "パスワード";
        Totp = "totp", "認証アプリ";
        RecoveryCode = "recovery_code", "予備コード";
        EnrolmentCode = "enrolment_code", "初回設定コード";
        /// The start page of a fictional town.
        Fictional = "fictional", "架空の町";
        /// A bound of the system.
        Limit = "limit", "上限";
        /// A moment that was set has come.
        Time = "time", "期限";
        /// A message was addressed to the reader.
        Recipient = "recipient", "宛先";
        /// The bearer of a link in a message.
        Link = "link", "通知のリンク";
        /// The program did it as a part of another act that is recorded with its own ground.
        Program = "program", "システムの処理";
        Restore = "restore", "復元";
    }
}

/// What an entry of the record rests on.
#[derive(Clone, Copy, Debug)]
pub enum Basis<'a> {
    /// What the wall witnessed of each person.
    Wall(&'a [Witness]),
    /// A charge for the region as a whole; the person is named where what was done is about one (an account's owner).
    Charge(Charged, Option<PersonId>),
    /// No record was opened; the person is named where the act is about one.
    Means(Means, Option<PersonId>),
}

impl<'a> From<&'a Witness> for Basis<'a> {
    fn from(witness: &'a Witness) -> Self {
        Basis::Wall(std::slice::from_ref(witness))
    }
}

impl<'a> From<&'a [Witness]> for Basis<'a> {
    fn from(witnesses: &'a [Witness]) -> Self {
        Basis::Wall(witnesses)
    }
}

impl<'a> From<&'a Vec<Witness>> for Basis<'a> {
    fn from(witnesses: &'a Vec<Witness>) -> Self {
        Basis::Wall(witnesses)
    }
}

impl From<Charged> for Basis<'_> {
    fn from(charged: Charged) -> Self {
        Basis::Charge(charged, None)
    }
}

impl From<Means> for Basis<'_> {
    fn from(proof: Means) -> Self {
        Basis::Means(proof, None)
    }
}

/// Persons of one row: those who were known on the same grounds, for the same items.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub persons: Vec<PersonId>,
    pub items: String,
    pub ground: String,
}

impl Basis<'_> {
    /// The rows of an act: one for all persons who were known alike, so that a list of fifty is one row or two. A look
    /// takes its items from what the wall opened.
    pub(crate) fn groups(self, items: Option<&str>) -> Vec<Group> {
        let given = items.unwrap_or_default();
        let group = |persons, ground: &str| vec![Group { persons, items: given.to_owned(), ground: ground.to_owned() }];
        match self {
            Basis::Charge(charged, person) => group(person.into_iter().collect(), charged.ground().key()),
            Basis::Means(proof, person) => group(person.into_iter().collect(), proof.key()),
            Basis::Wall([]) => group(vec![], ""),
            Basis::Wall(witnesses) => by_ground(&merged(witnesses), items),
        }
    }
}

/// One witness a person: several views of one page may each have asked for a part.
fn merged(witnesses: &[Witness]) -> Vec<(PersonId, Vec<(access::Act, access::Ground)>)> {
    let mut all: Vec<(PersonId, Vec<(access::Act, access::Ground)>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for witness in witnesses {
        let place = *places.entry(witness.person()).or_insert_with(|| {
            all.push((witness.person(), Vec::new()));
            all.len() - 1
        });
        for known in witness.allowed() {
            if !all[place].1.contains(known) {
                all[place].1.push(*known);
            }
        }
    }
    all
}

fn by_ground(persons: &[(PersonId, Vec<(access::Act, access::Ground)>)], items: Option<&str>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (person, allowed) in persons {
        let ground = words(allowed.iter().map(|(_, ground)| ground.key()));
        let opened = || words(allowed.iter().filter_map(|(act, _)| act.item()));
        let items = items.map_or_else(opened, str::to_owned);
        match groups.iter_mut().find(|g| g.ground == ground && g.items == items) {
            Some(group) => group.persons.push(*person),
            None => groups.push(Group { persons: vec![*person], items, ground }),
        }
    }
    groups
}

/// Each word once, in the order in which it came.
fn words<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for word in all {
        if !text.split(' ').any(|w| w == word) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
    text
}
