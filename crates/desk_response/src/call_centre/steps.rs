//! The commands of a case. Each posts to a resource of the case and leads back to the page; what the rules refuse is
//! said on the page itself, with what was typed.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use base::{CaseId, ContactId, Instant, OfficeId, Redacted, Role, StaffId, VisitId};
use form::{Form, Refusal};
use page::address;
use page::frame::Frame;
use page::named::id;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::typed::Typed;
use page::visitor::Visitor;
use response::{CallOutcome, Callee, Cause, Condition, Help, NewCall, VisitReport, Visitor as Going};

use super::case::again;
use super::note_of;

/// One posted form of a case.
struct Step {
    site: Site,
    visitor: Visitor,
    frame: Frame,
    case: CaseId,
    form: Form,
}

impl Step {
    fn new(site: Site, visitor: Visitor, frame: Frame, case: &str, form: Form) -> Result<Step, Problem> {
        Ok(Step { site, visitor, frame, case: id(case)?, form })
    }

    /// The page again, the words beside their field.
    async fn wrong(self, field: &'static str, words: &str) -> Result<Response, Problem> {
        let typed = Typed::new(self.form, Refusal::at(field, words));
        again(&self.site, &self.visitor, &self.frame, self.case, typed).await
    }

    /// Carries the command out and leads back to the case, or to where `after` says.
    async fn run<T, F>(self, verb: response::Verb, after: Option<String>, command: F) -> Result<Response, Problem>
    where
        T: Send + 'static,
        F: Fn(&base::Ctx, &mut dyn db::Tx) -> Result<T, Problem> + Send + 'static,
    {
        match self.visitor.command(&self.site, verb, command).await {
            Ok(_) => {
                let back = after.unwrap_or_else(|| format!("/cases/{}", self.case));
                Ok(Redirect::to(&back).into_response())
            }
            Err(Problem::Refused(why)) => {
                let typed = Typed::new(self.form, why);
                again(&self.site, &self.visitor, &self.frame, self.case, typed).await
            }
            Err(other) => Err(other),
        }
    }

    fn text(&self, field: &str) -> Redacted<String> {
        Redacted::new(self.form.one(field).to_owned())
    }

    /// Back to the visitor's own page, where the form stood on it.
    fn visit(&self) -> Option<String> {
        self.form.one("visit").parse::<VisitId>().ok().map(address::visit)
    }
}

pub async fn take(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let case = step.case;
    step.run(response::Verb::Take, None, move |ctx, tx| Ok(response::take(ctx, tx, case)?)).await
}

pub async fn hand_over(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let Ok(to) = step.form.one("to").parse::<StaffId>() else {
        return step.wrong("to", "引き継ぐ相手を選んでください。").await;
    };
    let (case, note) = (step.case, note_of(&step.form));
    step.run(response::Verb::HandOver, None, move |ctx, tx| Ok(response::hand_over(ctx, tx, case, to, note.clone())?))
        .await
}

pub async fn take_over(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    if step.form.one("reason").is_empty() {
        return step.wrong("reason", "担当を替わる理由を入力してください。").await;
    }
    let (case, reason) = (step.case, step.text("reason"));
    step.run(response::Verb::TakeOver, None, move |ctx, tx| Ok(response::take_over(ctx, tx, case, reason.clone())?))
        .await
}

pub async fn release(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let (case, note) = (step.case, note_of(&step.form));
    let after = (step.visitor.role() == Role::Operator).then(|| "/cases".to_owned());
    step.run(response::Verb::Release, after, move |ctx, tx| Ok(response::release(ctx, tx, case, note.clone())?)).await
}

pub async fn call(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let Some(outcome) = CallOutcome::from_key(step.form.one("outcome")) else {
        return step.wrong("outcome", "電話の結果を選んでください。").await;
    };
    let to = match step.form.one("to") {
        "resident" => Callee::Resident,
        contact => match contact.parse::<ContactId>() {
            Ok(contact) => Callee::Contact(contact),
            Err(_) => return step.wrong("outcome", "電話した相手を選び直してください。").await,
        },
    };
    let (case, call) = (step.case, NewCall { to, outcome, note: note_of(&step.form) });
    step.run(response::Verb::RecordCall, None, move |ctx, tx| Ok(response::record_call(ctx, tx, case, call.clone())?))
        .await
}

/// Who is asked, as a form sends it: `contact:…`, `staff:…`, `office:…`.
pub(crate) fn visitor_key(visitor: Going) -> String {
    match visitor {
        Going::Contact(id) => format!("contact:{id}"),
        Going::Staff(id) => format!("staff:{id}"),
        Going::Office(id) => format!("office:{id}"),
    }
}

fn read_visitor(key: &str) -> Option<Going> {
    match key.split_once(':')? {
        ("contact", id) => id.parse::<ContactId>().ok().map(Going::Contact),
        ("staff", id) => id.parse::<StaffId>().ok().map(Going::Staff),
        ("office", id) => id.parse::<OfficeId>().ok().map(Going::Office),
        _ => None,
    }
}

