//! The person's head as every desk shows it: the same things in the same place, from what the register gave this
//! reader. What the reader may not see was left out by `people` and leaves no trace here.

use access::Witnesses;
use base::wareki::Date;
use base::{Ctx, PersonId};
use db::Tx;
use maud::Markup;
use page::components::{Icon, Mark, PersonHead, person_head, person_line};
use page::problem::Problem;
use people::{EntryMethod, Home, Household, Mark as Known, Resident, Sex};

/// Owned, so that it leaves the reader thread.
#[derive(Clone, Debug)]
pub struct Head {
    name: String,
    kana: String,
    age: i32,
    sex: &'static str,
    born: Date,
    town: String,
    marks: Vec<Mark>,
}

impl Head {
    pub fn of(person: &Resident, home: &Home, today: Date) -> Head {
        Head {
            name: person.name.expose().clone(),
            kana: person.kana.expose().clone(),
            age: person.age_on(today),
            sex: if person.sex == Sex::Unknown { "" } else { person.sex.ja() },
            born: person.birth,
            town: home.town.clone(),
            marks: marks(person, home),
        }
    }

    /// On top of a page about one person.
    pub fn large(&self) -> Markup {
        person_head(&self.parts(None))
    }

    /// In a row or card; the name leads to `href`.
    pub fn line(&self, href: Option<&str>) -> Markup {
        person_line(&self.parts(href))
    }

    fn parts<'a>(&'a self, href: Option<&'a str>) -> PersonHead<'a> {
        PersonHead {
            name: &self.name,
            kana: &self.kana,
            age: Some(self.age),
            sex: self.sex,
            born: Some(self.born),
            town: &self.town,
            marks: &self.marks,
            href,
        }
    }
}

/// The head of somebody the reader may identify.
pub fn head_of(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, seen: &mut Witnesses) -> Result<Head, Problem> {
    let (resident, home) =
        (seen.take(people::resident(ctx, tx, person)?), seen.take(people::home_of(ctx, tx, person)?));
    Ok(Head::of(&resident, &home, Date::of(ctx.now)))
}

/// 独居 first, then what whoever calls or visits must know, then the key where the way in is shown.
fn marks(person: &Resident, home: &Home) -> Vec<Mark> {
    let mut marks = Vec::new();
    let alone = matches!(person.household, Household::Alone | Household::AloneByDay);
    if alone {
        marks.push(Mark::new(Icon::Alone, person.household.ja()));
    }
    let others = person.marks.iter().filter(|m| !(alone && **m == Known::LivesAlone));
    marks.extend(others.map(|m| Mark::new(shape(*m), m.ja())));
    if home.entry_shown && !matches!(home.entry, EntryMethod::None | EntryMethod::Unknown) {
        marks.push(Mark::key(home.entry.ja()));
    }
    marks
}

fn shape(mark: Known) -> Icon {
    match mark {
        Known::LivesAlone => Icon::Alone,
        Known::Oxygen => Icon::Oxygen,
        Known::HardOfHearing => Icon::Ear,
        Known::LowVision => Icon::Eye,
        Known::Speech | Known::SignLanguage | Known::ForeignLanguage => Icon::Chat,
        Known::Writing => Icon::Note,
        Known::Forgetful => Icon::Info,
        Known::Wheelchair | Known::Stairs => Icon::Walk,
        Known::Pet => Icon::Paw,
    }
}
