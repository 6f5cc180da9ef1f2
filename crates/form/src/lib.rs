//! What stands between a posted form and a verb: fields parsed into types that cannot be wrong, what is wrong with a
//! form said beside its fields, and the kinds of "no" that every capability's errors have. It knows no table, no person
//! and no page.

mod dates;
mod failure;
mod fields;
mod reading;

pub use dates::{almost_date, read_date, read_moment, read_time};
pub use failure::{Fails, Failure, Kind, Refusal, Rule};
pub use fields::{Email, Kana, Line, Name, PhoneNumber, PostalCode, Text};
pub use reading::{FieldError, Form, MAX_PHONES, Reading, Word};
