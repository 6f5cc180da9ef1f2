//! Reader threads, each with one read-only connection.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use base::limits;
use tokio::sync::oneshot;

use crate::counted::Counted;
use crate::postgres_gathered::{Asked, alike};
use crate::postgres_line::Begin;
use crate::postgres_silence::Silence;
use crate::readable::UnreadableRows;
use crate::reader_queue::{Taken, Waiting};
use crate::writer::Connection;
use crate::{DbConfig, DbError, Keys, Question, Tx};

type Run = dyn FnMut(Result<&mut Connection, DbError>, How) -> bool + Send;

/// A reading, to be handed a connection on which it has begun. `brief`: without a transaction, if it can do with one
/// question. Where that was not enough, or the connection was lost, it says so by `false` and is handed another one.
struct Read {
    brief: bool,
    since: Clock,
    run: Box<Run>,
}

/// How a reading is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// To learn its first question: nothing comes of it.
    ToLearn,
    Briefly,
    /// Its first question is answered already, which took so long.
    Answered(Duration),
    Whole,
}

pub(crate) struct Readers {
    queue: Arc<Waiting<Read>>,
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Readers {
    pub(crate) fn start(
        config: &DbConfig,
        silence: &Silence,
        keys: &Arc<Keys>,
        counted: &Arc<Counted>,
        unreadable: &Arc<UnreadableRows>,
    ) -> Result<Readers, DbError> {
        let readers = Readers { queue: Waiting::new() };
        let far = matches!(config, DbConfig::Postgres { .. });
        let count = if far { limits::FAR_READERS } else { limits::READERS };
        for n in 0..count {
            // The others of a server connect when there is something for them to do.
            let at_once = n == 0 || !far;
            let mut reader = Reader {
                connection: at_once.then(|| Connection::open_reader(config, silence, keys)).transpose()?,
                config: config.clone(),
                silence: silence.clone(),
                keys: keys.clone(),
                counted: counted.clone(),
                unreadable: unreadable.clone(),
            };
            reader.share();
            let reads = readers.queue.clone();
            std::thread::Builder::new()
                .name(format!("reader-{n}"))
                .spawn(move || reader.serve(&reads))
                .map_err(|e| DbError::Engine(e.to_string()))?;
        }
        Ok(readers)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn submit<T, E, F>(&self, f: F) -> Result<oneshot::Receiver<Result<T, E>>, DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let mut once = Some((f, reply));
        let run = move |connection: Result<&mut Connection, DbError>, _| {
            if let Some((f, reply)) = once.take() {
                let _ = reply.send(match connection {
                    Ok(connection) => caught(|| f(connection.tx())),
                    Err(error) => Err(E::from(error)),
                });
            }
            true
        };
        self.queue.put(Read { brief: false, since: Clock::now(), run: Box::new(run) }, None)?;
        Ok(answer)
    }

    pub(crate) fn submit_brief<T, E, F>(
        &self,
        kind: &'static str,
        foreseen: Option<Vec<Question>>,
        f: F,
    ) -> Result<oneshot::Receiver<Brief<T, E>>, DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let mut reply = Some(reply);
        let like = foreseen.as_ref().map(|foreseen| likeness(kind, foreseen));
        let (brief, foreseen) = (foreseen.is_some(), foreseen.unwrap_or_default());
        let mut asked_again = false;
        let run = move |connection: Result<&mut Connection, DbError>, how| {
            let read = match connection {
                Ok(connection) => {
                    let foreseen = if how == How::Whole { &[] } else { &*foreseen };
                    let (to_ask, before) = match how {
                        How::Answered(took) => (&[][..], took),
                        _ => (foreseen, Duration::ZERO),
                    };
                    if let Some(server) = connection.far() {
                        server.foresee(to_ask);
                    }
                    let (began, failed) = (Clock::now(), connection.tx().failed());
                    let outcome = caught(|| f(connection.tx()));
                    let questions = connection.far().map_or(0, |server| server.questions);
                    // What was not asked for may have been refused.
                    let spoilt = !foreseen.is_empty() && connection.tx().failed() > failed;
                    // Whatever came of it: an error may have been taken for a "no".
                    let hung = connection.is_overdue();
                    if how == How::ToLearn || how != How::Whole && !hung && (questions > 1 || spoilt) {
                        return false;
                    }
                    // It read, and nothing else: who asks once more on another connection does nothing twice.
                    if connection.is_closed() && !hung && outcome.is_err() && !std::mem::replace(&mut asked_again, true)
                    {
                        return false;
                    }
                    let guess = match how {
                        How::Whole if brief => Guess::Wrong,
                        How::Whole => Guess::None,
                        _ => Guess::Right(before + began.elapsed()),
                    };
                    let later = connection.far().map(|server| server.take_later(foreseen)).unwrap_or_default();
                    Brief { outcome, questions, guess, later }
                }
                Err(error) => Brief::failed(error),
            };
            if let Some(reply) = reply.take() {
                let _ = reply.send(read);
            }
            true
        };
        self.queue.put(Read { brief, since: Clock::now(), run: Box::new(run) }, like)?;
        Ok(answer)
    }
}

