//! Puts the simulated disk beneath SQLite: files in the folder of a mounted disk live on that disk, all others where they
//! always do.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock};

use rusqlite::ffi;

use crate::disk::{Disk, Failure};

/// By the folder in which they are mounted.
static DISKS: Mutex<BTreeMap<String, Arc<Disk>>> = Mutex::new(BTreeMap::new());
/// Address of SQLite's own layer for this system.
static PLAIN: OnceLock<usize> = OnceLock::new();

/// A disk in its place. Open databases keep it after it was taken out.
pub struct Mounted {
    /// A real one: what the program itself lays beside the database (its lock) outlives no process, and no power cut.
    folder: tempfile::TempDir,
    pub disk: Arc<Disk>,
}

impl Mounted {
    pub fn new(disk: Disk) -> Mounted {
        PLAIN.get_or_init(register);
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Nothing here fills a disk, so that there is no need for the 64 MB of a real reserve.
        std::fs::write(folder.path().join("reserve"), "").expect("room");
        let disk = Arc::new(disk);
        let mounted = Mounted { folder, disk: disk.clone() };
        DISKS.lock().expect("never poisoned").insert(mounted.name(), disk);
        mounted
    }

    fn name(&self) -> String {
        self.folder.path().to_str().expect("a plain path").to_owned()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        DISKS.lock().expect("never poisoned").remove(&self.name());
    }
}

/// An open file as SQLite holds it; the engine reserves room for it and knows only its first field.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

struct Handle {
    disk: Arc<Disk>,
    id: u64,
}

/// Makes this layer the default of the process and gives the address of the plain one.
fn register() -> usize {
    // SAFETY: `sqlite3_vfs_find` gives the default layer, which lives as long as the process; the copy is leaked, so
    // it does too. The functions copied with it (path names, randomness, sleep, time) use nothing of the layer
    // they are called on but constants that were copied too.
    unsafe {
        let plain = ffi::sqlite3_vfs_find(ptr::null());
        assert!(!plain.is_null(), "SQLite has a default layer");
        let mut layer = *plain;
        layer.zName = c"power-cut".as_ptr();
        layer.pNext = ptr::null_mut();
        layer.szOsFile = layer.szOsFile.max(size_of::<OpenFile>() as c_int);
        layer.xOpen = Some(open);
        layer.xDelete = Some(delete);
        layer.xAccess = Some(access);
        assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 1), ffi::SQLITE_OK);
        plain as usize
    }
}

fn plain() -> *mut ffi::sqlite3_vfs {
    *PLAIN.get().expect("the layer is registered before it is used") as *mut ffi::sqlite3_vfs
}

