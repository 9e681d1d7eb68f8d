//! Reads: one entity, the entities that match, and what types and attributes there are.

use std::sync::Arc;

use model::{Entity, EntityId, Tenant};
use policy::Caller;
use query::Query;
use store::{Answer, Census, Discover, Retrieve};

use crate::{Broker, BrokerError};

impl Broker {
    /// Retrieve Entity (5.7.1).
    pub async fn retrieve(
        &self,
        caller: &Caller,
        tenant: &Tenant,
        id: &EntityId,
    ) -> Result<Option<Arc<Entity>>, BrokerError> {
        let request = Retrieve { tenant: tenant.clone(), id: id.clone() };
        let permitted = self.policy.permit(caller, request)?;
        self.known_tenant(tenant).await?;
        Ok(self.store.retrieve(permitted, self.clock.now()).await?)
    }

    /// Query Entities (5.7.2).
    pub async fn query(&self, caller: &Caller, query: Query) -> Result<Answer, BrokerError> {
        let permitted = self.policy.permit(caller, query)?;
        self.known_tenant(&permitted.request().tenant).await?;
        Ok(self.store.query(permitted, self.clock.now()).await?)
    }

    /// What discovery needs to know (5.7.5 to 5.7.10).
    pub async fn census(&self, caller: &Caller, tenant: &Tenant) -> Result<Census, BrokerError> {
        let permitted = self.policy.permit(caller, Discover { tenant: tenant.clone() })?;
        self.known_tenant(tenant).await?;
        Ok(self.store.census(permitted, self.clock.now()).await?)
    }
}
