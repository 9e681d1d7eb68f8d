//! The subscriptions there are: kept as documents, and known to the post.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Tenant, Timestamp, Uri};
use store::{DocumentKey, DocumentRange, Position, Store, StoreError};
use tokio::sync::{Notify, OnceCell};
use tokio::task::AbortHandle;

use crate::account::Account;
use crate::border::{Border, OpenBorder};
use crate::post::{Post, State, Ticket};
use crate::settings::Settings;
use crate::subscription::{Endpoint, Key, Subscription};

/// What the doors have written down of a subscription.
pub(crate) const RECORDS: &str = "subscription";
/// How far each is.
pub(crate) const STATES: &str = "subscription-state";
/// The tenants that ever had one, and how far the journal was read: of the default tenant.
pub(crate) const TENANTS: &str = "subscription-tenant";
pub(crate) const READ_TO: &str = "subscription-read-to";
/// Notifications that were given up.
pub(crate) const DEAD_LETTERS: &str = "dead-letter";

/// How many events that concern nobody may be read again after a restart.
const READ_AGAIN_MAX: u64 = 10_000;

/// All subscriptions of all tenants.
pub struct Subscriptions {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Settings,
    pub(crate) border: Arc<dyn Border>,
    post: Mutex<Post>,
    /// Held while subscriptions are made, changed or read back, one after the other.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// How many each tenant has.
    counts: OnceCell<Mutex<HashMap<Tenant, usize>>>,
    /// How many some tenants may have, where that is less than the settings say.
    quotas: Mutex<HashMap<Tenant, usize>>,
    /// How far the journal was read when that was last written down.
    written_to: AtomicU64,
    under_way: Mutex<HashMap<Ticket, AbortHandle>>,
    pub(crate) changed: Notify,
}

