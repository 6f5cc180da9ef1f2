//! 届かなかった通知: what no way could deliver and nobody has read. Whoever may see the person reads here whom to call
//! instead, and says when it is done.

use access::{Act, Witnesses};
use axum::extract::State;
use axum::response::Redirect;
use base::{Ctx, Instant, MessageId, OfficeId, PersonId, Redacted, Role, StaffId};
use db::Tx;
use maud::{Markup, html};
use notify::{AttemptState, LinkPurpose, Receipt, Topic, Undeliverable};
use page::components::{Action, Icon, definitions, empty, link_button, since, tel_button, too_many};
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::PeopleError;

use super::{REACHED_NOBODY, leads_to, parts};
use crate::verbs::Look;

struct Stuck {
    rows: Vec<Row>,
    all: usize,
    role: Role,
}

struct Row {
    message: Undeliverable,
    resident: Option<Redacted<String>>,
    recipient: Recipient,
    ways: Vec<Receipt>,
}

/// Who should have been told, as far as the reader may know it.
#[derive(Default)]
struct Recipient {
    /// 「ケアマネジャー（みほん居宅介護支援事業所）」「長女」「ご本人」
    part: String,
    name: Option<Redacted<String>>,
    phones: Vec<String>,
}

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let stuck = look(&site, &visitor).await?;
    Ok(frame.page("届かなかった通知").body(html! {
        @if let Some(parts) = parts(stuck.role, REACHED_NOBODY, stuck.all) { (parts) }
        @if stuck.rows.is_empty() {
            (empty("届かなかった通知はありません", "どの送り方でも届かず、画面でも読まれていない通知があると、ここに現れます。"))
        } @else {
            p.lead { "どの送り方でも届いていません。電話などで直接伝え、「伝えました」を押してください。" }
            @for row in &stuck.rows { article.card.stack { (card(row, stuck.role, frame.now)) } }
            @if stuck.all > stuck.rows.len() {
                (too_many(stuck.rows.len(), stuck.all, "新しい順です。対応済みにすると、続きが表示されます。"))
            }
        }
    }))
}

pub async fn settle(
    State(site): State<Site>,
    visitor: Visitor,
    Named(message): Named<MessageId>,
    Posted(_): Posted,
) -> Result<Redirect, Problem> {
    let settled = visitor.command(&site, notify::Verb::SettleUndeliverable, move |ctx, tx| {
        Ok(notify::settle_undeliverable(ctx, tx, message)?)
    });
    settled.await?;
    Ok(Redirect::to(REACHED_NOBODY))
}

async fn look(site: &Site, visitor: &Visitor) -> Result<Stuck, Problem> {
    visitor
        .look(site, Look::Undelivered, |ctx, tx| {
            let mut seen = Witnesses::default();
            let (found, all) = seen.take(notify::undeliverable(ctx, tx, notify::rules::INBOX_ROWS)?);
            let mut ways = notify::receipts_of(tx, &found.iter().map(|m| m.message).collect::<Vec<_>>())?;
            let persons: Vec<PersonId> = found.iter().filter_map(|m| m.person).collect();
            let households = seen.take(people::households(ctx, tx, &persons)?);
            let mut rows = Vec::new();
            for message in found {
                let ways = ways.remove(&message.message).unwrap_or_default();
                let resident = message.person.and_then(|person| households.get(&person)).map(|(resident, _)| resident);
                rows.push(read(ctx, tx, message, ways, resident, &mut seen)?);
            }
            Ok(Seen::of(Stuck { rows, all, role: ctx.actor.role }, seen))
        })
        .await
}

/// The list holds only people whom the reader may see.
fn read(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    message: Undeliverable,
    ways: Vec<notify::Receipt>,
    resident: Option<&people::Resident>,
    seen: &mut Witnesses,
) -> Result<Row, Problem> {
    let own = resident.filter(|r| r.id.0 == message.recipient);
    let recipient = match own {
        Some(resident) => Recipient {
            part: "ご本人".to_owned(),
            name: None,
            phones: resident.phones.iter().map(|p| p.shown()).collect(),
        },
        None => recipient(ctx, tx, &message, seen)?,
    };
    Ok(Row { message, resident: resident.map(|r| r.name.clone()), recipient, ways })
}

