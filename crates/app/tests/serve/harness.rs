//! A place for one region (folder, configuration, database, free ports), a fictional town in it, and the program that
//! serves it: started, killed, started again, and gone with the test.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant as Clock};

use base::wareki::Date;
use base::{AccountId, Ctx, Instant, Purpose, RequestId, Role, Span};
use db::{Db, DbConfig, DbError, KeySource};
use signin::{CodeHash, EnrolmentAnswer, FinishAnswer, NewPassword, OwnWords, Secrets, Settled, SigninError};
use town::equip::{Equipped, credential, equip};
use town::plan::{Plan, Size, plan};
use town::settle::{Register, settle};
use uuid::Uuid;
use web::MIGRATIONS;

use crate::client::Client;

/// How long anything may take on a machine that does much else.
pub const PATIENCE: Duration = Duration::from_secs(120);
const PASSWORD: &str = "correct horse 9 staple";

pub fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Instant(i64::try_from(since.as_micros()).expect("before 294000"))
}

/// Waits for a condition, and fails with these words where it does not come.
#[track_caller]
pub fn until(words: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Clock::now() + PATIENCE;
    while !holds() {
        assert!(Clock::now() < deadline, "{words}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Ports that were free a moment ago; no two of one process are the same. None is one that the system gives to outgoing
/// lines: while the program is dead, a gateway that knocks again and again would sooner or later take its port.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().expect("never poisoned");
    loop {
        let port = rand::random_range(12_000..32_000);
        if !given.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            given.push(port);
            return port;
        }
    }
}

/// Where one region lies. Cleared away when it is dropped; keep it as long as anything of the region is used.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub database: DbConfig,
    pub web: SocketAddr,
    pub mqtt: SocketAddr,
    pub operations: SocketAddr,
}

impl Place {
    /// A region behind a proxy on this machine, without TLS of its own; nothing is in its database yet.
    pub fn new() -> Place {
        let place = Place::bare();
        place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
        place
    }

