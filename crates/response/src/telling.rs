//! Who gets a message about a case, by which ways. Written in the transaction of the step itself, so that no step is
//! taken without its message; carried out by `notify` afterwards. Messages name nobody.

use access::Ground;
use base::{Actor, CaseId, Ctx, NoteId, PersonId, Redacted, StaffId, limits};
use care::{Addressee, Importance, NewNote, NoteKind, Visibility};
use db::Tx;
use notify::{LinkPurpose, NewMessage, Recipient, Topic, Way};
use uuid::Uuid;

use crate::{Case, ResponseError, Rung, Visit};

/// Tells the relatives whom the resident lets know of alerts: that there is one, that it was taken, that it ended.
pub fn family(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, topic: Topic) -> Result<(), ResponseError> {
    for relative in access::holders(ctx, tx, case.person, Ground::FamilyAlerts)? {
        let ways = [Way::Screen, Way::Mail, Way::Sms];
        send(ctx, tx, case.person, relative, topic, &ways, LinkPurpose::OpenCase { case: case.id })?;
    }
    Ok(())
}

/// Tells the same relatives at once that an ambulance was called; who reads no text is rung up by the machine as well.
/// The call centre's own call to them is not spared by it.
pub fn family_of_ambulance(ctx: &Ctx, tx: &mut dyn Tx, case: &Case) -> Result<(), ResponseError> {
    for relative in access::holders(ctx, tx, case.person, Ground::FamilyAlerts)? {
        let link = LinkPurpose::OpenCase { case: case.id };
        send(ctx, tx, case.person, relative, Topic::AmbulanceCalled, &PRESSING, link)?;
    }
    Ok(())
}

/// Asks the visitor to go. Whoever cannot be reached by text is rung up.
pub fn visitor(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, visit: &Visit) -> Result<(), ResponseError> {
    let link = LinkPurpose::VisitRequest { visit: visit.id };
    send(ctx, tx, case.person, visit.visitor.uuid(), Topic::VisitRequested, &PRESSING, link)
}

pub fn doctor(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, doctor: StaffId, note: NoteId) -> Result<(), ResponseError> {
    send(ctx, tx, case.person, doctor.0, Topic::ConsultationAsked, &PRESSING, LinkPurpose::OpenNote { note })
}

/// Tells the next in line that a limit is over. The shift lead sits at the desk and sees it there.
pub fn next_in_line(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, rung: Rung, recipient: Uuid) -> Result<(), ResponseError> {
    let ways: &[Way] = if rung == Rung::ShiftLead { &[Way::Screen] } else { &PRESSING };
    send(ctx, tx, case.person, recipient, Topic::CaseOverdue, ways, LinkPurpose::OpenCase { case: case.id })
}

/// Tells the city of a case that cannot be read and therefore worked here.
pub fn city_of_unreadable(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    person: PersonId,
    city: Uuid,
) -> Result<(), ResponseError> {
    send(ctx, tx, person, city, Topic::CaseOverdue, &PRESSING, LinkPurpose::OpenCase { case })
}

/// Writes into the notebook, for the whole team, what a case came to: an ambulance at once, and every end that was not
/// safe. In the program's own name, because the call centre has no notebook.
pub fn team(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, kind: NoteKind, words: &str) -> Result<(), ResponseError> {
    let own = Ctx::new(Actor::system("response"), ctx.purpose, ctx.now, ctx.id());
    let words: String = words.chars().take(limits::TEXT_CHARS / 2).collect();
    let note = NewNote {
        person: case.person,
        kind,
        subject: Redacted::new(format!("見守りの対応（受付番号{}）", case.number)),
        body: Redacted::new(format!("{words}\n\n検知の理由：{}", case.reason)),
        addressees: vec![Addressee::Team],
        importance: if kind == NoteKind::Urgent { Importance::Urgent } else { Importance::Important },
        reply_by: None,
        visibility: Visibility::Team,
        case: Some(case.id),
    };
    care::write_note(&own, tx, note)?;
    Ok(())
}

/// Text first, because it can be read again; a call when no text arrives.
const PRESSING: [Way; 4] = [Way::Screen, Way::Sms, Way::Mail, Way::Phone];

/// Leaves out the ways for which nothing is known; SMS goes to mobile telephones only. Who cannot be reached at all is
/// still told on the screen.
fn send(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    to: Uuid,
    topic: Topic,
    ways: &[Way],
    link: LinkPurpose,
) -> Result<(), ResponseError> {
    let reach = people::reach(tx, to)?;
    let mail = reach.as_ref().and_then(|r| r.email.clone());
    let phones = reach.map(|r| r.phones).unwrap_or_default();
    let mobile = phones.iter().any(|p| p.is_mobile());
    // The first mobile number serves both SMS and voice, else the first number voice only.
    let phone = phones.iter().find(|p| p.is_mobile()).or(phones.first()).map(|p| p.redacted());
    let known = |way: &Way| match way {
        Way::Screen => true,
        Way::Mail => mail.is_some(),
        Way::Sms => mobile,
        Way::Phone => phone.is_some(),
    };
    let ways: Vec<Way> = ways.iter().copied().filter(known).collect();
    let message = NewMessage {
        to: Recipient { id: to, mail: mail.clone(), phone: phone.clone() },
        person: Some(person),
        topic,
        ways,
        link: Some(link),
    };
    notify::send(ctx, tx, &message)?;
    Ok(())
}
