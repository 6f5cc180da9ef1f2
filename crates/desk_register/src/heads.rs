//! The head of a resident's pages in the register: the same person, the same tabs, whatever the page is about.

use base::wareki::Date;
use maud::{Markup, html};
use page::components::{PersonHead, State, Tab, chip, person_line, tabs};
use parts::head::Head;
use people::{FoundPerson, Home, LifeStatus, Resident};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Facts,
    Contacts,
    Team,
    Consents,
    History,
}

/// Name, marks, state of the record and the tabs.
pub fn person_pages(resident: &Resident, home: &Home, today: Date, part: Part) -> Markup {
    let base = format!("/register/{}", resident.id);
    let address = |end: &str| format!("{base}{end}");
    let all = [
        (Part::Facts, address(""), "基本情報"),
        (Part::Contacts, address("/contacts"), "連絡先"),
        (Part::Team, address("/team"), "ケアチーム"),
        (Part::Consents, address("/consents"), "同意"),
        (Part::History, address("/history"), "変更履歴"),
    ];
    let shown: Vec<Tab<'_>> =
        all.iter().map(|(p, href, label)| Tab { href, label, count: None, current: *p == part }).collect();
    html! {
        (Head::of(resident, home, today).large())
        @if resident.life != LifeStatus::AtHome { p { (life_chip(resident.life)) } }
        (tabs("この方の登録", &shown))
    }
}

/// One found person as a line of a list.
pub fn found_line(person: &FoundPerson, today: Date, href: &str) -> Markup {
    person_line(&PersonHead {
        name: person.name.expose(),
        kana: person.kana.expose(),
        age: Some(person.birth.age_on(today)),
        sex: person.sex.ja(),
        born: Some(person.birth),
        town: &person.town,
        marks: &[],
        href: Some(href),
    })
}

pub fn life_chip(life: LifeStatus) -> Markup {
    let state = match life {
        // The ordinary state needs no colour.
        LifeStatus::AtHome => return html! { (life.ja()) },
        LifeStatus::InHospital | LifeStatus::InFacility => State::InProgress,
        LifeStatus::MovedOut | LifeStatus::Dead => State::Done,
    };
    chip(state, life.ja())
}
