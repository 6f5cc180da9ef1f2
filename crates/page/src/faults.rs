//! Faults of ours in the log: the same one a hundred times is one line and one number, so that whoever reads the number out
//! on a telephone is understood.

use std::sync::LazyLock;
use std::time::Instant;

use base::repeats::Repeats;

const TOO_MANY: &str = "more faults of other kinds than are told apart";

#[derive(Default)]
pub(crate) struct Faults(Repeats<String>);

static FAULTS: LazyLock<Faults> = LazyLock::new(Faults::default);

/// Writes the cause to the log, if it does not stand there since a moment ago; the number by which the log knows it, drawn
/// from `bits`.
pub(crate) fn noted(cause: &str, bits: u32) -> String {
    FAULTS.note(cause, bits, Instant::now(), |cause, reference, again| {
        tracing::error!(%cause, %reference, before = again, "a request failed");
    })
}

impl Faults {
    /// `tell`: cause, number, and how often it came in the time before without a line of its own.
    fn note(&self, cause: &str, bits: u32, now: Instant, tell: impl FnOnce(&str, &str, u64)) -> String {
        self.0.note(cause, TOO_MANY, now, |cause, again| {
            // Short enough to be read out on a telephone.
            let reference = format!("{:04X}-{:04X}", bits >> 16, bits & 0xFFFF);
            tell(cause, &reference, again);
            reference
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::repeats::TOLD_APART;

    use super::*;

    #[test]
    fn the_same_fault_is_one_line_a_minute_and_its_number_stands_in_the_log() {
        let (faults, began, mut log) = (Faults::default(), Instant::now(), Vec::new());
        let mut bits = 0;
        let mut at = |seconds: u64, cause: &str| {
            bits += 0x1_0001;
            faults.note(cause, bits, began + Duration::from_secs(seconds), |cause, reference, again| {
                log.push((cause.to_owned(), reference.to_owned(), again));
            })
        };
        let first = at(0, "a row cannot be read");
        let other = at(1, "no column");
        let numbers: Vec<String> = (1..60).map(|second| at(second, "a row cannot be read")).collect();
        assert!(numbers.iter().all(|number| *number == first));
        let later = at(60, "a row cannot be read");
        let lines = [("a row cannot be read", first, 0), ("no column", other, 0), ("a row cannot be read", later, 59)];
        assert_eq!(log, lines.map(|(cause, number, again)| (cause.to_owned(), number, again)));
    }

    #[test]
    fn a_thousand_kinds_of_faults_do_not_fill_the_log() {
        let (faults, now, mut log) = (Faults::default(), Instant::now(), Vec::new());
        for n in 0..1_000 {
            let number = faults.note(&format!("fault {n}"), n, now, |_, reference, _| log.push(reference.to_owned()));
            assert!(log.contains(&number), "whoever reads it out is understood");
        }
        assert_eq!(log.len(), TOLD_APART + 1);
    }
}
