//! A month of the town in virtual time: the fate of its homes goes in through the station, alerts open cases, staff work
//! them, limits escalate, the station dies and starts again. Everything that a check needs is kept in a ledger.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use base::{AlertId, CaseId, HomeId, Instant, Purpose, Role, Span};
use db::outbox;
use ingest::Delivery;
use ingest::station::{Signal as News, Station};
use people::TeamPart;
use rand::Rng;
use town::plan::{Size, chance};
use watch::{AbsenceReason, Alert, Arrival, Level, NewAbsence, Rule, Signal, WatchError, WatchRefusal};

use crate::fate::{Episode, Fate, stays_connected, unused};
use crate::region::delivery;
use crate::staff::{Progress, Truth, Work};
use crate::{Region, at};

/// How often the station looks; in between, what arrives waits for it, as in its queue.
const LOOKS: i64 = 5;
/// The month is a mild one: nobody freezes or suffers from heat in this story.
const BEGIN: &str = "2026-10-01T00:00";

/// An alert or a notice as it was raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    pub home: usize,
    pub alert: Alert,
    /// The case it opened or joined, if it is one for the call centre.
    pub case: Option<CaseId>,
    /// How it was in the house.
    pub truth: Truth,
}

/// Somebody who lay there.
#[derive(Clone, Copy, Debug)]
pub struct Fall {
    pub home: usize,
    pub at: Instant,
    pub found: Option<Instant>,
    /// Back at home.
    pub back: Option<Instant>,
}

#[derive(Default)]
pub struct Ledger {
    pub raised: Vec<Raised>,
    pub falls: Vec<Fall>,
    /// For each home, the moments at which its silence is counted anew: a closed case, an answer, a line that came back, the
    /// end of an absence.
    pub anew: HashMap<usize, Vec<Instant>>,
    pub deaths: Vec<Instant>,
    pub cases: Vec<(CaseId, usize, Instant)>,
    pub sent: HashSet<(String, Instant, u8)>,
    /// Devices that have told their battery.
    pub charged: HashSet<String>,
    pub stored: u64,
    pub duplicates: u64,
    pub refused: u64,
    /// When which operator opened a page; two cases that one takes in the same minute are one here and in the record.
    pub looks: HashSet<(Instant, uuid::Uuid)>,
    pub escalated: usize,
    pub found: usize,
}

/// A month as it ended.
pub struct Month {
    pub region: Region,
    pub fate: Fate,
    pub ledger: Ledger,
    pub residents: usize,
}

struct Living {
    region: Region,
    fate: Fate,
    /// Absent only while it is dead.
    station: Option<Station>,
    starts: u128,
    queue: BinaryHeap<Reverse<Queued>>,
    pushed: u64,
    planned: i64,
    /// Sent and committed last, unacknowledged if the station dies now.
    unanswered: Vec<Arrival>,
    /// The last event of the outbox that this story heard, and the last one that the station was told of.
    events: i64,
    told: i64,
    /// Whether there may be events that this story, or the station, has not heard: a verb was carried out, an alert raised.
    stirred: bool,
    news: bool,
    /// The next limit of a case.
    wake: Option<Instant>,
    work: Vec<Work>,
    /// Gentle questions that a resident will answer.
    answers: Vec<(Instant, AlertId, usize)>,
    announced: HashSet<usize>,
    homes: HashMap<HomeId, usize>,
    ledger: Ledger,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Queued {
    at: Instant,
    n: u64,
    truly_at: Instant,
    home: usize,
    arrival: ByNumber,
}

/// An arrival has no order of its own; the number before it has decided.
struct ByNumber(Arrival);

impl PartialEq for ByNumber {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for ByNumber {}
impl PartialOrd for ByNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ByNumber {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// Lives `days` days in `homes` homes. `dies`: whether the station dies as the fate has it.
pub fn live(seed: u64, homes: usize, days: i64, dies: bool) -> Month {
    let begin = at(BEGIN);
    let region = Region::new(seed, Size { residents: homes * 5 / 2, staff: 90 }, begin);
    let homes = region.homes.len();
    let fate = Fate::draw(region.plan, homes, begin, days);
    let station = Some(region.station(1, Span::minutes(10)));
    let numbers = region.homes.iter().map(|h| (h.settled.home, h.resident)).collect();
    let events = region.test.db.read_blocking(outbox::last_seq).expect("the outbox");
    let mut living = Living {
        region,
        fate,
        station,
        starts: 1,
        queue: BinaryHeap::new(),
        pushed: 0,
        planned: begin.wall_day() - 1,
        unanswered: Vec::new(),
        events,
        told: events,
        stirred: true,
        news: true,
        wake: None,
        work: Vec::new(),
        answers: Vec::new(),
        announced: HashSet::new(),
        homes: numbers,
        ledger: Ledger::default(),
    };
    living.prepare();
    let minutes = days * 24 * 60;
    for minute in 1..=minutes {
        living.minute(begin + Span::minutes(minute), minute % LOOKS == 0, dies);
    }
    let Living { region, fate, ledger, .. } = living;
    Month { region, fate, ledger, residents: homes }
}

/// Every other home is asked by telephone, beside those of the town.
pub fn is_asked(home: usize) -> bool {
    home % 2 == 1 || town::equip::is_asked(home)
}

impl Living {
    fn prepare(&mut self) {
        for home in 0..self.region.homes.len() {
            if is_asked(home) {
                let (ctx, id) = (self.region.program(), self.region.homes[home].settled.home);
                let asked = watch::Changes { asked: Some(watch::Asked::Call), ..watch::Changes::default() };
                self.region.write(ctx, move |ctx, tx| watch::set_home(ctx, tx, id, &asked)).expect("is set");
            }
            for sent in self.fate.line(&self.region.homes[home]) {
                self.push(home, sent.truly_at, sent.arrival);
            }
            if let Some(at) = self.fate.fall(home) {
                self.ledger.falls.push(Fall { home, at, found: None, back: None });
            }
            let outages = self.fate.outages.iter().filter(|o| o.homes.contains(&home)).map(|o| o.until);
            self.ledger.anew.entry(home).or_default().extend(outages);
        }
    }

