//! The state of a case as it is stored: JSON with the version of its shape. An older shape is read by explicit steps, one
//! from each version to the next; a newer or a damaged one is not guessed at but told as unreadable.

use serde_json::{Map, Value};

use crate::State;

/// The version that is written. Whoever changes the shape of [`State`] adds one, and a step to it.
const VERSION: usize = 1;
const VERSION_KEY: &str = "v";

/// Reads a state of one version as the next one writes it; `None` where it cannot be.
type Step = fn(Map<String, Value>) -> Option<Map<String, Value>>;

/// What leads from each version to the next; version 0 is what was written before states had one.
const STEPS: [Step; VERSION] = [unchanged];

/// From 0 to 1 only the version was added.
fn unchanged(body: Map<String, Value>) -> Option<Map<String, Value>> {
    Some(body)
}

pub fn text(state: &State) -> String {
    let mut body = serde_json::to_value(state).expect("a state of plain words and numbers is JSON");
    body[VERSION_KEY] = VERSION.into();
    body.to_string()
}

pub fn state(text: &str) -> Option<State> {
    let mut body: Map<String, Value> = serde_json::from_str(text).ok()?;
    let version = match body.remove(VERSION_KEY) {
        None => 0,
        Some(version) => usize::try_from(version.as_u64()?).ok()?,
    };
    let body = STEPS.get(version..)?.iter().try_fold(body, |body, step| step(body))?;
    serde_json::from_value(Value::Object(body)).ok()
}

#[cfg(test)]
mod tests {
    use base::Instant;

    use super::*;
    use crate::{Cause, Condition, Help, How};

    fn every_state() -> Vec<State> {
        let (condition, how) = (Condition::Unwell, How::Contact);
        vec![
            State::Detected,
            State::Taken,
            State::CallingResident { tries: 2, last_try: Instant(7) },
            State::CallingContacts,
            State::VisitRequested { accepted: true },
            State::OnTheWay,
            State::Arrived,
            State::NobodyAnswers { asked: Some(Help::Police) },
            State::Reported { condition, how },
            State::Ambulance,
            State::Consultation { answered: false, condition, how },
            State::Resolved { cause: Cause::WasOut },
            State::Reviewed { cause: Cause::FalseAlarm },
        ]
    }

    // shows: 5.4.3 states are versioned
    #[test]
    fn a_state_is_stored_with_its_version_and_read_again() {
        for state in every_state() {
            let stored = text(&state);
            assert!(stored.contains("\"v\":1"), "{stored}");
            assert_eq!(super::state(&stored), Some(state));
        }
    }

    // shows: 5.4.3 states are versioned: an older one is read by explicit steps
    #[test]
    fn what_was_stored_before_states_had_a_version_is_still_read() {
        for state in every_state() {
            let before = serde_json::to_string(&state).unwrap();
            assert_eq!(super::state(&before), Some(state));
        }
        let written_by_the_first_release = r#"{"step":"calling_resident","tries":1,"last_try":1763773200000000}"#;
        assert!(super::state(written_by_the_first_release).is_some());
    }

    #[test]
    fn a_newer_or_a_damaged_state_is_not_guessed_at() {
        for text in [r#"{"v":2,"step":"detected"}"#, r#"{"v":"1","step":"detected"}"#, r#"{"v":1,"step":"flown"}"#, "{"]
        {
            assert_eq!(state(text), None, "{text}");
        }
    }
}
