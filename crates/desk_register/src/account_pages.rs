//! What is shown of an account: the panel on its owner's page, its own page, and the one-time code, shown once.

use base::{AccountId, Role};
use maud::{Markup, html};
use page::components::{
    Action, State as Tone, Table, at, chip, definitions, guarded_when, link_button, notice, spelled, submit,
};
use page::draft::Draft;
use page::frame::Frame;
use signin::{Account, AccountState, Code, EndedRequest, Request, SecondAsked};
use uuid::Uuid;

use super::second::{SECOND, second_field};

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
pub fn new_account(
    frame: &Frame,
    url: &str,
    (owner, role): (&str, Role),
    asked: &SecondAsked,
    draft: &Draft,
) -> Markup {
    frame.page("利用者登録").body(html! {
        (draft.summary())
        (definitions(&[("お名前", html! { (owner) }), ("役割", html! { (role.ja()) })]))
        form.stack.card method="post" action=(url) {
            (draft.text("login", "ログイン名").required()
                .hint("半角の英小文字・数字と「.」「_」「-」「@」で3文字以上。本人が覚えやすいものにしてください。"))
            @if signin::two_decide(role) {
                p.soft { (TWO_DECIDE) }
            } @else {
                p.soft { "登録すると、初回設定コードが一度だけ表示されます。印刷できるようにしてから進んでください。" }
            }
            (second_field(asked, SECOND, draft))
            (submit(if signin::two_decide(role) { "登録の承認を依頼する" } else { "登録してコードを発行する" }))
        }
    })
}

/// The fields for a code on an account's page, each its form's.
pub const REISSUE: &str = "totp-reissue";
pub const SUSPEND: &str = "totp-suspension";
pub const REINSTATE: &str = "totp-reinstatement";

/// That of a request.
pub fn request_field(request: Uuid) -> String {
    format!("totp-{}", request.simple())
}

pub fn account_page(
    frame: &Frame,
    account: &Account,
    (office, owner): (Option<&str>, Option<&str>),
    waiting: Option<Markup>,
    (asked, draft): (&SecondAsked, &Draft),
) -> Markup {
    let base = format!("/accounts/{}", account.id);
    frame.page("利用者").body(html! {
        (draft.summary())
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
        // What waits is decided first: another request about the same account would be refused.
        @if let Some(waiting) = &waiting { (waiting) } @else { (changes(&base, account, asked, draft)) }
        (link_button("/accounts", "利用者の一覧へ"))
    })
}

fn changes(base: &str, account: &Account, asked: &SecondAsked, draft: &Draft) -> Markup {
    let act = |id: &str, summary: &str, what_happens: &str, url: &str, label: &str| {
        let form = html! {
            form.stack method="post" action={ (base) (url) } {
                (second_field(asked, id, draft))
                button.btn.is-danger type="submit" { (label) }
            }
        };
        guarded_when(draft.error(id).is_some(), summary, what_happens, form)
    };
    html! {
        @if signin::two_decide(account.role) { p.soft { (TWO_DECIDE) } }
        @if account.state == AccountState::Suspended {
            p { "停止中のため、サインインできません。" }
            form.stack.card method="post" action={ (base) "/reinstatement" } {
                (second_field(asked, REINSTATE, draft))
                (submit("停止を解除する"))
            }
        } @else {
            @let two = signin::two_decide(account.role);
            @let (when, reissue, suspend) = if two { ("承認されると、", "再発行の承認を依頼する", "停止の承認を依頼する") } else { ("", "再発行する", "停止する") };
            (act(REISSUE, "初回設定コードを再発行する", &format!("{when}パスワード、認証アプリ、予備コードの登録がすべて消え、サインイン中の端末はその場で終了します。ご本人であることを確かめてから行ってください。"), "/reissue", reissue))
            (act(SUSPEND, "この利用者を停止する", &format!("{when}サインイン中の端末はその場で終了し、解除するまでサインインできません。"), "/suspension", suspend))
        }
    }
}