    /// A place without a configuration: call [`Place::configure`].
    pub fn bare() -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Others on this machine may not enter, so that what tests put into it is nobody else's.
        let own = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(folder.path(), own).expect("its rights");
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let database = if db::testing::on_postgres() {
            db::testing::prepared_config(MIGRATIONS).expect("a database server for tests").0
        } else {
            DbConfig::sqlite(folder.path().join("region.db"))
        };
        let [web, mqtt, operations] = [(); 3].map(|()| local(free_port()));
        Place { folder, database, web, mqtt, operations }
    }

    /// Writes the configuration file: further lines of `[web]`, `[mqtt]` and `[operations]`, and further sections.
    pub fn configure(&self, web: &str, mqtt: &str, operations: &str, sections: &str) {
        let database = match &self.database {
            DbConfig::Sqlite { file, .. } => format!("sqlite = {:?}", file.to_str().expect("a plain path")),
            DbConfig::Postgres { url, .. } => format!("postgres = {url:?}"),
        };
        let text = format!(
            "region = \"架空の地域\"\n[database]\n{database}\n\
             [web]\nlisten = \"{}\"\nhosts = [\"{}\"]\n{web}\n\
             [mqtt]\nlisten = \"{}\"\n{mqtt}\n\
             [operations]\nlisten = \"{}\"\nfolder = {:?}\n{operations}\n{sections}\n",
            self.web,
            self.web,
            self.mqtt,
            self.operations,
            self.operations_folder(),
        );
        std::fs::write(self.config(), text).expect("the configuration is written");
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("region.toml")
    }

    pub fn operations_folder(&self) -> PathBuf {
        self.folder.path().join("operations")
    }

    /// `tsunagari ARGUMENTS --config FILE`, not started yet.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tsunagari"));
        command.args(arguments).arg("--config").arg(self.config()).current_dir(self.folder.path());
        command.env("RUST_LOG", "info").stdin(Stdio::null());
        command
    }

    /// Runs `tsunagari ARGUMENTS --config FILE` to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.program(arguments).output().expect("the program runs")
    }

    /// The same, which must go well; gives what it printed.
    #[track_caller]
    pub fn must_run(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Opens the database as the one who writes; drop it before the program is to write.
    pub fn open(&self) -> Db {
        let keys = KeySource::File { file: self.operations_folder().join("secrets.key"), fresh: rand::random() };
        Db::open_within(db::PREDECESSOR, self.database.clone(), keys, MIGRATIONS).expect("the database opens")
    }

    /// Changes what the program cannot: as whoever has got hold of the file, or on a server of the owner's role.
    pub fn tamper<T: Send + 'static>(&self, f: impl Fn(&mut dyn db::Tx) -> Result<T, DbError> + Send + 'static) -> T {
        let done = match &self.database {
            DbConfig::Sqlite { .. } => self.open().write_blocking(f),
            server => db::testing::as_owner(server, f),
        };
        done.expect("somebody tampers")
    }

    /// Looks into the database beside the program.
    pub fn look<T: Send + 'static>(&self, f: impl FnOnce(&mut dyn db::Tx) -> Result<T, DbError> + Send + 'static) -> T {
        let db = Db::open_for_reading(self.database.clone()).expect("the database opens for reading");
        db.read_blocking(f).expect("the database is read")
    }

    /// Starts `serve` and waits until it is ready.
    pub fn serve(&self) -> Serving {
        let mut serving = self.begin();
        serving.wait_until_ready();
        serving
    }

    /// Starts `serve` with this many descriptors and no way to get more, and waits until it is ready.
    pub fn serve_within(&self, descriptors: u32) -> Serving {
        self.serve_by(self.program_within(descriptors, &["serve"]))
    }

    /// Starts `serve` by this command and waits until it is ready.
    pub fn serve_by(&self, command: Command) -> Serving {
        let mut serving = self.spawn(command);
        serving.wait_until_ready();
        serving
    }

    /// `tsunagari ARGUMENTS --config FILE` with this many descriptors and no way to get more, not started yet.
    pub fn program_within(&self, descriptors: u32, arguments: &[&str]) -> Command {
        let program = self.program(arguments);
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -n {descriptors}; exec \"$0\" \"$@\""));
        command.arg(program.get_program()).args(program.get_args()).current_dir(self.folder.path());
        command.env("RUST_LOG", "info").stdin(Stdio::null());
        command
    }

    /// Starts `serve` and does not wait.
    pub fn begin(&self) -> Serving {
        self.spawn(self.program(&["serve"]))
    }

    fn spawn(&self, mut program: Command) -> Serving {
        let log = self.folder.path().join("serve.log");
        let out = File::options().create(true).append(true).open(&log).expect("a log");
        let started = Clock::now();
        let child = program.stdout(Stdio::null()).stderr(out).spawn().expect("the program starts");
        Serving { child, log, operations: self.operations, started }
    }

    /// A browser of the site, for nobody yet.
    pub fn client(&self) -> Client {
        Client::new(format!("http://{}", self.web))
    }
}

/// The program at work. Dropping it kills it.
pub struct Serving {
    child: Child,
    log: PathBuf,
    operations: SocketAddr,
    pub started: Clock,
}

impl Serving {
    /// Waits for `/readyz`; gives the time since the start.
    #[track_caller]
    pub fn wait_until_ready(&mut self) -> Duration {
        let mut client = Client::new(format!("http://{}", self.operations));
        until("the program is ready", || {
            assert!(self.is_running(), "it ended: {}", tail(&self.log));
            client.get("/readyz").is_ok_and(|answer| answer.status == 200)
        });
        self.started.elapsed()
    }

    /// What it wrote so far, its predecessors' words included.
    pub fn words(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it has ended");
    }

    /// Asks it to stop, as a service manager does, and waits; gives whether it ended well.
    pub fn stop(&mut self) -> bool {
        let asked = Command::new("kill").arg(self.id().to_string()).status().expect("kill");
        assert!(asked.success(), "it can be asked");
        let mut ended = None;
        until("the program ends", || {
            ended = self.child.try_wait().expect("it can be waited for");
            ended.is_some()
        });
        ended.is_some_and(|status| status.success())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", tail(&self.log));
        }
    }
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A fictional town that was settled in a place: its people, its homes with gateways and sensors, and one operator who
/// can sign in.
pub struct Town {
    pub plan: &'static Plan,
    pub register: Register,
    /// Homes with sensors, by the number of their resident in the plan.
    pub homes: Vec<Equipped>,
    pub operator: Account,
}

/// What a member of staff signs in with.
pub struct Account {
    pub id: AccountId,
    pub login: String,
    totp: [u8; 20],
}

