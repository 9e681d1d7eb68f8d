//! The packets of MQTT that a client needs that only publishes.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1
    V3,
    /// 5.0
    V5,
}

/// A packet to be sent.
#[derive(Debug)]
pub struct Packet(Vec<u8>);

/// What a broker answers, with its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    ConnAck(u8),
    PubAck(u16, u8),
    PubRec(u16, u8),
    PubComp(u16, u8),
    Pong,
    Other,
}

/// How long a broker is to wait for a client that says nothing, in seconds.
const KEEP_ALIVE: u16 = 60;

/// The session begins empty.
const CLEAN: u8 = 0x02;
const WITH_PASSWORD: u8 = 0x40;
const WITH_USER: u8 = 0x80;

impl Packet {
    /// With no name of its own: the broker gives the client one.
    pub fn connect(version: Version, user: Option<&str>, password: Option<&str>) -> Packet {
        let level = match version {
            Version::V3 => 4,
            Version::V5 => 5,
        };
        let mut flags = CLEAN;
        if user.is_some() {
            flags |= WITH_USER;
        }
        if password.is_some() {
            flags |= WITH_PASSWORD;
        }
        let mut body = Vec::new();
        text(&mut body, "MQTT");
        body.extend([level, flags]);
        body.extend(KEEP_ALIVE.to_be_bytes());
        properties(&mut body, version);
        text(&mut body, "");
        for one in [user, password].into_iter().flatten() {
            text(&mut body, one);
        }
        Packet::new(0x10, &body)
    }

    pub fn publish(version: Version, topic: &str, qos: u8, id: u16, payload: &[u8]) -> Packet {
        let mut body = Vec::with_capacity(payload.len() + topic.len() + 8);
        text(&mut body, topic);
        if qos > 0 {
            body.extend(id.to_be_bytes());
        }
        properties(&mut body, version);
        body.extend_from_slice(payload);
        Packet::new(0x30 | qos << 1, &body)
    }

    pub fn pub_rel(id: u16) -> Packet {
        Packet::new(0x62, &id.to_be_bytes())
    }

    pub fn ping() -> Packet {
        Packet::new(0xc0, &[])
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn new(kind: u8, body: &[u8]) -> Packet {
        let mut bytes = vec![kind];
        let mut rest = body.len();
        loop {
            let more = rest >= 0x80;
            bytes.push((rest & 0x7f) as u8 | if more { 0x80 } else { 0 });
            rest >>= 7;
            if !more {
                break;
            }
        }
        bytes.extend_from_slice(body);
        Packet(bytes)
    }
}

/// A text and its length. Longer ones than MQTT takes were refused before.
fn text(body: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    body.extend(length.to_be_bytes());
    body.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}

/// None are sent.
fn properties(body: &mut Vec<u8>, version: Version) {
    if version == Version::V5 {
        body.push(0);
    }
}

impl Received {
    pub fn read(kind: u8, body: &[u8]) -> Option<Received> {
        let acknowledged = || {
            let id = u16::from_be_bytes([*body.first()?, *body.get(1)?]);
            // Version 5 leaves the code out where it is a success.
            Some((id, body.get(2).copied().unwrap_or(0)))
        };
        Some(match kind >> 4 {
            2 => Received::ConnAck(*body.get(1)?),
            4 => acknowledged().map(|(id, code)| Received::PubAck(id, code))?,
            5 => acknowledged().map(|(id, code)| Received::PubRec(id, code))?,
            7 => acknowledged().map(|(id, code)| Received::PubComp(id, code))?,
            13 => Received::Pong,
            _ => Received::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_have_the_form_of_the_standard() {
        let connect = Packet::connect(Version::V3, Some("u"), Some("p"));
        assert_eq!(connect.bytes(), b"\x10\x12\0\x04MQTT\x04\xc2\0\x3c\0\0\0\x01u\0\x01p");
        let connect = Packet::connect(Version::V5, None, None);
        assert_eq!(connect.bytes(), b"\x10\x0d\0\x04MQTT\x05\x02\0\x3c\0\0\0");
        let publish = Packet::publish(Version::V3, "a/b", 0, 7, b"x");
        assert_eq!(publish.bytes(), b"\x30\x06\0\x03a/bx");
        let publish = Packet::publish(Version::V5, "a/b", 2, 7, &[b'x'; 200]);
        assert_eq!(&publish.bytes()[..11], b"\x34\xd0\x01\0\x03a/b\0\x07\0");
    }

    #[test]
    fn answers_are_read_with_and_without_a_code() {
        assert_eq!(Received::read(0x20, &[0, 5]), Some(Received::ConnAck(5)));
        assert_eq!(Received::read(0x40, &[0, 7]), Some(Received::PubAck(7, 0)));
        assert_eq!(Received::read(0x50, &[1, 0, 0x97, 0]), Some(Received::PubRec(256, 0x97)));
        assert_eq!(Received::read(0x40, &[0]), None);
        assert_eq!(Received::read(0xd0, &[]), Some(Received::Pong));
    }
}
