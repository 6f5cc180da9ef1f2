//! The fields of a resident and of a home, for the form that registers and the ones that correct; and what stands in
//! them when they are opened for correction.

use base::wareki::Date;
use maud::{Markup, html};
use page::draft::Draft;
use page::options;
use people::{
    Contact, ContactRole, Dwelling, EntryMethod, Home, Household, Mark, PostalCode, Relation, Resident, Sex, Source,
};

pub fn resident_fields(draft: &Draft) -> Markup {
    html! {
        (draft.text("name", "氏名").hint("姓と名の間を空けてください。旧字もそのまま入力できます。").required())
        (draft.kana("kana", "フリガナ").required())
        (draft.date("birth", "生年月日").required())
        (draft.radio("sex", "性別", &options!(Sex)).optional())
        (draft.radio("household", "世帯区分", &options!(Household)).required())
        (draft.phones("phone", "電話番号", "電話をかける順に入力してください。"))
        (draft.tel("fax", "FAX番号"))
        (draft.email("email", "メールアドレス"))
        (draft.checks("mark", "電話や訪問のときの留意点", &options!(Mark)))
        (draft.area("risk_notes", "留意点の補足", 3).hint("例：耳が遠いため、ゆっくり話す。玄関に犬。病名は書かないでください。"))
        (provenance_fields(draft, "source", "confirmed_on"))
    }
}

pub fn home_fields(draft: &Draft) -> Markup {
    html! {
        (draft.tel("postal", "郵便番号").hint("例：489-0000"))
        (draft.number("city_code", "市区町村コード").hint("全国地方公共団体コード5桁（検査数字を付けた6桁でも入力できます）。").required())
        (draft.text("city", "都道府県・市区町村").required())
        (draft.text("town", "町名・大字").required())
        (draft.text("line", "番地").required())
        (draft.text("building", "建物名・部屋番号"))
        (draft.text("area", "日常生活圏域").hint("期限を過ぎた案件が、この圏域の地域包括支援センターに知らされます。"))
        (draft.text("neighbourhood", "町内会・自治会"))
        (draft.select("dwelling", "住居", &options!(Dwelling), Some("選択しない")))
        (draft.area("layout_note", "普段いる場所・寝室の位置・間取り", 2))
        (draft.radio("entry", "入室方法", &options!(EntryMethod)))
        (draft.area("entry_note", "入室方法の補足", 2).hint("鍵の保管者や場所。案件の対応中など、必要なときだけ表示されます。"))
        details {
            summary { "地図の位置を入力する" }
            (draft.number("lat", "緯度").hint("例：35.2237（分からなければ空けてください）").longest(20))
            (draft.number("lon", "経度").hint("例：137.0842").longest(20))
        }
        (provenance_fields(draft, "home_source", "home_confirmed_on"))
    }
}

/// Fields of a contact; `prefix` parts them from the resident's where both stand in one form.
pub fn contact_fields(draft: &Draft, prefix: &str) -> Markup {
    let name = |field: &str| format!("{prefix}{field}");
    html! {
        // Beside a resident's own fields the whole contact may be left out.
        @let (field, title) = (name("name"), "連絡先の氏名");
        @if prefix.is_empty() { (draft.text(&field, title).required()) } @else { (draft.text(&field, title)) }
        (draft.kana(&name("kana"), "連絡先のフリガナ"))
        (draft.select(&name("relation"), "続柄", &relations(), Some("選んでください")))
        (draft.phones(&name("phone"), "連絡先の電話番号", "電話をかける順に。電話番号かメールアドレスのどちらかが必要です。"))
        (draft.email(&name("email"), "連絡先のメールアドレス"))
        (draft.checks(&name("role"), "役割", &options!(ContactRole)))
        (draft.yes(&name("lives_with"), "ご本人と同居している"))
        (draft.text(&name("address"), "連絡先の住所"))
        (draft.text(&name("reachable"), "連絡のつく時間帯").hint("例：平日は18時以降"))
        (draft.number(&name("minutes_away"), "到着までの目安（分）"))
        (draft.date(&name("accepted_on"), "承諾日").hint("緊急連絡先・協力員として承諾書をいただいた日"))
        (draft.select(&name("source"), "情報の出どころ", &options!(Source), None))
        (draft.date(&name("confirmed_on"), "確認日"))
    }
}

