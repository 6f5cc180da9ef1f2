//! A signed-in visitor: who they are, and the two ways they touch a record. A look reads and leaves an audit row before
//! anything is shown; a command leaves one whether it was carried out or refused.

use std::sync::Arc;

use access::{Shown, Witness, Witnesses};
use audit::{Action, Basis};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base::{Actor, Ctx, PersonId, Purpose, Redacted, Role};
use db::{Brief, Tx};

use crate::about::Item;
use crate::certificate::Presented;
use crate::foresight::Look;
use crate::guard::Nonce;
use crate::problem::Problem;
use crate::site::{Site, new_request};
use crate::standing::Standing;
pub use crate::standing::{Greet, Greeting};

#[derive(Clone, Debug)]
pub struct Visitor {
    pub session: signin::Session,
    standing: Arc<Standing>,
    pub asks: Asks,
    /// The address asked for, and what it names.
    pub path: Arc<str>,
    pub item: Option<Item>,
}

/// Who asks: the reader, or the page they left open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asks {
    Reader,
    /// A part of an open page that is fetched because something changed.
    Part,
    /// An open page that is loaded anew without a script.
    Page,
}

/// What a look showed, and what the wall witnessed of everybody in it.
pub struct Seen<T> {
    value: T,
    basis: Rests,
}

/// What a look rests on, kept until it is recorded.
enum Rests {
    Wall(Arc<[Witness]>),
    /// Shows nobody's record: `items` says what it shows.
    Else(Basis<'static>, &'static str),
}

impl<T> Seen<T> {
    /// Persons, items and grounds of the audit row are those of the witnesses.
    pub fn of(value: T, witnesses: Witnesses) -> Seen<T> {
        Seen { value, basis: Rests::Wall(witnesses.into_vec().into()) }
    }

    /// A page of the region as a whole, or of the reader's own: no person's record was opened.
    pub fn by(value: T, basis: impl Into<Basis<'static>>, items: &'static str) -> Seen<T> {
        Seen { value, basis: Rests::Else(basis.into(), items) }
    }
}

impl<T> From<Shown<T>> for Seen<T> {
    fn from(shown: Shown<T>) -> Seen<T> {
        let mut witnesses = Witnesses::default();
        let value = witnesses.take(shown);
        Seen::of(value, witnesses)
    }
}

impl Visitor {
    fn of(session: signin::Session, standing: Standing) -> Visitor {
        Visitor { session, standing: Arc::new(standing), asks: Asks::Reader, path: "".into(), item: None }
    }

    /// Whoever began this session just now.
    pub fn entering(session: signin::Session) -> Visitor {
        Visitor::of(session, Standing::begun())
    }

    /// The name of the office, for the head of the page.
    pub fn office(&self) -> Option<&Redacted<String>> {
        self.standing.greeting().and_then(|greeting| greeting.office.as_ref())
    }

    /// Messages to them or their office that nobody has read.
    pub fn unread(&self) -> usize {
        self.standing.greeting().map_or(0, |greeting| greeting.unread)
    }

    /// Cases past their limit that this reader answers for.
    pub fn overdue(&self) -> usize {
        self.standing.greeting().map_or(0, |greeting| greeting.overdue)
    }

    /// Whether the session stands; `None` where it is only remembered so far.
    pub(crate) fn stands(&self) -> Option<bool> {
        self.standing.holds()
    }

    /// Whether it stands now, however long the request took to arrive.
    pub(crate) async fn stands_still(&self, site: &Site) -> bool {
        let (standing, ctx) = (self.standing.clone(), self.ctx(site));
        site.db().read(move |tx| standing.still(&ctx, tx)).await.is_ok()
    }

    /// Looks up whether the session stands, where that is not known yet.
    pub(crate) async fn proven(&self, site: &Site) -> Result<(), Problem> {
        match self.stands() {
            Some(true) => Ok(()),
            Some(false) => Err(Problem::SignInFirst),
            None => {
                let (standing, ctx, at) = (self.standing.clone(), self.ctx(site), site.clone());
                let now = ctx.now;
                let looked_up = site.db().read(move |tx| standing.look_up(&at, &ctx, tx)).await?;
                self.standing.settle(site, now, looked_up)
            }
        }
    }

    /// Nobody is told of this visitor any more: their session does not stand.
    pub(crate) fn withdraw(&self) {
        self.standing.withdraw();
    }

    pub(crate) fn was_withdrawn(&self) -> bool {
        self.standing.was_withdrawn()
    }

    pub fn actor(&self) -> &Actor {
        &self.session.actor
    }

