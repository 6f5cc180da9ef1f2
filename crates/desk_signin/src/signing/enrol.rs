//! Enrolment: whoever got a one-time code from the office sets password and authenticator, and notes the recovery
//! codes. The code travels in the form's body only; what is wrong with it is never said more exactly than that it does
//! not open anything.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::Instant;
use form::Refusal;
use maud::{Markup, PreEscaped, html};
use page::client::ClientAddress;
use page::components::{Field, State as Tone, ja_moment, ja_time, link_button, notice, spelled, submit};
use page::door::{Door, Who};
use page::draft::Draft;
use page::frame::Frame;
use page::posted::Posted;
use page::problem::Problem;
use page::site::{Site, draw};
use page::stranger::{Vain, hash, in_vain, nobody};
use signin::rules::ADDRESS_ALLOWANCE;
use signin::{
    Code, CodeHash, EnrolmentAnswer, EnrolmentView, FinishAnswer, NewPassword, OwnWords, Threshold, ThrottleKey,
};

use super::words::own_words;

pub fn doors() -> Vec<Door> {
    vec![
        Door::plain("/enrol", Who::Anyone, code_page),
        Door::command("/enrol", Who::Anyone, open),
        Door::command("/enrol/factors", Who::Anyone, finish),
    ]
}

/// What is asked of a password.
pub const RULE: &str = "8文字以上。文字の種類は問いません。よく使われる語や、お名前・ログイン名・地域や事業所の名前を主にしたものは使えません。";
const SPENT: &str = "このコードでは設定を始められません。コードの誤り、使用済み、期限切れ（発行から72時間）のいずれかです。コードを確かめ、それでも開けないときは事務局に再発行を依頼してください。";

async fn code_page(frame: Frame) -> Markup {
    ask_code(&frame, &Draft::default())
}

fn ask_code(frame: &Frame, draft: &Draft) -> Markup {
    frame.page("初回設定・再設定").body(html! {
        (draft.summary())
        p.lead { "事務局から受け取った初回設定コードを入力してください。" }
        form.stack.card method="post" action="/enrol" {
            (draft.text("code", "初回設定コード").hint("英数字24文字です。ハイフンや大文字・小文字の違いは問いません。").required())
            (submit("次へ"))
        }
        p.soft { "お手元に、認証アプリ（ワンタイムパスワードを表示するアプリ）を入れたスマートフォンをご用意ください。" }
        (link_button("/signin", "サインインへ戻る"))
    })
}

fn unknown(frame: &Frame, draft: Draft) -> Response {
    let draft = draft.wrong_field("code", SPENT);
    (StatusCode::UNPROCESSABLE_ENTITY, ask_code(frame, &draft)).into_response()
}

async fn open(
    State(site): State<Site>,
    ClientAddress(address): ClientAddress,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let (code, from, now) = (CodeHash::of(form.one("code")), ThrottleKey::address(&address), site.now());
    let draft = Draft::typed(form);
    if let Some(until) = site.strangers().wait(&from, now) {
        let words = format!("間違いが続いたため、{}まで受け付けられません。", ja_time(until));
        return Ok(
            (StatusCode::TOO_MANY_REQUESTS, ask_code(&frame, &draft.refused(Refusal::unfit(words)))).into_response()
        );
    }
    if site.db().read(move |tx| signin::opens(tx, &code, now)).await? {
        let (ctx, secrets, issuer) = (nobody(&site), draw()?, site.region().to_owned());
        let answer = site.db().write(move |tx| signin::begin_enrolment(&ctx, tx, &code, &issuer, &secrets)).await?;
        if let EnrolmentAnswer::Open(view) = answer {
            return Ok(factors_page(&frame, &view, &draft).into_response());
        }
    }
    site.strangers().count(from, ADDRESS_ALLOWANCE, now);
    let action = signin::Verb::BeginEnrolment.into();
    in_vain(&site, Vain { door: Threshold::Enrolment, action, why: "unknown", login: None, from: &address }).await?;
    Ok(unknown(&frame, draft))
}

