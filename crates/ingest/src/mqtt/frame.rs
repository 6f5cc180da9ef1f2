//! Where one MQTT packet ends and what a PUBLISH holds, read in place.
//!
//! Every other packet is read by the protocol library. PUBLISH is nearly all of the traffic, and reading it as slices
//! of the receive buffer spares about eight allocations a message.

use mqtt_protocol_core::mqtt::packet::{Properties, PropertiesParse, Property};
use mqtt_protocol_core::mqtt::result_code::DisconnectReasonCode;

/// Longest topic, bytes.
const TOPIC_BYTES: usize = 1024;

/// Why a packet ends its connection.
pub(super) type Violation = DisconnectReasonCode;

/// Length of the fixed header and of the whole packet at the beginning of `buffer`; `None` where more must be read.
pub(super) fn measure(buffer: &[u8]) -> Result<Option<(usize, usize)>, Violation> {
    let mut remaining = 0usize;
    for (n, byte) in buffer.iter().skip(1).take(4).enumerate() {
        remaining |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            let header = n + 2;
            return Ok(Some((header, header + remaining)));
        }
    }
    if buffer.len() >= 5 { Err(Violation::MalformedPacket) } else { Ok(None) }
}

/// What stands before the payload of a PUBLISH.
#[derive(PartialEq, Debug)]
pub(super) struct Head<'a> {
    pub topic: &'a str,
    pub retained: bool,
    /// DUP: the client may have said it before.
    pub again: bool,
    /// `None`: QoS 0.
    pub id: Option<u16>,
    /// QoS 2.
    pub once: bool,
    /// Where the properties (MQTT 5) or the payload begin in the body.
    pub length: usize,
}

/// Reads topic and packet id from the beginning of a PUBLISH's body; `None` where more must be read.
pub(super) fn head(first: u8, body: &[u8]) -> Result<Option<Head<'_>>, Violation> {
    let quality = (first >> 1) & 3;
    let again = first & 0x08 != 0;
    if quality == 3 || again && quality == 0 {
        return Err(Violation::MalformedPacket);
    }
    let Some(size) = body.first_chunk::<2>() else { return Ok(None) };
    let end = 2 + usize::from(u16::from_be_bytes(*size));
    // Topic aliases are not offered, so an empty topic names nothing.
    if end == 2 || end > 2 + TOPIC_BYTES {
        return Err(Violation::TopicNameInvalid);
    }
    let length = if quality == 0 { end } else { end + 2 };
    if body.len() < length {
        return Ok(None);
    }
    let topic = std::str::from_utf8(&body[2..end]).map_err(|_| Violation::MalformedPacket)?;
    if topic.contains(['\0', '#', '+']) {
        return Err(Violation::TopicNameInvalid);
    }
    let id = (quality > 0).then(|| u16::from_be_bytes([body[end], body[end + 1]]));
    if id == Some(0) {
        return Err(Violation::ProtocolError);
    }
    Ok(Some(Head { topic, retained: first & 1 != 0, again, id, once: quality == 2, length }))
}

/// Where the payload begins in the whole body of a PUBLISH.
pub(super) fn payload_of<'a>(head: &Head, body: &'a [u8], v5: bool) -> Result<&'a [u8], Violation> {
    let rest = &body[head.length..];
    if !v5 {
        return Ok(rest);
    }
    // Few clients send properties, and a zero needs no parser.
    if rest.first() == Some(&0) {
        return Ok(&rest[1..]);
    }
    let (properties, length) = Properties::parse(rest).map_err(|_| Violation::MalformedPacket)?;
    if properties.iter().any(|property| matches!(property, Property::TopicAlias(_))) {
        return Err(Violation::TopicAliasInvalid);
    }
    rest.get(length..).ok_or(Violation::MalformedPacket)
}

/// What is owed to the client for a publish once that is on disk.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Owed {
    /// PUBACK, of QoS 1.
    Acknowledgement(u16),
    /// PUBREC, of QoS 2.
    Receipt(u16),
}

impl Owed {
    /// The same four bytes say success in 3.1.1 and in 5.
    pub(super) fn bytes(self) -> [u8; 4] {
        let (kind, id) = match self {
            Owed::Acknowledgement(id) => (0x40, id),
            Owed::Receipt(id) => (0x50, id),
        };
        let [high, low] = id.to_be_bytes();
        [kind, 2, high, low]
    }
}

/// The PUBCOMP that answers a PUBREL. MQTT 5 can say that we know nothing of it; to the client it is over all the same.
pub(super) fn pubcomp(id: u16, known: bool, v5: bool, out: &mut Vec<u8>) {
    let [high, low] = id.to_be_bytes();
    match known || !v5 {
        true => out.extend_from_slice(&[0x70, 2, high, low]),
        false => out.extend_from_slice(&[0x70, 3, high, low, 0x92]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mqtt_protocol_core::mqtt::packet::{Qos, v3_1_1, v5_0};
    use proptest::prelude::*;

    fn read(packet: &[u8], v5: bool) -> Option<(String, bool, Option<u16>, Vec<u8>)> {
        let (header, total) = measure(packet).ok()??;
        let body = packet.get(header..total)?;
        let head = head(packet[0], body).ok()??;
        let payload = payload_of(&head, body, v5).ok()?;
        Some((head.topic.to_owned(), head.retained, head.id, payload.to_vec()))
    }

    proptest! {
        #[test]
        fn a_publish_of_the_library_is_read_as_it_was_meant(
            topic in "[^#+\0]{1,40}", retained: bool, id in 1u16.., quality in 0..3usize,
            payload in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let id = (quality > 0).then_some(id);
            let qos = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce][quality];
            let old = v3_1_1::Publish::builder().topic_name(&*topic).unwrap().qos(qos).retain(retained)
                .packet_id(id).payload(payload.clone()).build().unwrap();
            prop_assert_eq!(read(&old.to_continuous_buffer(), false), Some((topic.clone(), retained, id, payload.clone())));
            let expiry = mqtt_protocol_core::mqtt::packet::MessageExpiryInterval::new(60).unwrap();
            let new = v5_0::Publish::builder().topic_name(&*topic).unwrap().qos(qos).retain(retained)
                .props(vec![Property::MessageExpiryInterval(expiry)]).packet_id(id).payload(payload.clone()).build().unwrap();
            prop_assert_eq!(read(&new.to_continuous_buffer(), true), Some((topic, retained, id, payload)));
        }

        #[test]
        fn no_bytes_make_it_panic(packet in prop::collection::vec(any::<u8>(), 0..200), v5: bool) {
            let _ = read(&packet, v5);
            if let Some((first, body)) = packet.split_first() {
                let _ = head(first & 0x0f | 0x30, body).map(|head| head.map(|head| payload_of(&head, body, v5).map(<[u8]>::len)));
            }
        }
    }
}