const TWO_DECIDE: &str = "事務局・監査の利用者の手続きは、ほかの事務局担当者が承認した後に行われます。";

/// What waits for a second administrator, above the list of accounts and on the page of the one that it is about.
pub fn requests_panel(
    frame: &Frame,
    reader: AccountId,
    requests: &[(Request, String)],
    asked: &SecondAsked,
    draft: &Draft,
) -> Markup {
    html! {
        @if !requests.is_empty() {
            section.stack {
                h2 { "承認を待っている手続き" }
                p.soft { "事務局・監査の利用者の手続きは、依頼した人とは別の事務局担当者が承認します。" }
                @for (request, asker) in requests {
                    section.card.stack {
                        (definitions(&[
                            ("手続き", html! { (request.act.ja()) }),
                            ("お名前", html! { (request.display_name.expose()) }),
                            ("役割", html! { (request.role.ja()) }),
                            ("ログイン名", html! { (request.login.as_str()) }),
                            ("依頼した人", html! { (asker) }),
                            ("依頼", at(request.asked_at, frame.now)),
                            ("期限", at(request.expires_at, frame.now)),
                        ]))
                        @let url = format!("/accounts/requests/{}", request.id.simple());
                        @if request.asked_by == reader {
                            p.soft { "あなたの依頼です。ほかの事務局担当者の承認を待っています。" }
                            (Action::post(&format!("{url}/refusal"), "取り下げる"))
                        } @else if request.account == reader {
                            p.soft { "あなたの利用者登録についての依頼です。承認は、ほかの事務局担当者が行います。" }
                        } @else {
                            form.stack method="post" action={ (url) "/approval" } {
                                (second_field(asked, &request_field(request.id), draft))
                                div.buttons {
                                    (submit("承認する"))
                                    button.btn type="submit" formaction={ (url) "/refusal" } { span { "承認しない" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What was just decided about a request.
pub fn decided(done: &str) -> Markup {
    html! {
        @match done {
            "declined" => (notice(Tone::Confirmed, "承認しませんでした", html! { p { "手続きは行われません。依頼した人に通知します。" } })),
            "withdrawn" => (notice(Tone::Confirmed, "依頼を取り下げました", html! { p { "手続きは行われません。" } })),
            _ => {},
        }
    }
}

/// What became of the reader's own requests: a message says no more than that there is something.
pub fn ended_panel(frame: &Frame, ended: &[EndedRequest]) -> Markup {
    let mut table = Table::new("あなたの依頼の結果（30日以内）", &["手続き", "お名前", "ログイン名", "結果", "日時"]);
    for request in ended {
        table = table.row(vec![
            html! { (request.act.ja()) },
            html! { (request.display_name.expose()) },
            html! { (request.login.as_str()) },
            html! { (request.change.ja()) },
            at(request.at, frame.now),
        ]);
    }
    html! { @if !ended.is_empty() { (table) } }
}

/// Nothing is done yet: another administrator is asked.
pub fn asked_page(frame: &Frame) -> Markup {
    frame.page("承認を依頼しました").body(html! {
        (notice(Tone::InProgress, "ほかの事務局担当者の承認を待っています", html! {
            p { "事務局・監査の利用者の手続きには、もう一人の事務局担当者の承認が必要です。ほかの方が「利用者」の画面で承認すると行われます。期限は3日です。" }
        }))
        (link_button("/accounts", "利用者の一覧へ"))
    })
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
                ("初回設定コード", html! { code.secret { (spelled(code.expose())) } }),
                ("有効期限", html! { "発行から72時間（一度だけ使えます）" }),
            ]))
            p { "サインインの画面で「初回設定・再設定」を開き、このコードを入力すると、パスワードと認証アプリを設定できます。" }
        }
        div.no-print { (link_button(&format!("/accounts/{id}"), "利用者の登録に戻る")) }
    })
}
