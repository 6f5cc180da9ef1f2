//! Live screens: after a commit, the screens whose reader knows the person it concerns are told that something changed.
//! A word on the wire says neither what nor whom; the page fetches its fragment, and that look is checked and recorded
//! like any other.
//!
//! It knows channels, readers and persons, and no capability's events: what an event means for screens is handed in,
//! with whoever knows its persons, read once for all screens. Nothing here asks the database.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::{Act, Ground, Knower};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use base::{AccountId, Ctx, Instant, PersonId, Role, SessionId, limits};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::problem::Problem;
use crate::site::random;

/// What a desk listens for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// The call centre's queue and cases.
    Cases,
    /// Visits, notes and answers.
    Notebook,
    /// Alerts about one's own relative.
    Family,
    /// Devices, lines and registration.
    Register,
}

impl Channel {
    pub const ALL: &'static [Channel] = &[Channel::Cases, Channel::Notebook, Channel::Family, Channel::Register];

    pub fn parse(text: &str) -> Option<Channel> {
        Channel::ALL.iter().copied().find(|channel| channel.path().strip_prefix("/live/") == Some(text))
    }

    /// Its address.
    pub const fn path(self) -> &'static str {
        match self {
            Channel::Cases => "/live/cases",
            Channel::Notebook => "/live/notebook",
            Channel::Family => "/live/family",
            Channel::Register => "/live/register",
        }
    }

    /// What a role may listen to; its own messages come over any.
    pub const fn of(role: Role) -> &'static [Channel] {
        match role {
            Role::Operator | Role::SupportCentre => &[Channel::Cases, Channel::Notebook],
            Role::CityOfficer => &[Channel::Cases, Channel::Register, Channel::Notebook],
            Role::Family | Role::Resident => &[Channel::Family],
            Role::Administrator => &[Channel::Register, Channel::Notebook],
            Role::Auditor => &[],
            _ => &[Channel::Notebook],
        }
    }

    /// What its screens show of a person: a reader who may do none of it with somebody is not woken about them.
    const fn acts(self) -> &'static [Act] {
        match self {
            Channel::Cases => &[Act::SeeCase, Act::SeeAlert],
            Channel::Notebook => &[Act::SeeNotes, Act::SeeCase, Act::ReportVisit],
            Channel::Family => &[Act::SeeAlert, Act::SeeWatch],
            Channel::Register => &[Act::Register, Act::SeeLines],
        }
    }
}

/// Something that was committed, as far as screens must know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Happened {
    pub channels: &'static [Channel],
    pub whom: Whom,
}

/// Whose screens stir.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whom {
    /// Of those who know this person.
    Of(PersonId),
    /// The same; but where nobody holds a case of this person, everybody on the channel: an alert is never nobody's.
    InNeed(PersonId),
    /// Everybody on the channel.
    All,
    /// This reader, or this office: something about their messages changed.
    Messages(Uuid),
}

/// The hub between the outbox and the screens.
#[derive(Clone, Default)]
pub struct Live {
    screens: Arc<Mutex<HashMap<u64, Arc<Screen>>>>,
    next: Arc<AtomicU64>,
    /// The database is away.
    away: Arc<AtomicBool>,
}

/// What one tell did, for tests and benches.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Woken {
    pub changed: usize,
    pub messages: usize,
}

impl Live {
    pub fn new() -> Live {
        Live::default()
    }

    /// Wakes whom these concern, each screen once however many they are. Costs one pass over the screens in memory.
    pub fn tell(&self, happened: &[Happened], knowers: &[Knower]) -> Woken {
        let audience = Audience::of(happened, knowers);
        if audience.nobody() {
            return Woken::default();
        }
        let screens: Vec<Arc<Screen>> = {
            let screens = self.screens.lock().unwrap_or_else(PoisonError::into_inner);
            screens.values().cloned().collect()
        };
        let mut woken = Woken::default();
        for screen in screens.iter().filter(|s| audience.messages.iter().any(|to| s.own.contains(to))) {
            screen.wake(&screen.messages, 0);
            woken.messages += 1;
        }
        for (channel, told) in &audience.channels {
            let of: Vec<_> = screens.iter().filter(|s| s.channel == *channel && told.concerns(&s.reader)).collect();
            for screen in &of {
                screen.wake(&screen.changed, spread(of.len()));
            }
            woken.changed += of.len();
        }
        woken
    }

    /// Tells every screen that the database is away, so that nobody takes what is shown for what is; or that it is back.
    pub fn tell_away(&self, away: bool) {
        let screens = self.screens.lock().unwrap_or_else(PoisonError::into_inner);
        self.away.store(away, Ordering::Relaxed);
        screens.values().for_each(|screen| screen.tell_away(away));
    }