fn provenance_fields(draft: &Draft, source: &str, confirmed: &str) -> Markup {
    html! {
        (draft.select(source, "情報の出どころ", &options!(Source), None))
        (draft.date(confirmed, "確認日").hint("内容を最後に確かめた日。例：令和8年11月22日、2026-11-22"))
    }
}

/// Nobody is their own contact.
fn relations() -> Vec<(&'static str, &'static str)> {
    Relation::ALL.iter().filter(|r| **r != Relation::Oneself).map(|r| (r.key(), r.ja())).collect()
}

pub fn resident_on_record(resident: &Resident) -> Draft {
    let mut pairs = vec![
        ("name", resident.name.expose().clone()),
        ("kana", resident.kana.expose().clone()),
        ("birth", resident.birth.wareki()),
        ("sex", resident.sex.key().into()),
        ("household", resident.household.key().into()),
        ("risk_notes", resident.risk_notes.expose().clone()),
        ("source", resident.provenance.source.key().into()),
        ("confirmed_on", day(resident.provenance.confirmed_on)),
        ("version", resident.version.to_string()),
    ];
    pairs.extend(resident.phones.iter().map(|p| ("phone", p.shown())));
    pairs.extend(resident.fax.iter().map(|p| ("fax", p.shown())));
    pairs.extend(resident.email.iter().map(|e| ("email", e.expose().clone())));
    pairs.extend(resident.marks.iter().map(|m| ("mark", m.key().to_owned())));
    Draft::on_record(pairs)
}

pub fn home_on_record(home: &Home) -> Draft {
    let postal = PostalCode::parse(home.postal.expose()).map(|p| p.shown()).unwrap_or_default();
    let degrees = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    Draft::on_record(vec![
        ("postal", postal),
        ("city_code", home.city_code.clone()),
        ("city", home.city.clone()),
        ("town", home.town.clone()),
        ("line", home.line.expose().clone()),
        ("building", home.building.expose().clone()),
        ("area", home.area.clone()),
        ("neighbourhood", home.neighbourhood.clone()),
        ("dwelling", home.dwelling.key().into()),
        ("layout_note", home.layout_note.expose().clone()),
        ("entry", home.entry.key().into()),
        ("entry_note", home.entry_note.expose().clone()),
        ("lat", degrees(home.lat)),
        ("lon", degrees(home.lon)),
        ("home_source", home.provenance.source.key().into()),
        ("home_confirmed_on", day(home.provenance.confirmed_on)),
        ("version", home.version.to_string()),
    ])
}

pub fn contact_on_record(contact: &Contact) -> Draft {
    let mut pairs = vec![
        ("name", contact.name.expose().clone()),
        ("kana", contact.kana.expose().clone()),
        ("relation", contact.relation.key().to_owned()),
        ("address", contact.address.expose().clone()),
        ("reachable", contact.reachable.clone()),
        ("minutes_away", contact.minutes_away.map(|m| m.to_string()).unwrap_or_default()),
        ("accepted_on", day(contact.accepted_on)),
        ("source", contact.provenance.source.key().into()),
        ("confirmed_on", day(contact.provenance.confirmed_on)),
        ("version", contact.version.to_string()),
    ];
    if contact.lives_with {
        pairs.push(("lives_with", "yes".into()));
    }
    pairs.extend(contact.phones.iter().map(|p| ("phone", p.shown())));
    pairs.extend(contact.email.iter().map(|e| ("email", e.expose().clone())));
    pairs.extend(contact.roles.iter().map(|r| ("role", r.key().to_owned())));
    Draft::on_record(pairs)
}

/// A day as it is typed again; blank where none is known.
pub fn day(date: Option<Date>) -> String {
    date.map(|d| d.wareki()).unwrap_or_default()
}
