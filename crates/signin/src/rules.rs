//! Decisions about time and counts: throttles, lifetimes of sessions and codes. Pure.

use std::net::IpAddr;

use access::{Charge, Charged};
use base::{AccountId, Ctx, Instant, Role, Span, limits};

use crate::{LoginName, SigninRefusal, TokenHash, secret};

/// How long a one-time enrolment code is valid.
pub const ENROLMENT_VALID: Span = Span::hours(72);
/// Wrong second factors after which an enrolment code is spent.
pub const ENROLMENT_TRIES: u32 = 10;
/// How long a second factor that was shown for an administrator's act stands for the next ones.
pub const SECOND_FRESH: Span = Span::minutes(5);
/// How long a request waits for a second administrator.
pub const REQUEST_VALID: Span = Span::days(3);
/// How long whoever asked reads what became of a request, and how many of them.
pub const ENDED_KEPT: Span = Span::days(30);
pub const ENDED_ROWS: usize = 20;
/// Administrators who are told that something waits; more than a region has.
pub const ADMINISTRATORS_TOLD: usize = 50;
/// Requests that wait at a time; a further one is refused.
pub const REQUESTS_WAITING: usize = 50;
/// How long one has for the second step after the password.
pub const PENDING_VALID: Span = Span::minutes(5);
/// Wrong second factors after which one begins again with the password.
pub const PENDING_TRIES: u32 = 5;
/// Second steps an account may have begun at a time; a further one ends the oldest.
pub const PENDING_PER_ACCOUNT: usize = 5;
/// Recovery codes of one account.
pub const RECOVERY_CODES: usize = 10;
/// Sessions of one account at a time; a further one ends the oldest.
pub const SESSIONS_PER_ACCOUNT: usize = 20;
/// Devices an account is known on; a further one forgets the oldest.
pub const DEVICES_PER_ACCOUNT: usize = 20;
/// How long a device is remembered after its last sign-in.
pub const DEVICE_KNOWN: Span = Span::days(180);
/// How often the last sign of a session is stored, so that a request is not a write.
pub const TOUCH_EVERY: Span = Span::minutes(1);
/// Failures older than this are forgotten.
pub const FORGET_FAILURES: Span = Span::hours(24);

/// How long a session lasts without a request, and at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetime {
    pub idle: Span,
    pub absolute: Span,
}

/// A desk where patients and colleagues pass by.
const DESK: Lifetime = Lifetime { idle: Span::minutes(30), absolute: Span::hours(12) };
/// A call-centre shift with its hand-over: the wall of open cases must not fall dark during a quiet night.
const SHIFT: Lifetime = Lifetime { idle: Span::hours(12), absolute: Span::hours(14) };
/// One's own telephone at home, where a message asks for an answer once in weeks.
const HOME: Lifetime = Lifetime { idle: Span::days(30), absolute: Span::days(90) };

pub const fn lifetime(role: Role) -> Lifetime {
    match role {
        Role::Operator => SHIFT,
        Role::Family | Role::Resident => HOME,
        _ => DESK,
    }
}

/// Where a request comes from, as far as throttling needs it: an IPv4 address, or the /64 an IPv6 address lies in,
/// because a household owns all of it. Kept as a hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Address([u8; 32]);

impl Address {
    pub fn of(ip: IpAddr) -> Address {
        Address(match ip.to_canonical() {
            IpAddr::V4(v4) => secret::sha256(&[b"v4", &v4.octets()]),
            IpAddr::V6(v6) => secret::sha256(&[b"v6", &v6.octets()[..8]]),
        })
    }
}

impl Address {
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address([…])")
    }
}

/// How many failures are free, and how long the first block lasts; each further failure doubles it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    pub failures: u32,
    pub first_block: Span,
    pub longest_block: Span,
}

/// Of one account, one known device of an account, or one second factor.
pub const ACCOUNT_ALLOWANCE: Allowance =
    Allowance { failures: 5, first_block: Span::minutes(1), longest_block: Span::hours(1) };
