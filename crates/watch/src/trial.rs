//! 「この設定だったら」: the days that a home has lived, played again with other settings. It says how often the watch would
//! have spoken, and how soon it would have noticed had the person fallen silent. The days are known in quarters of an
//! hour, which is the step in which silence is weighed; nothing is written.

use std::collections::HashMap;

use access::{Act, Charge, Charged, Shown};
use base::{Ctx, HomeId, Instant, Span};
use db::Tx;

use crate::rhythm::{Due, Level, Rhythm, Rule, Sign};
use crate::settings::{Asked, Changes, Settings, changes_of, check_home, check_region, region_settings, settings_of};
use crate::store::{absence, alert, device, history, home};
use crate::{AlertState, WatchError, contract, rules};

/// Days that are played; what a home is like is learned in the first of them.
pub const DAYS: i32 = 90;
const LEARNED: i32 = 7;
/// Moments at which the person is taken to have fallen silent, of each home.
const SILENCES: i64 = 40;
/// Homes of a region that are played.
pub const HOMES: usize = 30;
/// When somebody asked is taken to have answered.
const ANSWERED_AFTER: Span = Span::minutes(15);
/// Questions of a home from which its own share of answers is taken, instead of the region's: a share of fewer moves by
/// a quarter with each answer [to verify].
const ENOUGH_QUESTIONS: u32 = 4;

/// What was played: as it is set now, and as it is tried.
#[derive(Clone, PartialEq, Debug)]
pub struct Trial {
    pub homes: usize,
    /// Of all homes together.
    pub days: f64,
    pub now: Played,
    pub tried: Played,
    /// Whether somebody is asked by either of the settings; then alerts hang on who answers.
    pub asks: bool,
    /// What became of the questions of these homes; of the region's, where these were too few.
    pub questions: Questions,
}

/// Questions that ended by an answer or by none; those that movement ended say nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Questions {
    pub answered: u32,
    pub unanswered: u32,
}

impl Questions {
    pub const fn all(self) -> u32 {
        self.answered + self.unanswered
    }

    /// All are taken as answered where none was asked.
    fn share(self) -> f64 {
        if self.all() == 0 { 1.0 } else { f64::from(self.answered) / f64::from(self.all()) }
    }

    /// Of all the homes whose person is asked, in the last days. Numbers only; asks nobody's leave.
    pub fn of_region(tx: &mut dyn Tx, now: Instant) -> Result<Questions, WatchError> {
        Questions::read(tx, None, now)
    }

    /// Of the days that are played, in the homes whose person is asked; of one home alone, where it had enough of them.
    fn read(tx: &mut dyn Tx, home: Option<u32>, now: Instant) -> Result<Questions, WatchError> {
        let region = region_settings(tx)?;
        let own: HashMap<u32, Changes> = home::changes(tx, None)?.into_iter().collect();
        let (mut all, mut of_home) = (Questions::default(), Questions::default());
        for (no, state, times) in alert::questions(tx, now - Span::days(i64::from(DAYS)))? {
            let asked = own.get(&no).map_or(region.asked, |own| own.over(&region).asked);
            if asked == Asked::Off {
                continue;
            }
            let counted = if home == Some(no) { vec![&mut all, &mut of_home] } else { vec![&mut all] };
            for questions in counted {
                match state {
                    AlertState::Answered => questions.answered += times,
                    _ => questions.unanswered += times,
                }
            }
        }
        Ok(if of_home.all() >= ENOUGH_QUESTIONS { of_home } else { all })
    }
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
    let tried = check_home(tx, tried)?;
    let now = settings_of(tx, home)?;
    let no = home::no_of(tx, home)?;
    let life = match no {
        Some(no) => Life::read(tx, no, home, ctx.now)?,
        None => None,
    };
    let questions = Questions::read(tx, no, ctx.now)?;
    Ok(witness.shows(play(life.into_iter().map(|life| (life, now.clone(), tried.clone())), questions)))
}

