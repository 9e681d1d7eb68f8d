//! What an entity leads to, for conditions on linked entities (clause 4.9).

use std::collections::HashMap;
use std::sync::Arc;

use model::{Entity, EntityId};
use query::Links;
use store::{Retrieve, StoreError};

use super::Notifier;
use crate::changes::Changes;
use crate::subscription::Subscription;

/// How many linked entities are looked at for one event and subscription.
pub const LINKED_MAX: usize = 1_000;

/// Entities that were looked up before.
pub(super) struct Known(HashMap<EntityId, Arc<Entity>>);

impl Links for Known {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.0.get(id).cloned()
    }
}

impl Notifier {
    /// The entities that the changed one leads to, as they are now, as far as the subscription
    /// looks and its maker may see.
    pub(super) async fn links(
        &self,
        subscription: &Subscription,
        changes: &Changes<'_>,
    ) -> Result<Known, StoreError> {
        let mut known = HashMap::new();
        let mut frontier = changes.entity().map(targets).unwrap_or_default();
        for _ in 0..subscription.link_depth {
            let mut next = Vec::new();
            for id in frontier {
                if known.contains_key(&id) || known.len() >= LINKED_MAX {
                    continue;
                }
                let request = Retrieve { tenant: subscription.key.tenant.clone(), id: id.clone() };
                let Ok(permitted) = self.policy.permit(&subscription.caller, request) else {
                    continue;
                };
                let found = self.subscriptions.store.retrieve(permitted, (self.now)()).await?;
                if let Some(entity) = found {
                    next.extend(targets(&entity));
                    known.insert(id, entity);
                }
            }
            frontier = next;
        }
        Ok(Known(known))
    }
}

fn targets(entity: &Entity) -> Vec<EntityId> {
    let instances = entity.attributes.iter().flat_map(|attribute| &attribute.instances);
    instances.flat_map(|instance| instance.value.targets().iter().cloned()).collect()
}
