//! What a person answers to the gentle question whether all is well. An answer ends a question, never an alert; that
//! somebody wants to be called or feels unwell is an alert of its own, whatever became of the question.

use access::Act;
use base::{Actor, AlertId, Ctx, Purpose, RequestId, words};
use db::{Tx, outbox};
use uuid::Uuid;

use crate::event::Event;
use crate::live::OnAlert;
use crate::store::{alert as store, home};
use crate::verbs::Verb;
use crate::words::at_clock;
use crate::{Alert, AlertState, Level, Rule, WatchError, WatchRefusal, contract, unanswered};

words! {
    /// One of the three.
    Answer {
        Well = "well", "お変わりない";
        CallMe = "call_me", "電話がほしい";
        Unwell = "unwell", "体調が悪い";
    }
}

impl Answer {
    /// The key of a telephone.
    pub fn from_digit(key: &str) -> Option<Answer> {
        match key {
            "1" => Some(Answer::Well),
            "2" => Some(Answer::CallMe),
            "3" => Some(Answer::Unwell),
            _ => None,
        }
    }

    const fn rule(self) -> Option<Rule> {
        match self {
            Answer::Well => None,
            Answer::CallMe => Some(Rule::CallWanted),
            Answer::Unwell => Some(Rule::FeelsUnwell),
        }
    }
}

/// An answer by the link in the message, by a telephone's key, by the resident or a relative. It ends the question, and
/// counts as an unconfirmed sign of well-being: the watch counts silence anew from now. Who wants to be called or feels
/// unwell is taken up by `on_alert` at once, also where the question is over; the same again while that alert stands is
/// known.
pub fn answer_notice(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    alert: AlertId,
    answer: Answer,
    on_alert: &OnAlert,
) -> Result<(), WatchError> {
    let found = store::one(tx, alert)?.ok_or(WatchRefusal::NoAlert)?;
    let witness = access::require(ctx, tx, Act::AnswerNotice, found.person)?;
    if found.level == Level::Alert {
        return Err(WatchRefusal::NotANotice.into());
    }
    let is_open = found.state == AlertState::Standing;
    if !is_open && answer == Answer::Well {
        return Err(WatchRefusal::AlreadyEnded.into());
    }
    if is_open {
        store::end(tx, alert, AlertState::Answered, ctx.now)?;
        let no = store::home_no(tx, alert)?;
        home::reassure(tx, no, ctx.now)?;
        outbox::push(tx, ctx.now, &Event::AlertChanged { alert, person: Some(found.person) })?;
    }
    audit::done(ctx, tx, Verb::AnswerNotice, &witness, answer.key())?;
    if let Some(rule) = answer.rule() {
        raise(ctx, tx, &found, rule, on_alert)?;
    }
    contract::changed(ctx, tx, found.home)
}

fn raise(ctx: &Ctx, tx: &mut dyn Tx, notice: &Alert, rule: Rule, on_alert: &OnAlert) -> Result<(), WatchError> {
    let no = store::home_no(tx, notice.id)?;
    if store::standing_of_home(tx, no)?.iter().any(|a| a.rule == rule) {
        return Ok(());
    }
    // Whoever answers may open no case; the program does.
    let request = RequestId(ctx.id::<Uuid>());
    let program = Ctx::new(Actor::system("watch"), Purpose::WatchResponse, ctx.now, request);
    let clock = at_clock(ctx.now, ctx.now);
    let reason = format!("{clock}、お変わりないかの確認に「{}」とお返事がありました。", rule.ja());
    let alert = said(program.id(), notice, rule, ctx.now, reason);
    Ok(unanswered::raise(&program, tx, no, None, &alert, on_alert)?)
}

fn said(id: AlertId, notice: &Alert, rule: Rule, now: base::Instant, reason: String) -> Alert {
    Alert {
        id,
        level: Level::Alert,
        rule,
        device: None,
        due_at: now,
        raised_at: now,
        reason,
        state: AlertState::Standing,
        sign_at: None,
        ended_at: None,
        cause: None,
        ..notice.clone()
    }
}
