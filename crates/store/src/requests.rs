//! What can be asked of a store beside a change and a query.

use model::{EntityId, Tenant};
use policy::{Action, Request};

/// One entity, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrieve {
    pub tenant: Tenant,
    pub id: EntityId,
}

impl Request for Retrieve {
    const ACTION: Action = Action::Read;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

/// Which types and attributes there are (clauses 5.7.5 to 5.7.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discover {
    pub tenant: Tenant,
}

impl Request for Discover {
    const ACTION: Action = Action::Read;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

/// Names a small document that is not an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    pub kind: &'static str,
    pub tenant: Tenant,
    pub name: String,
}
