//! How a command comes to its database: by whom it may be begun, and what is said where it does not open.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use db::{Db, DbConfig, DbError, KeySource};

use super::Config;
use crate::secrets;

/// How long a command that somebody types waits for another one that is about to end.
pub const BRIEFLY: Duration = Duration::from_secs(3);

/// Opens as the one who writes and, where it is ours to bring forward, does so. Waits this long for another writer.
pub fn open(database: DbConfig, keys: KeySource, wait: Duration) -> anyhow::Result<Db> {
    if let Some(folder) = folder_of(&database).filter(|folder| !folder.try_exists().unwrap_or(true)) {
        bail!(
            "データベースを置くフォルダ {} がありません。何も変更していません。設定の [database] sqlite を確かめるか、フォルダを作ってください(mkdir -m 700)",
            folder.display()
        );
    }
    let place = database.clone();
    Db::open_within(wait, database, keys, web::MIGRATIONS).map_err(|error| unopened(&place, error))
}

/// Opens beside whoever writes, for reading. What is no region's is told at once, and not found empty.
pub fn open_for_reading(database: DbConfig) -> anyhow::Result<Db> {
    require_there(&database)?;
    let place = database.clone();
    let opened = Db::open_for_reading(database).and_then(|db| match db.read_blocking(|tx| audit::head(tx)) {
        Ok(_) => Ok(db),
        Err(DbError::Engine(cause)) => Err(DbError::Engine(format!("つながりの表がないか、読めません({cause})"))),
        Err(other) => Err(other),
    });
    opened.map_err(|error| unopened(&place, error))
}

fn unopened(database: &DbConfig, error: DbError) -> anyhow::Error {
    let advice = match (database, &error) {
        (DbConfig::Sqlite { .. }, DbError::Engine(_)) => {
            "。設定の [database] sqlite と、tsunagari を動かす利用者のものか、壊れていないかを確かめてください"
        }
        _ => "",
    };
    let place = database.shown();
    anyhow::Error::new(error).context(format!("データベース {place} を開けません。何も変更していません{advice}"))
}

/// The folder of an embedded database.
fn folder_of(database: &DbConfig) -> Option<&Path> {
    let DbConfig::Sqlite { file, .. } = database else { return None };
    file.parent().filter(|folder| !folder.as_os_str().is_empty())
}

/// Whoever wants to read or mend a region does not begin one where a name was mistyped. A server says so by itself.
pub fn require_there(database: &DbConfig) -> anyhow::Result<()> {
    match database {
        DbConfig::Sqlite { file, .. } if !file.try_exists().unwrap_or(true) => bail!(
            "データベース {} がありません。何も変更していません。設定の [database] sqlite を確かめてください(新しい地域を始めるのは admin create です)",
            file.display()
        ),
        _ => Ok(()),
    }
}

impl Config {
    /// The database as the one who writes to it.
    pub fn open(&self, wait: Duration) -> anyhow::Result<Db> {
        self.refuse_to_begin_anew()?;
        open(self.db()?, secrets::Place::of(self).source()?, wait)
    }

    /// The same of a region that must have begun already.
    pub fn open_begun(&self, wait: Duration) -> anyhow::Result<Db> {
        require_there(&self.db()?)?;
        self.open(wait)
    }

    /// Where a region's signed heads lie, its database is not empty: one that is was emptied, or copied without what lies
    /// beside it, and nobody in it would be watched. Looked at before anything is written into it. `restore` fills it.
    fn refuse_to_begin_anew(&self) -> anyhow::Result<()> {
        let folder = crate::heads::Folder::of(&self.operations.folder);
        if folder.lines()?.trim().is_empty() {
            return Ok(());
        }
        let rows = Db::open_for_reading(self.db()?).and_then(|db| db.read_blocking(|tx| Ok(audit::head(tx)?.0)));
        let empty = match rows {
            Ok(rows) => rows == 0,
            // Without the table of the record there is none; a server that cannot be reached says so when it is opened.
            Err(error) => self.database.sqlite.is_some() || matches!(error, DbError::Engine(_)),
        };
        if !empty {
            return Ok(());
        }
        let why = match self.database.sqlite {
            Some(_) => {
                "空にされたか、-wal と -shm を除いて写されています。何も変更していません。もとのファイルをすべてそろえるか"
            }
            None => {
                "空にされたか、接続先が違います。何も変更していません。[database] postgres を確かめるか、migrate のあと"
            }
        };
        bail!(
            "{} には署名した監査ヘッドの控えがありますが、データベースは空です。{why}、restore でバックアップを戻してください。新しい地域を始めるときは、[operations] folder に別のフォルダを指定してください",
            folder.heads.display()
        )
    }
}
