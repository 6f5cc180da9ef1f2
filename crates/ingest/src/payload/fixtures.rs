//! What devices send, one message a line with the right answer and the page it belongs to: `fixtures/*.txt`. Which pages
//! were compared is said in `docs/requirements/readings.md`.

use base::{GatewayId, Instant};
use watch::{Arrival, Signal};

use super::{Origin, Parsed, read_publish};

const PAGES: [(&str, &str); 5] = [
    ("zigbee2mqtt", include_str!("fixtures/zigbee2mqtt.txt")),
    ("esphome", include_str!("fixtures/esphome.txt")),
    ("tasmota", include_str!("fixtures/tasmota.txt")),
    ("shelly", include_str!("fixtures/shelly.txt")),
    ("statestream", include_str!("fixtures/statestream.txt")),
];
/// How many there are, so that a page that loses its lines is noticed.
const PAYLOADS: usize = 375;

fn word(signal: Signal) -> String {
    match signal {
        Signal::Contact { open: true } => "open".to_owned(),
        Signal::Contact { open: false } => "closed".to_owned(),
        Signal::Motion => "motion".to_owned(),
        Signal::MotionCleared => "motion over".to_owned(),
        Signal::Presence(true) => "present".to_owned(),
        Signal::Presence(false) => "absent".to_owned(),
        Signal::Distance(metres) => format!("{metres} m"),
        Signal::Temperature(degrees) => format!("{degrees} °C"),
        Signal::Humidity(percent) => format!("{percent} %RH"),
        Signal::Battery(percent) => format!("battery {percent}"),
        Signal::BatteryLow(low) => format!("battery {}", if low { "low" } else { "fine" }),
        Signal::Tampered(tampered) => format!("tamper{}", if tampered { "" } else { " over" }),
        Signal::Voltage(millivolts) => format!("{millivolts} mV"),
        Signal::DeviceTemperature(degrees) => format!("case {degrees} °C"),
        Signal::LinkQuality(link) => format!("link {link}"),
        Signal::Energy(wh) => format!("{wh} Wh"),
        Signal::Water(litres) => format!("{litres} L"),
        Signal::Light(true) => "on".to_owned(),
        Signal::Light(false) => "off".to_owned(),
        Signal::Button => "press".to_owned(),
        Signal::DeviceOnline(true) => "online".to_owned(),
        Signal::DeviceOnline(false) => "offline".to_owned(),
        other => other.key().to_owned(),
    }
}

/// `serial [time]: what, what; other: what; serial !why`, and `-` for nothing at all; sorted, because an object's members
/// have no order.
fn told(parsed: &Parsed) -> String {
    let head = |arrival: &Arrival| match arrival.occurred_at {
        Some(at) => format!("{} [{}]", arrival.serial, at),
        None => arrival.serial.clone(),
    };
    let mut all: Vec<String> = parsed
        .arrivals
        .chunk_by(|one, next| (&one.serial, one.occurred_at) == (&next.serial, next.occurred_at))
        .map(|of_one| {
            let said: Vec<String> = of_one.iter().map(|arrival| word(arrival.signal)).collect();
            format!("{}: {}", head(&of_one[0]), said.join(", "))
        })
        .collect();
    for rejected in &parsed.rejected {
        let serial = rejected.malformed.serial.as_deref().unwrap_or_default();
        all.push(format!("{serial} !{}", rejected.malformed.why.key()).trim_start().to_owned());
    }
    all.sort();
    if all.is_empty() { "-".to_owned() } else { all.join("; ") }
}

// shows: 6.2.7 ESPHome, Tasmota, Shelly and what Home Assistant streams of its bridges, by their default topics
// shows: 6.5.1 more than 200 payloads of real devices from documentation, each with the right answer
#[test]
fn what_devices_send_by_default_is_read_as_their_makers_mean_it() {
    let origin = Origin { gateway: GatewayId(uuid::Uuid::nil()), received_at: Instant(1_000), retained: false };
    let (mut wrong, mut known) = (Vec::new(), std::collections::HashSet::new());
    for (page, text) in PAGES {
        for (line, number) in text.lines().zip(1u32..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#')) {
            let fields: Vec<&str> = line.split(" | ").collect();
            let [topic, payload, answer, source] = fields[..] else { panic!("{page}.txt:{number}: four fields") };
            assert!(!source.trim().is_empty(), "{page}.txt:{number}: no source");
            assert!(known.insert((topic, payload)), "{page}.txt:{number}: stands there twice");
            let mut parsed = Parsed::default();
            read_publish(&origin, topic.trim(), payload.trim().as_bytes(), &mut parsed);
            let told = told(&parsed);
            if told != answer.trim() {
                wrong.push(format!("{page}.txt:{number}: {topic} {payload}\n  wanted {answer}\n  read   {told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), known.len(), wrong.join("\n"));
    assert_eq!(known.len(), PAYLOADS, "payloads");
}
