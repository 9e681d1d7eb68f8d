//! The promise of `store::Store`, kept by one directory.

use std::fs::File;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use keyring::{Domain, Keyring};
use model::{Change, Entity, HistoryChange, Tenant, Timestamp};
use policy::{Permitted, Rights};
use query::{Filter, Page, Query};
use store::{
    Answer, Census, Chronicled, CommitError, Committed, Discover, DocumentKey, DocumentRange,
    HistoryAnswer, HistoryError, JournalError, Position, QueryHistory, Recorded, Retained,
    Retention, Retrieve, RetrieveHistory, Store, StoreError,
};
use tokio::sync::{oneshot, watch};

use crate::committer::{Committer, Job};
use crate::error::OpenError;
use crate::history;
use crate::journal::{Record, RecordReader};
use crate::names::NameId;
use crate::open::{Opening, open};
use crate::run;
use crate::settings::EmbeddedSettings;
use crate::shared::{Shared, document_key, unreadable};
use crate::tables::{Table, after_prefix};
use crate::tenants;

const CENSUS_SETTING: &str = "census_entities_max";

/// A store in one directory. Dropped or closed, it finishes its work first.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    committer: Committer,
    /// Held open so that no other process takes the directory.
    _lock: File,
}

impl EmbeddedStore {
    /// Opens a directory, or makes one; reads the journal from the last checkpoint.
    pub fn open(settings: EmbeddedSettings) -> Result<(EmbeddedStore, Opening), OpenError> {
        let opened = open(settings)?;
        let directory = opened.shared.settings.directory.clone();
        let committer = Committer::start(opened.shared.clone(), opened.journal, opened.checkpoint)
            .map_err(|error| OpenError::io(&directory, error))?;
        let store = EmbeddedStore { shared: opened.shared, committer, _lock: opened.lock };
        Ok((store, opened.opening))
    }

    /// Finishes what was handed over and writes everything to the tables, so that the next
    /// opening is quick. Further changes are refused.
    pub fn close(&self) {
        self.committer.stop();
    }

