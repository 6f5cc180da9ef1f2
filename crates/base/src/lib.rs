//! What every capability speaks of: ids, moments, the actor and purpose of a command, Japanese text and dates, limits.
//!
//! It knows no table, no socket and no clock: time and ids come in through [`Ctx`].

mod ctx;
mod hex;
mod ids;
mod instant;
pub mod kana;
pub mod letters;
pub mod limits;
mod redacted;
pub mod repeats;
mod typed_date;
pub mod wareki;
mod words;

pub use ctx::{Actor, Ctx, Purpose, Role};
pub use hex::{hex, unhex};
pub use ids::*;
pub use instant::{Clock, Instant, LocalTime, Span};
pub use redacted::Redacted;
pub use typed_date::NoDate;
