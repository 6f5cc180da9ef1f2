//! How long we wait for whoever is connected: pure rules over what was seen of one HTTP connection.

use std::time::Duration;

use base::limits;

/// The times of one way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// From the connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From there, or from its first byte on a connection that was used before, to the end of a request's head.
    pub head: Duration,
    /// Between two pieces of a request's body; in all.
    pub body: Pace,
    pub body_of_known: Pace,
    /// Between an answer and the next request.
    pub idle: Duration,
    pub idle_of_known: Duration,
    /// A client takes nothing of what we send.
    pub unread: Duration,
    /// A connection on which nobody became known.
    pub age: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    pub pause: Duration,
    pub total: Duration,
}

impl Deadlines {
    pub const USUAL: Deadlines = Deadlines {
        handshake: limits::HANDSHAKE_WAIT,
        head: limits::HEAD_WAIT,
        body: Pace { pause: limits::BODY_PAUSE, total: limits::BODY_WAIT },
        body_of_known: Pace { pause: limits::BODY_PAUSE_OF_KNOWN, total: limits::BODY_WAIT_OF_KNOWN },
        idle: limits::IDLE_WAIT,
        idle_of_known: limits::IDLE_WAIT_OF_KNOWN,
        unread: limits::UNREAD_WAIT,
        age: limits::STRANGER_AGE,
    };
}

/// What was seen of a connection after its handshake.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Seen {
    pub known: bool,
    /// Since the handshake.
    pub age: Duration,
    /// A request was answered on it already.
    pub used: bool,
    /// Requests under way.
    pub under_way: usize,
    /// Since the last answer ended, or since the handshake.
    pub idle: Duration,
    /// Since the first byte of a further head that has not ended (HTTP/1).
    pub begun: Option<Duration>,
    /// Since the client last took something of what waits for it.
    pub unread: Option<Duration>,
}

/// Why a connection is ended from our side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Late {
    Head,
    Idle,
    Unread,
    Age,
}

impl Late {
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Late::Head => "late_head",
            Late::Idle => "idle",
            Late::Unread => "unread",
            Late::Age => "age",
        }
    }
}

/// How long everything is still in time, or what is late. The bodies of requests keep their own time.
pub(crate) fn judge(seen: &Seen, deadlines: &Deadlines) -> Result<Duration, Late> {
    let idle = if seen.known { deadlines.idle_of_known } else { deadlines.idle };
    let nothing = seen.under_way == 0;
    let limits = [
        (nothing && !seen.used).then_some((seen.idle, deadlines.head, Late::Head)),
        (nothing && seen.used).then_some((seen.idle, idle, Late::Idle)),
        seen.begun.filter(|_| nothing).map(|begun| (begun, deadlines.head, Late::Head)),
        seen.unread.map(|unread| (unread, deadlines.unread, Late::Unread)),
        (!seen.known && nothing).then_some((seen.age, deadlines.age, Late::Age)),
        // An answer under way may be finished, within bounds.
        (!seen.known && !nothing).then_some((seen.age, deadlines.age * 2, Late::Age)),
    ];
    let mut left = Duration::MAX;
    for (passed, limit, late) in limits.into_iter().flatten() {
        match limit.checked_sub(passed) {
            Some(rest) if !rest.is_zero() => left = left.min(rest),
            _ => return Err(late),
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    // shows: 5.1.1 deadlines for head, idle, unread answers; a stranger's connection never becomes long-lived
    #[test]
    fn each_kind_of_waiting_has_its_end() {
        let fresh = Seen::default();
        let used = Seen { used: true, ..fresh };
        let known = Seen { known: true, ..used };
        let answering = Seen { under_way: 1, ..used };
        let live = Seen { under_way: 1, ..known };
        for (seen, expected) in [
            (Seen { idle: secs(9), age: secs(9), ..fresh }, Ok(secs(1))),
            (Seen { idle: secs(10), age: secs(10), ..fresh }, Err(Late::Head)),
            (Seen { idle: secs(15), ..used }, Err(Late::Idle)),
            (Seen { idle: secs(15), ..known }, Ok(secs(60))),
            (Seen { idle: secs(75), ..known }, Err(Late::Idle)),
            (Seen { idle: secs(20), begun: Some(secs(10)), ..known }, Err(Late::Head)),
            (Seen { age: secs(119), ..used }, Ok(secs(1))),
            (Seen { age: secs(120), ..used }, Err(Late::Age)),
            (Seen { age: secs(239), ..answering }, Ok(secs(1))),
            (Seen { age: secs(240), ..answering }, Err(Late::Age)),
            (Seen { age: secs(100_000), idle: secs(100_000), ..live }, Ok(Duration::MAX)),
            (Seen { age: secs(100_000), unread: Some(secs(5)), ..live }, Ok(secs(15))),
            (Seen { unread: Some(secs(20)), ..live }, Err(Late::Unread)),
        ] {
            assert_eq!(judge(&seen, &Deadlines::USUAL), expected, "{seen:?}");
        }
    }

    // shows: 5.1.3 within 30 s of the last byte a half request is gone
    #[test]
    fn the_usual_times_let_no_half_request_stay_for_30_seconds() {
        let usual = Deadlines::USUAL;
        for time in [usual.handshake, usual.head, usual.body.pause, usual.body_of_known.pause, usual.idle] {
            assert!(time < secs(30), "{time:?}");
        }
        assert!(usual.body.total <= secs(30));
    }
}
