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
    /// By the pattern of a door and what stands in its places, as the router read it: however an address is spelt, it
    /// names what the handler finds.
    pub(crate) fn of<'a>(pattern: &str, mut params: impl Iterator<Item = &'a str>) -> Option<Item> {
        let mut kind = "";
        for part in pattern.split('/') {
            let word = if part.starts_with('{') { params.next()? } else { part };
            if let Some(id) = word.parse().ok().filter(|_| word != part) {
                return Some(Item { kind: kind.to_owned(), id });
            }
            kind = word;
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
    fn an_address_names_what_stands_before_its_first_id_however_that_is_spelt() {
        let (first, second) = (Uuid::from_u128(7).simple().to_string(), Uuid::from_u128(8).to_string());
        let named = |pattern: &str, params: &[&str]| {
            Item::of(pattern, params.iter().copied()).map(|item| (item.kind, item.id.as_u128()))
        };
        assert_eq!(named("/cases/{id}/calls", &[&first]), Some(("cases".into(), 7)));
        assert_eq!(named("/register/{person}/contacts/{contact}", &[&first, &second]), Some(("register".into(), 7)));
        assert_eq!(named("/accounts/new/{subject}/{id}", &["contact", &second]), Some(("contact".into(), 8)));
        assert_eq!(named("/cases", &[]), None);
        assert_eq!(named("/cases/{id}", &["x"]), None);
    }
}
