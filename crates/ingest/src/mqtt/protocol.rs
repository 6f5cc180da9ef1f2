//! The protocol library wrapped to our use: packets in, packets and bytes out, and whether the line must end.

use base::{Redacted, limits};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::ConnectionOptions;
use mqtt_protocol_core::mqtt::connection::event::Event;
use mqtt_protocol_core::mqtt::packet::{
    AssignedClientIdentifier, GenericPacketTrait, Packet, Properties, Property, Qos, ReceiveMaximum, ServerKeepAlive,
    v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, SubackReasonCode, SubackReturnCode, UnsubackReasonCode,
};
use mqtt_protocol_core::mqtt::{Connection, Version, role};

use super::frame::{Violation, measure};

/// Keep alive of a client that asked for none, seconds; a connection is cut after 1.5 times of it.
pub(super) const OWN_KEEP_ALIVE: u16 = 1200;

/// One side of one MQTT connection.
pub(super) struct Protocol {
    connection: Connection<role::Server>,
    pub v5: bool,
}

/// What a packet, once read, asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Nothing,
    Connect(Box<Hello>),
    /// `with_will`: MQTT 5's wish that the Will be published all the same.
    Disconnect {
        with_will: bool,
    },
    /// PINGREQ, answered.
    Ping,
    /// PUBREL: the client knows that we have this publish.
    Release(u16),
    /// A violation; what there was to say about it is in the outgoing bytes.
    Wrong,
}

/// What a client says when it connects.
#[derive(Debug, PartialEq)]
pub(super) struct Hello {
    pub client: String,
    /// Clean session (3.1.1) or clean start (5).
    pub clean: bool,
    /// Seconds; 0 is none.
    pub keep_alive: u16,
    pub will: Option<Will>,
    pub user: Option<String>,
    pub password: Redacted<Vec<u8>>,
    /// MQTT 5's enhanced authentication, which we do not speak.
    pub enhanced: bool,
}

/// The message a client leaves to be published when its line is lost.
#[derive(Debug, PartialEq)]
pub(super) struct Will {
    pub topic: String,
    pub payload: Redacted<Vec<u8>>,
    pub retained: bool,
}

/// Why a client is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    NotAuthorized,
    /// 3.1.1: an empty client id cannot have a session.
    ClientId,
    Enhanced,
    /// No place among the gateways that are known.
    Full,
}

impl Protocol {
    pub(super) fn new() -> Protocol {
        let options = ConnectionOptions::new().maximum_packet_size_recv(limits::READING_BYTES as u32);
        let mut connection = Connection::with_options(Version::Undetermined, options);
        connection.set_auto_ping_response(true);
        Protocol { connection, v5: false }
    }

