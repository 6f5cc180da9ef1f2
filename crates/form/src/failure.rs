//! Why a verb did not do what it was asked: a rule said no, a right is missing, nothing is there, or it is our fault.
//! Every capability has errors of its own; all of them are of these kinds, and nobody above needs to know more.

use std::fmt::Display;

use access::AccessError;
use base::PersonId;
use db::DbError;

/// What a verb that did nothing leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A rule's: shown to the user, with what to do next.
    Refused(Refusal),
    /// The person or the act is not this actor's. Says nothing of whether the person exists; who it is, is for the record.
    Denied(Option<PersonId>),
    /// An id that names nothing.
    NotThere,
    /// More than we take at a time.
    Busy,
    /// The disk is full.
    Full,
    /// The database cannot be reached, or did not get to it: nothing was done, and later it may be.
    Away(String),
    /// It is not known whether it was done.
    Unsure(String),
    /// Ours; for the log, with no person in it.
    Fault(String),
}

/// A rule that said no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub kind: Kind,
    /// The field of the form that is to be mended, where there is one.
    pub field: Option<&'static str>,
    pub words: String,
}

impl Refusal {
    /// A field does not hold what is needed.
    pub fn at(field: &'static str, words: impl Into<String>) -> Refusal {
        Refusal { kind: Kind::Unfit, field: Some(field), words: words.into() }
    }

    /// What came does not fit as a whole.
    pub fn unfit(words: impl Into<String>) -> Refusal {
        Refusal { kind: Kind::Unfit, field: None, words: words.into() }
    }

    /// What is on record does not allow it.
    pub fn conflict(words: impl Into<String>) -> Refusal {
        Refusal { kind: Kind::Conflict, field: None, words: words.into() }
    }
}

/// What a refusal asks of whoever reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// What was typed or chosen does not fit: mend it and send again.
    Unfit,
    /// What is on record does not allow it, whatever is typed.
    Conflict,
    /// An id names nothing (any more).
    NotThere,
}

/// A capability's refusals. Their `Display` is for the user.
pub trait Rule: Display {
    fn kind(&self) -> Kind;

    /// The field of the capability's own form that is to be mended.
    fn field(&self) -> Option<&'static str> {
        None
    }

    fn failure(&self) -> Failure {
        match self.kind() {
            Kind::NotThere => Failure::NotThere,
            kind => Failure::Refused(Refusal { kind, field: self.field(), words: self.to_string() }),
        }
    }
}

/// A capability's errors.
pub trait Fails {
    fn failure(self) -> Failure;
}

/// Every capability's error has a variant `Refused` and passes on those of its neighbours below.
#[macro_export]
macro_rules! fails {
    ($error:ty { $($inner:ident),* $(,)? }) => {
        impl $crate::Fails for $error {
            fn failure(self) -> $crate::Failure {
                type E = $error;
                match self {
                    E::Refused(why) => $crate::Rule::failure(&why),
                    $(E::$inner(cause) => $crate::Fails::failure(cause),)*
                }
            }
        }
    };
}

impl Fails for DbError {
    fn failure(self) -> Failure {
        match self {
            DbError::Busy => Failure::Busy,
            DbError::Full => Failure::Full,
            DbError::NoRow => Failure::NotThere,
            DbError::Gone(_) | DbError::Lost | DbError::Occupied => Failure::Away(self.to_string()),
            DbError::Unknown(_) => Failure::Unsure(self.to_string()),
            other => Failure::Fault(other.to_string()),
        }
    }
}

impl Fails for AccessError {
    fn failure(self) -> Failure {
        match self {
            AccessError::Denied { person, .. } => Failure::Denied(person),
            AccessError::NotInCharge { .. } => Failure::Denied(None),
            AccessError::Db(cause) => cause.failure(),
        }
    }
}
