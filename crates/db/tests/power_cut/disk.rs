//! A disk that remembers what was synced and what was not. At a simulated power cut it stops, and says what a real
//! disk might hold afterwards.
//!
//! Each file has a content as the running program sees it and one as of its last sync, with the changes in between.
//! The folder has both too: a name is sure after the folder was synced, which SQLite does together with the first sync
//! of a new journal or WAL. It knows nothing of SQLite; `vfs.rs` speaks to that.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What survives of a change that was not synced is decided in pieces of this many bytes, aligned as on the disk.
const SECTOR: usize = 512;

/// Why an operation was not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The power is gone.
    Dark,
    Missing,
    Busy,
}

/// What becomes of that which was not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsynced {
    /// All of it is gone.
    Gone,
    /// The oldest changes of each file arrived, the rest is gone.
    Prefix,
    /// A random subset of sectors arrived, in any order, some torn; and a random subset of the folder's changes.
    Scattered,
}

/// Files by name, as found after the power is back.
pub type Image = BTreeMap<String, Vec<u8>>;

pub struct Disk {
    state: Mutex<State>,
    closed: Condvar,
}

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    kept_names: BTreeMap<String, usize>,
    handles: BTreeMap<u64, Handle>,
    opened: u64,
    operations: u64,
    syncs: u64,
    cut_at: Option<u64>,
    dark: bool,
}

#[derive(Default)]
struct File {
    now: Vec<u8>,
    kept: Vec<u8>,
    pending: Vec<Change>,
    /// Shared memory of the connections; it never reaches the disk.
    regions: Vec<Vec<u64>>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

struct Handle {
    file: usize,
    /// Its first sync is to make the folder's names sure too.
    syncs_folder: bool,
    /// 0 none, 1 shared, 2 reserved, 3 pending, 4 exclusive: the levels of SQLite's file lock.
    level: i32,
    maps: bool,
    shared: u32,
    exclusive: u32,
}

impl Disk {
    /// A disk that holds these files, all of them synced, and whose power goes at the `cut_at`-th operation that would
    /// change it (counted from 1).
    pub fn holding(files: &Image, cut_at: Option<u64>) -> Disk {
        let file = |content: &Vec<u8>| File { now: content.clone(), kept: content.clone(), ..File::default() };
        let names: BTreeMap<String, usize> = files.keys().cloned().zip(0..).collect();
        let (files, kept_names) = (files.values().map(file).collect(), names.clone());
        Disk {
            state: Mutex::new(State { files, names, kept_names, cut_at, ..State::default() }),
            closed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no operation of the disk panics")
    }

    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    pub fn is_dark(&self) -> bool {
        self.lock().dark
    }

    pub fn cut(&self) {
        self.lock().dark = true;
    }

    /// Waits until every file was closed.
    pub fn wait_until_closed(&self) {
        let state = self.lock();
        drop(self.closed.wait_while(state, |state| !state.handles.is_empty()).expect("no operation panics"));
    }

    /// What is found on the disk when the power is back.
    pub fn image(&self, fate: Unsynced, random: &mut ChaCha8Rng) -> Image {
        let state = self.lock();
        let mut names = state.kept_names.clone();
        if fate == Unsynced::Scattered {
            let touched: Vec<&String> = state.names.keys().chain(state.kept_names.keys()).collect();
            for name in touched.into_iter().filter(|_| random.random()) {
                match state.names.get(name) {
                    Some(file) => names.insert(name.clone(), *file),
                    None => names.remove(name),
                };
            }
        }
        names.into_iter().map(|(name, file)| (name, state.files[file].after_cut(fate, random))).collect()
    }
}

/// What files are asked by the engine.
impl Disk {
    pub fn open(&self, name: &str, create: bool, syncs_folder: bool) -> Result<u64, Failure> {
        let mut state = self.lock();
        let known = state.names.get(name).copied();
        let file = match known {
            Some(file) => file,
            None if !create => return Err(Failure::Missing),
            None => {
                state.changes()?;
                state.files.push(File::default());
                let file = state.files.len() - 1;
                state.names.insert(name.to_owned(), file);
                file
            }
        };
        state.opened += 1;
        let id = state.opened;
        let syncs_folder = syncs_folder && known.is_none();
        state.handles.insert(id, Handle { file, syncs_folder, level: 0, maps: false, shared: 0, exclusive: 0 });
        Ok(id)
    }

