//! The slow hash, and the threads of its own that it runs on. Each thread keeps one piece of memory for the life of the
//! program, and the queue before them is short: however many people (or guessers) come at once, the work and the memory
//! are those of a few. Nothing else runs here, so nothing that escalates a case ever waits behind a password.

use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base::{Redacted, limits};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::password::{MOST_CHARS, NewPassword, spellings};
use crate::{SigninFault, SigninRefusal};

/// argon2id at OWASP's first choice for servers: 19 MiB, two passes, one lane (Password Storage Cheat Sheet).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// A password's hash as a PHC string (`$argon2id$v=19$m=19456,…`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasswordHash(pub(crate) Redacted<String>);

/// That a password was compared with a stored hash, and how it came out. Nothing but [`verify_password`] makes one.
#[derive(Clone, Debug)]
pub struct Proof {
    pub(crate) matched: bool,
    pub(crate) against: PasswordHash,
}

/// What one hash fills: 19 MiB, taken once and used again.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, params: &Params) -> &mut [Block] {
        let wanted = params.block_count();
        if self.0.len() < wanted {
            self.0.resize(wanted, Block::default());
        }
        &mut self.0[..wanted]
    }
}

/// Hashes with a random salt. Slow by design.
pub fn hash_password(password: &NewPassword, memory: &mut Memory) -> Result<PasswordHash, SigninFault> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| SigninFault::Hash)?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| SigninFault::Hash)?;
    let hash = filled(password.text(), &salt, params, Params::DEFAULT_OUTPUT_LEN, memory).ok_or(SigninFault::Hash)?;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Ok(PasswordHash(Redacted::new(format!("{}${salt}${hash}", head()))))
}

/// Compares in constant time. Slow by design, and as slow for the hash of nobody.
pub fn verify_password(typed: &str, stored: &PasswordHash, memory: &mut Memory) -> Proof {
    let matched = typed.chars().count() <= MOST_CHARS
        && spellings(typed).iter().any(|spelling| matches(spelling, stored, memory).unwrap_or(false))
        && *stored != *NOBODY;
    Proof { matched, against: stored.clone() }
}

/// The hash that stands in for an account that does not exist, so that a guess costs the same work.
pub(crate) fn nobody() -> PasswordHash {
    NOBODY.clone()
}

/// Salt and hash are arbitrary: what counts is that the parameters are those of a real one.
static NOBODY: LazyLock<PasswordHash> = LazyLock::new(|| {
    let salt = "bm9ib2R5IGlzIGhlcmUh";
    let hash = "bm9ib2R5IGlzIGhlcmUhIG5vYm9keSBpcyBoZXJlISE";
    PasswordHash(Redacted::new(format!("{}${salt}${hash}", head())))
});

fn head() -> String {
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}")
}

fn matches(typed: &str, stored: &PasswordHash, memory: &mut Memory) -> Option<bool> {
    let stored = phc::PasswordHash::new(stored.0.expose()).ok()?;
    let (params, salt, known) = (Params::try_from(&stored).ok()?, stored.salt?, stored.hash?);
    let hash = filled(typed, salt.as_ref(), params, known.len(), memory)?;
    // `Output` compares in constant time.
    Some(phc::Output::new(&hash).ok()? == known)
}

fn filled(text: &str, salt: &[u8], params: Params, length: usize, memory: &mut Memory) -> Option<Vec<u8>> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut hash = vec![0; length];
    argon2.hash_password_into_with_memory(text.as_bytes(), salt, &mut hash, memory.blocks(&params)).ok()?;
    Some(hash)
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// The threads. They end when the last handle is dropped.
#[derive(Clone)]
pub struct Hashers {
    queue: SyncSender<Job>,
}

impl Hashers {
    /// Two to four threads, whatever the machine has; below everything else where the processor is short.
    pub fn start() -> std::io::Result<Hashers> {
        let cores = std::thread::available_parallelism().map_or(limits::HASHERS_LEAST, usize::from);
        Hashers::of(cores.clamp(limits::HASHERS_LEAST, limits::HASHERS_MOST), limits::HASH_QUEUE)
    }