/// Of one address: a whole office stands behind one.
pub const ADDRESS_ALLOWANCE: Allowance =
    Allowance { failures: 30, first_block: Span::minutes(1), longest_block: Span::hours(1) };

/// What is remembered of failures under one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttle {
    pub failures: u32,
    pub last: Instant,
    pub blocked_until: Instant,
}

/// The key of a counter. What it counts is not to be read back from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ThrottleKey(pub(crate) [u8; 32]);

impl ThrottleKey {
    /// By what was typed, whether or not such an account exists.
    pub fn login(typed: &str) -> ThrottleKey {
        ThrottleKey(secret::sha256(&[b"login", fold_login(typed).as_bytes()]))
    }
    /// A device on which this account signed in before has a counter of its own, so that a stranger's failures do not
    /// lock an operator out of the desk.
    pub fn device(device: &TokenHash) -> ThrottleKey {
        ThrottleKey(secret::sha256(&[b"device", &device.0]))
    }
    pub fn address(address: &Address) -> ThrottleKey {
        ThrottleKey(secret::sha256(&[b"address", &address.0]))
    }
    pub fn second(account: AccountId) -> ThrottleKey {
        ThrottleKey(secret::sha256(&[b"second", account.0.as_bytes()]))
    }
}

/// The end of a block that is still on.
pub fn blocked(throttle: Option<&Throttle>, now: Instant) -> Option<Instant> {
    throttle.map(|t| t.blocked_until).filter(|until| *until > now)
}

/// One more failure.
pub fn count_failure(before: Option<&Throttle>, allowance: Allowance, now: Instant) -> Throttle {
    let fresh = before.filter(|t| now - t.last < FORGET_FAILURES);
    let failures = fresh.map_or(0, |t| t.failures).saturating_add(1);
    let blocked_until = match failures.checked_sub(allowance.failures) {
        None => Instant(0),
        Some(over) => now + Span((allowance.first_block.0 << over.min(20)).min(allowance.longest_block.0)),
    };
    Throttle { failures, last: now, blocked_until }
}

/// One failure less: it was counted before the answer was known, and the answer was right.
pub fn take_back(before: &Throttle) -> Throttle {
    Throttle { failures: before.failures.saturating_sub(1), blocked_until: Instant(0), ..*before }
}

/// Lower case, half width, no blanks around, and never longer than a field.
pub fn fold_login(typed: &str) -> String {
    let narrow: String = typed.chars().take(limits::LINE_CHARS).map(secret::narrow).collect();
    narrow.trim().to_ascii_lowercase()
}

/// Whether a second factor shown then still stands for an act now; one of the future stands for nothing.
pub fn still_fresh(shown: Instant, now: Instant) -> bool {
    shown <= now && now - shown < SECOND_FRESH
}

/// Whoever the policies let manage accounts, and the program itself (its command line, the demo).
pub fn administers(ctx: &Ctx) -> Result<Charged, SigninRefusal> {
    access::charge(ctx, Charge::ManageAccounts).map_err(|_| SigninRefusal::NotAdministrator)
}

/// Nobody raises, silences or takes over the own account: a stolen session must not become a stolen account.
pub fn not_own(ctx: &Ctx, account: AccountId) -> Result<(), SigninRefusal> {
    if ctx.actor.id == account.0 { Err(SigninRefusal::OwnAccount) } else { Ok(()) }
}

pub fn may_have_account(role: Role) -> Result<(), SigninRefusal> {
    match role {
        Role::Link | Role::Gateway | Role::System => Err(SigninRefusal::RoleNotForAccounts),
        _ => Ok(()),
    }
}

/// A name to show: one line, not empty.
pub fn display_name(typed: &str) -> Result<String, SigninRefusal> {
    let name = typed.trim();
    let fits = !name.is_empty() && name.chars().count() <= limits::LINE_CHARS && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(SigninRefusal::NameMalformed) }
}

/// The login name that something typed may be; `None` is nobody's.
pub fn maybe_login(typed: &str) -> Option<LoginName> {
    LoginName::parse(typed).ok()
}
