//! `tsunagari`: one program for a region. This crate reads the configuration, injects the clock, and joins the parts.

mod admin;
#[cfg(test)]
mod alerts_tests;
mod backup;
mod calls;
mod client_certificates;
mod config;
mod demo;
mod emergency;
mod headers;
mod heads;
#[cfg(test)]
mod heads_tests;
mod keeping;
mod living;
mod log;
mod memory;
mod message_gateway;
mod migrate;
mod ops;
mod postman;
mod region;
mod replay;
mod reports;
mod rights;
mod rounds;
mod secrets;
mod security_log;
mod serve;
mod tls;
mod words;

use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;

use base::Instant;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::Config;

/// つながり: 地域の見守り・医療介護連携の基盤
#[derive(Parser)]
#[command(name = "tsunagari", version, disable_version_flag = true)]
struct Cli {
    /// 版を表示します
    #[arg(short = 'V', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 架空の町でお試しいただきます(この機械の中だけで動きます)
    Demo(demo::Options),
    /// 地域のシステムとして動かします
    Serve {
        #[arg(long)]
        config: PathBuf,
    },
    /// PostgreSQL の表を新しくし、動かす役割に要るだけの権限を与えます(環境変数 TSUNAGARI_DATABASE_OWNER に表の所有者の接続先)
    Migrate {
        #[arg(long)]
        config: PathBuf,
    },
    /// 設定を確かめます
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// 管理者と利用者の手続きを、この機械の上で行います
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// 監査記録を検証します
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// 動かしたまま、暗号化したバックアップをとります(公開鍵あて、または環境変数 TSUNAGARI_PASSPHRASE の合い言葉で)
    Backup {
        file: PathBuf,
        #[arg(long)]
        config: PathBuf,
        /// このバックアップを開ける age の公開鍵(age1…)。くり返せます。設定の [backup] recipients の代わりになります
        #[arg(long)]
        recipient: Vec<String>,
    },
    /// 空のデータベースにバックアップを戻します(秘密鍵のファイル、または環境変数 TSUNAGARI_PASSPHRASE の合い言葉で)
    Restore {
        file: PathBuf,
        #[arg(long)]
        config: PathBuf,
        /// 公開鍵あてのバックアップを開く age の秘密鍵のファイル
        #[arg(long)]
        identity: Option<PathBuf>,
        /// 手元に保管していた署名つき監査ヘッドの控え
        #[arg(long)]
        heads: Option<PathBuf>,
        /// 署名を確かめる公開鍵(16進64桁)。省くと運用フォルダの鍵を使います
        #[arg(long)]
        key: Option<String>,
    },
    /// データベースの外に置く鍵(認証アプリの登録と訪問の写真を封じるもの)
    Secrets {
        #[command(subcommand)]
        command: SecretsCommand,
    },
    /// 見守り
    Watch {
        #[command(subcommand)]
        command: WatchCommand,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// いま有効な設定を、既定値も含めて表示します
    Show {
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// 管理者の利用者を登録し、初回設定コードを一度だけ表示します
    Create {
        #[arg(long)]
        config: PathBuf,
        /// サインインに使う名前
        #[arg(long)]
        login: String,
        /// 氏名
        #[arg(long)]
        name: String,
        /// 氏名(カナ)
        #[arg(long)]
        kana: String,
        /// 所属する事業所の名称(なければ事務局として登録します)
        #[arg(long, default_value = "ネットワーク事務局")]
        office: String,
    },
    /// 二人目の事務局担当者の承認を待っている手続きを示します
    Requests {
        #[arg(long)]
        config: PathBuf,
    },
    /// 承認を待っている手続きを、この機械の上で承認します(serve を止めて実行してください)
    Approve {
        /// requests が示す番号
        #[arg(value_parser = request_number)]
        request: uuid::Uuid,
        #[arg(long)]
        config: PathBuf,
    },
    /// パスワードと認証アプリを失った利用者に、初回設定コードを再発行します(serve を止めて実行してください)
    Reissue {
        #[arg(long)]
        config: PathBuf,
        #[arg(long)]
        login: String,
    },
    /// 利用者を停止します(serve を止めて実行してください)
    Suspend {
        #[arg(long)]
        config: PathBuf,
        #[arg(long)]
        login: String,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// ヘッドの署名を確かめる公開鍵を表示します(データベースとは別の場所に控えてください)
    Key {
        #[arg(long)]
        config: PathBuf,
    },
    /// 記録の件数を操作と結果ごとに数え、JSONの行で出します
    Tally {
        #[arg(long)]
        config: PathBuf,
    },
    /// 署名を待つ期の区切り(復元など)を示し、--sign で署名します
    Epoch {
        #[arg(long)]
        config: PathBuf,
        /// 人が確かめたうえで署名します
        #[arg(long)]
        sign: bool,
        /// 過去の控えと合わないところがあっても署名します(検証の結果に残ります)
        #[arg(long, requires = "sign")]
        despite: bool,
    },
    /// 改ざん・削除・入れ替えと、(ヘッドの控えがあれば)末尾の切り取りと書き直しを見つけます
    Verify {
        #[arg(long)]
        config: PathBuf,
        /// データベースの外に保管していた署名つきヘッド。省くと運用フォルダのものを使います
        #[arg(long)]
        heads: Option<PathBuf>,
        /// 署名を確かめる公開鍵(16進64桁)。省くと運用フォルダの鍵を使います
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Subcommand)]
enum SecretsCommand {
    /// 新しい鍵を書き足し、すべてをその鍵で封じ直します(serve を止めて実行してください)
    Rotate {
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Subcommand)]
enum WatchCommand {
    /// 記録(CSV、.gz も可、- は標準入力)を見守りの検知器に通し、アラートをJSONの行で出します
    Replay {
        file: String,
        /// 検知のしかた。one_tail は公開の試験記録と比べるための、もとの形です
        #[arg(long, value_parser = ["two_tails", "one_tail"], default_value = "two_tails")]
        model: String,
        #[command(flatten)]
        judging: replay::Judging,
    },
}

fn main() {
    let typed = words::with_help(Cli::command()).try_get_matches();
    let cli =
        typed.and_then(|typed| Cli::from_arg_matches(&typed)).unwrap_or_else(|mistake| {
            match words::of_arguments(&mistake) {
                Some(told) => {
                    eprintln!("tsunagari: {told}");
                    std::process::exit(2);
                }
                None => mistake.exit(),
            }
        });
    rights::keep_to_ourselves();
    let outcome = match cli.command {
        Command::Demo(options) => demo::run(&options),
        Command::Serve { config } => Config::load(&config).and_then(|config| serve::run(&config)),
        Command::Migrate { config } => Config::load(&config).and_then(|config| migrate::run(&config)),
        Command::Config { command: ConfigCommand::Show { config } } => {
            Config::read(&config).and_then(|config| config.show()).and_then(|text| say(&text))
        }
        Command::Admin { command } => administer(command),
        Command::Audit { command: AuditCommand::Verify { config, heads, key } } => {
            Config::load(&config).and_then(|config| keeping::verify(&config, heads.as_deref(), key))
        }
        Command::Audit { command: AuditCommand::Epoch { config, sign, despite } } => {
            Config::load(&config).and_then(|config| keeping::epoch(&config, sign, despite))
        }
        Command::Audit { command: AuditCommand::Tally { config } } => {
            Config::load(&config).and_then(|c| keeping::tally(&c))
        }
        Command::Audit { command: AuditCommand::Key { config } } => {
            Config::load(&config).and_then(|config| say(&keeping::public_key(&config)?))
        }
        Command::Backup { file, config, recipient } => {
            Config::load(&config).and_then(|config| keeping::back_up(&config, &file, &recipient))
        }
        Command::Restore { file, config, identity, heads, key } => {
            Config::load(&config).and_then(|config| keeping::restore(&config, &file, identity, heads.as_deref(), key))
        }
        Command::Secrets { command: SecretsCommand::Rotate { config } } => {
            Config::load(&config).and_then(|config| secrets::rotate(&config))
        }
        Command::Watch { command: WatchCommand::Replay { file, model, judging } } => {
            replay::run(&file, &model, &judging)
        }
    };
    if let Err(error) = outcome {
        eprintln!("tsunagari: {}", words::told(&error));
        std::process::exit(1);
    }
}

fn administer(command: AdminCommand) -> anyhow::Result<()> {
    match command {
        AdminCommand::Create { config, login, name, kana, office } => {
            serve::create_administrator(&Config::load(&config)?, &login, &name, &kana, &office)
        }
        AdminCommand::Requests { config } => admin::requests(&Config::load(&config)?),
        AdminCommand::Approve { request, config } => admin::approve(&Config::load(&config)?, request),
        AdminCommand::Reissue { config, login } => admin::reissue(&Config::load(&config)?, &login),
        AdminCommand::Suspend { config, login } => admin::suspend(&Config::load(&config)?, &login),
    }
}

fn request_number(typed: &str) -> Result<uuid::Uuid, String> {
    typed.parse().map_err(|_| "admin requests が行のはじめに示す、32桁の番号を入力してください".to_owned())
}

/// The one clock of the program.
pub fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    Ok(out.flush()?)
}

/// Whether this address is the machine itself.
pub fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}
