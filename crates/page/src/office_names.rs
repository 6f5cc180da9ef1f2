//! What the head of a page calls the reader's office. It stands on every page and hardly ever changes, so it is asked for
//! once a minute and not with each of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::{Instant, OfficeId, Redacted, Span};

/// A new name of an office is in the heads of pages after this time.
const KNOWN_FOR: Span = Span::minutes(1);

/// By office, when its name was read. There are no more of them than offices that have readers.
#[derive(Default)]
pub(crate) struct OfficeNames(Mutex<HashMap<OfficeId, (Instant, Redacted<String>)>>);

impl OfficeNames {
    pub(crate) fn known(&self, office: OfficeId, now: Instant) -> Option<Redacted<String>> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&office).filter(|(read, _)| (*read..*read + KNOWN_FOR).contains(&now)).map(|(_, name)| name.clone())
    }

    /// Takes in a name that was read just now, or was known already.
    pub(crate) fn learn(&self, named: Option<(OfficeId, &Redacted<String>)>, now: Instant) {
        let Some((office, name)) = named else { return };
        if self.known(office, now).is_none() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(office, (now, name.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_for_a_minute_and_then_read_again() {
        let (names, office, began) = (OfficeNames::default(), OfficeId(uuid::Uuid::from_u128(1)), Instant(0));
        let called = |name: &str| Redacted::new(name.to_owned());
        let known = |at: i64| names.known(office, began + Span::seconds(at)).map(|name| name.expose().clone());
        assert_eq!(known(0), None);
        names.learn(Some((office, &called("見本訪問看護"))), began);
        names.learn(None, began);
        assert_eq!(known(59).as_deref(), Some("見本訪問看護"));
        names.learn(Some((office, &called("another"))), began + Span::seconds(30));
        assert_eq!(known(59).as_deref(), Some("見本訪問看護"), "what is known is not made to last by being used");
        assert_eq!(known(60), None);
        assert_eq!(known(-1), None, "a clock that went back is not trusted");
        names.learn(Some((office, &called("見本訪問看護 本町"))), began + Span::seconds(61));
        assert_eq!(known(62).as_deref(), Some("見本訪問看護 本町"));
    }
}
