//! Notifications that were given up: to be read, sent once more, and thrown away.

use std::sync::Arc;

use model::{Tenant, Timestamp, Uri};
use policy::Policy;
use serde_json::Value;
use store::{DocumentRange, JournalError, Position, StoreError};
use tokio::task::JoinSet;

use crate::account::Account;
use crate::changes::Changes;
use crate::concern::Judge;
use crate::notifier::{NOTIFICATION, all_written};
use crate::office::{DEAD_LETTERS, Subscriptions, document};
use crate::post::Outcome;
use crate::subscription::Key;
use crate::wire::{About, Deliver, Told, Wire};

/// How many dead letters one call looks at, at most.
pub const LETTERS_AT_ONCE: usize = 1_000;

/// How many are thrown away at one time, to share the syncs of the store.
const REMOVALS_AT_ONCE: usize = 64;

/// The dead letters of all tenants.
pub struct DeadLetters {
    subscriptions: Arc<Subscriptions>,
    policy: Policy,
    wire: Arc<dyn Wire>,
    deliver: Arc<dyn Deliver>,
    /// The time.
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Held while letters are sent or thrown away, so that each is once.
    handling: tokio::sync::Mutex<()>,
}

/// Which dead letters are meant: the first `limit` of a tenant after `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letters {
    pub tenant: Tenant,
    /// Only those of this subscription.
    pub subscription: Option<Uri>,
    /// Only those that come after the letter with this id.
    pub after: Option<String>,
    pub limit: usize,
}

/// What became of letters that were sent once more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub delivered: usize,
    /// Not taken again; they stay.
    pub failed: usize,
    /// Their subscription is no more, or their change is no longer in the journal; they stay.
    pub gone: usize,
    /// The id of the last letter that was looked at, where there may be more after it.
    pub last: Option<String>,
}

/// One of them, as it is kept.
struct Letter {
    name: String,
    json: Value,
}

