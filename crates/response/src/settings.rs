//! What a region may set: limits, tries, the script of questions. Each change is a new version; the old ones stay.

use access::Charge;
use base::{Ctx, Instant, Span, limits};
use db::{DbError, Row, Tx, outbox, params};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::verbs::Verb;
use crate::{Refusal, ResponseError};

/// Limits and tries of a region, and the operator's script. The numbers are a starting point to be agreed with the
/// city and its call centre [to verify]; 60 s and 180 s are the marks of the wallboard, not limits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// From the alert until somebody takes it.
    pub take: Span,
    /// From taking to the first call, and grace after the interval of a repeated one.
    pub first_call: Span,
    /// Tries to reach the resident by telephone.
    pub tries: u8,
    /// The same after the emergency button.
    pub tries_urgent: u8,
    pub retry_interval: Span,
    /// From one contact to the next.
    pub contact_call: Span,
    /// Until somebody agrees to go.
    pub visit_answer: Span,
    /// From agreeing to setting out.
    pub depart: Span,
    pub travel: Span,
    /// From arriving to the report.
    pub report: Span,
    /// From a door that nobody opens to asking for help.
    pub ask_help: Span,
    pub key_holder: Span,
    pub police: Span,
    pub fire: Span,
    /// From a known result to the end of the case or the doctor.
    pub decide: Span,
    pub ambulance: Span,
    /// 返信期限 of a consultation.
    pub consultation: Span,
    /// Between telling one and telling the next in line.
    pub rung: Span,
    /// What the operator asks, in order.
    pub script: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            take: Span::minutes(3),
            first_call: Span::minutes(3),
            tries: 3,
            tries_urgent: 1,
            retry_interval: Span::minutes(5),
            contact_call: Span::minutes(5),
            visit_answer: Span::minutes(10),
            depart: Span::minutes(30),
            travel: Span::minutes(60),
            report: Span::minutes(20),
            ask_help: Span::minutes(10),
            key_holder: Span::minutes(30),
            police: Span::minutes(60),
            fire: Span::minutes(30),
            decide: Span::minutes(20),
            ambulance: Span::minutes(60),
            consultation: Span::minutes(60),
            rung: Span::minutes(10),
            script: [
                "見守りコールセンターの○○です。お変わりないか確かめるため、お電話しました。",
                "今、お体の具合はいかがですか。痛いところや苦しいところはありませんか。",
                "今日は起きてから、食事や水分はとられましたか。",
                "お部屋は暑すぎたり、寒すぎたりしませんか。",
                "今日、お出かけのご予定はありますか。",
                "ご家族やケアマネジャーにお伝えすることはありますか。",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }
}

/// Lines of the script at most.
pub const SCRIPT_LINES: usize = 20;

impl Settings {
    /// The same with the tries that hold after the emergency button.
    pub fn for_urgency(&self, urgent: bool) -> Settings {
        let tries = if urgent { self.tries_urgent } else { self.tries };
        Settings { tries, ..self.clone() }
    }

    fn spans(&self) -> [Span; 16] {
        [
            self.take,
            self.first_call,
            self.retry_interval,
            self.contact_call,
            self.visit_answer,
            self.depart,
            self.travel,
            self.report,
            self.ask_help,
            self.key_holder,
            self.police,
            self.fire,
            self.decide,
            self.ambulance,
            self.consultation,
            self.rung,
        ]
    }

    /// A limit is between 30 seconds and a day, so that no case can be set to wait for ever.
    pub fn check(&self) -> Result<(), Refusal> {
        let long = |s: &Span| *s < Span::seconds(30) || *s > Span::hours(24);
        if self.spans().iter().any(long) {
            return Err(Refusal::LimitOutOfRange);
        }
        if !(1..=5).contains(&self.tries) || !(1..=5).contains(&self.tries_urgent) {
            return Err(Refusal::TriesOutOfRange);
        }
        let bad = |line: &String| line.trim().is_empty() || line.chars().count() > limits::LINE_CHARS;
        if self.script.len() > SCRIPT_LINES || self.script.iter().any(bad) {
            return Err(Refusal::ScriptTooLong);
        }
        Ok(())
    }
}

/// Of a version that cannot be read, the one before it stays in force.
const NEWEST: &str = "SELECT version, body FROM response_setting ORDER BY version DESC LIMIT 20";
const INSERT: &str = "INSERT INTO response_setting (version, at, by_id, body)
    SELECT COALESCE(MAX(version), 0) + 1, $1, $2, $3 FROM response_setting";
const HISTORY: &str = "SELECT version, at, by_id FROM response_setting ORDER BY version DESC LIMIT $1";

/// What is in force now: the newest version that can be read. No case waits for a setting to be mended.
pub fn settings(tx: &mut dyn Tx) -> Result<Settings, DbError> {
    let read = |row: &Row| row.word(1, |body| serde_json::from_str::<Settings>(body).ok());
    Ok(tx.list("response_setting", NEWEST, &[], read)?.into_iter().next().unwrap_or_default())
}

/// Puts new settings in force; of the city or the network's office. Running limits stay as they were set.
pub fn set_settings(ctx: &Ctx, tx: &mut dyn Tx, new: Settings) -> Result<(), ResponseError> {
    let charged = access::charge(ctx, Charge::SetCaseRules).map_err(|_| Refusal::SettingsNotYours)?;
    new.check()?;
    let body = serde_json::to_string(&new).map_err(|_| Refusal::LimitOutOfRange)?;
    tx.execute(INSERT, params![ctx.now, ctx.actor.id, body])?;
    audit::done(ctx, tx, Verb::SetSettings, charged, "settings")?;
    Ok(outbox::push(tx, ctx.now, &Event::SettingsChanged {})?)
}

/// When the settings were changed and by whom, newest first.
pub fn settings_history(tx: &mut dyn Tx) -> Result<Vec<(u32, Instant, uuid::Uuid)>, DbError> {
    let rows = tx.query(HISTORY, params![limits::LIST_ROWS])?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).collect()
}
