//! The file of signed heads beside the region at work: a minute's heads go into it, and whatever does not fit together
//! (a file cut or gone, another key, a chain that lost what was signed) stops the signing and is told to everybody who
//! can act. Recording goes on.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use audit::{Finding, HeadKey, Statement, Tip};
use base::Clock;
use db::{Db, DbError};
use page::site::random;

/// The signing key of audit heads, in the operations folder.
pub const HEAD_KEY: &str = "audit-heads.key";
/// The signed heads, beside it. Copy this file elsewhere.
pub const HEADS: &str = "audit-heads.jsonl";

/// A database that is begun anew or out of reach for a moment is no reason to say that nothing is signed.
const AWAY_UNREMARKED: Duration = Duration::from_secs(300);
const AWAY: &str = "署名を止めている理由: データベースに5分以上つながりません。データベースのサーバーが動いているか、途中の回線が切れていないかを確かめてください。つながれば、1分以内に署名を再開します";
const FAILED: &str = "署名を止めている理由: データベースが監査記録の読み書きに失敗しています。システム管理者は、ログの「audit head」の行とデータベース(サーバー、または置き場所のディスク)を確かめてください。直れば、1分以内に署名を再開します";

/// Says what was missed in the record, until somebody who looked begins a new epoch.
const TORN: &str = "audit-heads.torn";

/// Why nothing is signed at the moment; shared with whoever tells it. The reason names files, not where they lie: it is for
/// those who keep the record.
#[derive(Clone, Default)]
pub struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    pub fn reason(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, reason: Option<String>) {
        metrics::gauge!("audit_heads_stopped").set(if reason.is_some() { 1.0 } else { 0.0 });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

/// The file and the key as they lie in the operations folder.
pub struct Folder {
    pub key: PathBuf,
    pub heads: PathBuf,
    pub torn: PathBuf,
}

impl Folder {
    pub fn of(folder: &Path) -> Folder {
        Folder { key: folder.join(HEAD_KEY), heads: folder.join(HEADS), torn: folder.join(TORN) }
    }

    /// Where the files lie is for whoever runs this machine and reads its log.
    fn without_path(&self, words: &str) -> String {
        let folder = self.heads.parent().unwrap_or(&self.heads).display().to_string();
        words.replace(&format!("{folder}/"), "")
    }

    /// What was missed in the record, in words.
    pub fn torn(&self) -> anyhow::Result<Option<String>> {
        let words = read(&self.torn)?;
        Ok(Some(words.trim().to_owned()).filter(|words| !words.is_empty()))
    }

    /// The lines of the file; nothing where there is none.
    pub fn lines(&self) -> anyhow::Result<String> {
        read(&self.heads)
    }

    /// The signing key, made of `fresh` randomness where there is none.
    pub fn load_key(&self, fresh: [u8; 32]) -> anyhow::Result<HeadKey> {
        HeadKey::load_or_create(&self.key, fresh)
            .with_context(|| format!("署名の鍵 {} を読み書きできません", self.key.display()))
    }

    pub fn signing_key(&self) -> anyhow::Result<Option<HeadKey>> {
        Ok(if self.key.exists() { Some(self.load_key([0; 32])?) } else { None })
    }
}

/// The lines of a file of heads; nothing where there is none.
pub fn read(file: &Path) -> anyhow::Result<String> {
    if !file.exists() {
        return Ok(String::new());
    }
    given(file)
}

/// The lines of a file that somebody named.
pub fn given(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("署名した控え {} を読めません", file.display()))
}

/// A public key that somebody named, if one can verify with it.
pub fn named(key: Option<String>) -> anyhow::Result<Option<String>> {
    if let Some(text) = &key {
        audit::parse_heads("", text).map_err(|_| {
            anyhow::anyhow!(
                "--key に「{text}」は使えません。tsunagari audit key が示す公開鍵(16進64桁)を書いてください"
            )
        })?;
    }
    Ok(key)
}

