//! Events of the watch become messages: a gentle question to resident and relatives, an absence that a relative
//! entered, a line that fell silent. The case's own messages are sent by `response`.
//!
//! It reads the outbox by itself and keeps in the database how far it has come, in the command that writes the message.
//! Therefore what happened while the program was down is told after the next start, once, and only if it still matters:
//! a question that was answered meanwhile is not asked.

use access::Ground;
use base::{AbsenceId, AccountId, AlertId, Clock, Ctx, Instant, PersonId, StaffId};
use db::outbox::{self, Event};
use db::{Db, DbError, marks};
use notify::{LinkPurpose, NewMessage, Recipient, Topic, Way};
use page::problem::Problem;
use people::{OfficeKind, TeamPart};
use signin::{AccountChange, RequestChange};
use std::time::Duration;
use uuid::Uuid;
use watch::{AlertState, Asked, Level, LineTrouble, Rule};

use crate::rounds::system;

/// Up to which event everything was told.
const TOLD: &str = "postman";
/// Events of one round.
const ROUND: usize = 500;
/// A fault of ours is tried again; what fails as often is left behind, so that the others are told.
const TRIES: u32 = 5;

/// The moment of the oldest event that is still to be told; what is younger must stay in the outbox.
pub fn oldest_untold(tx: &mut dyn db::Tx) -> Result<Option<Instant>, DbError> {
    let Some(told) = marks::get(tx, TOLD)?.and_then(|t| t.parse().ok()) else { return Ok(None) };
    Ok(outbox::after(tx, told, 1)?.first().map(|event| event.at))
}

/// Tells what is to be told, until the program ends.
pub async fn run(db: Db, clock: Clock) {
    let mut committed = db.committed();
    let mut postman = Postman::new(db, clock);
    loop {
        committed.mark_unchanged();
        match postman.round().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "messages about events cannot be written"),
        }
        // A second at most, should a wake-up be missed, and at least that after a failure.
        let woken = async {
            if committed.changed().await.is_err() {
                std::future::pending().await
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), woken).await;
    }
}

pub struct Postman {
    db: Db,
    clock: Clock,
    /// The last event that was looked at; `None` before the first round.
    seq: Option<i64>,
    /// What the database says.
    kept: i64,
    tries: u32,
}

impl Postman {
    pub fn new(db: Db, clock: Clock) -> Postman {
        Postman { db, clock, seq: None, kept: 0, tries: 0 }
    }

    /// Tells the next events, in their order; whether there may be more.
    pub async fn round(&mut self) -> Result<bool, DbError> {
        let seq = match self.seq {
            Some(seq) => seq,
            None => self.begin().await?,
        };
        let events = self.db.read(move |tx| outbox::after(tx, seq, ROUND)).await?;
        for event in &events {
            if let Some(errand) = Errand::of(event)
                && !self.tell(errand, event).await?
            {
                return Ok(true);
            }
            self.seq = Some(event.seq);
        }
        // Events that ask for nothing are remembered now and then; to look at some twice does no harm.
        let seq = self.seq.unwrap_or(seq);
        if seq - self.kept >= ROUND as i64 {
            self.keep(seq).await?;
        }
        Ok(events.len() == ROUND)
    }

    /// Where the last run ended. The first of all tells nothing of what was before it.
    async fn begin(&mut self) -> Result<i64, DbError> {
        let (told, last) = self.db.read(|tx| Ok::<_, DbError>((marks::get(tx, TOLD)?, outbox::last_seq(tx)?))).await?;
        // An outbox that was cleared counts anew.
        let seq = told.and_then(|t| t.parse().ok()).map_or(last, |told: i64| told.min(last));
        self.keep(seq).await?;
        self.seq = Some(seq);
        Ok(seq)
    }

    async fn keep(&mut self, seq: i64) -> Result<(), DbError> {
        self.db.write(move |tx| marks::set(tx, TOLD, &seq.to_string())).await?;
        self.kept = seq;
        Ok(())
    }