    /// Reads one whole packet that is no PUBLISH; answers that need no thought are written to `out`.
    pub(super) fn read(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Said {
        let events = self.connection.recv(&mut Cursor::new(packet));
        let mut said = Said::Nothing;
        for received in self.carry(events, out, &mut said) {
            match received {
                Packet::V3_1_1Connect(connect) => said = Said::Connect(Box::new(Hello::from_v3(&connect))),
                Packet::V5_0Connect(connect) => {
                    self.v5 = true;
                    said = Said::Connect(Box::new(Hello::from_v5(&connect)));
                }
                Packet::V3_1_1Disconnect(_) => said = Said::Disconnect { with_will: false },
                Packet::V5_0Disconnect(bye) => {
                    said = Said::Disconnect { with_will: bye.reason_code().is_some_and(|code| code as u8 != 0) };
                }
                Packet::V3_1_1Pingreq(_) | Packet::V5_0Pingreq(_) => said = Said::Ping,
                Packet::V3_1_1Pubrel(release) => said = Said::Release(release.packet_id()),
                Packet::V5_0Pubrel(release) => said = Said::Release(release.packet_id()),
                asked => match self.answer(&asked) {
                    Some(answer) => self.send(answer, out),
                    // PUBACK, AUTH and their like belong to conversations that we never begin.
                    None => {
                        self.part(Violation::ProtocolError, out);
                        said = Said::Wrong;
                    }
                },
            }
        }
        said
    }

    /// SUBACK with all that was asked for, though nothing is ever delivered; UNSUBACK.
    fn answer(&self, asked: &Packet) -> Option<Packet> {
        match asked {
            Packet::V3_1_1Subscribe(packet) => {
                let granted = |qos| match qos {
                    Qos::AtMostOnce => SubackReturnCode::SuccessMaximumQos0,
                    _ => SubackReturnCode::SuccessMaximumQos1,
                };
                let codes = packet.entries().iter().map(|entry| granted(entry.sub_opts().qos())).collect();
                v3_1_1::Suback::builder().packet_id(packet.packet_id()).return_codes(codes).build().ok().map(Into::into)
            }
            Packet::V5_0Subscribe(packet) => {
                let granted = |qos| match qos {
                    Qos::AtMostOnce => SubackReasonCode::GrantedQos0,
                    _ => SubackReasonCode::GrantedQos1,
                };
                let codes = packet.entries().iter().map(|entry| granted(entry.sub_opts().qos())).collect();
                v5_0::Suback::builder().packet_id(packet.packet_id()).reason_codes(codes).build().ok().map(Into::into)
            }
            Packet::V3_1_1Unsubscribe(packet) => {
                v3_1_1::Unsuback::builder().packet_id(packet.packet_id()).build().ok().map(Into::into)
            }
            Packet::V5_0Unsubscribe(packet) => {
                let codes = vec![UnsubackReasonCode::Success; packet.entries().len()];
                v5_0::Unsuback::builder().packet_id(packet.packet_id()).reason_codes(codes).build().ok().map(Into::into)
            }
            _ => None,
        }
    }

    /// CONNACK with what we can: every QoS, a bounded number in flight. `assigned`: the client came without an id.
    pub(super) fn accept(&mut self, hello: &Hello, assigned: bool, session_present: bool, out: &mut Vec<u8>) {
        if !self.v5 {
            let connack = v3_1_1::Connack::builder()
                .return_code(ConnectReturnCode::Accepted)
                .session_present(session_present)
                .build();
            return connack.into_iter().for_each(|packet| self.send(packet.into(), out));
        }
        let mut offered: Properties = vec![];
        offered.extend(ReceiveMaximum::new(limits::MQTT_IN_FLIGHT as u16).ok().map(Property::ReceiveMaximum));
        if assigned {
            offered.extend(AssignedClientIdentifier::new(&*hello.client).ok().map(Property::AssignedClientIdentifier));
        }
        if hello.keep_alive == 0 {
            offered.extend(ServerKeepAlive::new(OWN_KEEP_ALIVE).ok().map(Property::ServerKeepAlive));
        }
        let connack = v5_0::Connack::builder()
            .reason_code(ConnectReasonCode::Success)
            .session_present(session_present)
            .props(offered)
            .build();
        connack.into_iter().for_each(|packet| self.send(packet.into(), out));
    }

    pub(super) fn refuse(&mut self, refusal: Refusal, out: &mut Vec<u8>) {
        let packet: Option<Packet> = if self.v5 {
            let code = match refusal {
                Refusal::NotAuthorized => ConnectReasonCode::NotAuthorized,
                Refusal::ClientId => ConnectReasonCode::ClientIdentifierNotValid,
                Refusal::Enhanced => ConnectReasonCode::BadAuthenticationMethod,
                Refusal::Full => ConnectReasonCode::ServerBusy,
            };
            v5_0::Connack::builder().reason_code(code).session_present(false).build().ok().map(Into::into)
        } else {
            let code = match refusal {
                Refusal::ClientId => ConnectReturnCode::IdentifierRejected,
                Refusal::Full => ConnectReturnCode::ServerUnavailable,
                _ => ConnectReturnCode::NotAuthorized,
            };
            v3_1_1::Connack::builder().return_code(code).session_present(false).build().ok().map(Into::into)
        };
        packet.into_iter().for_each(|packet| self.send(packet, out));
    }

    /// Says why the line ends, where the protocol has words for it (MQTT 5).
    pub(super) fn part(&mut self, why: Violation, out: &mut Vec<u8>) {
        if self.v5 {
            v5_0::Disconnect::builder()
                .reason_code(why)
                .build()
                .into_iter()
                .for_each(|packet| self.send(packet.into(), out));
        }
    }

    fn send(&mut self, packet: Packet, out: &mut Vec<u8>) {
        let events = self.connection.send(packet);
        self.carry(events, out, &mut Said::Nothing);
    }

    /// Writes what the library wants sent, and gives back what it received. Timers are not kept here: the session
    /// itself knows when it last heard anything.
    fn carry(&self, events: Vec<Event>, out: &mut Vec<u8>, said: &mut Said) -> Vec<Packet> {
        let mut received = vec![];
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => out.extend_from_slice(&packet.to_continuous_buffer()),
                Event::NotifyPacketReceived(packet) => received.push(packet),
                Event::RequestClose | Event::NotifyError(_) => *said = Said::Wrong,
                _ => {}
            }
        }
        received
    }
}

impl Hello {
    fn from_v3(connect: &v3_1_1::Connect) -> Hello {
        let will = connect.will_topic().map(|topic| Will {
            topic: topic.to_owned(),
            payload: connect.will_payload().unwrap_or_default().to_vec().into(),
            retained: connect.will_retain(),
        });
        Hello {
            client: connect.client_id().to_owned(),
            clean: connect.clean_session(),
            keep_alive: connect.keep_alive(),
            will,
            user: connect.user_name().map(str::to_owned),
            password: connect.password().unwrap_or_default().to_vec().into(),
            enhanced: false,
        }
    }

