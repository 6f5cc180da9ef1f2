//! Whose sessions were looked up within the last minute. It decides nothing: whether they still stand, the database says.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::{Instant, Span, limits};
use signin::{Session, TokenHash};

/// So long a session is remembered after the database last said whose it is.
const REMEMBERED_FOR: Span = Span::minutes(1);

/// Sessions that were looked up lately.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<HashMap<TokenHash, (Instant, Session)>>);

impl Remembered {
    pub(crate) fn recall(&self, token: &TokenHash, now: Instant) -> Option<Session> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(token).filter(|(met, _)| fresh(*met, now)).map(|(_, session)| session.clone())
    }

    pub(crate) fn learn(&self, token: TokenHash, session: &Session, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::SESSIONS_REMEMBERED && !known.contains_key(&token) {
            known.retain(|_, (met, _)| fresh(*met, now));
            if known.len() >= limits::SESSIONS_REMEMBERED {
                known.clear();
            }
        }
        known.insert(token, (now, session.clone()));
    }

    pub(crate) fn forget(&self, token: &TokenHash) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }
}

/// A clock that went back is not trusted.
fn fresh(met: Instant, now: Instant) -> bool {
    (met..met + REMEMBERED_FOR).contains(&now)
}
