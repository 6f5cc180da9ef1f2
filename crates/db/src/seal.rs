//! Values that the database holds sealed: whoever has its file, or a backup of it, cannot read them.
//!
//! The keys lie outside the database, in a file with one key a line, the newest last; the newest seals, the older ones
//! still open. A sealed value is bound to its table, its column and its row, so that it opens nowhere else. Its nonce is
//! derived from key, place and value: a command that is run again writes the same bytes, and no randomness is needed
//! inside one. The database knows which keys it needs by their names only.

use std::path::{Path, PathBuf};

use base::{Redacted, hex, unhex};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use crate::{DbError, Engine, Tx, Value, marks, params, whole};

/// What every sealed value begins with; no seed has its length, and no JPEG its first byte.
const MAGIC: &[u8; 4] = b"TSS1";
const ID: usize = 8;
const NONCE: usize = 24;
/// The mark that names the keys under which values may stand.
const NEEDED: &str = "seal.keys";
/// The mark that names the key under which all values stand.
const SETTLED: &str = "seal.settled";
const SQLITE_MARKS: &str = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'db_mark'";
const POSTGRES_MARKS: &str =
    "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'db_mark'";

/// A column whose values are sealed. A capability lists its own.
#[derive(Clone, Copy, Debug)]
pub struct Sealed {
    pub table: &'static str,
    /// The column that names the row.
    pub id: &'static str,
    pub column: &'static str,
}

/// The name of a key: enough to know it by, nothing to find it by.
type KeyId = [u8; ID];

#[derive(Clone)]
struct Key(Redacted<[u8; 32]>);

/// The keys of a region; none where nothing is to be sealed or opened.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

/// Where the keys come from.
pub enum KeySource {
    /// For whoever only looks at the rest, and for a restore.
    None,
    /// For tests: the database does not note which it needs.
    Given(Keys),
    /// A file. Where it is not there and the database needs no key yet, it is made with this one.
    File { file: PathBuf, fresh: [u8; 32] },
}

impl Key {
    fn derived(&self, use_: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        let own: [&[u8]; 2] = [use_.as_bytes(), self.0.expose()];
        for part in own.iter().chain(parts) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn id(&self) -> KeyId {
        let mut id = [0; ID];
        id.copy_from_slice(&self.derived("tsunagari key name", &[])[..ID]);
        id
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.derived("tsunagari sealing", &[]).into())
    }

    fn seal(&self, place: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let nonce = &self.derived("tsunagari nonce", &[place, plain])[..NONCE];
        let payload = Payload { msg: plain, aad: place };
        let sealed = self.cipher().encrypt(XNonce::from_slice(nonce), payload).ok()?;
        Some([&MAGIC[..], &self.id(), nonce, &sealed].concat())
    }

    fn open(&self, place: &[u8], rest: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = rest.split_at_checked(NONCE)?;
        self.cipher().decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: place }).ok()
    }
}

impl Keys {
    /// One key a line in 64 hexadecimal digits, the newest last; lines that begin with `#` are for people.
    pub fn parse(text: &str) -> Result<Keys, DbError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Option<Vec<Key>> = lines.map(|line| unhex(line).map(|key| Key(Redacted::new(key)))).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Keys(keys)),
            _ => Err(DbError::KeyUnreadable),
        }
    }

    /// For tests and the simulated town.
    pub fn of_seed(seed: [u8; 32]) -> Keys {
        Keys(vec![Key(Redacted::new(seed))])
    }

    fn newest(&self) -> Result<&Key, DbError> {
        self.0.last().ok_or(DbError::KeyMissing(String::new()))
    }

    fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, DbError> {
        self.newest()?.seal(place, plain).ok_or(DbError::Sealed)
    }

    fn open(&self, place: &[u8], stored: &[u8]) -> Result<Vec<u8>, DbError> {
        let rest = stored.strip_prefix(MAGIC).and_then(|rest| rest.split_at_checked(ID));
        let (id, rest) = rest.ok_or(DbError::Sealed)?;
        let key = self.0.iter().find(|key| key.id() == id).ok_or_else(|| DbError::KeyMissing(hex(id)))?;
        key.open(place, rest).ok_or(DbError::Sealed)
    }

    /// The names of these that are not among ours.
    pub fn missing(&self, needed: &[String]) -> Vec<String> {
        let ours: Vec<String> = self.0.iter().map(|key| hex(&key.id())).collect();
        needed.iter().filter(|id| !ours.contains(id)).cloned().collect()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl Sealed {
    fn place(&self, row: &[u8]) -> Vec<u8> {
        [self.table.as_bytes(), b".", self.column.as_bytes(), b"\0", row].concat()
    }
}

impl dyn Tx + '_ {
    /// The value as it may be stored in this column of this row, and nowhere else.
    pub fn seal(&self, column: &Sealed, row: &[u8], plain: &[u8]) -> Result<Vec<u8>, DbError> {
        self.keys().seal(&column.place(row), plain)
    }

    /// What was sealed. [`DbError::Sealed`] for everything else, so that nobody plants a value of their own.
    pub fn unseal(&self, column: &Sealed, row: &[u8], stored: &[u8]) -> Result<Vec<u8>, DbError> {
        self.keys().open(&column.place(row), stored)
    }
}

