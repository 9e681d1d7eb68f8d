//! A store on a disk that is slow and fails by chance.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use model::{Change, Entity, HistoryChange, Tenant, Timestamp};
use policy::Permitted;
use query::Query;
use store::{
    Answer, Census, Chronicled, CommitError, Committed, Discover, DocumentKey, DocumentRange,
    HistoryAnswer, HistoryError, JournalError, Position, QueryHistory, Recorded, Retrieve,
    RetrieveHistory, Store, StoreError,
};
use testkit::MemoryStore;
use tokio::sync::watch;

use crate::time::Dice;

/// Keeps what is written over crashes of everything else.
#[derive(Debug)]
pub struct Disk {
    /// What is on it, for those who look without a risk.
    pub kept: MemoryStore,
    dice: Dice,
    /// How many operations in a hundred fail.
    failing: AtomicUsize,
    pub faults: AtomicUsize,
    /// The journal begins after this position.
    cut_to: AtomicU64,
    /// Each of those who wait for the end of the journal has a channel alone: one that is shared
    /// wakes them in an order that no seed decides.
    ends: Mutex<Vec<watch::Sender<Position>>>,
}

impl Disk {
    pub fn new(dice: Dice, failing: usize) -> Disk {
        Disk {
            kept: MemoryStore::default(),
            dice,
            failing: AtomicUsize::new(failing),
            faults: AtomicUsize::default(),
            cut_to: AtomicU64::default(),
            ends: Mutex::default(),
        }
    }

    /// From now on it does what it is asked.
    pub fn heal(&self) {
        self.failing.store(0, Ordering::Relaxed);
    }

    /// Cuts the journal back, so that it begins after a position.
    pub fn cut_to(&self, position: Position) {
        self.cut_to.fetch_max(position.0, Ordering::Relaxed);
    }

    pub fn begins_after(&self) -> Position {
        Position(self.cut_to.load(Ordering::Relaxed))
    }

    /// Tells all who wait for it where the journal ends now.
    fn tell_end(&self) {
        let end = *self.kept.journal_end().borrow();
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|sender| sender.receiver_count() > 0);
        for sender in ends.iter() {
            sender.send_replace(end);
        }
    }

    /// Takes a while, and then may fail.
    async fn work(&self) -> Result<(), StoreError> {
        if self.dice.percent(30) {
            tokio::time::sleep(self.dice.millis(20)).await;
        }
        if self.dice.percent(self.failing.load(Ordering::Relaxed)) {
            self.faults.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::Unavailable(Arc::new(io::Error::other("the disk failed"))));
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Disk {
    /// What fails may have been written all the same, and nobody is told.
    async fn commit(
        &self,
        changes: Vec<Permitted<Change>>,
        now: Timestamp,
    ) -> Vec<Result<Committed, CommitError>> {
        let count = changes.len();
        let failed = |error: StoreError| vec![Err(CommitError::Store(error)); count];
        if let Err(error) = self.work().await {
            return failed(error);
        }
        let committed = self.kept.commit(changes, now).await;
        self.tell_end();
        self.work().await.map_or_else(failed, |()| committed)
    }

    async fn retrieve(
        &self,
        request: Permitted<Retrieve>,
        now: Timestamp,
    ) -> Result<Option<Arc<Entity>>, StoreError> {
        self.work().await?;
        self.kept.retrieve(request, now).await
    }

    async fn query(&self, request: Permitted<Query>, now: Timestamp) -> Result<Answer, StoreError> {
        self.work().await?;
        self.kept.query(request, now).await
    }

    async fn chronicle(
        &self,
        changes: Vec<Permitted<HistoryChange>>,
        now: Timestamp,
    ) -> Vec<Result<Chronicled, CommitError>> {
        let count = changes.len();
        match self.work().await {
            Ok(()) => {
                let chronicled = self.kept.chronicle(changes, now).await;
                self.tell_end();
                chronicled
            }
            Err(error) => vec![Err(CommitError::Store(error)); count],
        }
    }

    async fn evolution(
        &self,
        request: Permitted<RetrieveHistory>,
        now: Timestamp,
    ) -> Result<Option<HistoryAnswer>, HistoryError> {
        self.work().await?;
        self.kept.evolution(request, now).await
    }

    async fn history(
        &self,
        request: Permitted<QueryHistory>,
        now: Timestamp,
    ) -> Result<HistoryAnswer, HistoryError> {
        self.work().await?;
        self.kept.history(request, now).await
    }

    async fn census(
        &self,
        request: Permitted<Discover>,
        now: Timestamp,
    ) -> Result<Census, StoreError> {
        self.work().await?;
        self.kept.census(request, now).await
    }

    fn limit_entities(&self, tenant: &Tenant, max: Option<u64>) {
        self.kept.limit_entities(tenant, max);
    }

    async fn has_tenant(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        self.work().await?;
        self.kept.has_tenant(tenant).await
    }

    async fn journal(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        self.work().await?;
        let first = self.begins_after();
        if after < first {
            return Err(JournalError::Gone { first });
        }
        self.kept.journal(after, limit).await
    }

    fn journal_end(&self) -> watch::Receiver<Position> {
        let end = *self.kept.journal_end().borrow();
        let (sender, receiver) = watch::channel(end);
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.work().await?;
        let swept = self.kept.sweep(now, limit).await;
        self.tell_end();
        swept
    }

    async fn put_document(
        &self,
        key: DocumentKey,
        document: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.work().await?;
        self.kept.put_document(key, document).await
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.work().await?;
        self.kept.document(key).await
    }

    async fn documents(&self, range: &DocumentRange) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.work().await?;
        self.kept.documents(range).await
    }
}
