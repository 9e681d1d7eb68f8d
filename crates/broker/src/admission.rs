//! Who may come in at all, asked before a request costs anything.

use model::Tenant;
use policy::{Action, Caller};

use crate::{Broker, BrokerError};

const WRITES: [Action; 3] = [Action::Create, Action::Delete, Action::Update];

impl Broker {
    /// Refuses a caller that could not read anything of this tenant.
    pub fn may_read(&self, caller: &Caller, tenant: &Tenant) -> Result<(), BrokerError> {
        Ok(self.policy.check(caller, &[Action::Read], tenant)?)
    }

    /// Refuses a caller that could not change anything of this tenant.
    pub fn may_write(&self, caller: &Caller, tenant: &Tenant) -> Result<(), BrokerError> {
        Ok(self.policy.check(caller, &WRITES, tenant)?)
    }

    /// Refuses a caller that may not look after the platform in this tenant.
    pub fn may_administer(&self, caller: &Caller, tenant: &Tenant) -> Result<(), BrokerError> {
        Ok(self.policy.check(caller, &[Action::Administer], tenant)?)
    }

    /// May the caller see everything of this tenant? Who may not is kept from what others made, for
    /// it could learn from that what it may not see.
    pub fn sees_all(&self, caller: &Caller, tenant: &Tenant) -> bool {
        self.policy.read_rights(caller, tenant).is_ok_and(|rights| rights.are_all())
    }

    /// Refuses a tenant for which nothing was ever written (clause 5.5.10).
    pub async fn known_tenant(&self, tenant: &Tenant) -> Result<(), BrokerError> {
        if tenant.is_default()
            || self.store.has_tenant(tenant).await?
            || self.subscriptions.has(tenant).await?
        {
            Ok(())
        } else {
            Err(BrokerError::UnknownTenant(tenant.clone()))
        }
    }
}
