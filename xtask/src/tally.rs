//! Reads the result lines of the test runners.

use std::ops::AddAssign;

/// What was counted, and the names of what did not simply pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
    pub failures: Vec<String>,
    pub skips: Vec<String>,
}

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, other: &Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures.iter().cloned());
        self.skips.extend(other.skips.iter().cloned());
    }
}

/// One check that has no runner of its own.
pub fn one(problem: Option<String>) -> Tally {
    match problem {
        None => Tally { passed: 1, ..Tally::default() },
        Some(problem) => Tally { failed: 1, failures: vec![problem], ..Tally::default() },
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …` of every test binary that `cargo test` ran.
pub fn cargo(text: &str) -> Tally {
    let mut tally = Tally::default();
    for line in text.lines().map(str::trim) {
        if let Some(result) = line.strip_prefix("test result: ") {
            tally.passed += number_before(result, " passed");
            tally.failed += number_before(result, " failed");
            tally.skipped += number_before(result, " ignored");
        } else if let Some(test) = line.strip_prefix("test ") {
            let Some((name, how)) = test.rsplit_once(" ... ") else { continue };
            if how == "FAILED" {
                tally.failures.push(name.to_owned());
            } else if how.starts_with("ignored") {
                tally.skips.push(format!("{name} ({how})"));
            }
        }
    }
    tally
}

/// The closing lines of `node --test` (`ℹ pass 3` or `# pass 3`) and the marks before each name.
pub fn node(text: &str) -> Tally {
    let mut tally = Tally::default();
    for line in text.lines().map(str::trim) {
        if let Some(count) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# ")) {
            let Some((what, number)) = count.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "pass" => tally.passed += number,
                "fail" | "cancelled" => tally.failed += number,
                "skipped" | "todo" => tally.skipped += number,
                _ => {}
            }
        } else if let Some(name) = line.strip_prefix("﹣ ") {
            tally.skips.push(name.to_owned());
        } else if let Some(name) = line.strip_prefix("✖ ").filter(|name| !name.starts_with("failing tests")) {
            // The reporter names a failed test where it ran and again at the end.
            if !tally.failures.iter().any(|known| known == name) {
                tally.failures.push(name.to_owned());
            }
        }
    }
    tally
}

/// Lines that tests left in the file of `TSUNAGARI_SKIPPED`: they passed as far as the runner knows, but did not run.
pub fn count_left_out(tally: &mut Tally, lines: &str) {
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        tally.passed = tally.passed.saturating_sub(1);
        tally.skipped += 1;
        tally.skips.push(line.to_owned());
    }
}

fn number_before(line: &str, word: &str) -> u64 {
    let Some(end) = line.find(word) else { return 0 };
    let digits = line[..end].rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_results_of_several_binaries_are_summed() {
        let text = "running 2 tests\ntest rules::silence ... ok\ntest rules::night ... FAILED\n\n\
            test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            running 2 tests\ntest year ... ignored, takes an hour\ntest day ... ok\n\
            test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 12.30s\n";
        let tally = cargo(text);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (2, 1, 1));
        assert_eq!(tally.failures, ["rules::night"]);
        assert_eq!(tally.skips, ["year (ignored, takes an hour)"]);
    }

    #[test]
    fn a_test_that_prints_a_result_line_with_no_numbers_counts_nothing() {
        assert_eq!(cargo("test result: none of your business\nnothing here"), Tally::default());
    }

    #[test]
    fn node_counts_cancelled_as_failed_and_todo_as_skipped() {
        let text = "✔ opens (3.1ms)\n✖ closes (4ms)\n﹣ prints (0.1ms) # SKIP no printer\n\
            ℹ tests 5\nℹ suites 0\nℹ pass 1\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 1\nℹ duration_ms 61.2\n\
            \n✖ failing tests:\n\n✖ closes (4ms)\n";
        let tally = node(text);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (1, 2, 2));
        assert_eq!(tally.failures, ["closes (4ms)"]);
        assert_eq!(tally.skips, ["prints (0.1ms) # SKIP no printer"]);
    }

    #[test]
    fn the_other_reporter_of_node_is_read_too() {
        assert_eq!(node("# tests 3\n# pass 2\n# fail 1\n").passed, 2);
    }

    #[test]
    fn what_a_test_left_out_is_no_pass() {
        let mut tally = Tally { passed: 3, ..Tally::default() };
        count_left_out(&mut tally, "replay_recordings: no recordings at ../shared/data\n\n");
        assert_eq!((tally.passed, tally.skipped), (2, 1));
    }
}