/// The keys of this source, if they are what the database needs. Changes nothing where they are not.
pub(crate) fn keys_for(tx: &mut dyn Tx, source: KeySource) -> Result<Keys, DbError> {
    let keys = match source {
        KeySource::None => return Ok(Keys::default()),
        KeySource::Given(keys) => keys,
        KeySource::File { file, fresh } => match read(&file)? {
            Some(keys) => keys,
            None => match needed(tx)?.join(" ") {
                ids if ids.is_empty() => make(&file, fresh)?,
                ids => return Err(DbError::KeyMissing(ids)),
            },
        },
    };
    match keys.missing(&needed(tx)?) {
        missing if missing.is_empty() => Ok(keys),
        missing => Err(DbError::KeyMissing(missing.join(" "))),
    }
}

/// Notes that values may stand under the newest key from now on.
pub(crate) fn note(tx: &mut dyn Tx) -> Result<(), DbError> {
    let Ok(newest) = tx.keys().newest().map(|key| hex(&key.id())) else { return Ok(()) };
    let mut ids = needed(tx)?;
    if !ids.contains(&newest) {
        ids.push(newest);
        marks::set(tx, NEEDED, &ids.join(" "))?;
    }
    Ok(())
}

/// The names of the keys that this database needs.
pub fn needed(tx: &mut dyn Tx) -> Result<Vec<String>, DbError> {
    let there = match tx.engine() {
        Engine::Sqlite => SQLITE_MARKS,
        Engine::Postgres => POSTGRES_MARKS,
    };
    if tx.scalar::<i64>(there, &[])? == 0 {
        return Ok(vec![]);
    }
    let ids = marks::get(tx, NEEDED)?.unwrap_or_default();
    Ok(ids.split_whitespace().map(str::to_owned).collect())
}

/// Whether all values stand under the newest key.
pub fn is_settled(tx: &mut dyn Tx) -> Result<bool, DbError> {
    let newest = hex(&tx.keys().newest()?.id());
    Ok(marks::get(tx, SETTLED)? == Some(newest))
}

/// Notes that they do, after [`renew`] went through every column: no older key is needed any more.
pub fn settle(tx: &mut dyn Tx) -> Result<(), DbError> {
    let newest = hex(&tx.keys().newest()?.id());
    marks::set(tx, SETTLED, &newest)?;
    marks::set(tx, NEEDED, &newest)
}

/// Seals anew, under the newest key, what stands plain or under an older one, of some rows behind `after`. Gives the
/// last row looked at, or `None` at the end.
pub fn renew(tx: &mut dyn Tx, at: &Sealed, after: &[u8], rows: usize) -> Result<Option<Vec<u8>>, DbError> {
    let Sealed { table, id, column } = at;
    let newest = [&MAGIC[..], &tx.keys().newest()?.id()].concat();
    let list =
        format!("SELECT {id}, {column} FROM {table} WHERE {column} IS NOT NULL AND {id} > $1 ORDER BY {id} LIMIT $2");
    let mut last = None;
    for row in tx.query(&list, params![after, rows])? {
        let (name, stored): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        if !stored.starts_with(&newest) {
            let plain = if stored.starts_with(MAGIC) { tx.unseal(at, &name, &stored)? } else { stored };
            let sealed = tx.seal(at, &name, &plain)?;
            let set = format!("UPDATE {table} SET {column} = $2 WHERE {id} = $1");
            tx.execute(&set, &[Value::Blob(name.clone()), Value::Blob(sealed)])?;
        }
        last = Some(name);
    }
    Ok(last)
}

