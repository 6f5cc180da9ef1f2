//! The page around a desk's own markup: who is signed in, where they can go, what everybody must be told first.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base::{Instant, Role};
use maud::Markup;

use crate::guard::Nonce;
use crate::layout::{self, Banner, NavItem, PageHead, Who};
use crate::problem::Problem;
use crate::site::{Site, Warning};
use crate::visitor::Visitor;

/// Taken by every handler that answers with a page.
pub struct Frame {
    pub site: Site,
    pub visitor: Option<Visitor>,
    pub now: Instant,
    nonce: Nonce,
    path: String,
    /// The address asks for the page to be loaded again by itself.
    renews: bool,
}

impl FromRequestParts<Site> for Frame {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Frame, Problem> {
        let nonce = Nonce::from_request_parts(parts, site).await?;
        let visitor = parts.extensions.get::<Visitor>().cloned();
        let renews = layout::renewal(parts.uri.query()).is_some();
        Ok(Frame { renews, ..Frame::new(site, visitor, nonce, parts.uri.path()) })
    }
}

/// A page under construction.
pub struct Page<'a> {
    frame: &'a Frame,
    title: &'a str,
    title_hidden: bool,
    wall: bool,
    live: Option<&'a str>,
    refresh: Option<u32>,
}

impl Frame {
    pub fn new(site: &Site, visitor: Option<Visitor>, nonce: Nonce, path: &str) -> Frame {
        Frame { site: site.clone(), visitor, now: site.now(), nonce, path: path.to_owned(), renews: false }
    }

    /// The reader asked for this page to be loaded again by itself: what is typed into it would be lost.
    pub fn renews(&self) -> bool {
        self.renews
    }

    /// A page whose title is its question; never a person's name.
    pub fn page<'a>(&'a self, title: &'a str) -> Page<'a> {
        Page { frame: self, title, title_hidden: false, wall: false, live: None, refresh: None }
    }
}

impl<'a> Page<'a> {
    /// The heading is for the ear only.
    pub fn heading_hidden(self) -> Self {
        Page { title_hidden: true, ..self }
    }

    /// Laid out for a screen on the wall, where the window is one.
    pub fn wall(self) -> Self {
        Page { wall: true, ..self }
    }

    /// Listens to `/live/{channel}`; parts of the page name `hx-trigger="sse:changed"`. Without a script the reader may
    /// have the page loaded again every `seconds`.
    pub fn live(self, stream: &'a str, seconds: u32) -> Self {
        Page { live: Some(stream), refresh: Some(seconds), ..self }
    }

    /// Listens without ever loading the page again by itself: for pages with fields to fill.
    pub fn listens(self, stream: &'a str) -> Self {
        Page { live: Some(stream), ..self }
    }

    pub fn body(self, body: Markup) -> Markup {
        let frame = self.frame;
        let role = frame.visitor.as_ref().map(Visitor::role);
        let nav: Vec<NavItem<'_>> = desks(role)
            .iter()
            .map(|(href, label)| {
                let own = *href == MESSAGES;
                let count = frame.visitor.as_ref().map(Visitor::unread).filter(|n| own && *n > 0);
                let live = (own && self.live.is_some()).then_some(MESSAGE_COUNT);
                NavItem { href, label, count, live, current: is_current(href, &frame.path) }
            })
            .collect();
        let mut head = PageHead::new(self.title, frame.now, &frame.nonce.0);
        head.title_hidden = self.title_hidden;
        head.wall = self.wall;
        head.nav = &nav;
        head.home = home(role);
        head.who = frame.visitor.as_ref().map(|v| Who {
            name: v.session.display_name.expose(),
            role: v.role().ja(),
            office: v.office().map_or("", |o| o.expose()),
        });
        head.live = self.live;
        head.refresh_without_script = self.refresh;
        head.renews = frame.renews;
        let warnings = frame.site.warnings();
        let overdue = frame.visitor.as_ref().map_or(0, Visitor::overdue);
        head.banners = banners(frame.site.is_demo(), &warnings, role, overdue);
        layout::page(&head, body)
    }
}

const CLOCKWORK_FAILED: &str =
    "案件の期限の監視が止まっています。期限は画面で確かめ、システム管理者に連絡してください。";

const SIGNING_STOPPED: &str =
    "監査記録の署名を止めています。記録は続いています。システム管理者と監査の担当者に連絡してください。";

