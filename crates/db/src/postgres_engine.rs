//! PostgreSQL behind the port.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::limits::SERVER_SILENCE;
use tokio_postgres::Statement;
use tokio_postgres::types::Type;

use crate::counted::Counted;
use crate::listed::{among_one, placeholders};
use crate::memo::Memo;
use crate::postgres_line::{Begin, Line, Param, Told, as_params, columns};
use crate::postgres_together::{AllInOne, answers_in};
use crate::postgres_values::owned;
use crate::postgres_wire::Server;
use crate::readable::{Unreadable, UnreadableRows};
use crate::{DbError, Engine, Keys, Question, Row, Tx, Value, only_reads};

/// Key of the advisory lock that the one writer of a database holds ("tsunagar" as a number).
const WRITER_LOCK: i64 = 0x7473_756e_6167_6172;
/// How long a writer that lost its connection waits for the server to notice and free its lock.
const RELOCK_WAIT: Duration = Duration::from_secs(5);
/// The same while it is known that something hangs there.
const RELOCK_AFTER_HANGING: Duration = Duration::from_millis(50);
/// Counts the writers that this database had, so that one that comes back knows whether there was another. A dump
/// leaves it out, for it is about the server and not about the region. Made with the migrations.
pub(crate) const CREATE_TURNS: &str = "CREATE TABLE IF NOT EXISTS writer_turn (n BIGINT NOT NULL)";
const NEXT_TURN: &str = "UPDATE writer_turn SET n = n + 1 RETURNING n";
const FIRST_TURN: &str = "INSERT INTO writer_turn (n) VALUES (1) RETURNING n";
const LAST_TURN: &str = "SELECT n FROM writer_turn";

/// Without the path a temporary table of the same name, which anybody may make, would stand before a table of the record.
/// What is asked for is short and mostly in memory: compiling it costs more than it saves, and an index is near. A line
/// of which the server never hears the end would keep the writer's lock for hours.
const SETTINGS: &str = "SET search_path = public, pg_temp; SET jit = off; SET random_page_cost = 1.1;
    SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4";

/// Rows of one statement that inserts many.
const ROWS_AT_ONCE: usize = 4000;

/// Changes nothing, and is committed like everything else.
const SMALL: &str = "BEGIN; UPDATE writer_turn SET n = n; COMMIT";

const STATUS: &str = "SELECT pg_xact_status($1::text::xid8)";

/// What goes with the next statement.
enum Waiting {
    Told(String, Vec<Value>),
    Rows { head: String, width: usize, rows: Vec<Vec<Value>> },
}

/// Statements that may wait for the next one.
const MOST_WAITING: usize = 128;

/// What holds the questions of a reading together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    ByTransaction,
    /// Nothing: there can be one only.
    Alone,
    /// It is noted, to be asked together with those of other readings.
    Noted,
}

pub(crate) struct Postgres {
    pub(crate) line: Line,
    waiting: Vec<Waiting>,
    /// What will be asked for, and what was answered to it already.
    pub(crate) expected: Vec<Question>,
    pub(crate) answers: Vec<(Question, Vec<Row>)>,
    prepared: HashMap<String, Statement>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) announced: bool,
    /// Shared by all connections of one program.
    pub(crate) unreadable: Arc<UnreadableRows>,
    broken: Option<DbError>,
    pub(crate) held: Held,
    /// The first question, with what would be asked with it; empty until there is one.
    pub(crate) noted: Vec<Question>,
    /// How many it was asked since something began, in as many journeys.
    pub(crate) questions: u32,
    /// What is asked after the first question, as far as it was foreseen: each as often as it stands here.
    pub(crate) foreseen: Vec<Question>,
    /// What was asked after the first question, where somebody wants to know.
    pub(crate) later: Option<Vec<Question>>,
    touched: u64,
    failed: u64,
    memo: Memo,
    pub(crate) counted: Arc<Counted>,
    gone: bool,
    /// Which of the database's writers this one is; 0 for a reader.
    turn: i64,
}

