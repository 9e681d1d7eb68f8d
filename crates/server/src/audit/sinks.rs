//! Where the record goes besides its file: to a collector of syslog, or to an HTTP endpoint.
//!
//! The record on disk is the queue of each sink, and a file beside it says how far the sink is. So
//! nothing is lost across a restart, a sink that is down holds up no other, and memory is bounded
//! by one batch. A line may be sent twice after a crash; it carries its number.
//!
//! ```text
//! DIR/audit/sinks/syslog   the number of the last line that the collector has
//! DIR/audit/sinks/http
//! ```

mod cursor;
mod http;
mod position;
mod syslog;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracing::{info, warn};

use super::Ledger;
use crate::egress::EgressRules;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stop::Stopped;

use cursor::Cursor;
use position::Position;

/// How many lines are sent at a time, and how many bytes they may come to before no further one is
/// added.
const BATCH_LINES_MAX: usize = 500;
const BATCH_BYTES_MAX: usize = 1 << 20;

/// How often it is looked whether there is more.
const INTERVAL: Duration = Duration::from_millis(250);

/// How long a sink is left alone that failed; each time twice as long.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// A line of the record: its number, and its text without the end.
#[derive(Clone, Debug)]
pub struct Numbered {
    pub seq: u64,
    pub text: Vec<u8>,
    pub algorithm: ::audit::HashAlgorithm,
}

/// Takes lines somewhere.
#[async_trait]
trait Sink: Send {
    /// Sends lines in their order. Gives the number up to which it is known that they arrived.
    async fn send(&mut self, lines: &[Numbered]) -> Result<u64, SinkError>;

    /// There is nothing to send: up to which number have lines arrived, where that was not known?
    async fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        Ok(None)
    }
}

/// Why lines did not arrive, in the operator's words; never with what a URL holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SinkError(String);

impl SinkError {
    fn of(error: impl fmt::Display) -> SinkError {
        SinkError(error.to_string())
    }
}

/// The sinks of a server, ready to run.
pub struct Sinks(Vec<Running>);

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|running| running.name)).finish()
    }
}

struct Running {
    name: &'static str,
    sink: Box<dyn Sink>,
    cursor: Cursor,
    position: Position,
    ledger: Arc<Ledger>,
}

impl Sinks {
    /// Reads how far each is; connects nowhere yet.
    pub fn open(settings: &Settings, ledger: &Arc<Ledger>) -> Result<Sinks, Failure> {
        let rules = EgressRules::of_server(settings);
        let mut sinks: Vec<(&'static str, Box<dyn Sink>)> = Vec::new();
        let wrong =
            |name: &str, problem: String| Failure::Refused(format!("setting `{name}`: {problem}"));
        if !settings.audit_syslog.is_empty() {
            let sink = syslog::Syslog::new(&settings.audit_syslog, rules.clone());
            let sink = sink.map_err(|problem| wrong("audit_syslog", problem))?;
            sinks.push(("syslog", Box::new(sink)));
        }
        if !settings.audit_http.is_empty() {
            let token = &settings.audit_http_token_file;
            let sink = http::Http::new(&settings.audit_http, token, rules);
            let sink = sink.map_err(|problem| wrong("audit_http", problem))?;
            sinks.push(("http", Box::new(sink)));
        }
        let running = |(name, sink)| {
            let position = Position::open(ledger.directory(), name);
            let position = position.map_err(Failure::io(format!("audit/sinks/{name}")))?;
            let cursor = Cursor::after(ledger.directory(), position.get());
            Ok(Running { name, sink, cursor, position, ledger: ledger.clone() })
        };
        Ok(Sinks(sinks.into_iter().map(running).collect::<Result<_, Failure>>()?))
    }

    /// Each in a task of its own, until told to stop.
    pub fn start(self, stopped: &Stopped) {
        for running in self.0 {
            tokio::spawn(running.run(stopped.clone()));
        }
    }
}

impl Running {
    async fn run(mut self, mut stopped: Stopped) {
        let mut failures = 0_u32;
        loop {
            let wait = match self.step().await {
                Ok(is_more) => {
                    if failures > 0 {
                        info!(sink = self.name, "a sink of the audit record takes lines again");
                    }
                    failures = 0;
                    if is_more { Duration::ZERO } else { INTERVAL }
                }
                Err(error) => {
                    if failures == 0 {
                        warn!(sink = self.name, %error, "lines of the audit record do not arrive; trying again");
                    }
                    // What did not arrive for certain is sent once more.
                    self.cursor.back_to(self.position.get());
                    failures = failures.saturating_add(1);
                    retry_after(failures)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stopped.told() => return,
            }
        }
    }

    /// One batch. Tells whether there may be more at once.
    async fn step(&mut self) -> Result<bool, SinkError> {
        // What is not on disk may still be taken back.
        let until = self.ledger.status().last.seq;
        let mut cursor = std::mem::take(&mut self.cursor);
        let read = tokio::task::spawn_blocking(move || {
            let lines = cursor.batch(until, BATCH_LINES_MAX, BATCH_BYTES_MAX);
            (cursor, lines)
        });
        let (cursor, lines) = read.await.map_err(SinkError::of)?;
        self.cursor = cursor;
        let lines = lines.map_err(SinkError::of)?;
        self.tell_missing(&lines);
        let arrived = match lines.as_slice() {
            [] => self.sink.settle().await?,
            lines => Some(self.sink.send(lines).await?),
        };
        if let Some(arrived) = arrived {
            let mut position = self.position.clone();
            let set = tokio::task::spawn_blocking(move || position.set(arrived).map(|()| position));
            self.position = set.await.map_err(SinkError::of)?.map_err(SinkError::of)?;
        }
        Ok(!lines.is_empty())
    }

    /// Retention may remove what a sink was down for too long to take.
    fn tell_missing(&self, lines: &[Numbered]) {
        let Some(first) = lines.first() else { return };
        let next = self.cursor.before_batch() + 1;
        if next < first.seq {
            warn!(
                sink = self.name,
                from = next,
                to = first.seq - 1,
                "lines of the audit record were removed before a sink took them"
            );
        }
    }
}

fn retry_after(failures: u32) -> Duration {
    let doubled = RETRY_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(RETRY_MAX)
}
