//! The log, on standard error. A warning or an error that says again what was said a moment ago is left out and counted:
//! the next line like it, a minute later, says how often. So a database that is away for an hour does not fill the disk,
//! and no other fault is lost among its lines.

use std::fmt::{Debug, Write};
use std::time::Instant;

use base::repeats::Repeats;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// A line an event, each one JSON, for a machine to read.
pub fn as_json() {
    json(filter("info"), std::io::stderr).init();
}

/// For whoever sits before the screen.
pub fn as_text() {
    tracing_subscriber::fmt()
        .with_env_filter(filter("warn"))
        .with_writer(std::io::stderr)
        .map_event_format(Seldom::new)
        .init();
}

fn json<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(writer).map_event_format(Seldom::new).finish()
}

fn filter(usual: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual))
}

/// Writes the lines of another, those of faults once a minute.
struct Seldom<F> {
    lines: F,
    told: Repeats<()>,
}

impl<F> Seldom<F> {
    fn new(lines: F) -> Seldom<F> {
        Seldom { lines, told: Repeats::default() }
    }

    /// How often it was left out before, where it is told.
    fn is_told(&self, event: &Event<'_>) -> Option<u64> {
        let about = event.metadata();
        if *about.level() > Level::WARN {
            return Some(0);
        }
        // Where there are too many kinds, the place in the source stands for them: each has its own line then too.
        let place = format!("{} {}:{}", about.level(), about.target(), about.line().unwrap_or(0));
        let mut words = Words(place.clone());
        event.record(&mut words);
        let mut told = None;
        self.told.note(&words.0, &place, Instant::now(), |_, left_out| told = Some(left_out));
        told
    }
}

/// All that an event says.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl<S, N, F> FormatEvent<S, N> for Seldom<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, at: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let left_out = match self.is_told(event) {
            None => return Ok(()),
            Some(0) => return self.lines.format_event(at, writer, event),
            Some(left_out) => left_out,
        };
        let mut line = String::new();
        self.lines.format_event(at, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(rest) => write!(writer, "{{\"left_out\":{left_out},{rest}"),
            None => writeln!(writer, "{} left_out={left_out}", line.trim_end()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("paper").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    // shows: 5.5.5 an hour without a database does not fill the log, and what else fails meanwhile is told
    #[test]
    fn an_outage_of_many_failures_is_a_few_lines_and_every_other_fault_is_told() {
        let paper = Paper::default();
        let own = paper.clone();
        let log = json(EnvFilter::new("info"), move || own.clone());
        tracing::subscriber::with_default(log, || {
            for second in 0..1_000 {
                tracing::error!(error = "gone", "the outbox cannot be read");
                tracing::error!(error = "gone", round = "clockwork", "a round failed");
                tracing::error!(error = "gone", round = "audit head", "a round failed");
                tracing::warn!(second, "so many kinds of one place");
            }
            tracing::error!("something else");
            (0..3).for_each(|_| tracing::info!("what is no fault is told each time"));
        });
        let text = String::from_utf8(paper.0.lock().expect("paper").clone()).expect("text");
        let count = |words: &str| text.lines().filter(|line| line.contains(words)).count();
        assert_eq!([count("outbox"), count("\"clockwork\""), count("audit head"), count("something else")], [1; 4]);
        assert_eq!(count("no fault"), 3);
        assert!(text.lines().count() < 80, "{text}");
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
    }
}
