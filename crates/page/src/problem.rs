//! What a visitor is told when something does not go: one place where the failures of every capability become a
//! status and words. A refusal is a rule's; a fault is ours and is logged without a person in it.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::PersonId;
use form::{Fails, Failure, Kind, Refusal};

use crate::certificate::Presented;
use crate::components::Trouble;
use crate::faults::noted;
use crate::frame::ENDED;
use crate::site::random;
use crate::visitor::Asks;

#[derive(Debug)]
pub enum Problem {
    /// A rule said no; the words say what to do next.
    Refused(Refusal),
    /// The door or the person is not this visitor's. Says nothing of whether the person exists; who it is, is for the
    /// record alone.
    Denied(Option<PersonId>),
    /// An id that names nothing. Answered to the letter as what is there and is not this visitor's, or an address would
    /// tell that somebody is known here.
    NotFound,
    /// An address of no page.
    Nowhere,
    /// The posted form cannot be read at all (not a form, too long, cut off).
    Unreadable(&'static str),
    /// More than a form may hold.
    TooLarge,
    SignInFirst,
    /// The right to a page that is open, and that renews itself, has ended.
    Ended(Asks),
    /// The desk or the role needs a certificate, and none that is good was shown.
    Certificate(Presented),
    Busy,
    /// The disk is full.
    Full,
    /// The database is out of reach for the moment; nothing was done.
    Away(String),
    /// The database was lost while it was told: what was sent may stand in it or not.
    Unsure(String),
    Fault(String),
}

/// The one table of what a rule's "no" is on the wire, whichever page or command it came from.
pub fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Unfit => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Conflict => StatusCode::CONFLICT,
        // As what is there and is not this visitor's: see `Problem::NotFound`.
        Kind::NotThere => StatusCode::FORBIDDEN,
    }
}

impl Problem {
    pub fn status(&self) -> StatusCode {
        match self {
            Problem::Refused(why) => status_of(why.kind),
            Problem::Denied(_) | Problem::NotFound | Problem::Certificate(_) => StatusCode::FORBIDDEN,
            Problem::Nowhere => StatusCode::NOT_FOUND,
            Problem::Unreadable(_) => StatusCode::BAD_REQUEST,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::SignInFirst => StatusCode::UNAUTHORIZED,
            Problem::Ended(_) => StatusCode::OK,
            Problem::Busy | Problem::Full | Problem::Away(_) | Problem::Unsure(_) => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word for the audit row.
    pub fn key(&self) -> &'static str {
        match self {
            Problem::Refused(_) => "refused_by_rule",
            Problem::Denied(_) => "denied",
            Problem::NotFound => "not_found",
            Problem::Nowhere => "nowhere",
            Problem::Unreadable(_) => "unreadable",
            Problem::TooLarge => "too_large",
            Problem::SignInFirst => "not_signed_in",
            Problem::Ended(_) => "ended",
            Problem::Certificate(shown) => shown.key(),
            Problem::Busy => "busy",
            Problem::Full => "disk_full",
            Problem::Away(_) => "database_away",
            Problem::Unsure(_) => "unsure",
            Problem::Fault(_) => "fault",
        }
    }

    /// Whom a refusal was about, for the audit row.
    pub fn persons(&self) -> &[PersonId] {
        match self {
            Problem::Denied(person) => person.as_slice(),
            _ => &[],
        }
    }

    /// What the page of this problem says: its kind, and a rule's own sentence.
    pub fn words(&self) -> (Trouble, Option<&str>) {
        match self {
            Problem::Refused(why) if why.kind == Kind::Conflict => (Trouble::Conflict, Some(&why.words)),
            Problem::Refused(why) => (Trouble::BadInput, Some(&why.words)),
            Problem::Denied(_) | Problem::NotFound => (Trouble::Forbidden, None),
            Problem::Nowhere => (Trouble::NotFound, None),
            Problem::Unreadable(why) => (Trouble::BadInput, Some(why)),
            Problem::TooLarge => (
                Trouble::BadInput,
                Some("送信内容が大きすぎます。文章は4000文字以内に分けて、もう一度送信してください。"),
            ),
            Problem::SignInFirst => (Trouble::SignedOut, None),
            Problem::Ended(_) => (Trouble::Forbidden, None),
            Problem::Certificate(shown) => (Trouble::Certificate, Some(shown.ja())),
            Problem::Busy => (Trouble::Busy, None),
            Problem::Full => {
                (Trouble::Busy, Some("保存する場所が足りません。システム管理者にすぐに連絡してください。"))
            }
            Problem::Away(_) => (Trouble::Away, None),
            Problem::Unsure(_) => (Trouble::Unsure, None),
            Problem::Fault(_) => (Trouble::Fault, None),
        }
    }
}

/// Goes with the answer to the guard, which knows the visitor and the nonce and makes the page.
#[derive(Clone)]
pub struct ProblemPage {
    pub problem: Arc<Problem>,
    /// What the log calls a fault of ours, to be told to whoever reads the log; empty for everything else.
    pub reference: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let reference = match &self {
            Problem::Fault(cause) | Problem::Away(cause) | Problem::Unsure(cause) => {
                noted(cause, u32::from_le_bytes(random()))
            }
            _ => String::new(),
        };
        if matches!(self, Problem::SignInFirst) {
            return Redirect::to("/signin").into_response();
        }
        if let Problem::Ended(asks) = self {
            return match asks {
                // A redirection would be followed by the script alone, and its page put into a part of the open one.
                Asks::Part => (StatusCode::OK, [("hx-redirect", ENDED)]).into_response(),
                _ => Redirect::to(ENDED).into_response(),
            };
        }
        let mut response = self.status().into_response();
        if matches!(self, Problem::Busy | Problem::Full | Problem::Away(_)) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response.extensions_mut().insert(ProblemPage { problem: Arc::new(self), reference });
        response
    }
}

impl<E: Fails> From<E> for Problem {
    fn from(error: E) -> Problem {
        match error.failure() {
            Failure::Refused(why) => Problem::Refused(why),
            Failure::Denied(person) => Problem::Denied(person),
            Failure::NotThere => Problem::NotFound,
            Failure::Busy => Problem::Busy,
            Failure::Full => Problem::Full,
            Failure::Away(cause) => Problem::Away(cause),
            Failure::Unsure(cause) => Problem::Unsure(cause),
            Failure::Fault(cause) => Problem::Fault(cause),
        }
    }
}
