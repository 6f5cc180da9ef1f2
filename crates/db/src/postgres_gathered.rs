//! What several readers want to know at the same moment is asked at once: a server works on each statement by itself, and
//! on the way to and from it, for longer than on what it asks.

use crate::postgres_engine::{Held, Postgres};
use crate::postgres_line::{Begin, Param};
use crate::postgres_together::{AllInOne, answers_in, for_each};
use crate::{DbError, Question, Row, Value};

/// What one reading asks first, with what it asks ahead; never empty.
pub(crate) type Asked = Vec<Question>;
/// The answer to each question.
pub(crate) type Answers = Vec<Vec<Row>>;

impl Postgres {
    /// What this reading asks first is noted instead of asked, and it learns nothing.
    pub(crate) fn note_what_is_asked(&mut self) {
        self.begin(Begin::Alone);
        (self.held, self.noted) = (Held::Noted, Vec::new());
    }

    /// Nothing where nothing was asked.
    pub(crate) fn take_noted(&mut self) -> Option<Asked> {
        Some(std::mem::take(&mut self.noted)).filter(|asked| !asked.is_empty())
    }

    /// The next reading finds its first question answered.
    pub(crate) fn begin_answered(&mut self, asked: Asked, answers: Answers) {
        self.begin(Begin::Alone);
        self.questions = 1;
        self.answers = asked.into_iter().zip(answers).collect();
    }

    /// The first question is asked with these, and what is asked after it is kept.
    pub(crate) fn foresee(&mut self, foreseen: &[Question]) {
        self.foreseen = foreseen.to_vec();
        self.later = Some(vec![]);
    }

    /// What was asked after the first question, and those of the foreseen ones whose answers were taken.
    pub(crate) fn take_later(&mut self, foreseen: &[Question]) -> Vec<Question> {
        let mut left: Vec<&Question> = self.answers.iter().map(|(question, _)| question).collect();
        let mut later = Vec::new();
        for question in foreseen {
            match left.iter().position(|left| *left == question) {
                Some(at) => drop(left.swap_remove(at)),
                None => later.push(question.clone()),
            }
        }
        later.extend(self.later.take().unwrap_or_default());
        later
    }

    /// Takes note of the first question instead of asking it.
    pub(crate) fn note(&mut self, question: impl FnOnce() -> Question) -> Result<(), DbError> {
        if self.noted.is_empty() {
            let question = question();
            self.need_not_expect(|expected| *expected == question);
            self.noted.push(question);
            self.noted.append(&mut self.foreseen);
            self.noted.append(&mut self.expected);
        }
        Err(DbError::Alone)
    }

    /// Keeps what is asked now, where it is not the first question.
    pub(crate) fn keep(&mut self, question: impl FnOnce() -> Question) {
        if self.questions > 0
            && let Some(later) = &mut self.later
        {
            later.push(question());
            later.extend(self.expected.iter().cloned());
        }
    }

    /// Whoever asks by itself needs no answer ahead.
    fn need_not_expect(&mut self, same: impl Fn(&Question) -> bool) {
        self.expected.retain(|question| !same(question));
    }

    /// What was asked ahead, if it was.
    pub(crate) fn answered(&mut self, sql: &str, params: &[Value], items: Option<&[Value]>) -> Option<Vec<Row>> {
        let same = |q: &Question| q.sql == sql && q.params == params && q.items.as_deref() == items;
        if let Some(at) = self.answers.iter().position(|(question, _)| same(question)) {
            return Some(self.answers.swap_remove(at).1);
        }
        self.need_not_expect(same);
        None
    }

    /// However often it is rehearsed; what was foreseen stands for other askings of the same.
    pub(crate) fn expect_once(&mut self, question: Question) {
        if !self.expected.contains(&question) && self.answers.iter().all(|(known, _)| *known != question) {
            self.expected.push(question);
        }
    }

    /// Asks for all of these readings, which are [`alike`], at once.
    pub(crate) fn ask_for_each(&mut self, readings: &[&Asked]) -> Result<Vec<Answers>, DbError> {
        let Some(first) = readings.first() else { return Ok(vec![]) };
        self.begin(Begin::Alone);
        let mut all = AllInOne::default();
        for question in *first {
            all.add_question(question);
        }
        let all = all.sql();
        let types = self.prepare(&all)?.params().to_vec();
        let for_each = for_each(&all, &types);
        let statement = self.prepare(&for_each)?;
        let values: Vec<Vec<&Value>> = readings.iter().map(|asked| values(asked).collect()).collect();
        let columns: Vec<Vec<&Value>> =
            (0..values[0].len()).map(|n| values.iter().map(|one| one[n]).collect()).collect();
        let lists = first.iter().filter_map(|question| question.items.as_ref());
        let params = columns.iter().map(|column| column as Param<'_>).chain(lists.map(|list| list as Param<'_>));
        self.counted.journey();
        let mut answers = vec![Answers::new(); readings.len()];
        self.line.each(&for_each, &statement, params.collect(), &mut |row| {
            let place = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default();
            if let Some(answers) = place.checked_sub(1).and_then(|place| answers.get_mut(place)) {
                *answers = answers_in(&row, 1)?;
            }
            Ok(())
        })?;
        Ok(answers)
    }
}

/// The values that may be others in each reading.
fn values(asked: &Asked) -> impl Iterator<Item = &Value> {
    asked.iter().flat_map(|question| &question.params)
}

/// Whether they ask the same, with other values.
pub(crate) fn alike(one: &Asked, other: &Asked) -> bool {
    let same =
        |(a, b): (&Question, &Question)| a.sql == b.sql && a.params.len() == b.params.len() && a.items == b.items;
    one.len() == other.len() && one.iter().zip(other).all(same) && values(one).next().is_some()
}