fn recipient(ctx: &Ctx, tx: &mut dyn Tx, message: &Undeliverable, seen: &mut Witnesses) -> Result<Recipient, Problem> {
    if let Some(staff) = known(people::staff(tx, StaffId(message.recipient)))? {
        let office = people::office(tx, staff.office)?;
        let phones = staff.phone.or(office.phone).iter().map(|p| p.shown()).collect();
        let part = format!("{}（{}）", staff.role.ja(), office.name);
        return Ok(Recipient { part, name: Some(staff.name), phones });
    }
    if let Some(office) = known(people::office(tx, OfficeId(message.recipient)))? {
        let phones = office.phone.iter().map(|p| p.shown()).collect();
        return Ok(Recipient { part: office.name, name: None, phones });
    }
    let contacts = match message.person {
        Some(person) if access::may(ctx, tx, Act::SeeContacts, person) => seen.take(people::contacts(ctx, tx, person)?),
        _ => vec![],
    };
    let contact = contacts.into_iter().find(|c| c.id.0 == message.recipient);
    Ok(contact.map_or_else(
        || Recipient { part: "登録から外れた連絡先".to_owned(), ..Recipient::default() },
        |c| Recipient {
            part: c.relation.ja().to_owned(),
            name: Some(c.name),
            phones: c.phones.iter().map(|p| p.shown()).collect(),
        },
    ))
}

/// An id that names nobody of this kind is no fault.
fn known<T>(found: Result<T, PeopleError>) -> Result<Option<T>, Problem> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(PeopleError::Refused(_) | PeopleError::Db(db::DbError::NoRow)) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

fn card(row: &Row, role: Role, now: Instant) -> Markup {
    let url = format!("/messages/{}/settlement", row.message.message);
    let to = &row.recipient;
    let target = leads_to(role, row.message.topic, row.message.purpose);
    html! {
        h2 { (row.message.topic.ja()) }
        (definitions(&[
            ("伝える相手", html! { (to.part) @if let Some(name) = &to.name { "　" (name.expose()) " さん" } }),
            ("対象の方", html! { @match &row.resident { Some(name) => { (name.expose()) " さん" }, None => "なし（機器・回線のお知らせ）" } }),
            ("送った時刻", html! { (since(row.message.sent_at, now)) }),
            ("届かなかった理由", tried(&row.ways)),
            ("次にすること", html! { (next(row.message.topic, row.message.purpose)) }),
        ]))
        div.buttons {
            @for phone in &to.phones { (tel_button("電話", phone, false)) }
            @if let Some(target) = &target { (link_button(target, "関係する画面を開く")) }
            (Action::post(&url, "伝えました").icon(Icon::Check))
        }
        @if to.phones.is_empty() { p.soft { "電話番号の登録がありません。事務局に登録の確認を依頼してください。" } }
    }
}

fn tried(receipts: &[Receipt]) -> Markup {
    let failed: Vec<&Receipt> = receipts.iter().filter(|r| r.state == AttemptState::Failed).collect();
    html! {
        @if !failed.is_empty() { ul.plain { @for receipt in failed {
            li { (receipt.way.ja()) "：" (notify::rules::failure_ja(receipt.error.as_deref().unwrap_or_default())) }
        } } }
    }
}

fn next(topic: Topic, purpose: Option<LinkPurpose>) -> &'static str {
    match (topic, purpose) {
        (Topic::NoticeAsked, _) => {
            "電話でお変わりないかを確かめてください。確かめられないままのときは、アラートに進みます。"
        }
        (Topic::AlertRaised | Topic::AmbulanceCalled | Topic::CaseTaken | Topic::CaseClosed, _) => {
            "電話で状況を伝えてください。"
        }
        (Topic::CaseOverdue, _) => "電話で伝え、案件を進める人を決めてください。",
        (Topic::VisitRequested, _) => "電話で訪問を依頼してください。難しいときは、ほかの方に依頼してください。",
        (Topic::ConsultationAsked | Topic::NoteWaiting, _) => "電話で、連絡帳の確認を依頼してください。",
        (Topic::GatewaySilent, _) => "「通信断」の一覧を確かめ、事務局に伝えてください。",
        (Topic::AbsenceEntered, _) => "次に連絡するときに伝えてください。",
        (Topic::AccountCreated | Topic::AccountReissued | Topic::AccountSuspended | Topic::AccountReinstated, _) => {
            "本人に電話で伝え、心当たりがあるかを確かめてください。"
        }
        (Topic::AccountRequestWaits, _) => "電話で、「利用者」の「承認を待っている手続き」の確認を依頼してください。",
        (Topic::AccountRequestApproved | Topic::AccountRequestDeclined | Topic::AccountRequestEnded, _) => {
            "次に連絡するときに伝えてください。"
        }
        (Topic::DeliveryTest, _) => "連絡先の登録を確かめてください。",
    }
}
