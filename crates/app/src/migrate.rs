//! `migrate`: a database on a server is brought forward by the owner of its tables, and the role under which the program
//! runs is given what it needs. The owner's address stands in no file of the region and is known to this command only.

use anyhow::{Context, bail};
use db::{DbConfig, DbError, Rights};

use crate::config::{BRIEFLY, Config};
use crate::say;

const OWNER: &str = "TSUNAGARI_DATABASE_OWNER";
const TYPE: &str = "TSUNAGARI_DATABASE_OWNER=\"host=… dbname=… user=tsunagari_owner password=…\" tsunagari migrate --config 設定ファイル";

pub fn run(config: &Config) -> anyhow::Result<()> {
    let program = config.db()?;
    let DbConfig::Postgres { ca, .. } = &program else {
        return say("埋め込みのデータベースは起動のたびに自分で新しくなります。このコマンドは要りません。");
    };
    let Some(role) = program.role() else {
        bail!("[database] postgres に、プログラムを動かす役割を user=… と書いてください");
    };
    let Ok(url) = std::env::var(OWNER) else {
        bail!("表の所有者の接続先を環境変数に入れて実行してください:\n  {TYPE}");
    };
    let owner = DbConfig::Postgres { url, ca: ca.clone(), rights: Rights::Owner };
    owner.check().context(OWNER)?;
    let applied = db::migrate_by_owner(owner, &program, BRIEFLY, web::MIGRATIONS).map_err(|error| match error {
        DbError::Occupied => anyhow::Error::new(error).context(
            "tsunagari(serve など)がこのデータベースに書き込んでいます。何も変更していません。そちらを止めてから、もう一度実行してください",
        ),
        DbError::Elsewhere => anyhow::anyhow!(
            "{OWNER} と [database] postgres の接続先が、同じデータベースではありません。何も変更していません。どちらかを直して、もう一度実行してください"
        ),
        other => advised(other),
    })?;
    say(&format!("表を新しくし({applied}件)、役割 {role} に要るだけの権限を与えました。"))
}

/// What somebody must type before the program can run on this server.
pub fn advised(error: DbError) -> anyhow::Error {
    match error {
        DbError::Behind(what) => anyhow::anyhow!(
            "データベースの表がこの版のものになっていないか、プログラムの役割に許されていません({what})。何も変更していません。次を実行してください:\n  {TYPE}"
        ),
        DbError::NoRole(role) => anyhow::anyhow!(
            "プログラムを動かす役割 {role} がありません。何も変更していません。psql で次を実行してから、もう一度実行してください:\n  CREATE ROLE \"{role}\" LOGIN PASSWORD '…';"
        ),
        DbError::Mighty { role, what } => {
            let advice = if what.starts_with("OWNER OF") {
                format!(
                    "表の所有者の役割が別にあるときは、[database] postgres の user を、動かす役割に直してください。\nこれまで {role} だけで動かしていたときは、このデータベースに psql で管理者としてつなぎ、次を実行してから\n  CREATE ROLE tsunagari_owner LOGIN PASSWORD '…';\n  REASSIGN OWNED BY \"{role}\" TO tsunagari_owner;\n続けて次を実行してください:\n  {TYPE}"
                )
            } else if what.contains(" ON ") {
                format!("権限を与え直してください:\n  {TYPE}")
            } else {
                format!(
                    "psql で別の役割をつくり(CREATE ROLE tsunagari LOGIN PASSWORD '…';)、[database] postgres の user に書いてから、次を実行してください:\n  {TYPE}"
                )
            };
            anyhow::anyhow!(
                "役割 {role} は、動かすプログラムに許される以上のことができます({what})。記録を書き換えられる役割では動きません。何も変更していません。{advice}"
            )
        }
        DbError::Gone(_) => anyhow::Error::new(error).context(
            "データベースのサーバーに接続できません。何も変更していません。接続先(host・port・dbname・user・password)と、サーバーが動いているかを確かめてください",
        ),
        other => other.into(),
    }
}
