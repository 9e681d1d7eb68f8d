//! The contexts that are stored for one tenant (clause 5.13.1).
//!
//! What is known of each stands in memory; the texts are read when a context is compiled or
//! served. On disk each is two documents: its text, written first, and its record.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use broker::{Broker, BrokerError, Document};
use model::{Tenant, Timestamp};
use sha2::{Digest, Sha256};

use super::record::{Kind, Record, VERSION};

const RECORDS: &str = "ngsi-ld-context";
const TEXTS: &str = "ngsi-ld-context-text";

/// What a hosted context is reached under.
pub(crate) const CONTEXTS_PATH: &str = "/ngsi-ld/v1/jsonldContexts/";

/// How often, in microseconds, the use of a context is written down at most.
const USAGE_INTERVAL: i64 = 60 * 1_000_000;

/// Stands for "never" and "not yet".
const NEVER: i64 = i64::MAX;

pub(crate) struct Shelf {
    broker: Arc<Broker>,
    tenant: Tenant,
    /// By local id.
    entries: RwLock<HashMap<String, Arc<Entry>>>,
}

/// What is known of one stored context.
#[derive(Debug)]
pub(crate) struct Entry {
    pub id: String,
    pub kind: Kind,
    /// Where it was downloaded from.
    pub url: Option<String>,
    pub created_at: Timestamp,
    expires_at: AtomicI64,
    hits: AtomicU64,
    last_usage: AtomicI64,
    usage_written: AtomicI64,
    gone: AtomicBool,
}

impl Entry {
    pub fn new(
        id: String,
        kind: Kind,
        url: Option<String>,
        now: Timestamp,
        expires_at: Option<Timestamp>,
    ) -> Entry {
        Entry {
            id,
            kind,
            url,
            created_at: now,
            expires_at: AtomicI64::new(expires_at.map_or(NEVER, |at| at.0)),
            hits: AtomicU64::new(0),
            last_usage: AtomicI64::new(NEVER),
            usage_written: AtomicI64::new(now.0),
            gone: AtomicBool::new(false),
        }
    }

    fn from_record(id: String, record: Record) -> Entry {
        let created_at = Timestamp(record.created_at);
        let expires_at = record.expires_at.map(Timestamp);
        let entry = Entry::new(id, record.kind, record.url, created_at, expires_at);
        entry.hits.store(record.hits, Ordering::Relaxed);
        entry.last_usage.store(record.last_usage.unwrap_or(NEVER), Ordering::Relaxed);
        entry.usage_written.store(record.last_usage.unwrap_or(created_at.0), Ordering::Relaxed);
        entry
    }

    fn record(&self) -> Record {
        Record {
            version: VERSION,
            kind: self.kind,
            url: self.url.clone(),
            created_at: self.created_at.0,
            expires_at: self.expires_at().map(|at| at.0),
            hits: self.hits(),
            last_usage: self.last_usage().map(|at| at.0),
        }
    }

    pub fn expires_at(&self) -> Option<Timestamp> {
        moment(&self.expires_at)
    }

    pub fn last_usage(&self) -> Option<Timestamp> {
        moment(&self.last_usage)
    }

    /// How many requests used it.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Is it still stored, and fresh?
    pub fn is_usable(&self, now: Timestamp) -> bool {
        !self.gone.load(Ordering::Relaxed) && now.0 < self.expires_at.load(Ordering::Relaxed)
    }

