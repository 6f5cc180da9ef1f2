use base::{GatewayId, Instant};
use watch::{Arrival, Defect, Signal};

use super::*;

mod random;

const ORIGIN: Origin = Origin { gateway: GatewayId(uuid::Uuid::nil()), received_at: Instant(1_000), retained: false };

fn read(topic: &str, payload: &str) -> Parsed {
    let mut parsed = Parsed::default();
    read_publish(&ORIGIN, topic, payload.as_bytes(), &mut parsed);
    parsed
}

fn signals(parsed: &Parsed) -> Vec<Signal> {
    parsed.arrivals.iter().map(|arrival| arrival.signal).collect()
}

fn defects(parsed: &Parsed) -> Vec<(u32, Defect)> {
    parsed.rejected.iter().map(|rejected| (rejected.place, rejected.malformed.why)).collect()
}

#[test]
fn our_own_readings_of_every_kind() {
    for (kind_and_value, expected) in [
        (r#""kind":"contact","value":"open""#, Signal::Contact { open: true }),
        (r#""kind":"contact","value":"closed""#, Signal::Contact { open: false }),
        (r#""kind":"motion""#, Signal::Motion),
        (r#""kind":"motion","value":true"#, Signal::Motion),
        (r#""kind":"motion","value":false"#, Signal::MotionCleared),
        (r#""kind":"temperature","value":21.5"#, Signal::Temperature(21.5)),
        (r#""kind":"temperature","value":-3"#, Signal::Temperature(-3.0)),
        (r#""kind":"humidity","value":48"#, Signal::Humidity(48.0)),
        (r#""kind":"battery","value":99.6"#, Signal::Battery(100)),
        (r#""kind":"link_quality","value":255"#, Signal::LinkQuality(255)),
        (r#""kind":"energy_wh","value":412.5"#, Signal::Energy(412.5)),
        (r#""kind":"water_l","value":"18""#, Signal::Water(18.0)),
        (r#""kind":"light","value":"off""#, Signal::Light(false)),
        (r#""kind":"button","value":"double""#, Signal::Button),
        (r#""kind":"heartbeat""#, Signal::Heartbeat),
        (r#""kind":"device_online","value":false"#, Signal::DeviceOnline(false)),
    ] {
        let parsed = read(READINGS_TOPIC, &format!(r#"{{"device":"冷蔵庫",{kind_and_value}}}"#));
        assert_eq!(signals(&parsed), [expected], "{kind_and_value}");
        assert_eq!(parsed.arrivals[0].serial, "冷蔵庫");
        assert_eq!(parsed.arrivals[0].occurred_at, None);
    }
}

#[test]
fn what_is_wrong_with_a_reading_is_named() {
    use Defect::*;
    for (payload, why) in [
        ("", NotJson),
        ("戸が開いた", NotJson),
        (r#"{"device":"#, NotJson),
        ("7", WrongForm),
        (r#"[[1,2]]"#, WrongForm),
        (r#"{"device":"a","device":"b","kind":"motion"}"#, WrongForm),
        (r#"{"kind":"motion"}"#, NoDevice),
        (r#"{"device":"","kind":"motion"}"#, BadDevice),
        (r#"{"device":7,"kind":"motion"}"#, BadDevice),
        (r#"{"device":"a\nb","kind":"motion"}"#, BadDevice),
        (r#"{"device":"a"}"#, NoKind),
        (r#"{"device":"a","kind":"line_lost"}"#, UnknownKind),
        (r#"{"device":"a","kind":{"x":1}}"#, UnknownKind),
        (r#"{"device":"a","kind":"contact"}"#, NoValue),
        (r#"{"device":"a","kind":"contact","value":true}"#, BadValue),
        (r#"{"device":"a","kind":"temperature","value":"warm"}"#, BadValue),
        (r#"{"device":"a","kind":"temperature","value":"N/A"}"#, NoValue),
        (r#"{"device":"a","kind":"temperature","value":1e300}"#, BadValue),
        (r#"{"device":"a","kind":"humidity","value":-1}"#, BadValue),
        (r#"{"device":"a","kind":"battery","value":[50]}"#, BadValue),
        (r#"{"device":"a","kind":"energy_wh","value":30001}"#, BadValue),
        (r#"{"device":"a","kind":"energy_wh","value":-1}"#, BadValue),
        (r#"{"device":"a","kind":"water_l","value":5001}"#, BadValue),
        (r#"{"device":"a","kind":"light","value":"dim"}"#, BadValue),
    ] {
        let parsed = read(READINGS_TOPIC, payload);
        assert_eq!(defects(&parsed), [(1, why)], "{payload}");
        assert!(parsed.arrivals.is_empty(), "{payload}");
    }
    let long = format!(r#"{{"device":"{}","kind":"motion"}}"#, "戸".repeat(65));
    assert_eq!(defects(&read(READINGS_TOPIC, &long)), [(1, BadDevice)]);
    let mut parsed = Parsed::default();
    read_publish(&ORIGIN, READINGS_TOPIC, b"\xff\xfe{\0}", &mut parsed);
    assert_eq!(defects(&parsed), [(1, NotText)]);
}

// shows: 6.1.3 a time that cannot be read costs itself: the reading is taken as of its arrival, and that is noted
#[test]
fn a_time_that_cannot_be_read_costs_itself_alone() {
    for at in [
        r#""きのう""#,
        r#""2026-02-30T10:00:00Z""#,
        r#""2026-11-22""#,
        "-1",
        "1e300",
        "true",
        r#""999999999-11-22T10:00:00Z""#,
        r#""2026-11-22T10:00:00+9223372036854775807:00""#,
    ] {
        let help = read(READINGS_TOPIC, &format!(r#"{{"device":"help","kind":"button","at":{at}}}"#));
        let zigbee = read("zigbee2mqtt/help", &format!(r#"{{"action":"single","last_seen":{at}}}"#));
        for parsed in [help, zigbee] {
            assert_eq!(signals(&parsed), [Signal::Button], "{at}");
            assert_eq!(parsed.arrivals[0].occurred_at, None, "{at}");
            assert_eq!(defects(&parsed), [(1, Defect::BadTime)], "{at}");
        }
    }
    for at in [r#""N/A""#, r#""""#, "null", r#""unknown""#] {
        let parsed = read("zigbee2mqtt/help", &format!(r#"{{"action":"single","last_seen":{at}}}"#));
        assert_eq!(
            (signals(&parsed).len(), parsed.arrivals[0].occurred_at, parsed.rejected.len()),
            (1, None, 0),
            "{at}"
        );
    }
}

// shows: 6.1.1 a press is read whatever stands beside it, around it or in its own value
#[test]
fn a_press_is_read_through_whatever_is_broken_beside_it() {
    let own = [
        r#"[{"device":"room","kind":"temperature","value":NaN},{"device":"help","kind":"button"}]"#,
        r#"[NaN,{"device":"help","kind":"button"},undefined]"#,
        r#"[{"device":"help","kind":"button"},{"device":"room","kind":"temp"#,
        r#"[{"device":"room","kind"},{"device":"help","kind":"button"}]"#,
        r#"{"device":"help","kind":"button","value":NaN}"#,
        r#"{"device":"help","kind":"button","value":{"type":"single"}}"#,
        "\u{feff}{\"device\":\"help\",\"kind\":\"button\"}",
        "\u{feff}[{\"device\":\"help\",\"kind\":\"button\"}]",
        "{\"device\":\"he\u{200b}lp \",\"kind\":\"button\"}",
    ];
    let zigbee = [
        r#"{"action":"single","battery":NaN,"linkquality":60}"#,
        r#"{"action":"single","battery":"N/A","voltage":-Infinity}"#,
        r#"{"action":1}"#,
        r#"{"action":{"kind":"double"}}"#,
        r#"{"action":"unknown"}"#,
        "\u{feff}{\"action\":\"hold\"}",
    ];
    let read_all = own.iter().map(|text| (*text, read(READINGS_TOPIC, text)));
    for (text, parsed) in read_all.chain(zigbee.iter().map(|text| (*text, read("zigbee2mqtt/help", text)))) {
        let pressed: Vec<&Arrival> = parsed.arrivals.iter().filter(|a| a.signal == Signal::Button).collect();
        assert_eq!(pressed.len(), 1, "{text}: {parsed:?}");
        assert_eq!(pressed[0].serial, "help", "{text}");
    }
    let mut parsed = Parsed::default();
    read_publish(&ORIGIN, "zigbee2mqtt/help", b"{\"action\":\"single\",\"note\":\"\xe5\"}", &mut parsed);
    assert_eq!(signals(&parsed), [Signal::Button], "a side field that is no text");
    for text in [r#"{"action":""}"#, r#"{"action":null}"#, r#"{"action":"none"}"#, r#"{"action":false}"#] {
        assert!(signals(&read("zigbee2mqtt/help", text)).is_empty(), "{text}");
    }
}

#[test]
fn a_time_is_read_with_its_offset_or_as_japanese_wall_time_and_never_judged() {
    let at = |text: &str| {
        let parsed = read(READINGS_TOPIC, &format!(r#"{{"device":"a","kind":"motion","at":{text}}}"#));
        parsed.arrivals[0].occurred_at.unwrap()
    };
    let moment = Instant::parse("2026-11-22T10:42:05").unwrap();
    assert_eq!(at(r#""2026-11-22T10:42:05+09:00""#), moment);
    assert_eq!(at(r#""2026-11-22T01:42:05Z""#), moment);
    assert_eq!(at(r#""2026-11-22T10:42:05""#), moment);
    for same in
        ["1795311725000", "1795311725", "1795311725000000", r#""1795311725000""#, r#""2026-11-22T10:42:05+0900""#]
    {
        assert_eq!(at(same), moment, "{same}");
    }
    assert_eq!(at("0"), Instant(0));
    assert_eq!(at(r#""2099-01-01T00:00:00Z""#).local().year, 2099);
}

#[test]
fn one_bad_reading_of_a_list_costs_itself_alone() {
    let parsed = read(
        READINGS_TOPIC,
        r#"[{"device":"a","kind":"motion"},{"device":"b","kind":"wind"},{"device":"c","kind":"motion"}]"#,
    );
    assert_eq!(parsed.arrivals.len(), 2);
    assert_eq!(defects(&parsed), [(2, Defect::UnknownKind)]);
    let kept = &parsed.rejected[0].malformed;
    assert_eq!(kept.serial.as_deref(), Some("b"));
    assert_eq!(kept.payload.expose(), r#"{"device":"b","kind":"wind"}"#);
}

#[test]
fn lines_keep_their_numbers_over_empty_ones() {
    let mut parsed = Parsed::default();
    let text = "{\"device\":\"a\",\"kind\":\"motion\"}\r\n\n{\"device\":\"a\"}\n{\"device\":\"a\",\"kind\":\"motion\"}";
    read_lines(&ORIGIN, text.as_bytes(), &mut parsed);
    assert_eq!(parsed.arrivals.len(), 2);
    assert_eq!(defects(&parsed), [(3, Defect::NoKind)]);
}

#[test]
fn more_lines_than_one_commit_takes_are_refused_by_the_first_that_is_too_many() {
    let mut parsed = Parsed::default();
    let text = "{\"device\":\"a\",\"kind\":\"motion\"}\n".repeat(base::limits::READINGS_PER_COMMIT + 5);
    read_lines(&ORIGIN, text.as_bytes(), &mut parsed);
    assert_eq!(parsed.arrivals.len(), base::limits::READINGS_PER_COMMIT);
    assert_eq!(defects(&parsed), [(base::limits::READINGS_PER_COMMIT as u32 + 1, Defect::TooLarge)]);
}

/// Messages as sensors of these makes send them through Zigbee2MQTT.
#[test]
fn zigbee_sensors_as_they_really_speak() {
    let contact = r#"{"battery":100,"contact":false,"device_temperature":24,"linkquality":156,"power_outage_count":3,
        "trigger_count":0,"voltage":3025,"last_seen":"2026-11-22T01:42:05.120Z"}"#;
    let parsed = read("zigbee2mqtt/玄関", contact);
    assert_eq!(
        signals(&parsed),
        [
            Signal::Contact { open: true },
            Signal::Battery(100),
            Signal::Voltage(3025),
            Signal::DeviceTemperature(24),
            Signal::LinkQuality(156)
        ]
    );
    assert!(
        parsed.arrivals.iter().all(|a| a.serial == "玄関" && a.occurred_at == Instant::parse("2026-11-22T10:42:05.12"))
    );

    let motion = r#"{"battery":97,"illuminance":12,"linkquality":102,"occupancy":true,"last_seen":1795311725120}"#;
    let parsed = read("zigbee2mqtt/home/living room", motion);
    assert_eq!(signals(&parsed), [Signal::Motion, Signal::Battery(97), Signal::LinkQuality(102)]);
    assert_eq!(parsed.arrivals[0].serial, "home/living room");
    assert_eq!(parsed.arrivals[0].occurred_at, Instant::parse("2026-11-22T10:42:05.12"));

    let air =
        r#"{"battery":91.5,"humidity":52.63,"linkquality":87,"pressure":1003.4,"temperature":21.14,"voltage":2965}"#;
    assert_eq!(
        signals(&read("zigbee2mqtt/0x00158d0001a2b3c4", air)),
        [
            Signal::Temperature(21.14),
            Signal::Humidity(52.63),
            Signal::Battery(92),
            Signal::Voltage(2965),
            Signal::LinkQuality(87)
        ]
    );

    let press = r#"{"action":"single","battery":100,"linkquality":120}"#;
    assert_eq!(signals(&read("zigbee2mqtt/button", press))[0], Signal::Button);
    let after = r#"{"action":"","battery":null,"linkquality":120}"#;
    assert_eq!(signals(&read("zigbee2mqtt/button", after)), [Signal::LinkQuality(120)]);
}

#[test]
fn zigbee_availability_in_both_forms() {
    for (topic, payload, serial, online) in [
        ("zigbee2mqtt/玄関/availability", r#"{"state":"online"}"#, "玄関", true),
        ("zigbee2mqtt/玄関/availability", "offline", "玄関", false),
        ("zigbee2mqtt/bridge/state", r#"{"state":"offline"}"#, "", false),
        ("zigbee2mqtt/bridge/state", "online", "", true),
    ] {
        let parsed = read(topic, payload);
        assert_eq!(signals(&parsed), [Signal::DeviceOnline(online)], "{topic} {payload}");
        assert_eq!(parsed.arrivals[0].serial, serial);
    }
    assert_eq!(defects(&read("zigbee2mqtt/a/availability", "maybe")), [(1, Defect::BadValue)]);
}

#[test]
fn housekeeping_is_ignored_and_a_foreign_topic_is_shown() {
    for topic in
        ["zigbee2mqtt/bridge/logging", "zigbee2mqtt/bridge/devices", "zigbee2mqtt/lamp/set", "$SYS/broker/uptime"]
    {
        let parsed = read(topic, "{}");
        assert!(parsed.is_empty() && parsed.ignored == 1, "{topic}");
    }
    assert_eq!(defects(&read("zigbee2mqtt/plug", r#"{"power":12.5}"#)), [(1, Defect::NothingKnown)]);
    assert_eq!(read("zigbee2mqtt/gone", "").ignored, 1);
    let foreign = read("knx/1/2/3", "on");
    assert_eq!(defects(&foreign), [(1, Defect::ForeignTopic)]);
    assert_eq!(foreign.rejected[0].malformed.payload.expose(), "knx/1/2/3 on");
}

#[test]
fn a_bad_field_of_a_zigbee_sensor_costs_itself_alone() {
    let parsed = read("zigbee2mqtt/玄関", r#"{"contact":"yes","temperature":21,"linkquality":999}"#);
    assert_eq!(signals(&parsed), [Signal::Temperature(21.0)]);
    assert_eq!(defects(&parsed), [(1, Defect::BadValue)]);
    assert_eq!(defects(&read("zigbee2mqtt/玄関", "[]")), [(1, Defect::WrongForm)]);
    assert_eq!(defects(&read("zigbee2mqtt/", r#"{"contact":true}"#)), [(1, Defect::BadDevice)]);
}

#[test]
fn the_retain_flag_is_kept() {
    let mut parsed = Parsed::default();
    read_publish(&Origin { retained: true, ..ORIGIN }, "zigbee2mqtt/a", br#"{"contact":true}"#, &mut parsed);
    assert!(parsed.arrivals[0].retained);
}

#[test]
fn the_wall_time_of_tasmota_counts_only_where_a_broker_kept_the_message() {
    let payload = r#"{"Time":"2026-11-22T10:42:05","Switch1":"ON"}"#;
    let mut parsed = Parsed::default();
    for retained in [false, true] {
        read_publish(&Origin { retained, ..ORIGIN }, "tele/door/SENSOR", payload.as_bytes(), &mut parsed);
    }
    let times: Vec<_> = parsed.arrivals.iter().map(|arrival| arrival.occurred_at).collect();
    assert_eq!(times, [None, Instant::parse("2026-11-22T10:42:05")]);
}

#[test]
fn a_will_says_under_which_topic_a_box_speaks_of_itself() {
    for (will, own) in [
        ("livingroom/status", Some("livingroom")),
        ("shellies/shellydw2-B88D99/online", Some("shellies/shellydw2-B88D99")),
        ("tele/door/LWT", Some("tele/door")),
        ("homeassistant/status", Some("homeassistant")),
        ("zigbee2mqtt/bridge/state", Some("zigbee2mqtt/bridge")),
        ("$SYS/broker/connection/home/state", None),
        ("status", None),
        ("/status", None),
    ] {
        assert_eq!(own_topic(will), own, "{will}");
    }
}

/// The page that gateway builders read, and the code, must not part.
#[test]
fn every_example_of_the_documentation_is_read_as_it_says() {
    let page = include_str!("../../../../docs/readings.md");
    let mut examples = 0;
    for block in page.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap();
        let mut parsed = Parsed::default();
        match language.trim() {
            "json" => read_document(&ORIGIN, text.as_bytes(), &mut parsed),
            "ndjson" => read_lines(&ORIGIN, text.as_bytes(), &mut parsed),
            _ => continue,
        }
        assert!(parsed.rejected.is_empty() && !parsed.arrivals.is_empty(), "{text}: {parsed:?}");
        examples += 1;
    }
    assert!(examples >= 3, "the page has lost its examples");
}

#[test]
fn the_schema_names_every_kind_and_no_other() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/readings.schema.json")).unwrap();
    let kinds = schema["$defs"]["reading"]["properties"]["kind"]["enum"].as_array().unwrap();
    for kind in kinds {
        let value = match kind.as_str().unwrap() {
            "contact" => "\"open\"",
            "light" => "\"on\"",
            "device_online" | "presence" | "battery_low" | "tamper" => "true",
            "button" | "heartbeat" | "motion" => "null",
            _ => "20",
        };
        let parsed = read(READINGS_TOPIC, &format!(r#"{{"device":"a","kind":{kind},"value":{value}}}"#));
        assert_eq!(parsed.arrivals.len(), 1, "{kind}");
        assert_eq!(Some(parsed.arrivals[0].signal.key()), kind.as_str());
    }
    assert_eq!(kinds.len(), 16);
}