impl Postgres {
    /// Connects again after the writer of that turn lost its connection; does not wait long, for its callers wait too.
    /// While the line was broken the lock was free: whoever took it wrote what this process does not remember.
    /// `hung`: the line was cut while the server worked on what came over it. There its session lives on and holds the
    /// lock until it has come to an end; then something small must be committed before people wait again.
    pub(crate) fn reopen_writer(server: &Server, turn: i64, hung: bool) -> Result<Postgres, DbError> {
        let mut engine = Postgres::connect(server)?;
        engine.become_writer(if hung { RELOCK_AFTER_HANGING } else { RELOCK_WAIT })?;
        if hung {
            engine.line.script(SMALL)?;
        }
        engine.turn = engine.line.value(LAST_TURN, &[])?.ok_or(DbError::NoRow)?;
        if engine.turn == turn { Ok(engine) } else { Err(DbError::Superseded) }
    }

    pub(crate) fn turn(&self) -> i64 {
        self.turn
    }

    /// Waits until no other process writes to this database, for this long at most.
    pub(crate) fn become_writer(&mut self, wait: Duration) -> Result<(), DbError> {
        self.line.script("SET default_transaction_isolation = 'repeatable read'")?;
        self.require_byte_order()?;
        // Zero would mean for ever.
        self.line.script(&format!("SET lock_timeout = {}", wait.as_millis().max(1)))?;
        self.line.script(&format!("SELECT pg_advisory_lock({WRITER_LOCK})"))?;
        self.line.script("RESET lock_timeout")?;
        Ok(())
    }

    pub(crate) fn take_turn(&mut self) -> Result<(), DbError> {
        self.line.begin_with(Begin::Reading);
        let next = match self.line.value(NEXT_TURN, &[])? {
            Some(turn) => turn,
            None => self.line.value(FIRST_TURN, &[])?.ok_or(DbError::NoRow)?,
        };
        self.line.script("COMMIT")?;
        self.turn = next;
        Ok(())
    }

    /// Begins with the next statement.
    pub(crate) fn begin(&mut self, begin: Begin) {
        self.memo.heed("BEGIN");
        self.waiting.clear();
        self.forget_answers();
        self.held = if begin == Begin::Alone { Held::Alone } else { Held::ByTransaction };
        (self.questions, self.later) = (0, None);
        self.line.begin_with(begin);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.line.is_open()
    }

    pub(crate) fn transaction(&self) -> Option<String> {
        self.line.transaction()
    }

    /// Whether the transaction of that number was committed. The writer's lock is ours, so the session that had it
    /// has ended, and its transaction with it.
    pub(crate) fn was_committed(&mut self, transaction: &str) -> Result<bool, DbError> {
        let status: Option<Option<String>> = self.line.value(STATUS, &[&transaction])?;
        Ok(status.flatten().as_deref() == Some("committed"))
    }

    pub(crate) fn open_reader(server: &Server) -> Result<Postgres, DbError> {
        let mut engine = Postgres::connect(server)?;
        // A page's statements are the same whoever asks: planning them anew for each one's values took a third of the time.
        engine.line.script(
            "SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on;
             SET plan_cache_mode = force_generic_plan",
        )?;
        // A session whose line was cut would wait for its lock until that is free, and its place with it.
        if server.is_watched() {
            let wait = (SERVER_SILENCE + Duration::from_secs(1)).as_millis();
            engine.line.script(&format!("SET lock_timeout = {wait}"))?;
        }
        Ok(engine)
    }

    /// Lists must come in the same order on both engines, so text is compared by bytes.
    fn require_byte_order(&mut self) -> Result<(), DbError> {
        let sql = "SELECT datcollate FROM pg_database WHERE datname = current_database()";
        let collation: String = self.line.value(sql, &[])?.ok_or(DbError::NoRow)?;
        match collation.as_str() {
            "C" | "POSIX" | "C.UTF-8" => Ok(()),
            other => Err(DbError::Engine(format!("the database must be created with LC_COLLATE 'C', not '{other}'"))),
        }
    }

