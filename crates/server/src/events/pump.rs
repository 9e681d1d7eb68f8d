//! Takes changes from a stream, writes them as notifications, and hands them on.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use ngsi_ld::{Authenticate, Door};
use store::{Position, Recorded};
use subscriptions::{Gone, Stream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::debug;

use super::Events;
use crate::stop::Stopped;

/// What a listener is told.
#[derive(Debug)]
pub enum Said {
    /// A notification, as JSON.
    News { position: Position, notification: String },
    /// Nothing up to this position is still to be told.
    Here(Position),
    /// The stream ends; nothing follows.
    End(End),
}

/// Why a stream ends.
#[derive(Debug, thiserror::Error)]
pub enum End {
    #[error("the server stops; come again")]
    Stopped,
    #[error("what proved who listens is not known here any more")]
    Unknown,
    #[error(transparent)]
    Gone(#[from] Gone),
    #[error("the change at {} could not be written: {problem}", position.0)]
    Unwritten { position: Position, problem: String },
}

pub struct Pump {
    stream: Stream,
    door: Door,
    authenticate: Arc<dyn Authenticate>,
    /// Of the request: it proves who listens.
    head: Parts,
    keepalive: Duration,
    stopped: Stopped,
}

impl Pump {
    pub fn new(events: &Events, stream: Stream, head: Parts) -> Pump {
        Pump {
            stream,
            door: events.door.clone(),
            authenticate: events.authenticate.clone(),
            head,
            keepalive: events.keepalive.max(KEEPALIVE_LEAST),
            stopped: events.stopped.clone(),
        }
    }

    /// Begins; ends when the receiver is dropped.
    pub fn start(self) -> Receiver<Said> {
        let (sender, receiver) = channel(1);
        tokio::spawn(self.run(sender));
        receiver
    }

    async fn run(mut self, sender: Sender<Said>) {
        let mut ticks = interval_at(Instant::now() + self.keepalive, self.keepalive);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said = Said::Here(self.stream.position());
        loop {
            let ends = matches!(said, Said::End(_));
            // A listener that takes nothing has its connection taken away, and then this ends.
            if sender.send(said).await.is_err() || ends {
                return;
            }
            said = tokio::select! {
                biased;
                () = sender.closed() => return,
                () = self.stopped.told() => Said::End(End::Stopped),
                // Also where much happens: nothing else notices that a key is revoked.
                _ = ticks.tick() => self.keep_alive(),
                next = self.stream.next() => match next {
                    Ok(recorded) => self.tell(recorded).await,
                    Err(gone) => Said::End(gone.into()),
                },
            };
        }
    }

    fn keep_alive(&mut self) -> Said {
        match self.authenticate.authenticate(&self.head.headers, &self.head.extensions) {
            Ok(caller) if caller == self.stream.subscription().caller => {
                Said::Here(self.stream.position())
            }
            _ => Said::End(End::Unknown),
        }
    }

    async fn tell(&self, recorded: Recorded) -> Said {
        let position = recorded.position;
        match self.stream.written(&self.door, &recorded).await {
            Ok(message) => Said::News { position, notification: message.body },
            Err(problem) => {
                debug!(problem, "a change could not be written for a stream");
                Said::End(End::Unwritten { position, problem })
            }
        }
    }
}

/// A timer needs a span.
const KEEPALIVE_LEAST: Duration = Duration::from_millis(10);
