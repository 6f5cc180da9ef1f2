//! What lies on the disk: for its owner only, and backups that the machine which makes them cannot open.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519::Identity;

use crate::doors::refused;
use crate::harness::{Place, Town, ago, until};

fn set(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its rights are set");
}

fn rights(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

// shows: 5.5.7 umask 077; files of the region that others may read are refused with what to type
#[test]
fn what_the_program_makes_is_its_owners_and_what_others_may_read_is_refused() {
    let place = Place::new();
    // Nothing above protects it; where the database is a server, the configuration may hold a password.
    set(&place.config(), 0o600);
    if !db::testing::on_postgres() {
        set(place.folder.path(), 0o755);
        let said = refused(place.program(&["serve"]));
        assert!(said.contains(&format!("chmod 700 '{}'", place.folder.path().display())), "{said}");
    }
    set(place.folder.path(), 0o711);
    let mut serving = place.serve();
    until("the first head is signed", || place.operations_folder().join("audit-heads.key").exists());
    let own = [place.config(), place.folder.path().join("serve.log")];
    let made: Vec<PathBuf> = files(place.folder.path()).into_iter().filter(|file| !own.contains(file)).collect();
    assert!(made.iter().any(|file| file.ends_with("audit-heads.key")), "{made:?}");
    for file in &made {
        assert_eq!(rights(file) & 0o077, 0, "{}", file.display());
    }
    assert_eq!(rights(&place.operations_folder()), 0o700);
    assert!(serving.stop());
    let key = place.operations_folder().join("audit-heads.key");
    set(&place.operations_folder(), 0o755);
    set(&key, 0o644);
    let before = std::fs::read(&key).expect("the key");
    let said = refused(place.program(&["serve"]));
    for wanted in [format!("chmod 600 '{}'", key.display()), "chmod 700".to_owned()] {
        assert!(said.contains(&wanted), "{said}");
    }
    assert_eq!(std::fs::read(&key).expect("the key"), before);
    set(&place.operations_folder(), 0o700);
    place.serve();
}

// shows: 5.5.9 backups to age recipients, so that a scheduled backup holds no key that opens it
#[test]
fn a_backup_for_recipients_needs_no_secret_and_opens_for_each_of_them() {
    let place = Place::bare();
    let [first, second, stranger] = [(); 3].map(|()| Identity::generate());
    let both = format!("[backup]\nrecipients = [\"{}\", \"{}\"]", first.to_public(), second.to_public());
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", &both);
    Town::settle(&place, 3, 1, ago(base::Span::hours(1)));
    let file = place.folder.path().join("region.age");
    let name = file.to_str().expect("a plain path");
    let written = place.program(&["backup", name]).env_remove("TSUNAGARI_PASSPHRASE").output().expect("it runs");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));

    let key = |identity: &Identity, name: &str| {
        let file = place.folder.path().join(name);
        let text = format!("# created for a test\n{}\n", identity.to_string().expose_secret());
        std::fs::write(&file, text).expect("the key is written");
        file.to_str().expect("a plain path").to_owned()
    };
    let restore = |place: &Place, identity: Option<&str>| {
        let mut command = place.program(&["restore", name]);
        command.env("TSUNAGARI_PASSPHRASE", "めだかの学校は川の中にある");
        identity.map(|file| command.args(["--identity", file]));
        command
    };
    let new = Place::new();
    assert!(refused(restore(&new, None)).contains("--identity"));
    assert!(refused(restore(&new, Some(&key(&stranger, "stranger.txt")))).contains("秘密鍵"));
    assert!(refused(restore(&new, Some(name))).contains("読めません") || !new.folder.path().join("region.db").exists());
    let well = restore(&new, Some(&key(&second, "second.txt"))).output().expect("it runs");
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stderr));
    let well = restore(&Place::new(), Some(&key(&first, "first.txt"))).output().expect("it runs");
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stderr));

    // A passphrase still does, and the two are not taken for each other.
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
    let older = std::fs::read(&file).expect("the first backup");
    let secret = || {
        let mut command = place.program(&["backup", name]);
        command.env("TSUNAGARI_PASSPHRASE", "めだかの学校は川の中にある");
        command
    };
    assert!(refused(secret()).contains("上書きはしません"));
    assert!(std::fs::read(&file).is_ok_and(|now| now == older), "an older backup stays as it was");
    std::fs::remove_file(&file).expect("the older one is taken away");
    let written = secret().output().expect("it runs");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert!(refused(restore(&Place::new(), Some(&key(&first, "first.txt")))).contains("合い言葉"));
}

