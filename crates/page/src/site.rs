//! What every handler holds: the database, the clock, the live events, and how this site is run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};

use base::{Clock, Instant, OfficeId, Redacted, RequestId, limits};
use db::Db;
use signin::{Hashers, Session, Strangers, TokenHash};
use uuid::Uuid;

use crate::about::About;
use crate::certificate::Demand;
use crate::foresight::Foresight;
use crate::lately::Lately;
use crate::live::Live;
use crate::problem::Problem;
use crate::renewals::Renewals;

/// How the site is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// A region at work: TLS or a trusted proxy, `__Host-` cookies, sign-in with two factors.
    Serve,
    /// A fictional town on loopback: the start page lets one become anybody.
    Demo,
}

/// What everybody who is signed in must be told first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Warning {
    /// Our own line to the sensors is down: silence means nothing now.
    WatchLineLost,
    /// The timers of cases or of alerts without a case do not work.
    ClockworkFailed,
    /// Cases whose limit is over.
    Overdue(usize),
    /// Alerts that are stored and whose case could not be opened yet, and the cities whose they are.
    WithoutCase {
        count: usize,
        cities: String,
    },
    /// Rows that cannot be read and are missing from their lists.
    Unreadable(usize),
    /// The record's heads are not signed, for this reason: for those who keep the record.
    SigningStopped(String),
    Words(String),
}

/// Where gateways find this program, as far as it knows itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reach {
    /// `https://tsunagari.example.jp`, without a path.
    pub pages: String,
    pub mqtt: Mqtt,
}

/// What a gateway is told of the broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mqtt {
    Off,
    /// Host and port.
    At {
        address: String,
        tls: bool,
    },
    /// Something stands before it, whose address only those know who run it.
    Hidden,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Site {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    clock: Clock,
    live: Live,
    mode: Mode,
    /// Host names (with port where it is not the default) under which the site may be asked for.
    hosts: Vec<String>,
    /// The region's name as pages show it.
    region: String,
    warnings: RwLock<Vec<Warning>>,
    strangers: Strangers,
    renewals: Renewals,
    office_names: Lately<OfficeId, Redacted<String>>,
    remembered: Lately<TokenHash, Session>,
    foresight: Foresight,
    /// Begun with the first password.
    hashers: OnceLock<Option<Hashers>>,
    /// Where a demonstration's outward messages are written.
    letters: OnceLock<PathBuf>,
    /// Who must show a certificate; nobody where it was not said.
    demand: OnceLock<Demand>,
    /// Whom the items of addresses are about.
    about: OnceLock<About>,
    /// Where gateways find this program.
    reach: OnceLock<Reach>,
    /// A test says that the disk is nearly full.
    #[cfg(feature = "testing")]
    crowded: std::sync::atomic::AtomicBool,
}

impl Site {
    pub fn new(db: Db, clock: Clock, mode: Mode, hosts: Vec<String>, region: String) -> Site {
        let (live, warnings, letters) = (Live::new(), RwLock::default(), OnceLock::new());
        #[cfg(feature = "testing")]
        let crowded = false.into();
        Site {
            inner: Arc::new(Inner {
                db,
                clock,
                live,
                mode,
                hosts,
                region,
                warnings,
                strangers: Strangers::new(random()),
                renewals: Renewals::default(),
                office_names: Lately::new(limits::OFFICE_NAMES_KNOWN),
                remembered: Lately::new(limits::SESSIONS_REMEMBERED),
                foresight: Foresight::default(),
                hashers: OnceLock::new(),
                letters,
                demand: OnceLock::new(),
                about: OnceLock::new(),
                reach: OnceLock::new(),
                #[cfg(feature = "testing")]
                crowded,
            }),
        }
    }

    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    pub fn now(&self) -> Instant {
        (self.inner.clock)()
    }

    /// How much room the disk has; bulk waits while there is not ample.
    pub fn space(&self) -> db::Space {
        #[cfg(feature = "testing")]
        if self.inner.crowded.load(std::sync::atomic::Ordering::Relaxed) {
            return db::Space::Low;
        }
        self.db().space()
    }

    #[cfg(feature = "testing")]
    pub fn crowd(&self, crowded: bool) {
        self.inner.crowded.store(crowded, std::sync::atomic::Ordering::Relaxed);
    }

    pub fn live(&self) -> &Live {
        &self.inner.live
    }

