//! Finding a person by any piece of name, reading, telephone, number, address or date of birth. Keys and query are
//! folded alike, so that 髙橋, 高橋, ﾀｶﾊｼ and たかはし meet; pairs of characters find the candidates, the whole folded
//! piece then decides, so that nothing is found by accident.

use access::{Act, Shown};
use base::limits::{LINE_CHARS, LIST_ROWS};
use base::wareki::Date;
use base::{Ctx, HomeId, PersonId, Redacted, kana};
use db::Tx;
use unicode_normalization::UnicodeNormalization;

use crate::store::search::{CONTACT_PHONE, Piece};
use crate::{Household, LifeStatus, PeopleError, PeopleRefusal, PhoneNumber, Sex, store};

/// Pieces of one query that count; what follows is more than anybody means.
const MAX_PIECES: usize = 6;
/// Pages one may leaf through; beyond it the query should say more.
const MAX_PAGE: usize = 1000;

/// One page of persons within the actor's reach, by reading.
#[derive(Clone, Debug)]
pub struct Found {
    pub persons: Vec<FoundPerson>,
    /// From 0.
    pub page: usize,
    /// There are more than this page shows.
    pub more: bool,
}

/// Enough to tell one person from another.
#[derive(Clone, Debug)]
pub struct FoundPerson {
    pub id: PersonId,
    pub number: String,
    pub name: Redacted<String>,
    pub kana: Redacted<String>,
    pub birth: Date,
    pub sex: Sex,
    pub household: Household,
    pub life: LifeStatus,
    pub home: HomeId,
    pub town: String,
    pub area: String,
}

/// Finds those whose keys hold every piece of the query; a blank query lists all in reach. Pages of
/// [`LIST_ROWS`], from 0.
pub fn search(ctx: &Ctx, tx: &mut dyn Tx, query: &str, page: usize) -> Result<Shown<Found>, PeopleError> {
    let scope = access::scope(ctx, Act::SeeIdentity)?;
    let page = page.min(MAX_PAGE);
    let mut persons = store::search::page(tx, &scope, &pieces(query), page)?;
    let more = persons.len() > LIST_ROWS;
    persons.truncate(LIST_ROWS);
    let persons = access::shown_rows(ctx, tx, (&[Act::SeeIdentity], &[]), persons, |p| p.id)?;
    Ok(persons.map(|persons| Found { persons, page, more }))
}

/// Whose number this is, or whose contact's: for a call that comes in. At most [`LIST_ROWS`].
pub fn persons_by_phone(ctx: &Ctx, tx: &mut dyn Tx, phone: &PhoneNumber) -> Result<Vec<PersonId>, PeopleError> {
    let scope = access::scope(ctx, Act::SeeContacts)?;
    Ok(store::search::by_phone(tx, &scope, phone)?)
}

pub(crate) fn pieces(query: &str) -> Vec<Piece> {
    let bounded: String = query.chars().take(LINE_CHARS).collect();
    bounded.split_whitespace().filter_map(piece).take(MAX_PIECES).collect()
}

fn piece(typed: &str) -> Option<Piece> {
    if let Ok(born) = form::read_date(typed) {
        return Some(Piece::Born(born));
    }
    let folded = fold_typed(typed);
    (!folded.is_empty()).then(|| Piece::Text { grams: kana::bigrams(&folded), folded })
}

/// As keys are folded; a telephone number loses its brackets too.
fn fold_typed(typed: &str) -> String {
    let plain: String = typed.nfkc().filter(|c| !kana::is_unseen(*c)).collect();
    let numeric = plain.chars().all(|c| c.is_ascii_digit() || kana::is_dash(c) || "+().".contains(c));
    if !numeric {
        return kana::fold(typed);
    }
    let digits: String = plain.chars().filter(char::is_ascii_digit).collect();
    match plain.strip_prefix("+81") {
        Some(_) => format!("0{}", digits.trim_start_matches("81").trim_start_matches('0')),
        None => digits,
    }
}

/// Files a person anew under every key that may find them.
pub(crate) fn index(tx: &mut dyn Tx, person: PersonId) -> Result<(), PeopleError> {
    let r = store::residents::get(tx, person)?.ok_or(PeopleRefusal::NoPerson)?;
    let mut keys: Vec<(&str, String)> = vec![
        ("name", kana::fold(r.name.expose())),
        ("kana", kana::fold(r.kana.expose())),
        ("number", r.number.clone()),
    ];
    if let Some(home) = store::homes::get(tx, r.home)? {
        keys.push(("address", kana::fold(&format!("{}{}{}", home.town, home.line.expose(), home.building.expose()))));
    }
    keys.extend(r.phones.iter().map(|p| ("phone", p.expose().to_owned())));
    let mut grams: Vec<String> = keys.iter().flat_map(|(_, folded)| grams_of_key(folded)).collect();
    grams.sort_unstable();
    grams.dedup();
    for contact in store::contacts::of(tx, person)? {
        keys.extend(contact.phones.iter().map(|p| (CONTACT_PHONE, p.expose().to_owned())));
    }
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|(_, folded)| !folded.is_empty());
    Ok(store::search::file(tx, person, &keys, &grams)?)
}

/// The pairs, and the last character alone: a single typed character is sought as the beginning of a gram.
fn grams_of_key(folded: &str) -> Vec<String> {
    let mut grams = kana::bigrams(folded);
    grams.extend(folded.chars().last().map(String::from));
    grams
}
