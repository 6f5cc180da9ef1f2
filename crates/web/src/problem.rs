//! What a visitor is told when something does not go: one place where every capability's errors become a status and
//! words. A refusal is a rule's; a fault is ours and is logged without a person in it.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use db::DbError;

use crate::components::Trouble;

#[derive(Debug)]
pub enum Problem {
    /// A rule said no; the words say what to do next.
    Refused(String),
    /// The door or the person is not this visitor's. Says nothing of whether the person exists.
    Denied,
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
    Busy,
    /// The disk is full.
    Full,
    Fault(String),
}

impl Problem {
    pub fn status(&self) -> StatusCode {
        match self {
            Problem::Refused(_) => StatusCode::CONFLICT,
            Problem::Denied | Problem::NotFound => StatusCode::FORBIDDEN,
            Problem::Nowhere => StatusCode::NOT_FOUND,
            Problem::Unreadable(_) => StatusCode::BAD_REQUEST,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::SignInFirst => StatusCode::UNAUTHORIZED,
            Problem::Busy | Problem::Full => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word for the audit row.
    pub fn key(&self) -> &'static str {
        match self {
            Problem::Refused(_) => "refused_by_rule",
            Problem::Denied => "denied",
            Problem::NotFound => "not_found",
            Problem::Nowhere => "nowhere",
            Problem::Unreadable(_) => "unreadable",
            Problem::TooLarge => "too_large",
            Problem::SignInFirst => "not_signed_in",
            Problem::Busy => "busy",
            Problem::Full => "disk_full",
            Problem::Fault(_) => "fault",
        }
    }

    /// What the page of this problem says: its kind, and a rule's own sentence.
    pub fn words(&self) -> (Trouble, Option<&str>) {
        match self {
            Problem::Refused(why) => (Trouble::BadInput, Some(why)),
            Problem::Denied | Problem::NotFound => (Trouble::Forbidden, None),
            Problem::Nowhere => (Trouble::NotFound, None),
            Problem::Unreadable(why) => (Trouble::BadInput, Some(why)),
            Problem::TooLarge => (
                Trouble::BadInput,
                Some("送信内容が大きすぎます。文章は4000文字以内に分けて、もう一度送信してください。"),
            ),
            Problem::SignInFirst => (Trouble::SignedOut, None),
            Problem::Busy => (Trouble::Busy, None),
            Problem::Full => {
                (Trouble::Busy, Some("保存する場所が足りません。システム管理者にすぐに連絡してください。"))
            }
            Problem::Fault(_) => (Trouble::Fault, None),
        }
    }
}

/// Goes with the answer to the guard, which knows the visitor and the nonce and makes the page.
#[derive(Clone)]
pub struct ProblemPage(pub Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Problem::Fault(cause) = &self {
            tracing::error!(%cause, "a request failed");
        }
        if matches!(self, Problem::SignInFirst) {
            return Redirect::to("/signin").into_response();
        }
        let mut response = self.status().into_response();
        if matches!(self, Problem::Busy | Problem::Full) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response.extensions_mut().insert(ProblemPage(Arc::new(self)));
        response
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Problem {
        match error {
            DbError::Busy => Problem::Busy,
            DbError::Full => Problem::Full,
            DbError::NoRow => Problem::NotFound,
            other => Problem::Fault(other.to_string()),
        }
    }
}

impl From<access::AccessError> for Problem {
    fn from(error: access::AccessError) -> Problem {
        match error {
            access::AccessError::Denied { .. } => Problem::Denied,
            access::AccessError::Db(cause) => cause.into(),
        }
    }
}

/// Whether a rule refused because an id names nothing.
fn nothing_there(why: &dyn std::any::Any) -> bool {
    use care::NoteRefusal as C;
    use people::PeopleRefusal as P;
    use response::Refusal as R;
    use watch::WatchRefusal as W;
    if let Some(why) = why.downcast_ref::<P>() {
        return matches!(
            why,
            P::NoPerson | P::NoHome | P::NoContact | P::NoOffice | P::NoStaff | P::NoConsent | P::NoMembership
        );
    }
    if let Some(why) = why.downcast_ref::<W>() {
        return matches!(why, W::NoHome | W::NoAlert | W::NoDevice | W::NoGateway | W::NoAbsence);
    }
    if let Some(why) = why.downcast_ref::<signin::SigninRefusal>() {
        return matches!(why, signin::SigninRefusal::AccountUnknown | signin::SigninRefusal::SessionUnknown);
    }
    matches!(why.downcast_ref::<C>(), Some(C::NoSuchNote))
        || matches!(why.downcast_ref::<R>(), Some(R::NoSuchCase | R::NoSuchVisit | R::NoSuchPhoto))
}

/// Every capability's error has the same kinds; one that passes on a neighbour's unwraps it.
macro_rules! capability {
    ($($error:ty { $($inner:ident),* })+) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Problem {
                type E = $error;
                match error {
                    E::Refused(why) if nothing_there(&why) => Problem::NotFound,
                    E::Refused(why) => Problem::Refused(why.to_string()),
                    $(E::$inner(cause) => cause.into(),)*
                }
            }
        }
    )+};
}

capability! {
    people::PeopleError { Access, Db }
    care::CareError { Access, People, Db }
    watch::WatchError { Access, People, Db }
    response::ResponseError { Access, People, Care, Watch, Db }
    notify::NotifyError { Access, Db }
    signin::SigninError { Fault, Db }
}

impl From<signin::SigninFault> for Problem {
    fn from(fault: signin::SigninFault) -> Problem {
        Problem::Fault(fault.to_string())
    }
}
