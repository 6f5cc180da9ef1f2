//! What somebody mistyped: told in Japanese with the file or the setting and what to do, and the disk is as it was.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use db::DbConfig;

use crate::doors::refused;
use crate::harness::{Place, free_port};

const PASSPHRASE: &str = "めだかの学校は川の中にある";

/// Everything below a folder.
fn everything(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(everything(&path));
        }
        found.insert(path);
    }
    found
}

/// Refused with all of these words, and nothing more lies in the place than before.
#[track_caller]
fn leaves_all_as_it_was(place: &Place, arguments: &[&str], words: &[&str]) {
    let before = everything(place.folder.path());
    let mut command = place.program(arguments);
    command.env("TSUNAGARI_PASSPHRASE", PASSPHRASE);
    let said = refused(command);
    for word in words {
        assert!(said.contains(word), "{arguments:?}, {word}: {said}");
    }
    assert_eq!(everything(place.folder.path()), before, "{arguments:?}");
}

fn administrator<'a>(login: &'a str, kana: &'a str) -> [&'a str; 8] {
    ["admin", "create", "--login", login, "--name", "事務 太郎", "--kana", kana]
}

#[test]
fn an_administrator_who_cannot_be_entered_leaves_no_database_and_no_key() {
    let mut place = Place::bare();
    place.database = DbConfig::sqlite(place.folder.path().join("region.db"));
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
    leaves_all_as_it_was(&place, &administrator("A B", "ジム タロウ"), &["--login: ログイン名は"]);
    leaves_all_as_it_was(&place, &administrator("jimu1", "jimu"), &["--kana: フリガナは"]);
    let nameless = [&administrator("jimu1", "ジム")[..], &["--office", ""]].concat();
    leaves_all_as_it_was(&place, &nameless, &["--office: 事業所の名称"]);
    place.must_run(&administrator("jimu1", "ジム タロウ"));
}

#[test]
fn whoever_reads_or_mends_a_region_begins_none_where_a_name_was_mistyped() {
    let mut place = Place::bare();
    let file = place.folder.path().join("地域 1.db");
    place.database = DbConfig::sqlite(&file);
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
    let (named, setting) = (file.to_str().expect("a plain path"), "[database] sqlite");
    for command in [
        &["backup", "week.age"][..],
        &["audit", "verify"],
        &["audit", "tally"],
        &["audit", "epoch"],
        &["admin", "requests"],
        &["admin", "reissue", "--login", "jimu1"],
        &["secrets", "rotate"],
    ] {
        leaves_all_as_it_was(&place, command, &[named, "がありません", setting]);
    }
    std::fs::write(&file, "").expect("an empty file");
    let output = place.program(&["backup", "week.age"]).env("TSUNAGARI_PASSPHRASE", PASSPHRASE).output();
    let said = String::from_utf8_lossy(&output.expect("the program runs").stderr).into_owned();
    assert!(said.contains("つながりの表がない") && said.contains(named), "{said}");
    assert!(!place.folder.path().join("week.age").exists(), "what is no region is not kept as one");

    // A server that is not there says where it was looked for.
    let port = free_port();
    place.database = DbConfig::postgres(format!("host=127.0.0.1 port={port} dbname=t user=u"));
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
    let words = ["サーバーに接続できません", "dbname=t", &port.to_string()];
    leaves_all_as_it_was(&place, &["backup", "week.age"], &words);
}

#[test]
fn files_that_are_none_are_named_with_what_to_do() {
    let place = Place::new();
    place.must_run(&administrator("jimu1", "ジム タロウ"));
    std::fs::create_dir(place.folder.path().join("置き場")).expect("a folder");
    for (command, words) in [
        (&["backup", "ない/週.age"][..], &["フォルダ ない がありません"][..]),
        (&["backup", "置き場"], &["置き場 はフォルダです"]),
        (&["restore", "置き場"], &["置き場 はフォルダです"]),
        (&["restore", "ない.age"], &["ない.age を開けません", "ファイルやフォルダがありません"]),
        (&["restore", "region.toml"], &["region.toml はつながりのバックアップではありません"]),
        (&["audit", "verify", "--key", "zzz"], &["--key", "「zzz」", "audit key", "64桁"]),
        (&["audit", "verify", "--heads", "ない.jsonl"], &["ない.jsonl を読めません"]),
    ] {
        leaves_all_as_it_was(&place, command, words);
    }
    for (text, words) in [
        (None, &["を読めません"][..]),
        (Some("nonsense"), &["市.cedar", "読めません"]),
        (Some("permit (principal, action == Action::\"Fly\", resource);"), &["市.cedar", "合いません"]),
    ] {
        let folder = place.folder.path().join("policies");
        if let Some(text) = text {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("市.cedar"), text).expect("a policy");
        }
        place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
        let config = std::fs::read_to_string(place.config()).expect("the configuration");
        std::fs::write(place.config(), format!("policies = {folder:?}\n{config}")).expect("it is written");
        let words = [&["設定の policies"], words].concat();
        leaves_all_as_it_was(&place, &["serve"], &words);
        // A code with which nobody could enrol is not printed.
        leaves_all_as_it_was(&place, &administrator("jimu2", "ジム タロウ"), &words);
    }
}

#[test]
fn a_demonstration_that_cannot_open_says_so_before_it_builds_a_town() {
    let place = Place::bare();
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    for (arguments, words) in [
        (["--port", &port, "--data", "town"], [&port[..], "--port で別のポート"]),
        (["--mqtt-port", &port, "--port", "0"], [&port[..], "--mqtt-port で別のポート"]),
        (["--ops-port", &port, "--port", "0"], [&port[..], "--ops-port で別のポート"]),
        (["--database", "nonsense", "--port", "0"], ["--database", "host=… dbname=…"]),
        (["--now", "きのう", "--port", "0"], ["--now きのう", "例 2026-"]),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tsunagari"));
        command.arg("demo").args(arguments).current_dir(place.folder.path());
        let said = refused(command);
        assert!(words.iter().all(|word| said.contains(word)), "{arguments:?}: {said}");
        assert!(!said.contains("町をつくっています"), "{said}");
        assert!(everything(place.folder.path()).is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_mistake_in_the_arguments_is_told_in_japanese_with_how_they_are_written() {
    for (arguments, words) in [
        (&["backup", "week.age"][..], ["足りません", "--config"]),
        (&["backup", "a.age", "b.age", "--config", "c"], ["b.age", "使い方:"]),
        (&["backup", "a.age", "--config"], ["--config", "値がありません"]),
        (&["backap"], ["backap", "コマンドはありません"]),
        (&["demo", "--speed", "999"], ["--speed", "「999」は使えません"]),
        (&["watch", "replay", "a.csv", "--model", "three"], ["「three」は使えません", "two_tails"]),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_tsunagari")).args(arguments).output().expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(words.iter().all(|word| said.contains(word)) && !said.contains("error"), "{arguments:?}: {said}");
    }
}
