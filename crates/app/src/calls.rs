//! `POST /gateway/v1/calls`: somebody telephones to say that they go out, or that they are back (`docs/gateway.md`). The
//! gateway asks for a key and reads the answer out. The caller is known by the number alone, so only homes that are asked
//! by telephone are served, an absence is bounded, and the person and the care managers are told of it.

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base::wareki::Date;
use base::{Actor, Ctx, HomeId, Instant, PersonId, Purpose, RequestId, Role};
use db::Tx;
use page::problem::Problem;
use people::PhoneNumber;
use serde::Deserialize;
use serde_json::json;
use watch::{AbsenceReason, Alert, Answer, AnswerWay, Asked, BY_TELEPHONE, Level, NewAbsence, Reply, Rule};

use crate::message_gateway::{BODY, Desk, Told, not_stored, problem};
use crate::rounds::system;

pub const PATH: &str = "/gateway/v1/calls";

/// Fields of the gateway's own beside these are not read.
#[derive(Deserialize)]
struct Call {
    /// The number of the caller, as the carrier shows it.
    from: String,
    say: Said,
    /// The day until which the caller is out, where they said one.
    #[serde(default)]
    until: Option<String>,
}

impl Call {
    fn day(&self) -> Option<Date> {
        self.until.as_deref().and_then(Date::parse)
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// Out until the end of today.
    OutToday,
    OutTomorrow,
    OutUntil,
    Back,
}

pub fn routes(desk: Desk) -> Router {
    Router::new().route(PATH, post(receive)).layer(DefaultBodyLimit::max(BODY)).with_state(desk)
}

async fn receive(State(desk): State<Desk>, Told(body): Told) -> Response {
    let Ok(call) = serde_json::from_slice::<Call>(&body) else {
        let form = "from and say are missing, say is no word that is known, or this is not JSON";
        return problem(StatusCode::BAD_REQUEST, "not-a-call", form);
    };
    if matches!(call.say, Said::OutUntil) && call.day().is_none() {
        let form = "until is missing, or is no day such as 2026-12-03";
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "no-day", form);
    }
    let ctx = system("gateway", &desk.clock);
    match desk.db.write(move |tx| take(&ctx, tx, &call)).await {
        Ok(text) => Json(json!({ "text": text })).into_response(),
        // What a page says of a form says nothing to somebody with a telephone at their ear.
        Err(Problem::Refused(_)) => {
            let text = "お出かけを登録できませんでした。登録できるのは14日先までです。日にちをお確かめのうえ、担当の方にご連絡ください。";
            (StatusCode::CONFLICT, Json(json!({ "text": text }))).into_response()
        }
        Err(Problem::NotFound | Problem::Denied(_)) => {
            let text = "おかけの電話番号からは、お名前を確かめられませんでした。担当の方にご連絡ください。";
            (StatusCode::NOT_FOUND, Json(json!({ "text": text }))).into_response()
        }
        Err(Problem::Busy) => not_stored(&db::DbError::Busy),
        Err(Problem::Full) => not_stored(&db::DbError::Full),
        Err(other) => not_stored(&db::DbError::Engine(other.key().to_owned())),
    }
}

/// Does what was said; gives what is read out.
fn take(ctx: &Ctx, tx: &mut dyn Tx, call: &Call) -> Result<String, Problem> {
    let phone = PhoneNumber::parse(&call.from).map_err(|_| Problem::NotFound)?;
    let (person, home) = caller(ctx, tx, &phone)?;
    let actor = Actor {
        role: Role::Resident,
        id: person.0,
        office: None,
        person: Some(person),
        device: BY_TELEPHONE.to_owned(),
    };
    let own = Ctx::new(actor, Purpose::OwnView, ctx.now, RequestId(ctx.id::<uuid::Uuid>()));
    let today = Date::of(ctx.now);
    let until = match call.say {
        Said::Back => return back(&own, tx, home),
        Said::OutToday => today,
        Said::OutTomorrow => Date(today.0 + 1),
        Said::OutUntil => call.day().ok_or(Problem::NotFound)?,
    };
    answer_questions(&own, tx, home)?;
    let end = Instant::from_wall_day(i64::from(until.0) + 1);
    let reason = if until == today { AbsenceReason::Outing } else { AbsenceReason::Trip };
    watch::enter_absence(&own, tx, home, NewAbsence { reason, from: ctx.now, until: end, weekly: None })?;
    let text = format!(
        "{}いっぱい、お出かけとして承りました。お帰りになったら、もう一度お電話ください。",
        spoken(until, today)
    );
    Ok(text)
}

/// Back again: absences that run end now, and silence counts from now. Where none runs, a number, which can be forged,
/// puts off no silence.
fn back(own: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<String, Problem> {
    let running = watch::absences(own, tx, home)?.into_value();
    let running: Vec<_> =
        running.iter().filter(|a| a.cancelled_at.is_none() && a.weekly.is_none() && a.from <= own.now).collect();
    answer_questions(own, tx, home)?;
    if running.is_empty() {
        return Ok("お帰りなさい。お出かけの登録はありませんでした。見守りは続いています。".to_owned());
    }
    for absence in running {
        watch::cancel_absence(own, tx, absence.id)?;
    }
    watch::reassure(own, tx, home, own.now)?;
    Ok("お帰りなさい。見守りを再開しました。".to_owned())
}

/// Who telephones while they are asked whether all is well has answered.
fn answer_questions(own: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<(), Problem> {
    let standing = watch::standing_alerts(own, tx, home)?.into_value();
    let asks =
        |alert: &&Alert| alert.level == Level::Notice && matches!(alert.rule, Rule::Inactivity | Rule::DailyCall);
    for question in standing.iter().filter(asks) {
        let reply = Reply { answer: Answer::Well, from: own.actor.id, way: AnswerWay::Key };
        response::answer_notice(own, tx, question.id, &reply)?;
    }
    Ok(())
}

/// Whose own number this is, if it is one person's alone, and they are asked by telephone.
fn caller(ctx: &Ctx, tx: &mut dyn Tx, phone: &PhoneNumber) -> Result<(PersonId, HomeId), Problem> {
    let mut callers = Vec::new();
    for person in people::persons_by_phone(ctx, tx, phone)? {
        let resident = people::resident(ctx, tx, person)?.into_value();
        if resident.phones.contains(phone) {
            callers.push((person, resident.home));
        }
    }
    let [(person, home)] = callers.as_slice() else { return Err(Problem::NotFound) };
    let watched = watch::contract_of_home(tx, *home)?.is_some_and(|contract| contract.person == *person);
    if !watched || watch::settings_of(tx, *home)?.asked != Asked::Call {
        return Err(Problem::NotFound);
    }
    Ok((*person, *home))
}

/// As a voice says a day.
fn spoken(day: Date, today: Date) -> String {
    match day.0 - today.0 {
        0 => "きょう".to_owned(),
        1 => "あした".to_owned(),
        _ => {
            let local = Instant::from_wall_day(i64::from(day.0)).local();
            format!("{}月{}日", local.month, local.day)
        }
    }
}
