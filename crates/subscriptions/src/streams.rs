//! Streams: whoever listens is told of changes as they happen, in the order of the journal, from any
//! position that the journal still has.
//!
//! One follower reads the journal for all streams, and the index tells which of them an event may
//! concern. A stream that begins in the past, or whose listener is slow, reads the journal itself
//! until it has caught up; between the two nothing is left out and nothing comes twice.

mod hub;
mod stream;
mod tenants;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Tenant, Timestamp};
use policy::Policy;
use store::{JournalError, Position, Store, StoreError};
use tokio::sync::Notify;
use tracing::warn;

use crate::subscription::Subscription;

use hub::Hub;
use tenants::Tenants;

pub use stream::Stream;

/// The limits of streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// How many may be open.
    pub streams_max: usize,
    /// How many changes wait in memory for the listener of each; more are read from the journal
    /// again.
    pub queue_max: usize,
}

/// All open streams.
pub struct Streams {
    store: Arc<dyn Store>,
    policy: Policy,
    /// The time.
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    settings: StreamSettings,
    hub: Mutex<Hub>,
    tenants: Mutex<Tenants>,
    /// Somebody listens to what happens now.
    attached: Notify,
}

/// Why a stream does not begin.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0} streams are open; there may not be more (setting `streams_max`)")]
    TooMany(usize),
    #[error("the tenant has {0} streams open; it may not have more (quota `streams`)")]
    OverQuota(usize),
    #[error("the last change has position {}; there is none after it to begin with", end.0)]
    NotYet { end: Position },
    #[error(transparent)]
    Gone(#[from] Gone),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The journal was cut back further than to where a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "changes up to position {} are gone (settings `journal_age_max`, `journal_bytes_max`); read \
     the entities as they are now, and go on after that position", first.0
)]
pub struct Gone {
    pub first: Position,
}

/// How many events are read at a time for all streams.
const EVENTS_AT_ONCE: usize = 256;

/// How long to wait before a store that failed is asked again.
const STORE_PAUSE: Duration = Duration::from_secs(1);

impl Default for StreamSettings {
    fn default() -> StreamSettings {
        StreamSettings { streams_max: 1_000, queue_max: 256 }
    }
}

impl Streams {
    pub fn new(
        store: Arc<dyn Store>,
        policy: Policy,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        settings: StreamSettings,
    ) -> Streams {
        let hub = Mutex::new(Hub::new(policy.clone()));
        let (tenants, attached) = (Mutex::default(), Notify::new());
        Streams { store, policy, now, settings, hub, tenants, attached }
    }

    /// From now on no stream begins for a tenant that has that many; none is ended because of it.
    pub fn limit(&self, tenant: &Tenant, max: Option<usize>) {
        self.tenants().limit(tenant, max);
    }

    /// How many streams of a tenant are open.
    pub fn count(&self, tenant: &Tenant) -> usize {
        self.tenants().open(tenant)
    }

    /// Begins to tell of what the subscription is about: of all that comes after a position, or
    /// where none is given, after now. Its schedule and endpoint do not matter.
    pub async fn open(
        self: &Arc<Self>,
        subscription: Subscription,
        after: Option<Position>,
    ) -> Result<Stream, OpenError> {
        let end = *self.store.journal_end().borrow();
        let position = after.unwrap_or(end);
        if end < position {
            return Err(OpenError::NotYet { end });
        }
        match self.store.journal(position, 1).await {
            Ok(_) => {}
            Err(JournalError::Gone { first }) => return Err(Gone { first }.into()),
            Err(JournalError::Store(error)) => return Err(error.into()),
        }
        let slot = self.hub().enter(self.settings.streams_max);
        let slot = slot.ok_or(OpenError::TooMany(self.settings.streams_max))?;
        if let Err(max) = self.tenants().enter(&subscription.key.tenant) {
            self.hub().leave(slot);
            return Err(OpenError::OverQuota(max));
        }
        Ok(Stream::new(self.clone(), slot, Arc::new(subscription), position))
    }

    /// Follows the journal for all streams, until `stopped`.
    pub async fn run(&self, stopped: impl Future<Output = ()> + Send) {
        tokio::select! {
            biased;
            () = stopped => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        let mut end = self.store.journal_end();
        loop {
            let reached = *end.borrow_and_update();
            let Some(after) = self.hub().behind(reached) else {
                tokio::select! {
                    biased;
                    _ = end.changed() => {}
                    () = self.attached.notified() => {}
                }
                continue;
            };
            match self.store.journal(after, EVENTS_AT_ONCE).await {
                Ok(events) => {
                    let mut hub = self.hub();
                    hub.tell(after, &events);
                    // What lies between them and the end, if anything, are events of shredded
                    // tenants.
                    if events.len() < EVENTS_AT_ONCE {
                        hub.reach(after, reached);
                    }
                }
                // Each stream will find out by itself.
                Err(JournalError::Gone { first }) => self.hub().let_all_go(first),
                Err(JournalError::Store(error)) => {
                    warn!(%error, "could not read the journal for streams; trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    fn tenants(&self) -> MutexGuard<'_, Tenants> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").field("settings", &self.settings).finish_non_exhaustive()
    }
}
