//! The two steps of signing in, and signing out. A wrong answer says the same whatever was wrong.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use page::client::ClientAddress;
use page::components::{Field, State as Tone, ja_time, link_button, notice, submit};
use page::door::{Door, Who};
use page::frame::{Frame, home};
use page::posted::Posted;
use page::problem::Problem;
use page::site::{Site, draw};
use page::stranger::{Vain, compare, in_vain, nobody};
use page::visitor::{Visitor, session_token};
use signin::{
    Address, Attempt, PasswordAnswer, PasswordStep, SecondAnswer, SecondFactor, Threshold, ThrottleKey, TokenHash,
};
use tokio::time::{Duration, Instant, sleep_until};

use crate::link::remember;

pub fn doors() -> Vec<Door> {
    vec![
        Door::plain("/", Who::Anyone, start),
        Door::plain("/signin", Who::Anyone, signin_page),
        Door::command("/signin", Who::Anyone, password_step),
        Door::command("/signin/second", Who::Anyone, second_step),
        Door::command("/signout", Who::SignedIn, sign_out),
    ]
}

/// Lives as long as a pending sign-in: five minutes.
const PENDING: &str = "pending";
const DEVICE: &str = "device";

async fn start(site: State<Site>, frame: Frame) -> Redirect {
    match (&frame.visitor, site.is_demo()) {
        (Some(visitor), _) => Redirect::to(home(Some(visitor.role()))),
        (None, true) => Redirect::to("/demo"),
        (None, false) => Redirect::to("/signin"),
    }
}

async fn signin_page(headers: HeaderMap, frame: Frame) -> Markup {
    if remember::remembered(&frame.site, &headers).is_none() {
        return password_page(&frame, "", None);
    }
    frame.page("サインイン").body(html! {
        (notice(Tone::InProgress, "お知らせを開きます", html! { p { "サインインすると、お知らせの画面に進みます。" } }))
        (password_form(""))
    })
}

fn password_page(frame: &Frame, login: &str, wrong: Option<&str>) -> Markup {
    frame.page("サインイン").body(html! {
        @if let Some(words) = wrong { (notice(Tone::NeededNow, "サインインできませんでした", html! { p { (words) } })) }
        (password_form(login))
    })
}

fn password_form(login: &str) -> Markup {
    html! {
        form.stack.card method="post" action="/signin" {
            (Field::user_name("login", "ログイン名").value(login).required())
            (Field::password("password", "パスワード").required())
            (submit("次へ"))
        }
        p.soft { "初めての方、パスワードや認証アプリを失くした方は、事務局から受け取った初回設定コードで設定してください。" }
        (link_button("/enrol", "初回設定・再設定"))
    }
}

fn second_page(frame: &Frame, wrong: bool) -> Markup {
    frame.page("確認コードの入力").body(html! {
        @if wrong { (notice(Tone::NeededNow, "コードが違います", html! { p { "認証アプリに表示されている6桁の数字を確かめてください。" } })) }
        form.stack.card method="post" action="/signin/second" {
            (Field::code("code", "確認コード（6桁）").hint("認証アプリに表示されている数字です。").required())
            (submit("サインイン"))
        }
        details {
            summary { "認証アプリが使えないとき" }
            form.stack.card method="post" action="/signin/second" {
                (Field::text("recovery", "予備コード").hint("初回設定のときに控えたコードの一つです。一度だけ使えます。"))
                (submit("予備コードでサインイン"))
            }
        }
    })
}

async fn password_step(
    State(site): State<Site>,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let (began, login) = (Instant::now(), form.one("login"));
    let device = session_token(&headers, &site.side_cookie_name(DEVICE)).map(|t| TokenHash::of(&t));
    let attempt = match begin(&site, login, address, device).await? {
        PasswordStep::Compare(attempt) => attempt,
        PasswordStep::Wait { until } => return Ok(wait(&frame, login, until)),
    };
    let known = attempt.is_known();
    match finish(&site, attempt, form.as_typed("password").to_owned()).await? {
        PasswordAnswer::Next { pending } => {
            site.strangers().take_back(&ThrottleKey::address(&address));
            let cookie = short_cookie(&site, PENDING, pending.expose(), 300);
            Ok(([(header::SET_COOKIE, cookie)], second_page(&frame, false)).into_response())
        }
        PasswordAnswer::Wrong => {
            if known {
                site.strangers().tell(site.now(), Threshold::Signin, "wrong", Some(login), &address);
            } else {
                let action = signin::Verb::Password.into();
                let vain = Vain { door: Threshold::Signin, action, why: "wrong", login: Some(login), from: &address };
                in_vain(&site, vain).await?;
            }
            at_the_next_beat(began).await;
            let words = "ログイン名かパスワードが違います。";
            Ok((StatusCode::UNPROCESSABLE_ENTITY, password_page(&frame, login, Some(words))).into_response())
        }
    }
}

