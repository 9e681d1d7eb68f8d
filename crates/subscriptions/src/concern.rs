//! Does an event concern a subscription, under the rights of the one who made it?

use std::collections::HashMap;
use std::sync::Arc;

use model::{Entity, EntityId, Event, Timestamp};
use policy::{Policy, Release, Rights};
use query::{Links, NoLinks};
use store::{Retrieve, Store, StoreError};

use crate::changes::Changes;
use crate::sight::seen;
use crate::subscription::Subscription;

/// How many linked entities are looked at for one event and subscription.
pub const LINKED_MAX: usize = 1_000;

/// Entities that were looked up before.
struct Known(HashMap<EntityId, Arc<Entity>>);

impl Links for Known {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.0.get(id).cloned()
    }
}

/// Who decides, and by what.
pub(crate) struct Judge<'a> {
    pub store: &'a dyn Store,
    pub policy: &'a Policy,
    pub now: Timestamp,
    /// What the receiver may learn of entities that the changed one leads to.
    pub release: &'a Release,
}

impl Judge<'_> {
    /// The event as the one who made the subscription sees it and the receiver may know it, if that
    /// concerns the subscription.
    /// `changes` are those of the event as it is.
    pub async fn concerned(
        &self,
        subscription: &Subscription,
        event: &Arc<Event>,
        changes: &Changes<'_>,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        let Some(rights) = rights(self.policy, subscription) else { return Ok(None) };
        let seen = match rights.are_all() {
            true => Some(event.clone()),
            // Subscriptions are found by what they watch: one that watches something else is not
            // told what comes into sight or goes out of it.
            false => subscription.watches(event).then(|| seen(&rights, event)).flatten(),
        };
        let Some(told) = seen.and_then(|seen| self.release.event(&seen).rest) else {
            return Ok(None);
        };
        let matches = match Arc::ptr_eq(&told, event) {
            true => self.matches(subscription, changes).await?,
            false => self.matches(subscription, &Changes::of(&told)).await?,
        };
        Ok(matches.then_some(told))
    }

    async fn matches(
        &self,
        subscription: &Subscription,
        changes: &Changes<'_>,
    ) -> Result<bool, StoreError> {
        if subscription.link_depth == 0 {
            return Ok(subscription.matches(changes, &NoLinks).is_some());
        }
        let selected = changes.entity().is_some_and(|entity| subscription.selects(entity));
        if !selected || subscription.reason(changes).is_none() {
            return Ok(false);
        }
        let links = self.links(subscription, changes).await?;
        Ok(subscription.matches(changes, &links).is_some())
    }

    /// The entities that the changed one leads to, as they are now, as far as the subscription
    /// looks and its maker may see.
    async fn links(
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
                let found = self.store.retrieve(permitted, self.now).await?;
                if let Some(entity) = found.and_then(|found| self.release.entity(&found).rest) {
                    next.extend(targets(&entity));
                    known.insert(id, entity);
                }
            }
            frontier = next;
        }
        Ok(Known(known))
    }
}

/// What the one who made the subscription may see now; nothing where that is nothing.
pub(crate) fn rights(policy: &Policy, subscription: &Subscription) -> Option<Arc<Rights>> {
    policy.read_rights(&subscription.caller, &subscription.key.tenant).ok()
}

fn targets(entity: &Entity) -> Vec<EntityId> {
    let instances = entity.attributes.iter().flat_map(|attribute| &attribute.instances);
    instances.flat_map(|instance| instance.value.targets().iter().cloned()).collect()
}
