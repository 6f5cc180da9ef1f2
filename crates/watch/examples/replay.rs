//! `replay FILE|- [one_tail]`: the watch's replay alone, for measuring the detector without building the program.

use std::path::Path;
use std::process::ExitCode;

use watch::replay::{self, Options};
use watch::rhythm::Model;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let path = words.next().unwrap_or_else(|| "-".to_owned());
    let model = if words.next().as_deref() == Some("one_tail") { Model::OneTail } else { Model::default() };
    let options = Options { model, ..Options::default() };
    let played = replay::open(Path::new(&path)).and_then(|input| replay::run(input, std::io::stdout(), &options));
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
