//! Why a silence is told, in the words an operator reads out to a family.

use base::Instant;

use super::habit::Habit;
use super::score::{Course, Tail};
use super::{DAY, Due, HALF_HOURS, Last, Rhythm, Rule, Sign};

/// A half-hour in which fewer days than this show a sign is no habit worth naming.
const USUAL: f32 = 0.6;
/// Before this many days the home's own frequency means nothing.
const LEARNING_DAYS: f32 = 7.0;
/// From here on "once in n days" is said as "hardly ever".
const HARDLY_EVER: f64 = 90.0;

impl Rhythm {
    /// The reason of what is due, to be asked before the next sign is observed. Several sentences of plain Japanese,
    /// without any name.
    pub fn reason(&self, due: &Due) -> String {
        let Some(last) = self.last else { return String::new() };
        let Some(at) = super::wall(due.at) else { return String::new() };
        let mut text = match self.broken_habit(last, at) {
            Some(habit) => say_broken(habit, last, at),
            None => say_silence(last, at) + &self.say_usual(last.at, at),
        };
        if let Some(reassured) = last.reassured {
            text += &format!("{}に無事を確認していますが、その後も動きがありません。", moment(reassured, at));
        }
        if last.out {
            text += "最後は玄関でした。外出中かもしれません。";
        }
        text + &match due.rule {
            Rule::InactivityFixed => "決められた時間、動きがないためお知らせします。".to_owned(),
            Rule::InactivityUnanswered => "お変わりないかをお尋ねしましたが、お返事がありません。".to_owned(),
            Rule::InactivityNotice | Rule::InactivityAlert | Rule::InactivityQuestion => self.say_frequency(last, at),
        }
    }

    /// A device that this home uses every day by a certain time and has not used on this one.
    fn broken_habit(&self, last: Last, at: i64) -> Option<Habit> {
        let midnight = at - at.rem_euclid(DAY);
        self.first_uses.broken(at - midnight, last.at < midnight).filter(|habit| midnight + habit.by > last.at)
    }

    /// The half-hour wholly inside the silence in which this home most often shows a sign.
    fn say_usual(&self, from: i64, to: i64) -> String {
        let first = from.div_euclid(1800) + 1;
        let usual = (first..to.div_euclid(1800))
            .take(HALF_HOURS)
            .map(|slot| slot.rem_euclid(HALF_HOURS as i64) as usize)
            .reduce(|best, q| if self.active[q] > self.active[best] { q } else { best });
        match usual.filter(|&q| self.active[q] >= USUAL) {
            Some(q) => format!(
                "ふだんは{}ごろに動きがあります（10日のうち{:.0}日）。",
                clock(q as i64 * 1800),
                (self.active[q] * 10.0).min(10.0)
            ),
            None => String::new(),
        }
    }

    fn say_frequency(&self, last: Last, at: i64) -> String {
        if self.days < LEARNING_DAYS {
            return "まだこの家のふだんを学習中です。".to_owned();
        }
        let score = Course::of(self, last.since, last.out).at(at - last.since);
        let days = Tail::of(self, last.out).days_between(score);
        if days >= HARDLY_EVER {
            return "この家でこれほど静かなことは、これまでほとんどありません。".to_owned();
        }
        format!("この家でこれほど静かなのは{:.0}日に1回ほどです。", days.max(1.0))
    }
}

fn say_silence(last: Last, at: i64) -> String {
    format!("{}の{}を最後に、{}、動きがありません。", moment(last.at, at), place(last.sign), length(at - last.at))
}

fn say_broken(habit: Habit, last: Last, at: i64) -> String {
    let (usually, not_yet) = match habit.sign {
        Sign::Entrance => ("玄関が開きます", "開いていません"),
        Sign::Fridge => ("冷蔵庫が開きます", "開いていません"),
        Sign::Bathroom => ("浴室が使われます", "使われていません"),
        Sign::Toilet => ("トイレが使われます", "使われていません"),
        Sign::Medicine => ("薬箱が開きます", "開いていません"),
        Sign::Motion => ("部屋で動きがあります", "ありません"),
        Sign::Contact | Sign::Usage => ("扉が開きます", "開いていません"),
    };
    format!(
        "いつもは{}ごろまでに{usually}が、{}の時点でまだ{not_yet}。最後の動きは{}の{}です。",
        clock(habit.by),
        clock(at),
        moment(last.at, at),
        place(last.sign)
    )
}

fn place(sign: Sign) -> &'static str {
    match sign {
        Sign::Entrance => "玄関",
        Sign::Fridge => "冷蔵庫",
        Sign::Bathroom => "浴室",
        Sign::Toilet => "トイレ",
        Sign::Medicine => "薬箱",
        Sign::Motion => "人感センサー",
        Sign::Contact => "扉",
        Sign::Usage => "電気・水道の使用",
    }
}

/// 「きのう21時10分」, seen from `now`.
fn moment(wall: i64, now: i64) -> String {
    let day = match now.div_euclid(DAY) - wall.div_euclid(DAY) {
        0 => String::new(),
        1 => "きのう".to_owned(),
        2 => "おととい".to_owned(),
        _ => {
            let local = Instant::from_wall_seconds(wall).local();
            format!("{}月{}日", local.month, local.day)
        }
    };
    day + &clock(wall)
}

/// 「7時半」「11時10分」「18時」.
fn clock(wall: i64) -> String {
    let minutes = wall.rem_euclid(DAY) / 60;
    match (minutes / 60, minutes % 60) {
        (hour, 0) => format!("{hour}時"),
        (hour, 30) => format!("{hour}時半"),
        (hour, minute) => format!("{hour}時{minute}分"),
    }
}

fn length(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, minutes) => format!("{minutes}分間"),
        (hours, 0) => format!("{hours}時間"),
        (hours, minutes) => format!("{hours}時間{minutes}分"),
    }
}