/// The disk and the name on it, for a path of ours.
///
/// # Safety
/// `path` is null or a C string, as SQLite promises.
unsafe fn place(path: *const c_char) -> Option<(Arc<Disk>, String)> {
    if path.is_null() {
        return None;
    }
    // SAFETY: not null, so a C string that outlives this call.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?;
    let (folder, name) = path.rsplit_once('/')?;
    let disk = DISKS.lock().expect("never poisoned").get(folder)?.clone();
    Some((disk, name.to_owned()))
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes a null or valid path, room for `szOsFile` bytes at `file`, and null or valid `flags_out`;
    // a path that is not ours goes to the plain layer with its own address.
    unsafe {
        let Some((disk, name)) = place(path) else {
            let open = (*plain()).xOpen.expect("the plain layer opens files");
            return open(plain(), path, file, flags, flags_out);
        };
        (*file).pMethods = ptr::null();
        let syncs_folder = flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0;
        match disk.open(&name, flags & ffi::SQLITE_OPEN_CREATE != 0, syncs_folder) {
            Ok(id) => {
                let open = file.cast::<OpenFile>();
                (*open).handle = Box::into_raw(Box::new(Handle { disk, id }));
                (*open).base.pMethods = &METHODS;
                if !flags_out.is_null() {
                    *flags_out = flags;
                }
                ffi::SQLITE_OK
            }
            Err(_) => ffi::SQLITE_CANTOPEN,
        }
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, path: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: as in `open`.
    unsafe {
        match place(path) {
            Some((disk, name)) => match disk.delete(&name, sync_folder != 0) {
                Ok(()) => ffi::SQLITE_OK,
                Err(Failure::Missing) => ffi::SQLITE_IOERR_DELETE_NOENT,
                Err(_) => ffi::SQLITE_IOERR_DELETE,
            },
            None => (*plain()).xDelete.expect("the plain layer deletes")(plain(), path, sync_folder),
        }
    }
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, path: *const c_char, flags: c_int, answer: *mut c_int) -> c_int {
    // SAFETY: as in `open`; `answer` is valid.
    unsafe {
        match place(path) {
            Some((disk, name)) => {
                *answer = c_int::from(disk.exists(&name));
                ffi::SQLITE_OK
            }
            None => (*plain()).xAccess.expect("the plain layer looks")(plain(), path, flags, answer),
        }
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// # Safety
/// `file` was opened by `open` above and not closed since.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a Handle {
    // SAFETY: `open` wrote an `OpenFile` there, whose handle lives until `close`.
    unsafe { &*(*file.cast::<OpenFile>()).handle }
}

fn code(outcome: Result<(), Failure>, failed: c_int) -> c_int {
    match outcome {
        Ok(()) => ffi::SQLITE_OK,
        Err(Failure::Busy) => ffi::SQLITE_BUSY,
        Err(Failure::Dark | Failure::Missing) => failed,
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once; the box came from `open`.
    let handle = unsafe { Box::from_raw((*file.cast::<OpenFile>()).handle) };
    handle.disk.close(handle.id);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, into: *mut c_void, length: c_int, at: i64) -> c_int {
    // SAFETY: SQLite gives room for `length` bytes at `into`.
    let (handle, into) = unsafe { (handle(file), std::slice::from_raw_parts_mut(into.cast::<u8>(), length as usize)) };
    if handle.disk.read(handle.id, at as usize, into) < into.len() {
        return ffi::SQLITE_IOERR_SHORT_READ;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, length: c_int, at: i64) -> c_int {
    // SAFETY: SQLite gives `length` bytes at `from`.
    let (handle, bytes) = unsafe { (handle(file), std::slice::from_raw_parts(from.cast::<u8>(), length as usize)) };
    code(handle.disk.write(handle.id, at as usize, bytes), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: an open file of ours.
    let handle = unsafe { handle(file) };
    code(handle.disk.truncate(handle.id, length as usize), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let handle = unsafe { handle(file) };
    code(handle.disk.sync(handle.id), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: an open file of ours, and a valid place for the answer.
    unsafe {
        let handle = handle(file);
        *size = handle.disk.size(handle.id) as i64;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let handle = unsafe { handle(file) };
    code(handle.disk.raise(handle.id, level), ffi::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let handle = unsafe { handle(file) };
    handle.disk.lower(handle.id, level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, answer: *mut c_int) -> c_int {
    // SAFETY: an open file of ours, and a valid place for the answer.
    unsafe {
        let handle = handle(file);
        *answer = c_int::from(handle.disk.is_reserved(handle.id));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

/// What the plain layer says of every disk on this system: a write does not harm the bytes beside it.
unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    start: *mut *mut c_void,
) -> c_int {
    // SAFETY: an open file of ours, and a valid place for the answer.
    unsafe {
        let handle = handle(file);
        let mapped = handle.disk.map(handle.id, region as usize, bytes as usize, extend != 0);
        *start = mapped.map_or(ptr::null_mut(), |words| words.cast());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let handle = unsafe { handle(file) };
    let slots = ((1u32 << n) - 1) << offset;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        handle.disk.leave_slots(handle.id, slots);
        return ffi::SQLITE_OK;
    }
    let exclusively = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    code(handle.disk.take_slots(handle.id, slots, exclusively), ffi::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let handle = unsafe { handle(file) };
    handle.disk.unmap(handle.id);
    ffi::SQLITE_OK
}
