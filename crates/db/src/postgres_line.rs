//! The line to a server, spoken to by a thread of our own that waits for the answer. What begins a transaction, and rows
//! of which no command needs to know at once that they are there, travel with the next statement, in one journey.

use std::cell::Cell;
use std::error::Error as _;
use std::pin::pin;
use std::time::{Duration, Instant as Clock};

use futures_util::TryStreamExt;
use futures_util::future::{join_all, join3};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, Socket};
use tokio_postgres::{Row, SimpleQueryMessage, Statement};

use crate::postgres_silence::Silence;
use crate::{DbError, Value};

pub(crate) type Param<'a> = &'a (dyn ToSql + Sync);

pub(crate) struct Line {
    client: Client,
    /// It drives the connection whenever something is waited for.
    runtime: Runtime,
    connection: JoinHandle<()>,
    silence: Silence,
    /// What begins with the next statement, and whether something is open already.
    begin: Option<Begin>,
    open: bool,
    /// It may take the time that it takes, but for its commit.
    patient: bool,
    /// It was cut because something took too long for those who wait.
    overdue: bool,
    told: Vec<Told>,
    /// The number of the open transaction, where what began it asked for that.
    transaction: Option<String>,
}

/// How statements are held together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    /// A transaction that notes the server's number, by which its end can be asked for later.
    Writing,
    /// The same for bulk, which nobody waits for; but people wait behind it, so it waits for nobody's lock for long.
    WritingBulk,
    Reading,
    /// Each by itself.
    Alone,
}

impl Begin {
    /// In the words of the server, where another transaction is open or not.
    fn words(self, open: bool) -> Option<&'static str> {
        match (self, open) {
            (Begin::Writing, _) => Some("BEGIN; SELECT pg_current_xact_id()::text"),
            (Begin::WritingBulk, _) => {
                // As long as `limits::SERVER_SILENCE`.
                Some("BEGIN; SET LOCAL lock_timeout = '7s'; SELECT pg_current_xact_id()::text")
            }
            (Begin::Reading, false) => Some("BEGIN"),
            (Begin::Reading, true) => Some("COMMIT; BEGIN"),
            (Begin::Alone, false) => None,
            (Begin::Alone, true) => Some("COMMIT"),
        }
    }
}

/// A statement whose outcome nobody asks for.
pub(crate) enum Told {
    Row(Statement, Vec<Value>),
    /// Rows for a statement that takes each of its columns as an array.
    Columns(Statement, Vec<Vec<Value>>),
}

impl Told {
    async fn say(&self, client: &Client) -> Result<u64, Error> {
        match self {
            Told::Row(statement, values) => client.execute(statement, &as_params(values)).await,
            Told::Columns(statement, rows) => {
                let columns = columns(statement.params().len(), rows);
                client.execute(statement, &as_params(&columns)).await
            }
        }
    }
}

/// Of each column its values.
pub(crate) fn columns(width: usize, rows: &[Vec<Value>]) -> Vec<Vec<&Value>> {
    (0..width).map(|n| rows.iter().map(|row| &row[n]).collect()).collect()
}

pub(crate) fn as_params<T: ToSql + Sync>(values: &[T]) -> Vec<Param<'_>> {
    values.iter().map(|value| value as Param<'_>).collect()
}

/// Why there is no line.
pub(crate) enum NoLine {
    Unanswered(DbError),
    /// By the server, or here before it was asked.
    Refused(DbError),
}

impl From<DbError> for NoLine {
    fn from(error: DbError) -> NoLine {
        NoLine::Refused(error)
    }
}

impl From<NoLine> for DbError {
    fn from(why: NoLine) -> DbError {
        match why {
            NoLine::Unanswered(error) | NoLine::Refused(error) => error,
        }
    }
}

fn silent() -> DbError {
    DbError::Gone("the server does not answer".into())
}

