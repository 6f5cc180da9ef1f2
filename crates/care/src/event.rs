//! What the notebook tells the rest of the house, with the commit in which it happened.

use base::{CaseId, NoteId, PersonId};

use crate::Importance;

db::events! {
    Event {
        NoteWritten = "care.note_written" { note: NoteId, person: PersonId, importance: Importance };
        NoteCorrected = "care.note_corrected" { note: NoteId, person: PersonId, case: Option<CaseId> };
        NoteWithdrawn = "care.note_withdrawn" { note: NoteId, person: PersonId, case: Option<CaseId> };
        NoteAnswered = "care.note_answered" { note: NoteId, person: PersonId, case: Option<CaseId> };
        NoteRead = "care.note_read" { note: NoteId, person: PersonId, case: Option<CaseId> };
        NoteAcknowledged = "care.note_acknowledged" { note: NoteId, person: PersonId, case: Option<CaseId> };
    }
}