    fn push(&mut self, home: usize, truly_at: Instant, arrival: Arrival) {
        self.pushed += 1;
        let queued = Queued { at: arrival.received_at, n: self.pushed, truly_at, home, arrival: ByNumber(arrival) };
        self.queue.push(Reverse(queued));
    }

    fn minute(&mut self, now: Instant, looks: bool, dies: bool) {
        self.region.set_now(now);
        while self.planned < now.wall_day() {
            self.planned += 1;
            self.plan_day();
        }
        self.announce(now);
        let death = self.fate.deaths.iter().find(|(at, _)| *at > now - Span::minutes(1) && *at <= now).copied();
        if let Some((_, saves)) = death.filter(|_| dies) {
            self.die(now, saves);
        }
        if looks {
            self.step(now);
        }
        self.answer_questions(now);
        self.work(now);
        if std::mem::take(&mut self.stirred) {
            self.hear_events();
            self.wake = self.region.test.db.read_blocking(response::next_wake).expect("the next limit");
        }
        self.escalate(now);
    }

    fn plan_day(&mut self) {
        for home in self.region.homes.clone() {
            for sent in self.fate.sends(self.region.plan, &home, self.planned) {
                self.push(home.resident, sent.truly_at, sent.arrival);
            }
        }
    }

    /// Announced journeys are entered by the resident some hours before.
    fn announce(&mut self, now: Instant) {
        for home in 0..self.region.homes.len() {
            let travel = self.fate.episodes[home].iter().find_map(|e| match e {
                Episode::Travels { from, until, announced: true } => Some((*from, *until)),
                _ => None,
            });
            let Some((from, until)) = travel.filter(|(from, _)| now >= *from - Span::hours(5)) else { continue };
            if self.announced.insert(home) {
                let new = NewAbsence { reason: AbsenceReason::Trip, from, until, weekly: None };
                let settled = self.region.homes[home].settled;
                let ctx = self.region.resident(settled.person);
                self.region
                    .write(ctx, move |ctx, tx| watch::enter_absence(ctx, tx, settled.home, new))
                    .expect("a resident can announce a journey");
                self.stir();
                self.ledger.anew.entry(home).or_default().push(until);
            }
        }
    }

    fn truth(&self, home: usize, at: Instant) -> Truth {
        let fall = self.ledger.falls.iter().find(|f| f.home == home && f.at <= at);
        match fall {
            Some(Fall { found: None, .. }) => Truth::Lying,
            Some(Fall { found: Some(found), .. }) if at < *found => Truth::Lying,
            Some(Fall { back, .. }) if back.is_none_or(|back| at < back) => Truth::Hospital,
            _ if self.fate.away(home, at) => Truth::Away,
            _ => Truth::Well,
        }
    }

    /// A change at a device needs somebody at home; what the house says by itself does not.
    fn happened(&self, q: &Queued) -> bool {
        let moved = matches!(q.arrival.0.signal, Signal::Contact { .. } | Signal::Motion | Signal::Button);
        !moved || !matches!(self.truth(q.home, q.truly_at), Truth::Lying | Truth::Hospital)
    }

