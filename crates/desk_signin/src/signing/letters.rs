//! /demo/mail: what a demonstration would have sent out, as its recipients would read it. The door exists in a
//! demonstration only; the folder's texts name nobody, the addresses are invented.

use axum::extract::State;
use base::{Instant, Span};
use maud::{Markup, html};
use notify::Letter;
use page::components::{empty, link_button, since, too_many};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;

pub const MAIL: &str = "/demo/mail";
/// Letters of one page.
const SHOWN: usize = 50;

pub async fn page(State(site): State<Site>, frame: Frame) -> Result<Markup, Problem> {
    let folder = site.letters().map(std::path::Path::to_owned);
    let read = move || folder.map(|folder| notify::letters(&folder, SHOWN)).unwrap_or_default();
    let (letters, all) = tokio::task::spawn_blocking(read).await.map_err(|e| Problem::Fault(e.to_string()))?;
    Ok(frame.page("外へ送られるはずのメール・SMS").body(html! {
        p.lead { "デモでは外へ送らず、ここに並べます（新しい順）。リンクは、届いた方が押すときと同じに動きます。" }
        div.buttons { (link_button("/demo", "はじめのページへ")) (link_button(MAIL, "最新の状態にする")) }
        @if letters.is_empty() {
            (empty("まだ何も送られていません", "アラートや訪問依頼があると、ここに現れます。"))
        }
        @for letter in &letters { article.card.stack { (one(letter, frame.now)) } }
        @if all > letters.len() { (too_many(letters.len(), all, "新しい順です。")) }
    }))
}

fn one(letter: &Letter, now: Instant) -> Markup {
    let at = now - Span::seconds(i64::try_from(letter.age.as_secs()).unwrap_or(0));
    html! {
        h2 { (letter.way.ja()) @if !letter.subject.is_empty() { "　" (letter.subject) } }
        p.soft { "宛先 " (letter.to) "　" (since(at, now)) }
        @for line in letter.text.lines().filter(|l| !l.trim().is_empty()) { p { (linked(line)) } }
    }
}

/// A line with our own links made clickable; whatever host stands in them, they lead to this site.
fn linked(line: &str) -> Markup {
    let token = line.trim().split_once("://").and_then(|(_, rest)| rest.split_once("/l/")).map(|(_, token)| token);
    let ours =
        token.filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    html! {
        @match ours {
            Some(token) => { a.breaks href={ "/l/" (token) } { (line.trim()) } },
            None => (line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_links_can_be_clicked_and_they_stay_here() {
        assert!(linked("http://127.0.0.1:8080/l/Ab-_9").0.contains("<a class=\"breaks\" href=\"/l/Ab-_9\">"));
        for line in ["https://evil.example/x", "http://a/l/../x", "ご確認をお願いします。", "http://a/l/\"x"]
        {
            assert!(!linked(line).0.contains("<a"), "{line}");
        }
    }
}
