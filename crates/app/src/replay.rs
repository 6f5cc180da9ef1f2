//! `watch replay`: a recording through the detector, with the settings to be tried.

use std::io::BufWriter;
use std::path::Path;

use anyhow::Context;
use base::Span;
use watch::rhythm::{Ask, Model, Settings};

/// How the recording is to be judged.
#[derive(clap::Args)]
pub struct Judging {
    /// アラートの空振りが1回までの日数(1から3650)
    #[arg(long, value_parser = days, default_value = "30")]
    alert_days: f32,
    /// やさしい確認の空振りが1回までの日数(1から3650)。--ask では質問の空振りの日数です(省略すると3.5)
    #[arg(long, value_parser = days)]
    notice_days: Option<f32>,
    /// 動きがないまま、これより長くは待たない時間(2から24)
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=24), default_value = "24")]
    cap: u8,
    /// やさしい確認を質問にし、この分数のあいだ答えがなければアラートにします(1から720)
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u16).range(1..=720))]
    ask: Option<u16>,
    /// 質問をしない時間帯。その終わりまで待ちます
    #[arg(long, value_name = "HH:MM-HH:MM", value_parser = hours, default_value = "22:00-06:30")]
    quiet: (u16, u16),
    /// 時刻の順でない記録を、家ごとに並べ替えてから読みます。省略すると、その行を示して断ります
    #[arg(long)]
    sort: bool,
}

fn days(typed: &str) -> Result<f32, String> {
    let days = typed.parse().ok().filter(|days| (1.0..=3650.0).contains(days));
    days.ok_or_else(|| "1から3650までの日数を入力してください".to_owned())
}

/// Minutes of the day from and until.
fn hours(typed: &str) -> Result<(u16, u16), String> {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let read = typed.split_once('-').and_then(|(from, until)| Some((minute(from)?, minute(until)?)));
    read.ok_or_else(|| "22:00-06:30 のように入力してください".to_owned())
}

pub fn run(file: &str, model: &str, judging: &Judging) -> anyhow::Result<()> {
    let model = if model == "one_tail" { Model::OneTail } else { Model::TwoTails };
    let usual = Settings::default();
    let ask = judging.ask.map(|minutes| Ask {
        days: judging.notice_days.unwrap_or(Ask::USUAL.days),
        wait: Span::minutes(i64::from(minutes)),
        quiet: judging.quiet,
    });
    let settings = Settings {
        alert_days: judging.alert_days,
        notice_days: judging.notice_days.unwrap_or(usual.notice_days),
        cap: Span::hours(i64::from(judging.cap)),
        ask,
        ..usual
    };
    let options = watch::replay::Options { model, settings, sort: judging.sort };
    let input = watch::replay::open(Path::new(file)).with_context(|| format!("{file} を開けません"))?;
    let output = BufWriter::new(std::io::stdout().lock());
    let played = watch::replay::run(input, output, &options).with_context(|| format!("{file} を検知器に通せません"))?;
    eprintln!(
        "{}軒、{}行(うち生活のしるし{}行、しるしでない行{}行)",
        played.homes, played.rows, played.signs, played.other
    );
    if let Some(first) = played.first_wrong {
        eprintln!("ほかの行より先の時刻の{}行({first}行目など)は、時計の誤りとみて除きました", played.wrong_clock);
    }
    Ok(())
}
