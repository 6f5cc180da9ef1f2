//! 「この設定だったら」: the days that a home has lived, played again with other settings. It says how often the watch would
//! have spoken, and how soon it would have noticed had the person fallen silent. The days are known in quarters of an
//! hour, which is the step in which silence is weighed; nothing is written.

use access::{Act, Charge, Charged, Shown};
use base::{Ctx, HomeId, Instant, Span};
use db::Tx;

use crate::rhythm::{Due, Level, Rhythm, Rule, Sign};
use crate::settings::{Changes, Settings, changes_of};
use crate::store::{absence, device, history, home};
use crate::{WatchError, contract, rules};

/// Days that are played; what a home is like is learned in the first of them.
pub const DAYS: i32 = 90;
const LEARNED: i32 = 7;
/// Moments at which the person is taken to have fallen silent, of each home.
const SILENCES: i64 = 40;
/// Homes of a region that are played.
pub const HOMES: usize = 30;
/// When somebody asked is taken to have answered.
const ANSWERED_AFTER: Span = Span::minutes(15);

/// What was played: as it is set now, and as it is tried.
#[derive(Clone, PartialEq, Debug)]
pub struct Trial {
    pub homes: usize,
    /// Of all homes together.
    pub days: f64,
    pub now: Played,
    pub tried: Played,
}

#[derive(Clone, PartialEq, Default, Debug)]
pub struct Played {
    pub alerts: u32,
    /// Gentle questions, or notices where nobody is asked.
    pub questions: u32,
    /// From falling silent to the alert, shortest first.
    delays: Vec<Span>,
}

impl Played {
    /// The delay within which this share of the silences is told, 0 to 1.
    pub fn within(&self, share: f64) -> Option<Span> {
        let at = (self.delays.len() as f64 * share).ceil() as usize;
        self.delays.get(at.max(1) - 1).copied()
    }

    fn add(&mut self, other: Played) {
        self.alerts += other.alerts;
        self.questions += other.questions;
        self.delays.extend(other.delays);
        self.delays.sort_unstable();
    }
}

/// One home with these settings of its own. For whoever may set them.
pub fn try_home(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, tried: &Changes) -> Result<Shown<Trial>, WatchError> {
    let person = contract::subject(ctx, tx, home)?;
    let witness = access::require(ctx, tx, Act::SetWatch, person)?;
    tried.check()?;
    let region = changes_of(tx, None)?.over(&Settings::default());
    let (now, tried) = (changes_of(tx, Some(home))?.over(&region), tried.over(&region));
    let life = match home::no_of(tx, home)? {
        Some(no) => Life::read(tx, no, home, ctx.now)?,
        None => None,
    };
    Ok(witness.shows(play(life.into_iter().map(|life| (life, now.clone(), tried.clone())))))
}

/// Some homes of the region with these settings for all; each keeps what it has set for itself.
pub fn try_region(ctx: &Ctx, tx: &mut dyn Tx, tried: &Changes) -> Result<(Trial, Charged), WatchError> {
    let charged = access::charge(ctx, Charge::SetRegionWatch)?;
    tried.check()?;
    let (base, tried) = (changes_of(tx, None)?.over(&Settings::default()), tried.over(&Settings::default()));
    let mut lives = Vec::new();
    for row in home::homes(tx, None)?.into_iter().filter(|row| row.person.is_some()).take(HOMES) {
        if let Some(life) = Life::read(tx, row.no, row.id, ctx.now)? {
            let own = changes_of(tx, Some(row.id))?;
            lives.push((life, own.over(&base), own.over(&tried)));
        }
    }
    Ok((play(lives.into_iter()), charged))
}

fn play(lives: impl Iterator<Item = (Life, Settings, Settings)>) -> Trial {
    let mut trial = Trial { homes: 0, days: 0.0, now: Played::default(), tried: Played::default() };
    for (life, now, tried) in lives {
        trial.homes += 1;
        trial.days += (life.until - life.counted_from).as_seconds() as f64 / 86_400.0;
        trial.now.add(life.play(&now));
        trial.tried.add(life.play(&tried));
    }
    trial
}

/// What a home has lived: signs, the times its line was faulty, and absences that were announced.
struct Life {
    signs: Vec<(Instant, Sign)>,
    faults: Vec<(Instant, Instant)>,
    away: Vec<(Instant, Instant)>,
    counted_from: Instant,
    until: Instant,
}

