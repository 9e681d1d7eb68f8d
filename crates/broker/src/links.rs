//! Linked entities: what relationships lead to (clause 4.5.23).

use std::collections::HashMap;
use std::sync::Arc;

use model::{Attributes, Entity, EntityId, Tenant};
use policy::Caller;

use crate::{Broker, BrokerError};

/// Entities found by following relationships, by id.
pub type LinkedEntities = HashMap<EntityId, Linked>;

#[derive(Clone, Debug)]
pub struct Linked {
    pub entity: Arc<Entity>,
    /// How many relationships lead to it from an entity of the answer, at least; 1 or more.
    pub level: u32,
}

/// How many linked entities one answer may bring in; further ones are left as links.
pub const LINKED_ENTITIES_MAX: usize = 10_000;

impl Broker {
    /// Follows the relationships of `entities` to at most `levels` steps. Entities that do not
    /// exist here, that the caller may not see, or that `skip` names, are left out.
    pub async fn linked(
        &self,
        caller: &Caller,
        tenant: &Tenant,
        entities: &[Arc<Entity>],
        levels: u32,
        skip: &[EntityId],
    ) -> Result<LinkedEntities, BrokerError> {
        let mut found = LinkedEntities::new();
        let mut frontier = entities.to_vec();
        for level in 1..=levels {
            let mut next = Vec::new();
            for id in frontier.iter().flat_map(|entity| targets(&entity.attributes)) {
                if found.contains_key(&id) || skip.contains(&id) {
                    continue;
                }
                if found.len() >= LINKED_ENTITIES_MAX {
                    return Ok(found);
                }
                if let Some(entity) = self.retrieve(caller, tenant, &id).await? {
                    next.push(entity.clone());
                    found.insert(id, Linked { entity, level });
                }
            }
            frontier = next;
        }
        Ok(found)
    }
}

/// The entities that relationships of these attributes point to, at the first depth.
fn targets(attributes: &Attributes) -> Vec<EntityId> {
    let instances = attributes.iter().flat_map(|attribute| &attribute.instances);
    instances.flat_map(|instance| instance.value.targets().iter().cloned()).collect()
}
