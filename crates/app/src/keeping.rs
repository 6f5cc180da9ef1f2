//! The commands of whoever keeps a region's record: backup and restore, verification, the epochs that a person signs.

use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use anyhow::{Context, bail};
use audit::{HeadKey, Waiting};
use base::{Actor, Ctx, Purpose};
use db::{Db, KeySource};
use page::site::{new_request, random};

use crate::config::{BRIEFLY, Config};
use crate::heads::{self, Checked, Folder, words};
use crate::{backup, config, say, secrets};

fn passphrase() -> anyhow::Result<SecretString> {
    match std::env::var("TSUNAGARI_PASSPHRASE") {
        Ok(text) if text.chars().count() >= 12 => Ok(SecretString::from(text)),
        Ok(_) => bail!("TSUNAGARI_PASSPHRASE は12文字以上にしてください"),
        Err(_) => bail!("バックアップの合い言葉を環境変数 TSUNAGARI_PASSPHRASE に入れてください"),
    }
}

/// Where recipients are known no passphrase is asked for: the machine that makes the copy cannot open it.
pub fn back_up(config: &Config, file: &Path, named: &[String]) -> anyhow::Result<()> {
    let texts = if named.is_empty() { &config.backup.recipients[..] } else { named };
    let closing = match texts {
        [] => backup::Closing::Passphrase(passphrase()?),
        texts => backup::Closing::Recipients(backup::recipients(texts)?),
    };
    let rows = backup::backup(config.db()?, file, closing)?;
    say(&format!("{rows}行を {} に保存しました。", file.display()))
}

/// Restores, and signs the new epoch where the key lies in the operations folder and nothing speaks against it.
pub fn restore(
    config: &Config,
    file: &Path,
    identity: Option<PathBuf>,
    given: Option<&Path>,
    key: Option<String>,
) -> anyhow::Result<()> {
    let opening = match identity {
        Some(file) => backup::Opening::Identities(backup::identities(&file)?),
        None => backup::Opening::Passphrase(passphrase()?),
    };
    let folder = Folder::of(&config.operations.folder);
    let signing = folder.signing_key()?;
    let text = match given {
        Some(file) => heads::longer(folder.lines()?, heads::given(file)?)?,
        None => folder.lines()?,
    };
    let public = heads::named(key)?.or_else(|| signing.as_ref().map(HeadKey::public));
    let known = heads::check(text, public.as_deref())?;
    let request = new_request();
    let done = backup::restore(config.db()?, file, opening, known.statements.clone(), crate::now(), request)?;
    let said =
        format!("{}行を戻しました。監査記録{}行の鎖を確かめ、新しい期を始めました。", done.rows, done.audit_rows);
    std::fs::create_dir_all(&config.operations.folder)?;
    if !known.text.is_empty() && folder.lines()?.len() < known.text.len() {
        db::whole::replace(&folder.heads, known.text.as_bytes())
            .with_context(|| format!("{} を書けません", folder.heads.display()))?;
    }
    let wait = |why: &str| {
        say(&format!(
            "{said}\n期の区切りは署名を待っています({why})。署名するまで、新しい記録は署名で守られません。確かめてから tsunagari audit epoch --sign を実行してください。"
        ))
    };
    match (&signing, done.waiting.conflict) {
        (_, Some(finding)) => wait(&words(finding))?,
        _ if !done.fits => wait("バックアップが覚えている署名の控えがありません")?,
        (None, _) => wait("運用フォルダに署名の鍵がありません")?,
        (Some(key), None) => {
            sign(&open(config)?, &folder, key, &known, &done.waiting, false)?;
            say(&format!("{said}期の区切りに署名しました。"))?;
        }
    }
    say_missing_keys(config, &done.keys)
}

/// The writer of the record alone: it opens nothing that is sealed, and so asks for no key of it.
fn open(config: &Config) -> anyhow::Result<Db> {
    config::require_there(&config.db()?)?;
    config::open(config.db()?, KeySource::None, BRIEFLY)
}

fn say_missing_keys(config: &Config, needed: &[String]) -> anyhow::Result<()> {
    if needed.is_empty() || secrets::missing(config, needed)?.is_empty() {
        return Ok(());
    }
    let (place, ids) = (secrets::Place::of(config), needed.join(" "));
    say(&format!(
        "認証アプリの登録と訪問の写真を開く鍵({ids})がここにありません。控えを {} に置くまで serve は起動しません。",
        place.file().display()
    ))
}