/// What came of a reading.
pub struct Brief<T, E> {
    pub outcome: Result<T, E>,
    /// How many questions it asked a server.
    pub questions: u32,
    pub guess: Guess,
    /// What it would have had to ask with the first one, to need no other.
    pub later: Vec<Question>,
}

impl<T, E: From<DbError>> Brief<T, E> {
    pub(crate) fn failed(error: DbError) -> Brief<T, E> {
        Brief { outcome: Err(E::from(error)), questions: 0, guess: Guess::None, later: vec![] }
    }
}

/// Whether it was foreseen what the reading asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guess {
    /// By nobody.
    None,
    /// So long it took.
    Right(Duration),
    /// It was begun in vain.
    Wrong,
}

/// The same for readings that most likely ask the same.
fn likeness(kind: &str, foreseen: &[Question]) -> u64 {
    let mut hasher = DefaultHasher::new();
    kind.hash(&mut hasher);
    for question in foreseen {
        (&question.sql, &question.items).hash(&mut hasher);
    }
    hasher.finish()
}

fn caught<T, E: From<DbError>>(f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
}

/// How long a transaction on a server may stay open behind its read, in case another read ends and begins in one journey.
const LINGER: Duration = Duration::from_millis(50);

struct Reader {
    connection: Option<Connection>,
    config: DbConfig,
    silence: Silence,
    keys: Arc<Keys>,
    counted: Arc<Counted>,
    unreadable: Arc<UnreadableRows>,
}

