//! The keys under which the database holds what even its reader must not see: where they lie, how they come to be, and
//! how they are renewed.

use std::path::PathBuf;

use anyhow::{Context, bail};
use base::{Actor, Ctx, Purpose};
use db::{Db, DbError, KeySource, Sealed, seal};
use page::site::{new_request, random};

use crate::config::{BRIEFLY, Config};
use crate::say;

/// The keys' file: in the operations folder, or among what systemd hands to the service.
pub const FILE: &str = "secrets.key";
/// Everything that is sealed.
const SEALED: &[&[Sealed]] = &[signin::SEALED, response::SEALED];
/// Rows sealed anew in one command: a photo has up to 600 kB.
const ROWS: usize = 16;

/// Where a region's keys lie.
pub enum Place {
    /// Ours to make and to add to.
    File(PathBuf),
    /// Handed over by systemd for reading only.
    Credential(PathBuf),
}

impl Place {
    pub fn of(config: &Config) -> Place {
        if let Some(file) = &config.secrets.key {
            return Place::File(file.clone());
        }
        let handed = std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| PathBuf::from(folder).join(FILE));
        // One that is there and cannot be seen is no reason to make another beside it.
        match handed.filter(|file| file.try_exists().unwrap_or(true)) {
            Some(file) => Place::Credential(file),
            None => Place::File(config.operations.folder.join(FILE)),
        }
    }

    pub fn file(&self) -> &PathBuf {
        let (Place::File(file) | Place::Credential(file)) = self;
        file
    }

    pub fn source(&self) -> KeySource {
        KeySource::File { file: self.file().clone(), fresh: random() }
    }
}

/// Seals what is still plain, or stands under an older key; at once where nothing is. Before anybody is served, for
/// what is not sealed is not believed.
pub fn settle(db: &Db) -> Result<(), DbError> {
    if db.read_blocking(seal::is_settled)? {
        return Ok(());
    }
    for column in SEALED.iter().copied().flatten() {
        let mut after = vec![];
        while let Some(last) = db.write_blocking(move |tx| seal::renew(tx, column, &after, ROWS))? {
            after = last;
        }
    }
    db.write_blocking(seal::settle)
}

/// `secrets rotate`: a new key seals from now on, and everything under it anew.
pub fn rotate(config: &Config) -> anyhow::Result<()> {
    let file = match Place::of(config) {
        Place::File(file) => file,
        Place::Credential(file) => bail!(
            "{} は systemd から渡された資格情報で、書き足せません。systemd-creds decrypt で取り出したファイルを設定の [secrets] key に書いて実行し、終わったら systemd-creds encrypt で戻してください",
            file.display()
        ),
    };
    // Once with the keys as they are: only a database that they fit gets another one.
    settle(&config.open(BRIEFLY)?)?;
    seal::add_key(&file, random()).with_context(|| format!("{} に鍵を書き足せません", file.display()))?;
    let db = config.open(BRIEFLY)?;
    settle(&db)?;
    let ctx = Ctx::new(Actor::system("secrets rotate"), Purpose::Operation, crate::now(), new_request());
    db.write_blocking(move |tx| {
        audit::done(&ctx, tx, audit::Verb::RotateKeys, audit::Means::Program, "keys").map(drop)
    })?;
    say(&format!(
        "新しい鍵を {} に書き足し、すべてをその鍵で封じ直しました。\nこのファイルを、データベースとは別の場所に控え直してください。前の鍵は、これまでのバックアップを戻すときに要ります。",
        file.display()
    ))
}

/// The keys that a restored database needs and that are not here; nothing where all are.
pub fn missing(config: &Config, needed: &[String]) -> anyhow::Result<Vec<String>> {
    let file = Place::of(config).file().clone();
    if !file.exists() {
        return Ok(needed.to_vec());
    }
    let text = std::fs::read_to_string(&file).with_context(|| format!("{} を読めません", file.display()))?;
    Ok(db::Keys::parse(&text)?.missing(needed))
}
