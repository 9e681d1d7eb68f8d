//! The evolutions of entities: changed and read (clauses 5.6.11 to 5.6.16, 5.7.3 and 5.7.4).

use model::{HistoryChange, HistoryOperation};
use policy::Caller;
use store::{Chronicled, CommitError, HistoryAnswer, QueryHistory, RetrieveHistory, StoreError};

use crate::{Broker, BrokerError};

impl Broker {
    /// Makes one change of an evolution. One that can create an evolution creates a tenant, too.
    pub async fn chronicle(
        &self,
        caller: &Caller,
        change: HistoryChange,
    ) -> Result<Chronicled, BrokerError> {
        let permitted = self.policy.permit(caller, change)?;
        let change = permitted.request();
        if !matches!(change.operation, HistoryOperation::Upsert(_)) {
            self.known_tenant(&change.tenant).await?;
        }
        let mut outcomes = self.store.chronicle(vec![permitted], self.clock.now()).await;
        match outcomes.pop() {
            Some(outcome) => Ok(outcome?),
            None => Err(BrokerError::Store(StoreError::Unavailable(
                std::io::Error::other("no answer to a change of an evolution").into(),
            ))),
        }
    }

    /// Makes each change alone; one that fails leaves the others alone. Answers in order. All
    /// changes may be made by the caller and can create an evolution, or none is made.
    pub async fn chronicle_all(
        &self,
        caller: &Caller,
        changes: Vec<HistoryChange>,
    ) -> Result<Vec<Result<Chronicled, CommitError>>, BrokerError> {
        let permitted = changes.into_iter().map(|change| self.policy.permit(caller, change));
        let permitted = permitted.collect::<Result<Vec<_>, _>>()?;
        Ok(self.store.chronicle(permitted, self.clock.now()).await)
    }

    /// Retrieve Temporal Evolution of an Entity (5.7.3).
    pub async fn evolution(
        &self,
        caller: &Caller,
        request: RetrieveHistory,
    ) -> Result<Option<HistoryAnswer>, BrokerError> {
        let permitted = self.policy.permit(caller, request)?;
        self.known_tenant(&permitted.request().tenant).await?;
        Ok(self.store.evolution(permitted, self.clock.now()).await?)
    }

    /// Query Temporal Evolution of Entities (5.7.4).
    pub async fn history(
        &self,
        caller: &Caller,
        query: QueryHistory,
    ) -> Result<HistoryAnswer, BrokerError> {
        let permitted = self.policy.permit(caller, query)?;
        self.known_tenant(&permitted.request().tenant).await?;
        Ok(self.store.history(permitted, self.clock.now()).await?)
    }
}
