//! For lists: one decision for all rows, then a filter in SQL. A property test proves that the two walls agree.

use std::collections::BTreeSet;

use base::limits::ROWS_PER_STATEMENT;
use base::{Ctx, PersonId, Role};
use db::{DbError, Tx, Value};
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

/// Those of these persons with whom the actor may do what `act` names: one decision, however many they are. A fault
/// counts as no.
pub fn which(ctx: &Ctx, tx: &mut dyn Tx, act: Act, persons: &[PersonId]) -> BTreeSet<PersonId> {
    // A link is of one person, and has no lists.
    if ctx.actor.role == Role::Link {
        return persons.iter().copied().filter(|person| crate::may(ctx, tx, act, *person)).collect();
    }
    let Ok(scope) = scope(ctx, act) else { return BTreeSet::new() };
    scope.holds(tx, persons).unwrap_or_default()
}

impl Scope {
    /// Those of these persons who are within it.
    fn holds(&self, tx: &mut dyn Tx, persons: &[PersonId]) -> Result<BTreeSet<PersonId>, DbError> {
        let (holders, grounds, now) = match self {
            Scope::All => return Ok(persons.iter().copied().collect()),
            Scope::Own(own) => return Ok(persons.iter().copied().filter(|person| person.0 == *own).collect()),
            Scope::Granted { holders, grounds, now } => (holders, grounds, now),
        };
        let words: Vec<String> = grounds.iter().map(|ground| format!("'{}'", ground.key())).collect();
        let mut held = BTreeSet::new();
        for chunk in persons.chunks(ROWS_PER_STATEMENT) {
            let n = chunk.len();
            let sql = format!(
                "SELECT DISTINCT person_id FROM access_grant WHERE person_id IN {} AND holder_id IN (${}, ${}) \
                 AND ground IN ({}) AND valid_from <= ${} AND valid_until > ${}",
                db::placeholders(1, n),
                n + 1,
                n + 2,
                words.join(", "),
                n + 3,
                n + 3
            );
            let mut values: Vec<Value> = chunk.iter().map(|person| (*person).into()).collect();
            values.extend([holders[0].into(), holders[1].into(), (*now).into()]);
            for row in tx.query(&sql, &values)? {
                held.insert(row.get(0)?);
            }
        }
        Ok(held)
    }

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
