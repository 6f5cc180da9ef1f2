//! 届かなかった通知: what no way could deliver and nobody has read. Whoever may see the person reads here whom to call
//! instead, and says when it is done.

use std::collections::BTreeMap;

use access::Witnesses;
use axum::extract::State;
use axum::response::Redirect;
use base::{ContactId, Ctx, Instant, MessageId, OfficeId, PersonId, Redacted, Role, StaffId};
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
use people::{Contact, OfficeHead, PhoneNumber, Resident, Staff};
use uuid::Uuid;

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
            let known = Known::of(ctx, tx, &found, &mut seen)?;
            let rows = found
                .into_iter()
                .map(|message| {
                    let ways = ways.remove(&message.message).unwrap_or_default();
                    let resident = message.person.and_then(|person| households.get(&person)).map(|(it, _)| it);
                    let recipient = known.recipient(&message, resident);
                    Row { message, resident: resident.map(|r| r.name.clone()), recipient, ways }
                })
                .collect();
            Ok(Seen::of(Stuck { rows, all, role: ctx.actor.role }, seen))
        })
        .await
}

/// Those among the recipients whom the register knows, read in a handful of statements.
struct Known {
    staff: BTreeMap<StaffId, Staff>,
    /// Theirs, and those that are recipients themselves.
    offices: BTreeMap<OfficeId, OfficeHead>,
    contacts: BTreeMap<ContactId, Contact>,
}

impl Known {
    fn of(ctx: &Ctx, tx: &mut dyn Tx, all: &[Undeliverable], seen: &mut Witnesses) -> Result<Known, Problem> {
        let ids: Vec<Uuid> = all.iter().map(|m| m.recipient).collect();
        let staff = people::staff_of_ids(tx, &ids.iter().copied().map(StaffId).collect::<Vec<_>>())?;
        let offices = staff.values().map(|s| s.office).chain(ids.iter().copied().map(OfficeId));
        let offices = people::office_heads(tx, &offices.collect::<Vec<_>>())?;
        let contacts = people::contacts_of_ids(ctx, tx, &ids.iter().copied().map(ContactId).collect::<Vec<_>>())?;
        Ok(Known { staff, offices, contacts: seen.take(contacts) })
    }

    fn recipient(&self, message: &Undeliverable, resident: Option<&Resident>) -> Recipient {
        let shown = |phones: &[PhoneNumber]| phones.iter().map(PhoneNumber::shown).collect();
        if let Some(own) = resident.filter(|r| r.id.0 == message.recipient) {
            return Recipient { part: "ご本人".to_owned(), name: None, phones: shown(&own.phones) };
        }
        if let Some(staff) = self.staff.get(&StaffId(message.recipient)) {
            let office = self.offices.get(&staff.office);
            let phone = staff.phone.clone().or_else(|| office.and_then(|office| office.phone.clone()));
            let office = office.map_or(String::new(), |office| format!("（{}）", office.name));
            let part = format!("{}{office}", staff.role.ja());
            return Recipient { part, name: Some(staff.name.clone()), phones: shown(phone.as_slice()) };
        }
        if let Some(office) = self.offices.get(&OfficeId(message.recipient)) {
            return Recipient { part: office.name.clone(), name: None, phones: shown(office.phone.as_slice()) };
        }
        match self.contacts.get(&ContactId(message.recipient)).filter(|c| Some(c.person) == message.person) {
            Some(contact) => Recipient {
                part: contact.relation.ja().to_owned(),
                name: Some(contact.name.clone()),
                phones: shown(&contact.phones),
            },
            None => Recipient { part: "登録から外れた連絡先".to_owned(), ..Recipient::default() },
        }
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
