//! What a page says when there is nothing, too much, a rule that says no, or a fault: each with what to do next.

use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::state::State;
use super::time::whole_dates;

/// A box beside the text. `State::NeededNow` is announced at once.
pub fn notice(state: State, title: &str, body: Markup) -> Markup {
    let (shape, role) = match state {
        State::NeededNow => (Icon::Warning, Some("alert")),
        State::NearLimit => (Icon::Clock, None),
        State::Confirmed => (Icon::Check, Some("status")),
        _ => (Icon::Info, None),
    };
    html! {
        div class={ "notice " (state.class()) } role=[role] {
            p.notice-title { (icon(shape)) (title) }
            (body)
        }
    }
}

/// Nothing here, and why that is so: 「いま待っている方はいません」.
pub fn empty(title: &str, what_next: &str) -> Markup {
    html! {
        div.empty { p.empty-title { (title) } @if !what_next.is_empty() { p { (whole_dates(what_next)) } } }
    }
}

/// More than one page can hold: says how many, and how to narrow.
pub fn too_many(shown: usize, all: usize, how: &str) -> Markup {
    html! { p.too-many role="status" { (all) "件のうち" (shown) "件を表示しています。" (how) } }
}

/// A rule said no. `reason` is the refusal's own sentence; `ways` are (address, label) of what can be done instead.
pub fn refusal(reason: &str, ways: &[(&str, &str)]) -> Markup {
    html! {
        div.notice.is-limit role="alert" {
            p.notice-title { (icon(Icon::Info)) "この操作はできません" }
            p { (reason) }
            @if !ways.is_empty() {
                div.buttons { @for (href, label) in ways { a.btn href=(href) { span { (label) } } } }
            }
        }
    }
}

/// What went wrong, in the user's words; the body of a whole page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// 404: an address of no page.
    NotFound,
    /// 403: not this visitor's, or not there; which of the two is not told.
    Forbidden,
    /// 403: this desk wants a certificate.
    Certificate,
    /// 503: queues full, disk nearly full.
    Busy,
    /// 413 and 422 outside a field.
    BadInput,
    /// 409: it is not as it was when the page was drawn.
    Conflict,
    /// 503: the database is out of reach for the moment.
    Away,
    /// 503: it was lost while it was told.
    Unsure,
    /// 500.
    Fault,
    /// 401: the session ended.
    SignedOut,
}

impl Trouble {
    /// The question of the page (its `h1`).
    pub fn title(self) -> &'static str {
        match self {
            Trouble::NotFound => "ページが見つかりません",
            Trouble::Forbidden => "このページは開けません",
            Trouble::Certificate => "端末の証明書が必要です",
            Trouble::Busy => "ただいま混み合っています",
            Trouble::BadInput => "送られた内容を受け取れませんでした",
            Trouble::Conflict => "この操作はできませんでした",
            Trouble::Away => "ただいまシステムの記録に接続できません",
            Trouble::Unsure => "記録されたか確認できません",
            Trouble::Fault => "処理を終えられませんでした",
            Trouble::SignedOut => "もう一度サインインしてください",
        }
    }

    /// Whether a form that met it left nothing behind.
    fn left_nothing(self) -> bool {
        matches!(self, Trouble::Busy | Trouble::BadInput | Trouble::Conflict | Trouble::Away | Trouble::Fault)
    }

    /// Whether the same page may open in a moment.
    pub fn passes(self) -> bool {
        matches!(self, Trouble::Busy | Trouble::Away)
    }

    /// Whether what was sent may have to be sent once more, from the page on which it was written.
    pub fn may_be_sent_again(self) -> bool {
        self.passes() || self == Trouble::Unsure
    }

    fn advice(self) -> &'static str {
        match self {
            Trouble::NotFound => "アドレスが変わったか、ご担当の範囲にありません。一覧から開き直してください。",
            Trouble::Forbidden => {
                "ご担当の範囲にないか、すでにありません。必要な場合は事業所の責任者か事務局にご連絡ください。"
            }
            Trouble::Certificate => {
                "この画面は、地域が配った証明書の入った端末でだけ開けます。証明書を入れた端末なら、ブラウザーを閉じて開き直し、証明書を選ぶ画面で選んでください。入っていないとき、期限が切れているときは、事務局に発行を依頼してください。"
            }
            Trouble::Busy => "1分ほど待って、もう一度お試しください。",
            Trouble::BadInput => "内容を確かめて、前の画面から送り直してください。",
            Trouble::Conflict => "画面を開き直して、いまの状態を確かめてください。",
            Trouble::Away => "1分ほど待って、もう一度お試しください。お急ぎのときは、電話でご連絡ください。",
            Trouble::Unsure => {
                "送った内容は、記録されたことも、されていないこともあります。画面を開き直して、記録されていないときだけ、もう一度送信してください。"
            }
            Trouble::Fault => "続くときは、下の番号を添えて事務局にご連絡ください。",
            Trouble::SignedOut => "操作のない時間が続いたため、サインアウトしました。",
        }
    }
}

/// The body of an error page. `detail` is a refusal's own sentence, if any; `reference` the request's number that the
/// logs know (it names no person). `sent`: something was sent with it, and whoever sent it wonders what became of that.
pub fn error_page(
    trouble: Trouble,
    detail: Option<&str>,
    reference: &str,
    sent: bool,
    (href, label): (&str, &str),
) -> Markup {
    html! {
        div.error-page {
            @if let Some(detail) = detail { p { strong { (detail) } } }
            p { @if sent && trouble.left_nothing() { "記録はされていません。" } (trouble.advice()) }
            @if !reference.is_empty() { p.reference { "お問い合わせ番号 " code { (reference) } } }
            div.buttons { a.btn.is-primary href=(href) { (label) } }
        }
    }
}

/// A code for a phone's camera, drawn from its modules (`dark(row, column)`), with the same thing as text for whoever
/// cannot scan: `alternative` is what is typed instead.
pub fn qr(width: usize, dark: impl Fn(usize, usize) -> bool, label: &str, alternative: &str) -> Markup {
    // Four modules of white around the code belong to it (ISO/IEC 18004).
    const QUIET: usize = 4;
    let side = width + 2 * QUIET;
    let mut path = String::new();
    for row in 0..width {
        for column in (0..width).filter(|column| dark(row, *column)) {
            path.push_str(&format!("M{} {}h1v1h-1z", column + QUIET, row + QUIET));
        }
    }
    html! {
        figure.qr {
            svg viewBox={ "0 0 " (side) " " (side) } role="img" aria-label=(label) shape-rendering="crispEdges" {
                rect.qr-paper width=(side) height=(side) {}
                path.qr-ink d=(path) {}
            }
            figcaption { (label) @if !alternative.is_empty() { br; code { (alternative) } } }
        }
    }
}

/// A code in groups (`7K2M-0QXA-…`): a line ends between two of them only.
pub fn spelled(code: &str) -> Markup {
    html! { @for group in code.split_inclusive('-') { (group) wbr; } }
}
