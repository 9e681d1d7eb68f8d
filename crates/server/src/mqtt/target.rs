//! Where a message goes over MQTT: `mqtt[s]://[user[:password]@]host[:port]/topic`, and how (clause
//! 7.2, table 7.2-1).

use subscriptions::Endpoint;
use url::Url;

use super::packet::Version;
use crate::egress;

#[derive(Clone, Debug)]
pub struct Target {
    pub place: egress::Target,
    pub user: Option<String>,
    pub password: Option<String>,
    pub topic: String,
    pub version: Version,
    pub qos: u8,
}

impl Target {
    pub fn of(endpoint: &Endpoint) -> Option<Target> {
        let url = Url::parse(&endpoint.uri).ok()?;
        if !matches!(url.scheme(), "mqtt" | "mqtts") {
            return None;
        }
        let info = |key: &str| {
            let mut pairs = endpoint.notifier_info.iter();
            pairs.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
        };
        let version = match info("MQTT-Version") {
            Some("mqtt3.1.1") => Version::V3,
            _ => Version::V5,
        };
        let user = decoded(url.username())?;
        Some(Target {
            place: egress::Target::of(&url).ok()?,
            user: (!user.is_empty()).then_some(user),
            password: match url.password() {
                Some(password) => Some(decoded(password)?),
                None => None,
            },
            topic: decoded(url.path().trim_start_matches('/'))?,
            version,
            qos: info("MQTT-QoS").and_then(|qos| qos.parse().ok()).unwrap_or(0),
        })
    }

    /// What may share a connection.
    pub fn session_key(&self) -> String {
        let Target {
            place: egress::Target { host, port, secure }, user, password, version, ..
        } = self;
        format!("{host} {port} {secure} {user:?} {password:?} {version:?}")
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high << 4 | low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
