//! Which looks are answered by one question to a server, as far as they showed it: those need no transaction around them
//! (see [`db::Db::read_brief`]).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The surer it is, the longer it takes to think otherwise.
const SURE: i8 = 8;
/// What one look of several questions weighs against looks of one: it was begun in vain.
const IN_VAIN: i8 = 3;

/// By the key of the look; there are no more of them than looks.
#[derive(Default)]
pub(crate) struct Brevity(Mutex<HashMap<&'static str, i8>>);

impl Brevity {
    /// Where nothing is known yet, yes.
    pub(crate) fn expects_one(&self, look: &'static str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(look).is_none_or(|sure| *sure >= 0)
    }

    /// None: there was no server, or it did not answer.
    pub(crate) fn learn(&self, look: &'static str, questions: u32) {
        let more = match questions {
            0 => return,
            1 => 1,
            _ => -IN_VAIN,
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sure = known.entry(look).or_default();
        *sure = (*sure + more).clamp(-SURE, SURE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_expected_to_be_what_it_mostly_was() {
        let brevity = Brevity::default();
        assert!(brevity.expects_one("look.day"));
        brevity.learn("look.day", 4);
        assert!(!brevity.expects_one("look.day") && brevity.expects_one("look.queue"));
        (0..3).for_each(|_| brevity.learn("look.day", 1));
        assert!(brevity.expects_one("look.day"));
        (0..100).for_each(|_| brevity.learn("look.day", 1));
        (0..3).for_each(|_| brevity.learn("look.day", 2));
        assert!(!brevity.expects_one("look.day"));
        (0..100).for_each(|_| brevity.learn("look.day", 0));
        assert!(!brevity.expects_one("look.day"), "nothing is learned where nobody was asked");
    }
}
