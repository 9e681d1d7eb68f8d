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

/// How far relationships are followed.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// How many steps from an entity of the answer.
    pub levels: u32,
    /// Entities that the client has already.
    pub skip: &'a [EntityId],
    /// How many entities may be found; where there are more, there is no answer.
    pub entities_max: usize,
}

impl Broker {
    /// Follows the relationships of `entities`. Entities that do not exist here, or that the
    /// caller may not see, are left out.
    pub async fn linked(
        &self,
        caller: &Caller,
        tenant: &Tenant,
        entities: &[Arc<Entity>],
        reach: Reach<'_>,
    ) -> Result<LinkedEntities, BrokerError> {
        let mut found = LinkedEntities::new();
        let mut frontier = entities.to_vec();
        for level in 1..=reach.levels {
            let mut next = Vec::new();
            for id in frontier.iter().flat_map(|entity| targets(&entity.attributes)) {
                if found.contains_key(&id) || reach.skip.contains(&id) {
                    continue;
                }
                if let Some(entity) = self.retrieve(caller, tenant, &id).await? {
                    if found.len() >= reach.entities_max {
                        return Err(BrokerError::TooManyLinked(reach.entities_max));
                    }
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
pub fn targets(attributes: &Attributes) -> Vec<EntityId> {
    let instances = attributes.iter().flat_map(|attribute| &attribute.instances);
    instances.flat_map(|instance| instance.value.targets().iter().cloned()).collect()
}
