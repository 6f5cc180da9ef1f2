//! The frame of every page: head, landmarks, navigation, banners, foot, and the content policy they obey. It knows no
//! session and no database: who is signed in and what the nonce is come in.

use base::Instant;
use maud::{DOCTYPE, Markup, html};

use crate::assets;
use crate::components::{Icon, icon, updated};

/// Where the sign-out button posts.
pub const SIGN_OUT: &str = "/signout";
/// One's own sessions, password and recovery codes.
pub const OWN_ACCOUNT: &str = "/account";
/// Where one becomes another person; exists in `demo` only.
pub const SWITCH_PERSON: &str = "/demo";

/// htmx needs no `eval`, writes no style, asks nobody but us, and keeps no page (with its persons) in the browser's
/// store. Attributes are not inherited: each element says itself what it does. A 422 carries a form with its errors.
const HTMX_CONFIG: &str = r#"{"allowEval":false,"includeIndicatorStyles":false,"allowScriptTags":false,"selfRequestsOnly":true,"historyCacheSize":0,"refreshOnHistoryMiss":true,"disableInheritance":true,"attributesToSettle":["class","width","height"],"timeout":15000,"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"422","swap":true},{"code":"[45]..","swap":false,"error":true}]}"#;

#[derive(Clone, Debug)]
pub struct NavItem<'a> {
    pub href: &'a str,
    pub label: &'a str,
    /// Shown beside the word where something waits.
    pub count: Option<usize>,
    /// Where the count is asked for anew when a message comes; only on a page that listens.
    pub live: Option<&'a str>,
    pub current: bool,
}

#[derive(Clone, Debug)]
pub struct Who<'a> {
    pub name: &'a str,
    pub role: &'a str,
    pub office: &'a str,
}

/// What every page must say before its own question.
#[derive(Clone, Debug)]
pub enum Banner<'a> {
    /// 「架空のデータによるデモ」
    FictionalDemo,
    /// Our own line to the devices or the outside is down: silence means nothing now.
    WatchLineLost,
    /// Cases whose limit is over: how many, and where they are.
    Overdue { count: usize, href: &'a str },
    /// Alerts whose case could not be opened: how many, of which cities, and where they are. Somebody must act on them, so
    /// it sounds.
    WithoutCase { count: usize, cities: &'a str, href: &'a str },
    /// Rows that cannot be read and are missing from their lists.
    Unreadable(usize),
    /// Anything else that is wrong for everybody (a full disk).
    Warning(&'a str),
}

#[derive(Clone, Debug)]
pub struct PageHead<'a> {
    /// The question of the page: its `h1`, and with the product's name the window's title. Never a person's name: titles
    /// stay in a browser's history.
    pub title: &'a str,
    /// The heading is there for the ear only, where a person's head or a board already says it to the eye.
    pub title_hidden: bool,
    /// For a screen on the wall: read across a room, touched by nobody.
    pub wall: bool,
    pub nav: &'a [NavItem<'a>],
    /// Where the product's name leads: the desk's first page.
    pub home: &'a str,
    pub who: Option<Who<'a>>,
    pub nonce: &'a str,
    pub banners: Vec<Banner<'a>>,
    /// Seconds after which a browser without a script loads the page again. Not on a page with a form to fill.
    pub refresh_without_script: Option<u32>,
    /// The reader asked for it.
    pub renews: bool,
    /// The address of the event stream that the page listens to; its parts then name `sse-swap` or `hx-trigger="sse:…"`.
    pub live: Option<&'a str>,
    pub now: Instant,
}

impl<'a> PageHead<'a> {
    pub fn new(title: &'a str, now: Instant, nonce: &'a str) -> PageHead<'a> {
        PageHead {
            title,
            title_hidden: false,
            wall: false,
            nav: &[],
            home: "/",
            who: None,
            nonce,
            banners: Vec::new(),
            refresh_without_script: None,
            renews: false,
            live: None,
            now,
        }
    }

    fn is_demo(&self) -> bool {
        self.banners.iter().any(|banner| matches!(banner, Banner::FictionalDemo))
    }
}

/// The value of `Content-Security-Policy`: scripts and styles of our own only, forms to ourselves only, no framing.
pub fn content_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

pub fn page(head: &PageHead, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="ja" {
            (document_head(head))
            body class=[head.wall.then_some("is-wall")] data-now=(head.now.unix_seconds())
                hx-ext=[head.live.map(|_| "sse")] sse-connect=[head.live] {
                a.skip href="#main" { "本文へ進む" }
                (banners(head))
                (top(head))
                main #main tabindex="-1" {
                    h1 class=[head.title_hidden.then_some("sr-only")] { (head.title) }
                    (renewing(head))
                    (body)
                }
                (foot(head))
            }
        }
    }
}

