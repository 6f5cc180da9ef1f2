//! Accounts from the machine itself, with `serve` stopped: the way out where the web has none. Whoever runs the machine
//! stands for the second administrator; each act is recorded as the command's.

use anyhow::Context;
use base::{AccountId, Ctx};
use db::DbError;
use page::problem::Problem;
use signin::{Code, LoginName, Request, Secrets, Settled};
use uuid::Uuid;

use crate::config::{self, Config};
use crate::say;
use page::site::new_request;

/// What waits for a second administrator, one a line: the request's id, what is asked, and for which login.
pub fn requests(config: &Config) -> anyhow::Result<()> {
    let ctx = acting("admin requests");
    let open = config.open_begun(config::BRIEFLY)?.read_blocking(move |tx| signin::account_requests(&ctx, tx))?;
    if open.is_empty() {
        return say("承認を待っている手続きはありません。");
    }
    let line = |r: &Request| format!("{}  {}  {}  {}", r.id.simple(), r.act.ja(), r.role.ja(), r.login.as_str());
    say(&open.iter().map(line).collect::<Vec<_>>().join("\n"))
}

pub fn approve(config: &Config, request: Uuid) -> anyhow::Result<()> {
    let (ctx, secrets) = (acting("admin approve"), draw()?);
    let done = config
        .open_begun(config::BRIEFLY)?
        .write_blocking(move |tx| Ok::<_, Problem>(signin::approve_request(&ctx.clone(), tx, request, &secrets)?.1));
    match done.map_err(in_words)? {
        Some(code) => say_code(config, &code),
        None => say("承認し、行いました。"),
    }
}

pub fn reissue(config: &Config, login: &str) -> anyhow::Result<()> {
    let (ctx, secrets, login) = (acting("admin reissue"), draw()?, LoginName::parse(login).context("--login")?);
    let done = config.open_begun(config::BRIEFLY)?.write_blocking(move |tx| {
        let id = named(tx, &login)?;
        Ok::<_, Problem>(signin::reissue_account(&ctx.clone(), tx, id, &secrets)?)
    });
    say_code(config, &settled(done.map_err(in_words)?)?)
}

pub fn suspend(config: &Config, login: &str) -> anyhow::Result<()> {
    let (ctx, login) = (acting("admin suspend"), LoginName::parse(login).context("--login")?);
    let done = config.open_begun(config::BRIEFLY)?.write_blocking(move |tx| {
        let id = named(tx, &login)?;
        Ok::<_, Problem>(signin::suspend_account(&ctx.clone(), tx, id)?)
    });
    settled(done.map_err(in_words)?)?;
    say("停止しました。")
}

fn named(tx: &mut dyn db::Tx, login: &LoginName) -> Result<AccountId, Problem> {
    Ok(signin::find_account_named(tx, login)?.id)
}

fn acting(command: &str) -> Ctx {
    Ctx::new(base::Actor::system(command), base::Purpose::Registration, crate::now(), new_request())
}

fn draw() -> anyhow::Result<Secrets> {
    Secrets::draw().context("乱数を得られません")
}

fn settled<T>(outcome: Settled<T>) -> anyhow::Result<T> {
    match outcome {
        Settled::Done(done) => Ok(done),
        Settled::Asked => anyhow::bail!("承認を待っています"),
    }
}

/// A refusal as its rule says it.
pub fn in_words(problem: Problem) -> anyhow::Error {
    match problem {
        Problem::Refused(why) => anyhow::anyhow!(why.words),
        Problem::NotFound => anyhow::anyhow!("見つかりません。ログイン名を確かめてください。"),
        Problem::Busy => DbError::Busy.into(),
        Problem::Full => DbError::Full.into(),
        Problem::Away(cause) => DbError::Gone(cause).into(),
        Problem::Unsure(cause) => DbError::Unknown(cause).into(),
        Problem::Fault(cause) => DbError::Engine(cause).into(),
        other => anyhow::anyhow!("{other:?}"),
    }
}

fn say_code(config: &Config, code: &Code) -> anyhow::Result<()> {
    say(&format!(
        "初回設定コード(72時間有効、一度だけ): {}\n{}/enrol を開き、このコードでパスワードと認証アプリを設定してください。",
        code.expose(),
        config.web.address()
    ))
}
