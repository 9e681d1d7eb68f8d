//! Lines as messages of syslog over TCP or TLS (RFC 5424, RFC 5425, RFC 6587).
//!
//! The protocol acknowledges nothing. So lines count as arrived only once the collector has kept the
//! connection open for a while after them; until then they are sent again on the next one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ::audit::Line;
use ::audit::syslog::{Sender, message};
use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::{Numbered, Sink, SinkError};
use crate::clock::moment;
use crate::egress::{Connector, EgressRules, Stream, Target};

/// How long a connection must stand after lines were sent on it for them to count as arrived.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

pub struct Syslog {
    target: Target,
    connector: Connector,
    timeout: Duration,
    connection: Option<Box<dyn Stream>>,
    /// What was sent and does not count as arrived yet: the last line of each batch, and when.
    sent: VecDeque<(u64, Instant)>,
    /// The last that count as arrived.
    arrived: u64,
    hostname: String,
    process: String,
}

impl Syslog {
    pub fn new(url: &str, rules: EgressRules) -> Result<Syslog, String> {
        let wrong = || "it is tls://host:6514 or tcp://host:514".to_owned();
        let url = Url::parse(url).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "tls" | "tcp") {
            return Err(wrong());
        }
        if !url.username().is_empty() || !matches!(url.path(), "" | "/") {
            return Err(wrong());
        }
        let target = Target::of(&url).map_err(|_| wrong())?;
        rules.check(&target).map_err(|error| error.to_string())?;
        let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
        Ok(Syslog {
            target,
            timeout: rules.timeout,
            connector: Connector::new(rules),
            connection: None,
            sent: VecDeque::new(),
            arrived: 0,
            hostname: hostname.trim().to_owned(),
            process: std::process::id().to_string(),
        })
    }

    fn frames(&self, lines: &[Numbered]) -> Vec<u8> {
        let sender = Sender { host: &self.hostname, process: &self.process };
        let mut frames = Vec::new();
        for line in lines {
            let Ok(parsed) = Line::parse(&line.text) else { continue };
            let message = message(&parsed, line.algorithm.hash(&line.text), &sender);
            // Octet counting (RFC 5425, section 4.3): a message may hold any character.
            frames.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
        }
        frames
    }

    async fn write(&mut self, frames: &[u8]) -> Result<(), SinkError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connect = self.connector.connect_to(&self.target);
                connect.await.map_err(SinkError::of)?
            }
        };
        check_open(&mut connection).await?;
        connection.write_all(frames).await.map_err(SinkError::of)?;
        connection.flush().await.map_err(SinkError::of)?;
        self.connection = Some(connection);
        Ok(())
    }

    /// What was sent long enough ago on a connection that still stands has arrived.
    fn note_arrived(&mut self) {
        let now = moment();
        while let Some((seq, at)) = self.sent.front()
            && SETTLED_AFTER <= now.saturating_duration_since(*at)
        {
            self.arrived = *seq;
            self.sent.pop_front();
        }
    }
}

/// A collector says nothing; what can be read is the end of the connection.
async fn check_open(connection: &mut Box<dyn Stream>) -> Result<(), SinkError> {
    let mut bytes = [0; 64];
    let read = tokio::time::timeout(Duration::from_millis(1), connection.read(&mut bytes)).await;
    match read {
        Err(_) => Ok(()),
        Ok(Ok(0)) => Err(SinkError("the collector closed the connection".to_owned())),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(SinkError::of(error)),
    }
}

#[async_trait]
impl Sink for Syslog {
    async fn send(&mut self, lines: &[Numbered]) -> Result<u64, SinkError> {
        if let Some(first) = lines.first()
            && self.sent.is_empty()
        {
            self.arrived = first.seq - 1;
        }
        let frames = self.frames(lines);
        let timeout = self.timeout;
        let written = tokio::time::timeout(timeout, self.write(&frames)).await;
        let written = written
            .unwrap_or_else(|_| Err(SinkError(format!("it took no message within {timeout:?}"))));
        if let Err(error) = written {
            // What was on its way on the old connection is sent again on the next.
            self.connection = None;
            self.sent.clear();
            return Err(error);
        }
        self.note_arrived();
        let last = lines.last().map_or(0, |line| line.seq);
        self.sent.push_back((last, moment()));
        Ok(self.arrived)
    }

    async fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        let Some(connection) = self.connection.as_mut() else { return Ok(None) };
        if let Err(error) = check_open(connection).await {
            self.connection = None;
            // Where all has arrived, a connection may end.
            let all_arrived = self.sent.is_empty();
            self.sent.clear();
            return if all_arrived { Ok(None) } else { Err(error) };
        }
        let was_sent = !self.sent.is_empty();
        self.note_arrived();
        Ok(was_sent.then_some(self.arrived))
    }
}