impl Life {
    /// `None`: too little is known to say anything.
    fn read(tx: &mut dyn Tx, no: u32, home: HomeId, now: Instant) -> Result<Option<Life>, WatchError> {
        let today = now.wall_day() as i32;
        let kinds: Vec<(u32, Sign)> =
            device::all_devices(tx, no)?.iter().filter_map(|row| Some((row.no, row.device.kind.sign()?))).collect();
        let days = history::days_of(tx, no, today - DAYS, today)?;
        let Some((first, _)) = days.iter().find(|(_, day)| !day.uses().is_empty()) else { return Ok(None) };
        let counted_from = Instant::from_wall_day(i64::from(first + LEARNED));
        if counted_from >= now {
            return Ok(None);
        }
        let began = Instant::from_wall_day(i64::from(*first));
        let mut signs = Vec::new();
        for (day, log) in &days {
            let midnight = Instant::from_wall_day(i64::from(*day));
            for used in log.uses() {
                let Some((_, sign)) = kinds.iter().find(|(device, _)| *device == used.device) else { continue };
                // The quarter's middle; devices of one quarter a second apart.
                let within = 450 + signs.len() as i64 % 60;
                signs.push((midnight + Span::seconds(i64::from(used.quarter) * 900 + within), *sign));
            }
        }
        signs.sort_unstable();
        signs.retain(|(at, _)| *at <= now);
        let faults = history::faults_of_home(tx, no, began, now)?;
        let faults = faults.into_iter().map(|(from, until)| (from, until.unwrap_or(now))).collect();
        let absences = absence::of_home(tx, home, began, 1000)?;
        let away = absences.iter().flat_map(|a| rules::stretches(a, began, now)).collect();
        Ok(Some(Life { signs, faults, away, counted_from, until: now }))
    }

    fn play(&self, settings: &Settings) -> Played {
        let mut played = Played::default();
        let mut rhythm = Rhythm::new();
        self.away.iter().for_each(|(from, until)| rhythm.excuse(*from, *until));
        let step = Span((self.until - self.counted_from).0 / SILENCES);
        let mut silences = (0..SILENCES).map(|n| self.counted_from + Span(step.0 * n)).peekable();
        for (at, sign) in &self.signs {
            while let Some(silent) = silences.next_if(|silent| silent < at) {
                let told = self.told_if_silent(rhythm.clone(), silent, settings);
                played.delays.extend(told.map(|told| (told - silent).max(Span::ZERO)));
            }
            self.pass(&mut rhythm, *at, settings, &mut played);
            rhythm.observe(*at, *sign);
        }
        self.pass(&mut rhythm, self.until, settings, &mut played);
        played.delays.sort_unstable();
        played
    }

    /// Tells what becomes due before `now`; who is asked answers. A silence in which the line was faulty tells nothing.
    fn pass(&self, rhythm: &mut Rhythm, now: Instant, settings: &Settings, played: &mut Played) {
        let Some((last, _)) = rhythm.last_sign() else { return };
        if self.faults.iter().any(|(from, until)| *from < now && last < *until) {
            return;
        }
        while let Some(due) = next(rhythm, settings).filter(|due| due.at < now) {
            let counts = u32::from(due.at >= self.counted_from);
            match due.level {
                Level::Alert => played.alerts += counts,
                Level::Notice => played.questions += counts,
            }
            rhythm.told_of(&due);
            let answered = due.at + ANSWERED_AFTER;
            if due.rule == Rule::InactivityQuestion && answered < now {
                rhythm.reassured(answered);
            }
        }
    }

    /// When it is told that nothing is heard from `silent` on; an alert that stood already is at once.
    fn told_if_silent(&self, mut rhythm: Rhythm, silent: Instant, settings: &Settings) -> Option<Instant> {
        self.pass(&mut rhythm, silent, settings, &mut Played::default());
        loop {
            let Some(due) = next(&mut rhythm, settings) else { return Some(silent) };
            if due.level == Level::Alert {
                return Some(due.at);
            }
            rhythm.told_of(&due);
        }
    }
}

/// As the live watch tells it: who wants no gentle word has none.
fn next(rhythm: &mut Rhythm, settings: &Settings) -> Option<Due> {
    loop {
        let due = rhythm.next(&settings.rhythm)?;
        if due.level == Level::Alert || settings.notices {
            return Some(due);
        }
        rhythm.told(Level::Notice);
    }
}
