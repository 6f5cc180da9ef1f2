//! One's own account: where one is signed in, a new password, new recovery codes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::SessionId;
use maud::{Markup, html};
use page::components::{
    Action, Field, State as Tone, Table, at, chip, definitions, ja_time, link_button, notice, since, submit,
};
use page::door::{Door, Who};
use page::draft::Draft;
use page::frame::{ENDED, Frame};
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::{Site, draw};
use page::stranger::{compare, hash};
use page::visitor::Visitor;
use signin::{Account, PasswordChange, PasswordStep, Renewal, Session, SigninError};

use super::enrol::{RULE, chosen_password, recovery_page};
use super::words::own_words;

pub fn doors() -> Vec<Door> {
    vec![
        Door::plain("/account", Who::SignedIn, account_page),
        Door::plain(ENDED, Who::SignedIn, ended_page),
        Door::command("/account/sessions/{session}/end", Who::SignedIn, end_session),
        Door::command("/account/sessions/others/end", Who::SignedIn, end_others),
        Door::command("/account/password", Who::SignedIn, change_password),
        Door::command("/account/recovery-codes", Who::SignedIn, renew_codes),
    ]
}

/// Where a page leads that was open when the right to it ended. It names nobody.
async fn ended_page(visitor: Visitor, frame: Frame) -> Markup {
    let home = page::frame::home(Some(visitor.role()));
    frame.page("表示を終わりました").body(html! {
        p { "案件が終わった、担当が変わったなどの理由で、開いていた画面の情報を表示できなくなりました。入力途中のものは保存されていません。" }
        (link_button(home, "はじめのページへ"))
    })
}

/// What the page shows of its visitor.
struct Own {
    account: Account,
    sessions: Vec<Session>,
    codes_left: usize,
}

async fn own(site: &Site, visitor: &Visitor) -> Result<Own, Problem> {
    let (ctx, id) = (visitor.ctx(site), visitor.session.account);
    let found = site.db().read(move |tx| {
        let account = signin::find_account(tx, id)?;
        let sessions = signin::own_sessions(&ctx, tx)?;
        let codes_left = signin::recovery_codes_left(&ctx, tx)?;
        Ok::<_, SigninError>(Own { account, sessions, codes_left })
    });
    Ok(found.await?)
}

async fn account_page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let own = own(&site, &visitor).await?;
    Ok(page(&frame, &visitor, &own, &Draft::default(), None))
}

async fn wrong(frame: &Frame, visitor: &Visitor, draft: Draft) -> Result<Response, Problem> {
    let own = own(&frame.site, visitor).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(frame, visitor, &own, &draft, None)).into_response())
}

fn page(frame: &Frame, visitor: &Visitor, own: &Own, draft: &Draft, done: Option<&str>) -> Markup {
    let others = own.sessions.iter().filter(|s| s.id != visitor.session.id).count();
    frame.page("わたしのアカウント").body(html! {
        (draft.summary())
        @if let Some(words) = done { (notice(Tone::Confirmed, words, html! {})) }
        (definitions(&[
            ("ログイン名", html! { (own.account.login.as_str()) }),
            ("お名前", html! { (own.account.display_name.expose()) }),
            ("役割", html! { (own.account.role.ja()) }),
            ("事業所", html! { (visitor.office().map_or("なし", |o| o.expose())) }),
        ]))
        section.stack {
            h2 { "サインイン中の端末" }
            p.soft { "心当たりのない端末があれば「終了」を押し、パスワードを変更してください。" }
            (sessions_table(frame, visitor, &own.sessions))
            @if others > 0 { (Action::post("/account/sessions/others/end", "この端末以外をすべて終了")) }
        }
        @if frame.site.is_demo() {
            (notice(Tone::Unknown, "デモの利用者にはパスワードがありません", html! {
                p { "実際の環境では、ここでパスワードの変更と予備コードの再発行を行います。" }
            }))
        } @else {
            (password_form(draft))
            (codes_form(own.codes_left, draft))
        }
    })
}

fn sessions_table(frame: &Frame, visitor: &Visitor, sessions: &[Session]) -> Markup {
    let mut table = Table::new("サインイン中の端末", &["端末", "開始", "最後の操作", "終了"]);
    for session in sessions {
        let here = session.id == visitor.session.id;
        let end = format!("/account/sessions/{}/end", session.id);
        table = table.row(vec![
            html! { (session.device) @if here { " " (chip(Tone::InProgress, "この端末")) } },
            at(session.started_at, frame.now),
            since(session.last_seen_at, frame.now),
            html! { @if here { "サインアウトで終了" } @else { (Action::post(&end, "終了")) } },
        ]);
    }
    html! { (table) }
}

