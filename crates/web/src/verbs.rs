//! Every list of verbs of a region in one book, for the pages that read the record. A list that is missing here makes
//! its rows read as those of a former version; a test finds it.

use audit::Book;

audit::verbs! {
    /// What is read of persons without a page.
    Look of "閲覧" {
        EmergencyList = "look.emergency_list", "緊急用一覧";
    }
}

pub const BOOK: Book = Book(&[
    audit::Verb::LIST,
    people::Verb::LIST,
    signin::Verb::LIST,
    care::Verb::LIST,
    notify::Verb::LIST,
    watch::Verb::LIST,
    response::Verb::LIST,
    Look::LIST,
    desk_register::Look::LIST,
    desk_care::Look::LIST,
    desk_family::Look::LIST,
    desk_watch::Look::LIST,
    desk_response::Look::LIST,
    desk_visits::Look::LIST,
    desk_signin::Look::LIST,
]);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // shows: 5.6.2 each verb is typed once, is its crate's own, and a resident can read it
    #[test]
    fn every_verb_of_a_region_is_its_owners_is_unique_and_can_be_read() {
        let owners = ["audit", "people", "signin", "care", "notify", "watch", "response"];
        let mut keys = BTreeSet::new();
        for (list, owner) in BOOK.0.iter().zip(owners.iter().copied().chain(std::iter::repeat("look"))) {
            for action in *list {
                let key = action.key();
                assert!(keys.insert(key), "{key} stands twice");
                assert!(
                    key.strip_prefix(owner).is_some_and(|rest| rest.starts_with('.')),
                    "{key} is no verb of {owner}"
                );
                let words = BOOK.words(key);
                assert_eq!(words, action.words());
                let read = words.split_once('：').map(|(part, ja)| (part.chars().count(), ja.chars().count()));
                assert!(read.is_some_and(|(part, ja)| part >= 2 && ja >= 2), "{key}: {words}");
                assert!(!words.chars().any(|c| c.is_ascii()), "{key}: {words}");
            }
        }
        assert!(keys.len() > 120, "{}", keys.len());
    }

    #[test]
    fn what_no_list_names_any_more_is_read_without_an_internal_word() {
        assert_eq!(BOOK.words("/cases/{id}"), "担当外の画面を開こうとした");
        for key in ["look.something_old", "people.x", "zzz", ""] {
            assert_eq!(BOOK.words(key), "以前の版の操作");
        }
    }
}
