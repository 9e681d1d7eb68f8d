//! The model-based test, tested: the reference agrees with itself, and a store that errs is found.

use std::sync::Arc;

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
use testkit::model_based::{Cases, check, difference};
use testkit::{MemoryHome, MemoryStore};

#[tokio::test]
async fn the_reference_agrees_with_itself() {
    check(async || MemoryHome::default(), Cases::default()).await;
}

#[tokio::test]
async fn a_store_that_errs_is_found() {
    for (fault, words) in [
        (Fault::ForgetsAtRestart, "in the census"),
        (Fault::SeesWhatHasExpired, "of (default):"),
        (Fault::StartsPagesLate, "in a page, and its piece of the whole"),
        (Fault::LosesEntitiesOfTwoTypes, "in the entities found"),
    ] {
        let erring = async || ErringHome(fault, MemoryStore::default());
        let report = difference(erring, Cases::default()).await.expect("a difference");
        assert!(report.contains(words), "{fault:?}: {report}");
        assert!(report.contains("To see it again: Cases { seed: "), "{report}");
        let steps = report.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        assert!(steps.count() <= 6, "{fault:?} needs six steps at most: {report}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    ForgetsAtRestart,
    SeesWhatHasExpired,
    StartsPagesLate,
    LosesEntitiesOfTwoTypes,
}

struct ErringHome(Fault, MemoryStore);

#[async_trait]
impl Home for ErringHome {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(match self.0 {
            Fault::ForgetsAtRestart => Erring(self.0, MemoryStore::default()),
            fault => Erring(fault, self.1.clone()),
        })
    }
}

#[derive(Debug)]
struct Erring(Fault, MemoryStore);

#[async_trait]
impl Store for Erring {
    async fn commit(
        &self,
        changes: Vec<Permitted<Change>>,
        now: Timestamp,
    ) -> Vec<Result<Committed, CommitError>> {
        self.1.commit(changes, now).await
    }

    async fn retrieve(
        &self,
        request: Permitted<Retrieve>,
        now: Timestamp,
    ) -> Result<Option<Arc<Entity>>, StoreError> {
        let now = if matches!(self.0, Fault::SeesWhatHasExpired) { Timestamp(0) } else { now };
        self.1.retrieve(request, now).await
    }

    async fn query(&self, request: Permitted<Query>, now: Timestamp) -> Result<Answer, StoreError> {
        let late = request.request().page.offset > 0;
        let mut answer = self.1.query(request, now).await?;
        match self.0 {
            Fault::StartsPagesLate if late && !answer.entities.is_empty() => {
                answer.entities.remove(0);
            }
            Fault::LosesEntitiesOfTwoTypes => answer.entities.retain(|e| e.types.len() < 2),
            _ => {}
        }
        Ok(answer)
    }

    async fn chronicle(
        &self,
        changes: Vec<Permitted<HistoryChange>>,
        now: Timestamp,
    ) -> Vec<Result<Chronicled, CommitError>> {
        self.1.chronicle(changes, now).await
    }

    async fn evolution(
        &self,
        request: Permitted<RetrieveHistory>,
        now: Timestamp,
    ) -> Result<Option<HistoryAnswer>, HistoryError> {
        self.1.evolution(request, now).await
    }

    async fn history(
        &self,
        request: Permitted<QueryHistory>,
        now: Timestamp,
    ) -> Result<HistoryAnswer, HistoryError> {
        self.1.history(request, now).await
    }

    async fn census(
        &self,
        request: Permitted<Discover>,
        now: Timestamp,
    ) -> Result<Census, StoreError> {
        self.1.census(request, now).await
    }

    fn limit_entities(&self, tenant: &Tenant, max: Option<u64>) {
        self.1.limit_entities(tenant, max);
    }

    async fn has_tenant(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        self.1.has_tenant(tenant).await
    }

    async fn journal(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        self.1.journal(after, limit).await
    }

    fn journal_end(&self) -> tokio::sync::watch::Receiver<Position> {
        self.1.journal_end()
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.1.sweep(now, limit).await
    }

    async fn put_document(
        &self,
        key: DocumentKey,
        document: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.1.put_document(key, document).await
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.1.document(key).await
    }

    async fn documents(&self, range: &DocumentRange) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.1.documents(range).await
    }
}
