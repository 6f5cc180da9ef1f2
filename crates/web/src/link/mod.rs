//! The page behind a link in a message: it names nobody, shows one button, and only the button acts, once. The token
//! stands in the address and nowhere else.

#[cfg(test)]
mod tests;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::{Ctx, Purpose, Role};
use maud::{Markup, html};
use notify::{LinkHash, LinkPeek, LinkPurpose, LinkUse, NotifyRefusal};

use crate::components::{Action, Icon, State as Tone, link_button, notice};
use crate::door::{Door, Who};
use crate::frame::Frame;
use crate::problem::Problem;
use crate::site::{Site, new_request};

pub fn doors() -> Vec<Door> {
    vec![Door::plain("/l/{token}", Who::Anyone, page), Door::command("/l/{token}", Who::Anyone, press)]
}

async fn page(State(site): State<Site>, frame: Frame, Path(token): Path<String>) -> Result<Response, Problem> {
    let (link, now) = (LinkHash::of(&token), site.now());
    let peek = site.db().read(move |tx| notify::peek_link(tx, &link, now).map_err(Problem::from)).await?;
    let action = format!("/l/{token}");
    Ok(match peek {
        LinkPeek::Open { purpose, topic, .. } => {
            let (title, body) = open(purpose, topic, &action);
            quietly(StatusCode::OK, nameless(frame).page(title).body(body))
        }
        LinkPeek::Used => over(frame, &NotifyRefusal::LinkUsed.to_string()),
        LinkPeek::Expired => over(frame, &NotifyRefusal::LinkExpired.to_string()),
        LinkPeek::Unknown => over(frame, &NotifyRefusal::LinkUnknown.to_string()),
    })
}

fn open(purpose: LinkPurpose, topic: notify::Topic, action: &str) -> (&'static str, Markup) {
    match purpose {
        LinkPurpose::AnswerNotice { .. } => (
            "お変わりありませんか",
            html! {
                p.lead { "お変わりがなければ、下のボタンを一度押してください。" }
                (Action::post(action, "大丈夫です").primary().icon(Icon::Check))
                (notice(Tone::NearLimit, "具合が悪いとき・分からないとき", html! {
                    p { "このボタンは押さずに、電話でお知らせください。急な病気やけがのときは119番に電話してください。" }
                }))
            },
        ),
        _ => (
            "お知らせがあります",
            html! {
                p.lead { (topic.ja()) }
                p { "内容は、サインインした後の画面で確かめられます。" }
                (Action::post(action, "サインインして開く").primary().icon(Icon::Arrow))
            },
        ),
    }
}

async fn press(State(site): State<Site>, frame: Frame, Path(token): Path<String>) -> Result<Response, Problem> {
    let link = LinkHash::of(&token);
    let ctx = Ctx::new(signin::visitor(), Purpose::WatchResponse, site.now(), new_request());
    let refusing = ctx.clone();
    let outcome = site
        .db()
        .write_or(
            move |tx| {
                let ctx = ctx.clone();
                let used = notify::use_link(&ctx, tx, &link)?;
                act(&ctx, tx, &used)?;
                Ok::<_, Problem>(used)
            },
            move |tx, problem: &Problem| audit::refused(&refusing, tx, "notify.use_link", &[], problem.key()).map(drop),
        )
        .await;
    match outcome {
        Ok(used) => Ok(after(frame, &used)),
        Err(Problem::Refused(why)) => Ok(over(frame, &why)),
        // The watch ended meanwhile; the bearer is told no more than that.
        Err(Problem::Denied) => Ok(over(frame, &NotifyRefusal::LinkExpired.to_string())),
        Err(other) => Err(other),
    }
}

/// What the button does for a bearer without a name. All else waits for a sign-in.
fn act(ctx: &Ctx, tx: &mut dyn db::Tx, used: &LinkUse) -> Result<(), Problem> {
    let LinkPurpose::AnswerNotice { alert } = used.purpose else { return Ok(()) };
    let bearer = Ctx::new(used.actor(), ctx.purpose, ctx.now, ctx.request);
    Ok(watch::answer_notice(&bearer, tx, alert)?)
}

fn after(frame: Frame, used: &LinkUse) -> Response {
    let signed_in = frame.visitor.as_ref().map(crate::visitor::Visitor::role);
    let address = match (used.purpose, signed_in) {
        (LinkPurpose::AnswerNotice { .. }, _) => {
            let page = nameless(frame).page("ありがとうございました").body(html! {
                (notice(Tone::Confirmed, "「大丈夫です」をお受けしました", html! {
                    p { "この画面は閉じてかまいません。" }
                }))
            });
            return quietly(StatusCode::OK, page);
        }
        (_, None) => "/signin".to_owned(),
        (LinkPurpose::OpenCase { .. }, Some(role @ (Role::Family | Role::Resident))) => {
            crate::frame::home(Some(role)).to_owned()
        }
        (LinkPurpose::OpenCase { case }, Some(_)) => format!("/cases/{case}"),
        (LinkPurpose::VisitRequest { visit }, Some(_)) => format!("/visits/{visit}"),
        (LinkPurpose::OpenNote { note }, Some(_)) => format!("/notes/{note}"),
    };
    quietly(StatusCode::SEE_OTHER, Redirect::to(&address))
}

fn over(frame: Frame, why: &str) -> Response {
    let page = nameless(frame).page("このお知らせは終わっています").body(html! {
        (notice(Tone::Done, "操作は必要ありません", html! { p { (why) } }))
        p { "ご家族や担当の方は、サインインすると最新の様子を確かめられます。" }
        (link_button("/signin", "サインイン"))
    });
    quietly(StatusCode::OK, page)
}

/// Whoever opens the link, signed in or not, sees no name on the page.
fn nameless(mut frame: Frame) -> Frame {
    frame.visitor = None;
    frame
}

/// The address, which holds the token, is handed to nobody.
fn quietly(status: StatusCode, page: impl IntoResponse) -> Response {
    let mut response = page.into_response();
    *response.status_mut() = status;
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
