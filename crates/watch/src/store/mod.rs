//! The watch's tables: every SQL text, and rows read into nouns. Nothing here decides.

pub(crate) mod absence;
pub(crate) mod adaptation;
pub(crate) mod alert;
pub(crate) mod device;
pub(crate) mod history;
pub(crate) mod home;
pub(crate) mod lists;
pub(crate) mod state;
pub(crate) mod unanswered;
pub(crate) mod unused;
