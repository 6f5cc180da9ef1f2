//! 通知: what was sent to whoever is signed in, by which way and when; and, for those who can call instead, what reached
//! nobody. It names a person only to whom the person's record is open anyway.

mod own;
mod reached_nobody;
#[cfg(test)]
mod tests;

use axum::extract::State;
use axum::response::Redirect;
use base::{MessageId, Role};
use maud::Markup;
use notify::{InboxItem, LinkPurpose, Topic};
use page::address;
use page::components::{Tab, tabs};
use page::door::{Door, Who};
use page::frame::{MESSAGE_COUNT, MESSAGES, home};
use page::layout;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::Visitor;

/// Everybody who can have an account.
const READERS: Who = Who::Roles(&[
    Role::Doctor,
    Role::Nurse,
    Role::Pharmacist,
    Role::CareManager,
    Role::CareWorker,
    Role::Operator,
    Role::SupportCentre,
    Role::CityOfficer,
    Role::Commissioner,
    Role::Administrator,
    Role::Auditor,
    Role::Family,
    Role::Resident,
]);
/// Who can tell somebody by other means what no message could.
const CALLERS: &[Role] = &[Role::Operator, Role::CityOfficer, Role::Administrator];
const REACHED_NOBODY: &str = "/messages/undelivered";

pub fn doors() -> Vec<Door> {
    vec![
        Door::look(MESSAGES, READERS, own::page),
        Door::look("/messages/list", READERS, own::fragment).renewing(),
        Door::plain(MESSAGE_COUNT, Who::SignedIn, count).renewing(),
        Door::command("/messages/{message}/reading", READERS, read),
        Door::look(REACHED_NOBODY, Who::Roles(CALLERS), reached_nobody::page),
        Door::command("/messages/{message}/settlement", Who::Roles(CALLERS), reached_nobody::settle),
    ]
}

async fn count(visitor: Visitor) -> Markup {
    layout::live_count(MESSAGE_COUNT, visitor.unread())
}

/// Opening a message is its receipt; then to what it is about.
async fn read(
    State(site): State<Site>,
    visitor: Visitor,
    Named(message): Named<MessageId>,
    Posted(_): Posted,
) -> Result<Redirect, Problem> {
    let role = visitor.role();
    let target = visitor.command(&site, notify::Verb::MarkRead, move |ctx, tx| {
        let item = notify::mark_read(ctx, tx, message)?;
        Ok(way_on(ctx, tx, &item))
    });
    Ok(Redirect::to(&target.await?.unwrap_or_else(|| match role {
        Role::Link | Role::Gateway | Role::System => home(None).to_owned(),
        _ => MESSAGES.to_owned(),
    })))
}

/// Where a message leads its reader now; `None` where there is nothing, or nothing that is still open to them.
fn way_on(ctx: &base::Ctx, tx: &mut dyn db::Tx, item: &InboxItem) -> Option<String> {
    let known = item.person.is_none_or(|person| access::may(ctx, tx, access::Act::SeeIdentity, person));
    way_of(ctx, item, known)
}

/// The same, where it is known whether the reader may identify whom the message is about.
fn way_of(ctx: &base::Ctx, item: &InboxItem, known: bool) -> Option<String> {
    let target = leads_to(ctx.actor.role, item.topic, item.purpose)?;
    // A family's own page is always theirs; all else is about a person whose case or visit may be over.
    let own = target == home(Some(ctx.actor.role));
    (own || known).then_some(target)
}

/// The page that a message is about, for this role. Made of ids alone.
pub fn leads_to(role: Role, topic: Topic, purpose: Option<LinkPurpose>) -> Option<String> {
    use Role::{CareManager, CareWorker, CityOfficer, Commissioner, Doctor, Family, Nurse, Operator, Pharmacist};
    use Role::{Resident, SupportCentre};
    let own = matches!(role, Family | Resident).then(|| home(Some(role)).to_owned());
    match purpose {
        Some(LinkPurpose::AnswerNotice { .. }) => own,
        Some(LinkPurpose::OpenCase { case }) => match role {
            Operator | CareManager | Nurse | Doctor | SupportCentre | CityOfficer => Some(address::case(case)),
            _ => own,
        },
        Some(LinkPurpose::VisitRequest { visit }) => match role {
            CareManager | Nurse | CareWorker | Doctor | Commissioner | SupportCentre | Family => {
                Some(address::visit(visit))
            }
            _ => None,
        },
        Some(LinkPurpose::OpenNote { note }) => match role {
            Doctor | Nurse | Pharmacist | CareManager | CareWorker => Some(address::note(note)),
            _ => None,
        },
        None => match (topic, role) {
            (Topic::GatewaySilent, Role::Administrator | CityOfficer) => Some(address::LINES.to_owned()),
            (topic, Role::Administrator) if topic.of_account_request() => Some(address::ACCOUNTS.to_owned()),
            _ => own,
        },
    }
}

/// One's own messages and those that reached nobody, for those who see both.
fn parts(role: Role, current: &str, stuck: usize) -> Option<Markup> {
    let tab = |href, label, count| Tab { href, label, count, current: href == current };
    let stuck = (stuck > 0).then_some(stuck);
    CALLERS
        .contains(&role)
        .then(|| tabs("通知", &[tab(MESSAGES, "自分あて", None), tab(REACHED_NOBODY, "届かなかった通知", stuck)]))
}
