//! What leaves the platform by itself passes here: where it may be brought, and what of it.

use model::Tenant;
use policy::{HeldBack, Release};

use crate::subscription::{Endpoint, Subscription};

/// The rules of the operator about endpoints.
pub trait Border: Send + Sync {
    /// Refuses an endpoint that nothing may be brought to. Says in the user's words which rule that
    /// is, as far as it can be told before the endpoint is called.
    fn check(&self, endpoint: &Endpoint) -> Result<(), String>;

    /// What of the data of a tenant may go to an endpoint.
    fn release(&self, tenant: &Tenant, endpoint: &Endpoint) -> Release;

    /// Something was held back that a subscriber would have been told.
    fn held_back(&self, subscription: &Subscription, held: &HeldBack, is_all: bool);
}

/// Without rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenBorder;

impl Border for OpenBorder {
    fn check(&self, _: &Endpoint) -> Result<(), String> {
        Ok(())
    }

    fn release(&self, _: &Tenant, _: &Endpoint) -> Release {
        Release::default()
    }

    fn held_back(&self, _: &Subscription, _: &HeldBack, _: bool) {}
}