impl Line {
    /// Opens a line within that time, or says what stood against it, down to the last cause.
    pub(crate) fn open<T>(config: &Config, tls: T, within: Duration, silence: &Silence) -> Result<Line, NoLine>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| DbError::Engine(error.to_string()))?;
        let mut silence = silence.clone();
        let opened = runtime.block_on(async {
            tokio::select! {
                biased;
                () = silence.begins() => None,
                opened = timeout(within, config.connect(tls)) => opened.ok(),
            }
        });
        let (client, connection) = match opened {
            Some(Ok(opened)) => opened,
            Some(Err(error)) => {
                let gone = DbError::Gone(causes(&error));
                return Err(error.as_db_error().map_or(NoLine::Unanswered(gone.clone()), |_| NoLine::Refused(gone)));
            }
            None => return Err(NoLine::Unanswered(silent())),
        };
        let connection = runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the line to the database has ended");
            }
        });
        let (begin, open, patient, overdue) = (None, false, false, false);
        let (told, transaction) = (vec![], None);
        Ok(Line { client, runtime, connection, silence, begin, open, patient, overdue, told, transaction })
    }

    /// Whether it is answered at all within that time; else it is of no further use.
    pub(crate) fn answers_within(&mut self, within: Duration) -> bool {
        let asked = self.client.simple_query("");
        matches!(self.runtime.block_on(async { timeout(within, asked).await }), Ok(Ok(_)))
    }

    /// What is not sent yet never will be, and of what was sent the server has to take back all but a commit.
    fn cut(&mut self) {
        self.connection.abort();
        // It goes when its turn comes.
        self.is_closed();
    }

    /// Whether the server has ended it, as far as that has come here.
    pub(crate) fn is_closed(&self) -> bool {
        // The first turn takes in what the socket holds, the second lets the connection read it.
        self.runtime.block_on(async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        });
        self.client.is_closed()
    }

    /// To be said with the next statement. Where one was to begin and nothing was said in it, it never began.
    pub(crate) fn begin_with(&mut self, begin: Begin) {
        self.begin = Some(begin);
        self.patient = begin == Begin::WritingBulk;
        self.transaction = None;
        self.told.clear();
    }

    /// Whether it was cut because something took too long.
    pub(crate) fn is_overdue(&self) -> bool {
        self.overdue
    }

    /// Whether a transaction is open on the server.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// To be said with the next statement, before it.
    pub(crate) fn tell(&mut self, one: Told) {
        self.told.push(one);
    }

    /// Whether the next journey would begin a transaction and change something in it.
    pub(crate) fn begins_with_what_is_told(&self) -> bool {
        self.begin.is_some() && !self.told.is_empty()
    }

    pub(crate) fn transaction(&self) -> Option<String> {
        self.transaction.clone()
    }

    pub(crate) fn prepare(&mut self, sql: &str) -> Result<Statement, DbError> {
        self.together(sql, async |client, _| Ok(client.prepare(sql).await?))
    }

    /// `sql`: what is said of it where it takes too long.
    pub(crate) fn execute(&mut self, sql: &str, statement: &Statement, params: &[Param<'_>]) -> Result<u64, DbError> {
        self.together(sql, async |client, _| Ok(client.execute(statement, params).await?))
    }

    pub(crate) fn script(&mut self, sql: &str) -> Result<(), DbError> {
        let ends = sql.starts_with("COMMIT") || (sql.starts_with("ROLLBACK") && !sql.starts_with("ROLLBACK TO"));
        let done = self.together(sql, async |client, _| Ok(client.batch_execute(sql).await?));
        self.open &= !ends;
        done
    }

    /// Hands each row over as it comes.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        statement: &Statement,
        params: Vec<Param<'_>>,
        take: &mut dyn FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        self.together(sql, async |client, heard| {
            let mut rows = pin!(client.query_raw(statement, params).await?);
            while let Some(row) = rows.try_next().await? {
                take(row)?;
                heard.set(Clock::now());
            }
            Ok(())
        })
    }

    /// The one value that a statement about the server itself gives; `None` where it gives no row.
    pub(crate) fn value<T>(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<T>, DbError>
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        self.together(sql, async |client, _| {
            let row = client.query_opt(sql, params).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }

    /// Asks for something, with all that waits to be said before it, and waits for the answers to all.
    fn together<T>(
        &mut self,
        sql: &str,
        work: impl AsyncFnOnce(&Client, &Cell<Clock>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let patience = self.silence.patience().filter(|_| !self.patient || sql == "COMMIT");
        let heard = Cell::new(Clock::now());
        let begin = self.begin.take();
        let words = begin.and_then(|begin| begin.words(self.open));
        self.open = begin.map_or(self.open, |begin| begin != Begin::Alone);
        let (client, told) = (&self.client, std::mem::take(&mut self.told));
        let begun = async {
            match words {
                Some(sql) => client.simple_query(sql).await,
                None => Ok(vec![]),
            }
        };
        let told = join_all(told.iter().map(|one| one.say(client)));
        // Each is sent where it is first polled, in this order.
        let asked = join3(begun, told, work(client, &heard));
        let answered = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.silence.begins() => Err(false),
                answered = asked => Ok(answered),
                () = is_overdue(&heard, patience) => Err(true),
            }
        });
        let (begun, told, done) = match answered {
            Ok(answered) => answered,
            Err(overdue) => {
                self.overdue = overdue;
                self.cut();
                if !overdue {
                    return Err(silent());
                }
                let (waited_for, seconds) = (first_words(sql), heard.get().elapsed().as_secs());
                tracing::warn!(waited_for, seconds, "the database server is there and does not come to an end; cut");
                return Err(DbError::Gone("the server does not come to an end".into()));
            }
        };
        for message in begun? {
            if let SimpleQueryMessage::Row(row) = message {
                self.transaction = row.get(0).map(str::to_owned);
            }
        }
        told.into_iter().try_for_each(|one| one.map(drop))?;
        done
    }
}

/// Comes back once nothing was heard for so long.
async fn is_overdue(heard: &Cell<Clock>, patience: Option<Duration>) {
    let Some(patience) = patience else { return std::future::pending().await };
    while let Some(left) = patience.checked_sub(heard.get().elapsed()).filter(|left| !left.is_zero()) {
        tokio::time::sleep(left).await;
    }
}

/// Enough of a statement to be recognised; it holds no values.
fn first_words(sql: &str) -> &str {
    const SHOWN: usize = 160;
    sql.char_indices().nth(SHOWN).map_or(sql, |(end, _)| &sql[..end])
}

fn causes(error: &Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words = format!("{words}: {cause}");
        next = cause.source();
    }
    words
}
