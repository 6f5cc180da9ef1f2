//! A backup taken while readings come in, and its restore into an empty region of either engine: all rows, the audit
//! chain, a new epoch. What is damaged, cut or not ours is refused before anything is touched.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use base::Span;
use db::DbConfig;

use crate::audit_chain::{rows, sign};
use crate::backups_at_once::unfinished;
use crate::doors::refused;
use crate::harness::{Place, Town, ago, until};

const PASSPHRASE: &str = "めだかの学校は川の中にある";

/// Runs a command that needs the passphrase; gives whether it went well, and its words.
pub fn run(place: &Place, arguments: &[&str]) -> (bool, String) {
    let output = place.program(arguments).env("TSUNAGARI_PASSPHRASE", PASSPHRASE).output().expect("the program runs");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[track_caller]
pub fn must(place: &Place, arguments: &[&str]) -> String {
    let (well, said) = run(place, arguments);
    assert!(well, "{arguments:?}: {said}");
    said
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// The number before `行`, which both commands tell.
pub fn told_rows(said: &str) -> u64 {
    let digits = said.split('行').next().unwrap_or_default();
    digits.trim().parse().unwrap_or_else(|_| panic!("no number of rows: {said}"))
}

fn readings(place: &Place) -> i64 {
    place.look(|tx| tx.scalar("SELECT COUNT(*) FROM watch_reading", &[]))
}

/// An empty region like this one, on the engine under test.
pub fn empty() -> Place {
    Place::new()
}

/// An empty region on the embedded database, whatever is under test.
pub fn empty_embedded() -> Place {
    let mut place = Place::bare();
    place.database = DbConfig::sqlite(place.folder.path().join("region.db"));
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
    place
}

/// What a keeper carries from one machine to another: the heads and their key.
fn carry(from: &Place, to: &Place) {
    carry_all(from, to, &["audit-heads.key", "audit-heads.jsonl"]);
}

fn carry_all(from: &Place, to: &Place, names: &[&str]) {
    std::fs::create_dir_all(to.operations_folder()).expect("a folder");
    for name in names {
        std::fs::copy(from.operations_folder().join(name), to.operations_folder().join(name)).expect("kept");
    }
}

/// A region at work, backed up while a gateway posts reading after reading.
struct Saved {
    place: Place,
    town: Town,
    file: PathBuf,
    rows: u64,
    /// Readings acknowledged before the backup began, and when it had ended.
    acknowledged: (i64, i64),
}

impl Saved {
    fn save() -> Saved {
        let place = Place::new();
        let town = Town::settle(&place, 9, 2, ago(Span::hours(3)));
        let file = place.folder.path().join("region.age");
        let serving = place.serve();
        until("a head is signed", || place.look(audit::signed).is_some());
        let (counted, over) = (AtomicI64::new(0), AtomicBool::new(false));
        let (said, before) = std::thread::scope(|scope| {
            scope.spawn(|| post_until(&place, &town, &counted, &over));
            until("readings come in", || counted.load(Ordering::SeqCst) >= 20);
            let before = counted.load(Ordering::SeqCst);
            let said = run(&place, &["backup", text(&file)]);
            let during = counted.load(Ordering::SeqCst);
            until("readings still come in", || counted.load(Ordering::SeqCst) > during);
            over.store(true, Ordering::SeqCst);
            (said, before)
        });
        assert!(said.0, "{}", said.1);
        drop(serving);
        let after = counted.load(Ordering::SeqCst);
        assert!(unfinished(&place).is_empty(), "nothing half done lies about");
        Saved { place, town, rows: told_rows(&said.1), file, acknowledged: (before, after) }
    }

    /// What a region must be that was restored from it.
    fn is_whole_in(&self, place: &Place, said: &str) {
        assert_eq!(told_rows(said), self.rows, "every row is back");
        let (before, after) = self.acknowledged;
        let readings = readings(place);
        assert!((before..=after).contains(&readings), "{before} ≤ {readings} ≤ {after}");
        let verified = place.must_run(&["audit", "verify"]);
        assert!(verified.contains("復元による期の区切り1件"), "{verified}");
        let actions = place.look(|tx| {
            let newest = audit::newest(tx, 1)?;
            Ok(newest.into_iter().map(|row| (row.action, row.ground)).collect::<Vec<_>>())
        });
        assert_eq!(actions, [("audit.epoch".to_owned(), "restore".to_owned())]);
    }
}

/// Posts one reading after another, counting those that were acknowledged.
fn post_until(place: &Place, town: &Town, counted: &AtomicI64, over: &AtomicBool) {
    let (_, secret) = town.credential(0);
    let device = town::equip::serial(town.homes[0].resident, town::equip::CLIMATE);
    let begin = ago(Span::minutes(50));
    for n in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let at = begin + Span::seconds(n);
        let body = format!(r#"[{{"device":"{device}","kind":"temperature","at":"{at}+09:00","value":21.5}}]"#);
        let head = format!(
            "POST /ingest/v1/readings HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {secret}"
        );
        let answer = crate::raw::plainly(place.web, &head, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.contains("\"stored\":1"), "{}", answer.body);
        counted.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_backup_of_a_region_at_work_comes_back_whole_on_either_engine() {
    let saved = Saved::save();
    let file = text(&saved.file);
    let same = empty();
    carry(&saved.place, &same);
    let said = must(&same, &["restore", file]);
    saved.is_whole_in(&same, &said);
    // What is sealed came back sealed: the restore says which key is missing, and nothing starts without it.
    assert!(said.contains("鍵") && said.contains("secrets.key"), "{said}");
    assert!(refused(same.program(&["serve"])).contains("鍵"));
    carry_all(&saved.place, &same, &["secrets.key"]);
    // The people of the lost region sign in to the new one and go on.
    let mut serving = same.serve();
    let mut operator = same.client();
    saved.town.operator.sign_in(&mut operator);
    assert_eq!(operator.get("/cases").expect("an answer").status, 200);
    assert!(serving.stop(), "it ends well");
    same.must_run(&["audit", "verify"]);

    let embedded = empty_embedded();
    carry(&saved.place, &embedded);
    let said = must(&embedded, &["restore", file]);
    saved.is_whole_in(&embedded, &said);
    // And from there to the engine under test: with a server, that is the way back.
    let onward = embedded.folder.path().join("onward.age");
    let rows = told_rows(&must(&embedded, &["backup", text(&onward)]));
    assert_eq!(rows, saved.rows + 1, "the epoch is one more row");
    let back = empty();
    carry(&embedded, &back);
    assert_eq!(told_rows(&must(&back, &["restore", text(&onward)])), rows);
    assert_eq!(readings(&back), readings(&embedded));
    let verified = back.must_run(&["audit", "verify"]);
    assert!(verified.contains("復元による期の区切り2件"), "{verified}");
}

// shows: 5.2.1 an epoch is signed and quotes a signed head
#[test]
fn an_older_backup_is_no_crime_and_what_is_cut_after_it_is_one() {
    let place = Place::new();
    Town::settle(&place, 9, 2, ago(Span::hours(3)));
    sign(&place);
    let file = place.folder.path().join("older.age");
    must(&place, &["backup", text(&file)]);
    let at_backup = rows(&place);
    let create = |place: &Place, login: &str| {
        place.must_run(&["admin", "create", "--login", login, "--name", "事務 太郎", "--kana", "ジム タロウ"]);
    };
    ["later1", "later2", "later3"].iter().for_each(|login| create(&place, login));
    sign(&place);
    let lost = rows(&place);
    assert!(lost > at_backup, "{lost} > {at_backup}");

    // The machine is gone; its heads and their key were kept elsewhere.
    let new = empty();
    carry(&place, &new);
    carry_all(&place, &new, &["secrets.key"]);
    let heads = new.operations_folder().join("audit-heads.jsonl");
    must(&new, &["restore", text(&file), "--heads", text(&heads)]);
    let quoted = new.look(|tx| Ok(audit::newest(tx, 1)?.remove(0).items));
    assert!(quoted.starts_with(&format!("{lost}:")), "the epoch quotes the last known head: {quoted}");
    new.must_run(&["audit", "verify", "--heads", text(&heads)]);

    // The new epoch is protected as the old one was, although its rows bear numbers that were given before.
    create(&new, "afterwards");
    sign(&new);
    let end = rows(&new);
    assert!((at_backup + 2..=lost).contains(&end), "the test wants fewer rows than there were: {end}");
    new.must_run(&["audit", "verify", "--heads", text(&heads)]);
    let cut = move |tx: &mut dyn db::Tx| tx.execute("DELETE FROM audit_row WHERE seq = $1", db::params![end]);
    new.tamper(cut);
    let said = refused(new.program(&["audit", "verify", "--heads", text(&heads)]));
    assert!(said.contains(&format!("{end}行目から後が切り取られています")), "{said}");
}

// shows: 5.2.1 an epoch that is not signed is a finding
#[test]
fn a_restore_without_the_key_waits_for_its_signature_and_says_so() {
    let place = Place::new();
    Town::settle(&place, 9, 2, ago(Span::hours(3)));
    sign(&place);
    let file = place.folder.path().join("region.age");
    must(&place, &["backup", text(&file)]);
    let public = place.must_run(&["audit", "key"]).trim().to_owned();
    let heads = place.operations_folder().join("audit-heads.jsonl");

    // Where only the public key is known, the region comes back and its epoch waits.
    let new = empty();
    let said = must(&new, &["restore", text(&file), "--heads", text(&heads), "--key", &public]);
    assert!(said.contains("署名を待っています") && said.contains("audit epoch --sign"), "{said}");
    let verify = ["audit", "verify", "--key", &public];
    let said = refused(new.program(&verify));
    assert!(said.contains("期の区切りに署名がありません"), "{said}");
    carry_all(&place, &new, &["secrets.key"]);
    let mut serving = new.serve();
    until("it says that nothing is signed", || serving.words().contains("署名の鍵"));
    assert!(serving.stop(), "and works");
    assert!(!new.operations_folder().join("audit-heads.key").exists(), "no other key is made");

    // With the key there, whoever looked signs it.
    std::fs::copy(place.operations_folder().join("audit-heads.key"), new.operations_folder().join("audit-heads.key"))
        .expect("the key is brought");
    let said = new.must_run(&["audit", "epoch"]);
    assert!(said.contains("署名を待っています") && said.contains("--sign"), "{said}");
    assert!(!new.run(&verify).status.success(), "looking signs nothing");
    let said = new.must_run(&["audit", "epoch", "--sign"]);
    assert!(said.contains("1件に署名しました"), "{said}");
    new.must_run(&verify);
    assert!(new.must_run(&["audit", "epoch"]).contains("ありません"), "nothing waits any more");
    // The copy from before the restore is the beginning of the file that goes on.
    new.must_run(&["audit", "verify", "--heads", text(&heads)]);
}

#[test]
fn what_is_damaged_cut_or_not_ours_is_refused_before_anything_is_touched() {
    let place = Place::new();
    Town::settle(&place, 9, 2, ago(Span::hours(3)));
    let file = place.folder.path().join("region.age");
    must(&place, &["backup", text(&file)]);
    let whole = std::fs::read(&file).expect("the backup");
    let length = whole.len();
    assert!(length > 10_000, "{length}");
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let new = empty_embedded();
    let bad = new.folder.path().join("bad.age");
    for (what, bytes) in [
        ("cut in the middle", whole[..length / 2].to_vec()),
        ("without its last byte", whole[..length - 1].to_vec()),
        ("a bit early on", flipped(600)),
        ("a bit in the middle", flipped(length / 2)),
        ("a bit at the end", flipped(length - 1)),
        ("empty", vec![]),
        ("a text", "対象者番号,氏名\n1,見本\n".as_bytes().to_vec()),
    ] {
        std::fs::write(&bad, bytes).expect("a bad file");
        let (well, said) = run(&new, &["restore", text(&bad)]);
        assert!(!well, "{what}");
        assert!(
            ["壊れている", "壊れています", "バックアップではありません"].iter().any(|w| said.contains(w)),
            "{what}: {said}"
        );
    }
    let with = |passphrase: &str| {
        let mut command = new.program(&["restore", text(&file)]);
        command.env("TSUNAGARI_PASSPHRASE", passphrase);
        refused(command)
    };
    assert!(with("めだかの学校は山の上にある").contains("合い言葉が違う"));
    assert!(with("みじかい").contains("12文字以上"));
    let mut without = new.program(&["restore", text(&file)]);
    without.env_remove("TSUNAGARI_PASSPHRASE");
    assert!(refused(without).contains("TSUNAGARI_PASSPHRASE"));
    assert!(!new.folder.path().join("region.db").exists(), "not even a database was made");

    // A region that holds anything is not written over.
    let before = rows(&place);
    let (well, said) = run(&place, &["restore", text(&file)]);
    assert!(!well && said.contains("何も変更していません"), "{said}");
    assert_eq!(rows(&place), before);
    // And after all that the whole file still comes back.
    must(&new, &["restore", text(&file)]);
}
