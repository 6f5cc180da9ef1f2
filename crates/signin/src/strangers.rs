//! What somebody does whom nobody knows. It is held back and counted in memory, told to a bounded security log under
//! keyed hashes, and written into the audit chain, from which nothing can be deleted, only within an allowance of the
//! whole region. So a stranger leaves nothing durable that grows with their patience.
//!
//! It knows no account: failures against a known one are counted in the database, by `entering`, and outlive a restart.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use audit::Action;
use base::{Ctx, Instant, Span, limits};
use db::{DbError, Tx};
use metrics::counter;

use crate::rules::{self, Address, Allowance, FORGET_FAILURES, Throttle, ThrottleKey};
use crate::secret;

base::words! {
    /// At which door somebody stood.
    Threshold {
        Signin = "signin", "サインイン";
        Enrolment = "enrolment", "初回設定";
        Link = "link", "お知らせのリンク";
        Certificate = "certificate", "端末の証明書";
    }
}

/// One line of the security log. Whom it is about is a hash under the region's own key: the same login and the same
/// address are the same word, and no list of names or addresses tells which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incident {
    pub at: Instant,
    pub threshold: Threshold,
    pub what: &'static str,
    pub login: Option<[u8; 8]>,
    pub address: Option<[u8; 8]>,
}

/// What is remembered of strangers until the program ends.
pub struct Strangers(Mutex<Memory>);

struct Memory {
    key: [u8; 32],
    throttles: HashMap<ThrottleKey, Throttle>,
    /// Of each threshold.
    recorded: [Hour; Threshold::ALL.len()],
    incidents: VecDeque<Incident>,
    /// Incidents for which the log had no room.
    lost: u64,
}

/// Rows of the audit chain in an hour that began at `since`, and what was passed over since the last of them.
#[derive(Clone, Copy)]
struct Hour {
    since: Instant,
    rows: u32,
    passed_over: u64,
}

impl Strangers {
    /// `key` makes the hashes of the log; one that is kept makes them the same after a restart.
    pub fn new(key: [u8; 32]) -> Strangers {
        Strangers(Mutex::new(Memory {
            key,
            throttles: HashMap::new(),
            recorded: [Hour { since: Instant(0), rows: 0, passed_over: 0 }; Threshold::ALL.len()],
            incidents: VecDeque::new(),
            lost: 0,
        }))
    }

    /// From now on with the key that the region keeps.
    pub fn use_key(&self, key: [u8; 32]) {
        self.memory().key = key;
    }

    /// Until when nothing of this key is tried.
    pub fn wait(&self, key: &ThrottleKey, now: Instant) -> Option<Instant> {
        rules::blocked(self.memory().throttles.get(key), now)
    }

    /// Counts one failure.
    pub fn count(&self, key: ThrottleKey, allowance: Allowance, now: Instant) {
        let mut memory = self.memory();
        let after = rules::count_failure(memory.throttles.get(&key), allowance, now);
        if !memory.throttles.contains_key(&key) {
            make_room(&mut memory.throttles, now);
        }
        memory.throttles.insert(key, after);
    }

    /// Takes a failure back that was counted before the answer was known.
    pub fn take_back(&self, key: &ThrottleKey) {
        if let Some(throttle) = self.memory().throttles.get_mut(key) {
            *throttle = rules::take_back(throttle);
        }
    }

    /// Counts and notes what happened. `login` is what was typed, whether or not there is such an account.
    pub fn tell(&self, at: Instant, door: Threshold, what: &'static str, login: Option<&str>, from: &Address) {
        counter!("strangers_total", "door" => door.key(), "what" => what).increment(1);
        let mut memory = self.memory();
        let hashed = |kind: &[u8], of: &[u8]| {
            let whole = secret::sha256(&[&memory.key, kind, of]);
            let mut short = [0; 8];
            short.copy_from_slice(&whole[..8]);
            short
        };
        let login = login.map(|typed| hashed(b"login", rules::fold_login(typed).as_bytes()));
        let incident = Incident { at, threshold: door, what, login, address: Some(hashed(b"address", from.bytes())) };
        if memory.incidents.len() >= limits::SECURITY_LOG_WAITING {
            memory.incidents.pop_front();
            memory.lost += 1;
        }
        memory.incidents.push_back(incident);
    }

    /// Whether what just happened may stand in the audit chain, and if so how many before it may not.
    pub fn may_record(&self, door: Threshold, now: Instant) -> Option<u64> {
        let mut memory = self.memory();
        let hour = &mut memory.recorded[door as usize];
        if now - hour.since >= Span::hours(1) {
            (hour.since, hour.rows) = (now, 0);
        }
        if hour.rows >= limits::STRANGER_ROWS_PER_HOUR {
            hour.passed_over += 1;
            return None;
        }
        hour.rows += 1;
        Some(std::mem::take(&mut hour.passed_over))
    }

