//! Several readings before one journey: each is rehearsed until its first question, and a server is asked for all of
//! these together. The readings themselves then run as always and find their answers there.

use crate::listed::{FEW, among_each};
use crate::readable::Unreadable;
use crate::{DbError, Engine, Keys, Memo, Row, Tx, Value};

/// What is asked for later in the same transaction, to be rehearsed. Its outcome is of no account.
pub type Reading<'a> = &'a dyn Fn(&mut dyn Tx);

impl dyn Tx + '_ {
    /// Has the first question of each of these readings asked with the next statement. It changes no answer, and beside a
    /// file it does nothing.
    pub fn ahead(&mut self, readings: &[Reading<'_>]) {
        if self.engine() == Engine::Sqlite {
            return;
        }
        for reading in readings {
            let mut rehearsal = Rehearsal { real: self, noted: Memo::default(), asked: None };
            reading(&mut rehearsal);
            if let Some(asked) = rehearsal.asked {
                self.expect(asked);
            }
        }
    }
}

/// A question for one statement. `items` stand where the words say `{among}`.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    pub sql: String,
    pub params: Vec<Value>,
    pub items: Option<Vec<Value>>,
}

impl Question {
    /// As a server is asked for few items: see [`FEW`].
    pub(crate) fn worded_for_few(self) -> Question {
        match self.items {
            Some(items) if items.len() <= FEW => {
                let (sql, params) = among_each(&self.sql, &self.params, items);
                Question { sql, params, items: None }
            }
            items => Question { items, ..self },
        }
    }
}

/// A transaction that notes the first question and answers none.
struct Rehearsal<'a> {
    real: &'a mut dyn Tx,
    /// What it would tell, for nobody.
    noted: Memo,
    asked: Option<Question>,
}

const REHEARSED: &str = "this was a rehearsal";

fn rehearsed<T>() -> Result<T, DbError> {
    Err(DbError::Engine(REHEARSED.into()))
}

impl Tx for Rehearsal<'_> {
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.asked.get_or_insert_with(|| Question { sql: sql.to_owned(), params: params.to_vec(), items: None });
        rehearsed()
    }

    fn each(&mut self, _: &str, _: &[Value], _: &mut dyn FnMut(Row) -> Result<(), DbError>) -> Result<(), DbError> {
        rehearsed()
    }

    fn query_among(&mut self, sql: &str, params: &[Value], items: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let asked = || Question { sql: sql.to_owned(), params: params.to_vec(), items: Some(items) };
        self.asked.get_or_insert_with(asked);
        rehearsed()
    }

    fn execute(&mut self, _: &str, _: &[Value]) -> Result<u64, DbError> {
        rehearsed()
    }

    fn insert_rows(&mut self, _: &str, _: usize, _: &[Vec<Value>], _: &str) -> Result<u64, DbError> {
        rehearsed()
    }

    fn update_rows(&mut self, _: &str, _: &[&str], _: &[Vec<Value>], _: &str) -> Result<u64, DbError> {
        rehearsed()
    }

    fn tell(&mut self, _: &str, _: &[Value]) -> Result<(), DbError> {
        rehearsed()
    }

    fn add_row(&mut self, _: &str, _: Vec<Value>) -> Result<(), DbError> {
        rehearsed()
    }

    fn script(&mut self, _: &str) -> Result<(), DbError> {
        rehearsed()
    }

    /// What a reading itself would ask ahead.
    fn expect(&mut self, question: Question) {
        self.real.expect(question);
    }

    fn engine(&self) -> Engine {
        self.real.engine()
    }

    fn keys(&self) -> &Keys {
        self.real.keys()
    }

    fn memo(&self) -> &Memo {
        self.real.memo()
    }

    fn memo_mut(&mut self) -> &mut Memo {
        &mut self.noted
    }

    fn touched(&self) -> u64 {
        self.real.touched()
    }

    fn failed(&self) -> u64 {
        self.real.failed()
    }

    fn broken(&self) -> Option<DbError> {
        None
    }

    fn forget_broken(&mut self) {}
    fn note_unreadable(&mut self, _: Unreadable) {}
    fn announce(&mut self) {}
    fn undone(&mut self, _: u64, _: u64) {}
}
