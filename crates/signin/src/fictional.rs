//! The people one may become in the demonstration. Everything here refuses a database that is not marked fictional:
//! in a region at work nobody lists accounts without being an administrator.

use base::{AccountId, Ctx, Instant, Redacted, Role};
use db::{DbError, Tx, marks};

use crate::account::only_fictional;
use crate::second_factor::{self, STEP_SECONDS};
use crate::store::{self, Secret};
use crate::{Account, AccountState, Secrets, SigninError};

/// Where the town builder notes whom the start page shows first: `[{"account": id, "label": why}, …]`.
const FEATURED: &str = "demo.featured";
/// More than a start page can show.
const MOST_FEATURED: usize = 40;

/// Somebody of the town's story: whom to become, and in one sentence why.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Featured {
    account: AccountId,
    label: String,
}

/// The open accounts of a role in the order of their login names.
pub fn fictional_accounts(tx: &mut dyn Tx, role: Role, limit: usize) -> Result<Vec<Account>, SigninError> {
    only_fictional(tx)?;
    Ok(store::accounts_of_role(tx, role, limit.min(base::limits::LIST_ROWS))?)
}

/// Whom the town builder noted, as far as their accounts are open; nobody where nothing is noted or it is unreadable.
pub fn featured_accounts(tx: &mut dyn Tx) -> Result<Vec<(Account, String)>, SigninError> {
    only_fictional(tx)?;
    let noted = marks::get(tx, FEATURED)?.unwrap_or_default();
    let mut found = Vec::new();
    for featured in read(&noted) {
        if let Some(account) = store::account(tx, featured.account)?.filter(|a| a.state == AccountState::Active) {
            found.push((account, featured.label));
        }
    }
    Ok(found)
}

/// What the authenticator of an invented administrator shows now, or next where that was used already; `None` in a
/// region at work, and for whoever has none.
pub(crate) fn invented_code(
    tx: &mut dyn Tx,
    account: AccountId,
    now: Instant,
) -> Result<Option<Redacted<String>>, DbError> {
    if marks::get(tx, marks::FICTIONAL)?.is_none() {
        return Ok(None);
    }
    let Some(secret) = store::secret(tx, account)? else { return Ok(None) };
    let Some(seed) = secret.totp else { return Ok(None) };
    let step = (now.unix_seconds() / STEP_SECONDS).max(secret.totp_step + 1);
    let at = Instant::from_unix_seconds(step * STEP_SECONDS);
    Ok(second_factor::code_at(seed.expose(), at).map(Redacted::new))
}

/// Gives an invented administrator an authenticator, as others have one from their enrolment: what asks for a second
/// factor asks in a demonstration too.
pub(crate) fn invent_second(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    account: &Account,
    secrets: &Secrets,
) -> Result<(), SigninError> {
    only_fictional(tx)?;
    let had = store::secret(tx, account.id)?;
    if account.role != Role::Administrator || had.as_ref().is_some_and(|s| s.totp.is_some()) {
        return Ok(());
    }
    let password = had.and_then(|s| s.password);
    let invented = Secret { password, totp: Some(Redacted::new(secrets.totp())), totp_step: 0 };
    Ok(store::set_secret(tx, account.id, &invented, ctx.now)?)
}

fn read(noted: &str) -> Vec<Featured> {
    let list = serde_json::from_str::<serde_json::Value>(noted).unwrap_or_default();
    let rows = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |row: &serde_json::Value| {
        let account = row.get("account")?.as_str()?.parse().ok()?;
        let label = row.get("label").and_then(|l| l.as_str()).unwrap_or_default().to_owned();
        Some(Featured { account, label })
    };
    rows.iter().take(MOST_FEATURED).filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_note_features_nobody() {
        for noted in ["", "{", "{}", "[1]", r#"[{"account":"x"}]"#] {
            assert_eq!(read(noted), [], "{noted}");
        }
        let one = r#"[{"account":"00000000000000000000000000000007","label":"主治医"}]"#;
        assert_eq!(read(one)[0].label, "主治医");
    }
}