pub async fn request_visit(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let Some(going) = read_visitor(step.form.one("visitor")) else {
        return step.wrong("visitor", "訪問を依頼する方を選んでください。").await;
    };
    let (case, note) = (step.case, note_of(&step.form));
    step.run(response::Verb::RequestVisit, None, move |ctx, tx| {
        Ok(response::request_visit(ctx, tx, case, going, note.clone())?)
    })
    .await
}

pub async fn ask_help(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let Some(help) = Help::from_key(step.form.one("help")) else {
        return step.wrong("help", "依頼した相手を選んでください。").await;
    };
    let (case, note) = (step.case, note_of(&step.form));
    step.run(response::Verb::AskHelp, None, move |ctx, tx| Ok(response::ask_help(ctx, tx, case, help, note.clone())?))
        .await
}

pub async fn report_help(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let Some(condition) = Condition::from_key(step.form.one("condition")) else {
        return step.wrong("condition", "聞いた様子を選んでください。").await;
    };
    let (case, report) = (step.case, VisitReport { condition, text: note_of(&step.form) });
    step.run(response::Verb::ReportHelp, None, move |ctx, tx| Ok(response::report_help(ctx, tx, case, report.clone())?))
        .await
}

pub async fn ambulance(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    if step.form.one("by").is_empty() {
        return step.wrong("by", "119番に電話した方を入力してください。").await;
    }
    let now = step.site.now();
    let Some(at) = clock_before(step.form.one("at"), now) else {
        return step.wrong("at", "時刻を 10:42 のように入力してください。").await;
    };
    let (case, by, note, after) = (step.case, step.text("by"), note_of(&step.form), step.visit());
    step.run(response::Verb::CallAmbulance, after, move |ctx, tx| {
        Ok(response::call_ambulance(ctx, tx, case, at.min(ctx.now), by.clone(), note.clone())?)
    })
    .await
}

/// 「10:42」 as the last such time before now: at 0:05, 「23:58」 was yesterday. Blank for now; `None` for no time.
fn clock_before(typed: &str, now: Instant) -> Option<Instant> {
    if typed.is_empty() {
        return Some(now);
    }
    let (hour, minute) = typed.split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.split(':').next()?.parse().ok()?);
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) {
        return None;
    }
    let today = Instant::from_wall_day(now.wall_day()) + base::Span::minutes(hour * 60 + minute);
    Some(if today > now { today - base::Span::days(1) } else { today })
}

pub async fn consult(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let Ok(doctor) = step.form.one("doctor").parse::<StaffId>() else {
        return step.wrong("doctor", "相談する医師を選んでください。").await;
    };
    if step.form.one("question").is_empty() {
        return step.wrong("question", "相談の内容を入力してください。").await;
    }
    let (case, question, after) = (step.case, step.text("question"), step.visit());
    step.run(response::Verb::Consult, after, move |ctx, tx| {
        Ok(response::consult(ctx, tx, case, doctor, question.clone())?)
    })
    .await
}

pub async fn answer(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    if step.form.one("answer").is_empty() {
        return step.wrong("answer", "回答を入力してください。").await;
    }
    let (case, answer) = (step.case, step.text("answer"));
    step.run(response::Verb::AnswerConsultation, None, move |ctx, tx| {
        Ok(response::answer_consultation(ctx, tx, case, answer.clone())?)
    })
    .await
}

pub async fn close(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let step = Step::new(site, visitor, frame, &case, form)?;
    let Some(cause) = Cause::from_key(step.form.one("cause")) else {
        return step.wrong("cause", "結果を選んでください。").await;
    };
    let (case, words) = (step.case, step.text("closing"));
    // Whoever knew the person by the case alone does not see the page any more.
    let after = match step.visitor.role() {
        Role::Operator => Some("/cases?done=closed".to_owned()),
        Role::CityOfficer | Role::SupportCentre => Some("/overdue".to_owned()),
        _ => None,
    };
    step.run(response::Verb::Close, after, move |ctx, tx| Ok(response::close(ctx, tx, case, cause, words.clone())?))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_on_the_clock_is_the_last_one_that_was() {
        let now = Instant::parse("2026-11-22T00:05").expect("a moment");
        let read = |typed: &str| clock_before(typed, now).map(|t| t.to_string());
        assert_eq!(read("23:58").as_deref(), Some("2026-11-21T23:58:00"));
        assert_eq!(read("0:05").as_deref(), Some("2026-11-22T00:05:00"));
        assert_eq!(read(""), Some(now.to_string()));
        for typed in ["24:00", "10時", "10:60", "-1:00"] {
            assert_eq!(read(typed), None, "{typed}");
        }
    }

    #[test]
    fn who_is_asked_goes_through_a_form_and_back() {
        let id = uuid::Uuid::from_u128(7);
        for going in [Going::Contact(id.into()), Going::Staff(id.into()), Going::Office(id.into())] {
            assert_eq!(read_visitor(&visitor_key(going)), Some(going));
        }
        for key in ["", "staff", "staff:", "other:7", "staff:x"] {
            assert_eq!(read_visitor(key), None, "{key}");
        }
    }
}
