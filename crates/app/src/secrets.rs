//! The keys under which the database holds what even its reader must not see: where they lie, how they come to be, and
//! how they are renewed.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base::{Actor, Ctx, Purpose};
use db::{Db, DbError, KeySource, Sealed, seal};
use page::site::{new_request, random};

use crate::config::{BRIEFLY, Config};
use crate::say;
use crate::words::{BY_SYSTEMD, SECRETS as FILE};

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
        let handed = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Place::among(config.secrets.key.as_deref(), handed.as_deref(), &config.operations.folder)
    }

    /// By what the configuration names, the folder of credentials, and the operations folder.
    fn among(named: Option<&Path>, handed: Option<&Path>, operations: &Path) -> Place {
        let handed_over = |file: &Path| handed.is_some_and(|folder| file.starts_with(folder));
        let (own, credential) = (operations.join(FILE), handed.map(|folder| folder.join(FILE)));
        // One that is there and cannot be seen is no reason to make another beside it.
        let there = |file: &PathBuf| file.try_exists().unwrap_or(true);
        match (named, credential) {
            (Some(file), _) if handed_over(file) => Place::Credential(file.to_owned()),
            (Some(file), _) => Place::File(file.to_owned()),
            // Where systemd hands something over and no key lies anywhere, the unit was to hand it over.
            (None, Some(file)) if there(&file) || !there(&own) => Place::Credential(file),
            _ => Place::File(own),
        }
    }

    pub fn file(&self) -> &PathBuf {
        let (Place::File(file) | Place::Credential(file)) = self;
        file
    }

    /// A key is made where it is ours to make.
    pub fn source(&self) -> anyhow::Result<KeySource> {
        match self {
            Place::Credential(file) if !file.try_exists().unwrap_or(true) => bail!(
                "systemd の資格情報 {} がありません。新しい鍵は作らず、何も変更していません。ユニットの LoadCredentialEncrypted={FILE}:… を確かめてください。手で実行するコマンドは、{BY_SYSTEMD}。資格情報にしないときは、設定の [secrets] key に鍵のファイルの場所を書いてください",
                file.display()
            ),
            _ => Ok(KeySource::File { file: self.file().clone(), fresh: random() }),
        }
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
    settle(&config.open_begun(BRIEFLY)?)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    // shows: 5.5.8 a credential that was to be handed over and is missing is told, and no other key takes its place
    #[test]
    fn a_credential_that_is_missing_is_refused_and_a_key_beside_it_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let (handed, operations) = (folder.path().join("credentials"), folder.path().join("operations"));
        std::fs::create_dir(&handed).and_then(|()| std::fs::create_dir(&operations)).unwrap();
        let refused = |named: Option<&Path>| {
            let place = Place::among(named, Some(&handed), &operations);
            assert_eq!(place.file().parent(), Some(&*handed));
            place.source().err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(refused(None).contains("LoadCredentialEncrypted=secrets.key"), "{}", refused(None));
        assert!(refused(Some(&handed.join("other.key"))).contains("other.key"));
        let elsewhere = folder.path().join("region.key");
        let place = Place::among(Some(&elsewhere), Some(&handed), &operations);
        assert!(matches!(&place, Place::File(file) if *file == elsewhere), "a file that is named is made");
        assert!(place.source().is_ok() && Place::among(None, None, &operations).source().is_ok());
        std::fs::write(operations.join(FILE), "").unwrap();
        assert!(
            matches!(Place::among(None, Some(&handed), &operations), Place::File(_)),
            "the key that was made before"
        );
        std::fs::write(handed.join(FILE), "").unwrap();
        assert!(refused(None).is_empty());
    }
}
