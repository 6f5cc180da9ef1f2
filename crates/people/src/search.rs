//! Finding a person by any piece of name, reading, telephone, number, address or date of birth. Keys and query are
//! folded alike, so that 髙橋, 高橋, ﾀｶﾊｼ and たかはし meet; pairs of characters find the candidates, the whole folded
//! piece then decides, so that nothing is found by accident.

use access::{Act, Shown};
use base::limits::{LINE_CHARS, LIST_ROWS};
use base::wareki::Date;
use base::{Ctx, HomeId, PersonId, Redacted, kana, letters};
use db::{DbError, Tx, marks};
use unicode_normalization::UnicodeNormalization;

use crate::store::search::{CONTACT_PHONE, Piece};
use crate::{Household, LifeStatus, PeopleError, PeopleRefusal, PhoneNumber, Sex, store};

/// Pieces of one query that count; what follows is more than anybody means.
const MAX_PIECES: usize = 6;
/// Pages one may leaf through; beyond it the query should say more.
const MAX_PAGE: usize = 1000;
/// Parts between blanks that one date may have: `昭和 20 年 10 月 28 日 生まれ`.
const DATE_PARTS: usize = 8;
/// Which fold the keys have, and up to which running number where they are still being filed anew.
const FOLDED: &str = "people_folded";