    /// Counts a use; tells whether it is time to write that down.
    pub fn note_use(&self, now: Timestamp) -> bool {
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.last_usage.store(now.0, Ordering::Relaxed);
        let written = self.usage_written.load(Ordering::Relaxed);
        now.0.saturating_sub(written) > USAGE_INTERVAL
            && self
                .usage_written
                .compare_exchange(written, now.0, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// A stale copy serves a little longer, where a new one cannot be had.
    pub fn extend(&self, until: Timestamp) {
        self.expires_at.store(until.0, Ordering::Relaxed);
    }

    fn take_usage_from(&self, old: &Entry) {
        self.hits.store(old.hits(), Ordering::Relaxed);
        self.last_usage.store(old.last_usage.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

fn moment(at: &AtomicI64) -> Option<Timestamp> {
    let at = at.load(Ordering::Relaxed);
    (at != NEVER).then_some(Timestamp(at))
}

impl Shelf {
    pub(super) async fn read(
        broker: Arc<Broker>,
        tenant: Tenant,
    ) -> Result<Arc<Shelf>, BrokerError> {
        let records = broker.all_kept(RECORDS, &tenant).await?;
        let entries = records.into_iter().filter_map(|(id, bytes)| {
            // A record in a form of the future, or none at all, is left alone.
            let record: Record = serde_json::from_slice(&bytes).ok()?;
            let known = record.version == VERSION;
            known.then(|| (id.clone(), Arc::new(Entry::from_record(id, record))))
        });
        let entries = RwLock::new(entries.collect());
        Ok(Arc::new(Shelf { broker, tenant, entries }))
    }

    fn entries(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<Entry>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries_mut(&self) -> RwLockWriteGuard<'_, HashMap<String, Arc<Entry>>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// All entries, the oldest first.
    pub fn all(&self) -> Vec<Arc<Entry>> {
        let mut all: Vec<Arc<Entry>> = self.entries().values().cloned().collect();
        all.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        all
    }

    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// By local id, by the URL it was downloaded from, or by the URL under which it is served.
    pub fn find(&self, named: &str) -> Option<Arc<Entry>> {
        let entries = self.entries();
        let id = named.split_once(CONTEXTS_PATH).map_or(named, |(_, id)| id);
        let found = entries.get(id).filter(|entry| id == named || entry.kind != Kind::Cached);
        let found = found.or_else(|| entries.values().find(|e| e.url.as_deref() == Some(named)));
        found.cloned()
    }

    /// The least recently used one of a kind.
    pub fn least_used(&self, kind: Kind) -> Option<Arc<Entry>> {
        let entries = self.entries();
        let of_kind = entries.values().filter(|entry| entry.kind == kind);
        of_kind.min_by_key(|entry| entry.last_usage().unwrap_or(entry.created_at)).cloned()
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.entries().values().filter(|entry| entry.kind == kind).count()
    }

    pub async fn text(&self, entry: &Entry) -> Result<Option<Vec<u8>>, BrokerError> {
        self.broker.kept(self.document(TEXTS, entry)).await
    }

    /// Stores a context; one with the same id gives way to it, and leaves it its usage.
    pub async fn put(&self, entry: Entry, text: Vec<u8>) -> Result<Arc<Entry>, BrokerError> {
        if let Some(old) = self.entries().get(&entry.id) {
            entry.take_usage_from(old);
        }
        self.broker.keep(self.document(TEXTS, &entry), Some(text)).await?;
        self.write_record(&entry).await?;
        let entry = Arc::new(entry);
        let old = self.entries_mut().insert(entry.id.clone(), entry.clone());
        if let Some(old) = old {
            old.gone.store(true, Ordering::Relaxed);
        }
        Ok(entry)
    }

    pub async fn remove(&self, entry: &Entry) -> Result<(), BrokerError> {
        self.broker.keep(self.document(RECORDS, entry), None).await?;
        self.broker.keep(self.document(TEXTS, entry), None).await?;
        entry.gone.store(true, Ordering::Relaxed);
        self.entries_mut().remove(&entry.id);
        Ok(())
    }

    pub async fn write_record(&self, entry: &Entry) -> Result<(), BrokerError> {
        let bytes = serde_json::to_vec(&entry.record()).unwrap_or_default();
        self.broker.keep(self.document(RECORDS, entry), Some(bytes)).await
    }

    /// The id of a context that was made for an answer: the same for the same context.
    pub fn implicit_id(json: &str) -> String {
        local_id(Kind::ImplicitlyCreated, json)
    }

    fn document(&self, kind: &'static str, entry: &Entry) -> Document {
        Document { tenant: self.tenant.clone(), kind, name: entry.id.clone() }
    }

    /// An id that nothing stored has, from what makes the context what it is.
    pub fn new_id(&self, kind: Kind, content: &str, now: Timestamp) -> String {
        let mut attempt = 0_u32;
        loop {
            let id = local_id(kind, &format!("{now} {attempt} {content}"));
            if !self.entries().contains_key(&id) {
                return id;
            }
            attempt += 1;
        }
    }
}

/// A URI that stands for one content and kind.
pub(super) fn local_id(kind: Kind, content: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::new().chain_update(kind.name()).chain_update(content).finalize();
    let mut id = String::from("urn:comity:context:");
    for byte in digest.iter().take(16) {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
