//! What a region sets for all homes and a home for itself: false-alarm budgets, cap, fixed rule, limits of climate.
//!
//! It knows numbers and their ranges; it decides nothing.

use access::{Act, Charge};
use base::{Ctx, HomeId, Instant, Span};
use db::{Tx, outbox};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::live::movement::MOST_A_MINUTE;
use crate::store::home;
use crate::verbs::Verb;
use crate::{Level, WatchError, WatchRefusal, contract, rhythm};

/// What is in force for one home.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    pub rhythm: rhythm::Settings,
    /// Whether the limits of the learned rhythm follow what the region measured of false alarms.
    pub adapts: bool,
    /// Whether a gentle question comes before the call centre.
    pub notices: bool,
    /// How the person is asked that question, so that no answer is an alert.
    pub asked: Asked,
    /// The minute of the day at which the person is asked every day.
    pub daily: Option<u16>,
    /// What holds where the person is asked; it is in force as `rhythm.ask`.
    pub question: rhythm::Ask,
    /// Minutes from midnight between which an entrance that opens is remarkable; may lie over midnight.
    pub night: (u16, u16),
    pub night_door: Option<Level>,
    pub left_open_entrance: Span,
    pub left_open_fridge: Span,
    /// Degrees Celsius: [notice, alert].
    pub hot: [f32; 2],
    pub cold: [f32; 2],
    /// Estimated WBGT in degrees: [notice, alert].
    pub wbgt: [f32; 2],
    /// How long a room must stay beyond a limit before it is told.
    pub climate_after: Span,
    /// A contact or motion that says more than this in a minute is out of order.
    pub chatter: u8,
    /// How long a gateway may be silent before its line counts as faulty.
    pub line_fault: Span,
}

impl Default for Settings {
    /// Room limits from domain 7.9 (室温 31 以上または WBGT 28 以上, 10 以下; to be chosen with the city), the line from
    /// there too; the second levels, doors and hours are chosen, [to verify] with each city.
    fn default() -> Settings {
        Settings {
            rhythm: rhythm::Settings::default(),
            adapts: true,
            notices: true,
            asked: Asked::Off,
            daily: None,
            question: rhythm::Ask::USUAL,
            night: (23 * 60, 5 * 60),
            night_door: Some(Level::Notice),
            left_open_entrance: Span::minutes(60),
            left_open_fridge: Span::minutes(20),
            hot: [31.0, 33.0],
            cold: [10.0, 5.0],
            wbgt: [28.0, 31.0],
            climate_after: Span::minutes(15),
            chatter: MOST_A_MINUTE,
            line_fault: Span::hours(2),
        }
    }
}

/// What differs from the level above (a home from its region, a region from the built-in settings). Absent: as there.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// Days per false alert of one home, 1 to 3650.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_days: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice_days: Option<f32>,
    /// 2 to 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_hours: Option<u16>,
    /// 2 to 72 hours without a sign instead of the learned rhythm; 0: the learned rhythm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_hours: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notices: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Days per question that was not needed, 1 to 3650.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question_days: Option<f32>,
    /// The minute of the day at which somebody wants to be asked every day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<u16>,
    /// Nobody is asked between these minutes of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<(u16, u16)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub night: Option<(u16, u16)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub night_door: Option<NightDoor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_open_entrance_minutes: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_open_fridge_minutes: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hot: Option<[f32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold: Option<[f32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wbgt: Option<[f32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub climate_minutes: Option<u16>,
    /// 5 to 120 in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chatter: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_fault_minutes: Option<u16>,
}

base::words! {
    /// How a person is asked whether all is well.
    Asked {
        /// Not at all: that nobody answers a message is no alert.
        Off = "off", "尋ねない";
        /// By a message with buttons.
        Message = "message", "メール・SMSで尋ねる";
        /// By a call that reads a sentence and takes a key.
        Call = "call", "自動音声の電話で尋ねる";
    }
}

