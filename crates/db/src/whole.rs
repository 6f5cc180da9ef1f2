//! Files that are there whole or not at all. What is being written lies beside its place under a name of its own, which
//! says that it is unfinished; no two writers share one, and nobody else's file is touched.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// A file on its way to its place, for its owner only. Dropped before it is there, it is gone.
#[derive(Debug)]
pub struct Unfinished {
    out: File,
    lies: PathBuf,
    place: PathBuf,
}

impl Unfinished {
    /// `week.age` is written as `week.age.unfinished-4711-0`: the number of the process, and the first that is free.
    pub fn beside(place: &Path) -> io::Result<Unfinished> {
        let Some(name) = place.file_name() else { return Err(ErrorKind::IsADirectory.into()) };
        for n in 0.. {
            let mut own = name.to_owned();
            own.push(format!(".unfinished-{}-{n}", std::process::id()));
            let lies = place.with_file_name(own);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lies) {
                Ok(out) => return Ok(Unfinished { out, lies, place: place.to_owned() }),
                // Another thread's, or left by a process that was killed and had this number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// Puts the file in its place, where nothing may lie: [`ErrorKind::AlreadyExists`] where something does by now.
    pub fn keep(self) -> io::Result<()> {
        self.out.sync_all()?;
        match renameat_with(CWD, &self.lies, CWD, &self.place, RenameFlags::NOREPLACE) {
            // What knows no such renaming (NFS) knows links, which replace nothing either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => std::fs::hard_link(&self.lies, &self.place)?,
            moved => moved?,
        }
        self.settle()
    }

    /// Puts the file in its place, instead of what lies there.
    pub fn replace(self) -> io::Result<()> {
        self.out.sync_all()?;
        std::fs::rename(&self.lies, &self.place)?;
        self.settle()
    }

    /// The new name itself survives a power cut.
    fn settle(&self) -> io::Result<()> {
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
        match File::open(folder.unwrap_or(Path::new(".")))?.sync_all() {
            // Some network shares cannot do this for a folder.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
            done => done,
        }
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After a renaming there is none of this name any more.
        let _ = std::fs::remove_file(&self.lies);
    }
}

/// A small file whole, in the place of an older one.
pub fn replace(place: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = Unfinished::beside(place)?;
    file.write_all(content)?;
    file.replace()
}

/// A small file whole, where none may be yet.
pub fn create(place: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = Unfinished::beside(place)?;
    file.write_all(content)?;
    file.keep()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    // shows: 5.5.9 two files written at the same time do not spoil each other, and what lies there is not overwritten
    #[test]
    fn two_writers_of_one_name_do_not_share_a_file_and_the_second_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("week.part"), "an earlier file").unwrap();
        let begin = |name: &str, text: &str| {
            let mut file = Unfinished::beside(&at(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        };
        let (one, two, other) = (begin("week.age", "one"), begin("week.age", "two"), begin("week.old", "other"));
        assert_eq!(names(folder.path()).iter().filter(|name| name.contains(".unfinished-")).count(), 3);
        one.keep().unwrap();
        other.keep().unwrap();
        assert_eq!(two.keep().unwrap_err().kind(), ErrorKind::AlreadyExists);
        let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        assert_eq!([read("week.age"), read("week.old"), read("week.part")], ["one", "other", "an earlier file"]);
        replace(&at("week.age"), b"three").unwrap();
        assert_eq!(read("week.age"), "three");
        assert_eq!(names(folder.path()), ["week.age", "week.old", "week.part"]);
    }

    #[test]
    fn what_is_dropped_before_it_is_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("週の控え.age");
        let mut file = Unfinished::beside(&place).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(folder.path()).len(), 1);
        drop(file);
        std::fs::create_dir(&place).unwrap();
        assert!(replace(&place, b"a folder lies there").is_err());
        assert_eq!(names(folder.path()), ["週の控え.age"]);
        assert_eq!(Unfinished::beside(Path::new("/")).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(create(&folder.path().join("not/there"), b"").unwrap_err().kind(), ErrorKind::NotFound);
    }
}