    fn from_v5(connect: &v5_0::Connect) -> Hello {
        let will = connect.will_topic().map(|topic| Will {
            topic: topic.to_owned(),
            payload: connect.will_payload().unwrap_or_default().to_vec().into(),
            retained: connect.will_retain(),
        });
        Hello {
            client: connect.client_id().to_owned(),
            clean: connect.clean_start(),
            keep_alive: connect.keep_alive(),
            will,
            user: connect.user_name().map(str::to_owned),
            password: connect.password().unwrap_or_default().to_vec().into(),
            enhanced: connect.props().iter().any(|property| matches!(property, Property::AuthenticationMethod(_))),
        }
    }
}

/// CONNACK "unacceptable protocol version" as 3.1.1 writes it, which every client understands.
pub(super) const UNKNOWN_VERSION: [u8; 4] = [0x20, 2, 0, 1];

/// The first packet as MQTT 3.1.1 or 5 would write it; `None` where it is neither, nor 3.1.
///
/// A Mosquitto bridge marks itself by the highest bit of the protocol level (0x83, 0x84), and MQTT 3.1 has another
/// name for itself; in all that we use of it, it is 3.1.1.
pub(super) fn normalise(packet: &[u8]) -> Option<Vec<u8>> {
    const OLD_NAME: &[u8] = b"\x00\x06MQIsdp";
    const NAME: &[u8] = b"\x00\x04MQTT";
    let (header, total) = measure(packet).ok()??;
    let body = packet.get(header..total)?;
    let (level, rest) = match body.strip_prefix(NAME) {
        Some(rest) => (rest.first()? & 0x7f, &rest[1..]),
        None => {
            let rest = body.strip_prefix(OLD_NAME)?;
            // 3.1.1 under its own name is 4, 3.1 is 3: the rest of the packet is the same.
            (rest.first().map(|level| level & 0x7f).filter(|level| *level == 3).map(|_| 4)?, &rest[1..])
        }
    };
    if level != 4 && level != 5 {
        return None;
    }
    let mut fresh = vec![packet[0]];
    let mut length = NAME.len() + 1 + rest.len();
    loop {
        let digit = (length & 0x7f) as u8;
        length >>= 7;
        fresh.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    fresh.extend_from_slice(NAME);
    fresh.push(level);
    fresh.extend_from_slice(rest);
    Some(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn connect(name: &[u8], level: u8) -> Vec<u8> {
        let mut body = vec![0, name.len() as u8];
        body.extend_from_slice(name);
        body.extend_from_slice(&[level, 0xc2, 0, 60]);
        for field in ["hub", "gateway", "secret"] {
            body.extend_from_slice(&[0, field.len() as u8]);
            body.extend_from_slice(field.as_bytes());
        }
        let mut packet = vec![0x10, body.len() as u8];
        packet.extend(body);
        packet
    }

    #[test]
    fn bridges_and_the_older_name_are_understood() {
        for (name, level, v5) in [
            (&b"MQTT"[..], 4, false),
            (b"MQTT", 0x84, false),
            (b"MQTT", 5, true),
            (b"MQIsdp", 3, false),
            (b"MQIsdp", 0x83, false),
        ] {
            let mut packet = connect(name, level);
            if v5 {
                packet.insert(12, 0);
                packet[1] += 1;
            }
            let (mut protocol, mut out) = (Protocol::new(), vec![]);
            let said = protocol.read(&normalise(&packet).unwrap(), &mut out);
            let Said::Connect(hello) = said else { panic!("{level:#x}: {said:?} {out:?}") };
            assert_eq!((hello.client.as_str(), hello.user.as_deref(), hello.keep_alive), ("hub", Some("gateway"), 60));
            assert_eq!(hello.password.expose(), b"secret");
            assert_eq!(protocol.v5, v5);
        }
        for (name, level) in [(&b"MQTT"[..], 6), (b"MQTT", 3), (b"MQIsdp", 4), (b"HTTP", 4)] {
            assert_eq!(normalise(&connect(name, level)), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            v5: bool,
            packets in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..60)), 1..6),
        ) {
            let (mut protocol, mut out) = (Protocol::new(), vec![]);
            let mut first = connect(b"MQTT", if v5 { 5 } else { 4 });
            if v5 {
                first.insert(12, 0);
                first[1] += 1;
            }
            if let Said::Connect(hello) = protocol.read(&first, &mut out) {
                protocol.accept(&hello, false, false, &mut out);
            }
            for (kind, body) in packets {
                let mut packet = vec![kind, body.len() as u8];
                packet.extend(body);
                let _ = normalise(&packet);
                if kind >> 4 != 3 {
                    protocol.read(&packet, &mut out);
                }
            }
        }
    }
}
