//! What a command says when it does not go: the one place where errors of the machine, the database and the command
//! line become Japanese. Whoever calls names the file or the setting (`with_context`); what stands behind is told here.

use std::error::Error;
use std::io::{self, ErrorKind};

use access::PolicyError;
use audit::HeadError;
use clap::error::{ContextKind, ContextValue, ErrorKind as Mistake};
use clap::{Arg, ArgAction, Command};
use db::DbError;
use db::dump::DumpError;
use ingest::mqtt::ListenError;
use watch::replay::ReplayError;

/// How the tables on a server are brought forward.
pub const MIGRATE: &str = "TSUNAGARI_DATABASE_OWNER=\"host=… dbname=… user=tsunagari_owner password=…\" tsunagari migrate --config 設定ファイル";
/// The keys of what is sealed: in the operations folder, or among what systemd hands to the service.
pub const SECRETS: &str = "secrets.key";
/// How a command that needs the key is run where systemd holds it.
pub const BY_SYSTEMD: &str = "systemd-run で鍵を渡して実行してください(書き方は docs/operations.md の「Commands by hand where the key is a credential」)";

/// From the outermost words to the cause. A cause that has no words of its own here is quoted in brackets, for whoever
/// looks it up.
pub fn told(error: &anyhow::Error) -> String {
    let mut said = String::new();
    let mut causes = error.chain().peekable();
    while let Some(cause) = causes.next() {
        let text = known(cause).unwrap_or_else(|| cause.to_string());
        let is_foreign = text.is_ascii() && causes.peek().is_none();
        match (said.is_empty(), is_foreign) {
            (true, true) => said = format!("うまくいきませんでした({text})"),
            (true, false) => said = text,
            // What stands in the words above it says nothing new.
            (false, _) if said.contains(&text) => {}
            (false, true) => said.push_str(&format!("({text})")),
            (false, false) => said.push_str(&format!(": {text}")),
        }
    }
    said
}

fn known(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        return of_machine(error);
    }
    if let Some(error) = cause.downcast_ref::<DbError>() {
        return Some(of_database(error));
    }
    if let Some(error) = cause.downcast_ref::<HeadError>() {
        return of_heads(error);
    }
    if let Some(error) = cause.downcast_ref::<PolicyError>() {
        return of_policies(error);
    }
    if let Some(ListenError::Bind { address, .. }) = cause.downcast_ref::<ListenError>() {
        return Some(format!("MQTT の {address} を待ち受けられません"));
    }
    match cause.downcast_ref::<DumpError>() {
        Some(DumpError::Io(error)) => return of_machine(error),
        Some(DumpError::Db(error)) => return Some(of_database(error)),
        _ => {}
    }
    cause.downcast_ref::<ReplayError>().map(ToString::to_string)
}

fn of_machine(error: &io::Error) -> Option<String> {
    // Not the machine's own, but what a reader or a writer above it made of the bytes.
    if error.get_ref().is_some() {
        return None;
    }
    let words = match error.kind() {
        ErrorKind::NotFound => "その名前のファイルやフォルダがありません",
        ErrorKind::PermissionDenied => {
            "読み書きする権限がありません。tsunagari を動かす利用者で実行しているか、所有者と権限を確かめてください"
        }
        ErrorKind::AlreadyExists => "同じ名前のものがすでにあります",
        ErrorKind::IsADirectory => "フォルダです。ファイルの名前まで指定してください",
        ErrorKind::NotADirectory => "途中の名前がフォルダではありません",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "書き込む先の空きが足りません。空けてから、もう一度実行してください"
        }
        ErrorKind::ReadOnlyFilesystem => "読み取り専用の場所です。書き込める場所を指定してください",
        ErrorKind::InvalidFilename => "名前が長すぎるか、使えない文字があります",
        ErrorKind::InvalidData => "壊れているか、文字(UTF-8)として読めません",
        ErrorKind::UnexpectedEof => "途中で切れています",
        ErrorKind::AddrInUse => "ほかのプログラムが使っています",
        ErrorKind::AddrNotAvailable => "この機械のアドレスではありません",
        _ => return None,
    };
    Some(words.to_owned())
}