/// Some homes of the region with these settings for all; each keeps what it has set for itself.
pub fn try_region(ctx: &Ctx, tx: &mut dyn Tx, tried: &Changes) -> Result<(Trial, Charged), WatchError> {
    let charged = access::charge(ctx, Charge::SetRegionWatch)?;
    check_region(tx, tried)?;
    let (base, tried) = (region_settings(tx)?, tried.over(&Settings::default()));
    let mut lives = Vec::new();
    for row in home::homes(tx, None)?.into_iter().filter(|row| row.person.is_some()).take(HOMES) {
        if let Some(life) = Life::read(tx, row.no, row.id, ctx.now)? {
            let own = changes_of(tx, Some(row.id))?;
            lives.push((life, own.over(&base), own.over(&tried)));
        }
    }
    let questions = Questions::of_region(tx, ctx.now)?;
    Ok((play(lives.into_iter(), questions), charged))
}

fn play(lives: impl Iterator<Item = (Life, Settings, Settings)>, questions: Questions) -> Trial {
    let (now, tried) = (Played::default(), Played::default());
    let mut trial = Trial { homes: 0, days: 0.0, now, tried, asks: false, questions };
    let share = questions.share();
    for (life, now, tried) in lives {
        trial.homes += 1;
        trial.days += (life.until - life.counted_from).as_seconds() as f64 / 86_400.0;
        trial.asks |= [&now, &tried].iter().any(|settings| settings.asked != Asked::Off && settings.notices);
        trial.now.add(life.play(&now, share));
        trial.tried.add(life.play(&tried, share));
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

    fn play(&self, settings: &Settings, share: f64) -> Played {
        let mut played = Played::default();
        let mut rhythm = Rhythm::new();
        let mut answers = Answers { share, owed: 0.0 };
        self.away.iter().for_each(|(from, until)| rhythm.excuse(*from, *until));
        let step = Span((self.until - self.counted_from).0 / SILENCES);
        let mut silences = (0..SILENCES).map(|n| self.counted_from + Span(step.0 * n)).peekable();
        for (at, sign) in &self.signs {
            while let Some(silent) = silences.next_if(|silent| silent < at) {
                let told = self.told_if_silent(rhythm.clone(), silent, settings, answers);
                played.delays.extend(told.map(|told| (told - silent).max(Span::ZERO)));
            }
            self.pass(&mut rhythm, *at, settings, &mut answers, &mut played);
            rhythm.observe(*at, *sign);
        }
        self.pass(&mut rhythm, self.until, settings, &mut answers, &mut played);
        played.delays.sort_unstable();
        played
    }

    /// Tells what becomes due before `now`; who is asked answers as often as was measured. A silence in which the line was faulty tells nothing.
    fn pass(&self, rhythm: &mut Rhythm, now: Instant, settings: &Settings, answers: &mut Answers, played: &mut Played) {
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
            if due.rule == Rule::InactivityQuestion && answered < now && answers.next() {
                rhythm.reassured(answered);
            }
        }
    }

    /// When it is told that nothing is heard from `silent` on; an alert that stood already is at once.
    fn told_if_silent(
        &self,
        mut rhythm: Rhythm,
        silent: Instant,
        settings: &Settings,
        mut answers: Answers,
    ) -> Option<Instant> {
        self.pass(&mut rhythm, silent, settings, &mut answers, &mut Played::default());
        loop {
            let Some(due) = next(&mut rhythm, settings) else { return Some(silent) };
            if due.level == Level::Alert {
                return Some(due.at);
            }
            rhythm.told_of(&due);
        }
    }
}

/// Which of the questions played are answered: spread evenly, so that the same days give the same figures.
#[derive(Clone, Copy)]
struct Answers {
    share: f64,
    owed: f64,
}

impl Answers {
    fn next(&mut self) -> bool {
        self.owed += self.share;
        let answered = self.owed >= 1.0 - f64::EPSILON;
        self.owed -= f64::from(u8::from(answered));
        answered
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
