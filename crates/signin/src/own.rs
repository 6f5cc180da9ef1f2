//! What the owner of an account, signed in, does with it: a new password, new recovery codes.

use audit::Means;
use base::{AccountId, Ctx, Instant, SessionId};
use db::{DbError, Tx};

use crate::account::item;
use crate::entering::{self, Checked, refused};
use crate::verbs::Verb;
use crate::{Attempt, Code, PasswordHash, Proof, SecondFactor, Secrets, enrolment, session, store};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasswordChange {
    Done,
    /// The present password was wrong.
    Wrong,
}

#[derive(Clone, Debug)]
pub enum Renewal {
    Done { recovery: Vec<Code> },
    Wrong,
    Wait { until: Instant },
}

/// A new password, against the present one (compared as in signing in: `begin_signin`, `verify_password`). Ends every
/// session but `keep`.
pub fn change_password(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    attempt: &Attempt,
    proof: &Proof,
    new: &PasswordHash,
    keep: SessionId,
) -> Result<PasswordChange, crate::SigninError> {
    let proven = entering::proven(tx, attempt, proof)?.filter(|a| a.id.0 == ctx.actor.id);
    let Some(account) = proven else {
        refused(ctx, tx, Verb::ChangePassword, &item(AccountId(ctx.actor.id)), "wrong")?;
        return Ok(PasswordChange::Wrong);
    };
    entering::right(tx, attempt)?;
    if let Some(secret) = store::secret(tx, account.id)? {
        store::set_secret(tx, account.id, &store::Secret { password: Some(new.clone()), ..secret }, ctx.now)?;
    }
    audit::done(ctx, tx, Verb::ChangePassword, Means::Own, &item(account.id))?;
    session::end_others(ctx, tx, keep)?;
    Ok(PasswordChange::Done)
}

/// Ten new recovery codes, against a code of the authenticator (not against a recovery code: they are what is lost).
pub fn renew_recovery_codes(ctx: &Ctx, tx: &mut dyn Tx, totp: &str, secrets: &Secrets) -> Result<Renewal, DbError> {
    let account = AccountId(ctx.actor.id);
    match entering::check_second(ctx, tx, account, &SecondFactor::Totp(totp.to_owned()))? {
        Checked::Wait { until } => Ok(Renewal::Wait { until }),
        Checked::Wrong => {
            refused(ctx, tx, Verb::RenewRecoveryCodes, &item(account), "wrong")?;
            Ok(Renewal::Wrong)
        }
        Checked::Right { .. } => {
            let recovery = enrolment::new_recovery_codes(tx, account, secrets)?;
            audit::done(ctx, tx, Verb::RenewRecoveryCodes, Means::Own, &item(account))?;
            Ok(Renewal::Done { recovery })
        }
    }
}

/// How many of the actor's recovery codes are unused.
pub fn recovery_codes_left(ctx: &Ctx, tx: &mut dyn Tx) -> Result<usize, DbError> {
    store::recovery_left(tx, AccountId(ctx.actor.id))
}
