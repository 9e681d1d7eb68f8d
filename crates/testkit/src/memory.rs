//! The reference store: everything in memory, every answer by looking at everything.
//!
//! Obviously right rather than fast. What a store promises in prose, this one says in code.

mod chronicle;
mod documents;
mod evolutions;
mod pages;
mod past;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use model::{Change, Entity, HistoryChange, Tenant, Timestamp};
use policy::Permitted;
use query::Query;
use store::contract::Home;
use store::{
    Answer, Census, Chronicled, CommitError, Committed, Discover, DocumentKey, DocumentRange,
    HistoryAnswer, HistoryError, JournalError, Position, QueryHistory, Recorded, Retrieve,
    RetrieveHistory, Store, StoreError,
};

use tokio::sync::watch;

use documents::Documents;
use state::State;

/// Clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    documents: Arc<Mutex<Documents>>,
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn documents(&self) -> MutexGuard<'_, Documents> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(
        &self,
        changes: Vec<Permitted<Change>>,
        now: Timestamp,
    ) -> Vec<Result<Committed, CommitError>> {
        let mut state = self.state();
        changes.into_iter().map(|change| state.commit(change, now)).collect()
    }

    async fn retrieve(
        &self,
        request: Permitted<Retrieve>,
        now: Timestamp,
    ) -> Result<Option<Arc<Entity>>, StoreError> {
        let (Retrieve { tenant, id }, rights) = request.into_parts();
        Ok(self.state().seen(&tenant, &rights, now).remove(&id))
    }

    async fn query(&self, request: Permitted<Query>, now: Timestamp) -> Result<Answer, StoreError> {
        let (query, rights) = request.into_parts();
        let seen = self.state().seen(&query.tenant, &rights, now);
        Ok(pages::answer(&query, seen))
    }

    async fn chronicle(
        &self,
        changes: Vec<Permitted<HistoryChange>>,
        now: Timestamp,
    ) -> Vec<Result<Chronicled, CommitError>> {
        let mut state = self.state();
        changes.into_iter().map(|change| state.chronicle(change, now)).collect()
    }

    async fn evolution(
        &self,
        request: Permitted<RetrieveHistory>,
        now: Timestamp,
    ) -> Result<Option<HistoryAnswer>, HistoryError> {
        let (RetrieveHistory { tenant, id, readings }, rights) = request.into_parts();
        let state = self.state();
        let past = state.pasts(&tenant, &rights, now).find(|past| past.header.id == id);
        past.map(|past| past::of_one(&past, &readings)).transpose()
    }

    async fn history(
        &self,
        request: Permitted<QueryHistory>,
        now: Timestamp,
    ) -> Result<HistoryAnswer, HistoryError> {
        let (request, rights) = request.into_parts();
        past::of_many(self.state().pasts(&request.tenant, &rights, now), &request)
    }

    async fn census(
        &self,
        request: Permitted<Discover>,
        now: Timestamp,
    ) -> Result<Census, StoreError> {
        let (Discover { tenant }, rights) = request.into_parts();
        if rights.are_all() {
            return Ok(Census::of(self.state().stored(&tenant)));
        }
        Ok(Census::of(self.state().seen(&tenant, &rights, now).values()))
    }

    fn limit_entities(&self, tenant: &Tenant, max: Option<u64>) {
        self.state().limit_entities(tenant, max);
    }

    async fn has_tenant(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        Ok(tenant.is_default() || self.state().has_tenant(tenant))
    }

    async fn journal(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        Ok(self.state().journal(after, limit))
    }

    fn journal_end(&self) -> watch::Receiver<Position> {
        self.state().journal_end()
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(self.state().sweep(now, limit))
    }

    async fn put_document(
        &self,
        key: DocumentKey,
        document: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.documents().put(key, document);
        Ok(())
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.documents().get(key))
    }

    async fn documents(&self, range: &DocumentRange) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        Ok(self.documents().within(range))
    }
}

/// Keeps a [`MemoryStore`] over restarts, as a disk would.
#[derive(Debug, Default)]
pub struct MemoryHome(MemoryStore);

#[async_trait]
impl Home for MemoryHome {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }
}
