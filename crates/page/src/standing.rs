//! Whether a session stands. What a token means, the database says; but whose it was a moment ago is remembered, so that
//! a page can ask what it shows and whether the session still stands in one journey. Both answers are of the same
//! moment, and nothing that was read leaves the house where the session does not stand.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Ctx, Instant, Redacted};
use db::Tx;
use signin::{Session, TokenHash};

use crate::problem::Problem;
use crate::site::Site;

/// What the frame says to whoever is signed in beyond what their session knows.
#[derive(Debug)]
pub struct Greeting {
    /// The name of the office, for the head of the page.
    pub office: Option<Redacted<String>>,
    /// Messages to them or their office that nobody has read.
    pub unread: usize,
    /// Cases past their limit that this reader answers for.
    pub overdue: usize,
}

/// Reads a greeting, but for the name of the office where that is known; the capabilities that know it stand beside
/// sign-in, not below it.
pub type Greet = fn(&mut dyn Tx, &Ctx, Option<Redacted<String>>) -> Result<Greeting, Problem>;

/// Of one request: whether the session that it names was looked up, and what came of it.
#[derive(Debug)]
pub struct Standing {
    claim: Option<(TokenHash, Greet)>,
    /// A form may take minutes to arrive: whatever is done with it asks once more, in its own transaction.
    asks_again: bool,
    found: OnceLock<Option<Greeting>>,
    /// The door found that it does not, and its handler was told of nobody.
    withdrawn: AtomicBool,
}

impl Standing {
    /// Of a session that was begun in this very request.
    pub(crate) fn begun() -> Standing {
        let nothing = Greeting { office: None, unread: 0, overdue: 0 };
        Standing {
            claim: None,
            asks_again: false,
            found: OnceLock::from(Some(nothing)),
            withdrawn: AtomicBool::new(false),
        }
    }

    pub(crate) fn claimed(token: TokenHash, greet: Greet, asks_again: bool) -> Standing {
        Standing { claim: Some((token, greet)), asks_again, found: OnceLock::new(), withdrawn: AtomicBool::new(false) }
    }

    /// `None`: not looked up yet.
    pub(crate) fn holds(&self) -> Option<bool> {
        self.found.get().map(Option::is_some)
    }

    /// Nothing while it is not known whether the session stands.
    pub(crate) fn greeting(&self) -> Option<&Greeting> {
        self.found.get().and_then(Option::as_ref)
    }

    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Relaxed);
    }

    pub(crate) fn was_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Relaxed)
    }

    /// Has asked whatever makes this known with the next question.
    pub(crate) fn ask_ahead(&self, site: &Site, ctx: &Ctx, tx: &mut dyn Tx) {
        let Some((token, greet)) = self.open_claim() else { return };
        tx.ahead(&[&|tx| drop(signin::session(tx, &token, ctx.now)), &|tx| drop(greeting(site, ctx, tx, greet))]);
    }

    /// What the database says of the session, where that is not known yet. Where it does not stand, or is not the one
    /// that was remembered, that is an answer too.
    pub(crate) fn look_up(&self, site: &Site, ctx: &Ctx, tx: &mut dyn Tx) -> Result<Option<LookedUp>, Problem> {
        let Some((token, greet)) = self.open_claim() else { return Ok(None) };
        let session = signin::session(tx, &token, ctx.now)?.filter(|session| session.actor == ctx.actor);
        Ok(Some(match session {
            Some(session) => LookedUp(Some((session, greeting(site, ctx, tx, greet)?))),
            None => LookedUp(None),
        }))
    }

    /// Takes in what was looked up; an error where the session does not stand.
    pub(crate) fn settle(&self, site: &Site, now: Instant, looked_up: Option<LookedUp>) -> Result<(), Problem> {
        let mut stands = true;
        if let (Some(LookedUp(found)), Some((token, _))) = (looked_up, &self.claim) {
            stands = found.is_some();
            match &found {
                Some((session, _)) => site.remembered().learn(*token, session, now),
                None => site.remembered().forget(token),
            }
            let _ = self.found.set(found.map(|(_, greeting)| greeting));
        }
        if stands && self.holds() == Some(true) { Ok(()) } else { Err(Problem::SignInFirst) }
    }

    /// Refuses a command whose session ended while its form arrived.
    pub(crate) fn still(&self, ctx: &Ctx, tx: &mut dyn Tx) -> Result<(), Problem> {
        match self.claim.filter(|_| self.asks_again) {
            Some((token, _)) => match signin::session(tx, &token, ctx.now)? {
                Some(session) if session.actor == ctx.actor => Ok(()),
                _ => Err(Problem::SignInFirst),
            },
            None => Ok(()),
        }
    }

    fn open_claim(&self) -> Option<(TokenHash, Greet)> {
        self.claim.filter(|_| self.asks_again || self.holds().is_none())
    }

    /// What is remembered of the session is no longer so.
    pub(crate) fn changed(&self, site: &Site) {
        if let Some((token, _)) = &self.claim {
            site.remembered().forget(token);
        }
    }
}

/// What was found of a session, until the reading that found it is over.
pub(crate) struct LookedUp(Option<(Session, Greeting)>);

fn greeting(site: &Site, ctx: &Ctx, tx: &mut dyn Tx, greet: Greet) -> Result<Greeting, Problem> {
    let names = site.office_names();
    let known = ctx.actor.office.and_then(|office| names.recall(&office, ctx.now));
    let greeting = greet(tx, ctx, known)?;
    if let Some((office, name)) = ctx.actor.office.zip(greeting.office.as_ref()) {
        names.learn_if_new(office, name, ctx.now);
    }
    Ok(greeting)
}