/// What an entrance that opens at night is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NightDoor {
    Off,
    Notice,
    Alert,
}

impl Changes {
    /// Says which number lies outside its range, in the words of the form.
    pub fn check(&self) -> Result<(), WatchRefusal> {
        const DAYS: &str = "1から3650日";
        const MINUTES: &str = "1から1440分";
        const CLOCK: &str = "0時から24時（始まりと終わりは別の時刻）";
        const DEGREES: &str = "-20から60℃（アラートは通知より厳しい値）";
        let days = |v: Option<f32>| v.is_none_or(|d| (1.0..=3650.0).contains(&d));
        let minutes = |v: Option<u16>| v.is_none_or(|m| (1..=1440).contains(&m));
        let rising = |v: Option<[f32; 2]>| v.is_none_or(|[a, b]| a <= b && a >= -20.0 && b <= 60.0);
        let hours = |v: Option<(u16, u16)>| v.is_none_or(|(a, b)| a < 1440 && b < 1440 && a != b);
        let fixed = self.fixed_hours.is_none_or(|h| h == 0 || (2..=72).contains(&h));
        let wrong = [
            (days(self.alert_days), "alert_days", "誤ったアラートの目安", DAYS),
            (days(self.notice_days), "notice_days", "誤った通知の目安", DAYS),
            (self.cap_hours.is_none_or(|h| (2..=24).contains(&h)), "cap_hours", "上限の時間", "2から24時間"),
            (fixed, "fixed_hours", "決められた時間", "2から72時間（0で学習した見守り）"),
            (self.daily.is_none_or(|m| m < 1440), "daily", "毎日尋ねる時刻", "0時から24時"),
            (days(self.question_days), "question_days", "不要だった質問の目安", DAYS),
            (hours(self.quiet), "quiet_from", "尋ねない時間", CLOCK),
            (hours(self.night), "night_from", "夜間の時間帯", CLOCK),
            (minutes(self.left_open_entrance_minutes), "entrance_minutes", "玄関の開けたままの時間", MINUTES),
            (minutes(self.left_open_fridge_minutes), "fridge_minutes", "冷蔵庫の開けたままの時間", MINUTES),
            (rising(self.hot), "hot_notice", "暑さの限度", DEGREES),
            (rising(self.cold.map(|[a, b]| [b, a])), "cold_notice", "寒さの限度", DEGREES),
            (rising(self.wbgt), "wbgt_notice", "暑さ指数の限度", "-20から60（アラートは通知より厳しい値）"),
            (minutes(self.climate_minutes), "climate_minutes", "続いたら知らせる時間", MINUTES),
            (self.chatter.is_none_or(|n| (5..=120).contains(&n)), "chatter", "1分間の回数", "5から120回"),
            (
                self.line_fault_minutes.is_none_or(|m| (10..=2880).contains(&m)),
                "line_fault_minutes",
                "通信断とみなすまでの時間",
                "10から2880分",
            ),
        ];
        match wrong.into_iter().find(|(fits, ..)| !fits) {
            None => Ok(()),
            Some((_, at, field, range)) => Err(WatchRefusal::Setting { at, field, range }),
        }
    }

