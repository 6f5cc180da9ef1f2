//! The table of steps and moves, printed from the rules themselves; `docs/case-states.md` holds this text, and a test
//! keeps the two the same.

use std::fmt::Write;

use base::{Instant, Span};

use crate::rules::{Command, State, causes, next};
use crate::settings::Settings;
use crate::{CallOutcome, Cause, Condition, Help, How, Rung, VisitState};

const HEAD: &str = "# 案件の状態と期限 (states of a case)

This page is printed by the program from `crates/response/src/rules.rs`; a test fails when the two differ
(`UPDATE_DOCS=1 cargo test -p response` writes it anew). Limits are the starting values and are set by each region
[to verify with the city and its call centre].

Time alone never changes a step. When a limit is over, the next in line is told (主任 → 担当ケアマネジャー →
地域包括支援センター → 市; whoever does not exist is passed over), and again one further up every interval, until the
case moves on. The city's list of overdue cases shows every case whose limit is over.

A case that is closed keeps nothing open: all access that came from it ends at once. For 48 hours it can still be found
by the number of somebody who calls back; recording that call opens it to the call centre again for 30 minutes.
";

/// The whole page as Markdown.
pub fn table() -> String {
    let settings = Settings::default();
    let mut text = String::from(HEAD);
    steps(&mut text, &settings);
    ladder(&mut text, &settings);
    moves(&mut text, &settings);
    endings(&mut text);
    text
}

fn steps(text: &mut String, s: &Settings) {
    text.push_str("\n## 段階\n\n| 段階 | 期限 | 次にすること | 期限を過ぎたら最初に伝える先 |\n|---|---|---|---|\n");
    for state in states() {
        let limit = if state.open() { length(state.limit(s)) } else { "なし".to_owned() };
        let told = state.row().first_told.map_or("なし", Rung::ja);
        let _ = writeln!(text, "| {} | {limit} | {} | {told} |", label(&state), state.next_step());
    }
    let _ = writeln!(
        text,
        "\n本人架電は{}回まで（呼び出しボタン・「体調が悪い」の後は{}回）、間隔は{}。間隔より早いかけ直しは記録され、回数に数えません。",
        s.tries,
        s.tries_urgent,
        length(s.retry_interval)
    );
}

fn ladder(text: &mut String, s: &Settings) {
    let names: Vec<&str> = Rung::ALL.iter().map(|r| r.ja()).collect();
    let _ = writeln!(text, "\n## 期限を過ぎたとき\n\n{}。次に伝えるまで{}。", names.join(" → "), length(s.rung));
}

fn moves(text: &mut String, s: &Settings) {
    text.push_str("\n## 移り変わり\n\nここにない操作は、断られるか、記録だけされて段階は変わりません。\n\n");
    text.push_str("| いま | 操作 | 次 |\n|---|---|---|\n");
    let now = Instant(0) + Span::days(1);
    for state in states() {
        let mut targets: Vec<(String, Vec<String>)> = Vec::new();
        for (name, command) in commands() {
            let to = match next(state, command, now, s) {
                Ok(t) if t.state != state => reached(&t.state),
                _ => continue,
            };
            match targets.iter_mut().find(|(target, _)| *target == to) {
                Some((_, names)) => names.push(name),
                None => targets.push((to, vec![name])),
            }
        }
        for (to, names) in targets {
            let _ = writeln!(text, "| {} | {} | {to} |", label(&state), names.join("、"));
        }
    }
}

fn endings(text: &mut String) {
    text.push_str("\n## 解消できる結果\n\n無事とする結果は、本人・家族・訪問した方のだれかが様子を確かめた後にだけ選べます。「本人の用件に対応した」は、呼び出しボタン・「電話がほしい」・「体調が悪い」のときだけ選べます。\n\n| 段階 | 結果 |\n|---|---|\n");
    for state in known_states() {
        let names: Vec<&str> = causes(&state).iter().map(|c| c.ja()).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "| {} | {} |", label(&state), names.join("、"));
        }
    }
}

/// One state of each kind that behaves differently.
pub(crate) fn states() -> Vec<State> {
    let mut all = vec![
        State::Detected,
        State::Taken,
        State::CallingResident { tries: 1, last_try: Instant(0) },
        State::CallingContacts,
        State::VisitRequested { accepted: false },
        State::VisitRequested { accepted: true },
        State::OnTheWay,
        State::Arrived,
        State::NobodyAnswers { asked: None },
    ];
    all.extend(Help::ALL.iter().map(|h| State::NobodyAnswers { asked: Some(*h) }));
    for condition in [Condition::Well, Condition::Unwell, Condition::Absent] {
        all.push(State::Reported { condition, how: How::Visitor });
    }
    all.push(State::Ambulance);
    for answered in [false, true] {
        all.push(State::Consultation { answered, condition: Condition::Unwell, how: How::Visitor });
    }
    let cause = Cause::AnsweredWell;
    all.extend([State::Resolved { cause }, State::Reviewed { cause }]);
    all
}