/// One page of persons within the actor's reach, by reading.
#[derive(Clone, Debug)]
pub struct Found {
    pub persons: Vec<FoundPerson>,
    /// From 0.
    pub page: usize,
    /// There are more than this page shows.
    pub more: bool,
    /// Why what was typed may have found nobody, in the user's words: a date that is none, nothing to search by.
    pub why_nobody: Option<String>,
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

/// Finds those whose keys hold every piece of the query; a blank query lists all in reach, one of signs alone nobody.
/// Pages of [`LIST_ROWS`], from 0.
pub fn search(ctx: &Ctx, tx: &mut dyn Tx, query: &str, page: usize) -> Result<Shown<Found>, PeopleError> {
    let scope = access::scope(ctx, Act::SeeIdentity)?;
    let page = page.min(MAX_PAGE);
    let sought = sought(query, Date::of(ctx.now));
    let mut persons = match sought.nothing {
        true => vec![],
        false => store::search::page(tx, &scope, &sought.pieces, page)?,
    };
    let more = persons.len() > LIST_ROWS;
    persons.truncate(LIST_ROWS);
    let why_nobody = sought.why_nobody.filter(|_| persons.is_empty());
    let persons = access::shown_rows(ctx, tx, (&[Act::SeeIdentity], &[]), persons, |p| p.id)?;
    Ok(persons.map(|persons| Found { persons, page, more, why_nobody }))
}

/// Whose number this is, or whose contact's: for a call that comes in. At most [`LIST_ROWS`].
pub fn persons_by_phone(ctx: &Ctx, tx: &mut dyn Tx, phone: &PhoneNumber) -> Result<Vec<PersonId>, PeopleError> {
    let scope = access::scope(ctx, Act::SeeContacts)?;
    Ok(store::search::by_phone(tx, &scope, phone)?)
}

/// What a query asks for.
pub(crate) struct Sought {
    pub pieces: Vec<Piece>,
    /// Something was typed, but nothing that a key could hold.
    nothing: bool,
    why_nobody: Option<String>,
}

pub(crate) fn sought(query: &str, today: Date) -> Sought {
    let bounded: String = query.chars().take(LINE_CHARS).collect();
    let parts: Vec<&str> = bounded.split_whitespace().collect();
    let (mut pieces, mut no_date, mut at) = (Vec::new(), None, 0);
    let mut to_come = None;
    while at < parts.len() && pieces.len() < MAX_PIECES {
        // The longest that reads as a date is one, though blanks part it.
        let most = DATE_PARTS.min(parts.len() - at);
        let date = (1..=most).rev().find_map(|n| Some((n, Date::parse(&parts[at..at + n].join(" "))?)));
        if date.is_none() && no_date.is_none() {
            no_date = (1..=most).rev().find_map(|n| form::almost_date(&parts[at..at + n].join(" ")));
        }
        to_come = to_come.or(date.map(|(_, born)| born).filter(|born| *born > today));
        let (length, piece) = match date {
            Some((n, born)) => (n, Some(piece_of_date(&parts[at..at + n], born))),
            None => (1, piece_of_text(parts[at])),
        };
        pieces.extend(piece);
        at += length;
    }
    let nothing = pieces.is_empty() && letters::seen(&bounded).contains(|c: char| !c.is_whitespace());
    // An address may hold a sign, so it is sought; where it finds nobody, that is said.
    let shown = letters::seen(&bounded);
    let signs = shown.contains(|c: char| !c.is_whitespace()) && !shown.contains(char::is_alphanumeric);
    let why_nobody = match (nothing || signs, to_come) {
        (true, _) => Some("文字か数字を入力してください。記号だけでは探せません。".to_owned()),
        (false, Some(born)) => Some(format!("{}は未来の日付です。生年月日をご確認ください。", born.wareki())),
        (false, None) => no_date.map(|why| format!("生年月日としては読めませんでした。{why}")),
    };
    Sought { pieces, nothing, why_nobody }
}

/// Eight digits may be a birthday, and part of a number as well.
fn piece_of_date(parts: &[&str], born: Date) -> Piece {
    match parts {
        [digits] if digits.chars().all(char::is_numeric) => match piece_of_text(digits) {
            Some(Piece::Text { folded, grams }) => Piece::BornOrText { born, folded, grams },
            _ => Piece::Born(born),
        },
        _ => Piece::Born(born),
    }
}

fn piece_of_text(typed: &str) -> Option<Piece> {
    let folded = fold_typed(typed);
    (!folded.is_empty()).then(|| Piece::Text { grams: kana::bigrams(&folded), folded })
}

/// As keys are folded; a telephone number loses its brackets too.
fn fold_typed(typed: &str) -> String {
    let plain: String = typed.nfkc().filter(|c| !letters::is_unseen(*c)).collect();
    let numeric = plain.chars().all(|c| c.is_ascii_digit() || kana::is_dash(c) || "+().・/".contains(c));
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

/// A new register: all its keys will be of this fold.
pub(crate) fn begin(tx: &mut dyn Tx) -> Result<(), PeopleError> {
    Ok(marks::set(tx, FOLDED, &kana::FOLD.to_string())?)
}

/// Files `limit` persons anew whose keys an earlier version folded in its own way; says whether more wait. Until all are
/// filed, those who wait are found by what both ways of folding give, which is nearly everybody.
pub fn file_anew(tx: &mut dyn Tx, limit: usize) -> Result<bool, PeopleError> {
    let this = kana::FOLD.to_string();
    let from = match marks::get(tx, FOLDED)? {
        Some(mark) if mark == this => return Ok(false),
        Some(mark) => mark.split_once(' ').filter(|(fold, _)| *fold == this).and_then(|(_, from)| from.parse().ok()),
        None => None,
    };
    let waiting = store::residents::after(tx, from.unwrap_or(0), limit)?;
    for (_, person) in &waiting {
        match store::residents::fold_anew(tx, *person).map_err(Into::into).and_then(|()| index(tx, *person)) {
            // What cannot be read cannot be folded, and is told where it is shown.
            Err(PeopleError::Db(DbError::Shape { .. })) => {}
            filed => filed?,
        }
    }
    let more = waiting.len() >= limit;
    let mark = waiting.last().filter(|_| more).map(|(serial, _)| format!("{this} {serial}"));
    marks::set(tx, FOLDED, &mark.unwrap_or(this))?;
    Ok(more)
}

/// The pairs, and the last character alone: a single typed character is sought as the beginning of a gram.
fn grams_of_key(folded: &str) -> Vec<String> {
    let mut grams = kana::bigrams(folded);
    grams.extend(folded.chars().last().map(String::from));
    grams
}
