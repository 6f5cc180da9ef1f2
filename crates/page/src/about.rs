//! Whom an address is about, for the record of a refusal that names nobody itself: one before a door that is not the
//! reader's, or by a rule.

use base::PersonId;
use db::Tx;
use uuid::Uuid;

/// What an address names first: `cases` and the id of `/cases/{id}/calls`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    kind: String,
    id: Uuid,
}

/// Finds whom an item is about; nobody where it is none of a person's, or is not there. Those who know the items stand
/// above this crate.
pub type About = fn(&mut dyn Tx, kind: &str, id: Uuid) -> Vec<PersonId>;

impl Item {
    pub fn of(path: &str) -> Option<Item> {
        let mut kind = "";
        for part in path.split('/') {
            if let Ok(id) = part.parse() {
                return Some(Item { kind: kind.to_owned(), id });
            }
            kind = part;
        }
        None
    }

    pub fn persons(&self, tx: &mut dyn Tx, about: About) -> Vec<PersonId> {
        about(tx, &self.kind, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_what_stands_before_its_first_id() {
        let (first, second) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let named = |path: String| Item::of(&path).map(|item| (item.kind, item.id));
        assert_eq!(named(format!("/cases/{}/calls", first.simple())), Some(("cases".into(), first)));
        let contact = format!("/register/{}/contacts/{}", first.simple(), second.simple());
        assert_eq!(named(contact), Some(("register".into(), first)));
        assert_eq!(named("/cases".into()), None);
        assert_eq!(named("/accounts/new/staff/x".into()), None);
    }
}