/// The states from which a case can end, with every way something became known.
fn known_states() -> Vec<State> {
    let mut all: Vec<State> = Vec::new();
    for condition in [Condition::Well, Condition::Unwell, Condition::Absent] {
        for how in How::ALL {
            all.push(State::Reported { condition, how: *how });
        }
    }
    for how in How::ALL {
        all.push(State::Consultation { answered: true, condition: Condition::Unwell, how: *how });
    }
    all.push(State::Ambulance);
    all.extend(Help::ALL.iter().map(|h| State::NobodyAnswers { asked: Some(*h) }));
    all
}

/// One command of each kind, under the name an operator gives it.
pub(crate) fn commands() -> Vec<(String, Command)> {
    let well = (Condition::Well, How::Contact);
    let mut all: Vec<(String, Command)> = vec![
        ("受付".into(), Command::Take),
        ("本人応答・無事".into(), Command::CallResident { outcome: CallOutcome::Well, contacts: 1 }),
        ("本人応答・体調不良".into(), Command::CallResident { outcome: CallOutcome::Unwell, contacts: 1 }),
        ("本人不在・留守電・話中".into(), Command::CallResident { outcome: CallOutcome::NotThere, contacts: 1 }),
        ("本人の番号誤り".into(), Command::CallResident { outcome: CallOutcome::WrongNumber, contacts: 1 }),
        ("連絡先応答・無事".into(), Command::CallContact { outcome: CallOutcome::Well, left: 1 }),
        ("連絡先応答・体調不良".into(), Command::CallContact { outcome: CallOutcome::Unwell, left: 1 }),
        ("連絡先つながらず（残りあり）".into(), Command::CallContact { outcome: CallOutcome::NotThere, left: 1 }),
        ("連絡先つながらず（最後）".into(), Command::CallContact { outcome: CallOutcome::NotThere, left: 0 }),
        ("着信（様子わからず）".into(), Command::IncomingCall { learned: None }),
        ("着信（無事とわかる）".into(), Command::IncomingCall { learned: Some(well) }),
        ("訪問依頼".into(), Command::RequestVisit),
        ("訪問の承諾".into(), Command::AcceptVisit),
        ("訪問の辞退（ほかになし）".into(), Command::DeclineVisit { others: None }),
        ("訪問の辞退（ほかの方が承諾済み）".into(), Command::DeclineVisit { others: Some(VisitState::Accepted) }),
        ("向かう".into(), Command::Depart),
        ("現着".into(), Command::Arrive),
    ];
    for condition in Condition::ALL {
        let command = Command::Report { condition: *condition, how: How::Visitor };
        all.push((format!("報告・{}", condition.ja()), command));
    }
    all.extend(Help::ALL.iter().map(|h| (format!("{}に依頼", h.ja()), Command::AskHelp(*h))));
    all.extend([
        ("救急要請".into(), Command::CallAmbulance),
        ("医療相談".into(), Command::Consult),
        ("医師の回答".into(), Command::Answer),
    ]);
    all.extend(Cause::ALL.iter().map(|c| (format!("解消・{}", c.ja()), Command::Close(*c))));
    all.extend([
        ("振り返り".into(), Command::Review),
        ("同じ住まいのアラート".into(), Command::Join { urgent: false }),
        ("同じ住まいの呼び出しボタン・「体調が悪い」".into(), Command::Join { urgent: true }),
    ]);
    all
}

fn label(state: &State) -> String {
    let step = state.step().ja();
    match state {
        State::VisitRequested { accepted: true } => format!("{step}（承諾あり）"),
        State::NobodyAnswers { asked: Some(help) } => format!("{step}（{}に依頼済み）", help.ja()),
        State::Reported { condition, how } => format!("{step}（{}・{}）", how.ja(), condition.ja()),
        State::Consultation { answered: false, .. } => format!("{step}（回答待ち）"),
        State::Consultation { answered: true, how, .. } => format!("{step}（回答あり・{}）", how.ja()),
        State::Resolved { .. } | State::Reviewed { .. } => step.to_owned(),
        _ => step.to_owned(),
    }
}

/// A state as the target of a move: what was found stands in the name of the command already.
fn reached(state: &State) -> String {
    match state {
        State::Reported { .. } => state.step().ja().to_owned(),
        State::NobodyAnswers { asked: Some(_) } => format!("{}（依頼済み）", state.step().ja()),
        State::Consultation { answered, .. } => {
            format!("{}（{}）", state.step().ja(), if *answered { "回答あり" } else { "回答待ち" })
        }
        other => label(other),
    }
}

fn length(span: Span) -> String {
    match (span.as_seconds() / 60, span.as_seconds() % 60) {
        (0, s) => format!("{s}秒"),
        (m, 0) if m >= 60 && m % 60 == 0 => format!("{}時間", m / 60),
        (m, 0) => format!("{m}分"),
        (m, s) => format!("{m}分{s}秒"),
    }
}