    fn step(&mut self, now: Instant) {
        let mut batch: Vec<Arrival> = Vec::new();
        while let Some(Reverse(next)) = self.queue.peek() {
            if next.at > now {
                break;
            }
            let Some(Reverse(queued)) = self.queue.pop() else { break };
            let Queued { truly_at, home, ref arrival, .. } = queued;
            match unused(arrival.0.signal) {
                // A meter counts in an empty home too, and beside somebody who lies there.
                Some(signal) if self.truth(home, truly_at) != Truth::Well => {
                    batch.push(Arrival { signal, ..queued.arrival.0 });
                }
                _ if self.happened(&queued) => batch.push(queued.arrival.0),
                _ => {}
            }
        }
        self.deliver(now, &batch);
        self.unanswered = batch;
    }

    fn deliver(&mut self, now: Instant, batch: &[Arrival]) {
        let mut of_gateway: Vec<Vec<Arrival>> = Vec::new();
        let mut index = HashMap::new();
        for arrival in batch {
            self.note_sent(arrival);
            let n = *index.entry(arrival.gateway).or_insert_with(|| {
                of_gateway.push(Vec::new());
                of_gateway.len() - 1
            });
            of_gateway[n].push(arrival.clone());
        }
        let (deliveries, answers): (Vec<Delivery>, Vec<_>) = of_gateway.into_iter().map(delivery).unzip();
        let station = self.station.as_mut().expect("alive");
        let due = station.next_moment().is_some_and(|at| at <= now);
        let mut news: Vec<News> = Vec::new();
        if std::mem::take(&mut self.news) {
            let after = self.told;
            let events = self.region.test.db.read_blocking(move |tx| outbox::after(tx, after, 10_000)).expect("events");
            self.told = events.last().map_or(after, |e| e.seq);
            news.extend(events.iter().filter_map(News::of));
        }
        if deliveries.is_empty() && !due && news.is_empty() {
            return;
        }
        let step = station.step(now, deliveries, &news);
        assert_eq!(step.failed, 0, "a commit failed at {now}");
        self.ledger.stored += step.stored;
        self.stirred |= step.alerts > 0;
        for mut answer in answers {
            let receipt = answer.try_recv().expect("answered within the step").expect("stored");
            self.ledger.duplicates += u64::from(receipt.duplicates);
            self.ledger.refused += u64::from(receipt.refused);
        }
    }

    /// Which row this must become, whatever the way did to it; the same reading twice is one row.
    fn note_sent(&mut self, a: &Arrival) {
        let code = match a.signal {
            Signal::Contact { open: true } => 1,
            Signal::Contact { open: false } => 2,
            Signal::Motion => 3,
            Signal::Temperature(_) => 5,
            Signal::Humidity(_) => 6,
            // Stored where it has changed: once, in this town.
            Signal::Battery(_) if self.ledger.charged.insert(a.serial.clone()) => 7,
            Signal::Button => 8,
            Signal::Energy(_) => 12,
            Signal::Water(_) => 13,
            _ => return,
        };
        if a.retained && a.occurred_at.is_none() {
            return;
        }
        let claimed = a.occurred_at.unwrap_or(a.received_at);
        let wrong = claimed < at("2020-01-01T00:00") || claimed > a.received_at + Span::minutes(10);
        self.ledger.sent.insert((a.serial.clone(), if wrong { a.received_at } else { claimed }, code));
    }

    /// The program dies, with or without a last save, and starts again: gateways sign in anew, and send again what they
    /// had no answer for.
    fn die(&mut self, now: Instant, saves: bool) {
        let mut old = self.station.take().expect("alive");
        if saves {
            old.finish(now);
        }
        drop(old);
        self.stir();
        self.starts += 1;
        self.station = Some(self.region.station(self.starts, Span::minutes(10)));
        self.ledger.deaths.push(now);
        for home in 0..self.region.homes.len() {
            if stays_connected(home) && self.fate.dark(home, now).is_none() {
                let later = now + Span::seconds(5 + (home as i64 * 13) % 50);
                let sent = self.fate.line_word(&self.region.homes[home], Signal::LineUp, later);
                self.push(home, sent.truly_at, sent.arrival);
            }
        }
        let again: Vec<Arrival> = self.unanswered.iter().filter(|a| !a.serial.is_empty()).cloned().collect();
        self.deliver(now, &again);
    }

    fn stir(&mut self) {
        (self.stirred, self.news) = (true, true);
    }

    fn hear_events(&mut self) {
        loop {
            let after = self.events;
            let events = self.region.test.db.read_blocking(move |tx| outbox::after(tx, after, 500)).expect("events");
            let Some(last) = events.last() else { return };
            self.events = last.seq;
            for event in &events {
                self.hear(event);
            }
        }
    }

