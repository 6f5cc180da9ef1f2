//! What befalls a town in a month, from a seed: people who fall silent or travel, lines that go dark, messages that come
//! twice, late or out of order, a desk that nobody sits at, a program that dies. Pure; it knows no database.

use base::{Instant, Span};
use rand::Rng;
use rand::seq::SliceRandom;
use town::equip::{CLIMATE, Equipped, serial};
use town::history;
use town::plan::{Plan, chance};
use watch::{Arrival, Signal};

/// Something that happens to the person of one home.
#[derive(Clone, Copy, Debug)]
pub enum Episode {
    /// Cannot get up any more, until somebody comes.
    Falls {
        at: Instant,
    },
    Travels {
        from: Instant,
        until: Instant,
        announced: bool,
    },
}

/// Lines that hear and say nothing.
#[derive(Clone, Debug)]
pub struct Outage {
    pub from: Instant,
    pub until: Instant,
    /// Numbers of the homes.
    pub homes: Vec<usize>,
    pub whole_area: bool,
}

#[derive(Clone, Debug)]
pub struct Fate {
    pub from: Instant,
    pub until: Instant,
    /// For each home.
    pub episodes: Vec<Vec<Episode>>,
    pub outages: Vec<Outage>,
    /// When nobody works at the call centre.
    pub empty_desk: Vec<(Instant, Instant)>,
    /// When the station dies; `true`: it may save first.
    pub deaths: Vec<(Instant, bool)>,
}

/// What a gateway sends, and when that truly happened.
#[derive(Clone, Debug)]
pub struct Sent {
    pub truly_at: Instant,
    pub arrival: Arrival,
}

/// Gateways of even homes hold an MQTT connection, the others post to us; of each kind half keep what they could not send.
pub fn stays_connected(home: usize) -> bool {
    home.is_multiple_of(2)
}

pub fn keeps_unsent(home: usize) -> bool {
    home % 4 < 2
}

fn moment(rng: &mut impl Rng, from: Instant, until: Instant) -> Instant {
    Instant(rng.random_range(from.0..until.0))
}

/// What a meter counts where nobody uses anything.
pub fn unused(signal: Signal) -> Option<Signal> {
    match signal {
        Signal::Energy(_) => Some(Signal::Energy(60.0)),
        Signal::Water(_) => Some(Signal::Water(0.0)),
        _ => None,
    }
}

impl Fate {
    pub fn draw(plan: &Plan, homes: usize, from: Instant, days: i64) -> Fate {
        let until = from + Span::days(days);
        let episodes = (0..homes).map(|n| episodes(plan.seed, n, from, days)).collect();
        let mut rng = chance(plan.seed, "fate", 0);
        let mut outages = area_outages(&mut rng, plan, homes, from, days);
        for _ in 0..homes / 4 {
            let at = moment(&mut rng, from + Span::days(1), until - Span::days(1));
            let long = Span::minutes(rng.random_range(20..2000));
            let homes = vec![rng.random_range(0..homes)];
            outages.push(Outage { from: at, until: at + long, homes, whole_area: false });
        }
        let empty_desk = (0..days / 8)
            .map(|_| {
                let at = moment(&mut rng, from, until - Span::days(2));
                (at, at + Span::minutes(rng.random_range(90..700)))
            })
            .collect();
        let deaths = (0..days).map(|_| (moment(&mut rng, from, until), rng.random_bool(0.3))).collect();
        let mut fate = Fate { from, until, episodes, outages, empty_desk, deaths };
        fate.deaths.sort_unstable();
        fate
    }

    /// Since when and until when the line of this home is dark at `at`.
    pub fn dark(&self, home: usize, at: Instant) -> Option<(Instant, Instant)> {
        let here = |o: &&Outage| o.homes.contains(&home) && (o.from..o.until).contains(&at);
        let mut around: Vec<&Outage> = self.outages.iter().filter(here).collect();
        let mut span = (around.first()?.from, around.first()?.until);
        // Outages that overlap are one darkness.
        loop {
            let touching = |o: &&Outage| o.homes.contains(&home) && o.from <= span.1 && o.until >= span.0;
            around = self.outages.iter().filter(touching).collect();
            let wider = around.iter().fold(span, |s, o| (s.0.min(o.from), s.1.max(o.until)));
            if wider == span {
                return Some(span);
            }
            span = wider;
        }
    }