    pub fn close(&self, id: u64) {
        let mut state = self.lock();
        state.unmap(id);
        state.handles.remove(&id);
        if state.handles.is_empty() {
            self.closed.notify_all();
        }
    }

    pub fn delete(&self, name: &str, sync_folder: bool) -> Result<(), Failure> {
        let mut state = self.lock();
        if !state.names.contains_key(name) {
            return Err(Failure::Missing);
        }
        state.changes()?;
        state.names.remove(name);
        if sync_folder {
            state.changes()?;
            state.kept_names = state.names.clone();
        }
        Ok(())
    }

    /// Whether a file of that name with something in it is there.
    pub fn exists(&self, name: &str) -> bool {
        let state = self.lock();
        state.names.get(name).is_some_and(|file| !state.files[*file].now.is_empty())
    }

    pub fn size(&self, id: u64) -> usize {
        let mut state = self.lock();
        state.file(id).now.len()
    }

    /// Fills `into` from the file, with zeros beyond its end; gives how many bytes there were.
    pub fn read(&self, id: u64, at: usize, into: &mut [u8]) -> usize {
        let mut state = self.lock();
        let rest = state.file(id).now.get(at..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        into[length..].fill(0);
        length
    }

    pub fn write(&self, id: u64, at: usize, bytes: &[u8]) -> Result<(), Failure> {
        let mut state = self.lock();
        let lit = state.changes();
        if lit.is_ok() || state.cut_at == Some(state.operations) {
            // The write during which the power went may still arrive in parts.
            let change = Change::Write { at, bytes: bytes.to_vec() };
            let file = state.file(id);
            change.apply(&mut file.now);
            file.pending.push(change);
        }
        lit
    }

    pub fn truncate(&self, id: u64, length: usize) -> Result<(), Failure> {
        let mut state = self.lock();
        state.changes()?;
        let file = state.file(id);
        Change::Truncate(length).apply(&mut file.now);
        file.pending.push(Change::Truncate(length));
        Ok(())
    }

    pub fn sync(&self, id: u64) -> Result<(), Failure> {
        let mut state = self.lock();
        state.changes()?;
        state.syncs += 1;
        let file = state.file(id);
        for change in std::mem::take(&mut file.pending) {
            change.apply(&mut file.kept);
        }
        let Some(handle) = state.handles.get_mut(&id) else { return Ok(()) };
        if std::mem::take(&mut handle.syncs_folder) {
            state.changes()?;
            state.kept_names = state.names.clone();
        }
        Ok(())
    }
}

/// Locks and shared memory, between connections of this process.
impl Disk {
    pub fn raise(&self, id: u64, level: i32) -> Result<(), Failure> {
        let mut state = self.lock();
        let others: Vec<i32> = state.others(id).map(|handle| handle.level).collect();
        let handle = state.handles.get_mut(&id).ok_or(Failure::Missing)?;
        if handle.level >= level {
            return Ok(());
        }
        let barrier = if level == 1 { 3 } else { 2 };
        if others.iter().any(|other| *other >= barrier) {
            return Err(Failure::Busy);
        }
        if level == 4 && others.iter().any(|other| *other >= 1) {
            handle.level = 3;
            return Err(Failure::Busy);
        }
        handle.level = level;
        Ok(())
    }

    pub fn lower(&self, id: u64, level: i32) {
        if let Some(handle) = self.lock().handles.get_mut(&id) {
            handle.level = handle.level.min(level);
        }
    }

    pub fn is_reserved(&self, id: u64) -> bool {
        let state = self.lock();
        state.others(id).chain(state.handles.get(&id)).any(|handle| handle.level >= 2)
    }

