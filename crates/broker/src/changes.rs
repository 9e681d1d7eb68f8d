//! Changes: one, many, and all that a query finds (clause 5.6).

use model::{Change, EntityId, Operation, Tenant};
use policy::{Caller, Permitted};
use query::{Direction, Filter, OrderBy, OrderKey, Page, Query};
use store::{CommitError, Committed};

use crate::{Broker, BrokerError};

/// What became of one change of a batch.
pub type Outcome = Result<Committed, CommitError>;

/// Delete Entity, or some attributes, of all entities that match (5.6.21).
#[derive(Clone, Debug)]
pub struct Purge {
    pub tenant: Tenant,
    pub filter: Filter,
    /// What is done to each: `Delete`, `Drop` or `Retain`.
    pub operation: Operation,
}

/// What a purge came to.
#[derive(Clone, Debug, Default)]
pub struct Purged {
    pub done: Vec<EntityId>,
    pub failed: Vec<(EntityId, CommitError)>,
}

/// How many entities a purge reads and changes at a time.
const PURGE_PAGE: usize = 500;

impl Broker {
    /// Makes one change. Only changes that can create an entity create a tenant.
    pub async fn change(&self, caller: &Caller, change: Change) -> Result<Committed, BrokerError> {
        let permitted = self.policy.permit(caller, change)?;
        self.prepare_tenant(&permitted).await?;
        let mut outcomes = self.store.commit(vec![permitted], self.clock.now()).await;
        match outcomes.pop() {
            Some(outcome) => Ok(outcome?),
            None => Err(BrokerError::Store(store::StoreError::Unavailable(
                std::io::Error::other("no answer to a commit").into(),
            ))),
        }
    }

    /// Makes each change alone; one that fails leaves the others alone. Answers in order.
    /// All changes are of one tenant and may be made by the caller, or none is made.
    pub async fn change_all(
        &self,
        caller: &Caller,
        changes: Vec<Change>,
    ) -> Result<Vec<Outcome>, BrokerError> {
        let permitted = changes
            .into_iter()
            .map(|change| self.policy.permit(caller, change))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = permitted.iter().find(|one| !creates(one)).or(permitted.first()) {
            self.prepare_tenant(first).await?;
        }
        Ok(self.store.commit(permitted, self.clock.now()).await)
    }

    async fn prepare_tenant(&self, change: &Permitted<Change>) -> Result<(), BrokerError> {
        if creates(change) { Ok(()) } else { self.known_tenant(&change.request().tenant).await }
    }

    /// Purge Entities (5.6.21), page by page; only the ids of what is done are held.
    pub async fn purge(&self, caller: &Caller, purge: Purge) -> Result<Purged, BrokerError> {
        self.may_write(caller, &purge.tenant)?;
        self.known_tenant(&purge.tenant).await?;
        let mut purged = Purged::default();
        // By id, so that a change which moves an entity among the others has none passed over.
        let mut last = EntityId::first();
        loop {
            let after = Filter::IdsAfter(last);
            let query = Query {
                page: Page { offset: 0, limit: PURGE_PAGE },
                order: vec![OrderBy { key: OrderKey::Id, direction: Direction::Ascending }],
                ..Query::of(purge.tenant.clone(), Filter::All(vec![after, purge.filter.clone()]))
            };
            let answer = self.query(caller, query).await?;
            let ids: Vec<EntityId> = answer.entities.iter().map(|e| e.id.detached()).collect();
            let changes = ids.iter().map(|id| Change {
                tenant: purge.tenant.clone(),
                id: id.clone(),
                types: None,
                operation: purge.operation.clone(),
            });
            let outcomes = self.change_all(caller, changes.collect()).await?;
            last = ids.last().cloned().unwrap_or_else(EntityId::first);
            for (id, outcome) in ids.into_iter().zip(outcomes) {
                match outcome {
                    Ok(_) => purged.done.push(id),
                    Err(error) => purged.failed.push((id, error)),
                }
            }
            if !answer.more {
                return Ok(purged);
            }
        }
    }
}

fn creates(change: &Permitted<Change>) -> bool {
    matches!(
        change.request().operation,
        Operation::Create(_) | Operation::CreateOrReplace(_) | Operation::CreateOrAppend(_)
    )
}
