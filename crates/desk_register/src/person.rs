//! A resident in the register: who it is, where they live, how one gets in, what to mind; and the state of the record.

use access::Witnesses;
use axum::extract::State;
use axum::response::Redirect;
use base::wareki::Date;
use base::{PersonId, Role};
use maud::{Markup, html};
use page::address;
use page::components::{definitions, ja_date, ja_date_both, link_button, map_link, select_field, submit};
use page::door::Door;
use page::frame::Frame;
use page::named::Named;
use page::options;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{Home, PostalCode, Provenance, Resident, Source};
use signin::Account;

use super::account_pages::{Subject, account_panel};
use super::heads::{Part, life_chip, person_pages};
use super::new_resident::keeps;
use super::{OFFICE, READERS};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/register/{person}", READERS, facts_page),
        Door::command("/register/{person}/confirmation", OFFICE, confirm),
    ]
}

struct Record {
    resident: Resident,
    home: Home,
    together: Vec<PersonId>,
    account: Option<Account>,
    may_set_watch: bool,
}

async fn facts_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let role = visitor.role();
    let record = visitor
        .look(&site, Look::RegisterPerson, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let resident = seen.take(people::resident(ctx, tx, person)?);
            let home = seen.take(people::home_of(ctx, tx, person)?);
            let together = seen.take(people::residents_of_home(ctx, tx, home.id)?);
            let account = signin::find_account(tx, person.0.into()).ok();
            let sets = matches!(role, Role::Administrator | Role::CityOfficer);
            let may_set_watch = sets && access::may(ctx, tx, access::Act::SetWatch, person);
            Ok(Seen::of(Record { resident, home, together, account, may_set_watch }, seen))
        })
        .await?;
    Ok(page(&frame, &visitor, &record))
}

fn page(frame: &Frame, visitor: &Visitor, record: &Record) -> Markup {
    let Record { resident, home, together, account, may_set_watch } = record;
    let (today, keeps) = (Date::of(frame.now), keeps(visitor));
    let base = format!("/register/{}", resident.id);
    frame.page("対象者の登録内容").heading_hidden().body(html! {
        (person_pages(resident, home, today, Part::Facts))
        section.stack {
            h2 { "ご本人" }
            (definitions(&person_facts(resident)))
            p.soft { (provenance(&resident.provenance)) }
            @if keeps {
                div.buttons {
                    (link_button(&format!("{base}/edit"), "訂正する"))
                    (link_button(&format!("{base}/life"), "入院・入所・転出など"))
                }
                details {
                    summary { "きょう内容を確認したことを記録する" }
                    form.stack.card method="post" action={ (base) "/confirmation" } {
                        p { "ここに表示されている内容を確かめ、変わりがなかったときに記録します。確認日がきょうになります。" }
                        (select_field("source", "どなたに確かめましたか", &options!(Source), Source::Oneself.key(), None))
                        (submit("確認を記録する"))
                    }
                }
            }
        }
        section.stack {
            h2 { "住まい" }
            (definitions(&home_facts(home)))
            p.soft { (provenance(&home.provenance)) }
            @let others = together.iter().filter(|p| **p != resident.id).count();
            @if others > 0 {
                p { "同じ住まいに登録されている方："
                    @for (n, other) in together.iter().filter(|p| **p != resident.id).enumerate() {
                        @if n > 0 { "、" }
                        a href={ "/register/" (other) } { "同居の方" (n + 1) }
                    }
                }
            }
            div.buttons {
                @if keeps {
                    (link_button(&format!("{base}/home/edit"), "住まいを訂正する"))
                    (link_button(&address::devices(home.id), "見守りの契約と機器"))
                }
                @if *may_set_watch { (link_button(&address::watch_settings(home.id), "見守りの設定")) }
                @if keeps {
                    (link_button(&format!("{base}/move"), "転居を登録する"))
                    (link_button(&format!("/register/new?home={}", home.id), "同居の方を登録する"))
                }
            }
        }
        @if keeps {
            section.stack {
                h2 { "ご本人の利用者登録" }
                (account_panel(Subject::Resident, resident.id.0, account.as_ref()))
            }
        }
    })
}

fn person_facts(r: &Resident) -> Vec<(&'static str, Markup)> {
    let phones: Vec<String> = r.phones.iter().map(|p| p.shown()).collect();
    vec![
        ("対象者番号", html! { (r.number) }),
        ("生年月日", html! { (ja_date_both(r.birth)) }),
        ("性別", html! { (r.sex.ja()) }),
        ("世帯区分", html! { (r.household.ja()) }),
        ("状態", html! { (life_chip(r.life)) " " (r.life_since.wareki()) "から" }),
        ("電話", html! { (phones.join("、")) }),
        ("FAX", html! { (r.fax.as_ref().map_or(String::from("なし"), |f| f.shown())) }),
        ("メール", html! { (r.email.as_ref().map_or("なし", |e| e.expose().as_str())) }),
        ("留意点", if r.risks_shown { risk_notes(r) } else { not_yours() }),
    ]
}

fn risk_notes(r: &Resident) -> Markup {
    let notes = r.risk_notes.expose();
    html! { @if notes.is_empty() { "特になし" } @else { (notes) } }
}

fn home_facts(h: &Home) -> Vec<(&'static str, Markup)> {
    let postal = PostalCode::parse(h.postal.expose()).map(|p| format!("〒{}", p.shown())).unwrap_or_default();
    vec![
        ("住所", html! { (postal) " " (map_link(h.address().expose(), h.lat.zip(h.lon))) }),
        ("日常生活圏域", html! { (h.area) }),
        ("町内会・自治会", html! { (h.neighbourhood) }),
        ("住居", html! { (h.dwelling.ja()) }),
        (
            "間取りなど",
            if h.layout_shown {
                html! { (h.layout_note.expose()) }
            } else {
                not_yours()
            },
        ),
        (
            "入室方法",
            if h.entry_shown {
                html! { (h.entry.ja()) @if !h.entry_note.expose().is_empty() { "（" (h.entry_note.expose()) "）" } }
            } else {
                not_yours()
            },
        ),
    ]
}

/// Not unknown: known, and not for this role.
fn not_yours() -> Markup {
    html! { span.soft { "この役割には表示されません" } }
}

/// 「出どころ：本人　確認日：令和8年4月1日　登録：令和8年11月22日」
fn provenance(p: &Provenance) -> Markup {
    html! {
        "出どころ：" (p.source.ja())
        "／確認日：" (p.confirmed_on.map_or("なし".to_owned(), |d| d.wareki()))
        "／登録：" (ja_date(p.entered_at))
    }
}

async fn confirm(
    State(site): State<Site>,
    visitor: Visitor,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Redirect, Problem> {
    let source = Source::from_key(form.one("source")).unwrap_or(Source::Other);
    visitor
        .command(&site, people::Verb::ConfirmResident, move |ctx, tx| {
            Ok(people::confirm_resident(ctx, tx, person, source)?)
        })
        .await?;
    Ok(Redirect::to(&format!("/register/{person}")))
}
