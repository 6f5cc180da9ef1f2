//! Renewals nobody asked for: a page that is open fetches what changed, and a reader without a script has it loaded
//! anew. The first look is recorded before anything is shown; a renewal that shows nothing more than that page did is
//! counted here, and the count is recorded once the page is closed. Whatever shows more than was recorded, or belongs to
//! no page that is open, is a look.
//!
//! What is counted lives in memory: after a crash the looks stand in the record and the counts of the pages that were
//! open then do not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access::Witness;
use audit::Action;
use base::{Actor, Ctx, Instant, PersonId, Purpose, SessionId, Span, limits};
use db::{DbError, Tx};

use crate::site::{Site, new_request};
use crate::visitor::Asks;

/// A page that was not renewed for so long is closed: longer than any page waits before it asks by itself.
pub const CLOSED_AFTER: Span = Span::minutes(5);

/// Pages whose counts one command records.
const CLOSED_AT_ONCE: usize = 100;

/// A page somebody opened, with all that the record says it showed.
struct OpenPage {
    path: Arc<str>,
    what: Action,
    recorded: Arc<[Witness]>,
    actor: Actor,
    purpose: Purpose,
    last: Instant,
    renewed: u64,
}

/// What is left to record of a page that is closed: that it renewed itself so often.
pub struct Closed {
    pub ctx: Ctx,
    pub what: Action,
    pub recorded: Arc<[Witness]>,
    pub renewed: u64,
}

impl OpenPage {
    /// Whether what is asked for is this page loaded anew, or a part of it: `/cases/1/fragment` is one of `/cases/1`, and
    /// `/cases/aside` stands beside each page of the cases.
    fn renews(&self, path: &str, asks: Asks, now: Instant) -> bool {
        let belongs = match asks {
            Asks::Reader => false,
            Asks::Page => *self.path == *path,
            Asks::Part => {
                let whole = path.rsplit_once('/').map_or("", |(whole, _)| whole);
                let rest = self.path.strip_prefix(whole).filter(|_| !whole.is_empty());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        };
        belongs && now - self.last < CLOSED_AFTER
    }
}

/// In which session, and which address.
type At<'a> = (SessionId, &'a Arc<str>);

#[derive(Default)]
pub struct Renewals(Mutex<HashMap<SessionId, Vec<OpenPage>>>);

impl Renewals {
    /// A look was recorded; what it showed may be shown again by a page that renews itself. Where there is no room it is
    /// not remembered, and the renewals of that page are recorded one by one.
    pub fn opened(&self, (session, path): At<'_>, what: Action, recorded: Arc<[Witness]>, ctx: &Ctx) {
        let mut all = self.all();
        let full = all.values().map(Vec::len).sum::<usize>() >= limits::OPEN_PAGES;
        let pages = all.entry(session).or_default();
        let again = |page: &&mut OpenPage| page.path == *path && page.what == what && covers(&page.recorded, &recorded);
        if let Some(page) = pages.iter_mut().find(again) {
            page.last = ctx.now;
            return;
        }
        if full || pages.len() >= limits::OPEN_PAGES_PER_SESSION {
            // A page that never renewed itself, opened the longest ago, is most likely gone, and has no count to lose.
            let idle = pages.iter().enumerate().filter(|(_, page)| page.renewed == 0).min_by_key(|(_, page)| page.last);
            let Some((idle, _)) = idle else { return };
            pages.remove(idle);
        }
        pages.push(OpenPage {
            path: path.clone(),
            what,
            recorded,
            actor: ctx.actor.clone(),
            purpose: ctx.purpose,
            last: ctx.now,
            renewed: 0,
        });
    }

    /// Whether a renewal shows no more than is recorded of a page that is open in this session, whole or in part; it is
    /// counted then.
    pub fn counted(&self, (session, path): At<'_>, asks: Asks, shown: &[Witness], now: Instant) -> bool {
        let mut all = self.all();
        let mut pages = all.get_mut(&session).into_iter().flatten();
        if let Some(page) = pages.find(|page| page.renews(path, asks, now) && covers(&page.recorded, shown)) {
            (page.last, page.renewed) = (now, page.renewed + 1);
            return true;
        }
        false
    }

    /// Whether a page that showed this person is open in this session: then the refusal of its renewal only means that a
    /// right has ended.
    pub fn showed(&self, (session, path): At<'_>, asks: Asks, person: PersonId, now: Instant) -> bool {
        let showed = |page: &OpenPage| page.recorded.iter().any(|witness| witness.person() == person);
        let all = self.all();
        let mut pages = all.get(&session).into_iter().flatten();
        pages.any(|page| page.renews(path, asks, now) && showed(page))
    }

    /// Takes out the pages that are closed by now, all of them when the program ends.
    pub fn closed(&self, now: Instant, all_of_them: bool) -> Vec<Closed> {
        let mut closed = Vec::new();
        self.all().retain(|_, pages| {
            let over = |page: &mut OpenPage| all_of_them || now - page.last >= CLOSED_AFTER;
            closed.extend(pages.extract_if(.., over).filter(|page| page.renewed > 0).map(|page| Closed {
                ctx: Ctx::new(page.actor, page.purpose, now, new_request()),
                what: page.what,
                recorded: page.recorded,
                renewed: page.renewed,
            }));
            !pages.is_empty()
        });
        closed
    }

    fn all(&self) -> MutexGuard<'_, HashMap<SessionId, Vec<OpenPage>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records the counts of pages that are closed; of all that are open where the program `ends`.
pub async fn record_closed(site: &Site, ends: bool) -> Result<(), DbError> {
    let mut closed = site.renewals().closed(site.now(), ends);
    while !closed.is_empty() {
        let some = closed.split_off(closed.len().saturating_sub(CLOSED_AT_ONCE));
        let record = move |tx: &mut dyn Tx| {
            some.iter().try_for_each(|page| audit::renewed(&page.ctx, tx, page.what, &page.recorded, page.renewed))
        };
        site.db().write(record).await?;
    }
    Ok(())
}

/// Whether each of these persons stands in the record with all that is shown of them, on the same grounds.
fn covers(recorded: &[Witness], shown: &[Witness]) -> bool {
    shown.iter().all(|one| {
        one.allowed()
            .iter()
            .all(|known| recorded.iter().any(|other| other.person() == one.person() && other.allowed().contains(known)))
    })
}