    pub(crate) fn connect(server: &Server) -> Result<Postgres, DbError> {
        let mut line = server.connect()?;
        line.script(SETTINGS)?;
        let (prepared, announced, gone) = (HashMap::new(), false, false);
        Ok(Postgres {
            line,
            waiting: vec![],
            expected: vec![],
            answers: vec![],
            prepared,
            keys: Arc::default(),
            announced,
            unreadable: Arc::default(),
            broken: None,
            held: Held::ByTransaction,
            noted: vec![],
            questions: 0,
            foreseen: vec![],
            later: None,
            touched: 0,
            failed: 0,
            memo: Memo::default(),
            counted: Arc::default(),
            gone,
            turn: 0,
        })
    }

    /// Whether its line was cut because something took too long.
    pub(crate) fn is_overdue(&self) -> bool {
        self.line.is_overdue()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.gone || self.line.is_closed()
    }

    pub(crate) fn prepare(&mut self, sql: &str) -> Result<Statement, DbError> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        self.counted.journey();
        let statement = self.line.prepare(sql)?;
        if self.prepared.len() >= 512 {
            // Any: those in use are prepared anew.
            let one = self.prepared.keys().next().cloned();
            one.and_then(|sql| self.prepared.remove(&sql));
        }
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Postgres {
    fn run(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.send_waiting()?;
        let statement = self.prepare(sql)?;
        self.counted.journey();
        self.line.execute(sql, &statement, &as_params(params))
    }

    fn stream(
        &mut self,
        sql: &str,
        params: Vec<Param<'_>>,
        take: &mut dyn FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        self.questions += 1;
        if self.held == Held::Alone && self.questions > 1 {
            return Err(DbError::Alone);
        }
        self.send_waiting()?;
        let mut expected = std::mem::take(&mut self.foreseen);
        expected.append(&mut self.expected);
        if expected.is_empty() {
            let statement = self.prepare(sql)?;
            self.counted.journey();
            return self.line.each(sql, &statement, params, &mut |row| take(owned(&row)?));
        }
        let mut answers = self.ask_together(&expected, sql, params)?.into_iter();
        answers.next().into_iter().flatten().try_for_each(take)?;
        self.answers.extend(expected.into_iter().zip(answers));
        Ok(())
    }

    /// The answer to a question and those to what is asked ahead: as one statement, for the server works on each by itself
    /// for longer than on what it asks.
    fn ask_together(
        &mut self,
        ahead: &[Question],
        sql: &str,
        params: Vec<Param<'_>>,
    ) -> Result<Vec<Vec<Row>>, DbError> {
        let mut all = AllInOne::default();
        let mut values = params;
        all.add(sql, values.len());
        for question in ahead {
            values.extend(all.add_question(question));
        }
        let together = all.sql();
        let statement = self.prepare(&together)?;
        self.counted.journey();
        let mut answers = Vec::new();
        self.line.each(&together, &statement, values, &mut |row| {
            answers = answers_in(&row, 0)?;
            Ok(())
        })?;
        Ok(answers)
    }

    /// What is written may change them.
    fn forget_answers(&mut self) {
        self.expected.clear();
        self.answers.clear();
        self.foreseen.clear();
    }

    /// What waits goes with the next statement.
    fn send_waiting(&mut self) -> Result<(), DbError> {
        for waiting in std::mem::take(&mut self.waiting) {
            self.counted.statement();
            let told = match waiting {
                Waiting::Told(sql, params) => Told::Row(self.prepare(&sql)?, params),
                Waiting::Rows { head, width, rows } => Told::Columns(self.inserting(&head, width, "")?, rows),
            };
            self.line.tell(told);
        }
        Ok(())
    }

    fn let_wait(&mut self, one: Waiting) -> Result<(), DbError> {
        self.touched += 1;
        self.forget_answers();
        self.waiting.push(one);
        if self.waiting.len() < MOST_WAITING {
            return Ok(());
        }
        let outcome = self.batch("");
        self.noted(outcome)
    }

    /// All rows as one array for each column: the statement is the same however many rows there are, so that it is
    /// planned once.
    fn inserting(&mut self, head: &str, width: usize, tail: &str) -> Result<Statement, DbError> {
        let one = self.prepare(&format!("{head} VALUES {} {tail}", placeholders(1, width)))?;
        let types: Vec<&str> = one.params().iter().map(Type::name).collect();
        self.prepare(&format!("{head} SELECT * FROM {} {tail}", unnest(&types)))
    }

    fn insert(&mut self, head: &str, width: usize, rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        self.send_waiting()?;
        let statement = self.inserting(head, width, tail)?;
        self.in_columns(head, &statement, width, rows)
    }

    /// Looking for each row before it is put in would cost a server as much again as putting it in.
    fn insert_new(&mut self, head: &str, width: usize, rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        // What waits from before is refused by itself, and not taken for one of these rows.
        if !self.waiting.is_empty() {
            self.batch("")?;
        }
        self.waiting.push(Waiting::Told("SAVEPOINT new_rows".to_owned(), vec![]));
        match self.insert(head, width, rows, "") {
            Err(DbError::Constraint(_)) => {
                self.batch("ROLLBACK TO SAVEPOINT new_rows; RELEASE SAVEPOINT new_rows")?;
                self.insert(head, width, rows, tail)
            }
            outcome => {
                self.waiting.push(Waiting::Told("RELEASE SAVEPOINT new_rows".to_owned(), vec![]));
                outcome
            }
        }
    }

    fn update(&mut self, head: &str, types: &[&str], rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        self.send_waiting()?;
        let columns: Vec<String> = (1..=types.len()).map(|n| format!("column{n}")).collect();
        let sql = format!("{head} FROM {} AS v ({}) {tail}", unnest(types), columns.join(", "));
        let statement = self.prepare(&sql)?;
        self.in_columns(head, &statement, types.len(), rows)
    }

    fn in_columns(
        &mut self,
        head: &str,
        statement: &Statement,
        width: usize,
        rows: &[Vec<Value>],
    ) -> Result<u64, DbError> {
        let mut changed = 0;
        for chunk in rows.chunks(ROWS_AT_ONCE) {
            self.counted.journey();
            changed += self.line.execute(head, statement, &as_params(&columns(width, chunk)))?;
        }
        Ok(changed)
    }

    fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.send_waiting()?;
        // Of a transaction that is committed its number must be known, or nobody could ask how it ended.
        if sql == "COMMIT" && self.line.begins_with_what_is_told() {
            self.counted.journey();
            self.line.script("")?;
        }
        self.counted.journey();
        self.line.script(sql)
    }

