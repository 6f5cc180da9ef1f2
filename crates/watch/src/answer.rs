//! What a person answers to the gentle question whether all is well. An answer ends a question, never an alert; that
//! somebody wants to be called or feels unwell is an alert of its own, whatever became of the question.

use access::Act;
use base::{Actor, AlertId, Ctx, Instant, Purpose, RequestId, words};
use db::{DbError, Tx, outbox};
use people::Relation;
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

words! {
    /// By what an answer came.
    AnswerWay {
        Key = "key", "電話のキー";
        Link = "link", "メール・SMSの画面";
        Page = "page", "サインインした画面";
    }
}

/// What somebody says to a question.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    pub answer: Answer,
    /// The person, or the contact who was asked.
    pub from: Uuid,
    pub way: AnswerWay,
}

impl Reply {
    /// Of somebody who is signed in.
    pub fn on_page(ctx: &Ctx, answer: Answer) -> Reply {
        Reply { answer, from: ctx.actor.id, way: AnswerWay::Page }
    }
}

/// A reply as it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    pub answer: Answer,
    pub from: Uuid,
    /// As it was then; `None` where nobody knows it.
    pub relation: Option<Relation>,
    pub way: AnswerWay,
}

impl Answered {
    /// 「本人」「ご家族（長男）」.
    pub fn who(&self) -> String {
        use Relation as R;
        match self.relation {
            None => "お返事の方".to_owned(),
            Some(R::Oneself) => R::Oneself.ja().to_owned(),
            Some(
                other @ (R::Friend
                | R::Neighbour
                | R::Guardian
                | R::Curator
                | R::Assistant
                | R::VoluntaryGuardian
                | R::Landlord
                | R::Other),
            ) => format!("連絡先の方（{}）", other.ja()),
            Some(kin) => format!("ご家族（{}）", kin.ja()),
        }
    }

    /// Whether somebody other than the person answered.
    pub const fn is_of_another(&self) -> bool {
        !matches!(self.relation, Some(Relation::Oneself))
    }
}

/// Who asked, by an answer, for what this alert is about. For the case, which has asked for leave.
pub fn answered_by(tx: &mut dyn Tx, alert: AlertId) -> Result<Option<Answered>, DbError> {
    store::answer_of(tx, alert)
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
    reply: &Reply,
    on_alert: &OnAlert,
) -> Result<(), WatchError> {
    let answer = reply.answer;
    let found = store::one(tx, alert)?.ok_or(WatchRefusal::NoAlert)?;
    let witness = access::require(ctx, tx, Act::AnswerNotice, found.person)?;
    if found.level == Level::Alert {
        return Err(WatchRefusal::NotANotice.into());
    }
    let is_open = found.state == AlertState::Standing;
    if !is_open && answer == Answer::Well {
        return Err(WatchRefusal::AlreadyEnded.into());
    }
    let relation = people::as_far_as_readable(people::relation_to(tx, found.person, reply.from))?.flatten();
    let said = Answered { answer, from: reply.from, relation, way: reply.way };
    if is_open {
        store::note_answer(tx, alert, &said)?;
        store::end(tx, alert, AlertState::Answered, ctx.now)?;
        let no = store::home_no(tx, alert)?;
        home::reassure(tx, no, ctx.now)?;
        outbox::push(tx, ctx.now, &Event::AlertChanged { alert, person: Some(found.person) })?;
    }
    audit::done(ctx, tx, Verb::AnswerNotice, &witness, answer.key())?;
    if let Some(rule) = answer.rule() {
        raise(ctx, tx, &found, rule, &said, on_alert)?;
    }
    contract::changed(ctx, tx, found.home)
}

fn raise(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    notice: &Alert,
    rule: Rule,
    said: &Answered,
    on_alert: &OnAlert,
) -> Result<(), WatchError> {
    let no = store::home_no(tx, notice.id)?;
    if store::standing_of_home(tx, no)?.iter().any(|a| a.rule == rule) {
        return Ok(());
    }
    // Whoever answers may open no case; the program does.
    let request = RequestId(ctx.id::<Uuid>());
    let program = Ctx::new(Actor::system("watch"), Purpose::WatchResponse, ctx.now, request);
    let clock = at_clock(ctx.now, ctx.now);
    let (who, way) = (said.who(), said.way.ja());
    let reason = format!("{clock}、お変わりないかの確認に、{who}から「{}」とお返事がありました（{way}）。", rule.ja());
    let alert = wish(program.id(), notice, rule, ctx.now, reason, *said);
    Ok(unanswered::raise(&program, tx, no, None, &alert, on_alert)?)
}

fn wish(id: AlertId, notice: &Alert, rule: Rule, now: Instant, reason: String, said: Answered) -> Alert {
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
        answer: Some(said),
        ..notice.clone()
    }
}
