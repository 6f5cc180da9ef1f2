//! Links: a page without a name, a button, and what it may do, once.

use audit::{Basis, Means};
use base::{Actor, Ctx, Instant, MessageId, PersonId, Redacted, Role};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::{DbError, Tx};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::verbs::Verb;
use crate::{AttemptId, LinkPurpose, NotifyError, NotifyRefusal, Topic, inbox, store};

/// The randomness of one round of deliveries: 256 bits from the operating system, drawn at the edge.
#[derive(Clone, Debug)]
pub struct LinkSeed(Redacted<[u8; 32]>);

impl LinkSeed {
    pub fn draw() -> Result<LinkSeed, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(LinkSeed::from_bytes(seed))
    }

    /// For tests and the simulated town.
    pub const fn from_bytes(seed: [u8; 32]) -> LinkSeed {
        LinkSeed(Redacted::new(seed))
    }

    /// The token of one attempt in this round: 256 bits as 43 letters.
    pub(crate) fn token(&self, attempt: AttemptId) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.0.expose());
        hasher.update(attempt.0.as_bytes());
        URL_SAFE_NO_PAD.encode(hasher.finalize())
    }
}

/// What is kept of a link's token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkHash(pub(crate) [u8; 32]);

impl LinkHash {
    /// Of whatever stands in the address; a malformed one matches nothing.
    pub fn of(token: &str) -> LinkHash {
        LinkHash(Sha256::digest(token.as_bytes()).into())
    }
}

impl std::fmt::Debug for LinkHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkHash([…])")
    }
}

/// What the nameless page shows before the button is pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkPeek {
    Open {
        purpose: LinkPurpose,
        topic: Topic,
        expires_at: Instant,
        /// The message went to the one whom it is about.
        own: bool,
    },
    Used,
    Expired,
    Unknown,
}

/// What the pressed button was good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkUse {
    pub message: MessageId,
    /// To whom the message had gone.
    pub recipient: Uuid,
    pub person: Option<PersonId>,
    pub purpose: LinkPurpose,
}

impl LinkUse {
    /// The message went to the one whom it is about.
    pub fn is_own(&self) -> bool {
        is_own(self.recipient, self.person)
    }

    /// The bearer of the link acting: nameless, for the one person the message was about.
    pub fn actor(&self) -> Actor {
        Actor { role: Role::Link, id: self.message.0, office: None, person: self.person, device: "link".to_owned() }
    }
}

/// Changes nothing: mail programs open links on their own.
pub fn peek_link(tx: &mut dyn Tx, link: &LinkHash, now: Instant) -> Result<LinkPeek, DbError> {
    let Some(found) = store::link(tx, link)? else { return Ok(LinkPeek::Unknown) };
    Ok(match judge(&found, now) {
        Ok(()) => LinkPeek::Open {
            purpose: found.purpose,
            topic: found.topic,
            expires_at: found.expires_at,
            own: is_own(found.recipient, found.person),
        },
        Err(NotifyRefusal::LinkUsed) => LinkPeek::Used,
        Err(_) => LinkPeek::Expired,
    })
}

fn is_own(recipient: Uuid, person: Option<PersonId>) -> bool {
    person.is_some_and(|person| person.0 == recipient)
}

/// Whether the message of this link went to the actor or the actor's office: whoever else holds it opens nothing by it.
pub fn link_is_for(ctx: &Ctx, tx: &mut dyn Tx, link: &LinkHash) -> Result<bool, DbError> {
    let Some(found) = store::link(tx, link)? else { return Ok(false) };
    Ok(inbox::is_for(ctx, found.recipient))
}

/// Spends the link, in the transaction of what its button does: if that is refused, the link is not spent. The message
/// counts as read, and ways that were still to be taken are not.
pub fn use_link(ctx: &Ctx, tx: &mut dyn Tx, link: &LinkHash) -> Result<LinkUse, NotifyError> {
    let found = store::link(tx, link)?.ok_or(NotifyRefusal::LinkUnknown)?;
    judge(&found, ctx.now)?;
    store::spend_link(tx, found.message, ctx.now)?;
    store::read(tx, found.message, ctx.now)?;
    store::set_attempt_read(tx, found.attempt, ctx.now)?;
    let used =
        LinkUse { message: found.message, recipient: found.recipient, person: found.person, purpose: found.purpose };
    // Who is signed in acts under their own name; a bearer has none.
    let signed_in = inbox::is_for(ctx, found.recipient);
    let actor = if signed_in { ctx.actor.clone() } else { used.actor() };
    let acting = Ctx::new(actor, ctx.purpose, ctx.now, ctx.request);
    let proof = if signed_in { Means::Recipient } else { Means::Link };
    audit::done(&acting, tx, Verb::UseLink, Basis::Means(proof, used.person), found.purpose.key())?;
    Ok(used)
}

fn judge(link: &store::Link, now: Instant) -> Result<(), NotifyRefusal> {
    if link.used_at.is_some() {
        return Err(NotifyRefusal::LinkUsed);
    }
    if link.expires_at <= now {
        return Err(NotifyRefusal::LinkExpired);
    }
    Ok(())
}