fn of_database(error: &DbError) -> String {
    match error {
        DbError::Occupied => {
            "ほかの tsunagari(serve や demo)がこのデータベースに書き込んでいます。そちらを止めてから、もう一度実行してください".into()
        }
        DbError::Superseded => {
            "ほかの tsunagari がこのデータベースに書き込みました。もう一度起動してください".into()
        }
        DbError::Newer(name) => format!(
            "このデータベースは新しい版の tsunagari で使われています({name})。新しい版で起動してください"
        ),
        DbError::Altered(name) => format!(
            "このデータベースの表は、ほかの版の tsunagari で作られたものです({name})。作った版で起動してください"
        ),
        DbError::KeyMissing(ids) => format!(
            "このデータベースを開く鍵({ids})がありません。控えておいた鍵のファイルを、設定の [secrets] key か運用フォルダの {} に戻してから起動してください。鍵を systemd の資格情報にしているときは、{}",
            SECRETS, BY_SYSTEMD
        ),
        DbError::KeyClosed(file) => format!(
            "鍵のファイル {file} を開けません。tsunagari を動かす利用者が読めるように、所有者と権限を確かめてください"
        ),
        DbError::KeyUnreadable => "鍵のファイルを読めません(1行に16進64桁)。控えから戻してください".into(),
        DbError::Gone(cause) => format!(
            "データベースのサーバーに接続できません。接続先(host・port・dbname・user・password)と、サーバーが動いていてその名前のデータベースがあるかを確かめてください({cause})"
        ),
        DbError::Unknown(cause) => format!(
            "書き込みの途中でデータベースのサーバーとの接続が切れました。書き込まれたかどうかを確かめてから、もう一度実行してください({cause})"
        ),
        DbError::Full => "ディスクの空きが足りません。空けてから、もう一度実行してください".into(),
        DbError::Busy | DbError::Lost => {
            "データベースが混み合っています。少し待ってから、もう一度実行してください".into()
        }
        DbError::Elsewhere => "二つの接続先が、同じデータベースではありません".into(),
        // What the engine's own part of this program says in Japanese needs no preface.
        DbError::Engine(text) if text.starts_with(|first: char| !first.is_ascii()) => text.clone(),
        DbError::Engine(cause) => format!("データベースの処理に失敗しました({cause})"),
        other => of_rights(other),
    }
}

/// What somebody must type before the program can run on a server.
fn of_rights(error: &DbError) -> String {
    match error {
        DbError::Behind(what) => format!(
            "データベースの表がこの版のものになっていないか、プログラムの役割に許されていません({what})。次を実行してください:\n  {MIGRATE}"
        ),
        DbError::NoRole(role) => format!(
            "プログラムを動かす役割 {role} がありません。psql で次を実行してから、もう一度実行してください:\n  CREATE ROLE \"{role}\" LOGIN PASSWORD '…';"
        ),
        DbError::Mighty { role, what } => {
            let advice = if what.starts_with("OWNER OF") {
                format!(
                    "表の所有者の役割が別にあるときは、[database] postgres の user を、動かす役割に直してください。\nこれまで {role} だけで動かしていたときは、このデータベースに psql で管理者としてつなぎ、次を実行してから\n  CREATE ROLE tsunagari_owner LOGIN PASSWORD '…';\n  REASSIGN OWNED BY \"{role}\" TO tsunagari_owner;\n続けて次を実行してください:\n  {MIGRATE}"
                )
            } else if what.contains(" ON ") {
                format!("権限を与え直してください:\n  {MIGRATE}")
            } else {
                format!(
                    "psql で別の役割をつくり(CREATE ROLE tsunagari LOGIN PASSWORD '…';)、[database] postgres の user に書いてから、次を実行してください:\n  {MIGRATE}"
                )
            };
            format!(
                "役割 {role} は、動かすプログラムに許される以上のことができます({what})。記録を書き換えられる役割では動きません。{advice}"
            )
        }
        other => format!("データベースの処理に失敗しました({other})"),
    }
}

fn of_heads(error: &HeadError) -> Option<String> {
    let wrong = |line: &usize, what: &str| Some(format!("署名した控えの{line}行目{what}"));
    match error {
        HeadError::Malformed { line } => wrong(line, "は、署名した控えの行ではありません"),
        HeadError::Signature { line } => wrong(line, "の署名が、この鍵のものではありません"),
        HeadError::Order { line } => {
            wrong(line, "が前の行に続いていません。行が消されたか、足されたか、入れ替えられています")
        }
        HeadError::Changed => Some("署名した控えが、書き足すあいだに変わりました".into()),
        HeadError::Key => Some("監査ヘッドの鍵(16進64桁)として読めません".into()),
        HeadError::Io(error) => of_machine(error),
    }
}

