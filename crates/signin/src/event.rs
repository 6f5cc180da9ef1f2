//! What accounts tell the rest of the house, with the commit in which it happened.

use base::{AccountId, SessionId};

use crate::{AccountChange, RequestChange};

db::events! {
    Event {
        /// Sessions of this account ended: all, or `session` alone, or all but `but`.
        Ended = "signin.ended" { account: AccountId, session: Option<SessionId>, but: Option<SessionId> };
        /// Somebody else did this to the account; its owner is told.
        AccountChanged = "signin.account" { account: AccountId, change: AccountChange };
        /// What became of a request about `account`: the other administrators are told that it waits, whoever asked what
        /// became of it.
        RequestChanged = "signin.request" { account: AccountId, asked_by: AccountId, change: RequestChange };
    }
}