    /// A stream for one screen: `changed` for what its channel hears about those whom its reader knows, `messages` for
    /// what came to its reader, each with the milliseconds over which the screens that were told may spread their
    /// asking; `away` and `back` while the database is not there; a heartbeat every 10 s lets the page notice a lost line,
    /// and one when its session opens another lets a proxy notice that the page was left. It ends with its session, at
    /// `until` at the latest. Whoever calls this looks afterwards whether the session still is: one that ended before the
    /// line was known closes nothing.
    pub fn listen(&self, channel: Channel, ctx: &Ctx, until: Instant) -> Result<impl IntoResponse + use<>, Problem> {
        let words = self.words(channel, ctx, until)?;
        // After a restart they all dial anew, and not in the same moment.
        let first = stream::once(async { Event::default().retry(redial()) });
        let said = words.map(|(word, spread)| Event::default().event(word).data(spread.to_string()));
        let stream = first.chain(said).map(Ok::<_, Infallible>);
        let alive = KeepAlive::new().interval(limits::LIVE_HEARTBEAT).event(Event::default().event("alive").data("-"));
        // A proxy that gathers an answer before it hands it on (nginx does by itself) would keep every event back.
        Ok(([("x-accel-buffering", "no")], Sse::new(stream).keep_alive(alive)))
    }

    /// What one screen is told: the word, and the milliseconds of the spread.
    pub fn words(
        &self,
        channel: Channel,
        ctx: &Ctx,
        until: Instant,
    ) -> Result<impl Stream<Item = (&'static str, u32)> + Send + use<>, Problem> {
        let seat = self.seat(channel, ctx)?;
        seat.screen.until.store(until.0, Ordering::Relaxed);
        Ok(stream::unfold(seat, |seat| async move { seat.screen.next().await.map(|word| (word, seat)) }))
    }

    /// Closes the lines of an account's sessions that ended: all, or `session` alone, or all but `but`.
    pub fn close(&self, account: AccountId, session: Option<SessionId>, but: Option<SessionId>) {
        self.close_where(|screen| {
            let of = |id: Option<SessionId>| id.is_some() && screen.session == id;
            screen.account == account && (session.is_none() || of(session)) && !of(but)
        });
    }

    /// Closes the lines whose session may last no longer, whatever came.
    pub fn close_over(&self, now: Instant) {
        self.close_where(|screen| screen.until.load(Ordering::Relaxed) <= now.0);
    }

    fn close_where(&self, ended: impl Fn(&Screen) -> bool) {
        let mut screens = self.screens.lock().unwrap_or_else(PoisonError::into_inner);
        screens.retain(|_, screen| {
            let ends = ended(screen);
            if ends {
                screen.over.store(true, Ordering::Relaxed);
                screen.stirred.notify_one();
            }
            !ends
        });
    }

    fn seat(&self, channel: Channel, ctx: &Ctx) -> Result<Seat, Problem> {
        let actor = &ctx.actor;
        let screen = Arc::new(Screen {
            channel,
            reader: Reader::of(channel, ctx),
            own: [actor.id, actor.office.map_or(actor.id, |o| o.0)],
            changed: AtomicU32::new(QUIET),
            messages: AtomicU32::new(QUIET),
            alive: AtomicU32::new(QUIET),
            away: AtomicU32::new(QUIET),
            back: AtomicU32::new(QUIET),
            stirred: Notify::new(),
            seats: seats_for(actor.role),
            account: AccountId(actor.id),
            // An account acts in a session, whose id is the word for its terminal.
            session: actor.device.parse().ok(),
            until: AtomicI64::new(i64::MAX),
            over: AtomicBool::new(false),
        });
        let mut screens = self.screens.lock().unwrap_or_else(PoisonError::into_inner);
        let of_session: Vec<_> =
            screens.values().filter(|s| s.session.is_some() && s.session == screen.session).collect();
        // A proxy may keep the line of a page that was left until something is said on it; whoever opens one often left one.
        for other in &of_session {
            other.wake(&other.alive, 0);
        }
        let no_nearer = screens.values().filter(|s| s.seats <= screen.seats).count();
        if screens.len() >= limits::LIVE_SCREENS
            || no_nearer >= screen.seats
            || of_session.len() >= limits::LIVE_SCREENS_PER_SESSION
        {
            return Err(Problem::Busy);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        if self.away.load(Ordering::Relaxed) {
            screen.tell_away(true);
        }
        screens.insert(id, screen.clone());
        Ok(Seat { live: self.clone(), id, screen })
    }
}

/// One listening screen. What it was told and has not said yet is one word of each kind, never a queue.
struct Screen {
    channel: Channel,
    reader: Reader,
    /// The reader and the reader's office.
    own: [Uuid; 2],
    /// Milliseconds of the spread, or [`QUIET`].
    changed: AtomicU32,
    messages: AtomicU32,
    alive: AtomicU32,
    away: AtomicU32,
    back: AtomicU32,
    stirred: Notify,
    /// How many such screens, and those with fewer seats, there may be.
    seats: usize,
    account: AccountId,
    session: Option<SessionId>,
    /// The end of the session, whatever comes.
    until: AtomicI64,
    /// The session ended: so does the line.
    over: AtomicBool,
}

const QUIET: u32 = u32::MAX;

impl Screen {
    fn wake(&self, word: &AtomicU32, spread: u32) {
        // The smaller spread of two: whoever must hurry does.
        word.fetch_min(spread, Ordering::Relaxed);
        self.stirred.notify_one();
    }

