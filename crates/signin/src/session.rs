//! Sessions: found by the hash of their token, kept alive by requests, listed and ended by their owner.

use audit::Means;
use base::{AccountId, Actor, Ctx, Instant, Redacted, Role, SessionId};
use db::{DbError, Tx, outbox};

use crate::account::item;
use crate::event::Event;
use crate::verbs::Verb;
use crate::{SigninError, SigninRefusal, TokenHash, request, rules, store};

/// Sessions and other leftovers cleared away in one call of [`tidy`].
const TIDY_ROWS: usize = 500;

/// A live session.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub account: AccountId,
    pub actor: Actor,
    pub display_name: Redacted<String>,
    /// What the owner will know the terminal by (「Windows・Chrome」).
    pub device: String,
    pub started_at: Instant,
    pub last_seen_at: Instant,
    /// The end if no request comes until then.
    pub idle_end: Instant,
    /// The end whatever comes.
    pub absolute_end: Instant,
}

impl Session {
    /// Whether [`touch`] is due; a live screen's own connection is no request of its user and must not count.
    pub fn wants_touch(&self, now: Instant) -> bool {
        now - self.last_seen_at >= rules::TOUCH_EVERY
    }

    pub fn role(&self) -> Role {
        self.actor.role
    }

    pub(crate) fn live(&self, now: Instant) -> bool {
        now < self.idle_end && now < self.absolute_end
    }
}

/// The live session of this token; `None` for an ended, expired or unknown one and for one of a suspended account.
pub fn session(tx: &mut dyn Tx, token: &TokenHash, now: Instant) -> Result<Option<Session>, DbError> {
    Ok(store::session_by_token(tx, token)?.filter(|s| s.live(now)))
}

/// Notes that the session's user is there.
pub fn touch(ctx: &Ctx, tx: &mut dyn Tx, id: SessionId) -> Result<(), DbError> {
    store::touch(tx, id, ctx.now)
}

/// The actor's own live sessions, the one used last first.
pub fn own_sessions(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<Session>, DbError> {
    let mut own = store::sessions_of(tx, AccountId(ctx.actor.id))?;
    own.retain(|s| s.live(ctx.now));
    Ok(own)
}

/// Ends one of the actor's own sessions.
pub fn end_session(ctx: &Ctx, tx: &mut dyn Tx, id: SessionId) -> Result<(), SigninError> {
    let account = AccountId(ctx.actor.id);
    if !store::delete_session(tx, id, account)? {
        return Err(SigninRefusal::SessionUnknown.into());
    }
    end(ctx, tx, Verb::EndSession, account, Ended::One(id))
}

/// Ends the session the actor is using; ending it twice is no error.
pub fn sign_out(ctx: &Ctx, tx: &mut dyn Tx, id: SessionId) -> Result<(), SigninError> {
    let account = AccountId(ctx.actor.id);
    if store::delete_session(tx, id, account)? {
        end(ctx, tx, Verb::SignOut, account, Ended::One(id))?;
    }
    Ok(())
}

/// Ends all of the actor's sessions but the one named; gives how many.
pub fn end_others(ctx: &Ctx, tx: &mut dyn Tx, keep: SessionId) -> Result<u64, SigninError> {
    let account = AccountId(ctx.actor.id);
    let count = store::delete_other_sessions(tx, account, keep)?;
    if count > 0 {
        end(ctx, tx, Verb::EndOthers, account, Ended::AllBut(keep))?;
    }
    Ok(count)
}

/// Clears away what expired, with an audit row for each session's end; to be called every few minutes. Gives how many
/// sessions ended.
pub fn tidy(ctx: &Ctx, tx: &mut dyn Tx) -> Result<usize, DbError> {
    let expired = store::expired_sessions(tx, ctx.now, TIDY_ROWS)?;
    for (id, account) in &expired {
        store::delete_session(tx, *id, *account)?;
        audit::done(ctx, tx, Verb::ExpireSession, Means::Time, &item(*account))?;
        tell_ended(ctx, tx, *account, Ended::One(*id))?;
    }
    request::end_expired(ctx, tx)?;
    store::forget_ended(tx, ctx.now - rules::ENDED_KEPT)?;
    store::forget_expired(tx, ctx.now, ctx.now - rules::FORGET_FAILURES)?;
    Ok(expired.len())
}

fn end(ctx: &Ctx, tx: &mut dyn Tx, action: Verb, account: AccountId, which: Ended) -> Result<(), SigninError> {
    audit::done(ctx, tx, action, Means::Own, &item(account))?;
    Ok(tell_ended(ctx, tx, account, which)?)
}

/// Which sessions of an account have ended.
#[derive(Clone, Copy)]
pub(crate) enum Ended {
    All,
    One(SessionId),
    AllBut(SessionId),
}

/// Tells whoever holds something open for these sessions.
pub(crate) fn tell_ended(ctx: &Ctx, tx: &mut dyn Tx, account: AccountId, which: Ended) -> Result<(), DbError> {
    let (session, but) = match which {
        Ended::All => (None, None),
        Ended::One(session) => (Some(session), None),
        Ended::AllBut(kept) => (None, Some(kept)),
    };
    outbox::push(tx, ctx.now, &Event::Ended { account, session, but })
}
