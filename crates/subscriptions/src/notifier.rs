//! Follows the journal, sends what is due, and writes down how far things are.

mod carry;
mod load;
mod read;
mod write;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use policy::Policy;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{error, warn};

use crate::office::Subscriptions;
use crate::post::{Outcome, Snapshot, Ticket};
use crate::wire::{Deliver, Wire};

pub(crate) use carry::{NOTIFICATION, named};
pub(crate) use write::all_written;

/// Tells everyone what they want to know, until it is told to stop.
pub struct Notifier {
    pub subscriptions: Arc<Subscriptions>,
    pub policy: Policy,
    pub wire: Arc<dyn Wire>,
    pub deliver: Arc<dyn Deliver>,
    /// The time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Any number.
    pub chance: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl std::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifier").finish_non_exhaustive()
    }
}

/// Deliveries under way.
#[derive(Default)]
struct Flights {
    tasks: JoinSet<Outcome>,
    tickets: HashMap<Id, Ticket>,
}

/// How long to wait before a store that failed is asked again.
const STORE_PAUSE: Duration = Duration::from_secs(1);

impl Notifier {
    /// Runs until `stopped`. What is under way then has a moment to end; how far things are is
    /// written down last.
    pub async fn run(self, stopped: impl Future<Output = ()> + Send) {
        let notifier = Arc::new(self);
        tokio::pin!(stopped);
        tokio::select! {
            biased;
            () = &mut stopped => return,
            () = notifier.load() => {}
        }
        let mut end = notifier.subscriptions.store.journal_end();
        let mut ticks = interval(notifier.subscriptions.settings.write_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut flights = Flights::default();
        let mut writing: JoinSet<Result<(), Snapshot>> = JoinSet::new();
        let mut rests_until = Instant::now();
        loop {
            end.borrow_and_update();
            let rests = Instant::now() < rests_until;
            let has_more = !rests
                && notifier.read().await.unwrap_or_else(|error| {
                    warn!(%error, "could not read what to notify of; trying again");
                    rests_until = Instant::now() + STORE_PAUSE;
                    false
                });
            notifier.send(&mut flights);
            let rest = rests_until.saturating_duration_since(Instant::now());
            let rest = if rest.is_zero() { IDLE_MAX } else { rest };
            let wake = notifier.wake_in().min(rest);
            tokio::select! {
                biased;
                () = &mut stopped => break,
                () = notifier.subscriptions.changed.notified() => {}
                Some(written) = writing.join_next() => notifier.written(written),
                _ = ticks.tick(), if writing.is_empty() => {
                    writing.spawn(notifier.clone().write_down());
                }
                Some(ended) = flights.tasks.join_next_with_id() => {
                    notifier.ended(&mut flights, ended);
                    while let Some(ended) = flights.tasks.try_join_next_with_id() {
                        notifier.ended(&mut flights, ended);
                    }
                }
                () = std::future::ready(()), if has_more => {}
                Ok(()) = end.changed() => {}
                () = sleep(wake) => {}
            }
        }
        notifier.stop(flights, writing).await;
    }

    /// Begins to send what is due.
    fn send(self: &Arc<Self>, flights: &mut Flights) {
        let deliveries = self.subscriptions.post().next((self.now)());
        for delivery in deliveries {
            let ticket = delivery.ticket;
            let handle = flights.tasks.spawn(self.clone().carry(delivery));
            flights.tickets.insert(handle.id(), ticket);
            self.subscriptions.under_way().insert(ticket, handle);
        }
    }

    fn ended(&self, flights: &mut Flights, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            // Its subscription has ended.
            Err(broken) if broken.is_cancelled() => {
                flights.tickets.remove(&broken.id());
                return;
            }
            Err(broken) => {
                error!(error = %broken, "a notification could not be sent");
                (broken.id(), Outcome::Held("an internal error".to_owned()))
            }
        };
        if let Some(ticket) = flights.tickets.remove(&id) {
            let (now, chance) = ((self.now)(), (self.chance)());
            self.subscriptions.under_way().remove(&ticket);
            self.subscriptions.post().record(ticket, &outcome, now, chance);
        }
    }

    /// How long nothing will happen by itself.
    fn wake_in(&self) -> Duration {
        let wake_at = self.subscriptions.post().wake_at();
        let micros = wake_at.map_or(i64::MAX, |at| at.0.saturating_sub((self.now)().0));
        Duration::from_micros(u64::try_from(micros).unwrap_or_default()).min(IDLE_MAX)
    }

    fn written(&self, written: Result<Result<(), Snapshot>, JoinError>) {
        match written {
            Ok(Ok(())) => {}
            Ok(Err(unwritten)) => self.subscriptions.post().restore(unwritten),
            Err(error) => error!(%error, "could not write down what was delivered"),
        }
    }

    async fn stop(
        self: Arc<Self>,
        mut flights: Flights,
        mut writing: JoinSet<Result<(), Snapshot>>,
    ) {
        let landing = async {
            while let Some(ended) = flights.tasks.join_next_with_id().await {
                self.ended(&mut flights, ended);
            }
        };
        // What has not ended by then is sent again after the next start.
        let patience = self.subscriptions.settings.timeout;
        if tokio::time::timeout(patience, landing).await.is_err() {
            warn!(
                "some endpoints did not answer in time; they are told again after the next start"
            );
        }
        while let Some(written) = writing.join_next().await {
            self.written(written);
        }
        if self.clone().write_down().await.is_err() {
            warn!("how far notifications are is not written down; some are sent again");
        }
    }
}

/// The longest that the notifier sleeps: clocks may be set.
const IDLE_MAX: Duration = Duration::from_secs(60);