    pub fn desk_is_empty(&self, at: Instant) -> bool {
        self.empty_desk.iter().any(|(from, until)| (*from..*until).contains(&at))
    }

    pub fn away(&self, home: usize, at: Instant) -> bool {
        let gone = |e: &Episode| matches!(e, Episode::Travels { from, until, .. } if (*from..*until).contains(&at));
        self.episodes[home].iter().any(gone)
    }

    pub fn fall(&self, home: usize) -> Option<Instant> {
        self.episodes[home].iter().find_map(|e| match e {
            Episode::Falls { at } => Some(*at),
            Episode::Travels { .. } => None,
        })
    }

    /// What the gateway of a home would send on a day if the person were well, with all that goes wrong on the way, in
    /// no order. The darkness of lines is in it, the silence of a fall is not.
    pub fn sends(&self, plan: &Plan, home: &Equipped, day: i64) -> Vec<Sent> {
        let mut rng = chance(plan.seed, "messages", home.resident ^ (day as usize) << 20);
        let mut out = Vec::new();
        let midnight = Instant::from_wall_day(day);
        if !stays_connected(home.resident) {
            let first = (home.resident * 7 % 10) as i64;
            for beat in 0..144 {
                let at = midnight + Span::minutes(first + 10 * beat);
                self.send(home, at, of_gateway(home, Signal::Heartbeat, at), &mut out);
            }
        }
        for travel in &self.episodes[home.resident] {
            let Episode::Travels { from, until, .. } = travel else { continue };
            for at in [*from, *until].into_iter().filter(|at| at.wall_day() == day) {
                for (later, open) in [(0, true), (7, false)] {
                    let at = at + Span::seconds(later);
                    self.send(home, at, of_device(home, "entrance", Signal::Contact { open }, at), &mut out);
                }
            }
        }
        if rng.random_bool(0.004) {
            let at = moment(&mut rng, midnight, midnight + Span::days(1));
            self.send(home, at, of_device(home, "button", Signal::Button, at), &mut out);
        }
        for arrival in history::arrivals(plan, home, day) {
            let at = arrival.received_at;
            let wanted = match arrival.signal {
                Signal::Heartbeat => false,
                // One in eight: the climate is no matter of this story, and there is much of it.
                Signal::Temperature(_) | Signal::Humidity(_) => at.local().hour % 4 == 0 && at.local().minute < 30,
                Signal::Energy(_) | Signal::Water(_) => true,
                // Whether its state makes a row depends on the one before, whatever the way did to that.
                Signal::Light(_) => false,
                _ => !self.away(home.resident, at),
            };
            if wanted {
                self.mishandle(&mut rng, home, arrival, &mut out);
            }
        }
        out
    }

    /// One message, as the way to us treats it.
    fn mishandle(&self, rng: &mut impl Rng, home: &Equipped, arrival: Arrival, out: &mut Vec<Sent>) {
        let at = arrival.received_at;
        let later = |a: &Arrival, span: Span| Arrival { received_at: at + span, ..a.clone() };
        match rng.random_range(0..1000) {
            0..20 => {
                let again = Span::seconds(rng.random_range(0..900));
                self.send(home, at, later(&arrival, again), out);
                self.send(home, at, arrival, out);
            }
            20..30 => self.send(home, at, later(&arrival, Span::minutes(rng.random_range(20..240))), out),
            30..60 => self.send(home, at, later(&arrival, Span::seconds(rng.random_range(1..300))), out),
            60..63 => {
                let claimed = if rng.random_bool(0.5) { Instant(0) } else { at + Span::days(1) };
                self.send(home, at, Arrival { occurred_at: Some(claimed), ..arrival }, out);
            }
            63..66 => {
                let old = later(&arrival, Span::minutes(rng.random_range(1..600)));
                // Most senders name no time with it; a press always does, for it is told once more where it does not.
                let occurred_at = old.occurred_at.filter(|_| old.signal == Signal::Button);
                self.send(home, at, Arrival { retained: true, occurred_at, ..old }, out);
                self.send(home, at, arrival, out);
            }
            66..72 => {
                // Says the same state again some time later: a row, no sign of life.
                let after = Span::seconds(rng.random_range(60..1200));
                let said = Arrival { occurred_at: Some(at + after), ..later(&arrival, after) };
                if matches!(arrival.signal, Signal::Contact { open: false }) {
                    self.send(home, at, said, out);
                }
                self.send(home, at, arrival, out);
            }
            _ => self.send(home, at, arrival, out),
        }
    }

