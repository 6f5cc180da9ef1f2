//! An operator who works the queue over HTTP while the program dies and comes back: takes cases, calls, lets go. What
//! was answered with the next page (303) is in the log; what was not may have happened or not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::Client;

/// The verbs as the audit chain names them.
pub const TAKE: &str = "response.take";
pub const CALL: &str = "response.record_call";
pub const RELEASE: &str = "response.release";

#[derive(Clone, Default)]
pub struct Log {
    /// Verb and the words that went with it, no two alike.
    pub acknowledged: Vec<(&'static str, String)>,
    /// As `acknowledged`, whatever came of it.
    pub tried: Vec<(&'static str, String)>,
}

pub struct Operator {
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Operator {
    /// `client` is signed in.
    pub fn begin(client: Client, seed: u64) -> Operator {
        let (log, stop) = (Arc::new(Mutex::new(Log::default())), Arc::new(AtomicBool::new(false)));
        let desk = Desk {
            client,
            rng: ChaCha8Rng::seed_from_u64(seed),
            log: log.clone(),
            stop: stop.clone(),
            cases: vec![],
            words: 0,
        };
        let thread = std::thread::spawn(move || desk.work());
        Operator { log, stop, thread: Some(thread) }
    }

    pub fn log(&self) -> Log {
        self.log.lock().expect("never poisoned").clone()
    }

    /// Ends the shift; fails where the operator could not go on.
    pub fn finish(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the operator could work to the end");
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

struct Desk {
    client: Client,
    rng: ChaCha8Rng,
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
    cases: Vec<String>,
    words: usize,
}

impl Desk {
    fn work(mut self) {
        while !self.stop.load(Ordering::SeqCst) {
            if self.cases.is_empty() || self.rng.random_bool(0.1) {
                self.look_at_queue();
            } else {
                let case = self.cases[self.rng.random_range(0..self.cases.len())].clone();
                self.work_on(&case);
            }
        }
    }

    fn look_at_queue(&mut self) {
        std::thread::sleep(Duration::from_millis(self.rng.random_range(1..15)));
        let Ok(page) = self.client.get("/cases") else { return };
        assert_ne!(page.location, "/signin", "the operator is still signed in");
        if page.status != 200 {
            return;
        }
        let ids = page.body.split("\"/cases/").skip(1).filter_map(|rest| rest.split('"').next());
        self.cases = ids.filter(|id| id.len() >= 32 && !id.contains('/')).map(str::to_owned).collect();
    }

    /// Takes a case, rings the resident who is not there, and lets go of it for the next shift. A step that is refused,
    /// or whose answer is lost, does not keep the operator from the next one.
    fn work_on(&mut self, case: &str) {
        self.act(case, TAKE, "taking", &[]);
        self.act(case, CALL, "calls", &[("to", "resident"), ("outcome", "not_there")]);
        self.act(case, RELEASE, "release", &[]);
    }

    fn act(&mut self, case: &str, verb: &'static str, path: &str, fields: &[(&str, &str)]) {
        std::thread::sleep(Duration::from_millis(self.rng.random_range(1..15)));
        self.words += 1;
        let words = format!("記録{}。", self.words);
        self.log.lock().expect("never poisoned").tried.push((verb, words.clone()));
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("note", words.as_str())]).collect();
        let Ok(answer) = self.client.post(&format!("/cases/{case}/{path}"), &fields) else { return };
        assert_ne!(answer.location, "/signin", "the operator is still signed in");
        if answer.status == 303 {
            self.log.lock().expect("never poisoned").acknowledged.push((verb, words));
        }
    }
}