fn of_policies(error: &PolicyError) -> Option<String> {
    Some(match error {
        PolicyError::Unread { file, cause } => {
            let why = of_machine(cause).unwrap_or_else(|| cause.to_string());
            format!("{file} を読めません: {why}")
        }
        PolicyError::Parse { file, cause } => format!("{file} は Cedar のポリシーとして読めません({cause})"),
        PolicyError::Invalid { file, cause } => {
            format!("{file} が policies/tsunagari.cedarschema に合いません({cause})")
        }
        PolicyError::Program(act) => format!(
            "プログラム自身の「{act}」を許していないため、期限や見守りが止まります。policies/ にあるもとのポリシーと見比べてください"
        ),
        PolicyError::NoCity(name) => {
            format!("フォルダ {name} の名前が、市区町村コード5桁の数字ではありません")
        }
        PolicyError::Installed => return None,
    })
}

/// The headings of what `--help` shows, of this command and of those below it.
pub fn with_help(command: Command) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help("使い方を表示します");
    let headed = |arg: Arg| {
        let heading = if arg.is_positional() { "引数" } else { "オプション" };
        arg.help_heading(heading)
    };
    let command = command
        .help_template("{about-with-newline}\n使い方: {usage}\n\n{all-args}{after-help}")
        .subcommand_help_heading("コマンド")
        .subcommand_value_name("コマンド")
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .arg(help)
        .mut_args(headed);
    below.iter().fold(command, |command, name| command.mut_subcommand(name, with_help))
}

/// A mistake in the arguments, with how they are written; `None` where help was asked for.
pub fn of_arguments(error: &clap::Error) -> Option<String> {
    let told = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" "),
        _ => String::new(),
    };
    let (named, value) = (told(ContextKind::InvalidArg), told(ContextKind::InvalidValue));
    let words = match error.kind() {
        Mistake::MissingRequiredArgument => format!("次の指定が足りません: {named}"),
        Mistake::UnknownArgument => format!("{named} という指定は、ここにはありません"),
        Mistake::InvalidSubcommand => {
            format!("{} というコマンドはありません", told(ContextKind::InvalidSubcommand))
        }
        Mistake::ArgumentConflict => format!("{named} を二度、またはほかの指定と一緒に書くことはできません"),
        Mistake::InvalidValue | Mistake::ValueValidation if value.is_empty() => format!("{named} の値がありません"),
        Mistake::InvalidValue => {
            format!("{named} に「{value}」は使えません(使えるもの: {})", told(ContextKind::ValidValue))
        }
        Mistake::ValueValidation => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            // As clap words a number outside its range: `1 is not in 2..=24`.
            let range = why.split_once(" is not in ").map(|(_, range)| range.replace("..=", "から"));
            let why = range.map_or(why.clone(), |range| format!("{range}までの数です"));
            format!("{named} に「{value}」は使えません({why})")
        }
        _ => return None,
    };
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(text)) => format!("\n{}", text.to_string().replace("Usage:", "使い方:")),
        _ => String::new(),
    };
    Some(format!("{words}{usage}\n--help を付けて実行すると、書き方を示します"))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn help_is_in_japanese_down_to_its_headings() {
        fn see(mut command: Command) {
            let help = command.render_long_help().to_string();
            for english in ["Usage", "Options", "Commands", "Arguments", "Print"] {
                assert!(!help.contains(english), "{}: {help}", command.get_name());
            }
            command.get_subcommands().cloned().for_each(see);
        }
        let mut whole = with_help(crate::Cli::command());
        whole.build();
        see(whole);
    }

    #[test]
    fn what_is_told_names_the_file_and_says_the_cause_in_japanese() {
        let lost = std::fs::read("/not/there").context("控え /not/there を読めません").unwrap_err();
        assert_eq!(told(&lost), "控え /not/there を読めません: その名前のファイルやフォルダがありません");
        let full = DumpError::Io(ErrorKind::StorageFull.into());
        assert!(told(&anyhow::Error::new(full).context("週.age を書けません")).contains("空きが足りません"));
        let foreign = anyhow::anyhow!("decryption failed").context("合い言葉が違います");
        assert_eq!(told(&foreign), "合い言葉が違います(decryption failed)");
        assert_eq!(told(&anyhow::anyhow!("odd")), "うまくいきませんでした(odd)");
        assert_eq!(told(&anyhow::anyhow!("3文字以上です").context("--login")), "--login: 3文字以上です");
        let key = told(&DbError::KeyMissing("0123".into()).into());
        assert!(key.contains("secrets.key") && key.contains("systemd-run"), "{key}");
    }
}
