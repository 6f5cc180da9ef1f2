//! Several backups into one folder: none spoils another one or what lay there before, and one that fails leaves nothing.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use base::Span;

use crate::backup::{empty_embedded, must, run, told_rows};
use crate::harness::{Place, Town, ago};

/// Files of the place that nobody finished.
pub fn unfinished(place: &Place) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place.folder.path()).expect("the folder").map(|e| e.expect("an entry").path());
    let half = |path: &PathBuf| ["unfinished", ".part"].iter().any(|word| path.to_string_lossy().contains(word));
    entries.filter(half).collect()
}

fn settled(homes: usize) -> Place {
    let place = Place::new();
    Town::settle(&place, 9, homes, ago(Span::hours(3)));
    place
}

/// Two backups under these names, begun at the same time; whether each went well, and its words.
fn at_once(place: &Place, names: [&str; 2]) -> [(bool, String); 2] {
    std::thread::scope(|scope| {
        names.map(|name| scope.spawn(move || run(place, &["backup", name]))).map(|one| one.join().expect("it ends"))
    })
}

/// Restores the file of this name into an empty region, with as many rows as its backup told.
#[track_caller]
fn comes_back_whole(place: &Place, name: &str, said: &str) {
    let new = empty_embedded();
    let file = place.folder.path().join(name);
    let restored = must(&new, &["restore", file.to_str().expect("a plain path")]);
    assert_eq!(told_rows(&restored), told_rows(said), "{name}");
}

// shows: 5.5.9 two backups at the same time: under one name one is saved whole and the other refused
#[test]
fn of_two_backups_under_one_name_one_is_saved_whole_and_the_other_says_that_it_is_not() {
    let place = settled(2);
    let outcomes = at_once(&place, ["week.age", "week.age"]);
    let (saved, other): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(well, _)| *well);
    let ([(_, saved)], [(_, other)]) = (&saved[..], &other[..]) else { panic!("{outcomes:?}") };
    assert!(other.contains("week.age はすでにあります"), "{other}");
    assert!(unfinished(&place).is_empty(), "{:?}", unfinished(&place));
    comes_back_whole(&place, "week.age", saved);
}

// shows: 5.5.9 backups whose names differ only after the last dot, beside an earlier file of that name
#[test]
fn backups_whose_names_differ_at_their_end_are_both_whole_and_an_earlier_file_stays() {
    let place = settled(2);
    let earlier = place.folder.path().join("week.part");
    std::fs::write(&earlier, "what somebody kept").expect("an earlier file");
    let outcomes = at_once(&place, ["week.age", "week.old"]);
    for (name, (well, said)) in ["week.age", "week.old"].iter().zip(&outcomes) {
        assert!(well, "{said}");
        comes_back_whole(&place, name, said);
    }
    assert_eq!(std::fs::read_to_string(&earlier).expect("it is there"), "what somebody kept");
    assert_eq!(unfinished(&place), [earlier]);
}

/// The program with files of at most this many kilobytes or half of them, as the shell counts; to it, the disk is full.
fn run_with_short_files(place: &Place, kilobytes: u32, arguments: &[&str]) -> Output {
    let program = place.program(arguments);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\""));
    command.arg(program.get_program()).args(program.get_args()).current_dir(place.folder.path());
    command.env("TSUNAGARI_PASSPHRASE", "めだかの学校は川の中にある").stdin(Stdio::null());
    command.output().expect("the program runs")
}

// shows: 5.5.9 a backup that fails leaves nothing
#[test]
fn a_backup_that_finds_no_room_leaves_nothing_and_says_so() {
    let place = settled(40);
    let file = place.folder.path().join("whole.age");
    must(&place, &["backup", "whole.age"]);
    let length = std::fs::metadata(&file).expect("the backup").len();
    assert!(length > 80 * 1024, "the test wants a longer one than {length}");
    let output = run_with_short_files(&place, 80, &["backup", "week.age"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("week.age を書けません") && said.contains("空き"), "{said}");
    assert!(!place.folder.path().join("week.age").exists() && unfinished(&place).is_empty());
}
