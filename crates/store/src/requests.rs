//! What can be asked of a store beside a change and a query.

use model::{EntityId, Tenant};
use policy::{Action, Request};
use query::{Direction, Filter, Page, ReadingSelection, ScopeCondition};

/// One entity, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrieve {
    pub tenant: Tenant,
    pub id: EntityId,
}

impl Request for Retrieve {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Read]
    }
}

/// The evolution of one entity (clause 5.7.3).
#[derive(Clone, Debug)]
pub struct RetrieveHistory {
    pub tenant: Tenant,
    pub id: EntityId,
    pub readings: ReadingSelection,
}

impl Request for RetrieveHistory {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Read]
    }
}

/// The evolutions of many entities (clause 5.7.4), in an order of the store's own, the same from
/// page to page, or by id.
#[derive(Clone, Debug)]
pub struct QueryHistory {
    pub tenant: Tenant,
    /// What it asks of attributes and places is asked of the readings in the window: it
    /// holds if any of them fits.
    pub filter: Filter,
    /// Only readings from when the scopes of the entity were such. Scopes are told with the one
    /// that held when the window began.
    pub scope: Option<ScopeCondition>,
    pub by_id: Option<Direction>,
    pub page: Page,
    /// Also count all that match.
    pub count: bool,
    pub readings: ReadingSelection,
}

impl Request for QueryHistory {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Read]
    }
}

/// Which types and attributes there are (clauses 5.7.5 to 5.7.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discover {
    pub tenant: Tenant,
}

impl Request for Discover {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Read]
    }
}

/// Names a small document that is not an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    pub kind: &'static str,
    pub tenant: Tenant,
    pub name: String,
}

/// Documents of one kind and tenant, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRange {
    pub kind: &'static str,
    pub tenant: Tenant,
    /// What their names begin with.
    pub prefix: String,
    /// Only those whose names come after this one.
    pub after: Option<String>,
    pub limit: usize,
}

impl DocumentRange {
    pub fn all(kind: &'static str, tenant: &Tenant) -> DocumentRange {
        DocumentRange {
            kind,
            tenant: tenant.clone(),
            prefix: String::new(),
            after: None,
            limit: usize::MAX,
        }
    }
}
