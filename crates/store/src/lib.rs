//! What any store promises. Questions are answered for who asks: a store narrows them by the rights
//! that come with a [`Permitted`], and lets nothing out but what [`policy::Rights::view`] leaves.

mod answers;
mod census;
#[cfg(feature = "contract")]
pub mod contract;
mod requests;
mod retention;

use std::sync::Arc;

use async_trait::async_trait;
use model::{Change, Entity, HistoryChange, Tenant, Timestamp};
use policy::Permitted;
use query::Query;
use tokio::sync::watch;

pub use answers::{
    Answer, AttributeCount, Census, Chronicled, CommitError, Committed, Evolution, HistoryAnswer,
    HistoryError, JournalError, Plan, Position, Recorded, StoreError, Told,
};
pub use requests::{Discover, DocumentKey, DocumentRange, QueryHistory, Retrieve, RetrieveHistory};
pub use retention::{Kept, Retained, Retention, RetentionRule};

/// Keeps entities, finds them, and tells in which order they changed.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Applies each change alone: entity, index entries, counts and journal event together, or
    /// nothing of it. On disk when this returns. Answers stand in the order of the changes; later
    /// changes of one call see earlier ones. The first write of a tenant creates it.
    async fn commit(
        &self,
        changes: Vec<Permitted<Change>>,
        now: Timestamp,
    ) -> Vec<Result<Committed, CommitError>>;

    /// The entity, without what has expired at `now`.
    async fn retrieve(
        &self,
        request: Permitted<Retrieve>,
        now: Timestamp,
    ) -> Result<Option<Arc<Entity>>, StoreError>;

    /// The entities for which the filter's `matches` holds, in the order asked for, one page of
    /// them; what has expired at `now` is not seen.
    async fn query(&self, request: Permitted<Query>, now: Timestamp) -> Result<Answer, StoreError>;

    /// Applies each change of an evolution alone, as [`Store::commit`] does. A reading with the
    /// moment of another of its attribute and dataset takes its place. What is newer than the
    /// entity says of itself becomes what it says ([`model::Readings::renewed`]), and an entity
    /// comes into being with its evolution.
    async fn chronicle(
        &self,
        changes: Vec<Permitted<HistoryChange>>,
        now: Timestamp,
    ) -> Vec<Result<Chronicled, CommitError>>;

    /// The evolution of one entity, which every commit adds to ([`model::Event::readings`]): with
    /// those readings that are asked for, also of an entity that is gone. Nothing where there is
    /// no evolution.
    async fn evolution(
        &self,
        request: Permitted<RetrieveHistory>,
        now: Timestamp,
    ) -> Result<Option<HistoryAnswer>, HistoryError>;

    /// The evolutions that have readings asked for and for which the filter's `matches` holds:
    /// asked of an entity with all those readings as instances.
    async fn history(
        &self,
        request: Permitted<QueryHistory>,
        now: Timestamp,
    ) -> Result<HistoryAnswer, HistoryError>;

    /// How many entities of each type there are, and what attributes they have. A caller that does
    /// not see everything is told of what it sees at `now`, which is counted for it, and gets no
    /// answer where that is too much.
    async fn census(
        &self,
        request: Permitted<Discover>,
        now: Timestamp,
    ) -> Result<Census, StoreError>;

    /// From now on no change creates an entity where the tenant has that many, expired ones that are
    /// not yet swept among them; nothing is removed because of it. Forgotten at a restart.
    fn limit_entities(&self, tenant: &Tenant, max: Option<u64>);

    /// Has anything ever been written for this tenant? The default tenant always exists.
    async fn has_tenant(&self, tenant: &Tenant) -> Result<bool, StoreError>;

    /// At most `limit` events after `position`, in commit order, without gaps.
    async fn journal(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, JournalError>;

    /// The position of the last event, now and as it moves on: what is up to it can be read from
    /// the journal. Who follows the journal waits here, and not by asking again and again.
    fn journal_end(&self) -> watch::Receiver<Position>;

    /// Removes what has expired, at most `limit` entities; tells how many it touched.
    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Keeps a small document that is not an entity (a context, a key); nothing removes it.
    /// On disk when this returns.
    async fn put_document(
        &self,
        key: DocumentKey,
        document: Option<Vec<u8>>,
    ) -> Result<(), StoreError>;

    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// The documents of a range, by name.
    async fn documents(&self, range: &DocumentRange) -> Result<Vec<(String, Vec<u8>)>, StoreError>;
}
