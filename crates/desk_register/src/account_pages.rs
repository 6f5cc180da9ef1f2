//! What is shown of an account: the panel on its owner's page, its own page, and the one-time code, shown once.

use base::AccountId;
use maud::{Markup, html};
use page::components::{Action, State as Tone, at, chip, definitions, guarded, link_button, notice, submit};
use page::draft::Draft;
use page::frame::Frame;
use signin::{Account, AccountState, Code};
use uuid::Uuid;

/// Whose account: decides role, office and name, which are never typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    Staff,
    Contact,
    Resident,
}

impl Subject {
    pub const fn key(self) -> &'static str {
        match self {
            Subject::Staff => "staff",
            Subject::Contact => "contact",
            Subject::Resident => "resident",
        }
    }

    pub fn from_key(key: &str) -> Option<Subject> {
        [Subject::Staff, Subject::Contact, Subject::Resident].into_iter().find(|s| s.key() == key)
    }
}

/// Says whether there is an account, and leads to it or to its creation.
pub fn account_panel(subject: Subject, id: Uuid, account: Option<&Account>) -> Markup {
    html! {
        @match account {
            Some(account) => {
                p { (state_chip(account.state)) " ログイン名：" (account.login.as_str()) }
                (link_button(&format!("/accounts/{}", account.id), "利用者登録を開く"))
            },
            None => {
                p.soft { (unregistered(subject)) }
                (link_button(&format!("/accounts/new/{}/{}", subject.key(), id.simple()), "利用者登録をする"))
            },
        }
    }
}

fn unregistered(subject: Subject) -> &'static str {
    match subject {
        Subject::Staff => "まだサインインできません。",
        Subject::Contact => "利用者登録をすると、ご本人が同意した範囲だけを、この方の画面で見られます。",
        Subject::Resident => {
            "利用者登録をすると、自分の見守りの様子、同意、だれが見たかを、ご本人の画面で確かめられます。"
        }
    }
}

pub fn state_chip(state: AccountState) -> Markup {
    let tone = match state {
        // The ordinary state needs no colour.
        AccountState::Active => return html! { (state.ja()) },
        AccountState::Invited => Tone::InProgress,
        AccountState::Suspended => Tone::NearLimit,
    };
    chip(tone, state.ja())
}

/// The form that creates an account; only the login name is typed.
pub fn new_account(frame: &Frame, url: &str, owner: &str, role: &str, draft: &Draft) -> Markup {
    frame.page("利用者登録").body(html! {
        (draft.summary())
        (definitions(&[("お名前", html! { (owner) }), ("役割", html! { (role) })]))
        form.stack.card method="post" action=(url) {
            (draft.text("login", "ログイン名").required()
                .hint("半角の英小文字・数字と「.」「_」「-」「@」で3文字以上。本人が覚えやすいものにしてください。"))
            p.soft { "登録すると、初回設定コードが一度だけ表示されます。印刷できるようにしてから進んでください。" }
            (submit("登録してコードを発行する"))
        }
    })
}

pub fn account_page(frame: &Frame, account: &Account, office: Option<&str>, owner: Option<&str>) -> Markup {
    let base = format!("/accounts/{}", account.id);
    frame.page("利用者").body(html! {
        h2 { (account.display_name.expose()) }
        (definitions(&[
            ("状態", state_chip(account.state)),
            ("ログイン名", html! { (account.login.as_str()) }),
            ("役割", html! { (account.role.ja()) }),
            ("事業所", html! { (office.unwrap_or("なし")) }),
            ("登録", at(account.created_at, frame.now)),
            ("最後の変更", at(account.changed_at, frame.now)),
        ]))
        @if let Some(owner) = owner { (link_button(owner, "この方の登録内容を開く")) }
        (changes(&base, account.state))
        (link_button("/accounts", "利用者の一覧へ"))
    })
}

fn changes(base: &str, state: AccountState) -> Markup {
    let (reissue, suspend, reinstate) =
        (format!("{base}/reissue"), format!("{base}/suspension"), format!("{base}/reinstatement"));
    html! {
        @if state == AccountState::Suspended {
            p { "停止中のため、サインインできません。" }
            (Action::post(&reinstate, "停止を解除する"))
        } @else {
            (guarded("初回設定コードを再発行する", "パスワード、認証アプリ、予備コードの登録がすべて消え、サインイン中の端末はその場で終了します。ご本人であることを確かめてから行ってください。",
                html! { (Action::post(&reissue, "再発行する").danger()) }))
            (guarded("この利用者を停止する", "サインイン中の端末はその場で終了し、解除するまでサインインできません。",
                html! { (Action::post(&suspend, "停止する").danger()) }))
        }
    }
}

/// The one-time code: shown in the answer to the command and never again.
pub fn code_page(frame: &Frame, id: AccountId, account: &Account, code: &Code) -> Markup {
    frame.page("初回設定コード").body(html! {
        (notice(Tone::NearLimit, "このコードは一度だけ表示されます", html! {
            p { "印刷するか書き写し、ご本人に手渡しするか、電話で本人を確かめて伝えてください。メールでは送らないでください。" }
        }))
        section.card.stack {
            (definitions(&[
                ("お名前", html! { (account.display_name.expose()) }),
                ("ログイン名", html! { (account.login.as_str()) }),
                ("初回設定コード", html! { code.secret { (code.expose()) } }),
                ("有効期限", html! { "発行から72時間（一度だけ使えます）" }),
            ]))
            p { "サインインの画面で「初回設定・再設定」を開き、このコードを入力すると、パスワードと認証アプリを設定できます。" }
        }
        div.no-print { (link_button(&format!("/accounts/{id}"), "利用者の登録に戻る")) }
    })
}
