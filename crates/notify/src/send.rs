//! Sending: the message and its attempts are written with the act that caused them.

use audit::{Basis, Means};
use base::{Ctx, MessageId, Redacted};
use db::{DbError, Tx, outbox};

use crate::event::Event;
use crate::verbs::Verb;
use crate::{AttemptId, AttemptState, NewMessage, Topic, Way, rules, store};

/// Writes the message. Never refused: what cannot be sent is shown to somebody who can call. Whether the actor may
/// cause it was decided by the verb that calls this.
pub fn send(ctx: &Ctx, tx: &mut dyn Tx, new: &NewMessage) -> Result<MessageId, DbError> {
    let id: MessageId = ctx.id();
    let on_screen = new.ways.contains(&Way::Screen);
    if on_screen {
        store::supersede(tx, new, ctx.now)?;
    }
    store::insert_message(tx, id, new, on_screen, ctx.now + rules::link_valid(new.topic), ctx.now)?;
    let ways = rules::outside(&new.ways);
    write_attempts(ctx, tx, id, new, &ways)?;
    if on_screen {
        show(ctx, tx, id, new)?;
    }
    let words: Vec<&str> = new.ways.iter().map(|w| w.key()).collect();
    let items = format!("{} {}", new.topic.key(), words.join(" "));
    audit::done(ctx, tx, Verb::Send, Basis::Means(Means::Program, new.person), &items)?;
    if !ways.is_empty() && !store::take_next_way(tx, id, None, ctx.now)? {
        undeliverable(ctx, tx, id, new.topic)?;
    }
    // Wakes whoever carries the queue out.
    tx.announce();
    Ok(id)
}

/// Notes that no way is left, for somebody's list.
pub(crate) fn undeliverable(ctx: &Ctx, tx: &mut dyn Tx, id: MessageId, topic: Topic) -> Result<(), DbError> {
    store::set_undeliverable(tx, id, ctx.now)?;
    let (recipient, person) = store::whom(tx, id)?;
    outbox::push(tx, ctx.now, &Event::Undeliverable { message: id, recipient, person, topic })
}

/// One row for each outside way, all waiting; a way without an address has failed already.
fn write_attempts(ctx: &Ctx, tx: &mut dyn Tx, id: MessageId, new: &NewMessage, ways: &[Way]) -> Result<(), DbError> {
    let full = !ways.is_empty() && store::queue_length(tx)? >= rules::QUEUE;
    for (rank, way) in ways.iter().enumerate() {
        let address = match way {
            Way::Mail => new.to.mail.as_ref(),
            _ => new.to.phone.as_ref(),
        };
        let address = address.map(Redacted::expose).map(|a| a.trim()).filter(|a| !a.is_empty());
        let (state, error) = match address {
            Some(_) if full => (AttemptState::Failed, Some("queue_full")),
            Some(_) => (AttemptState::Waiting, None),
            None => (AttemptState::Failed, Some("no_address")),
        };
        let row = store::NewAttempt {
            id: ctx.id::<AttemptId>(),
            message: id,
            way: *way,
            rank,
            state,
            urgent: new.topic.urgent(),
            address: if state == AttemptState::Waiting { address.unwrap_or_default() } else { "" },
            error,
        };
        store::insert_attempt(tx, &row, ctx.now)?;
    }
    Ok(())
}

fn show(ctx: &Ctx, tx: &mut dyn Tx, id: MessageId, new: &NewMessage) -> Result<(), DbError> {
    let attempt = store::NewAttempt {
        id: ctx.id(),
        message: id,
        way: Way::Screen,
        rank: usize::from(u8::MAX),
        state: AttemptState::Sent,
        urgent: new.topic.urgent(),
        address: "",
        error: None,
    };
    store::insert_attempt(tx, &attempt, ctx.now)?;
    outbox::push(tx, ctx.now, &Event::Screen { message: id, recipient: new.to.id })
}
