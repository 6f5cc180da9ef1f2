//! The page behind a link in a message: it names nobody, shows one button, and only the button acts, once. The token
//! stands in the address, and in a cookie while its bearer signs in.

pub mod remember;
#[cfg(test)]
mod tests;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::{Ctx, Purpose};
use maud::{Markup, html};
use notify::{LinkHash, LinkPeek, LinkPurpose, LinkUse, NotifyRefusal};
use page::client::ClientAddress;
use page::components::{Action, Icon, State as Tone, link_button, notice};
use page::door::{Door, Who};
use page::frame::Frame;
use page::posted::Posted;
use page::problem::Problem;
use page::site::{Site, new_request};
use page::stranger::{Vain, in_vain};
use parts::question::{About, CALLS};
use signin::{Address, Threshold};
use watch::{Answer, AnswerWay, Reply};

use self::remember::Followed;

pub fn doors() -> Vec<Door> {
    vec![Door::plain("/l/{token}", Who::Anyone, page), Door::command("/l/{token}", Who::Anyone, press)]
}

async fn page(State(site): State<Site>, frame: Frame, Path(token): Path<String>) -> Result<Response, Problem> {
    let (link, now) = (LinkHash::of(&token), site.now());
    let peek = site.db().read(move |tx| notify::peek_link(tx, &link, now).map_err(Problem::from)).await?;
    let action = format!("/l/{token}");
    match peek {
        LinkPeek::Open { purpose, topic, own, .. } => {
            let about = if own { About::Oneself } else { About::Relative };
            let (title, body) = open(purpose, topic, about, &action, frame.visitor.is_some());
            Ok(quietly(StatusCode::OK, nameless(frame).page(title).body(body)))
        }
        LinkPeek::Used => over(&site, frame, &NotifyRefusal::LinkUsed.to_string()).await,
        LinkPeek::Expired => over(&site, frame, &NotifyRefusal::LinkExpired.to_string()).await,
        LinkPeek::Unknown => over(&site, frame, &NotifyRefusal::LinkUnknown.to_string()).await,
    }
}

fn open(
    purpose: LinkPurpose,
    topic: notify::Topic,
    about: About,
    action: &str,
    signed_in: bool,
) -> (&'static str, Markup) {
    match purpose {
        LinkPurpose::AnswerNotice { .. } => (
            about.title(),
            html! {
                p.lead { "あてはまるボタンを一度押してください。" }
                (parts::question::whose(about))
                (parts::question::buttons(action))
            },
        ),
        _ => (
            "お知らせがあります",
            html! {
                p.lead { (topic.ja()) }
                @if signed_in {
                    (Action::post(action, "開く").primary().icon(Icon::Arrow))
                } @else {
                    p { "内容は、サインインした後の画面で確かめられます。" }
                    (Action::post(action, "サインインして開く").primary().icon(Icon::Arrow))
                }
            },
        ),
    }
}

async fn press(
    State(site): State<Site>,
    ClientAddress(from): ClientAddress,
    frame: Frame,
    Path(token): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let (link, now) = (LinkHash::of(&token), site.now());
    let peek = site.db().read(move |tx| notify::peek_link(tx, &link, now).map_err(Problem::from)).await?;
    match (peek, frame.visitor.clone()) {
        (LinkPeek::Open { purpose, .. }, None) if !purpose.acts_nameless() => Ok(to_sign_in(&site, &token)),
        (LinkPeek::Open { purpose, .. }, Some(visitor)) if !purpose.acts_nameless() => {
            Ok(match remember::follow(&site, &visitor, &token).await? {
                Followed::To(address) => quietly(StatusCode::SEE_OTHER, Redirect::to(&address)),
                Followed::NotTheirs => not_theirs(frame),
                Followed::Over(why) => over(&site, frame, &why).await?,
            })
        }
        (LinkPeek::Unknown, _) => {
            pressed_in_vain(&site, "refused_by_rule", &from).await?;
            over(&site, frame, &NotifyRefusal::LinkUnknown.to_string()).await
        }
        _ => answer(&site, frame, link, &from, parts::question::answered(&form)?).await,
    }
}

