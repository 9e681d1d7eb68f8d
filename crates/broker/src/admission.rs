//! Who may come in at all, asked before a request costs anything.

use model::Tenant;
use policy::{Action, Caller, Request};

use crate::{Broker, BrokerError};

struct Reading<'a>(&'a Tenant);
struct Writing<'a>(&'a Tenant);

impl Request for Reading<'_> {
    const ACTION: Action = Action::Read;

    fn tenant(&self) -> &Tenant {
        self.0
    }
}

impl Request for Writing<'_> {
    const ACTION: Action = Action::Write;

    fn tenant(&self) -> &Tenant {
        self.0
    }
}

impl Broker {
    /// Refuses a caller that could not read anything of this tenant.
    pub fn may_read(&self, caller: &Caller, tenant: &Tenant) -> Result<(), BrokerError> {
        self.policy.permit(caller, Reading(tenant))?;
        Ok(())
    }

    /// Refuses a caller that could not change anything of this tenant.
    pub fn may_write(&self, caller: &Caller, tenant: &Tenant) -> Result<(), BrokerError> {
        self.policy.permit(caller, Writing(tenant))?;
        Ok(())
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
