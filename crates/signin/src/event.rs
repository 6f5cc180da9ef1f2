//! What accounts tell the rest of the house, with the commit in which it happened.

use base::{AccountId, SessionId};

use crate::AccountChange;

db::events! {
    Event {
        /// Sessions of this account ended: all, or `session` alone, or all but `but`.
        Ended = "signin.ended" { account: AccountId, session: Option<SessionId>, but: Option<SessionId> };
        /// Somebody else did this to the account; its owner is told.
        AccountChanged = "signin.account" { account: AccountId, change: AccountChange };
    }
}
