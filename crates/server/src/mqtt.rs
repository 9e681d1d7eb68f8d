//! Notifications over MQTT 3.1.1 and 5.0 (clause 7.2): a client that only publishes, within the
//! egress rules, on connections that are kept for a while.

mod packet;
mod target;

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use subscriptions::{Endpoint, Message, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::clock::moment;
use crate::egress::{Connector, EgressError, Stream};

use packet::{Packet, Received, Version};
use target::Target;

/// How long a connection is kept on which nothing is sent; less than brokers are told to wait.
const IDLE: Duration = Duration::from_secs(20);

/// What a broker may say in one answer.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub struct MqttDelivery {
    connector: Connector,
    kept_max: usize,
    /// Connections on which nothing is under way, by what they were opened for.
    kept: Mutex<HashMap<String, Vec<(Session, Instant)>>>,
}

#[derive(Debug, thiserror::Error)]
enum MqttError {
    #[error(transparent)]
    Connect(#[from] EgressError),
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("the MQTT broker refused the connection (code {0})")]
    NotConnected(u8),
    #[error("the MQTT broker refused the message (code {0})")]
    NotTaken(u8),
    #[error("it speaks no proper MQTT")]
    Protocol,
}

/// One connection to a broker.
struct Session {
    stream: Box<dyn Stream>,
    version: Version,
    next_id: u16,
}

impl MqttDelivery {
    pub fn new(connector: Connector, kept_max: usize) -> MqttDelivery {
        MqttDelivery { connector, kept_max, kept: Mutex::default() }
    }

    pub async fn deliver(&self, endpoint: &Endpoint, message: &Message) -> Outcome {
        let Some(target) = Target::of(endpoint) else {
            return Outcome::Refused("its URI cannot be reached over MQTT".to_owned());
        };
        match self.publish(&target, &payload(message)).await {
            Ok(()) => Outcome::Delivered,
            Err(error @ MqttError::NotTaken(_)) => Outcome::Refused(error.to_string()),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    async fn publish(&self, target: &Target, payload: &[u8]) -> Result<(), MqttError> {
        let key = target.session_key();
        if let Some(mut session) = self.take(&key) {
            // One that was kept may have been closed by the other side.
            let published = session.publish(target, payload).await;
            if !matches!(published, Err(MqttError::Io(_) | MqttError::Protocol)) {
                self.keep(key, session);
                return published;
            }
        }
        let mut session = self.open(target).await?;
        session.publish(target, payload).await?;
        self.keep(key, session);
        Ok(())
    }

    async fn open(&self, target: &Target) -> Result<Session, MqttError> {
        let stream = self.connector.connect_to(&target.place).await?;
        let mut session = Session { stream, version: target.version, next_id: 1 };
        let user = target.user.as_deref();
        session.send(&Packet::connect(target.version, user, target.password.as_deref())).await?;
        match session.receive().await? {
            Received::ConnAck(0) => Ok(session),
            Received::ConnAck(code) => Err(MqttError::NotConnected(code)),
            _ => Err(MqttError::Protocol),
        }
    }

    fn take(&self, key: &str) -> Option<Session> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = moment();
        kept.retain(|_, sessions| {
            sessions.retain(|(_, since)| now.duration_since(*since) < IDLE);
            !sessions.is_empty()
        });
        kept.get_mut(key)?.pop().map(|(session, _)| session)
    }

    fn keep(&self, key: String, session: Session) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = kept.entry(key).or_default();
        if sessions.len() < self.kept_max {
            sessions.push((session, moment()));
        }
    }
}

impl Session {
    async fn publish(&mut self, target: &Target, payload: &[u8]) -> Result<(), MqttError> {
        let id = self.next_id;
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        let packet = Packet::publish(self.version, &target.topic, target.qos, id, payload);
        self.send(&packet).await?;
        match target.qos {
            // Nothing confirms it; but whoever answers what comes after it has read it. A connection
            // that broke unseen is found out that way.
            0 => {
                self.send(&Packet::ping()).await?;
                match self.receive().await? {
                    Received::Pong => Ok(()),
                    _ => Err(MqttError::Protocol),
                }
            }
            1 => match self.receive().await? {
                Received::PubAck(known, code) if known == id => taken(code),
                _ => Err(MqttError::Protocol),
            },
            _ => {
                match self.receive().await? {
                    Received::PubRec(known, code) if known == id => taken(code)?,
                    _ => return Err(MqttError::Protocol),
                }
                self.send(&Packet::pub_rel(id)).await?;
                match self.receive().await? {
                    Received::PubComp(known, code) if known == id => taken(code),
                    _ => Err(MqttError::Protocol),
                }
            }
        }
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), MqttError> {
        self.stream.write_all(packet.bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    async fn receive(&mut self) -> Result<Received, MqttError> {
        let kind = self.stream.read_u8().await?;
        let length = self.length().await?;
        if ANSWER_BYTES_MAX < length {
            return Err(MqttError::Protocol);
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Received::read(kind, &body).ok_or(MqttError::Protocol)
    }

    /// Up to four bytes, of which each but the last says that another follows.
    async fn length(&mut self) -> Result<usize, MqttError> {
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.stream.read_u8().await?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(MqttError::Protocol)
    }
}

/// Codes below 128 are kinds of success.
fn taken(code: u8) -> Result<(), MqttError> {
    if code < 0x80 { Ok(()) } else { Err(MqttError::NotTaken(code)) }
}

/// What goes into headers over HTTP goes into `metadata` here.
fn payload(message: &Message) -> Vec<u8> {
    let mut metadata = Map::new();
    metadata.insert("Content-Type".to_owned(), message.content_type.into());
    for (name, value) in &message.headers {
        metadata.insert(name.clone(), value.as_str().into());
    }
    let metadata = Value::from(metadata);
    format!("{{\"metadata\":{metadata},\"body\":{}}}", message.body).into_bytes()
}

#[cfg(test)]
#[path = "mqtt_tests.rs"]
mod tests;