    /// These changes on top of `base`.
    pub fn over(&self, base: &Settings) -> Settings {
        let mut s = base.clone();
        let minutes = |m: u16| Span::minutes(i64::from(m));
        let hours = |h: u16| Span::hours(i64::from(h));
        s.rhythm.alert_days = self.alert_days.unwrap_or(s.rhythm.alert_days);
        s.rhythm.notice_days = self.notice_days.unwrap_or(s.rhythm.notice_days);
        s.rhythm.cap = self.cap_hours.map_or(s.rhythm.cap, hours);
        s.rhythm.fixed = match self.fixed_hours {
            None => s.rhythm.fixed,
            Some(0) => None,
            Some(h) => Some(hours(h)),
        };
        s.adapts = self.adapts.unwrap_or(s.adapts);
        s.notices = self.notices.unwrap_or(s.notices);
        s.asked = self.asked.unwrap_or(s.asked);
        s.question.days = self.question_days.unwrap_or(s.question.days);
        s.question.quiet = self.quiet.unwrap_or(s.question.quiet);
        s.daily = self.daily.or(s.daily);
        s.rhythm.ask = (s.asked != Asked::Off).then_some(s.question);
        s.night = self.night.unwrap_or(s.night);
        s.night_door = match self.night_door {
            None => s.night_door,
            Some(NightDoor::Off) => None,
            Some(NightDoor::Notice) => Some(Level::Notice),
            Some(NightDoor::Alert) => Some(Level::Alert),
        };
        s.left_open_entrance = self.left_open_entrance_minutes.map_or(s.left_open_entrance, minutes);
        s.left_open_fridge = self.left_open_fridge_minutes.map_or(s.left_open_fridge, minutes);
        s.hot = self.hot.unwrap_or(s.hot);
        s.cold = self.cold.unwrap_or(s.cold);
        s.wbgt = self.wbgt.unwrap_or(s.wbgt);
        s.climate_after = self.climate_minutes.map_or(s.climate_after, minutes);
        s.chatter = self.chatter.unwrap_or(s.chatter);
        s.line_fault = self.line_fault_minutes.map_or(s.line_fault, minutes);
        s
    }
}

impl Settings {
    /// The minute at which the person is asked every day; `None` where nobody is asked at all.
    pub fn daily_call(&self) -> Option<u16> {
        self.daily.filter(|_| self.asked != Asked::Off)
    }

    /// A daily hour needs a way to ask, and lies outside the hours in which nobody is asked.
    pub(crate) fn check_daily(&self) -> Result<(), WatchRefusal> {
        match self.daily {
            Some(_) if self.asked == Asked::Off => Err(WatchRefusal::DailyWithoutWay),
            Some(minute) if self.question.is_quiet(Instant::from_wall_seconds(i64::from(minute) * 60)) => {
                Err(WatchRefusal::DailyInQuietHours)
            }
            _ => Ok(()),
        }
    }
}

/// Whether the region's settings leave every daily call of its homes a way and an hour.
pub(crate) fn check_region(tx: &mut dyn Tx, changes: &Changes) -> Result<(), WatchError> {
    changes.check()?;
    let region = changes.over(&Settings::default());
    region.check_daily()?;
    let homes = home::changes(tx, None)?.into_iter().filter(|(no, _)| *no != home::REGION);
    let lost: Vec<WatchRefusal> = homes.filter_map(|(_, own)| own.over(&region).check_daily().err()).collect();
    match lost.first() {
        None => Ok(()),
        Some(WatchRefusal::DailyWithoutWay) => {
            Err(WatchRefusal::DailyOfHomes { at: "asked", homes: lost.len() }.into())
        }
        Some(_) => Err(WatchRefusal::DailyOfHomes { at: "quiet_from", homes: lost.len() }.into()),
    }
}

/// Whether a home's settings fit by themselves and with the region's; what is in force with them.
pub(crate) fn check_home(tx: &mut dyn Tx, changes: &Changes) -> Result<Settings, WatchError> {
    changes.check()?;
    let in_force = changes.over(&region_settings(tx)?);
    in_force.check_daily()?;
    Ok(in_force)
}

/// Sets what holds for all homes of the region. For those whose duty it is.
pub fn set_region(ctx: &Ctx, tx: &mut dyn Tx, changes: &Changes) -> Result<(), WatchError> {
    let charged = access::charge(ctx, Charge::SetRegionWatch)?;
    check_region(tx, changes)?;
    home::set(tx, home::REGION, changes)?;
    audit::done(ctx, tx, Verb::SetRegion, charged, "watch")?;
    Ok(outbox::push(tx, ctx.now, &Event::RegionChanged {})?)
}

