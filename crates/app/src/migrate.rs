//! `migrate`: a database on a server is brought forward by the owner of its tables, and the role under which the program
//! runs is given what it needs. The owner's address stands in no file of the region and is known to this command only.

use anyhow::{Context, bail};
use db::{DbConfig, DbError, Rights};

use crate::config::{BRIEFLY, Config};
use crate::say;
use crate::words::MIGRATE;

const OWNER: &str = "TSUNAGARI_DATABASE_OWNER";

pub fn run(config: &Config) -> anyhow::Result<()> {
    let program = config.db()?;
    let DbConfig::Postgres { ca, .. } = &program else {
        return say("埋め込みのデータベースは起動のたびに自分で新しくなります。このコマンドは要りません。");
    };
    let Some(role) = program.role() else {
        bail!("[database] postgres に、プログラムを動かす役割を user=… と書いてください");
    };
    let Ok(url) = std::env::var(OWNER) else {
        bail!("表の所有者の接続先を環境変数に入れて実行してください:\n  {MIGRATE}");
    };
    let owner = DbConfig::Postgres { url, ca: ca.clone(), rights: Rights::Owner };
    owner.check().context(OWNER)?;
    let place = program.shown();
    let applied = db::migrate_by_owner(owner, &program, BRIEFLY, web::MIGRATIONS).map_err(|error| {
        use DbError::{Behind, Elsewhere, Gone, Mighty, NoRole, Occupied};
        let begun = !matches!(error, Behind(_) | Elsewhere | Gone(_) | Mighty { .. } | NoRole(_) | Occupied);
        let untouched = if begun { "" } else { "。何も変更していません" };
        anyhow::Error::new(error).context(format!(
            "データベース {place} の表を新しくできません({OWNER} と [database] postgres の接続先を確かめてください){untouched}"
        ))
    })?;
    say(&format!("表を新しくし({applied}件)、役割 {role} に要るだけの権限を与えました。"))
}
