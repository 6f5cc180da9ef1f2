//! Whatever bytes come in, nothing panics and nothing unsound comes out.

use proptest::prelude::*;
use watch::{Arrival, SERIAL_CHARS, Signal};

use super::{ORIGIN, Parsed, READINGS_TOPIC, read_document, read_lines, read_publish};

fn sound(arrival: &Arrival) -> bool {
    let serial = arrival.serial.chars().count() <= SERIAL_CHARS && !arrival.serial.chars().any(char::is_control);
    serial
        && match arrival.signal {
            Signal::Temperature(t) => (-100.0..=200.0).contains(&t),
            Signal::Humidity(h) => (0.0..=100.0).contains(&h),
            Signal::Battery(b) => b <= 100,
            Signal::LineLost | Signal::LineUp | Signal::LineKept | Signal::LineBroken(_) => false,
            _ => true,
        }
}

fn topics() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(READINGS_TOPIC.to_owned()),
        Just("zigbee2mqtt/玄関".to_owned()),
        Just("zigbee2mqtt/a/availability".to_owned()),
        Just("zigbee2mqtt/bridge/state".to_owned()),
        any::<String>(),
        "zigbee2mqtt/.*",
        "(tele|stat)/[a-z]{1,8}/(SENSOR|RESULT|LWT|PIR1|BUTTON1|SWITCH1)",
        "shellies/[a-z0-9-]{1,20}/(online|status|sensor/state|sensor/.*|input_event/0|ext_temperature/0)",
        "[a-z0-9-]{1,20}/(events/rpc|online|status/(input|temperature|devicepower|bthomesensor):[0-9])",
        "[a-z-]{1,12}/(binary_sensor|sensor|event|light)/.{0,80}/(state|command)",
        "homeassistant/(binary_sensor|sensor|event|light)/.*/state",
        "[^/]{0,70}/status",
    ]
}

/// The names that our own payload and the makers' have.
const NAMES: [&str; 39] = [
    "device",
    "kind",
    "value",
    "at",
    "contact",
    "occupancy",
    "temperature",
    "battery",
    "last_seen",
    "action",
    "state",
    "x",
    "params",
    "events",
    "ts",
    "input:0",
    "temperature:0",
    "devicepower:0",
    "tC",
    "component",
    "event",
    "event_type",
    "data",
    "address",
    "button",
    "motion",
    "timestamp",
    "ZbReceived",
    "0x1A2B",
    "Name",
    "Contact",
    "0006!01",
    "Time",
    "TempUnit",
    "Temperature",
    "AM2301",
    "Button1",
    "Switch1",
    "Action",
];

/// JSON that is nearly right: the right names with any values.
fn nearly() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(NAMES.to_vec());
    let leaf = prop_oneof![
        any::<f64>().prop_map(|n| serde_json::json!(n)),
        any::<i64>().prop_map(|n| serde_json::json!(n)),
        any::<bool>().prop_map(|b| serde_json::json!(b)),
        any::<String>().prop_map(|s| serde_json::json!(s)),
        "[0-9]{1,12}-[0-9]{1,3}-[0-9]{1,3}[T ][0-9:.]{0,12}[Z+-]?[0-9:]{0,22}".prop_map(|s| serde_json::json!(s)),
        prop::sample::select(vec!["contact", "motion", "battery", "temperature", "open", "online"])
            .prop_map(|s| serde_json::json!(s)),
        Just(serde_json::Value::Null),
        Just(serde_json::json!([{"a": [1]}])),
    ];
    let value = leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::btree_map(name(), inner.clone(), 0..5).prop_map(|map| serde_json::json!(map)),
            prop::collection::vec(inner, 0..3).prop_map(|list| serde_json::json!(list)),
        ]
    });
    prop::collection::btree_map(name(), value, 0..6).prop_map(|map| serde_json::to_string(&map).unwrap())
}

proptest! {
    #[test]
    fn no_bytes_whatever_make_it_panic(topic in topics(), payload in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut parsed = Parsed::default();
        read_publish(&ORIGIN, &topic, &payload, &mut parsed);
        read_lines(&ORIGIN, &payload, &mut parsed);
        prop_assert!(parsed.arrivals.iter().all(sound));
    }

    #[test]
    fn what_is_nearly_right_is_read_soundly_or_refused(topic in topics(), payload in nearly(), cut in 0usize..200) {
        let mut parsed = Parsed::default();
        read_publish(&ORIGIN, &topic, payload.as_bytes(), &mut parsed);
        read_publish(&ORIGIN, &topic, &payload.as_bytes()[..cut.min(payload.len())], &mut parsed);
        read_document(&ORIGIN, format!("[{payload},{payload}]").as_bytes(), &mut parsed);
        prop_assert!(parsed.arrivals.iter().all(sound));
        prop_assert!(parsed.arrivals.len() + parsed.rejected.len() + parsed.ignored as usize >= 3);
    }
}