/// Sets what holds for one home.
pub fn set_home(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, changes: &Changes) -> Result<(), WatchError> {
    let person = contract::subject(ctx, tx, home)?;
    let witness = access::require(ctx, tx, Act::SetWatch, person)?;
    check_home(tx, changes)?;
    let no = contract::enrol(ctx, tx, home)?;
    home::set(tx, no, changes)?;
    audit::done(ctx, tx, Verb::SetHome, &witness, "watch")?;
    contract::changed(ctx, tx, home)
}

/// What a region (`None`) or a home has set for itself. Numbers only; asks nobody's leave.
pub fn changes_of(tx: &mut dyn Tx, home: Option<HomeId>) -> Result<Changes, WatchError> {
    let no = match home {
        None => home::REGION,
        Some(home) => match home::no_of(tx, home)? {
            Some(no) => no,
            None => return Ok(Changes::default()),
        },
    };
    Ok(home::changes(tx, Some(no))?.pop().map(|(_, changes)| changes).unwrap_or_default())
}

/// What is in force where a home has set nothing for itself.
pub fn region_settings(tx: &mut dyn Tx) -> Result<Settings, WatchError> {
    Ok(changes_of(tx, None)?.over(&Settings::default()))
}

/// What is in force for a home.
pub fn settings_of(tx: &mut dyn Tx, home: HomeId) -> Result<Settings, WatchError> {
    let region = region_settings(tx)?;
    Ok(changes_of(tx, Some(home))?.over(&region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_overrides_its_region_and_nothing_else() {
        let region = Changes { alert_days: Some(60.0), fixed_hours: Some(24), ..Changes::default() };
        let home = Changes { fixed_hours: Some(0), hot: Some([30.0, 32.0]), ..Changes::default() };
        let s = home.over(&region.over(&Settings::default()));
        assert_eq!(s.rhythm.alert_days, 60.0);
        assert_eq!(s.rhythm.fixed, None);
        assert_eq!(s.hot, [30.0, 32.0]);
        assert_eq!(s.wbgt, Settings::default().wbgt);
    }

    // shows: 6.3.2 an hour at which nobody would ask is refused, also where the quiet hours are the region's
    #[test]
    fn a_daily_hour_needs_a_way_and_lies_outside_the_quiet_hours() {
        let region = Changes { quiet: Some((21 * 60, 7 * 60)), ..Changes::default() };
        let daily = |minute: u16, asked| Changes { daily: Some(minute), asked, ..Changes::default() };
        let check = |changes: Changes| {
            let in_force = changes.over(&region.over(&Settings::default()));
            (in_force.daily_call(), in_force.check_daily())
        };
        assert_eq!(check(daily(600, None)), (None, Err(WatchRefusal::DailyWithoutWay)), "nobody is asked unawares");
        assert_eq!(check(daily(600, Some(Asked::Call))), (Some(600), Ok(())));
        for late in [21 * 60, 23 * 60 + 30, 0, 6 * 60 + 59] {
            assert_eq!(check(daily(late, Some(Asked::Message))).1, Err(WatchRefusal::DailyInQuietHours), "{late}");
        }
        assert_eq!(check(daily(7 * 60, Some(Asked::Message))).1, Ok(()));
    }

    #[test]
    fn numbers_outside_their_range_are_refused() {
        for changes in [
            Changes { alert_days: Some(0.0), ..Changes::default() },
            Changes { alert_days: Some(f32::NAN), ..Changes::default() },
            Changes { cap_hours: Some(25), ..Changes::default() },
            Changes { fixed_hours: Some(1), ..Changes::default() },
            Changes { night: Some((300, 300)), ..Changes::default() },
            Changes { hot: Some([33.0, 31.0]), ..Changes::default() },
            Changes { cold: Some([5.0, 10.0]), ..Changes::default() },
            Changes { line_fault_minutes: Some(5), ..Changes::default() },
        ] {
            assert!(changes.check().is_err(), "{changes:?}");
        }
        assert!(Changes::default().check().is_ok());
    }
}