    /// Through the line, if it is not dark; kept until it is not, where the gateway can.
    fn send(&self, home: &Equipped, truly_at: Instant, arrival: Arrival, out: &mut Vec<Sent>) {
        let Some((_, until)) = self.dark(home.resident, arrival.received_at) else {
            return out.push(Sent { truly_at, arrival });
        };
        if keeps_unsent(home.resident) && !arrival.serial.is_empty() {
            let received_at = until + Span::seconds(2 + arrival.received_at.0.rem_euclid(20));
            out.push(Sent { truly_at, arrival: Arrival { received_at, ..arrival } });
        }
    }

    /// What a gateway says of its line itself.
    pub fn line(&self, home: &Equipped) -> Vec<Sent> {
        let mut out = Vec::new();
        if !stays_connected(home.resident) {
            return out;
        }
        let mut at = self.from;
        out.push(self.line_word(home, Signal::LineUp, at));
        while at < self.until {
            let next = self.outages.iter().filter(|o| o.homes.contains(&home.resident) && o.from >= at).map(|o| o.from);
            let Some(begin) = next.min() else { return out };
            let Some((_, end)) = self.dark(home.resident, begin) else { return out };
            // The broker misses its answer after one and a half keep-alives.
            out.push(self.line_word(home, Signal::LineLost, begin + Span::seconds(45)));
            out.push(self.line_word(home, Signal::LineUp, end + Span::seconds(1)));
            at = end;
        }
        out
    }

    pub fn line_word(&self, home: &Equipped, signal: Signal, at: Instant) -> Sent {
        Sent { truly_at: at, arrival: of_gateway(home, signal, at) }
    }
}

/// A third of the homes have a fall, half a journey; never both within a day of each other.
fn episodes(seed: u64, home: usize, from: Instant, days: i64) -> Vec<Episode> {
    let mut rng = chance(seed, "episodes", home);
    let mut found = Vec::new();
    let fall = moment(&mut rng, from + Span::days(days / 6), from + Span::days(days - 2));
    let leaves = moment(&mut rng, from + Span::days(2), from + Span::days(days - 4));
    let until = leaves + Span::hours(rng.random_range(20..120));
    let (falls, travels, announced) = (rng.random_bool(0.35), rng.random_bool(0.5), rng.random_bool(0.6));
    if travels {
        found.push(Episode::Travels { from: leaves, until, announced });
    }
    let near = travels && fall > leaves - Span::days(1) && fall < until + Span::days(1);
    if falls && !near {
        found.push(Episode::Falls { at: fall });
    }
    found
}

/// The larger areas go dark once each, for some hours.
fn area_outages(rng: &mut impl Rng, plan: &Plan, homes: usize, from: Instant, days: i64) -> Vec<Outage> {
    let area = |n: usize| plan.residents[n].address.area;
    let mut areas: Vec<&str> = (0..homes).map(area).collect();
    areas.sort_unstable();
    areas.dedup();
    areas.retain(|a| (0..homes).filter(|n| area(*n) == *a).count() >= 3);
    areas.shuffle(rng);
    let dark = |a: &str| (0..homes).filter(|n| area(*n) == a).collect::<Vec<_>>();
    areas
        .into_iter()
        .take(4)
        .map(|a| {
            let at = moment(rng, from + Span::days(2), from + Span::days(days - 2));
            let until = at + Span::minutes(rng.random_range(150..840));
            Outage { from: at, until, homes: dark(a), whole_area: true }
        })
        .collect()
}

fn of_gateway(home: &Equipped, signal: Signal, at: Instant) -> Arrival {
    of(home, String::new(), signal, at)
}

fn of_device(home: &Equipped, key: &str, signal: Signal, at: Instant) -> Arrival {
    debug_assert!(key != CLIMATE);
    of(home, serial(home.resident, key), signal, at)
}

fn of(home: &Equipped, serial: String, signal: Signal, at: Instant) -> Arrival {
    Arrival { gateway: home.gateway, serial, signal, occurred_at: Some(at), received_at: at, retained: false }
}