/// Whoever holds a link that opens nothing, or no more, is nobody we know.
async fn pressed_in_vain(site: &Site, why: &'static str, from: &Address) -> Result<(), Problem> {
    in_vain(site, Vain { door: Threshold::Link, action: notify::Verb::UseLink.into(), why, login: None, from }).await
}

/// The link is not spent: it is remembered until its bearer has signed in.
fn to_sign_in(site: &Site, token: &str) -> Response {
    let address = if site.is_demo() { "/demo" } else { "/signin" };
    let mut response = quietly(StatusCode::SEE_OTHER, Redirect::to(address));
    remember::remember(site, &mut response, token);
    response
}

async fn answer(
    site: &Site,
    frame: Frame,
    link: LinkHash,
    from: &Address,
    answer: Answer,
) -> Result<Response, Problem> {
    let ctx = Ctx::new(signin::visitor(), Purpose::WatchResponse, site.now(), new_request());
    let outcome = site.db().write(move |tx| {
        let used = notify::use_link(&ctx, tx, &link)?;
        act(&ctx, tx, &used, answer)
    });
    let outcome = outcome.await;
    if let Err(problem) = &outcome {
        pressed_in_vain(site, problem.key(), from).await?;
    }
    match outcome {
        Ok(()) => Ok(thanks(frame, answer)),
        Err(Problem::Refused(why)) => over(site, frame, &why.words).await,
        // The watch ended meanwhile; the bearer is told no more than that.
        Err(Problem::Denied(_)) => over(site, frame, &NotifyRefusal::LinkExpired.to_string()).await,
        Err(other) => Err(other),
    }
}

/// What the button does for a bearer without a name. Nothing else may: a link that wants a sign-in is refused here.
fn act(ctx: &Ctx, tx: &mut dyn db::Tx, used: &LinkUse, answer: Answer) -> Result<(), Problem> {
    let LinkPurpose::AnswerNotice { alert } = used.purpose else { return Err(Problem::Denied(None)) };
    let bearer = Ctx::new(used.actor(), ctx.purpose, ctx.now, ctx.request);
    let reply = Reply { answer, from: used.recipient, way: AnswerWay::Link };
    Ok(response::answer_notice(&bearer, tx, alert, &reply)?)
}

fn thanks(frame: Frame, answer: Answer) -> Response {
    let title = format!("「{}」をお受けしました", parts::question::word(answer));
    let page = nameless(frame).page("ありがとうございました").body(html! {
        (notice(Tone::Confirmed, &title, html! {
            @if answer != Answer::Well { p { (CALLS) "急な病気やけがのときは、119番に電話してください。" } }
            p { "この画面は閉じてかまいません。" }
        }))
    });
    quietly(StatusCode::OK, page)
}

fn not_theirs(frame: Frame) -> Response {
    let page = nameless(frame).page("このお知らせは開けません").body(html! {
        (notice(Tone::Unknown, "ほかの方へのお知らせです", html! {
            p { "いまサインインしている方に送られたお知らせではありません。受け取った方がご自分でサインインして開いてください。" }
        }))
        (link_button("/", "はじめのページへ"))
    });
    quietly(StatusCode::OK, page)
}

/// A link that does nothing, or nothing any more: why, and whom to call.
async fn over(site: &Site, frame: Frame, why: &str) -> Result<Response, Problem> {
    let number = site.db().read(|tx| parts::call_centre::number(tx).map_err(Problem::from)).await?;
    let (title, tone, heading) = if why == NotifyRefusal::LinkUnknown.to_string() {
        ("このリンクは開けません", Tone::Unknown, "リンクが正しくありません")
    } else if why == NotifyRefusal::LinkExpired.to_string() {
        ("このリンクは期限が過ぎています", Tone::Done, "このリンクからは、もうお答えいただけません")
    } else {
        ("このお知らせは終わっています", Tone::Done, "操作は必要ありません")
    };
    let page = nameless(frame).page(title).body(html! {
        (notice(tone, heading, html! { p { (why) } }))
        @if number.is_some() {
            p { "お困りのときや、お伝えになりたいことがあるときは、コールセンターにお電話ください。" }
            (parts::call_centre::button(number.as_deref()))
        }
        p { "ご家族や担当の方は、サインインすると最新の様子を確かめられます。" }
        (link_button("/signin", "サインイン"))
    });
    Ok(quietly(StatusCode::OK, page))
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