fn password_form(draft: &Draft) -> Markup {
    html! {
        section.stack {
            h2 { "パスワードの変更" }
            form.stack.card method="post" action="/account/password" {
                (Field::password("current", "いまのパスワード").error(draft.error("current")))
                (Field::new_password("password", "新しいパスワード").error(draft.error("password"))
                    .hint(RULE))
                (Field::new_password("again", "新しいパスワード（確認のためもう一度）").error(draft.error("again")))
                p.soft { "変更すると、この端末以外のサインインは終了します。" }
                (submit("パスワードを変更する"))
            }
        }
    }
}

fn codes_form(left: usize, draft: &Draft) -> Markup {
    html! {
        section.stack {
            h2 { "予備コード" }
            p { "使っていない予備コードは" (left) "個です。"
                @if left <= 2 { strong { "残りが少なくなっています。再発行してください。" } } }
            form.stack.card method="post" action="/account/recovery-codes" {
                (Field::code("totp", "確認コード（6桁）").hint("認証アプリに表示されている数字です。").error(draft.error("totp")))
                p.soft { "再発行すると、これまでの予備コードは使えなくなります。" }
                (submit("予備コードを再発行する"))
            }
        }
    }
}

async fn end_session(
    State(site): State<Site>,
    visitor: Visitor,
    Named(session): Named<SessionId>,
) -> Result<Redirect, Problem> {
    visitor.command(&site, signin::Verb::EndSession, move |ctx, tx| Ok(signin::end_session(ctx, tx, session)?)).await?;
    Ok(Redirect::to("/account"))
}

async fn end_others(State(site): State<Site>, visitor: Visitor) -> Result<Redirect, Problem> {
    let keep = visitor.session.id;
    visitor.command(&site, signin::Verb::EndOthers, move |ctx, tx| Ok(signin::end_others(ctx, tx, keep)?)).await?;
    Ok(Redirect::to("/account"))
}

async fn change_password(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let (id, keep) = (visitor.session.account, visitor.session.id);
    let account = site.db().read(move |tx| signin::find_account(tx, id)).await?;
    let login = account.login;
    let words = own_words(&site, &login, account.display_name.expose(), account.office).await?;
    let draft = Draft::typed(form);
    let password = match chosen_password(&draft, &words) {
        Ok(password) => password,
        Err(draft) => return wrong(&frame, &visitor, draft).await,
    };
    let name = login.as_str().to_owned();
    let begun = visitor
        .command(&site, signin::Verb::ChangePassword, move |ctx, tx| Ok(signin::begin_signin(ctx, tx, &name, None)?));
    let attempt = match begun.await? {
        PasswordStep::Compare(attempt) => attempt,
        PasswordStep::Wait { until } => return wait(&frame, &visitor, until).await,
    };
    let proof = compare(&site, draft.as_typed("current").to_owned(), attempt.stored_hash().clone()).await?;
    let hash = hash(&site, password).await?;
    let changed = visitor.command(&site, signin::Verb::ChangePassword, move |ctx, tx| {
        Ok(signin::change_password(ctx, tx, &attempt, &proof, &hash, keep)?)
    });
    match changed.await? {
        PasswordChange::Wrong => {
            wrong(&frame, &visitor, draft.wrong_field("current", "いまのパスワードが違います。")).await
        }
        PasswordChange::Done => {
            let own = own(&site, &visitor).await?;
            Ok(page(&frame, &visitor, &own, &Draft::default(), Some("パスワードを変更しました")).into_response())
        }
    }
}

async fn wait(frame: &Frame, visitor: &Visitor, until: base::Instant) -> Result<Response, Problem> {
    let words = format!("間違いが続いたため、{}まで受け付けられません。", ja_time(until));
    wrong(frame, visitor, Draft::default().refused(form::Refusal::unfit(words))).await
}

async fn renew_codes(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let (secrets, totp) = (draw()?, form.one("totp").to_owned());
    let renewed = visitor.command(&site, signin::Verb::RenewRecoveryCodes, move |ctx, tx| {
        Ok(signin::renew_recovery_codes(ctx, tx, &totp, &secrets)?)
    });
    match renewed.await? {
        Renewal::Done { recovery } => {
            Ok(recovery_page(&frame, &recovery, ("/account", "アカウントへ戻る")).into_response())
        }
        Renewal::Wrong => wrong(&frame, &visitor, Draft::default().wrong_field("totp", "コードが違います。")).await,
        Renewal::Wait { until } => wait(&frame, &visitor, until).await,
    }
}
