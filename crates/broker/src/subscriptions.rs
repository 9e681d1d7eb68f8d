//! Subscriptions: make, read, change and end them (clause 5.8). The record of one is what its door
//! wants back, and nobody else reads it.

use std::sync::Arc;

use model::Tenant;
use policy::Caller;
use subscriptions::{Account, Key, SubscribeError, Subscription, Subscriptions};

use crate::{Broker, BrokerError};

impl Broker {
    /// All subscriptions, for those who tell subscribers what they want to know.
    pub fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.subscriptions
    }

    /// Create Subscription (5.8.1); the first one of a tenant creates it.
    pub async fn create_subscription(
        &self,
        caller: &Caller,
        subscription: Subscription,
        record: Vec<u8>,
    ) -> Result<(), BrokerError> {
        self.may_write(caller, &subscription.key.tenant)?;
        let now = self.clock.now();
        let made = self.subscriptions.create(subscription, record, now).await;
        made.map_err(refused)
    }

    /// Update Subscription (5.8.2), where its record still is `seen`; tells whether it was.
    pub async fn update_subscription(
        &self,
        caller: &Caller,
        subscription: Subscription,
        seen: &[u8],
        record: Vec<u8>,
    ) -> Result<bool, BrokerError> {
        self.may_write(caller, &subscription.key.tenant)?;
        let now = self.clock.now();
        self.subscriptions.replace(subscription, seen, record, now).await.map_err(refused)
    }

    /// Retrieve Subscription (5.8.3).
    pub async fn subscription(
        &self,
        caller: &Caller,
        key: &Key,
    ) -> Result<Option<Vec<u8>>, BrokerError> {
        self.may_read(caller, &key.tenant)?;
        self.known_tenant(&key.tenant).await?;
        Ok(self.subscriptions.record(key).await?)
    }

    /// Query Subscriptions (5.8.4): the records of all, by id.
    pub async fn all_subscriptions(
        &self,
        caller: &Caller,
        tenant: &Tenant,
    ) -> Result<Vec<(String, Vec<u8>)>, BrokerError> {
        self.may_read(caller, tenant)?;
        self.known_tenant(tenant).await?;
        Ok(self.subscriptions.records(tenant).await?)
    }

    /// Delete Subscription (5.8.5); tells whether there was one.
    pub async fn delete_subscription(
        &self,
        caller: &Caller,
        key: &Key,
    ) -> Result<bool, BrokerError> {
        self.may_write(caller, &key.tenant)?;
        self.known_tenant(&key.tenant).await?;
        Ok(self.subscriptions.delete(key, self.clock.now()).await?)
    }

    /// What became of the notifications of a subscription.
    pub fn account(&self, key: &Key) -> Account {
        self.subscriptions.account(key)
    }
}

fn refused(error: SubscribeError) -> BrokerError {
    match error {
        SubscribeError::Store(error) => BrokerError::Store(error),
        other => BrokerError::Subscribe(other),
    }
}