async fn begin(site: &Site, login: &str, address: Address, device: Option<TokenHash>) -> Result<PasswordStep, Problem> {
    let (typed, knocking, now) = (login.to_owned(), site.clone(), site.now());
    let knocked = site.db().read(move |tx| signin::knock(tx, knocking.strangers(), &typed, &address, now)).await?;
    if let Some(step) = knocked {
        return Ok(step);
    }
    let (ctx, login) = (nobody(site), login.to_owned());
    let step = site.db().write(move |tx| signin::begin_signin(&ctx, tx, &login, device.as_ref())).await?;
    if let PasswordStep::Wait { .. } = step {
        site.strangers().take_back(&ThrottleKey::address(&address));
    }
    Ok(step)
}

async fn finish(site: &Site, attempt: Attempt, typed: String) -> Result<PasswordAnswer, Problem> {
    let proof = compare(site, typed, attempt.stored_hash().clone()).await?;
    if !attempt.is_known() {
        return Ok(PasswordAnswer::Wrong);
    }
    let (ctx, secrets) = (nobody(site), draw()?);
    Ok(site.db().write(move |tx| signin::finish_password(&ctx, tx, &attempt, &proof, &secrets)).await?)
}

/// Wrong answers come at whole quarters of a second: whether the writer counted for an account does not show in the
/// moment of the answer.
async fn at_the_next_beat(began: Instant) {
    const BEAT: u64 = 250;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(0);
    sleep_until(began + Duration::from_millis((took / BEAT + 1) * BEAT)).await;
}

fn wait(frame: &Frame, login: &str, until: base::Instant) -> Response {
    let words = format!("間違いが続いたため、{}まで受け付けられません。", ja_time(until));
    (StatusCode::TOO_MANY_REQUESTS, password_page(frame, login, Some(&words))).into_response()
}

async fn second_step(
    State(site): State<Site>,
    headers: HeaderMap,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let Some(pending) = session_token(&headers, &site.side_cookie_name(PENDING)) else {
        return Ok(Redirect::to("/signin").into_response());
    };
    let factor = match form.one("recovery") {
        "" => SecondFactor::Totp(form.one("code").to_owned()),
        recovery => SecondFactor::Recovery(recovery.to_owned()),
    };
    let (ctx, secrets, device) = (nobody(&site), draw()?, terminal(&headers));
    let hash = TokenHash::of(&pending);
    let former = frame.visitor.as_ref().map(|v| (v.ctx(&site), v.session.id));
    let answer = site.db().write(move |tx| {
        let answer = signin::finish_second(&ctx, tx, &hash, &factor, &device, &secrets)?;
        // One browser is one person: whoever was signed in here is so no more.
        if let (SecondAnswer::Entered(_), Some((ctx, session))) = (&answer, &former) {
            signin::sign_out(ctx, tx, *session)?;
        }
        Ok::<_, signin::SigninError>(answer)
    });
    let answer = answer.await?;
    Ok(match answer {
        SecondAnswer::Entered(entered) => entered_response(&site, &headers, &entered).await?,
        SecondAnswer::Wrong => (StatusCode::UNPROCESSABLE_ENTITY, second_page(&frame, true)).into_response(),
        SecondAnswer::Expired => {
            let words = "時間が過ぎたか、間違いが続きました。もう一度はじめから入力してください。";
            (StatusCode::UNPROCESSABLE_ENTITY, password_page(&frame, "", Some(words))).into_response()
        }
        SecondAnswer::Wait { until } => wait(&frame, "", until),
    })
}

/// Sets the session's cookie and the browser's own, and leads to what a remembered link is about, else to the role's
/// first page.
pub async fn entered_response(
    site: &Site,
    headers: &HeaderMap,
    entered: &signin::Entered,
) -> Result<Response, Problem> {
    let visitor = Visitor::entering(entered.session.clone());
    let target = remember::recall(site, headers, &visitor).await?;
    let first = home(Some(visitor.role()));
    let mut response = Redirect::to(target.as_deref().unwrap_or(first)).into_response();
    remember::forget(site, &mut response);
    let cookies = [
        site.cookie(entered.token.expose()),
        short_cookie(site, DEVICE, entered.device.expose(), 180 * 86_400),
        short_cookie(site, PENDING, "", 0),
    ];
    for cookie in cookies {
        if let Ok(value) = cookie.parse() {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    Ok(response)
}

async fn sign_out(State(site): State<Site>, visitor: Visitor) -> Result<Response, Problem> {
    let id = visitor.session.id;
    visitor.command(&site, signin::Verb::SignOut, move |ctx, tx| Ok(signin::sign_out(ctx, tx, id)?)).await?;
    Ok(([(header::SET_COOKIE, site.cookie(""))], Redirect::to("/")).into_response())
}

fn short_cookie(site: &Site, what: &str, value: &str, seconds: u32) -> String {
    let name = site.side_cookie_name(what);
    let secure = if site.is_demo() { "" } else { "; Secure" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}

/// What the owner will know the terminal by; only well-known words, nothing that identifies a machine.
pub fn terminal(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let find =
        |words: &[(&str, &'static str)]| words.iter().find(|(mark, _)| agent.contains(mark)).map_or("", |(_, w)| *w);
    let system = find(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ]);
    let browser = find(&[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    match (system, browser) {
        ("", "") => "不明な端末".to_owned(),
        (system, "") | ("", system) => system.to_owned(),
        (system, browser) => format!("{system}・{browser}"),
    }
}