impl DeadLetters {
    pub fn new(
        subscriptions: Arc<Subscriptions>,
        policy: Policy,
        wire: Arc<dyn Wire>,
        deliver: Arc<dyn Deliver>,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> DeadLetters {
        let handling = tokio::sync::Mutex::default();
        DeadLetters { subscriptions, policy, wire, deliver, now, handling }
    }

    /// What became of the notifications of all subscriptions.
    pub fn total(&self) -> Account {
        self.subscriptions.total()
    }

    /// The letters as JSON, by subscription and position.
    pub async fn list(&self, which: &Letters) -> Result<Vec<Value>, StoreError> {
        let letters = self.letters(which).await?;
        Ok(letters.into_iter().map(|letter| letter.json).collect())
    }

    /// Throws the letters away; tells how many.
    pub async fn empty(&self, which: &Letters) -> Result<usize, StoreError> {
        let _one_at_a_time = self.handling.lock().await;
        let letters = self.letters(which).await?;
        let names = letters.iter().map(|letter| letter.name.clone()).collect();
        self.subscriptions.remove_letters(&which.tenant, names).await?;
        for letter in &letters {
            self.exhume(&which.tenant, letter, false);
        }
        Ok(letters.len())
    }

    /// Sends the letters once more, one after the other.
    pub async fn replay(&self, which: &Letters) -> Result<Replayed, StoreError> {
        let _one_at_a_time = self.handling.lock().await;
        let mut replayed = Replayed::default();
        let letters = self.letters(which).await?;
        if letters.len() == which.limit.min(LETTERS_AT_ONCE) {
            replayed.last = letters.last().and_then(|last| Some(last.id()?.to_owned()));
        }
        for letter in letters {
            match self.send(&which.tenant, &letter).await? {
                None => replayed.gone += 1,
                Some(Outcome::Delivered) => {
                    let names = vec![letter.name.clone()];
                    self.subscriptions.remove_letters(&which.tenant, names).await?;
                    self.exhume(&which.tenant, &letter, true);
                    replayed.delivered += 1;
                }
                Some(_) => replayed.failed += 1,
            }
        }
        Ok(replayed)
    }

    async fn letters(&self, which: &Letters) -> Result<Vec<Letter>, StoreError> {
        let range = DocumentRange {
            prefix: which.subscription.as_ref().map(letters_of).unwrap_or_default(),
            after: which.after.as_deref().map(name_of_id),
            limit: which.limit.min(LETTERS_AT_ONCE),
            ..DocumentRange::all(DEAD_LETTERS, &which.tenant)
        };
        let found = self.subscriptions.store.documents(&range).await?;
        let read = |(name, bytes): (String, Vec<u8>)| {
            Ok(Letter {
                name,
                json: serde_json::from_slice(&bytes).map_err(std::io::Error::other)?,
            })
        };
        found.into_iter().map(read).collect()
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
        // Under terms or policies that have changed it may not be this subscriber's to know any
        // more.
        let Some(event) = event else { return Ok(None) };
        let release = self.subscriptions.border.release(tenant, &subscription.endpoint);
        let (store, policy) = (&*self.subscriptions.store, &self.policy);
        let judge = Judge { store, policy, now: (self.now)(), release: &release };
        let told = judge.concerned(&subscription, &event, &Changes::of(&event)).await?;
        let Some(event) = told else { return Ok(None) };
        let told = Told {
            id: letter.id().unwrap_or_default().to_owned(),
            subscription: Arc::new(subscription),
            at: (self.now)(),
            about: About::Changes(vec![event]),
            release,
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

    fn exhume(&self, tenant: &Tenant, letter: &Letter, is_delivered: bool) {
        if let Some(key) = letter.key(tenant) {
            self.subscriptions.post().exhume(&key, is_delivered, (self.now)());
        }
    }
}

impl Letter {
    fn id(&self) -> Option<&str> {
        self.json["id"].as_str()
    }

    fn key(&self, tenant: &Tenant) -> Option<Key> {
        let id = Uri::parse(self.json["subscriptionId"].as_str()?).ok()?;
        Some(Key { tenant: tenant.clone(), id })
    }
}

impl Subscriptions {
    /// Throws away all letters of a subscription.
    pub(crate) async fn remove_letters_of(&self, key: &Key) -> Result<(), StoreError> {
        let range = DocumentRange {
            prefix: letters_of(&key.id),
            ..DocumentRange::all(DEAD_LETTERS, &key.tenant)
        };
        let letters = self.store.documents(&range).await?;
        let names = letters.into_iter().map(|(name, _)| name).collect();
        self.remove_letters(&key.tenant, names).await
    }

    async fn remove_letters(&self, tenant: &Tenant, names: Vec<String>) -> Result<(), StoreError> {
        for some in names.chunks(REMOVALS_AT_ONCE) {
            let mut removals = JoinSet::new();
            for name in some {
                let (store, key) = (self.store.clone(), document(DEAD_LETTERS, tenant, name));
                removals.spawn(async move { store.put_document(key, None).await });
            }
            all_written(removals).await?;
        }
        Ok(())
    }
}

/// What the names of all letters of a subscription begin with. No id holds a line break.
fn letters_of(subscription: &Uri) -> String {
    format!("{subscription}\n")
}

/// The name of a letter: those of one subscription lie together, in the order of the journal.
pub(crate) fn letter_name(subscription: &Uri, position: Position) -> String {
    format!("{}{:020}", letters_of(subscription), position.0)
}

/// The name of the letter with this id, or else one that stands where it would.
fn name_of_id(id: &str) -> String {
    let named = id.strip_prefix(NOTIFICATION).and_then(|rest| rest.rsplit_once(':'));
    let name = named.and_then(|(subscription, position)| {
        Some(letter_name(&Uri::parse(subscription).ok()?, Position(position.parse().ok()?)))
    });
    name.unwrap_or_else(|| id.to_owned())
}

impl std::fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters").finish_non_exhaustive()
    }
}