    fn hear(&mut self, event: &outbox::Event) {
        match (watch::Event::of(event), response::Event::of(event)) {
            (Some(watch::Event::AlertRaised { alert, home, .. }), _) => {
                if let Some(home) = self.homes.get(&home).copied() {
                    self.raised(home, alert);
                }
            }
            (_, Some(response::Event::CaseOpened { case, home, .. })) => {
                if let Some(home) = self.homes.get(&home).copied() {
                    self.ledger.cases.push((case, home, event.at));
                    self.work.push(Work::new(&self.region, case, home, event.at));
                }
            }
            (Some(watch::Event::Reassured { home }), _) | (_, Some(response::Event::Closed { home, .. })) => {
                if let Some(home) = self.homes.get(&home).copied() {
                    self.ledger.anew.entry(home).or_default().push(event.at);
                }
            }
            _ => {}
        }
    }

    fn raised(&mut self, home: usize, id: AlertId) {
        let person = self.region.homes[home].settled.person;
        let (alert, case) = self
            .region
            .read(self.region.program(), move |ctx, tx| {
                let alert = watch::alert(ctx, tx, id)?.into_value();
                // A case that it joined may have been closed before this story heard of it.
                let takes = |c: &response::Case| c.closed_at.is_none_or(|at| at >= alert.raised_at);
                let case = response::cases_of(ctx, tx, person)?.iter().find(|c| takes(c)).map(|c| c.id);
                Ok::<_, response::ResponseError>((alert, case))
            })
            .expect("the alert that was raised");
        let truth = self.truth(home, alert.raised_at);
        let mut rng = chance(self.region.plan.seed, "question", home ^ (alert.due_at.unix_seconds() as usize) << 8);
        let answered = alert.level == Level::Notice && alert.rule == Rule::Inactivity && truth == Truth::Well;
        // Who is called answers more often than who must open a message.
        if answered && rng.random_bool(if is_asked(home) { 0.85 } else { 0.4 }) {
            let later = alert.raised_at + Span::minutes(rng.random_range(3..50));
            self.answers.push((later, id, home));
        }
        self.ledger.raised.push(Raised { home, alert, case, truth });
    }

    fn answer_questions(&mut self, now: Instant) {
        let due: Vec<(Instant, AlertId, usize)> = self.answers.iter().filter(|(at, ..)| *at <= now).copied().collect();
        self.answers.retain(|(at, ..)| *at > now);
        for (_, alert, home) in due {
            let ctx = self.region.resident(self.region.homes[home].settled.person);
            self.stir();
            let well = watch::Reply::on_page(&ctx, watch::Answer::Well);
            match self.region.write(ctx, move |ctx, tx| response::answer_notice(ctx, tx, alert, &well)) {
                Ok(()) => self.ledger.anew.entry(home).or_default().push(now),
                Err(response::ResponseError::Watch(WatchError::Refused(WatchRefusal::AlreadyEnded))) => {}
                Err(other) => panic!("a question can be answered: {other:?}"),
            }
        }
    }

    fn work(&mut self, now: Instant) {
        if self.fate.desk_is_empty(now) {
            return;
        }
        let mut work = std::mem::take(&mut self.work);
        if work.iter().any(|case| case.next_at <= now) {
            self.stir();
        }
        work.retain_mut(|case| {
            if case.next_at > now {
                return true;
            }
            let (looks, operator) = (case.looks, case.operator());
            let progress = case.step(&self.region, self.truth(case.home, now));
            if case.looks > looks {
                self.ledger.looks.insert((now, operator));
            }
            if progress == Progress::Found {
                self.take_to_hospital(case.home, now);
            }
            progress != Progress::Closed
        });
        self.work = work;
    }

    /// Found: some days in hospital, which the care manager enters if nobody forgets it.
    fn take_to_hospital(&mut self, home: usize, now: Instant) {
        let mut rng = chance(self.region.plan.seed, "hospital", home);
        let back = now + Span::hours(rng.random_range(40..200));
        self.ledger.found += 1;
        for fall in self.ledger.falls.iter_mut().filter(|f| f.home == home) {
            (fall.found, fall.back) = (Some(now), Some(back));
        }
        if !rng.random_bool(0.7) {
            return;
        }
        let team = &self.region.plan.residents[home].team;
        let Some((manager, _)) = team.iter().find(|(_, part)| *part == TeamPart::CareManager) else { return };
        let ctx = self.region.acting(Role::CareManager, self.region.staff_numbered(*manager), Purpose::Care);
        let id = self.region.homes[home].settled.home;
        let new = NewAbsence { reason: AbsenceReason::Hospital, from: now, until: back, weekly: None };
        self.region
            .write(ctx, move |ctx, tx| watch::enter_absence(ctx, tx, id, new))
            .expect("the care manager can enter a stay in hospital");
        self.ledger.anew.entry(home).or_default().push(back);
    }

    /// As the program's own timer does, every simulated minute.
    fn escalate(&mut self, now: Instant) {
        if self.wake.is_none_or(|at| at > now) {
            return;
        }
        let told = self.region.write(self.region.program(), response::escalate_due).expect("escalates");
        self.ledger.escalated += told.len();
        self.stir();
    }
}
