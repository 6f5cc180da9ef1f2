//! The last page of a test run: a table, what could not run, what failed, and one line of numbers.

use std::time::Duration;

use crate::tally::Tally;
use crate::test::Ended;

pub struct Line {
    pub step: &'static str,
    pub took: Duration,
    pub ended: Ended,
}

impl Line {
    pub fn verdict(&self) -> &'static str {
        match &self.ended {
            Ended::CannotRun(_) => "could not run",
            Ended::Ran(tally) if tally.failed > 0 => "FAILED",
            Ended::Ran(_) => "ok",
        }
    }

    /// A step that could not run counts as one that was skipped.
    fn tally(&self) -> Tally {
        match &self.ended {
            Ended::Ran(tally) => tally.clone(),
            Ended::CannotRun(reason) => Tally { skipped: 1, skips: vec![reason.clone()], ..Tally::default() },
        }
    }
}

/// Prints all of it and says whether the run was good. `took` is less than the sum of what ran together. `strict` (in
/// CI): what was left out is a failure too.
pub fn print(lines: &[Line], took: Duration, strict: bool, note: Option<String>) -> bool {
    let mut total = Tally::default();
    println!("\n{:<18}{:<15}{:>9}{:>9}{:>9}{:>9}", "step", "result", "seconds", "passed", "failed", "skipped");
    for line in lines {
        let tally = line.tally();
        let seconds = line.took.as_secs_f64();
        println!(
            "{:<18}{:<15}{seconds:>9.1}{:>9}{:>9}{:>9}",
            line.step,
            line.verdict(),
            tally.passed,
            tally.failed,
            tally.skipped
        );
        total += &tally;
    }
    let took = took.as_secs_f64();
    println!("{:<18}{:<15}{took:>9.1}{:>9}{:>9}{:>9}", "all", "", total.passed, total.failed, total.skipped);

    list("Did not run", lines, |tally| &tally.skips);
    list("Failed", lines, |tally| &tally.failures);
    if strict && total.skipped > 0 {
        println!("\nUnder CI=true nothing may be left out: this run fails.");
    }
    if let Some(note) = note {
        println!("\nwarning: {note}");
    }
    println!("\n{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
    total.failed == 0 && !(strict && total.skipped > 0)
}

fn list(title: &str, lines: &[Line], pick: impl Fn(&Tally) -> &Vec<String>) {
    let tallies: Vec<(&str, Tally)> = lines.iter().map(|line| (line.step, line.tally())).collect();
    if tallies.iter().all(|(_, tally)| pick(tally).is_empty()) {
        return;
    }
    println!("\n{title}:");
    for (step, tally) in &tallies {
        for what in pick(tally) {
            println!("  {step}: {what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ended: Ended) -> Line {
        Line { step: "browser", took: Duration::from_secs(1), ended }
    }

    #[test]
    fn what_could_not_run_fails_where_nobody_watches() {
        let left_out = || [line(Ended::CannotRun("chromium is missing".to_owned()))];
        assert!(print(&left_out(), Duration::ZERO, false, None));
        assert!(!print(&left_out(), Duration::ZERO, true, None));
    }

    #[test]
    fn a_failure_fails_everywhere() {
        let failed = [line(Ended::Ran(Tally { passed: 9, failed: 1, ..Tally::default() }))];
        assert!(!print(&failed, Duration::ZERO, false, None));
    }
}
