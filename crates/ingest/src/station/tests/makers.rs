//! Devices of other makers, registered under the names their boxes give them.

use base::Span;
use watch::{DeviceKind, Level, Rule};

use super::houses::{World, silent_home};
use crate::payload::{Origin, Parsed, read_publish};

fn publish(w: &mut World, topic: &str, payload: &str) {
    let origin = Origin { gateway: w.houses[0].gateway, received_at: w.now, retained: false };
    let mut parsed = Parsed::default();
    read_publish(&origin, topic, payload.as_bytes(), &mut parsed);
    assert!(parsed.rejected.is_empty(), "{parsed:?}");
    w.deliver(parsed.arrivals).expect("stored");
}

// shows: 6.2.7 what ESPHome, Tasmota, Shelly and Home Assistant say by default is life and a call of the home it came from
#[test]
fn doors_and_buttons_of_every_maker_are_readings_of_registered_devices() {
    let mut w = silent_home();
    for (device, open, closed) in [
        ("livingroom/front_door", ("livingroom/binary_sensor/front_door/state", "ON", "OFF")),
        (
            "back_door/Switch1",
            ("stat/back_door/RESULT", r#"{"Switch1":{"Action":"ON"}}"#, r#"{"Switch1":{"Action":"OFF"}}"#),
        ),
        ("shellydw2-B88D99", ("shellies/shellydw2-B88D99/sensor/state", "open", "close")),
        ("binary_sensor.fridge_door", ("homeassistant/binary_sensor/fridge_door/state", "on", "off")),
    ]
    .map(|(device, (topic, open, closed))| (device, (topic, open), (topic, closed)))
    {
        w.assign(0, device, DeviceKind::Contact);
        publish(&mut w, closed.0, closed.1);
        w.now = w.now + Span::minutes(1);
        publish(&mut w, open.0, open.1);
        let opened = w.now;
        w.pass_for(Span::minutes(3));
        assert_eq!(w.device(0, device).sign_at, Some(opened), "{device}");
    }
    for (n, (device, topic, payload)) in [
        ("bedroom/help", "bedroom/event/help/state", r#"{"event_type":"press"}"#),
        ("help/Button1", "stat/help/RESULT", r#"{"Button1":{"Action":"SINGLE"}}"#),
        ("shellybutton1-A4", "shellies/shellybutton1-A4/input_event/0", r#"{"event":"S","event_cnt":2}"#),
    ]
    .into_iter()
    .enumerate()
    {
        w.assign(0, device, DeviceKind::Button);
        publish(&mut w, topic, payload);
        assert_eq!(w.alerts_of(0, Rule::Button, Level::Alert).len(), n + 1, "{device}");
    }
}

// shows: 6.2.7 a box that cannot be reached takes all its sensors with it
#[test]
fn the_will_of_a_box_speaks_for_all_its_sensors() {
    let mut w = silent_home();
    for device in ["livingroom/front_door", "livingroom/room_temperature", "livingroom2/door"] {
        w.assign(0, device, DeviceKind::Contact);
    }
    publish(&mut w, "livingroom/status", "offline");
    w.pass_for(Span::minutes(3));
    let online = |w: &World, device| w.device(0, device).online;
    assert!(!online(&w, "livingroom/front_door") && !online(&w, "livingroom/room_temperature"));
    assert!(online(&w, "livingroom2/door") && online(&w, "fridge"));
    assert!(w.unused(0).is_empty());
    publish(&mut w, "livingroom/status", "online");
    w.pass_for(Span::minutes(3));
    assert!(online(&w, "livingroom/front_door"));
}
