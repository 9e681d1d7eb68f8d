//! What the platform does when asked. Every door speaks to this room, and only to this one.

mod admission;
mod changes;
mod reads;
mod links;
mod documents;
mod subscriptions;
mod evolutions;

use std::fmt;
use std::sync::Arc;

use ::subscriptions::{Border, SubscribeError, Subscriptions};
use model::{Tenant, Timestamp};
use policy::{Denied, Policy};
use store::Store;

pub use changes::{Outcome, Purge, Purged};
pub use documents::Document;
pub use links::{Linked, LinkedEntities, Reach, targets};
// What the store answers is what the platform answers: doors see it through this room.
pub use store::{
    Answer, AttributeCount, Census, Chronicled, CommitError, Committed, Evolution, HistoryAnswer,
    HistoryError, Plan, QueryHistory, RetrieveHistory, StoreError, Told,
};

/// The operations of the platform on one store.
pub struct Broker {
    store: Arc<dyn Store>,
    policy: Policy,
    clock: Arc<dyn Clock>,
    subscriptions: Arc<Subscriptions>,
}

/// Tells the time. Only `server` has one that reads the machine's.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("tenant `{0}` does not exist; the first entity written for it creates it")]
    UnknownTenant(Tenant),
    #[error(
        "relationships lead to more than {0} entities (setting `linked_entities_max`); ask for \
         fewer entities, or for fewer levels with `joinLevel`"
    )]
    TooManyLinked(usize),
    #[error(transparent)]
    Subscribe(SubscribeError),
    #[error(transparent)]
    Commit(CommitError),
    #[error(transparent)]
    History(HistoryError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for BrokerError {
    fn from(error: CommitError) -> BrokerError {
        match error {
            CommitError::Denied(denied) => BrokerError::Denied(denied),
            CommitError::Store(error) => BrokerError::Store(error),
            other => BrokerError::Commit(other),
        }
    }
}

impl From<HistoryError> for BrokerError {
    fn from(error: HistoryError) -> BrokerError {
        match error {
            HistoryError::Store(error) => BrokerError::Store(error),
            other => BrokerError::History(other),
        }
    }
}

impl Broker {
    pub fn new(store: Arc<dyn Store>, policy: Policy, clock: Arc<dyn Clock>) -> Broker {
        let settings = ::subscriptions::Settings::default();
        let subscriptions = Arc::new(Subscriptions::new(store.clone(), settings));
        Broker { store, policy, clock, subscriptions }
    }

    /// With other limits for subscriptions than the default ones.
    pub fn with_subscriptions(self, settings: ::subscriptions::Settings) -> Broker {
        let subscriptions = Arc::new(Subscriptions::new(self.store.clone(), settings));
        Broker { subscriptions, ..self }
    }

    /// With rules about where notifications are brought, beside these limits.
    pub fn with_border(
        self,
        settings: ::subscriptions::Settings,
        border: Arc<dyn Border>,
    ) -> Broker {
        let subscriptions = Subscriptions::new(self.store.clone(), settings).with_border(border);
        Broker { subscriptions: Arc::new(subscriptions), ..self }
    }

    /// The rules in force: shared, so that whoever replaces them does so for all.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("store", &self.store).finish_non_exhaustive()
    }
}