impl Town {
    /// Writes a town with this many watched homes, all of them equipped at `since`.
    pub fn settle(place: &Place, seed: u64, homes: usize, since: Instant) -> Town {
        let size = Size { residents: homes * 5 / 2 + 1, staff: 60 };
        let plan: &'static Plan = Box::leak(Box::new(plan(seed, size, Date::of(since))));
        let db = place.open();
        let register = settle(&db, plan, since, &|_, _| {}).expect("the town moves in");
        let mut equipped = equip(&db, plan, &register, since, &|_, _| {}).expect("the sensors are hung up");
        assert!(equipped.len() >= homes, "the town is large enough");
        equipped.truncate(homes);
        let first = plan.staff.iter().position(|s| s.role == Role::Operator).expect("a town has operators");
        let operator = Account::enrol(&db, register.staff[first].0.into(), format!("staff{:04}", first + 1), since);
        // `serve` refuses a region that is marked fictional; to it, this one is at work.
        let unmark = "DELETE FROM db_mark WHERE name = $1";
        db.write_blocking(|tx| tx.execute(unmark, db::params![db::marks::FICTIONAL])).expect("the mark goes");
        Town { plan, register, homes: equipped, operator }
    }

    /// With what the gateway of this home signs in, over MQTT (name and credential) or HTTP (credential).
    pub fn credential(&self, home: usize) -> (String, String) {
        let home = &self.homes[home];
        (home.gateway_name.clone(), base::hex(&credential(self.plan.seed, home.resident)))
    }
}

impl Account {
    /// Sets password and second factor, as their owner would have done at `then`.
    fn enrol(db: &Db, id: AccountId, login: String, then: Instant) -> Account {
        let password = NewPassword::parse(PASSWORD, &OwnWords::of([login.as_str()]));
        let hash = password.map(|p| signin::hash_password(&p, &mut signin::Memory::default()));
        let hash = hash.expect("a password").expect("a hash");
        let act = |n: u128| {
            let request = RequestId(Uuid::from_u128((0xE7 << 112) | n));
            let mut seed = [7; 32];
            seed[..16].copy_from_slice(&(id.0.as_u128() ^ n).to_be_bytes());
            (Ctx::new(signin::visitor(), Purpose::Operation, then, request), Secrets::from_seed(seed))
        };
        let (ctx, secrets) = act(1);
        let code = db.write_blocking(move |tx| signin::reissue_account(&ctx, tx, id, &secrets)).expect("a code");
        let Settled::Done(code) = code else { panic!("the program needs no second") };
        let code = CodeHash::of(code.expose());
        let ((ctx, secrets), opened) = (act(2), code);
        let begun = db
            .write_blocking(move |tx| signin::begin_enrolment(&ctx, tx, &opened, "見本", &secrets))
            .expect("the code opens");
        let EnrolmentAnswer::Open(view) = begun else { panic!("the code opens: {begun:?}") };
        let text = view.setup.text.expose().replace(' ', "");
        let secret = totp_rs::Secret::try_from_base32(text).expect("base32");
        let totp: [u8; 20] = secret.as_ref().try_into().expect("20 bytes");
        let shown = signin::second_factor::code_at(&totp, then).expect("a code");
        let (ctx, secrets) = act(3);
        let finished = db
            .write_blocking(move |tx| {
                Ok::<_, SigninError>(signin::finish_enrolment(&ctx, tx, &code, &hash, &shown, &secrets)?)
            })
            .expect("the account is enrolled");
        assert!(matches!(finished, FinishAnswer::Done { .. }), "{finished:?}");
        Account { id, login, totp }
    }

    /// The seed of the second factor.
    pub fn seed(&self) -> [u8; 20] {
        self.totp
    }

    /// Signs in with both steps, as the pages have it. A code is good for one use: once in half a minute.
    #[track_caller]
    pub fn sign_in(&self, client: &mut Client) {
        let first = client.post("/signin", &[("login", &self.login), ("password", PASSWORD)]).expect("an answer");
        assert_eq!(first.status, 200, "{}", first.body);
        let shown = signin::second_factor::code_at(&self.totp, now()).expect("a code");
        let second = client.post("/signin/second", &[("code", &shown)]).expect("an answer");
        assert_eq!(second.status, 303, "{}", second.body);
    }
}

/// A moment this long ago.
pub fn ago(span: Span) -> Instant {
    now() - span
}
