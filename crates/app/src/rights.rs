//! Who else on this machine may read what the region keeps: nobody. What the program makes is its own from the first
//! byte; what somebody else made too openly is refused, with what to type.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::bail;
use rustix::fs::Mode;

/// From here on every new file and folder is for its owner only.
pub fn keep_to_ourselves() {
    rustix::process::umask(Mode::from_raw_mode(0o077));
}

/// Refuses where anybody on this machine may read or change one of these. What is not there is no trouble.
pub fn require_private(files: &[PathBuf]) -> anyhow::Result<()> {
    let open: Vec<&PathBuf> = files.iter().filter(|file| others_may_enter(file)).collect();
    if open.is_empty() {
        return Ok(());
    }
    if let Some(folder) = open.iter().find(|folder| is_everybodys(folder)) {
        bail!(
            "{} はこの機械の全員が使うフォルダです。何も変更していません。専用のフォルダを作り(mkdir -m 700)、データベースと運用フォルダをそこに移して、設定の場所も書き直してください",
            folder.display()
        );
    }
    let commands: Vec<String> = open
        .iter()
        .map(|file| format!("chmod {} '{}'", if file.is_dir() { "700" } else { "600" }, file.display()))
        .collect();
    bail!(
        "この機械のほかの利用者にも読める(または書ける)状態です。何も変更していません。次を実行してから、もう一度起動してください:\n  {}",
        commands.join("\n  ")
    )
}

/// As `/tmp` is: who closes it to others stops the machine.
fn is_everybodys(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|data| data.is_dir() && data.permissions().mode() & 0o1002 == 0o1002)
}

/// By its own rights and those of every folder above it.
fn others_may_enter(file: &Path) -> bool {
    let Ok(file) = file.canonicalize() else { return false };
    let rights = |path: &Path| std::fs::metadata(path).map_or(0o777, |data| data.permissions().mode());
    rights(&file) & 0o006 != 0 && file.ancestors().skip(1).all(|folder| rights(folder) & 0o001 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    // shows: 5.5.7 files of the region that others may read are refused with what to type
    #[test]
    fn a_file_that_others_may_read_is_refused_with_what_to_type() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("region.db");
        std::fs::write(&file, "").unwrap();
        set(&file, 0o644);
        set(folder.path(), 0o700);
        let files = [file.clone(), folder.path().join("not there")];
        assert!(require_private(&files).is_ok(), "the folder above lets nobody in");
        set(folder.path(), 0o755);
        let said = require_private(&files).unwrap_err().to_string();
        assert!(said.contains(&format!("chmod 600 '{}'", file.display())) && !said.contains("not there"), "{said}");
        set(&file, 0o640);
        assert!(require_private(&files).is_ok(), "a group is the owner's choice");
        set(&file, 0o602);
        assert!(require_private(&files).is_err());
        let said = require_private(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(said.contains("chmod 700"), "{said}");
    }

    // shows: 5.5.7 a folder that everybody uses is no place for a region, and nobody is told to close it
    #[test]
    fn a_folder_of_everybody_is_refused_without_the_advice_to_close_it() {
        let folder = tempfile::tempdir().unwrap();
        let all = folder.path().join("tmp");
        std::fs::create_dir(&all).unwrap();
        set(&all, 0o1777);
        set(folder.path(), 0o755);
        let said = require_private(&[all]).unwrap_err().to_string();
        assert!(said.contains("mkdir -m 700") && !said.contains("chmod"), "{said}");
    }
}