    pub fn role(&self) -> Role {
        self.actor().role
    }

    /// The circumstances of one request of this visitor; the purpose follows from what they are here to do.
    pub fn ctx(&self, site: &Site) -> Ctx {
        Ctx::new(self.actor().clone(), purpose_of(self.role()), site.now(), new_request())
    }

    /// Reads on a reader thread, of the moment in which the reader's session is known to stand; records the look, and only
    /// then hands out what was read.
    pub async fn look<T, F>(&self, site: &Site, what: impl Into<Action>, f: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Fn(&Ctx, &mut dyn Tx) -> Result<Seen<T>, Problem> + Send + 'static,
    {
        let what = what.into();
        let ctx = self.ctx(site);
        let reading = ctx.clone();
        let (standing, at) = (self.standing.clone(), site.clone());
        let (session, look) = (self.session.id, Look::of(what.key(), &self.path));
        let foreseen = site.foresight().recall(session, look, ctx.now);
        let read = site.db().read_brief(what.key(), foreseen, move |tx| {
            standing.ask_ahead(&at, &reading, tx);
            let outcome = f(&reading, tx);
            standing.look_up(&at, &reading, tx).map(|looked_up| (outcome, looked_up))
        });
        let Brief { outcome: read, questions, guess, later } = read.await;
        let (outcome, looked_up) = read?;
        if questions > 0 && outcome.is_ok() {
            site.foresight().learn(session, look, ctx.now, guess, later);
        }
        self.standing.settle(site, ctx.now, looked_up)?;
        let recording = ctx;
        match outcome {
            Ok(Seen { value, basis: Rests::Wall(shown) }) if self.is_renewal(site, &shown) => Ok(value),
            Ok(Seen { value, basis }) => {
                let opened = recording.clone();
                let shown = if let Rests::Wall(witnesses) = &basis { witnesses.clone() } else { Arc::default() };
                let record = move |tx: &mut dyn Tx| match &basis {
                    Rests::Wall(witnesses) => audit::looked(&recording, tx, what, &**witnesses),
                    Rests::Else(basis, items) => audit::done(&recording, tx, what, *basis, items),
                };
                site.db().write(record).await.map_err(Problem::from)?;
                site.renewals().opened((session, &self.path), what, shown, &opened);
                Ok(value)
            }
            // The right to a page that is open has ended: the page says so, and nobody is accused of a look.
            Err(Problem::Denied(Some(person))) if self.had_open(site, person) => Err(Problem::Ended(self.asks)),
            Err(problem) => {
                let (why, whom) = (problem.key(), self.found(site, problem.persons()).await?);
                let record = move |tx: &mut dyn Tx| audit::refused(&recording, tx, what, &whom, why);
                site.db().write(record).await.map_err(Problem::from)?;
                Err(problem)
            }
        }
    }

    fn is_renewal(&self, site: &Site, shown: &[Witness]) -> bool {
        site.renewals().counted((self.session.id, &self.path), self.asks, shown, site.now())
    }

    fn had_open(&self, site: &Site, person: PersonId) -> bool {
        site.renewals().showed((self.session.id, &self.path), self.asks, person, site.now())
    }

    /// That the reader was here, so that their session goes on; a page that renews itself says nothing of its reader.
    pub(crate) async fn touched(&self, site: &Site) -> Result<(), Problem> {
        if self.wants_touch(site) {
            let (ctx, id) = (self.ctx(site), self.session.id);
            site.db().write(move |tx| signin::touch(&ctx, tx, id)).await?;
            self.standing.changed(site);
        }
        Ok(())
    }

    pub(crate) fn wants_touch(&self, site: &Site) -> bool {
        self.asks == Asks::Reader && self.session.wants_touch(site.now())
    }

    /// Sends a command to the writer; the verb writes its own audit row, a refusal is recorded here.
    pub async fn command<T, F>(&self, site: &Site, verb: impl Into<Action>, f: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Fn(&Ctx, &mut dyn Tx) -> Result<T, Problem> + Send + 'static,
    {
        let verb = verb.into();
        self.proven(site).await?;
        let ctx = self.ctx(site);
        let refusing = ctx.clone();
        let (visitor, at, standing) = (self.clone(), site.clone(), self.standing.clone());
        site.db()
            .write_or(
                move |tx| {
                    standing.still(&ctx, tx)?;
                    f(&ctx.clone(), tx)
                },
                move |tx, problem: &Problem| {
                    let whom = visitor.whom(&at, problem.persons())(tx);
                    audit::refused(&refusing, tx, verb, &whom, problem.key()).map(drop)
                },
            )
            .await
    }

    /// As [`Visitor::command`], for bulk: refused as full while room on the disk is low, also where it got low while the
    /// command waited.
    pub async fn bulk_command<T, F>(&self, site: &Site, verb: impl Into<Action>, f: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Fn(&Ctx, &mut dyn Tx) -> Result<T, Problem> + Send + 'static,
    {
        let disk = site.clone();
        self.command(site, verb, move |ctx, tx| match disk.space() {
            db::Space::Ample => f(ctx, tx),
            _ => Err(Problem::Full),
        })
        .await
    }

    /// Records that this visitor stood before a door that wants a certificate, and what they showed.
    pub(crate) async fn without_certificate(
        &self,
        site: &Site,
        path: &'static str,
        shown: Presented,
        fingerprint: Option<&str>,
    ) -> Result<(), Problem> {
        let ctx = self.ctx(site);
        let why = fingerprint.map_or_else(|| shown.key().to_owned(), |print| format!("{} {print}", shown.key()));
        let whom = self.found(site, &[]).await?;
        let row = move |tx: &mut dyn Tx| audit::refused(&ctx, tx, Action::door(path), &whom, &why);
        site.db().write(row).await.map(drop).map_err(Problem::from)
    }

    /// Records that this visitor stood before a door that is not theirs.
    pub async fn turned_away(&self, site: &Site, path: &'static str) -> Result<(), Problem> {
        let (ctx, whom) = (self.ctx(site), self.found(site, &[]).await?);
        let row = move |tx: &mut dyn Tx| audit::refused(&ctx, tx, Action::door(path), &whom, "door");
        site.db().write(row).await.map(drop).map_err(Problem::from)
    }

    /// As [`Visitor::whom`], asked outside the writer.
    async fn found(&self, site: &Site, said: &[PersonId]) -> Result<Vec<PersonId>, Problem> {
        let whom = self.whom(site, said);
        match said {
            [] if self.item.is_some() => site.db().read(move |tx| Ok(whom(tx))).await,
            said => Ok(said.to_vec()),
        }
    }

    /// Whom a refusal was about: as it says itself, or else as the address does.
    fn whom(&self, site: &Site, said: &[PersonId]) -> impl Fn(&mut dyn Tx) -> Vec<PersonId> + Send + 'static {
        let (said, about) = (said.to_vec(), self.item.clone().zip(site.about()));
        move |tx| match &about {
            Some((item, about)) if said.is_empty() => item.persons(tx, *about),
            _ => said.clone(),
        }
    }
}

fn purpose_of(role: Role) -> Purpose {
    match role {
        Role::Doctor | Role::Nurse | Role::Pharmacist | Role::CareManager | Role::CareWorker => Purpose::Care,
        Role::Operator | Role::Commissioner | Role::Link => Purpose::WatchResponse,
        Role::SupportCentre | Role::CityOfficer => Purpose::CityDuty,
        Role::Administrator => Purpose::Registration,
        Role::Auditor => Purpose::Audit,
        Role::Family => Purpose::FamilyView,
        Role::Resident => Purpose::OwnView,
        Role::Gateway | Role::System => Purpose::Operation,
    }
}

/// Who the session cookie belongs to, if it is a living session. Whose it was a moment ago may be believed until the
/// answer leaves: see [`crate::standing`]. It lives on when the reader comes to a door.
pub async fn identify(
    site: &Site,
    greet: Greet,
    headers: &HeaderMap,
    may_recall: bool,
) -> Result<Option<Visitor>, Problem> {
    let Some(token) = session_token(headers, site.cookie_name()) else { return Ok(None) };
    let (hash, now, at) = (signin::TokenHash::of(&token), site.now(), site.clone());
    if may_recall && let Some(session) = site.remembered().recall(&hash, now) {
        return Ok(Some(Visitor::of(session, Standing::claimed(hash, greet, !may_recall))));
    }
    let found = site.db().read(move |tx| {
        let Some(session) = signin::session(tx, &hash, now)? else { return Ok(None) };
        let visitor = Visitor::of(session, Standing::claimed(hash, greet, !may_recall));
        let looked_up = visitor.standing.look_up(&at, &visitor.ctx(&at), tx)?;
        visitor.standing.settle(&at, now, looked_up)?;
        Ok::<_, Problem>(Some(visitor))
    });
    found.await
}

/// The token in the cookie of this name.
pub fn session_token(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).filter(|v| !v.is_empty())
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Visitor>().cloned().ok_or(Problem::SignInFirst)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Nonce {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Nonce>().cloned().ok_or_else(|| Problem::Fault("no nonce".into()))
    }
}