/// Without a script nothing arrives by itself: the reader may have the page loaded again, and may stop it (WCAG 2.2.1).
fn renewing(head: &PageHead) -> Markup {
    html! {
        @if let Some(seconds) = head.refresh_without_script {
            noscript {
                @if head.renews {
                    p { "この画面は" (seconds) "秒ごとに新しくなります。" a href="?" { "自動の更新を止める" } }
                } @else {
                    p { "この画面は自動では新しくなりません。" a href={ "?renew=" (seconds) } { (seconds) "秒ごとに自動で更新する" } }
                }
            }
        }
    }
}

/// After how many seconds the address wants its page loaded again; sent as the header `Refresh`.
pub fn renewal(query: Option<&str>) -> Option<u32> {
    let wanted = query?.split('&').find_map(|pair| pair.strip_prefix("renew="))?;
    wanted.parse().ok().filter(|seconds| (10..=600).contains(seconds))
}

fn document_head(head: &PageHead) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="robots" content="noindex, nofollow";
            // Phones must not turn every number into a link: ours are marked where they may be dialled.
            meta name="format-detection" content="telephone=no, address=no, date=no";
            meta name="htmx-config" content=(HTMX_CONFIG);
            title { (head.title) "｜つながり" }
            link rel="icon" type="image/svg+xml" href=(assets::url(assets::ICON));
            link rel="stylesheet" href=(assets::url(assets::TOKENS));
            link rel="stylesheet" href=(assets::url(assets::STYLE));
            script defer nonce=(head.nonce) src=(assets::url(assets::HTMX)) {}
            @if head.live.is_some() { script defer nonce=(head.nonce) src=(assets::url(assets::HTMX_SSE)) {} }
            script defer nonce=(head.nonce) src=(assets::url(assets::SCRIPT)) {}
        }
    }
}

fn banners(head: &PageHead) -> Markup {
    html! {
        div #line-lost .banner.is-lost role="alert" hidden
            data-lost="画面の回線が切れています。表示は古い可能性があります。つながりしだい自動で更新します。"
            data-away="からシステムの記録に接続できません。表示は古い可能性があり、新しいアラートは表示されません。つながりしだい自動で更新します。" {
            (icon(Icon::Line)) span data-text {}
        }
        @if !head.banners.is_empty() {
            aside.banners aria-label="お知らせ" { @for banner in &head.banners { (one_banner(banner)) } }
        }
    }
}

fn one_banner(banner: &Banner) -> Markup {
    html! {
        @match banner {
            Banner::FictionalDemo => {
                p.banner.is-demo { (icon(Icon::Info)) span { "架空のデータによるデモ（実在の人物・事業所ではありません）" } }
            },
            Banner::WatchLineLost => {
                p.banner.is-lost { (icon(Icon::Line)) span { "見守りの回線が切れています。動きがないことは、無事を意味しません。" } }
            },
            Banner::Overdue { count, href } => {
                p.banner.is-overdue { (icon(Icon::Warning)) span { "期限を過ぎた案件が" (count) "件あります " a href=(href) { "一覧を開く" } } }
            },
            Banner::WithoutCase { count, cities, href } => {
                p.banner.is-overdue data-alarm { (icon(Icon::Warning)) span { "案件を開けないアラートが" (count) "件" @if !cities.is_empty() { "（" (cities) "）" } "あります。コールセンターと市で本人の安否を確認してください。" a href=(href) { "一覧を開く" } } }
            },
            Banner::Unreadable(count) => {
                p.banner.is-lost { (icon(Icon::Warning)) span { "読み取れない記録が" (count) "件あり、一覧から外れています。システム管理者に連絡してください。" } }
            },
            Banner::Warning(text) => { p.banner.is-lost { (icon(Icon::Warning)) span { (text) } } },
        }
    }
}

fn top(head: &PageHead) -> Markup {
    html! {
        header.top {
            div.top-inner {
                a.brand href=(head.home) { "つながり" }
                @if !head.nav.is_empty() {
                    nav.nav-wide aria-label="メニュー" { (nav_list(head.nav)) }
                }
                @if let Some(who) = &head.who { (signed_in(who, head.is_demo())) }
                @if !head.nav.is_empty() {
                    // The same list a second time, closed: a phone opens it without a script.
                    details.nav-narrow {
                        summary { "メニュー" }
                        nav aria-label="メニュー" { (nav_list(head.nav)) }
                    }
                }
            }
        }
    }
}

