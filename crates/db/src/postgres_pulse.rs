//! Whether a server answers at all. One that is paused, or to which packets are swallowed, refuses nothing and ends no
//! line: whoever waits for it would wait for as long as that lasts, while a long statement may take its time. Therefore
//! it is asked by the second, on a line that nothing else goes over; once it has been silent for too long every other
//! line is cut and none is opened, until it answers here again.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant as Clock};

use base::limits::SERVER_SILENCE;

use crate::postgres_line::{Line, NoLine};
use crate::postgres_silence::Silence;
use crate::postgres_wire::Server;
use crate::{DbConfig, DbError};

const BEAT: Duration = Duration::from_secs(1);

/// The thread that asks; it ends when this is dropped.
pub(crate) struct Pulse {
    _stop: Option<Sender<()>>,
}

impl Pulse {
    /// The first question is asked a beat later: who opens a database for a moment needs no line for that.
    pub(crate) fn feel(config: &DbConfig) -> Result<(Pulse, Silence), DbError> {
        let DbConfig::Postgres { url, ca, .. } = config.clone() else {
            return Ok((Pulse { _stop: None }, Silence::default()));
        };
        let (stop, stopped) = channel();
        let silence = Silence::watched();
        let told = silence.clone();
        let ask = move || {
            let (mut line, mut heard) = (None, Clock::now());
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                if answers(&Server::at(&url, &ca), &mut line) {
                    heard = Clock::now();
                }
                tell(&told, heard.elapsed());
            }
        };
        let thread = std::thread::Builder::new().name("pulse".into());
        thread.spawn(ask).map_err(|error| DbError::Engine(error.to_string()))?;
        Ok((Pulse { _stop: Some(stop) }, silence))
    }
}

/// A refusal is an answer too.
fn answers(server: &Server, line: &mut Option<Line>) -> bool {
    let mut open = match line.take() {
        Some(open) => open,
        None => match server.open() {
            Ok(open) => open,
            Err(NoLine::Refused(_)) => return true,
            Err(NoLine::Unanswered(_)) => return false,
        },
    };
    let answered = open.answers_within(SERVER_SILENCE);
    *line = answered.then_some(open);
    answered
}

fn tell(told: &Silence, unheard: Duration) {
    let silent = unheard >= SERVER_SILENCE;
    if told.tell_silent(silent) {
        match silent {
            true => tracing::error!(seconds = unheard.as_secs(), "the database server is silent; its lines are cut"),
            false => tracing::warn!("the database server answers again"),
        }
    }
}
