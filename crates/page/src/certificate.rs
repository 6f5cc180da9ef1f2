//! Desks and roles for which a region asks for a certificate of its own, beside the sign-in. It is asked for before any
//! handler. What makes a certificate a good one is known to whoever started the site, not here.

use std::sync::Arc;

use admission::Caller;
use axum::http::Extensions;
use base::{Instant, Role};
use signin::{Address, Threshold};

use crate::layout::SIGN_OUT;
use crate::problem::Problem;
use crate::site::Site;
use crate::visitor::Visitor;

/// What the device at the other end showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presented {
    Good,
    Missing,
    /// Or not yet valid.
    Expired,
    Revoked,
    /// Of another authority, or of none.
    Foreign,
}

impl Presented {
    /// The word of the security log and of the audit row.
    pub fn key(self) -> &'static str {
        match self {
            Presented::Good => "certificate_good",
            Presented::Missing => "certificate_missing",
            Presented::Expired => "certificate_expired",
            Presented::Revoked => "certificate_revoked",
            Presented::Foreign => "certificate_foreign",
        }
    }

    pub(crate) fn ja(self) -> &'static str {
        match self {
            Presented::Good => "この地域の証明書です。",
            Presented::Missing => "この端末からは証明書が届いていません。",
            Presented::Expired => "この端末の証明書は期限が切れているか、まだ有効になっていません。",
            Presented::Revoked => "この端末の証明書は使えなくされています。",
            Presented::Foreign => "この端末から届いた証明書は、この地域のものではありません。",
        }
    }
}

/// Judges what a connection showed, at this moment. Gives the certificate's fingerprint, where there was one.
pub type Judge = Arc<dyn Fn(&Caller, Instant) -> (Presented, Option<String>) + Send + Sync>;

/// Who must show one.
pub struct Demand {
    pub desks: Vec<String>,
    pub roles: Vec<Role>,
    pub judge: Judge,
}

impl Demand {
    /// A signed-in visitor may sign out wherever they are.
    fn asks(&self, desk: &str, path: &str, visitor: Option<&Visitor>) -> bool {
        let role = visitor.map(Visitor::role).filter(|_| path != SIGN_OUT);
        self.desks.iter().any(|name| name == desk) || role.is_some_and(|role| self.roles.contains(&role))
    }
}

/// Refuses a request to this door that needs a certificate and has none that is good: it leaves an audit row where
/// somebody is signed in, else a line of the security log.
pub async fn require(site: &Site, desk: &str, path: &'static str, request: &Extensions) -> Result<(), Problem> {
    let visitor = request.get::<Visitor>().cloned();
    let Some(demand) = site.demand().filter(|demand| demand.asks(desk, path, visitor.as_ref())) else { return Ok(()) };
    let caller = request.get::<Caller>().cloned();
    let (shown, fingerprint) = match &caller {
        Some(caller) => (demand.judge)(caller, site.now()),
        None => (Presented::Missing, None),
    };
    if shown == Presented::Good {
        return Ok(());
    }
    match (visitor, caller) {
        (Some(visitor), _) => visitor.without_certificate(site, path, shown, fingerprint.as_deref()).await?,
        (None, Some(caller)) => {
            let from = Address::of(caller.address());
            site.strangers().tell(site.now(), Threshold::Certificate, shown.key(), fingerprint.as_deref(), &from);
        }
        (None, None) => {}
    }
    Err(Problem::Certificate(shown))
}
