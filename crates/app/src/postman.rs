//! Events of the watch become messages: a gentle question to resident and relatives, an absence that a relative
//! entered, a line that fell silent. The case's own messages are sent by `response`. A message is written in a command
//! of its own; while the program is down, nobody hears a question, and the watch's own next step, the alert, still comes.

use access::Ground;
use base::{AlertId, Clock, Ctx, GatewayId, PersonId};
use db::outbox::Event;
use notify::{LinkPurpose, NewMessage, Recipient, Topic, Way};
use people::{OfficeKind, TeamPart};
use serde_json::Value as Json;
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;
use web::problem::Problem;
use web::site::Site;

use crate::rounds::system;

/// The gateway whose credential an event ended: its connections are to be closed.
pub fn dismissed_gateway(event: &Event) -> Option<GatewayId> {
    (event.topic == "watch.gateway_credential").then(|| id(&event.body, "gateway").map(GatewayId)).flatten()
}

/// Writes a message for each event that asks for one, for as long as events come.
pub async fn run(site: &Site, clock: &Clock, mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        let Some(errand) = Errand::of(&event) else { continue };
        let ctx = system("postman", clock);
        if let Err(error) = site.db().write(move |tx| errand.run(&ctx.clone(), tx)).await {
            tracing::error!(topic = %event.topic, seq = event.seq, ?error, "a message could not be written");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Errand {
    AskIfWell { alert: AlertId, person: PersonId },
    TellOfAbsence { person: PersonId },
    TellOfSilentLine,
}

impl Errand {
    fn of(event: &Event) -> Option<Errand> {
        let person = || id(&event.body, "person").map(PersonId);
        match event.topic.as_str() {
            "watch.alert_raised" if word(&event.body, "level").as_deref() == Some("notice") => {
                Some(Errand::AskIfWell { alert: AlertId(id(&event.body, "alert")?), person: person()? })
            }
            "watch.absence_by_family" => Some(Errand::TellOfAbsence { person: person()? }),
            "watch.line_fault" | "watch.outage" => Some(Errand::TellOfSilentLine),
            _ => None,
        }
    }

    fn run(self, ctx: &Ctx, tx: &mut dyn db::Tx) -> Result<(), Problem> {
        match self {
            Errand::AskIfWell { alert, person } => {
                let link = LinkPurpose::AnswerNotice { alert };
                let mut asked = vec![person.0];
                asked.extend(access::holders(ctx, tx, person, Ground::FamilyAlerts)?);
                for subject in asked {
                    send(ctx, tx, subject, Some(person), Topic::NoticeAsked, Some(link))?;
                }
            }
            Errand::TellOfAbsence { person } => {
                let team = people::team(ctx, tx, person)?;
                let managers = team.iter().filter(|m| m.part == TeamPart::CareManager).map(|m| m.staff.0);
                for subject in std::iter::once(person.0).chain(managers) {
                    send(ctx, tx, subject, Some(person), Topic::AbsenceEntered, None)?;
                }
            }
            Errand::TellOfSilentLine => {
                for office in people::offices(tx, Some(OfficeKind::Association))? {
                    send(ctx, tx, office.id.0, None, Topic::GatewaySilent, None)?;
                }
            }
        }
        Ok(())
    }
}

fn send(
    ctx: &Ctx,
    tx: &mut dyn db::Tx,
    subject: Uuid,
    person: Option<PersonId>,
    topic: Topic,
    link: Option<LinkPurpose>,
) -> Result<(), Problem> {
    let Some(reach) = people::reach(tx, subject)? else { return Ok(()) };
    let mobile = reach.phones.iter().find(|p| p.is_mobile()).map(people::PhoneNumber::redacted);
    let to = Recipient { id: subject, mail: reach.email, phone: mobile };
    notify::send(ctx, tx, &NewMessage { to, person, topic, ways: vec![Way::Screen, Way::Mail, Way::Sms], link })?;
    Ok(())
}

fn word(body: &str, field: &str) -> Option<String> {
    let body: Json = serde_json::from_str(body).ok()?;
    Some(body.get(field)?.as_str()?.to_owned())
}

fn id(body: &str, field: &str) -> Option<Uuid> {
    Uuid::parse_str(&word(body, field)?).ok()
}
