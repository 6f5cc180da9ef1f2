//! Somebody whom nobody knows stands at a door that is open to anybody and brings nothing that opens: counted, told to
//! the security log, and written down within the region's allowance. And the slow comparison of passwords, which has
//! threads of its own.

use base::{Ctx, Purpose};
use signin::{Address, Memory, NewPassword, PasswordHash, Proof, SigninError, Threshold};
use tokio::sync::oneshot;

use crate::problem::Problem;
use crate::site::{Site, new_request};

/// Nobody is signed in yet; the audit row carries the part of the program and no name.
pub fn nobody(site: &Site) -> Ctx {
    Ctx::new(signin::visitor(), Purpose::Operation, site.now(), new_request())
}

/// What somebody tried in vain.
#[derive(Clone, Copy, Debug)]
pub struct Vain<'a> {
    pub door: Threshold,
    /// The action of the audit row, and why it came to nothing.
    pub action: audit::Action,
    pub why: &'static str,
    pub login: Option<&'a str>,
    pub from: &'a Address,
}

/// Counts it, and writes it down where the hour has room.
pub async fn in_vain(site: &Site, vain: Vain<'_>) -> Result<(), Problem> {
    let Vain { door, action, why, login, from } = vain;
    site.strangers().tell(site.now(), door, why, login, from);
    let Some(passed_over) = site.strangers().may_record(door, site.now()) else { return Ok(()) };
    let ctx = nobody(site);
    Ok(site.db().write(move |tx| signin::record_stranger(&ctx, tx, action, why, passed_over)).await?)
}

/// Compares on one of the threads for passwords; where too many wait already, the visitor is to come again.
pub async fn compare(site: &Site, typed: String, stored: PasswordHash) -> Result<Proof, Problem> {
    slowly(site, move |memory| signin::verify_password(&typed, &stored, memory)).await
}

pub async fn hash(site: &Site, password: NewPassword) -> Result<PasswordHash, Problem> {
    let hashed = slowly(site, move |memory| signin::hash_password(&password, memory)).await?;
    hashed.map_err(|fault| SigninError::from(fault).into())
}

async fn slowly<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&mut Memory) -> T + Send + 'static,
) -> Result<T, Problem> {
    let (tell, told) = oneshot::channel();
    let job = move |memory: &mut Memory| {
        // Whoever hung up while they waited is not worked for.
        if !tell.is_closed() {
            let _ = tell.send(work(memory));
        }
    };
    site.hashers()?.submit(job).map_err(|_| Problem::Busy)?;
    told.await.map_err(|_| Problem::Fault("a password was not hashed".to_owned()))
}
