//! A whole platform in memory, for tests of what stands on the broker.

use std::sync::Arc;

use broker::Broker;
use policy::{Caller, Policy, role};

use crate::clock::MovableClock;
use crate::memory::MemoryStore;

/// A broker on an empty [`MemoryStore`], and people who may use it.
#[derive(Debug)]
pub struct Platform {
    pub broker: Arc<Broker>,
    pub store: Arc<MemoryStore>,
    pub clock: Arc<MovableClock>,
    pub admin: Caller,
    pub writer: Caller,
    pub reader: Caller,
}

pub fn platform() -> Platform {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(MovableClock::default());
    let broker = Arc::new(Broker::new(store.clone(), Policy::default(), clock.clone()));
    let (admin, writer, reader) = (caller(role::ADMIN), caller(role::WRITER), caller(role::READER));
    Platform { broker, store, clock, admin, writer, reader }
}

/// Someone with a role in every tenant, named after it.
pub fn caller(role: &str) -> Caller {
    Caller::with_role(role, role)
}