/// Why a subscription was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubscribeError {
    #[error("subscription `{0}` exists already")]
    Exists(Key),
    #[error("the tenant has {0} subscriptions; it may not have more (setting `subscriptions_max`)")]
    TooMany(usize),
    #[error("the tenant has {0} subscriptions; it may not have more (quota `subscriptions`)")]
    OverQuota(usize),
    /// Its endpoint may not be called, or nothing may go there.
    #[error("the endpoint: {0}")]
    Endpoint(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Subscriptions {
    pub fn new(store: Arc<dyn Store>, settings: Settings) -> Subscriptions {
        Subscriptions {
            post: Mutex::new(Post::new(settings.clone())),
            store,
            settings,
            border: Arc::new(OpenBorder),
            changing: tokio::sync::Mutex::default(),
            counts: OnceCell::new(),
            quotas: Mutex::default(),
            written_to: AtomicU64::default(),
            under_way: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// With rules about where messages are brought; without, there are none.
    pub fn with_border(self, border: Arc<dyn Border>) -> Subscriptions {
        Subscriptions { border, ..self }
    }

    /// Refuses a subscription whose endpoint could never be told anything.
    fn check_endpoint(&self, subscription: &Subscription) -> Result<(), SubscribeError> {
        let endpoint = &subscription.endpoint;
        self.border.check(endpoint).map_err(SubscribeError::Endpoint)?;
        let tenant = &subscription.key.tenant;
        match self.border.release(tenant, endpoint).nothing() {
            None => Ok(()),
            Some(rule) => Err(SubscribeError::Endpoint(format!(
                "`{}` is in no region to which data of this tenant may go ([[residency]] number \
                 {rule})",
                endpoint.host()
            ))),
        }
    }

    /// From now on no subscription is made for a tenant that has that many; none is removed because
    /// of it.
    pub fn limit(&self, tenant: &Tenant, max: Option<usize>) {
        match max {
            Some(max) => self.quotas().insert(tenant.clone(), max),
            None => self.quotas().remove(tenant),
        };
    }

    /// Makes a subscription to what happens from now on; `record` is what its door wants back.
    pub async fn create(
        &self,
        subscription: Subscription,
        record: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), SubscribeError> {
        self.check_endpoint(&subscription)?;
        let _one_at_a_time = self.changing.lock().await;
        let key = subscription.key.clone();
        if self.record(&key).await?.is_some() {
            return Err(SubscribeError::Exists(key));
        }
        let count = self.count(&key.tenant).await?;
        if self.settings.subscriptions_max <= count {
            return Err(SubscribeError::TooMany(self.settings.subscriptions_max));
        }
        if let Some(max) = self.quotas().get(&key.tenant).copied().filter(|max| *max <= count) {
            return Err(SubscribeError::OverQuota(max));
        }
        if count == 0 {
            self.put(TENANTS, &Tenant::default(), key.tenant.as_str(), Some(Vec::new())).await?;
        }
        let state = State::from_here(self.journal_end());
        self.put_state(&key, &state).await?;
        self.put(RECORDS, &key.tenant, key.id.as_str(), Some(record)).await?;
        self.set_count(&key.tenant, count + 1);
        self.post().put(Arc::new(subscription), state, now);
        self.changed.notify_one();
        Ok(())
    }

    /// Changes a subscription whose record still is `seen`; tells whether it was.
    pub async fn replace(
        &self,
        subscription: Subscription,
        seen: &[u8],
        record: Vec<u8>,
        now: Timestamp,
    ) -> Result<bool, SubscribeError> {
        // Under rules that came later it can still be paused.
        if !self.post().has_endpoint(&subscription.key, &subscription.endpoint.uri) {
            self.check_endpoint(&subscription)?;
        }
        let _one_at_a_time = self.changing.lock().await;
        let key = subscription.key.clone();
        if self.record(&key).await?.as_deref() != Some(seen) {
            return Ok(false);
        }
        // Where the notifier has not yet read the subscriptions back, what was written down counts.
        let state = match self.state(&key).await? {
            Some(state) => state.caught_up(self.read_to().await?),
            None => State::from_here(self.journal_end()),
        };
        self.put(RECORDS, &key.tenant, key.id.as_str(), Some(record)).await?;
        self.post().put(Arc::new(subscription), state, now);
        self.changed.notify_one();
        let state = self.post().state(&key);
        if let Some(state) = state {
            self.put_state(&key, &state).await?;
        }
        Ok(true)
    }

    /// Ends a subscription, and what is under way for it; tells whether there was one.
    pub async fn delete(&self, key: &Key, now: Timestamp) -> Result<bool, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        if self.record(key).await?.is_none() {
            return Ok(false);
        }
        let count = self.count(&key.tenant).await?;
        self.put(RECORDS, &key.tenant, key.id.as_str(), None).await?;
        for ticket in self.post().remove(key, now) {
            if let Some(delivery) = self.under_way().remove(&ticket) {
                delivery.abort();
            }
        }
        self.changed.notify_one();
        self.put(STATES, &key.tenant, key.id.as_str(), None).await?;
        self.remove_letters_of(key).await?;
        self.set_count(&key.tenant, count.saturating_sub(1));
        Ok(true)
    }

    /// Ends all subscriptions of a tenant.
    pub async fn delete_all(&self, tenant: &Tenant, now: Timestamp) -> Result<(), StoreError> {
        for (id, _) in self.records(tenant).await? {
            if let Ok(id) = Uri::parse(&id) {
                self.delete(&Key { tenant: tenant.clone(), id }, now).await?;
            }
        }
        self.put(TENANTS, &Tenant::default(), tenant.as_str(), None).await
    }

    /// What the door wrote down of a subscription.
    pub async fn record(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.document(&document(RECORDS, &key.tenant, key.id.as_str())).await
    }

    /// The records of all subscriptions of a tenant, by id.
    pub async fn records(&self, tenant: &Tenant) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.store.documents(&DocumentRange::all(RECORDS, tenant)).await
    }

    /// Has the tenant any subscriptions?
    pub async fn has(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        Ok(self.count(tenant).await? > 0)
    }

    /// What became of the notifications of a subscription.
    pub fn account(&self, key: &Key) -> Account {
        self.post().account(key).unwrap_or_default()
    }

    /// The endpoints of a tenant, one for each subscription.
    pub fn endpoints(&self, tenant: &Tenant) -> Vec<Endpoint> {
        self.post().endpoints(tenant)
    }

    /// How far the journal was read for notifications, until now.
    pub fn journal_read_to(&self) -> Position {
        self.post().read_to()
    }

    /// Of all subscriptions since this process began, with what was known of them before.
    pub fn total(&self) -> Account {
        self.post().total()
    }

    pub(crate) fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The deliveries that are under way, to be broken off when their subscription ends.
    pub(crate) fn under_way(&self) -> MutexGuard<'_, HashMap<Ticket, AbortHandle>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let range = DocumentRange::all(TENANTS, &Tenant::default());
        let names = self.store.documents(&range).await?;
        let mut tenants = vec![Tenant::default()];
        let named = names.iter().filter_map(|(name, _)| Tenant::parse(name).ok());
        tenants.extend(named.filter(|tenant| !tenant.is_default()));
        Ok(tenants)
    }

    pub(crate) async fn state(&self, key: &Key) -> Result<Option<State>, StoreError> {
        let key = document(STATES, &key.tenant, key.id.as_str());
        let bytes = self.store.document(&key).await?;
        Ok(bytes.as_deref().and_then(State::from_bytes))
    }

    pub(crate) async fn put_state(&self, key: &Key, state: &State) -> Result<(), StoreError> {
        self.put(STATES, &key.tenant, key.id.as_str(), Some(state.to_bytes())).await
    }

    /// How far the journal was read, as of when that was written down.
    pub(crate) async fn read_to(&self) -> Result<Position, StoreError> {
        let bytes = self.store.document(&document(READ_TO, &Tenant::default(), "")).await?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(Position(text.and_then(|text| text.parse().ok()).unwrap_or_default()))
    }

    pub(crate) async fn put_read_to(&self, position: Position) -> Result<(), StoreError> {
        let text = position.0.to_string().into_bytes();
        self.put(READ_TO, &Tenant::default(), "", Some(text)).await?;
        self.written_to.store(position.0, Ordering::Relaxed);
        Ok(())
    }

    /// Would a restart read much again that concerns nobody?
    pub(crate) fn has_read_far(&self, position: Position) -> bool {
        position.0 >= self.written_to.load(Ordering::Relaxed) + READ_AGAIN_MAX
    }

    pub(crate) async fn put(
        &self,
        kind: &'static str,
        tenant: &Tenant,
        name: &str,
        bytes: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.store.put_document(document(kind, tenant, name), bytes).await
    }

    pub(crate) fn journal_end(&self) -> Position {
        *self.store.journal_end().borrow()
    }

    async fn counts(&self) -> Result<&Mutex<HashMap<Tenant, usize>>, StoreError> {
        self.counts
            .get_or_try_init(|| async {
                let mut counts = HashMap::new();
                for tenant in self.tenants().await? {
                    let count = self.records(&tenant).await?.len();
                    counts.insert(tenant, count);
                }
                Ok(Mutex::new(counts))
            })
            .await
    }

    fn quotas(&self) -> MutexGuard<'_, HashMap<Tenant, usize>> {
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many subscriptions a tenant has.
    pub async fn count(&self, tenant: &Tenant) -> Result<usize, StoreError> {
        let counts = self.counts().await?.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(counts.get(tenant).copied().unwrap_or_default())
    }

    fn set_count(&self, tenant: &Tenant, count: usize) {
        if let Some(counts) = self.counts.get() {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.insert(tenant.clone(), count);
        }
    }
}

pub(crate) fn document(kind: &'static str, tenant: &Tenant, name: &str) -> DocumentKey {
    DocumentKey { kind, tenant: tenant.clone(), name: name.to_owned() }
}

impl std::fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriptions").field("settings", &self.settings).finish_non_exhaustive()
    }
}