    fn of(threads: usize, queue: usize) -> std::io::Result<Hashers> {
        let (queue, jobs) = sync_channel(queue);
        let jobs = Arc::new(Mutex::new(jobs));
        for n in 0..threads {
            let jobs = jobs.clone();
            std::thread::Builder::new().name(format!("password-{n}")).spawn(move || work(&jobs))?;
        }
        Ok(Hashers { queue })
    }

    /// Hands a job to the next free thread; refused as busy where the queue is full.
    pub fn submit(&self, job: impl FnOnce(&mut Memory) + Send + 'static) -> Result<(), SigninRefusal> {
        self.queue.try_send(Box::new(job)).map_err(|full| match full {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => SigninRefusal::Busy,
        })
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    // On Linux a thread has a priority of its own. Where it may not be lowered, the hash is done all the same.
    let _ = rustix::process::setpriority_process(None, 10);
    let mut memory = Memory::default();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A job that panics must not take its thread along.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut memory)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::OwnWords;

    fn password(text: &str) -> NewPassword {
        NewPassword::parse(text, &OwnWords::default()).unwrap()
    }

    #[test]
    fn a_hash_knows_its_password_and_nobody_has_none() {
        let mut memory = Memory::default();
        let hash = hash_password(&password("mikan-no-ki"), &mut memory).unwrap();
        assert!(hash.0.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password("mikan-no-ki", &hash, &mut memory).matched);
        assert!(!verify_password("mikan-no-kj", &hash, &mut memory).matched);
        assert_ne!(hash_password(&password("mikan-no-ki"), &mut memory).unwrap(), hash);
        assert!(!verify_password("mikan-no-ki", &nobody(), &mut memory).matched);
    }

    /// A hash of the version before, which took fresh memory for each and cut the blanks off what was typed.
    #[test]
    fn hashes_of_earlier_versions_go_on_working() {
        use argon2::password_hash::PasswordHasher;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap();
        let earlier = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // The last one is decomposed: か and a voiced sound mark of its own.
        for text in ["mikan-no-ki", "春の うららの", "か\u{3099}っこうの歌声"] {
            let stored = PasswordHash(Redacted::new(earlier.hash_password(text.as_bytes()).unwrap().to_string()));
            let mut memory = Memory::default();
            for typed in [text.to_owned(), format!(" {text}"), format!("{text}　")] {
                assert!(verify_password(&typed, &stored, &mut memory).matched, "{typed:?}");
            }
            assert!(!verify_password("mikan", &stored, &mut memory).matched);
        }
    }

    /// The comparison for nobody must do the whole work, not stumble over a string it cannot read.
    #[test]
    fn the_hash_of_nobody_is_well_formed() {
        let parsed = phc::PasswordHash::new(nobody().0.expose()).unwrap();
        assert_eq!(parsed.hash.unwrap().len(), 32);
        assert_eq!(matches("x", &nobody(), &mut Memory::default()), Some(false));
    }

    // shows: 5.1.5 passwords are hashed on threads of their own with a short queue, then refused as busy
    #[test]
    fn what_is_more_than_the_queue_holds_is_refused_and_the_rest_is_done() {
        let hashers = Hashers::of(2, 3).unwrap();
        let (begun, began) = channel();
        let (done, told) = channel();
        let mut holding = Vec::new();
        for _ in 0..2 {
            let (release, hold) = channel::<()>();
            let (begun, done) = (begun.clone(), done.clone());
            hashers
                .submit(move |_| {
                    begun.send(()).unwrap();
                    let _ = hold.recv();
                    done.send(()).unwrap();
                })
                .unwrap();
            holding.push(release);
        }
        began.recv().unwrap();
        began.recv().unwrap();
        for _ in 0..3 {
            let done = done.clone();
            hashers.submit(move |_| done.send(()).unwrap()).unwrap();
        }
        assert_eq!(hashers.submit(|_| {}).unwrap_err(), SigninRefusal::Busy);
        drop(holding);
        (0..5).for_each(|_| told.recv().unwrap());
        hashers.submit(|_| panic!("a job of the test fails")).unwrap();
        let done = done.clone();
        hashers.submit(move |_| done.send(()).unwrap()).unwrap();
        told.recv().unwrap();
    }
}