fn factors_page(frame: &Frame, view: &EnrolmentView, draft: &Draft) -> Markup {
    frame.page("パスワードと認証アプリの設定").body(html! {
        (draft.summary())
        p { (view.display_name.expose()) " さん（ログイン名：" code { (view.login.as_str()) } "）の設定です。"
            (until(view.expires_at, frame.now)) }
        form.stack method="post" action="/enrol/factors" {
            input type="hidden" name="code" value=(draft.value("code"));
            // So that a password manager files the new password under the right name.
            input type="hidden" name="login" value=(view.login.as_str()) autocomplete="username";
            section.card.stack {
                h2 { "1. パスワードを決める" }
                p.soft { (RULE) }
                (Field::new_password("password", "新しいパスワード").error(draft.error("password")))
                (Field::new_password("again", "新しいパスワード（確認のためもう一度）").error(draft.error("again")))
            }
            section.card.stack {
                h2 { "2. 認証アプリに登録する" }
                p { "認証アプリでこの図を読み取ってください。" }
                div.qr role="img" aria-label="認証アプリに登録するQRコード" { (PreEscaped(view.setup.qr_svg.expose())) }
                details {
                    summary { "読み取れないとき" }
                    p { "認証アプリで「キーを手入力」を選び、次の文字を入力してください（種類は「時間ベース」）。" }
                    p { code { (view.setup.text.expose()) } }
                    p { a href=(view.setup.uri.expose()) { "この端末の認証アプリで開く" } }
                }
            }
            section.card.stack {
                h2 { "3. 表示された数字を確かめる" }
                (Field::code("totp", "確認コード（6桁）").hint("認証アプリに表示されている数字です。").error(draft.error("totp")))
                (submit("設定を終える"))
            }
        }
    })
}

fn until(end: Instant, now: Instant) -> Markup {
    html! { " この設定は " (ja_moment(end, now)) " まで行えます。" }
}

async fn finish(State(site): State<Site>, frame: Frame, Posted(form): Posted) -> Result<Response, Problem> {
    let (code, issuer, now) = (CodeHash::of(form.one("code")), site.region().to_owned(), site.now());
    let view = site.db().read(move |tx| signin::enrolment(tx, &code, &issuer, now)).await?;
    let draft = Draft::typed(form);
    let Some(view) = view else { return Ok(unknown(&frame, draft)) };
    let words = own_words(&site, &view.login, view.display_name.expose(), view.office).await?;
    let password = match chosen_password(&draft, &words) {
        Ok(password) => password,
        Err(draft) => return Ok(again(&frame, &view, &draft)),
    };
    let hash = hash(&site, password).await?;
    let (ctx, secrets, totp) = (nobody(&site), draw()?, draft.value("totp").to_owned());
    let answer = site.db().write(move |tx| signin::finish_enrolment(&ctx, tx, &code, &hash, &totp, &secrets)).await?;
    Ok(match answer {
        FinishAnswer::Done { recovery } => {
            recovery_page(&frame, &recovery, ("/signin", "サインインへ進む")).into_response()
        }
        FinishAnswer::WrongCode => {
            let words =
                "コードが違います。認証アプリに登録し直した場合は、いちばん新しい表示の数字を入力してください。";
            again(&frame, &view, &draft.wrong_field("totp", words))
        }
        FinishAnswer::Unknown => unknown(&frame, draft),
    })
}

fn again(frame: &Frame, view: &EnrolmentView, draft: &Draft) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, factors_page(frame, view, draft)).into_response()
}

/// Fields `password` and `again`.
pub fn chosen_password(draft: &Draft, words: &OwnWords) -> Result<NewPassword, Draft> {
    if draft.as_typed("password") != draft.as_typed("again") {
        return Err(draft.clone().wrong_field("again", "二つのパスワードが一致しません。もう一度入力してください。"));
    }
    NewPassword::parse(draft.as_typed("password"), words)
        .map_err(|why| draft.clone().wrong_field("password", why.to_string()))
}

/// The recovery codes, shown once; made to be printed.
pub fn recovery_page(frame: &Frame, codes: &[Code], next: (&str, &str)) -> Markup {
    frame.page("予備コードを控えてください").body(html! {
        (notice(Tone::Confirmed, "設定しました", html! {
            p { "このページは一度だけ表示されます。印刷するか書き写して、鍵のかかる場所に保管してください。" }
        }))
        section.card.stack {
            h2 { "予備コード（" (codes.len()) "個）" }
            p { "認証アプリが使えないときに、確認コードの代わりに入力します。一つのコードは一度だけ使えます。" }
            ol.codes { @for code in codes { li { code { (spelled(code.expose())) } } } }
        }
        p.soft.no-print { "印刷は、ブラウザのメニューから行えます。" }
        div.no-print { (link_button(next.0, next.1)) }
    })
}