/// Signs what waits, then every chain as it stands.
fn sign(
    db: &Db,
    folder: &Folder,
    key: &HeadKey,
    known: &Checked,
    waiting: &Waiting,
    despite: bool,
) -> anyhow::Result<()> {
    let mut tip = audit::Tip::of(&known.text, &known.statements);
    let (lines, _) = audit::epoch_lines(key, &tip.end, waiting, despite);
    audit::append_lines(&folder.heads, &mut tip.end, &lines)?;
    // Read anew, because an epoch may leave a branch.
    let text = folder.lines()?;
    let mut tip = audit::Tip::of(&text, &audit::parse_heads(&text, &key.public())?);
    while db.write_blocking(|tx| audit::index_persons(tx, crate::rounds::FILED_AT_ONCE))? {}
    let (of, now) = (tip.clone(), crate::now());
    let grown = db.read_blocking(move |tx| audit::to_sign(tx, &of, now))?;
    let grown = grown.map_err(|finding| anyhow::anyhow!(words(finding)))?;
    let (lines, _) = audit::head_lines(key, &tip.end, &grown);
    audit::append_lines(&folder.heads, &mut tip.end, &lines)?;
    let (n, sum) = (tip.end.n, tip.end.sum);
    Ok(db.write_blocking(move |tx| audit::note_signed(tx, n, &sum))?)
}

/// Shows what waits for a signature and what speaks against it; signs it when told to.
pub fn epoch(config: &Config, sign_it: bool, despite: bool) -> anyhow::Result<()> {
    let folder = Folder::of(&config.operations.folder);
    let signing = folder.signing_key()?;
    let text = folder.lines()?;
    let known = heads::check(text, signing.as_ref().map(HeadKey::public).as_deref())?;
    let db = open(config)?;
    let look = |statements: Vec<audit::Statement>| {
        db.read_blocking(move |tx| {
            Ok::<_, db::DbError>((audit::waiting(tx, &statements)?, audit::fits(audit::signed(tx)?, &statements)))
        })
    };
    let (waiting, fits) = look(known.statements.clone())?;
    let mut waiting = waiting.map_err(|finding| anyhow::anyhow!(words(finding)))?;
    let torn = folder.torn()?;
    if waiting.epochs.is_empty() && waiting.current && fits && torn.is_none() {
        return say("署名を待つ期の区切りはありません。");
    }
    let objection = match (torn, waiting.conflict) {
        (Some(torn), _) => Some(torn),
        (None, Some(finding)) => Some(words(finding)),
        (None, None) => (!fits).then(|| "データベースが覚えている署名の控えがないか、途中で切れています".to_owned()),
    };
    if !sign_it {
        let mut told: Vec<String> = Vec::new();
        for (_, head) in &waiting.epochs {
            told.push(format!("{}行目、{}に始まった期の区切りが署名を待っています。", head.seq, head.at));
        }
        if waiting.epochs.is_empty() {
            told.push("データベースは、最後に署名したときの続きではありません。--sign で新しい期を始めます。".into());
        }
        told.push(format!("署名の控え{}件のうち、{}件目の続きです。", known.statements.len(), waiting.parent));
        told.push(match &objection {
            Some(words) => format!("控えと合わないところがあります: {words}。事情がわかるまで署名しないでください。わかったうえで署名するには --sign --despite とします。"),
            None => "復元などに覚えがあれば、tsunagari audit epoch --sign で署名してください。覚えがなければ署名しないでください。".into(),
        });
        return say(&told.join("\n"));
    }
    if let Some(words) = objection.filter(|_| !despite) {
        bail!(
            "控えと合わないところがあるため、署名していません: {words}。わかったうえで署名するには --despite を付けてください"
        );
    }
    let key = match signing {
        Some(key) => key,
        None => {
            std::fs::create_dir_all(&config.operations.folder)?;
            folder.load_key(random())?
        }
    };
    if waiting.epochs.is_empty() {
        let ctx = Ctx::new(Actor::system("audit epoch"), Purpose::Operation, crate::now(), new_request());
        let statements = known.statements.clone();
        db.write_blocking(move |tx| audit::begin_epoch(&ctx, tx, &statements))?;
        waiting = look(known.statements.clone())?.0.map_err(|finding| anyhow::anyhow!(words(finding)))?;
    }
    sign(&db, &folder, &key, &known, &waiting, despite)?;
    if folder.torn.exists() {
        std::fs::remove_file(&folder.torn)?;
    }
    say(&format!("期の区切り{}件に署名しました。", waiting.epochs.len()))
}

