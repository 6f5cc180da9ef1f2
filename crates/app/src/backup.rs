//! Backup and restore: the database as checked text lines, packed and encrypted with age, by a passphrase or for
//! recipients whose keys lie elsewhere. A file is read through to its end before a restore touches anything.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::x25519::{Identity, Recipient};
use anyhow::{Context, bail};
use base::{Actor, Ctx, Instant, Purpose, RequestId};
use db::whole::Unfinished;
use db::{DbConfig, KeySource, dump, seal};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Whom a backup is closed for.
pub enum Closing {
    Passphrase(SecretString),
    /// At least one; each opens it alone.
    Recipients(Vec<Recipient>),
}

/// What opens one.
pub enum Opening {
    Passphrase(SecretString),
    Identities(Vec<Identity>),
}

/// age recipients as the configuration or the command line names them.
pub fn recipients(texts: &[String]) -> anyhow::Result<Vec<Recipient>> {
    let parsed = |text: &String| text.trim().parse();
    texts
        .iter()
        .map(|text| parsed(text).map_err(|_| anyhow::anyhow!("「{text}」は age の公開鍵(age1…)ではありません")))
        .collect()
}

/// The identities of a file as `age-keygen` writes it.
pub fn identities(file: &Path) -> anyhow::Result<Vec<Identity>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} を読めません", file.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let found: Result<Vec<Identity>, _> = lines.map(str::parse).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => bail!("{} は age の秘密鍵のファイル(AGE-SECRET-KEY-1…)ではありません", file.display()),
    }
}

/// Writes a consistent copy while the region goes on working; never over an older one. Gives the number of rows.
pub fn backup(config: DbConfig, file: &Path, closing: Closing) -> anyhow::Result<u64> {
    let taken = || anyhow::anyhow!("{} はすでにあります。上書きはしません。別の名前を指定してください", file.display());
    let unwritten = || format!("バックアップ {} を書けません", file.display());
    if file.is_dir() {
        bail!("{} はフォルダです。バックアップのファイルの名前まで指定してください", file.display());
    }
    if file.exists() {
        return Err(taken());
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        bail!("フォルダ {} がありません。作ってから、もう一度実行してください", folder.display());
    }
    let db = crate::config::open_for_reading(config)?;
    let out = Unfinished::beside(file).with_context(unwritten)?;
    let (out, rows) = db.read_blocking(move |tx| write_encrypted(tx, out, closing)).with_context(unwritten)?;
    match out.keep() {
        // Another one was finished meanwhile under this name.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(taken()),
        kept => kept.map(|()| rows).with_context(unwritten),
    }
}

fn write_encrypted(tx: &mut dyn db::Tx, mut out: Unfinished, closing: Closing) -> anyhow::Result<(Unfinished, u64)> {
    let encryptor = match &closing {
        Closing::Passphrase(passphrase) => age::Encryptor::with_user_passphrase(passphrase.clone()),
        Closing::Recipients(all) => age::Encryptor::with_recipients(all.iter().map(|r| r as &dyn age::Recipient))?,
    };
    let encrypted = encryptor.wrap_output(&mut out)?;
    let mut packed = GzEncoder::new(encrypted, flate2::Compression::default());
    let rows = dump::write(tx, &mut packed)?;
    packed.finish()?.finish()?;
    Ok((out, rows))
}

/// What a restore found and did.
pub struct Restored {
    pub rows: u64,
    pub audit_rows: i64,
    /// The new epoch and those before it that nobody signed; why they are no moment of the known past, if so.
    pub waiting: audit::Waiting,
    /// Whether the file of heads holds what the backup remembers of it.
    pub fits: bool,
    /// The names of the keys that open what is sealed in it.
    pub keys: Vec<String>,
}

/// Loads a backup into an empty database, verifies the audit chains, and begins an epoch that quotes the last head
/// known from outside: all in one transaction, so that a restore that fails leaves the database as empty as it was.
/// Refuses a damaged or cut file, or a database that holds anything, before touching it. The epoch is not signed yet.
pub fn restore(
    config: DbConfig,
    file: &Path,
    opening: Opening,
    known: Vec<audit::Statement>,
    now: Instant,
    request: RequestId,
) -> anyhow::Result<Restored> {
    let mut lines = open_encrypted(file, &opening)?;
    let wanted = dump::check(&mut lines).with_context(|| {
        format!("バックアップ {} が壊れているか、途中で切れています。何も変更していません", file.display())
    })?;
    // What is sealed stays so: its keys are asked for when the region is served again.
    let db = crate::config::open(config, KeySource::None, crate::config::BRIEFLY)?;
    let path = file.to_owned();
    let done = db.write_blocking(move |tx| -> anyhow::Result<Restored> {
        let rows = open_encrypted(&path, &opening).and_then(|mut lines| Ok(dump::load(tx, &mut lines)?))?;
        if rows != wanted {
            bail!("{wanted}行のうち{rows}行しか入りませんでした");
        }
        let audit_rows = audit::verify(tx, &[])?.rows;
        let ctx = Ctx::new(Actor::system("restore"), Purpose::Operation, now, request);
        audit::begin_epoch(&ctx, tx, &known)?;
        let broken = |finding| anyhow::anyhow!("監査記録の鎖が切れています: {}", crate::heads::words(finding));
        let waiting = audit::waiting(tx, &known)?.map_err(broken)?;
        let fits = audit::fits(audit::signed(tx)?, &known);
        Ok(Restored { rows, audit_rows, waiting, fits, keys: seal::needed(tx)? })
    });
    done.context("復元できませんでした。何も変更していません")
}

fn open_encrypted(file: &Path, opening: &Opening) -> anyhow::Result<BufReader<GzDecoder<Box<dyn Read>>>> {
    let unread = || format!("バックアップ {} を開けません", file.display());
    let input = File::open(file).with_context(unread)?;
    if input.metadata().with_context(unread)?.is_dir() {
        bail!("{} はフォルダです。バックアップのファイルを指定してください", file.display());
    }
    let decryptor = age::Decryptor::new_buffered(BufReader::new(input))
        .with_context(|| format!("{} はつながりのバックアップではありません", file.display()))?;
    let plain = match opening {
        Opening::Passphrase(_) if !decryptor.is_scrypt() => {
            bail!("公開鍵あてのバックアップです。--identity で age の秘密鍵のファイルを示してください")
        }
        Opening::Identities(_) if decryptor.is_scrypt() => {
            bail!("合い言葉のバックアップです。--identity を省き、TSUNAGARI_PASSPHRASE に合い言葉を入れてください")
        }
        Opening::Passphrase(passphrase) => {
            let mut identity = age::scrypt::Identity::new(passphrase.clone());
            // age makes this machine's work factor take about a second; a slower machine's file may ask for more.
            identity.set_max_work_factor(22);
            let opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
            opened.with_context(|| format!("合い言葉が違うか、{} が壊れています", file.display()))?
        }
        Opening::Identities(all) => {
            let opened = decryptor.decrypt(all.iter().map(|identity| identity as &dyn age::Identity));
            opened.with_context(|| {
                format!("{} は、この秘密鍵あてのバックアップではないか、壊れています", file.display())
            })?
        }
    };
    Ok(BufReader::new(GzDecoder::new(Box::new(plain) as Box<dyn Read>)))
}

/// Encrypts a small document for one age recipient.
pub fn encrypt_for(recipient: &str, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
    let recipient: Recipient = recipient.parse().map_err(|e| anyhow::anyhow!("operations.emergency_recipient: {e}"))?;
    let mut out = Vec::new();
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))?;
    let mut writer = encryptor.wrap_output(&mut out)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(out)
}