/// Signs minute after minute.
pub struct Signer {
    folder: Folder,
    db: Db,
    clock: Clock,
    pub trouble: Trouble,
    /// Since when the database has been away from every round.
    away_since: Mutex<Option<std::time::Instant>>,
    /// The end of the file as this program left it.
    tip: Mutex<Option<(HeadKey, Tip)>>,
    /// The program ends and waits no longer.
    given_up: AtomicBool,
}

impl Signer {
    pub fn new(folder: &Path, db: Db, clock: Clock) -> Signer {
        Signer {
            folder: Folder::of(folder),
            db,
            clock,
            trouble: Trouble::default(),
            away_since: Mutex::new(None),
            tip: Mutex::new(None),
            given_up: AtomicBool::new(false),
        }
    }

    /// One round; on a thread that may wait. What stops the signing is told until a round goes well.
    pub fn round(&self) -> anyhow::Result<()> {
        self.round_at(std::time::Instant::now())
    }

    pub fn round_at(&self, now: std::time::Instant) -> anyhow::Result<()> {
        let outcome = self.sign();
        if outcome.is_err() {
            *self.tip.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let mut away_since = self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = outcome.as_ref().err();
        let by_the_database = failed.and_then(|error| error.downcast_ref::<DbError>());
        *away_since = by_the_database.filter(|error| is_away(error)).map(|_| away_since.unwrap_or(now));
        self.trouble.set(match (failed, *away_since) {
            (None, _) => None,
            // What was found before is not mended by this.
            (_, Some(since)) if now.duration_since(since) < AWAY_UNREMARKED => self.trouble.reason(),
            (_, Some(_)) => Some(self.trouble.reason().unwrap_or_else(|| AWAY.into())),
            // The driver's own words stand in the log.
            (Some(_), None) if by_the_database.is_some() => Some(FAILED.into()),
            (Some(error), None) => {
                Some(self.folder.without_path(&format!("署名を止めている理由: {}", crate::words::told(error))))
            }
        });
        outcome
    }

    fn sign(&self) -> anyhow::Result<()> {
        let missed = self.db.write_blocking(|tx| audit::torn(tx))?;
        let torn = match (self.folder.torn()?, missed) {
            (None, Some(seq)) => {
                let words = format!("記録した{seq}行目が、データベースから消えたか書き換えられています");
                db::whole::replace(&self.folder.torn, format!("{words}\n").as_bytes())?;
                Some(words)
            }
            (known, _) => known,
        };
        if let Some(words) = torn {
            bail!("{words}。だれかがデータベースに直接書いています");
        }
        let mut place = self.tip.lock().unwrap_or_else(PoisonError::into_inner);
        if place.as_ref().is_none_or(|(_, tip)| self.has_changed(tip)) {
            *place = Some(self.load()?);
        }
        let Some((key, tip)) = place.as_mut() else { return Ok(()) };
        let (known, now) = (tip.clone(), (self.clock)());
        let heads = self.db.read_blocking(move |tx| audit::to_sign(tx, &known, now))?;
        let heads = heads.map_err(|finding| anyhow::anyhow!(words(finding)))?;
        if heads.is_empty() {
            return Ok(());
        }
        // What a signed head covers is filed by person.
        while self.db.write_blocking(|tx| audit::index_persons(tx, crate::rounds::FILED_AT_ONCE))? {
            if self.given_up.load(Ordering::Relaxed) {
                bail!("停止までに対象者ごとの索引が終わりませんでした。次の起動で署名します");
            }
        }
        let (lines, statements) = audit::head_lines(key, &tip.end, &heads);
        audit::append_lines(&self.folder.heads, &mut tip.end, &lines)?;
        statements.iter().for_each(|statement| tip.take(statement));
        let (n, sum) = (tip.end.n, tip.end.sum);
        Ok(self.db.write_blocking(move |tx| audit::note_signed(tx, n, &sum))?)
    }

    /// A round that is under way ends without having signed.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Whether somebody else wrote to the file, as far as its length shows it; the lines are read when a program starts.
    fn has_changed(&self, tip: &Tip) -> bool {
        std::fs::metadata(&self.folder.heads).map_or(tip.end.length > 0, |file| file.len() != tip.end.length)
    }

    /// Reads key and file and asks the database whether it remembers them so.
    fn load(&self) -> anyhow::Result<(HeadKey, Tip)> {
        // In this order the file holds at least what is remembered, whoever else signs meanwhile.
        let remembered = self.db.read_blocking(audit::signed)?;
        let text = self.folder.lines()?;
        let key = match self.folder.signing_key()? {
            Some(key) => key,
            None if text.is_empty() && remembered.is_none() => self.folder.load_key(random())?,
            None => bail!("署名の鍵 {} がありません", self.folder.key.display()),
        };
        let statements = audit::parse_heads(&text, &key.public())
            .with_context(|| format!("{} は、この鍵で署名した控えのままではありません", self.folder.heads.display()))?;
        if !audit::fits(remembered, &statements) {
            bail!("署名した控え {} がなくなったか、途中で切られています", self.folder.heads.display());
        }
        let tip = Tip::of(&text, &statements);
        Ok((key, tip))
    }
}

/// It comes back by itself, and says nothing of the record.
fn is_away(error: &DbError) -> bool {
    use DbError::*;
    matches!(error, Gone(_) | Unknown(_) | Lost | Busy | Occupied | Superseded)
}

/// What is wrong, as whoever keeps the record reads it.
pub fn words(finding: Finding) -> String {
    match finding {
        Finding::Altered { seq } => format!("{seq}行目が書き換えられたか、入れ替えられています"),
        Finding::Missing { seq } => format!("{seq}行目が削除されています"),
        Finding::Misplaced { seq } => format!("{seq}行目の並びが変えられています"),
        Finding::Truncated { seq } => format!("{seq}行目から後が切り取られています"),
        Finding::Rewritten { seq } => format!("{seq}行目までの記録全体が書き直されています"),
        Finding::UnsignedEpoch { seq } => format!(
            "{seq}行目の期の区切りに署名がありません。復元の直後であれば tsunagari audit epoch で確かめて署名してください。覚えがなければ作り物です"
        ),
        Finding::Misquoted { seq } => format!("{seq}行目の期の区切りが、署名したことのないヘッドを引いています"),
        Finding::Unsigned => {
            "署名されたヘッドが一つもない鎖があります(始まったばかりの鎖なら、1分後にもう一度確かめてください)".into()
        }
        Finding::Index => "対象者ごとの索引が記録と合いません".into(),
    }
}

/// The longer one of two files of heads, where it goes on from the other.
pub fn longer(one: String, other: String) -> anyhow::Result<String> {
    let (long, short) = if one.len() >= other.len() { (one, other) } else { (other, one) };
    let whole = |text: &str| usize::try_from(audit::end_of(text).length).unwrap_or(0);
    let (long_end, short_end) = (whole(&long), whole(&short));
    if long.get(..short_end) != short.get(..short_end) {
        bail!("運用フォルダの {HEADS} と --heads のファイルは、同じ控えの続きではありません");
    }
    Ok(long.get(..long_end).unwrap_or_default().to_owned())
}

/// A file of heads whose signatures were checked.
pub struct Checked {
    pub text: String,
    pub statements: Vec<Statement>,
}

/// Checks against a public key; an empty file needs none.
pub fn check(text: String, public: Option<&str>) -> anyhow::Result<Checked> {
    let statements = match public {
        Some(public) => audit::parse_heads(&text, public).context("署名した控えを確かめられません")?,
        None if text.is_empty() => vec![],
        None => {
            bail!("署名を確かめる鍵がありません。運用フォルダに {HEAD_KEY} を置くか、--key で公開鍵を示してください")
        }
    };
    Ok(Checked { text, statements })
}
