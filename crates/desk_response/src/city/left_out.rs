//! 読み取れない記録: rows that are missing from their lists, with the person of each, for the city where they live.

use std::collections::BTreeSet;

use access::{Act, Witnesses};
use base::{Ctx, PersonId, Redacted};
use db::{Tx, Unreadable};
use maud::{Markup, html};
use page::components::Table;
use page::problem::Problem;
use people::CityOf;
use response::not_readable;

use crate::call_centre::queue;

/// What there is to say of rows that cannot be read.
#[derive(Default)]
pub struct LeftOut {
    rows: Vec<Row>,
    /// Where the persons of the others live: numbers, and nobody's name.
    of_cities: Vec<CityOf>,
}

struct Row {
    /// Nobody where it is a record of no person, as a setting or an account.
    name: Option<Redacted<String>>,
    kind: &'static str,
    id: String,
}

/// A row that names a resident whom the reader may not know is counted by that resident's city alone.
pub fn read(ctx: &Ctx, tx: &mut dyn Tx, rows: &[Unreadable], seen: &mut Witnesses) -> Result<LeftOut, Problem> {
    let named: Vec<PersonId> = rows.iter().flat_map(|row| &row.names).map(|id| PersonId(*id)).collect();
    let residents = people::residents_among(tx, &named)?;
    let asked: Vec<PersonId> = residents.iter().copied().collect();
    let known: BTreeSet<PersonId> = access::which(ctx, tx, Act::SeeIdentity, &asked);
    let heads = seen.take(people::heads(ctx, tx, &known.iter().copied().collect::<Vec<_>>())?);
    let mut found = LeftOut::default();
    let mut elsewhere = Vec::new();
    for row in rows {
        let person = row.names.iter().map(|id| PersonId(*id)).find(|id| residents.contains(id));
        match person {
            Some(person) if !known.contains(&person) => elsewhere.push(person),
            person => {
                let name = |person| heads.get(person).map_or_else(not_readable, |head| head.name.clone());
                found.rows.push(Row { name: person.map(name), kind: kind(row.list), id: row.id.clone() });
            }
        }
    }
    found.of_cities = people::cities_of(tx, &elsewhere)?;
    Ok(found)
}

/// What a record is called where it is worked with: by the capability whose list it is missing from.
fn kind(list: &str) -> &'static str {
    match list.split('_').next().unwrap_or_default() {
        "access" => "閲覧の許可",
        "audit" => "閲覧と操作の記録",
        "care" => "連絡帳・ケアチーム",
        "notify" => "通知",
        "people" => "台帳",
        "response" => "案件",
        "watch" => "見守り",
        "account" | "signin" => "利用者",
        _ => "その他",
    }
}

pub fn shown(left_out: &LeftOut) -> Markup {
    let mut table = Table::new("読み取れない記録", &["氏名", "記録の種類", "番号"]);
    for row in &left_out.rows {
        let name = row.name.as_ref();
        table = table.row(vec![
            html! { @match name { Some(name) => span.person-name { (name.expose()) }, None => span.soft { "（個人の記録ではありません）" } } },
            html! { (row.kind) },
            html! { code { (row.id) } },
        ]);
    }
    html! {
        @if !left_out.rows.is_empty() {
            (table)
            p.soft { "一覧から外れています。ご本人への影響を確かめ、システム管理者に記録の種類と番号を伝えてください。" }
        }
        @if !left_out.of_cities.is_empty() {
            p { "ほかの市の方の読み取れない記録" }
            (queue::cities(&left_out.of_cities))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn every_list_is_called_something() {
        let sources = walk(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")));
        let mut lists = 0;
        for text in sources {
            for part in text.split(".list(\"").skip(1).chain(text.split("sift(\"").skip(1)) {
                let list = part.split('"').next().unwrap();
                assert!(list == "jotting" || kind(list) != "その他", "{list}");
                lists += 1;
            }
        }
        assert!(lists > 30, "{lists}");
    }

    fn walk(folder: &std::path::Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(walk(&path));
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
        found
    }
}