// shows: 6.2.10 a database that was copied without its log, or emptied, is no new region (the field's F22)
#[test]
fn a_database_without_its_record_beside_signed_heads_is_not_begun_anew() {
    let place = Place::new();
    Town::settle(&place, 3, 1, ago(base::Span::hours(1)));
    crate::audit_chain::sign(&place);
    let heads = place.operations_folder().join("audit-heads.jsonl");
    assert!(std::fs::read_to_string(&heads).is_ok_and(|text| !text.is_empty()));
    if db::testing::on_postgres() {
        return;
    }
    let file = place.folder.path().join("region.db");
    let beside = |end: &str| place.folder.path().join(format!("region.db{end}"));
    // Whoever still has it open would write its log back into the file.
    until("everybody has closed the database", || !beside("-wal").exists());
    let whole = std::fs::read(&file).expect("the database");
    for emptied in [&whole[..0], &whole[..4096]] {
        ["-wal", "-shm"].iter().for_each(|end| drop(std::fs::remove_file(beside(end))));
        // The first page alone, as a copy is whose rest lies in the log.
        let mut page = emptied.to_vec();
        if let Some(pages) = page.get_mut(28..32) {
            pages.copy_from_slice(&1_u32.to_be_bytes());
            page[100..].fill(0);
            page[100] = 0x0d;
        }
        std::fs::write(&file, &page).expect("emptied");
        for command in [&["serve"][..], &["admin", "requests"]] {
            let words = refused(place.program(command));
            assert!(words.contains("データベースは空です"), "{words}");
        }
        assert_eq!(std::fs::read(&file).expect("it is there").len(), page.len(), "nothing was written into it");
    }
    ["-wal", "-shm"].iter().for_each(|end| drop(std::fs::remove_file(beside(end))));
    std::fs::write(&file, &whole).expect("put back");
    let mut serving = place.serve();
    assert!(serving.stop(), "with its record it serves");
}

/// What the table itself holds of somebody's second factor.
fn stored_seed(place: &Place, town: &Town) -> Vec<u8> {
    let id = town.operator.id;
    place.look(move |tx| tx.scalar("SELECT totp_secret FROM signin_account WHERE id = $1", db::params![id]))
}

/// Everything that could have changed: the rows of the audit and the marks.
fn state(place: &Place) -> (i64, Vec<(String, String)>) {
    place.look(|tx| {
        let marks = tx.query("SELECT name, value FROM db_mark ORDER BY name", &[])?;
        let marks = marks.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, db::DbError>>()?;
        Ok((tx.scalar("SELECT COUNT(*) FROM audit_row", &[])?, marks))
    })
}

// shows: 5.5.8 TOTP seeds sealed by a key outside the database, rotated by a command; wrong or missing key: nothing starts
#[test]
fn second_factors_are_sealed_and_open_only_with_the_key_beside_the_database() {
    let place = Place::new();
    let town = Town::settle(&place, 5, 1, ago(base::Span::hours(1)));
    let key = place.operations_folder().join("secrets.key");
    let first = std::fs::read_to_string(&key).expect("the key was made");
    let sealed = stored_seed(&place, &town);
    assert!(!sealed.windows(20).any(|part| part == town.operator.seed()));

    let said = place.must_run(&["secrets", "rotate"]);
    assert!(said.contains("secrets.key"), "{said}");
    let both = std::fs::read_to_string(&key).expect("the keys");
    assert!(both.starts_with(first.trim_end()) && both.len() > first.len());
    assert_eq!(rights(&key), 0o600);
    assert_ne!(stored_seed(&place, &town), sealed);

    let before = state(&place);
    for wrong in [None, Some(first.as_str()), Some("nothing")] {
        match wrong {
            Some(text) => std::fs::write(&key, text).expect("a wrong key"),
            None => std::fs::remove_file(&key).expect("no key"),
        }
        for command in [&["serve"][..], &["secrets", "rotate"]] {
            let said = refused(place.program(command));
            assert!(said.contains("鍵") && said.contains("何も変更していません"), "{said}");
        }
        assert_eq!(key.exists(), wrong.is_some(), "no new key is made");
    }
    assert_eq!(state(&place), before);

    std::fs::write(&key, both).expect("the keys are back");
    let _serving = place.serve();
    town.operator.sign_in(&mut place.client());
}

// shows: 5.5.8 the key as a credential that systemd hands over: opened by it, and rotated only as a file
#[test]
fn a_key_that_systemd_hands_over_opens_what_is_sealed_and_is_not_written_to() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let town = Town::settle(&place, 5, 1, ago(base::Span::hours(1)));
    let handed = place.folder.path().join("credentials");
    std::fs::create_dir(&handed).expect("a folder of credentials");
    let key = handed.join("secrets.key");
    std::fs::rename(place.operations_folder().join("secrets.key"), &key).expect("the key is handed over");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).expect("for reading only");
    let handed_over = |arguments: &[&str]| {
        let mut command = place.program(arguments);
        command.env("CREDENTIALS_DIRECTORY", &handed);
        command
    };
    let before = std::fs::read(&key).expect("the key");
    let said = refused(handed_over(&["secrets", "rotate"]));
    assert!(said.contains("systemd-creds decrypt"), "{said}");
    assert_eq!(std::fs::read(&key).expect("the key"), before);
    let _serving = place.serve_by(handed_over(&["serve"]));
    town.operator.sign_in(&mut place.client());
    assert!(!place.operations_folder().join("secrets.key").exists(), "no other key is made beside it");
}

// shows: 5.5.8 existing plain rows are sealed by a bulk step at start
#[test]
fn what_an_older_version_stored_plainly_is_sealed_before_anybody_is_served() {
    let place = Place::new();
    let town = Town::settle(&place, 5, 1, ago(base::Span::hours(1)));
    let (id, seed) = (town.operator.id, town.operator.seed());
    let db = place.open();
    let undone = db.write_blocking(move |tx| {
        tx.execute("UPDATE signin_account SET totp_secret = $2 WHERE id = $1", db::params![id, seed.to_vec()])?;
        tx.execute("DELETE FROM db_mark WHERE name LIKE 'seal.%'", &[])
    });
    undone.expect("as an older version left it");
    drop(db);
    let _serving = place.serve();
    assert_ne!(stored_seed(&place, &town), seed);
    town.operator.sign_in(&mut place.client());
}
