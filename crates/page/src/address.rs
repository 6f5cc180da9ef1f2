//! Where one desk leads to another, or to what both may show. A desk types the addresses of its own doors; those of
//! another desk stand here, made of ids alone, and `check-source` finds one that was typed elsewhere.

use base::{CaseId, HomeId, NoteId, PhotoId, VisitId};

/// The faults of lines.
pub const LINES: &str = "/lines";
pub const ACCOUNTS: &str = "/accounts";

/// The call centre's page of a case; its commands lie below it.
pub fn case(id: CaseId) -> String {
    format!("/cases/{id}")
}

/// The visitor's page of a visit; its commands lie below it.
pub fn visit(id: VisitId) -> String {
    format!("/visits/{id}")
}

/// A note with its replies.
pub fn note(id: NoteId) -> String {
    format!("/notes/{id}")
}

/// What a home's watch shows.
pub fn home(id: HomeId) -> String {
    format!("/homes/{id}")
}

/// Announced absences, and the form for one.
pub fn absences(id: HomeId) -> String {
    format!("/homes/{id}/absences")
}

/// What a home's watch is set to.
pub fn watch_settings(id: HomeId) -> String {
    format!("/homes/{id}/watch-settings")
}

/// A home's contract, gateway and devices.
pub fn devices(id: HomeId) -> String {
    format!("/homes/{id}/devices")
}

pub fn photo(id: PhotoId) -> String {
    format!("/photos/{id}")
}