    /// Writes everything to the tables, and all of history into chunks, as happens by itself with
    /// time: for the end of a large import.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.submit(|answer| Job::WriteOut { answer }).await??;
        let shared = self.shared.clone();
        let merged = tokio::task::spawn_blocking(move || history::merge_all(&shared)).await;
        merged.map_err(|error| StoreError::from(std::io::Error::other(error)))?
    }

    /// Removes history that the rules no longer keep, and gives its space back. What is recent is
    /// merged before, for a correction that is not yet in its chunk must not come too late.
    pub async fn retain(
        &self,
        retention: Retention,
        now: Timestamp,
    ) -> Result<Retained, StoreError> {
        self.settle().await?;
        let shared = self.shared.clone();
        let pass = tokio::task::spawn_blocking(move || {
            let stopping = || shared.stopping.load(Ordering::Relaxed);
            let go_on =
                || if stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            history::retain(&shared, &retention, now, go_on)
        });
        pass.await.map_err(|error| StoreError::from(std::io::Error::other(error)))?
    }

    /// Destroys the keys of a tenant, on disk when this returns: from then on it is as if the tenant
    /// had never been, and nobody can read what lies of it on the disk. Tells whether there was such a
    /// tenant. Refused where encryption is off.
    ///
    /// Not reached: what was written while encryption was off, and copies of the file of keys made
    /// before, as in backups.
    pub async fn shred(&self, tenant: Tenant) -> Result<bool, StoreError> {
        self.submit(|answer| Job::Shred { tenant, answer }).await?
    }

    /// Is what is written encrypted?
    pub fn is_encrypting(&self) -> bool {
        self.shared.encryption.is_on()
    }

    /// The keys of the directory, where it is encrypted.
    pub fn keyring(&self) -> Option<&Arc<Keyring>> {
        self.shared.encryption.keyring()
    }

    /// The tenant of a domain, shredded or not.
    pub fn tenant_of(&self, domain: Domain) -> Option<Tenant> {
        let tenant = domain.checked_sub(1).map(NameId)?;
        tenants::tenant_of(&self.shared.names, tenant)
    }

    /// A census of what a caller sees: by looking at it, and only at so much.
    fn counted(
        &self,
        tenant: Tenant,
        rights: &Rights,
        now: Timestamp,
    ) -> Result<Census, StoreError> {
        let limit = self.shared.settings.census_entities_max;
        let page = Page { offset: 0, limit };
        let all = Query { page, ..Query::of(tenant, Filter::Everything) };
        let seen = run::run(&self.shared, &all, rights, now)?;
        if seen.more {
            let (things, setting) = ("entities for a caller who may not see all", CENSUS_SETTING);
            return Err(StoreError::TooComplex { limit, things, setting });
        }
        Ok(Census::of(&seen.entities))
    }

    async fn submit<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<T>) -> Job,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.committer.send(job(answer)).await?;
        answered.await.map_err(|_| std::io::Error::other("the store stopped").into())
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn commit(
        &self,
        changes: Vec<Permitted<Change>>,
        now: Timestamp,
    ) -> Vec<Result<Committed, CommitError>> {
        let count = changes.len();
        let outcomes = self.submit(|answer| Job::Commit { changes, now, answer }).await;
        outcomes.unwrap_or_else(|error| vec![Err(CommitError::Store(error)); count])
    }

    async fn retrieve(
        &self,
        request: Permitted<Retrieve>,
        now: Timestamp,
    ) -> Result<Option<Arc<Entity>>, StoreError> {
        let (Retrieve { tenant, id }, rights) = request.into_parts();
        let Some(tenant) = self.shared.tenant(&tenant) else { return Ok(None) };
        let Some(number) = self.shared.number(tenant, &id)? else { return Ok(None) };
        let Some(stored) = self.shared.stored(number)? else { return Ok(None) };
        let entity = stored.alive(now, &self.shared.names)?;
        Ok(entity.and_then(|entity| rights.view(entity)))
    }

    async fn query(&self, request: Permitted<Query>, now: Timestamp) -> Result<Answer, StoreError> {
        let (query, rights) = request.into_parts();
        run::run(&self.shared, &query, &rights, now)
    }

    async fn chronicle(
        &self,
        changes: Vec<Permitted<HistoryChange>>,
        now: Timestamp,
    ) -> Vec<Result<Chronicled, CommitError>> {
        let count = changes.len();
        let outcomes = self.submit(|answer| Job::Chronicle { changes, now, answer }).await;
        outcomes.unwrap_or_else(|error| vec![Err(error.into()); count])
    }

    async fn evolution(
        &self,
        request: Permitted<RetrieveHistory>,
        now: Timestamp,
    ) -> Result<Option<HistoryAnswer>, HistoryError> {
        let (RetrieveHistory { tenant, id, readings }, rights) = request.into_parts();
        let Some(tenant) = self.shared.tenant(&tenant) else { return Ok(None) };
        let shared = self.shared.clone();
        aside(move || history::evolution(&shared, tenant, &id, &readings, &rights, now)).await
    }

    async fn history(
        &self,
        request: Permitted<QueryHistory>,
        now: Timestamp,
    ) -> Result<HistoryAnswer, HistoryError> {
        let (query, rights) = request.into_parts();
        match self.shared.tenant(&query.tenant) {
            Some(tenant) => {
                let shared = self.shared.clone();
                aside(move || history::query(&shared, tenant, &query, &rights, now)).await
            }
            None => {
                let total = query.count.then_some(0);
                Ok(HistoryAnswer { total, ..HistoryAnswer::default() })
            }
        }
    }

    async fn census(
        &self,
        request: Permitted<Discover>,
        now: Timestamp,
    ) -> Result<Census, StoreError> {
        let (Discover { tenant }, rights) = request.into_parts();
        if !rights.are_all() {
            return self.counted(tenant, &rights, now);
        }
        let Some(tenant) = self.shared.tenant(&tenant) else { return Ok(Census::default()) };
        let counts = self.shared.counts.read().unwrap_or_else(PoisonError::into_inner);
        Ok(counts.census(tenant, &self.shared.names))
    }

    fn limit_entities(&self, tenant: &Tenant, max: Option<u64>) {
        let limits = self.shared.entities_max.write();
        let mut limits = limits.unwrap_or_else(PoisonError::into_inner);
        match max {
            Some(max) => limits.insert(tenant.clone(), max),
            None => limits.remove(tenant),
        };
    }

    async fn has_tenant(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        Ok(tenant.is_default() || self.shared.known_tenant(tenant).is_some())
    }

    async fn journal(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        let (end, _) = self.shared.end();
        let mut events = Vec::new();
        let gone = self.shared.reader.read(after, end, |frame| {
            let mut position = frame.first_position;
            for section in frame.sections(&self.shared.encryption) {
                let section = section?;
                let next_position = position + u64::from(section.events);
                for record in RecordReader::new(&section.records.unwrap_or_default()) {
                    if let Record::Event(event) = record.map_err(|error| error.to_string())? {
                        if position > after.0 && events.len() < limit {
                            let event = event.read(&self.shared.names);
                            let event = Arc::new(event.map_err(|error| error.to_string())?);
                            events.push(Recorded { position: Position(position), event });
                        }
                        position += 1;
                    }
                }
                position = next_position;
            }
            let last = events.last().map(|recorded: &Recorded| recorded.position);
            Ok(last.filter(|_| events.len() >= limit))
        });
        match gone.map_err(StoreError::from)? {
            Some(first) => Err(JournalError::Gone { first }),
            None => Ok(events),
        }
    }

    fn journal_end(&self) -> watch::Receiver<Position> {
        self.shared.ended.subscribe()
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut entities = Vec::new();
        for number in self.shared.expired(now, limit)? {
            if let Some(stored) = self.shared.stored(number)? {
                let id = stored.read(&self.shared.names)?.id;
                entities.push((stored.tenant()?, id));
            }
        }
        entities.dedup();
        if entities.is_empty() {
            return Ok(0);
        }
        self.submit(|answer| Job::Expire { entities, now, answer }).await?
    }

    async fn put_document(
        &self,
        key: DocumentKey,
        document: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.submit(|answer| Job::Document { key, document, answer }).await?
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(tenant) = self.shared.tenant(&key.tenant) else { return Ok(None) };
        let key = document_key(tenant, key.kind, &key.name);
        let document = self.shared.tables.get(Table::Documents, &key);
        Ok(document.map_err(unreadable)?.map(|document| document.to_vec()))
    }

    async fn documents(&self, range: &DocumentRange) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let Some(tenant) = self.shared.tenant(&range.tenant) else { return Ok(Vec::new()) };
        let key = |name: &str| document_key(tenant, range.kind, name);
        let (beginning, prefix) = (key(""), key(&range.prefix));
        // Nothing stands between a name and the same with a zero behind it.
        let after = range.after.as_ref().map(|name| key(&format!("{name}\0")));
        let from = after.filter(|after| prefix < *after).unwrap_or_else(|| prefix.clone());
        let to = after_prefix(&prefix);
        let entries = self.shared.tables.scan(Table::Documents, from.min(to.clone()), to);
        let documents = entries.take(range.limit).map(|entry| {
            let (key, document) = entry.map_err(unreadable)?;
            let name = String::from_utf8_lossy(&key[beginning.len()..]).into_owned();
            Ok((name, document.to_vec()))
        });
        documents.collect()
    }
}

/// Does what may take long on a thread where others do not wait for it.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HistoryError> + Send + 'static,
) -> Result<T, HistoryError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::from(std::io::Error::other(error)))?
}