    /// The message and the mark in one command. `false`: to be tried again.
    async fn tell(&mut self, errand: Errand, event: &Event) -> Result<bool, DbError> {
        let (ctx, seq) = (system("postman", &self.clock), event.seq);
        let written = self.db.write(move |tx| {
            errand.run(&ctx.clone(), tx)?;
            Ok::<_, Problem>(marks::set(tx, TOLD, &seq.to_string())?)
        });
        match written.await {
            Ok(()) => self.kept = seq,
            Err(Problem::Busy | Problem::Full | Problem::Away(_)) => return Err(DbError::Busy),
            Err(Problem::Fault(cause) | Problem::Unsure(cause)) if self.tries < TRIES => {
                self.tries += 1;
                return Err(DbError::Engine(cause));
            }
            Err(problem) => {
                tracing::error!(topic = %event.topic, seq, why = problem.key(), "a message could not be written");
                self.keep(seq).await?;
            }
        }
        self.tries = 0;
        Ok(true)
    }
}

#[derive(Clone, Copy, Debug)]
enum Errand {
    AskIfWell {
        alert: AlertId,
        person: PersonId,
    },
    TellOfAbsence {
        absence: AbsenceId,
        person: PersonId,
    },
    /// To the owner of an account: what somebody else did to it.
    TellOfAccount {
        account: AccountId,
        change: AccountChange,
    },
    /// To the other administrators that something waits for them; to whoever asked, what became of it.
    TellOfRequest {
        account: AccountId,
        asked_by: AccountId,
        change: RequestChange,
    },
    /// A fault of one line, or an outage of many.
    TellOfSilentLine {
        trouble: Uuid,
    },
}

impl Errand {
    fn of(event: &Event) -> Option<Errand> {
        match signin::Event::of(event) {
            Some(signin::Event::AccountChanged { account, change }) => {
                return Some(Errand::TellOfAccount { account, change });
            }
            Some(signin::Event::RequestChanged { account, asked_by, change }) => {
                return Some(Errand::TellOfRequest { account, asked_by, change });
            }
            Some(signin::Event::Ended { .. }) => return None,
            None => {}
        }
        use watch::Event::*;
        match watch::Event::of(event)? {
            AlertRaised { alert, person, level: Level::Notice, .. } => Some(Errand::AskIfWell { alert, person }),
            AbsenceByFamily { absence, person, .. } => Some(Errand::TellOfAbsence { absence, person }),
            LineFault { fault, .. } => Some(Errand::TellOfSilentLine { trouble: fault }),
            Outage { outage } => Some(Errand::TellOfSilentLine { trouble: outage }),
            // The case tells of its alert itself.
            AlertRaised { level: Level::Alert, .. } | AlertChanged { .. } | Reassured { .. } => None,
            AbsenceEntered { .. } | AbsenceCancelled { .. } | ActivityWhileAbsent { .. } => None,
            LineBack { .. } | RegionChanged {} | HomeChanged { .. } | GatewayCredential { .. } => None,
        }
    }

    fn run(self, ctx: &Ctx, tx: &mut dyn db::Tx) -> Result<(), Problem> {
        match self {
            Errand::AskIfWell { alert, person } => ask_if_well(ctx, tx, alert, person),
            Errand::TellOfAbsence { absence, person } => {
                if watch::absence(ctx, tx, absence)?.cancelled_at.is_some() {
                    return Ok(());
                }
                let team = people::team(ctx, tx, person)?;
                let managers = team.iter().filter(|m| m.part == TeamPart::CareManager).map(|m| m.staff.0);
                for subject in std::iter::once(person.0).chain(managers) {
                    send(ctx, tx, subject, Some(person), Topic::AbsenceEntered, None, OUTSIDE)?;
                }
                Ok(())
            }
            Errand::TellOfAccount { account, change } => {
                let topic = match change {
                    AccountChange::Created => Topic::AccountCreated,
                    AccountChange::Reissued => Topic::AccountReissued,
                    AccountChange::Suspended => Topic::AccountSuspended,
                    AccountChange::Reinstated => Topic::AccountReinstated,
                };
                send(ctx, tx, account.0, None, topic, None, OUTSIDE).map(drop)
            }
            Errand::TellOfRequest { account, asked_by, change } => {
                let topic = match change {
                    RequestChange::Asked => Topic::AccountRequestWaits,
                    RequestChange::Approved => Topic::AccountRequestApproved,
                    RequestChange::Declined => Topic::AccountRequestDeclined,
                    RequestChange::Ended => Topic::AccountRequestEnded,
                };
                let told = match change {
                    RequestChange::Asked => signin::administrators(tx)?,
                    _ => vec![asked_by],
                };
                for to in told {
                    // Whoever asked knows that it waits, and nobody agrees to what is about themselves.
                    if change != RequestChange::Asked || (to != asked_by && to != account) {
                        send(ctx, tx, to.0, None, topic, None, OUTSIDE)?;
                        show_whoever_has_no_entry(ctx, tx, to, topic)?;
                    }
                }
                Ok(())
            }
            Errand::TellOfSilentLine { trouble } => {
                let still = watch::line_faults(ctx, tx)?.iter().any(|t| match t {
                    LineTrouble::Outage { id, .. } | LineTrouble::Fault { id, .. } => *id == trouble,
                });
                if !still {
                    return Ok(());
                }
                for office in people::offices(tx, Some(OfficeKind::Association))? {
                    send(ctx, tx, office.id.0, None, Topic::GatewaySilent, None, OUTSIDE)?;
                }
                Ok(())
            }
        }
    }
}

