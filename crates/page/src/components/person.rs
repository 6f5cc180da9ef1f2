//! The person's head: always the same things in the same place, at every desk. It knows no table and no rule: who may
//! see what was decided before, and what this role may not see is not passed in.

use base::wareki::Date;
use maud::{Markup, html};

use super::icon::{Icon, icon};

/// What matters at the door or on the phone, as icon and word: 独居, 酸素, 難聴, ペット, 鍵.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    pub icon: Icon,
    pub word: String,
}

impl Mark {
    pub fn new(icon: Icon, word: impl Into<String>) -> Mark {
        Mark { icon, word: word.into() }
    }
    pub fn alone() -> Mark {
        Mark::new(Icon::Alone, "独居")
    }
    pub fn oxygen() -> Mark {
        Mark::new(Icon::Oxygen, "酸素")
    }
    pub fn hard_of_hearing() -> Mark {
        Mark::new(Icon::Ear, "難聴")
    }
    pub fn pet(word: &str) -> Mark {
        Mark::new(Icon::Paw, word)
    }
    pub fn key(word: &str) -> Mark {
        Mark::new(Icon::Key, word)
    }
}

#[derive(Clone, Debug, Default)]
pub struct PersonHead<'a> {
    /// As written on paper, 旧字 kept: 「髙橋 サキ子」; family and given name parted by a blank.
    pub name: &'a str,
    /// 「タカハシ サキコ」
    pub kana: &'a str,
    pub age: Option<i32>,
    /// 「女」; empty where the role does not see it.
    pub sex: &'a str,
    pub born: Option<Date>,
    /// 「南山口町」: the area, not the address.
    pub town: &'a str,
    pub marks: &'a [Mark],
    /// Where the name leads, when it leads somewhere.
    pub href: Option<&'a str>,
}

/// The head of a page about one person. Its name is an `h2`: the page's question is the `h1`.
pub fn person_head(person: &PersonHead) -> Markup {
    html! {
        div.person role="group" aria-label="対象者" {
            h2.person-name { (linked(person)) }
            p.person-facts { (facts(person)) }
            (marks(person.marks))
        }
    }
}

/// The same in one line, for a row of a list or a card.
pub fn person_line(person: &PersonHead) -> Markup {
    html! {
        span.person-line {
            span.person-name { (linked(person)) }
            span.person-facts { (facts(person)) }
            (marks(person.marks))
        }
    }
}

pub fn marks(marks: &[Mark]) -> Markup {
    html! {
        @if !marks.is_empty() {
            span.marks { @for mark in marks { span.mark { (icon(mark.icon)) (mark.word) } } }
        }
    }
}

fn linked(person: &PersonHead) -> Markup {
    html! {
        @match person.href {
            Some(href) => { a href=(href) { (ruby(person.name, person.kana)) } }
            None => { (ruby(person.name, person.kana)) }
        }
    }
}

/// The reading above each part of the name; in brackets behind it where the parts do not pair.
fn ruby(name: &str, kana: &str) -> Markup {
    let (names, kanas): (Vec<_>, Vec<_>) = (name.split_whitespace().collect(), kana.split_whitespace().collect());
    html! {
        @if kanas.is_empty() {
            (name)
        } @else if names.len() == kanas.len() {
            @for (index, (name, kana)) in names.iter().zip(&kanas).enumerate() {
                @if index > 0 { " " }
                ruby { (name) rp { "（" } rt { (kana) } rp { "）" } }
            }
        } @else {
            (name) " " small { "（" (kana) "）" }
        }
    }
}

fn facts(person: &PersonHead) -> Markup {
    html! {
        @if let Some(age) = person.age { span { (age) "歳" } }
        @if !person.sex.is_empty() { span { (person.sex) } }
        @if let Some(born) = person.born { span { (born.wareki()) "生" } }
        @if !person.town.is_empty() { span { (person.town) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reading_stands_above_the_part_it_belongs_to() {
        let out = ruby("髙橋 サキ子", "タカハシ サキコ").0;
        assert!(out.contains("<ruby>髙橋<rp>（</rp><rt>タカハシ</rt>"), "{out}");
        assert!(ruby("髙橋サキ子", "タカハシ サキコ").0.contains("<small>（タカハシ サキコ）"));
        assert_eq!(ruby("髙橋 サキ子", "").0, "髙橋 サキ子");
    }

    #[test]
    fn what_a_role_does_not_see_leaves_no_trace() {
        let out = person_head(&PersonHead { name: "見本 花子", town: "南山口町", ..PersonHead::default() }).0;
        assert!(!out.contains('歳') && !out.contains('生') && !out.contains("marks"), "{out}");
    }
}
