//! A measured figure, its target, and how both are shown.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Result;

/// Which side of the target is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

/// `target` is what the project promised; `None` for a figure that explains another.
#[derive(Clone, Debug)]
pub struct Figure {
    pub bench: &'static str,
    /// The unit is its last part: `rows_per_s`, `ready_ms`, `rss_mb`.
    pub metric: &'static str,
    pub value: f64,
    pub target: Option<f64>,
    pub better: Better,
}

impl Figure {
    pub fn reached(&self) -> Option<bool> {
        let target = self.target?;
        Some(match self.better {
            Better::Higher => self.value >= target,
            Better::Lower => self.value <= target,
        })
    }

    /// `beside` is what the other version had in the same run.
    pub fn json(&self, beside: Option<f64>) -> String {
        let better = match self.better {
            Better::Higher => "higher",
            Better::Lower => "lower",
        };
        // One digit behind the point: no bench here repeats itself more closely.
        let round = |value: f64| (value * 10.0).round() / 10.0;
        let value = round(self.value);
        let target = self.target.map_or("null".to_owned(), |target| target.to_string());
        let other = beside.map_or(String::new(), |other| format!(r#","beside":{:.1}"#, round(other)));
        let (bench, metric) = (self.bench, self.metric);
        format!(
            r#"{{"bench":"{bench}","metric":"{metric}","value":{value:.1},"target":{target},"better":"{better}"{other}}}"#
        )
    }
}

/// What another version had of the same.
pub fn of(others: &[Figure], figure: &Figure) -> Option<f64> {
    others.iter().find(|other| (other.bench, other.metric) == (figure.bench, figure.metric)).map(|other| other.value)
}

/// The middle one of an odd number of measurements, the lower middle one of an even number; 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// Leaves the figures of one bench beside the build output, for whoever writes `docs/performance.md`.
pub fn keep(target: &Path, bench: &str, figures: &[Figure], others: &[Figure]) -> Result<()> {
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let lines: String = figures.iter().map(|figure| figure.json(of(others, figure)) + "\n").collect();
    fs::write(folder.join(format!("{bench}.jsonl")), lines)?;
    Ok(())
}

/// With another version beside, its values and the ratio of this one's to them.
pub fn table(figures: &[Figure], others: &[Figure]) -> String {
    let mut text = String::new();
    let compared = if others.is_empty() { String::new() } else { format!("{:>14}{:>8}", "beside", "ratio") };
    let _ = writeln!(text, "\n{:<18}{:<32}{:>14}{compared}{:>14}  result", "bench", "metric", "value", "target");
    for figure in figures {
        let target = figure.target.map_or("-".to_owned(), |target| format!("{target:.0}"));
        let result = match figure.reached() {
            None => "",
            Some(true) => "reached",
            Some(false) => "NOT REACHED",
        };
        let compared = match of(others, figure) {
            Some(other) => format!("{other:>14.1}{:>8.2}", figure.value / other),
            None if others.is_empty() => String::new(),
            None => format!("{:>14}{:>8}", "-", "-"),
        };
        let (bench, metric, value) = (figure.bench, figure.metric, figure.value);
        let _ = writeln!(text, "{bench:<18}{metric:<32}{value:>14.1}{compared}{target:>14}  {result}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, better: Better) -> Figure {
        Figure { bench: "replay", metric: "rows_per_s", value, target: Some(100.0), better }
    }

    #[test]
    fn a_target_is_reached_from_the_good_side() {
        assert_eq!(figure(100.0, Better::Higher).reached(), Some(true));
        assert_eq!(figure(99.9, Better::Higher).reached(), Some(false));
        assert_eq!(figure(99.9, Better::Lower).reached(), Some(true));
        assert_eq!(figure(100.1, Better::Lower).reached(), Some(false));
    }

    #[test]
    fn a_figure_is_one_json_line() {
        let line = r#"{"bench":"replay","metric":"rows_per_s","value":12.3,"target":100,"better":"higher"}"#;
        assert_eq!(figure(12.345, Better::Higher).json(None), line);
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok());
    }

    // shows: 5.7.2 figures of both versions from one run
    #[test]
    fn another_version_stands_beside_with_the_ratio() {
        let (here, other) = (figure(90.0, Better::Higher), figure(60.0, Better::Higher));
        assert!(here.json(of(std::slice::from_ref(&other), &here)).ends_with(r#","beside":60.0}"#));
        let table = table(&[here], &[other]);
        assert!(table.contains("60.0    1.50"), "{table}");
    }

    #[test]
    fn the_median_is_one_of_the_measurements() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.0);
        assert_eq!(median(vec![]), 0.0);
    }
}