    /// One statement that may change something.
    fn writing<T>(&mut self, statement: impl FnOnce(&mut Postgres) -> Result<T, DbError>) -> Result<T, DbError> {
        self.counted.statement();
        self.touched += 1;
        self.forget_answers();
        let outcome = statement(self);
        self.noted(outcome)
    }

    /// Remembers an error after which this transaction is unusable.
    fn noted<T>(&mut self, outcome: Result<T, DbError>) -> Result<T, DbError> {
        self.failed += u64::from(outcome.is_err());
        if let Err(error) = &outcome
            && let Some(broken) = error.breaks()
        {
            self.gone |= matches!(broken, DbError::Gone(_));
            self.broken = Some(broken);
        }
        outcome
    }
}

impl Tx for Postgres {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.writing(|engine| engine.run(sql, params))
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut rows = Vec::new();
        self.each(sql, params, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        take: &mut dyn FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let question = || Question { sql: sql.to_owned(), params: params.to_vec(), items: None };
        if self.held == Held::Noted {
            return self.note(question);
        }
        self.counted.statement();
        if let Some(rows) = self.answered(sql, params, None) {
            return rows.into_iter().try_for_each(take);
        }
        if !only_reads(sql) {
            self.forget_answers();
        }
        self.keep(question);
        let outcome = self.stream(sql, as_params(params), take);
        self.touched += u64::from(outcome.is_err() || !only_reads(sql));
        self.noted(outcome)
    }

    fn insert_rows(&mut self, head: &str, width: usize, rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        if rows.is_empty() {
            return Ok(0);
        }
        self.writing(|engine| engine.insert(head, width, rows, tail))
    }