    /// The start of a region of shared memory of `bytes` bytes, which stays where it is until all have let go.
    pub fn map(&self, id: u64, region: usize, bytes: usize, extend: bool) -> Option<*mut u64> {
        let mut state = self.lock();
        state.handles.get_mut(&id)?.maps = true;
        let regions = &mut state.file(id).regions;
        while extend && regions.len() <= region {
            regions.push(vec![0; bytes / 8]);
        }
        regions.get_mut(region).map(Vec::as_mut_ptr)
    }

    pub fn unmap(&self, id: u64) {
        self.lock().unmap(id);
    }

    pub fn take_slots(&self, id: u64, slots: u32, exclusively: bool) -> Result<(), Failure> {
        let mut state = self.lock();
        let taken = state
            .others(id)
            .fold(0, |taken, other| taken | other.exclusive | if exclusively { other.shared } else { 0 });
        if taken & slots != 0 {
            return Err(Failure::Busy);
        }
        let handle = state.handles.get_mut(&id).ok_or(Failure::Missing)?;
        let held = if exclusively { &mut handle.exclusive } else { &mut handle.shared };
        *held |= slots;
        Ok(())
    }

    pub fn leave_slots(&self, id: u64, slots: u32) {
        if let Some(handle) = self.lock().handles.get_mut(&id) {
            handle.shared &= !slots;
            handle.exclusive &= !slots;
        }
    }
}

impl State {
    /// Counts one change of the disk; none happens from the cut on.
    fn changes(&mut self) -> Result<(), Failure> {
        if self.dark {
            // Later operations are not counted, but no later write is taken for the one of the cut either.
            self.operations = u64::MAX;
            return Err(Failure::Dark);
        }
        self.operations += 1;
        self.dark = self.cut_at == Some(self.operations);
        if self.dark { Err(Failure::Dark) } else { Ok(()) }
    }

    fn file(&mut self, id: u64) -> &mut File {
        &mut self.files[self.handles[&id].file]
    }

    /// The other open handles of the same file.
    fn others(&self, id: u64) -> impl Iterator<Item = &Handle> {
        let file = self.handles[&id].file;
        self.handles
            .iter()
            .filter(move |(other, handle)| **other != id && handle.file == file)
            .map(|(_, handle)| handle)
    }

    fn unmap(&mut self, id: u64) {
        let Some(handle) = self.handles.get_mut(&id) else { return };
        (handle.maps, handle.shared, handle.exclusive) = (false, 0, 0);
        if !self.others(id).any(|other| other.maps) {
            self.file(id).regions.clear();
        }
    }
}

impl File {
    fn after_cut(&self, fate: Unsynced, random: &mut ChaCha8Rng) -> Vec<u8> {
        let mut content = self.kept.clone();
        let arrived = match fate {
            Unsynced::Gone => 0,
            Unsynced::Prefix => random.random_range(0..=self.pending.len()),
            Unsynced::Scattered => self.pending.len(),
        };
        for change in &self.pending[..arrived] {
            match change {
                Change::Write { at, bytes } if fate == Unsynced::Scattered => {
                    scatter(&mut content, *at, bytes, random);
                }
                Change::Truncate(_) if fate == Unsynced::Scattered && random.random() => {}
                change => change.apply(&mut content),
            }
        }
        content
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write { at, bytes } => overlay(content, *at, bytes),
            Change::Truncate(length) => content.truncate(*length),
        }
    }
}

fn overlay(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Lets each sector of a write arrive or not; one in eight that arrives is torn within.
fn scatter(content: &mut Vec<u8>, at: usize, bytes: &[u8], random: &mut ChaCha8Rng) {
    let mut from = 0;
    while from < bytes.len() {
        let to = (from + SECTOR - (at + from) % SECTOR).min(bytes.len());
        if random.random() {
            let torn = random.random_ratio(1, 8);
            let end = if torn { random.random_range(from..=to) } else { to };
            overlay(content, at + from, &bytes[from..end]);
        }
        from = to;
    }
}
