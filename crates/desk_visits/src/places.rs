//! Forms with photos that are being taken in: each may hold three photos in memory, so there are few places, and nobody
//! has more than two of them, however slowly they send.

use std::sync::{Mutex, PoisonError};

use base::limits::{PHOTO_FORMS, PHOTO_FORMS_OF_ONE};
use uuid::Uuid;

/// Whose forms are being taken in.
static TAKEN: Mutex<Vec<Uuid>> = Mutex::new(Vec::new());

/// Given back when it is dropped.
#[derive(Debug)]
pub struct Place(Uuid);

/// A place for this sender; nothing where they have their share or all are taken.
pub fn take(sender: Uuid) -> Option<Place> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let theirs = taken.iter().filter(|other| **other == sender).count();
    if taken.len() >= PHOTO_FORMS || theirs >= PHOTO_FORMS_OF_ONE {
        return None;
    }
    taken.push(sender);
    Some(Place(sender))
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = taken.iter().position(|other| *other == self.0) {
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
        // Other tests send photos in the same process: what they hold for a moment is waited for.
        let await_place = |sender: u128| loop {
            if let Some(place) = take(Uuid::from_u128(sender)) {
                return place;
            }
            std::thread::yield_now();
        };
        let one: Vec<Place> = (0..PHOTO_FORMS_OF_ONE).map(|_| await_place(1)).collect();
        assert!(take(Uuid::from_u128(1)).is_none(), "their share");
        let others: Vec<Place> = (2..).take(PHOTO_FORMS - PHOTO_FORMS_OF_ONE).map(await_place).collect();
        assert!(take(Uuid::from_u128(99)).is_none(), "all are taken");
        drop(one);
        drop(await_place(99));
        drop(others);
    }
}