    fn insert_new_rows(&mut self, head: &str, width: usize, rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        if rows.is_empty() {
            return Ok(0);
        }
        self.writing(|engine| engine.insert_new(head, width, rows, tail))
    }

    fn expect(&mut self, question: Question) {
        let question = question.worded_for_few();
        self.expect_once(question);
    }

    fn tell(&mut self, sql: &str, params: &[Value]) -> Result<(), DbError> {
        self.let_wait(Waiting::Told(sql.to_owned(), params.to_vec()))
    }

    fn add_row(&mut self, head: &str, row: Vec<Value>) -> Result<(), DbError> {
        for waiting in &mut self.waiting {
            if let Waiting::Rows { head: known, width, rows } = waiting
                && (known == head && *width == row.len() && rows.len() < ROWS_AT_ONCE)
            {
                self.touched += 1;
                rows.push(row);
                return Ok(());
            }
        }
        self.let_wait(Waiting::Rows { head: head.to_owned(), width: row.len(), rows: vec![row] })
    }

    fn update_rows(&mut self, head: &str, types: &[&str], rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        if rows.is_empty() {
            return Ok(0);
        }
        self.writing(|engine| engine.update(head, types, rows, tail))
    }

    fn query_among(&mut self, sql: &str, params: &[Value], items: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let asked = Question { sql: sql.to_owned(), params: params.to_vec(), items: Some(items) }.worded_for_few();
        if asked.items.is_none() {
            return self.query(&asked.sql, &asked.params);
        }
        let mut rows = Vec::new();
        if self.held == Held::Noted {
            return self.note(|| asked).map(|()| rows);
        }
        self.counted.statement();
        if let Some(rows) = self.answered(&asked.sql, &asked.params, asked.items.as_deref()) {
            return Ok(rows);
        }
        self.keep(|| asked.clone());
        let outcome = self.stream(&asked.worded(), asked.values(), &mut |row| {
            rows.push(row);
            Ok(())
        });
        self.noted(outcome).map(|()| rows)
    }

    fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.memo.heed(sql);
        self.forget_answers();
        if sql.starts_with("ROLLBACK") {
            self.waiting.clear();
        }
        let ends = sql.starts_with("COMMIT") || (sql.starts_with("ROLLBACK") && !sql.starts_with("ROLLBACK TO"));
        self.failed += u64::from(ends);
        let outcome = self.batch(sql);
        self.memo.ran(sql, outcome.is_ok());
        self.noted(outcome)
    }

    fn broken(&self) -> Option<DbError> {
        self.broken.clone()
    }

    fn forget_broken(&mut self) {
        self.broken = None;
    }

    fn note_unreadable(&mut self, row: Unreadable) {
        self.unreadable.note(row);
    }

    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn announce(&mut self) {
        self.announced = true;
    }

    fn touched(&self) -> u64 {
        self.touched
    }

    fn failed(&self) -> u64 {
        self.failed
    }

    fn undone(&mut self, touched: u64, failed: u64) {
        (self.touched, self.failed) = (touched, failed);
    }

    fn memo(&self) -> &Memo {
        &self.memo
    }

    fn memo_mut(&mut self) -> &mut Memo {
        &mut self.memo
    }
}

impl Question {
    pub(crate) fn worded(&self) -> Cow<'_, str> {
        match self.items {
            Some(_) => Cow::Owned(among_one(&self.sql, self.params.len() + 1)),
            None => Cow::Borrowed(&self.sql),
        }
    }

    pub(crate) fn values(&self) -> Vec<Param<'_>> {
        let mut values = as_params(&self.params);
        values.extend(self.items.iter().map(|items| items as Param<'_>));
        values
    }
}

/// Rows of columns of these types, each given as an array.
fn unnest(types: &[&str]) -> String {
    let arrays: Vec<String> = types.iter().enumerate().map(|(n, ty)| format!("${}::{ty}[]", n + 1)).collect();
    format!("UNNEST({})", arrays.join(", "))
}
