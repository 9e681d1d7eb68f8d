//! Notifications that were given up: to be read, sent once more, and thrown away.

use std::sync::Arc;

use model::{Tenant, Timestamp, Uri};
use serde_json::Value;
use store::{JournalError, Position, StoreError};

use crate::changes::Changes;
use crate::office::{DEAD_LETTERS, Subscriptions};
use crate::post::Outcome;
use crate::subscription::Key;
use crate::wire::{About, Deliver, Told, Wire};

/// How many dead letters one call looks at.
pub const LETTERS_AT_ONCE: usize = 100;

/// The dead letters of all tenants.
pub struct DeadLetters {
    pub subscriptions: Arc<Subscriptions>,
    pub wire: Arc<dyn Wire>,
    pub deliver: Arc<dyn Deliver>,
    /// The time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// What became of letters that were sent once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub delivered: usize,
    /// Not taken again; they stay.
    pub failed: usize,
    /// Their subscription is no more, or their change is no longer in the journal; they stay.
    pub gone: usize,
}

/// One of them, as it is kept.
struct Letter {
    name: String,
    json: Value,
}

impl DeadLetters {
    /// The first letters of a tenant, of one subscription where it is named; as JSON.
    pub async fn list(
        &self,
        tenant: &Tenant,
        subscription: Option<&Uri>,
    ) -> Result<Vec<Value>, StoreError> {
        let letters = self.letters(tenant, subscription).await?;
        Ok(letters.into_iter().map(|letter| letter.json).collect())
    }

    /// Throws the first letters away; tells how many.
    pub async fn empty(
        &self,
        tenant: &Tenant,
        subscription: Option<&Uri>,
    ) -> Result<usize, StoreError> {
        let letters = self.letters(tenant, subscription).await?;
        for letter in &letters {
            self.throw_away(tenant, letter, false).await?;
        }
        Ok(letters.len())
    }

    /// Sends the first letters once more, one after the other.
    pub async fn replay(
        &self,
        tenant: &Tenant,
        subscription: Option<&Uri>,
    ) -> Result<Replayed, StoreError> {
        let mut replayed = Replayed::default();
        for letter in self.letters(tenant, subscription).await? {
            match self.send(tenant, &letter).await? {
                None => replayed.gone += 1,
                Some(Outcome::Delivered) => {
                    self.throw_away(tenant, &letter, true).await?;
                    replayed.delivered += 1;
                }
                Some(_) => replayed.failed += 1,
            }
        }
        Ok(replayed)
    }

    async fn letters(
        &self,
        tenant: &Tenant,
        subscription: Option<&Uri>,
    ) -> Result<Vec<Letter>, StoreError> {
        let all = self.subscriptions.store.documents(DEAD_LETTERS, tenant).await?;
        let letters = all.into_iter().filter_map(|(name, bytes)| {
            let json = serde_json::from_slice(&bytes).ok()?;
            Some(Letter { name, json })
        });
        let ours = |letter: &Letter| {
            subscription.is_none_or(|id| letter.json["subscriptionId"] == id.as_str())
        };
        Ok(letters.filter(ours).take(LETTERS_AT_ONCE).collect())
    }

    /// Sends one; nothing where it cannot be made again.
    async fn send(&self, tenant: &Tenant, letter: &Letter) -> Result<Option<Outcome>, StoreError> {
        let Some(key) = letter.key(tenant) else { return Ok(None) };
        let Some(record) = self.subscriptions.record(&key).await? else { return Ok(None) };
        let Ok(subscription) = self.wire.read(key, &record) else { return Ok(None) };
        let position = letter.json["position"].as_u64().unwrap_or_default();
        let before = Position(position.saturating_sub(1));
        let event = match self.subscriptions.store.journal(before, 1).await {
            Ok(events) => events.into_iter().next(),
            Err(JournalError::Gone { .. }) => None,
            Err(JournalError::Store(error)) => return Err(error),
        };
        let event = event.filter(|found| found.position.0 == position).map(|found| found.event);
        // Under terms that have changed it may not be this subscriber's to know any more.
        let Some(event) = event.filter(|event| subscription.reason(&Changes::of(event)).is_some())
        else {
            return Ok(None);
        };
        let told = Told {
            id: letter.name.clone(),
            subscription: Arc::new(subscription),
            at: (self.now)(),
            about: About::Changes(vec![event]),
        };
        let message = match self.wire.write(&told).await {
            Ok(message) => message,
            Err(problem) => return Ok(Some(Outcome::Held(problem))),
        };
        let endpoint = &told.subscription.endpoint;
        let limit = self.subscriptions.settings.timeout;
        let delivering = tokio::time::timeout(limit, self.deliver.deliver(endpoint, message));
        let late = || Outcome::Failed("it did not answer in time".to_owned());
        Ok(Some(delivering.await.unwrap_or_else(|_| late())))
    }

    async fn throw_away(
        &self,
        tenant: &Tenant,
        letter: &Letter,
        is_delivered: bool,
    ) -> Result<(), StoreError> {
        self.subscriptions.put(DEAD_LETTERS, tenant, &letter.name, None).await?;
        if let Some(key) = letter.key(tenant) {
            self.subscriptions.post().exhume(&key, is_delivered, (self.now)());
        }
        Ok(())
    }
}

impl Letter {
    fn key(&self, tenant: &Tenant) -> Option<Key> {
        let id = Uri::parse(self.json["subscriptionId"].as_str()?).ok()?;
        Some(Key { tenant: tenant.clone(), id })
    }
}

impl std::fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters").finish_non_exhaustive()
    }
}
