//! For lists: one decision for all rows, then a filter in SQL. A property test proves that the two walls agree.

use base::{Ctx, Role};
use db::Value;
use uuid::Uuid;

use crate::{AccessError, Act, Ground, allowed};

/// Which persons a list may show to this actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody in the region, by duty.
    All,
    /// Only oneself.
    Own(Uuid),
    /// Those known through grants on one of these grounds.
    Granted { holders: [Uuid; 2], grounds: Vec<Ground>, now: base::Instant },
}

/// The scope of a list on which every row shows what `act` names. Refused where no row could ever be shown.
pub fn scope(ctx: &Ctx, act: Act) -> Result<Scope, AccessError> {
    if allowed(ctx, act, Ground::Duty) {
        return Ok(Scope::All);
    }
    if ctx.actor.role == Role::Resident && allowed(ctx, act, Ground::Own) {
        return ctx.actor.person.map(|p| Scope::Own(p.0)).ok_or(AccessError::Denied { act });
    }
    let by_grant = |g: &Ground| !matches!(g, Ground::Duty | Ground::Own);
    let grounds: Vec<Ground> = Ground::ALL.iter().copied().filter(by_grant).filter(|g| allowed(ctx, act, *g)).collect();
    if grounds.is_empty() {
        return Err(AccessError::Denied { act });
    }
    let office = ctx.actor.office.map_or(ctx.actor.id, |o| o.0);
    Ok(Scope::Granted { holders: [ctx.actor.id, office], grounds, now: ctx.now })
}

impl Scope {
    /// A condition on `column` and its parameters, numbered from `$first`: `("p.id IN (…)", values)`.
    pub fn filter(&self, column: &str, first: usize) -> (String, Vec<Value>) {
        match self {
            Scope::All => ("1 = 1".to_owned(), vec![]),
            Scope::Own(person) => (format!("{column} = ${first}"), vec![(*person).into()]),
            Scope::Granted { holders, grounds, now } => {
                let words: Vec<String> = grounds.iter().map(|g| format!("'{}'", g.key())).collect();
                let (a, b, t) = (first, first + 1, first + 2);
                let sql = format!(
                    "{column} IN (SELECT person_id FROM access_grant WHERE holder_id IN (${a}, ${b}) \
                     AND ground IN ({}) AND valid_from <= ${t} AND valid_until > ${t})",
                    words.join(", ")
                );
                (sql, vec![holders[0].into(), holders[1].into(), (*now).into()])
            }
        }
    }
}
