//! Forms with photos that are being taken in: each may hold three photos in memory, so there are few places, and nobody
//! has more than two of them, however slowly they send.

use std::sync::{Mutex, PoisonError};

use base::limits::{PHOTO_FORMS, PHOTO_FORMS_OF_ONE};
use uuid::Uuid;

/// Those of this program: the memory that they share is one.
pub static PLACES: Places = Places::none_taken();

/// Whose forms are being taken in.
#[derive(Debug)]
pub struct Places(Mutex<Vec<Uuid>>);

/// Given back when it is dropped.
#[derive(Debug)]
pub struct Place<'a> {
    of: &'a Places,
    sender: Uuid,
}

impl Places {
    const fn none_taken() -> Places {
        Places(Mutex::new(Vec::new()))
    }

    /// A place for this sender; nothing where they have their share or all are taken.
    pub fn take(&self, sender: Uuid) -> Option<Place<'_>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.iter().filter(|other| **other == sender).count();
        if taken.len() >= PHOTO_FORMS || theirs >= PHOTO_FORMS_OF_ONE {
            return None;
        }
        taken.push(sender);
        Some(Place { of: self, sender })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = taken.iter().position(|other| *other == self.sender) {
            taken.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: 5.1.7 nobody holds all places for uploads
    #[test]
    fn nobody_holds_all_places_and_what_is_given_back_is_there_for_others() {
        let places = Places::none_taken();
        let take = |sender: u128| places.take(Uuid::from_u128(sender));
        let one: Vec<Place> = (0..PHOTO_FORMS_OF_ONE).map(|_| take(1).unwrap()).collect();
        assert!(take(1).is_none(), "their share");
        let others: Vec<Place> =
            (2..).take(PHOTO_FORMS - PHOTO_FORMS_OF_ONE).map(|sender| take(sender).unwrap()).collect();
        assert!(take(99).is_none(), "all are taken");
        drop(one);
        drop(take(99).unwrap());
        drop(others);
        assert!(places.0.lock().unwrap().is_empty());
    }
}