fn nav_list(items: &[NavItem]) -> Markup {
    html! {
        ul { @for item in items {
            li { a href=(item.href) aria-current=[item.current.then_some("page")] {
                (item.label)
                @if let Some(url) = item.live { " " (live_count(url, item.count.unwrap_or(0))) }
                @else if let Some(count) = item.count { " " span.count { (count) "件" } }
            } }
        } }
    }
}

/// A count that follows by itself; nothing is shown of none.
pub fn live_count(url: &str, count: usize) -> Markup {
    html! {
        span class=[(count > 0).then_some("count")] hx-get=(url) hx-trigger="sse:messages" hx-swap="outerHTML" hx-target="this" {
            @if count > 0 { (count) "件" }
        }
    }
}

fn signed_in(who: &Who, demo: bool) -> Markup {
    html! {
        details.who {
            summary { (icon(Icon::Person)) span { span.who-name { (who.name) } small { (who.role) } } }
            div.who-menu {
                @if !who.office.is_empty() { p { (who.office) } }
                a.btn href=(OWN_ACCOUNT) { span { "わたしのアカウント" } }
                @if demo { a.btn href=(SWITCH_PERSON) { span { "人を切り替える" } } }
                form method="post" action=(SIGN_OUT) { button.btn type="submit" { span { "サインアウト" } } }
            }
        }
    }
}

fn foot(head: &PageHead) -> Markup {
    html! {
        footer.foot {
            p { (updated(head.now)) }
            p.foot-name { "つながり 地域ネットワーク情報連携基盤" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> PageHead<'static> {
        PageHead::new("次に対応する方", Instant::parse("2026-11-22T10:42:05").expect("a moment"), "abc123")
    }

    #[test]
    fn a_page_has_one_heading_its_landmarks_and_a_way_past_them() {
        let nav = [NavItem { href: "/desk", label: "受付", count: Some(3), live: None, current: true }];
        let out = page(&PageHead { nav: &nav, live: Some("/live"), ..head() }, html! { p { "本文" } }).0;
        assert_eq!(out.matches("<h1").count(), 1);
        for part in [
            "lang=\"ja\"",
            "href=\"#main\"",
            "<main id=\"main\"",
            "<header",
            "<footer",
            "aria-current=\"page\"",
            "更新 <span data-updated>10:42:05",
            "sse-connect=\"/live\"",
        ] {
            assert!(out.contains(part), "{part}: {out}");
        }
    }

    #[test]
    fn without_a_script_the_reader_decides_whether_the_page_renews() {
        let asks = page(&PageHead { refresh_without_script: Some(20), ..head() }, html! {}).0;
        assert!(asks.contains("<noscript><p>") && asks.contains("href=\"?renew=20\""), "{asks}");
        assert!(!asks.contains("http-equiv"), "{asks}");
        let renews = page(&PageHead { refresh_without_script: Some(20), renews: true, ..head() }, html! {}).0;
        assert!(renews.contains("href=\"?\"") && !renews.contains("renew=20"), "{renews}");
        assert_eq!(renewal(Some("done=closed&renew=20")), Some(20));
        for query in [None, Some("renew=1"), Some("renew=x"), Some("renewal=20")] {
            assert_eq!(renewal(query), None, "{query:?}");
        }
    }

    #[test]
    fn every_script_carries_the_nonce_and_none_is_inline() {
        let out = page(&PageHead { live: Some("/live"), ..head() }, html! {}).0;
        for tag in out.split("<script").skip(1) {
            assert!(
                tag.contains("nonce=\"abc123\"") && tag.contains("src=\"/assets/") && tag.contains("></script>"),
                "{tag}"
            );
        }
        assert!(content_policy("abc123").contains("script-src 'nonce-abc123';"));
        assert!(!content_policy("abc123").contains("unsafe"));
    }

    #[test]
    fn one_becomes_another_person_in_the_demo_only() {
        let who =
            Some(Who { name: "見本 一郎", role: "コールセンター", office: "架空コールセンター" });
        let demo = PageHead { who: who.clone(), banners: vec![Banner::FictionalDemo], ..head() };
        assert!(page(&demo, html! {}).0.contains("人を切り替える"));
        let serve = PageHead { who, ..head() };
        let out = page(&serve, html! {}).0;
        assert!(!out.contains("人を切り替える") && out.contains("action=\"/signout\""));
    }

    #[test]
    fn the_htmx_configuration_is_json_that_forbids_evaluation() {
        let config: serde_json::Value = serde_json::from_str(HTMX_CONFIG).expect("JSON");
        assert_eq!(config["allowEval"], false);
        assert_eq!(config["includeIndicatorStyles"], false);
        assert_eq!(config["historyCacheSize"], 0);
    }
}
