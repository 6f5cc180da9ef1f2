//! `replay FILE|-`: the watch's replay alone, for measuring the detector without building the whole program.

use std::path::Path;
use std::process::ExitCode;

use watch::replay::{self, Options};

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "-".to_owned());
    let played = replay::open(Path::new(&path)).and_then(|input| replay::run(input, std::io::stdout(), &Options::default()));
    match played {
        Ok(summary) => {
            eprintln!("{summary:?}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