    /// What was noted since the last call, and how much had no room.
    pub fn drain(&self) -> (Vec<Incident>, u64) {
        let mut memory = self.memory();
        (memory.incidents.drain(..).collect(), std::mem::take(&mut memory.lost))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row about somebody nobody knows. `passed_over` says how many like it stand nowhere but in the figures.
pub fn record_stranger(ctx: &Ctx, tx: &mut dyn Tx, action: Action, why: &str, passed_over: u64) -> Result<(), DbError> {
    let items = if passed_over == 0 { String::new() } else { format!("passed_over:{passed_over}") };
    audit::refused_about(ctx, tx, action, &items, why).map(drop)
}

/// Where there is no room for another key, those go first that hold nobody back and were quiet the longest.
fn make_room(throttles: &mut HashMap<ThrottleKey, Throttle>, now: Instant) {
    if throttles.len() < limits::STRANGERS {
        return;
    }
    throttles.retain(|_, throttle| now - throttle.last < FORGET_FAILURES);
    if throttles.len() < limits::STRANGERS {
        return;
    }
    let mut by_age: Vec<(Instant, Instant, ThrottleKey)> =
        throttles.iter().map(|(key, t)| (t.blocked_until, t.last, *key)).collect();
    by_age.sort_unstable_by_key(|(blocked, last, _)| (*blocked, *last));
    for (_, _, key) in by_age.iter().take(limits::STRANGERS / 4) {
        throttles.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::rules::{ACCOUNT_ALLOWANCE, ADDRESS_ALLOWANCE};

    const NOON: Instant = Instant(1_800_000_000_000_000);

    fn address(n: u32) -> Address {
        Address::of(IpAddr::from(n.to_be_bytes()))
    }

    // shows: 5.1.4 what a stranger does is only within an allowance recorded
    #[test]
    fn an_hour_has_its_allowance_and_the_next_row_says_what_was_passed_over() {
        let strangers = Strangers::new([1; 32]);
        let ask = |seconds: i64| strangers.may_record(Threshold::Link, NOON + Span::seconds(seconds));
        let allowed = (0..2000).filter(|n| ask(*n) == Some(0)).count();
        assert_eq!(allowed, limits::STRANGER_ROWS_PER_HOUR as usize);
        assert_eq!(strangers.may_record(Threshold::Signin, NOON), Some(0), "each door has its own");
        assert_eq!(ask(3600), Some(2000 - u64::from(limits::STRANGER_ROWS_PER_HOUR)));
        assert_eq!(ask(3601), Some(0));
    }

    // shows: 5.1.4 a bounded security log with keyed hashes of login and address
    #[test]
    fn the_log_is_bounded_and_its_hashes_are_of_this_region() {
        let strangers = Strangers::new([1; 32]);
        for n in 0..limits::SECURITY_LOG_WAITING as u32 + 5 {
            strangers.tell(NOON, Threshold::Signin, "wrong", Some("ＳＡＴＯ "), &address(n % 2));
        }
        let (incidents, lost) = strangers.drain();
        assert_eq!((incidents.len(), lost), (limits::SECURITY_LOG_WAITING, 5));
        assert_eq!(incidents[0].login, incidents[1].login);
        assert_ne!(incidents[0].address, incidents[1].address);
        assert_eq!(incidents[0].address, incidents[2].address);
        let other = Strangers::new([2; 32]);
        other.tell(NOON, Threshold::Signin, "wrong", Some("sato"), &address(1));
        assert_ne!(other.drain().0[0].login, incidents[0].login, "another region's word is another");
        assert_eq!(strangers.drain(), (vec![], 0));
    }

    #[test]
    fn memory_of_strangers_is_bounded_and_keeps_those_it_holds_back() {
        let strangers = Strangers::new([1; 32]);
        let held = ThrottleKey::address(&address(0));
        (0..ADDRESS_ALLOWANCE.failures).for_each(|_| strangers.count(held, ADDRESS_ALLOWANCE, NOON));
        for n in 0..limits::STRANGERS * 2 {
            strangers.count(ThrottleKey::login(&format!("name{n}")), ACCOUNT_ALLOWANCE, NOON + Span(n as i64));
        }
        assert!(strangers.memory().throttles.len() <= limits::STRANGERS);
        assert_eq!(strangers.wait(&held, NOON), Some(NOON + Span::minutes(1)));
        strangers.take_back(&held);
        assert_eq!(strangers.wait(&held, NOON), None);
    }
}