fn read(file: &Path) -> Result<Option<Keys>, DbError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Keys::parse(&text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        // Bytes that are no text are a file, and none of keys.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(DbError::KeyUnreadable),
        Err(_) => Err(DbError::KeyClosed(file.display().to_string())),
    }
}

fn make(file: &Path, fresh: [u8; 32]) -> Result<Keys, DbError> {
    let text = format!(
        "# つながりの封印の鍵です。データベースやそのバックアップとは別の場所に控えてください。\n\
         # 失うと、認証アプリの登録と訪問の写真は二度と読めません。\n{}\n",
        hex(&fresh)
    );
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(unwritten(file))?;
    }
    // A key that another process has just made is not replaced: what it seals would never open again.
    whole::create(file, text.as_bytes()).map_err(unwritten(file))?;
    Keys::parse(&text)
}

/// Adds a newer key to the file; from the next opening on it seals.
pub fn add_key(file: &Path, fresh: [u8; 32]) -> Result<(), DbError> {
    let text = std::fs::read_to_string(file).map_err(|_| DbError::KeyClosed(file.display().to_string()))?;
    Keys::parse(&text)?;
    let longer = format!("{}\n{}\n", text.trim_end(), hex(&fresh));
    whole::replace(file, longer.as_bytes()).map_err(unwritten(file))
}