fn banners<'a>(demo: bool, warnings: &'a [Warning], role: Option<Role>, overdue: usize) -> Vec<Banner<'a>> {
    let mut banners = Vec::new();
    if demo {
        banners.push(Banner::FictionalDemo);
    }
    if role.is_none() {
        return banners;
    }
    for warning in warnings {
        match warning {
            Warning::WatchLineLost => banners.push(Banner::WatchLineLost),
            Warning::ClockworkFailed => banners.push(Banner::Warning(CLOCKWORK_FAILED)),
            Warning::Words(words) => banners.push(Banner::Warning(words)),
            Warning::SigningStopped(reason) => {
                banners.push(Banner::Warning(SIGNING_STOPPED));
                if matches!(role, Some(Role::Administrator | Role::Auditor)) {
                    banners.push(Banner::Warning(reason));
                }
            }
            Warning::Overdue(count) if role == Some(Role::Operator) => {
                banners.push(Banner::Overdue { count: *count, href: "/overdue" });
            }
            Warning::WithoutCase { count, cities }
                if matches!(role, Some(Role::CityOfficer | Role::SupportCentre | Role::Operator)) =>
            {
                banners.push(Banner::WithoutCase { count: *count, cities, href: "/overdue" });
            }
            Warning::Unreadable(count)
                if matches!(role, Some(Role::CityOfficer | Role::Administrator | Role::Auditor)) =>
            {
                banners.push(Banner::Unreadable(*count));
            }
            Warning::Overdue(_) | Warning::WithoutCase { .. } | Warning::Unreadable(_) => {}
        }
    }
    // Of the whole region only the call centre has the list; who answers for some is told of those.
    if overdue > 0 && matches!(role, Some(Role::CityOfficer | Role::SupportCentre)) {
        banners.push(Banner::Overdue { count: overdue, href: "/overdue" });
    }
    banners
}

fn is_current(href: &str, path: &str) -> bool {
    path == href || path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'))
}

/// What a page says that was open when the right to it ended.
pub const ENDED: &str = "/ended";

/// One's own messages, in everybody's menu.
pub const MESSAGES: &str = "/messages";
/// How many of them are unread, for a page that listens.
pub const MESSAGE_COUNT: &str = "/messages/count";

/// Where a role begins.
pub fn home(role: Option<Role>) -> &'static str {
    desks(role).first().map_or("/", |(href, _)| href)
}

/// The desks of a role, its first page first.
pub fn desks(role: Option<Role>) -> &'static [(&'static str, &'static str)] {
    match role {
        Some(Role::Operator) => &[
            ("/cases", "対応一覧"),
            ("/incoming", "着信"),
            ("/wallboard", "状況板"),
            ("/reviews", "振り返り"),
            (MESSAGES, "通知"),
        ],
        Some(Role::Doctor | Role::Nurse | Role::CareManager | Role::CareWorker) => {
            &[("/today", "きょう"), ("/visits", "訪問依頼"), ("/people", "担当の方"), (MESSAGES, "通知")]
        }
        Some(Role::Pharmacist) => &[("/today", "きょう"), ("/people", "担当の方"), (MESSAGES, "通知")],
        Some(Role::Commissioner) => &[("/visits", "訪問依頼"), (MESSAGES, "通知")],
        Some(Role::CityOfficer) => &[
            ("/overdue", "期限超過"),
            ("/wallboard", "状況板"),
            ("/lines", "通信断"),
            ("/people", "対象者"),
            ("/watch-settings", "見守り設定"),
            ("/watch-script", "質問と期限"),
            ("/reviews", "振り返り"),
            (MESSAGES, "通知"),
        ],
        Some(Role::SupportCentre) => {
            &[("/overdue", "期限超過"), ("/visits", "訪問依頼"), ("/wallboard", "状況板"), (MESSAGES, "通知")]
        }
        Some(Role::Administrator) => &[
            ("/register", "対象者"),
            ("/offices", "事業所・職員"),
            ("/gateways", "機器"),
            ("/accounts", "利用者"),
            ("/lines", "通信断"),
            ("/watch-settings", "見守り設定"),
            ("/watch-script", "質問と期限"),
            (MESSAGES, "通知"),
        ],
        Some(Role::Auditor) => &[("/audit", "閲覧・操作の記録"), (MESSAGES, "通知")],
        Some(Role::Family) => &[("/family", "ご家族の見守り"), ("/visits", "訪問依頼"), (MESSAGES, "通知")],
        Some(Role::Resident) => &[("/me", "わたしの見守り"), (MESSAGES, "通知")],
        Some(Role::Link | Role::Gateway | Role::System) | None => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nothing_is_signed_is_told_to_all_and_its_reason_to_those_who_keep_the_record() {
        let warnings = [Warning::SigningStopped("/var/lib/x がありません".to_owned())];
        let told = |role| {
            let words =
                |banner: Banner| if let Banner::Warning(words) = banner { words.to_owned() } else { String::new() };
            banners(false, &warnings, role, 0).into_iter().map(words).collect::<Vec<_>>()
        };
        for role in [Role::Resident, Role::Family, Role::Operator, Role::CityOfficer] {
            assert_eq!(told(Some(role)), [SIGNING_STOPPED], "{role:?}");
        }
        for role in [Role::Administrator, Role::Auditor] {
            assert_eq!(told(Some(role)), [SIGNING_STOPPED, "/var/lib/x がありません"]);
        }
        assert!(told(None).is_empty());
    }
}