/// Whoever is asked and has no address is asked on the screen alone. Only where no one at all can be asked outside, the
/// question is sent into the void, and so stands among those that reached nobody.
fn ask_if_well(ctx: &Ctx, tx: &mut dyn db::Tx, alert: AlertId, person: PersonId) -> Result<(), Problem> {
    let notice = watch::alert(ctx, tx, alert)?;
    if notice.state != AlertState::Standing {
        return Ok(());
    }
    let asked = watch::settings_of(tx, notice.home)?.asked;
    let by_call = asked == Asked::Call && matches!(notice.rule, Rule::DailyCall | Rule::Inactivity);
    let link = Some(LinkPurpose::AnswerNotice { alert });
    let mut reached = false;
    for relative in access::holders(ctx, tx, person, Ground::FamilyAlerts)? {
        reached |= send(ctx, tx, relative, Some(person), Topic::NoticeAsked, link, OUTSIDE)?;
    }
    if by_call {
        return call(ctx, tx, person, link);
    }
    let anyway = if reached { OUTSIDE } else { Outside::Always };
    send(ctx, tx, person.0, Some(person), Topic::NoticeAsked, link, anyway)?;
    Ok(())
}

/// The first number of the register, most often a landline, twice if need be.
fn call(ctx: &Ctx, tx: &mut dyn db::Tx, person: PersonId, link: Option<LinkPurpose>) -> Result<(), Problem> {
    let Some(reach) = people::reach(tx, person.0)? else { return Ok(()) };
    let phone = reach.phones.first().map(people::PhoneNumber::redacted);
    let to = Recipient { id: person.0, mail: None, phone };
    let ways = vec![Way::Screen, Way::Phone, Way::Phone];
    notify::send(ctx, tx, &NewMessage { to, person: Some(person), topic: Topic::NoticeAsked, ways, link })?;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    WhereKnown,
    Always,
}

const OUTSIDE: Outside = Outside::WhereKnown;

/// Whether a way out of the house is known.
fn send(
    ctx: &Ctx,
    tx: &mut dyn db::Tx,
    subject: Uuid,
    person: Option<PersonId>,
    topic: Topic,
    link: Option<LinkPurpose>,
    outside: Outside,
) -> Result<bool, Problem> {
    let Some(reach) = people::reach(tx, subject)? else { return Ok(false) };
    let mobile = reach.phones.iter().find(|p| p.is_mobile()).map(people::PhoneNumber::redacted);
    let to = Recipient { id: subject, mail: reach.email, phone: mobile };
    let known = |way: &Way| match way {
        Way::Mail => to.mail.is_some(),
        Way::Sms | Way::Phone => to.phone.is_some(),
        Way::Screen => true,
    };
    let mut ways = vec![Way::Screen, Way::Mail, Way::Sms];
    ways.retain(|way| outside == Outside::Always || known(way));
    let reached = to.mail.is_some() || to.phone.is_some();
    notify::send(ctx, tx, &NewMessage { to, person, topic, ways, link })?;
    Ok(reached)
}

/// An administrator whom the command line made has no entry in the register, and reads messages like everybody.
fn show_whoever_has_no_entry(ctx: &Ctx, tx: &mut dyn db::Tx, to: AccountId, topic: Topic) -> Result<(), Problem> {
    if people::staff_state(tx, StaffId(to.0))?.is_none() {
        let to = Recipient { id: to.0, mail: None, phone: None };
        notify::send(ctx, tx, &NewMessage { to, person: None, topic, ways: vec![Way::Screen], link: None })?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "postman_tests.rs"]
mod tests;