    fn tell_away(&self, away: bool) {
        let (word, other) = if away { (&self.away, &self.back) } else { (&self.back, &self.away) };
        other.store(QUIET, Ordering::Relaxed);
        self.wake(word, 0);
    }

    async fn next(&self) -> Option<(&'static str, u32)> {
        loop {
            if self.over.load(Ordering::Relaxed) {
                return None;
            }
            let (messages, changed) = (("messages", &self.messages), ("changed", &self.changed));
            let (away, back, alive) = (("away", &self.away), ("back", &self.back), ("alive", &self.alive));
            for (name, word) in [away, back, messages, changed, alive] {
                let spread = word.swap(QUIET, Ordering::Relaxed);
                if spread != QUIET {
                    // The other word, if there is one, must not sleep until the next.
                    self.stirred.notify_one();
                    return Some((name, spread));
                }
            }
            self.stirred.notified().await;
        }
    }
}

/// Its place in the hub; given back when the connection ends.
struct Seat {
    live: Live,
    id: u64,
    screen: Arc<Screen>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.live.screens.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// How many screens of such readers there may be, with those of whoever has fewer seats: the last are kept for those who
/// answer alarms, and however many relatives look on, there are seats for those who visit and treat.
const fn seats_for(role: Role) -> usize {
    match role {
        Role::Operator | Role::CityOfficer => limits::LIVE_SCREENS,
        Role::Family | Role::Resident => limits::LIVE_SCREENS_OF_FAMILIES,
        _ => limits::LIVE_SCREENS_OF_STAFF,
    }
}

/// Whom a reader may know on this channel, decided once when the screen sits down. Whoever is refused hears of nobody.
#[derive(Default)]
struct Reader {
    all: bool,
    own: Option<PersonId>,
    holders: Vec<Uuid>,
    grounds: Vec<Ground>,
}

impl Reader {
    fn of(channel: Channel, ctx: &Ctx) -> Reader {
        let mut reader = Reader::default();
        for scope in channel.acts().iter().filter_map(|act| access::scope(ctx, *act).ok()) {
            let access::Outline { all, own, holders, grounds } = scope.outline();
            reader.all |= all;
            reader.own = reader.own.or(own);
            reader.holders = holders;
            reader.grounds.extend(grounds);
        }
        reader
    }

    fn nobody(&self) -> bool {
        !self.all && self.own.is_none() && self.grounds.is_empty()
    }
}

/// Whom a batch of events concerns.
#[derive(Default)]
struct Audience {
    channels: HashMap<Channel, Told>,
    messages: HashSet<Uuid>,
}

#[derive(Default)]
struct Told {
    everybody: bool,
    persons: HashSet<PersonId>,
    knowers: HashMap<Uuid, Vec<Ground>>,
}

impl Audience {
    fn of(happened: &[Happened], knowers: &[Knower]) -> Audience {
        let mut by_person: HashMap<PersonId, Vec<&Knower>> = HashMap::new();
        for knower in knowers {
            by_person.entry(knower.person).or_default().push(knower);
        }
        let mut audience = Audience::default();
        for one in happened {
            for channel in one.channels {
                let told = audience.channels.entry(*channel).or_default();
                match one.whom {
                    Whom::Of(person) => told.add(person, &by_person),
                    Whom::InNeed(person) => {
                        told.add(person, &by_person);
                        let held = |k: &&Knower| matches!(k.ground, Ground::Case | Ground::Escalation);
                        told.everybody |= !by_person.get(&person).is_some_and(|known| known.iter().any(held));
                    }
                    Whom::All => told.everybody = true,
                    Whom::Messages(_) => {}
                }
            }
            if let Whom::Messages(to) = one.whom {
                audience.messages.insert(to);
            }
        }
        audience
    }

    fn nobody(&self) -> bool {
        self.channels.is_empty() && self.messages.is_empty()
    }
}

impl Told {
    fn add(&mut self, person: PersonId, by_person: &HashMap<PersonId, Vec<&Knower>>) {
        self.persons.insert(person);
        for knower in by_person.get(&person).into_iter().flatten() {
            self.knowers.entry(knower.holder).or_default().push(knower.ground);
        }
    }

    fn concerns(&self, reader: &Reader) -> bool {
        if self.everybody || reader.all {
            return !reader.nobody();
        }
        let known = |holder: &Uuid| {
            self.knowers.get(holder).is_some_and(|grounds| grounds.iter().any(|g| reader.grounds.contains(g)))
        };
        reader.own.is_some_and(|own| self.persons.contains(&own)) || reader.holders.iter().any(known)
    }
}

/// Over how many milliseconds so many screens ask: two a screen, in steps, so that the word says little of how many
/// they are. A handful asks at once.
fn spread(screens: usize) -> u32 {
    match screens {
        0..=16 => 0,
        17..=128 => 250,
        129..=512 => 1000,
        513..=1024 => 2000,
        _ => 4000,
    }
}

fn redial() -> Duration {
    let drawn = u64::from(u16::from_be_bytes(random()));
    Duration::from_millis(1000 + drawn % 4000)
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
