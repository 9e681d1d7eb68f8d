//! The record of a change that was made.

use std::sync::Arc;

use crate::attribute::Attributes;
use crate::entity::Entity;
use crate::identifier::{EntityId, Name, Tenant};
use crate::time::Timestamp;

/// What a committed change did: enough to index, notify and keep history without reading again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub tenant: Tenant,
    pub at: Timestamp,
    pub id: EntityId,
    /// The entity as it was, reduced to the attributes in `changed`; all of them where its types
    /// changed. Nothing where the entity is new.
    pub before: Option<Arc<Entity>>,
    /// The whole entity as it is now. Nothing where it was deleted.
    pub after: Option<Arc<Entity>>,
    /// Names of attributes that appeared, changed or went.
    pub changed: Vec<Name>,
}

impl Event {
    /// The record of a change from one state of an entity to another; one of them is there.
    pub fn between(
        tenant: Tenant,
        id: EntityId,
        at: Timestamp,
        before: Option<&Entity>,
        after: Option<Arc<Entity>>,
    ) -> Event {
        let none = Attributes::default();
        let old = before.map_or(&none, |entity| &entity.attributes);
        let new = after.as_ref().map_or(&none, |entity| &entity.attributes);
        let mut changed: Vec<Name> = Vec::new();
        let differs = |name: &Name| old.get(name) != new.get(name);
        changed.extend(old.iter().map(|a| &a.name).filter(|name| differs(name)).cloned());
        let fresh = new.iter().map(|a| &a.name).filter(|name| old.get(name).is_none());
        changed.extend(fresh.cloned());
        let types_changed = match (before, &after) {
            (Some(before), Some(after)) => before.types != after.types,
            _ => true,
        };
        let before = before.map(|before| {
            let kept = before.attributes.iter();
            let kept = kept.filter(|a| types_changed || changed.contains(&a.name)).cloned();
            let attributes = Attributes::from_distinct(kept.collect());
            Arc::new(Entity { attributes, ..before.header() })
        });
        Event { tenant, at, id, before, after, changed }
    }
}
