//! Over a sign-in only the link itself is remembered, in a cookie of this browser; where it leads is looked up in the
//! database once somebody is signed in. Therefore no address is ever taken from the outside, and a link is spent by its
//! recipient alone.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use notify::{LinkHash, LinkPeek};
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Visitor, session_token};

use crate::messages::leads_to;

/// Long enough to find the telephone with the authenticator; a shared machine forgets soon.
const SECONDS: u32 = 900;

/// What a link opens for somebody who is signed in.
pub enum Followed {
    /// The link is spent, its message read.
    To(String),
    /// It was sent to somebody else, and stays good for them.
    NotTheirs,
    /// It was used before, or its time is over.
    Over(String),
}

pub async fn follow(site: &Site, visitor: &Visitor, token: &str) -> Result<Followed, Problem> {
    let (link, role) = (LinkHash::of(token), visitor.role());
    let outcome = visitor
        .command(site, notify::Verb::UseLink, move |ctx, tx| {
            if !notify::link_is_for(ctx, tx, &link)? {
                audit::refused(ctx, tx, notify::Verb::UseLink, &[], "not_theirs")?;
                return Ok(None);
            }
            Ok(Some(notify::use_link(ctx, tx, &link)?))
        })
        .await;
    Ok(match outcome {
        Ok(Some(used)) => {
            let topic = notify::Topic::DeliveryTest;
            Followed::To(leads_to(role, topic, Some(used.purpose)).unwrap_or_else(|| page::frame::MESSAGES.to_owned()))
        }
        Ok(None) => Followed::NotTheirs,
        Err(Problem::Refused(why)) => Followed::Over(why.words),
        Err(other) => return Err(other),
    })
}

/// After a sign-in: where the remembered link leads, if there is one and it is this visitor's.
pub async fn recall(site: &Site, headers: &HeaderMap, visitor: &Visitor) -> Result<Option<String>, Problem> {
    let Some(token) = remembered(site, headers) else { return Ok(None) };
    let (link, now) = (LinkHash::of(&token), site.now());
    let peek = site.db().read(move |tx| notify::peek_link(tx, &link, now).map_err(Problem::from)).await?;
    // Buttons act when they are pressed, and never because somebody signed in.
    if !matches!(peek, LinkPeek::Open { purpose, .. } if !purpose.acts_nameless()) {
        return Ok(None);
    }
    Ok(match follow(site, visitor, &token).await? {
        Followed::To(address) => Some(address),
        Followed::NotTheirs | Followed::Over(_) => None,
    })
}

/// The link of which this browser was told to remember it.
pub fn remembered(site: &Site, headers: &HeaderMap) -> Option<String> {
    session_token(headers, &site.side_cookie_name("link"))
}

/// Makes the browser remember a link that is known to be open.
pub fn remember(site: &Site, response: &mut Response, token: &str) {
    set(site, response, token, SECONDS);
}

pub fn forget(site: &Site, response: &mut Response) {
    set(site, response, "", 0);
}

fn set(site: &Site, response: &mut Response, token: &str, seconds: u32) {
    let secure = if site.is_demo() { "" } else { "; Secure" };
    let name = site.side_cookie_name("link");
    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