fn unwritten(file: &Path) -> impl Fn(std::io::Error) -> DbError {
    move |e| DbError::Engine(format!("鍵のファイル {} を書けません({e})", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Db, DbConfig, Migration, testing};

    const SEED: Sealed = Sealed { table: "thing", id: "id", column: "seed" };
    const OTHER: Sealed = Sealed { table: "thing", id: "id", column: "photo" };
    const THINGS: &[Migration] =
        &[Migration { name: "test/things", sql: "CREATE TABLE thing (id BYTEA PRIMARY KEY, seed BYTEA)" }];

    fn read(tx: &mut dyn Tx, row: &[u8]) -> Result<Vec<u8>, DbError> {
        tx.scalar("SELECT seed FROM thing WHERE id = $1", params![row])
    }

    // shows: 5.5.8 TOTP seeds and photos are sealed, with associated data naming row and column
    #[test]
    fn a_sealed_value_opens_in_its_own_row_and_column_only() {
        let region = testing::fresh(&[THINGS]);
        let checked = region.db.write_blocking(|tx| {
            let sealed = tx.seal(&SEED, b"row one", b"the seed")?;
            assert!(!sealed.windows(4).any(|part| part == b"seed"));
            assert_eq!(tx.seal(&SEED, b"row one", b"the seed")?, sealed, "a command run again writes the same");
            assert_eq!(tx.unseal(&SEED, b"row one", &sealed)?, b"the seed");
            assert!(matches!(tx.unseal(&SEED, b"row two", &sealed), Err(DbError::Sealed)));
            assert!(matches!(tx.unseal(&OTHER, b"row one", &sealed), Err(DbError::Sealed)));
            assert!(matches!(tx.unseal(&SEED, b"row one", b"the seed"), Err(DbError::Sealed)), "a planted one");
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert!(tx.unseal(&SEED, b"row one", &changed).is_err(), "byte {at}");
                assert!(tx.unseal(&SEED, b"row one", &sealed[..at]).is_err(), "cut at {at}");
            }
            Ok::<_, DbError>(())
        });
        checked.unwrap();
    }

    // shows: 5.5.8 rotated by a command: several keys by id, newest seals, older open; existing plain rows are sealed
    #[test]
    fn a_newer_key_seals_anew_what_was_plain_or_under_an_older_one() {
        let region = testing::fresh(&[THINGS]);
        let keys = |text: &str| Keys::parse(text).unwrap();
        let (first, second) = (hex(&[1; 32]), hex(&[2; 32]));
        let old = keys(&first).seal(&SEED.place(b"b"), b"old").unwrap();
        let both = std::sync::Arc::new(keys(&format!("# a note\n{first}\n\n{second}\n")));
        assert_eq!(both.open(&SEED.place(b"b"), &old).unwrap(), b"old");
        assert!(matches!(keys(&second).open(&SEED.place(b"b"), &old), Err(DbError::KeyMissing(_))));
        drop(region);

        let (config, lies_in) = testing::prepared_config(&[THINGS]).unwrap();
        let db = Db::open_within(crate::PREDECESSOR, config, KeySource::Given((*both).clone()), &[THINGS]).unwrap();
        let rows = db.write_blocking(move |tx| {
            for (row, value) in [(b"a", b"plain".to_vec()), (b"b", old.clone()), (b"c", b"more".to_vec())] {
                tx.execute("INSERT INTO thing (id, seed) VALUES ($1, $2)", params![row.to_vec(), value])?;
            }
            tx.execute("INSERT INTO thing (id) VALUES ($1)", params![b"none".to_vec()])?;
            assert!(!is_settled(tx)?);
            let mut after = vec![];
            while let Some(last) = renew(tx, &SEED, &after, 2)? {
                after = last;
            }
            settle(tx)?;
            assert!(is_settled(tx)?);
            [&b"a"[..], b"b", b"c"].map(|row| read(tx, row)).into_iter().collect::<Result<Vec<_>, _>>()
        });
        let rows = rows.unwrap();
        for (row, (stored, plain)) in [b"a", b"b", b"c"].iter().zip(rows.iter().zip([&b"plain"[..], b"old", b"more"])) {
            assert_eq!(keys(&second).open(&SEED.place(*row), stored).unwrap(), plain);
        }
        clear(lies_in);
    }

    // shows: 5.5.8 a database started with a wrong or missing key says so before it serves and changes nothing
    #[test]
    fn a_database_opens_with_its_own_key_only_and_no_new_one_is_made_beside_it() {
        let (config, lies_in) = testing::fresh_config().unwrap();
        let config = testing::owned(&config);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys/secrets.key");
        let open = |config: &DbConfig, fresh: [u8; 32], migrations: &[&[Migration]]| {
            let keys = KeySource::File { file: file.clone(), fresh };
            Db::open_within(crate::PREDECESSOR, config.clone(), keys, migrations).map(drop)
        };
        open(&config, [7; 32], &[]).unwrap();
        let made = std::fs::read_to_string(&file).unwrap();
        assert!(made.contains(&hex(&[7; 32])));
        open(&config, [8; 32], &[]).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), made, "it is made once");

        std::fs::remove_file(&file).unwrap();
        assert!(matches!(open(&config, [8; 32], &[THINGS]), Err(DbError::KeyMissing(_))));
        assert!(!file.exists());
        std::fs::write(&file, hex(&[8; 32])).unwrap();
        assert!(matches!(open(&config, [8; 32], &[THINGS]), Err(DbError::KeyMissing(_))));
        std::fs::write(&file, "no key").unwrap();
        assert!(matches!(open(&config, [8; 32], &[THINGS]), Err(DbError::KeyUnreadable)));
        // The superuser may read every file; a folder in its place is one that nobody can.
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(matches!(open(&config, [8; 32], &[THINGS]), Err(DbError::KeyClosed(_))));
        std::fs::remove_dir(&file).unwrap();
        let db = Db::open_for_reading(config.clone()).unwrap();
        let changed = db.read_blocking(|tx| tx.query("SELECT name FROM migration WHERE name = 'test/things'", &[]));
        assert!(changed.unwrap().is_empty(), "nothing was brought forward");
        drop(db);
        std::fs::write(&file, made).unwrap();
        add_key(&file, [9; 32]).unwrap();
        open(&config, [8; 32], &[THINGS]).unwrap();
        clear(lies_in);
    }

    fn clear(folder: Option<PathBuf>) {
        if let Some(folder) = folder {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}