    /// What is remembered of those whom nobody knows.
    pub fn strangers(&self) -> &Strangers {
        &self.inner.strangers
    }

    pub(crate) fn office_names(&self) -> &Lately<OfficeId, Redacted<String>> {
        &self.inner.office_names
    }

    /// The sessions that were looked up lately.
    pub(crate) fn remembered(&self) -> &Lately<TokenHash, Session> {
        &self.inner.remembered
    }

    /// What looks will ask.
    pub(crate) fn foresight(&self) -> &Foresight {
        &self.inner.foresight
    }

    /// The pages that are open and renew themselves.
    pub fn renewals(&self) -> &Renewals {
        &self.inner.renewals
    }

    /// The threads that hash passwords.
    pub(crate) fn hashers(&self) -> Result<&Hashers, Problem> {
        let begun = self.inner.hashers.get_or_init(|| {
            let begun = Hashers::start();
            begun.inspect_err(|error| tracing::error!(%error, "the threads for passwords cannot begin")).ok()
        });
        begun.as_ref().ok_or(Problem::Busy)
    }

    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    pub fn is_demo(&self) -> bool {
        self.inner.mode == Mode::Demo
    }

    /// The folder of outward messages, told once when a demonstration begins.
    pub fn letters_lie_in(&self, folder: PathBuf) {
        let _ = self.inner.letters.set(folder);
    }

    /// From the start on these desks and roles need a certificate.
    pub fn demands(&self, demand: Demand) {
        let _ = self.inner.demand.set(demand);
    }

    /// From the start on refusals are recorded with whom this finds.
    pub fn finds_whom(&self, about: About) {
        let _ = self.inner.about.set(about);
    }

    /// Told once at the start.
    pub fn is_reached_at(&self, reach: Reach) {
        let _ = self.inner.reach.set(reach);
    }

    pub fn reach(&self) -> Option<&Reach> {
        self.inner.reach.get()
    }

    pub(crate) fn about(&self) -> Option<About> {
        self.inner.about.get().copied()
    }

    pub(crate) fn demand(&self) -> Option<&Demand> {
        self.inner.demand.get()
    }

    pub fn letters(&self) -> Option<&Path> {
        self.inner.letters.get().map(PathBuf::as_path)
    }

    pub fn region(&self) -> &str {
        &self.inner.region
    }

    pub fn warnings(&self) -> Vec<Warning> {
        self.inner.warnings.read().map(|w| w.clone()).unwrap_or_default()
    }

    /// Replaces what is to be told on every page from now on.
    pub fn warn(&self, warnings: Vec<Warning>) {
        if let Ok(mut told) = self.inner.warnings.write() {
            *told = warnings;
        }
    }

    /// Whether the site answers under this `Host`; in `serve` without configured names it answers under any.
    pub fn knows_host(&self, host: &str) -> bool {
        let hosts = &self.inner.hosts;
        (hosts.is_empty() && self.inner.mode == Mode::Serve) || hosts.iter().any(|h| h.eq_ignore_ascii_case(host))
    }

    /// The session cookie. `__Host-` binds it to this host over TLS; plain loopback cannot carry that prefix.
    pub fn cookie_name(&self) -> &'static str {
        match self.inner.mode {
            Mode::Serve => "__Host-tsunagari",
            Mode::Demo => "tsunagari_demo",
        }
    }

    /// The name of a cookie beside the session's: of the browser itself, of a sign-in that is not complete.
    pub fn side_cookie_name(&self, what: &str) -> String {
        match self.inner.mode {
            Mode::Serve => format!("__Host-tsunagari_{what}"),
            Mode::Demo => format!("tsunagari_{what}"),
        }
    }

    /// `Set-Cookie` for a session token; an empty token ends it.
    pub fn cookie(&self, token: &str) -> String {
        let secure = if self.is_demo() { "" } else { "; Secure" };
        let age = if token.is_empty() { "; Max-Age=0" } else { "" };
        format!("{}={token}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.cookie_name())
    }
}

/// The id that ties the audit rows of one request together.
pub fn new_request() -> RequestId {
    RequestId(Uuid::now_v7())
}

/// Random bytes from the operating system: tokens, nonces, credentials.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// What a command of `signin` makes secrets of.
pub fn draw() -> Result<signin::Secrets, Problem> {
    signin::Secrets::draw().map_err(|e| Problem::Fault(e.to_string()))
}
