//! Home Assistant's `mqtt_statestream`: `homeassistant/<domain>/<object id>/state`, by which what Home Assistant knows
//! through Matter, Thread or any other bridge of it reaches us. Attributes and timestamps have topics of their own and
//! are not read.
//!
//! Source: https://www.home-assistant.io/integrations/mqtt_statestream/

use watch::Defect;

use super::{Origin, Parsed, esphome, serial};

/// Reads one message, if it is of the stream under its usual base topic. Under another one its topics have the shape of
/// ESPHome's and are read as those.
pub(super) fn read(origin: &Origin, topic: &str, payload: &[u8], into: &mut Parsed) -> bool {
    let mut parts = topic.splitn(4, '/');
    let (Some("homeassistant"), Some(domain), Some(object), Some(what)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    // `input_button` is a button on a page of Home Assistant; `button` is one that Home Assistant itself presses.
    let spoken = ["binary_sensor", "sensor", "light", "event", "input_button"].contains(&domain);
    if what != "state" || !spoken {
        into.ignored += 1;
        return true;
    }
    match serial(&format!("{domain}.{object}")) {
        Some(serial) => esphome::read_entity(origin, (domain, object), &serial, payload, into),
        None => into.reject(origin, 1, None, Defect::BadDevice, payload),
    }
    true
}