impl Reader {
    /// A read was answered by a server, and its transaction has not ended yet.
    fn lingers(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_open)
    }

    /// What this connection has in common with the program's others.
    fn share(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.count_in(&self.counted);
            connection.note_in(&self.unreadable);
        }
    }

    fn serve(&mut self, waiting: &Arc<Waiting<Read>>) {
        loop {
            match waiting.take(self.lingers().then_some(LINGER)) {
                Taken::Reads(reads, turn) => {
                    let reads = self.in_time(reads);
                    if reads.len() > 1 {
                        waiting.give_back(self.run_together(reads));
                    } else {
                        reads.into_iter().for_each(|read| self.run(read));
                    }
                    drop(turn);
                }
                Taken::Nothing => self.end(),
                Taken::Closed => return,
            }
        }
    }

    /// Whoever waited for too long behind others is told so.
    fn in_time(&self, reads: Vec<Read>) -> Vec<Read> {
        let patience = self.silence.patience();
        let (late, in_time): (Vec<_>, Vec<_>) =
            reads.into_iter().partition(|read| patience.is_some_and(|patience| read.since.elapsed() > patience));
        for mut read in late {
            (read.run)(Err(DbError::Busy), How::Whole);
        }
        in_time
    }

    fn run(&mut self, mut read: Read) {
        let done = read.brief && self.once(&mut read, Begin::Alone) || self.once(&mut read, Begin::Reading);
        if !done {
            self.once(&mut read, Begin::Reading);
        }
    }

    fn once(&mut self, read: &mut Read, begin: Begin) -> bool {
        let how = if begin == Begin::Alone { How::Briefly } else { How::Whole };
        match self.begin(begin) {
            Ok(connection) => {
                let done = (read.run)(Ok(connection), how);
                self.leave();
                done
            }
            Err(error) => (read.run)(Err(error), how),
        }
    }

    /// Those that ask the same first are answered by one statement; gives back the others, to be run each by itself.
    fn run_together(&mut self, mut reads: Vec<Read>) -> Vec<Read> {
        // On a new connection where the old one turns out to be gone.
        if let Err(error) = self.begin(Begin::Alone).map(drop) {
            for read in &mut reads {
                (read.run)(Err(error.clone()), How::Briefly);
            }
            return vec![];
        }
        let (mut alone, mut learned) = (Vec::new(), Vec::new());
        for mut read in reads {
            match self.learn(&mut read) {
                Some(asked) => learned.push((read, asked)),
                None => alone.push(read),
            }
        }
        while let Some((read, asked)) = learned.pop() {
            let (mut same, others): (Vec<_>, Vec<_>) = learned.into_iter().partition(|(_, other)| alike(other, &asked));
            learned = others;
            same.push((read, asked));
            alone.extend(self.run_answered(same));
        }
        alone
    }

    /// What this reading asks first, where it asks a server.
    fn learn(&mut self, read: &mut Read) -> Option<Asked> {
        let connection = self.connection.as_mut()?;
        connection.far()?.note_what_is_asked();
        (read.run)(Ok(connection), How::ToLearn);
        connection.far()?.take_noted()
    }

    /// Runs readings that ask the same; gives back those for which that did not do.
    fn run_answered(&mut self, reads: Vec<(Read, Asked)>) -> Vec<Read> {
        let all = |reads: Vec<(Read, Asked)>| reads.into_iter().map(|(read, _)| read).collect();
        let Some(connection) = self.connection.as_mut().filter(|_| reads.len() > 1) else { return all(reads) };
        let asked: Vec<&Asked> = reads.iter().map(|(_, asked)| asked).collect();
        let began = Clock::now();
        let answers = match connection.far().map(|server| server.ask_for_each(&asked)) {
            Some(Ok(answers)) => answers,
            Some(Err(error)) if connection.is_overdue() => {
                for (mut read, _) in reads {
                    (read.run)(Err(error.clone()), How::Whole);
                }
                return vec![];
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "what several readers asked was not answered together");
                return all(reads);
            }
            None => return all(reads),
        };
        let took = began.elapsed();
        self.counted.together(answers.len());
        let mut again = Vec::new();
        for ((mut read, asked), answers) in reads.into_iter().zip(answers) {
            connection.tx().forget_broken();
            if let Some(server) = connection.far() {
                server.begin_answered(asked, answers);
            }
            // It asked something else as well.
            if !(read.run)(Ok(connection), How::Answered(took)) {
                again.push(Read { brief: false, ..read });
            }
        }
        again
    }

    /// An open transaction would keep the embedded engine's log from being begun anew; on a server the next reading ends
    /// it in passing.
    fn leave(&mut self) {
        if self.connection.as_ref().is_some_and(|connection| !connection.is_far()) {
            self.end();
        }
    }

    fn end(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if let Err(error) = connection.tx().script("COMMIT") {
            let _ = connection.tx().script("ROLLBACK");
            tracing::warn!(%error, "a read transaction did not end well");
        }
    }

    /// Begins, on a new connection where there is none or the old one turns out to be gone.
    fn begin(&mut self, begin: Begin) -> Result<&mut Connection, DbError> {
        if self.connection.as_ref().is_none_or(Connection::is_closed) {
            self.connection = Some(Connection::open_reader(&self.config, &self.silence, &self.keys)?);
            self.share();
        }
        let connection = self.connection.as_mut().ok_or_else(|| DbError::Gone("there is no connection".into()))?;
        connection.begin_reading(begin)?;
        Ok(connection)
    }
}
