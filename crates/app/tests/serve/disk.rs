//! What lies on the disk: for its owner only, and backups that the machine which makes them cannot open.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519::Identity;

use crate::doors::refused;
use crate::harness::{Place, Town, ago};

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

// shows: 5.3 umask 077; files of the region that others may read are refused with what to type
#[test]
fn what_the_program_makes_is_its_owners_and_what_others_may_read_is_refused() {
    let place = Place::new();
    // Nothing above protects it.
    set(place.folder.path(), 0o755);
    let mut serving = place.serve();
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

// shows: 5.3 backups to age recipients, so that a scheduled backup holds no key that opens it
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
    let mut secret = place.program(&["backup", name]);
    let written = secret.env("TSUNAGARI_PASSPHRASE", "めだかの学校は川の中にある").output().expect("it runs");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert!(refused(restore(&Place::new(), Some(&key(&first, "first.txt")))).contains("合い言葉"));
}