/// Against the file of the operations folder, which must be whole, and against a copy, which may be older.
pub fn verify(config: &Config, given: Option<&Path>, key: Option<String>) -> anyhow::Result<()> {
    let folder = Folder::of(&config.operations.folder);
    let db = config::open_for_reading(config.db()?)?;
    // A region at work goes on signing meanwhile, the line before what the database remembers of it and after the rows it
    // covers. Asked in this order, the file knows at least what is remembered, and the chain at least what the file does.
    let remembered = db.read_blocking(audit::signed)?;
    let own = folder.lines()?;
    // A copy from before a restore does not know its epoch; the file that goes on from it does.
    let text = match given {
        Some(file) => heads::longer(own.clone(), heads::given(file)?)?,
        None => own.clone(),
    };
    let public = match heads::named(key)? {
        Some(key) => Some(key),
        None if text.is_empty() => None,
        None => Some(public_key(config)?),
    };
    let known = heads::check(text, public.as_deref())?;
    let statements = known.statements;
    let (shown, last) = (statements.len(), statements.last().map(|statement| statement.head.at));
    let report = db.read_blocking(move |tx| audit::verify(tx, &statements))?;
    // On another machine there is only the copy.
    let here = given.is_none() || !own.is_empty();
    let fits = !here || audit::fits(remembered, &heads::check(own, public.as_deref())?.statements);
    if let Some(finding) = report.finding {
        let chain =
            if report.chains > 1 && report.chain > 0 { format!("鎖{}の", report.chain) } else { String::new() };
        bail!("{chain}{}", words(finding));
    }
    if let Some(torn) = folder.torn()? {
        bail!("{torn}");
    }
    if !fits {
        bail!(
            "署名した控え {} がないか、途中で切れています。別の場所の控えがあれば --heads で示してください",
            folder.heads.display()
        );
    }
    let mut said = format!(
        "監査記録{}行に異常はありません。鎖{}本、照合したヘッド{}件、復元による期の区切り{}件。",
        report.rows, report.chains, report.heads_checked, report.epochs
    );
    if report.heads_checked == 0 {
        said.push_str("署名した控えがないため、末尾の切り取りと書き直しは確かめていません。");
    }
    if report.unquoted > 0 {
        said.push_str(&format!("うち{}件は、前の控えがないまま人が署名した区切りです。", report.unquoted));
    }
    if report.despite > 0 {
        said.push_str(&format!("うち{}件は、控えと合わないところがあるまま人が署名した区切りです。", report.despite));
    }
    if remembered.is_some_and(|(n, _)| n > shown) {
        said.push_str(&format!(
            "データベースは、示された控え({shown}件目まで)より後の署名を覚えています。新しい控えでも確かめてください。"
        ));
    }
    if let Some(at) = last {
        said.push_str(&format!("最後のヘッド({at})より後の行は、まだ保護されていません。"));
    }
    say(&said)
}

/// One line for each action and outcome, readable for a program while the region works.
pub fn tally(config: &Config) -> anyhow::Result<()> {
    let db = config::open_for_reading(config.db()?)?;
    for audit::Count { action, outcome, rows, requests } in db.read_blocking(audit::tally)? {
        let line = serde_json::json!({
            "action": action,
            "outcome": outcome,
            "rows": rows,
            "requests": requests,
        });
        say(&line.to_string())?;
    }
    Ok(())
}

/// The public half of the key in the operations folder.
pub fn public_key(config: &Config) -> anyhow::Result<String> {
    let folder = Folder::of(&config.operations.folder);
    match folder.signing_key()? {
        Some(key) => Ok(key.public()),
        None => bail!("{} がありません。--key で公開鍵を示してください", folder.key.display()),
    }
}
