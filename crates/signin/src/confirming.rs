//! A second factor shown anew, for what an administrator does to somebody else's account: a browser left open, or its
//! stolen cookie, is not enough. Whoever showed it goes on without for five minutes; signing in does not count.

use base::{AccountId, Ctx, Instant, Role, SessionId};
use db::{DbError, Tx};

use crate::account::item;
use crate::entering::{self, Checked, SecondFactor, refused};
use crate::verbs::Verb;
use crate::{SigninError, SigninRefusal, fictional, rules, store};

/// How a second factor came out that was shown for an act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecondShown {
    Fresh,
    /// None was shown lately, and nothing was typed.
    Missing,
    Wrong,
    Wait {
        until: Instant,
    },
}

/// What a page that leads to such an act has to ask.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SecondAsked {
    /// It was shown lately: there is nothing to ask.
    pub fresh: bool,
    /// What the authenticator of an invented administrator shows now; in a demonstration only.
    pub invented: Option<base::Redacted<String>>,
}

pub fn second_asked(ctx: &Ctx, tx: &mut dyn Tx) -> Result<SecondAsked, DbError> {
    if is_fresh(ctx, tx)? {
        return Ok(SecondAsked { fresh: true, invented: None });
    }
    Ok(SecondAsked { fresh: false, invented: fictional::invented_code(tx, AccountId(ctx.actor.id), ctx.now)? })
}

/// Checks what was typed, and remembers it with the actor's session. Nothing typed is right for whoever showed it within
/// the last minutes. A recovery code is none: it is made for the day when the authenticator is lost.
///
/// To be a command of its own before the act: a code is spent, and a wrong one counted, whatever becomes of the act.
pub fn show_second(ctx: &Ctx, tx: &mut dyn Tx, typed: &str) -> Result<SecondShown, DbError> {
    let Some(session) = session_of(ctx).filter(|_| !typed.is_empty()) else {
        return Ok(if is_fresh(ctx, tx)? { SecondShown::Fresh } else { SecondShown::Missing });
    };
    let account = AccountId(ctx.actor.id);
    Ok(match entering::check_second(ctx, tx, account, &SecondFactor::Totp(typed.to_owned()))? {
        Checked::Wait { until } => SecondShown::Wait { until },
        Checked::Wrong => {
            refused(ctx, tx, Verb::ShowSecond, &item(account), "wrong")?;
            SecondShown::Wrong
        }
        Checked::Right { means } => {
            store::set_second_at(tx, session, account, ctx.now)?;
            audit::done(ctx, tx, Verb::ShowSecond, means, &item(account))?;
            SecondShown::Fresh
        }
    })
}

/// Asked by every verb that touches somebody else's account, so that no page can forget it.
pub(crate) fn require_fresh(ctx: &Ctx, tx: &mut dyn Tx) -> Result<(), SigninError> {
    if is_fresh(ctx, tx)? { Ok(()) } else { Err(SigninRefusal::SecondFactorWanted.into()) }
}

/// The command line has no second factor: whoever runs the machine is known otherwise.
fn is_fresh(ctx: &Ctx, tx: &mut dyn Tx) -> Result<bool, DbError> {
    if ctx.actor.role == Role::System {
        return Ok(true);
    }
    let Some(session) = session_of(ctx) else { return Ok(false) };
    let shown = store::second_at(tx, session, AccountId(ctx.actor.id))?;
    Ok(shown.is_some_and(|at| rules::still_fresh(at, ctx.now)))
}

/// An account acts in a session, whose id is the word for its terminal.
fn session_of(ctx: &Ctx) -> Option<SessionId> {
    ctx.actor.device.parse().ok()
}
