//! Finds the subscriptions that an event may concern, without looking at the others.
//!
//! Each stands under what an event must show for it to match: an entity id, or else a type, and
//! within that a watched attribute. Only those that name none of these are looked at each time.

use std::collections::{BTreeSet, HashMap};

use model::{EntityId, Event, Name, Tenant, TypeSelector};

use crate::subscription::{Selector, Subscription};

/// The number of a subscription in the index.
pub type Slot = u64;

#[derive(Debug, Default)]
pub struct Index {
    tenants: HashMap<Tenant, Tenanted>,
}

#[derive(Debug, Default)]
struct Tenanted {
    ids: HashMap<EntityId, Bucket>,
    types: HashMap<Name, Bucket>,
    rest: Bucket,
}

/// Subscriptions that have an id, a type, or nothing in common.
#[derive(Debug, Default)]
struct Bucket {
    watching_all: BTreeSet<Slot>,
    watching: HashMap<Name, BTreeSet<Slot>>,
}

/// Where a selector stands.
enum Shelf<'s> {
    Ids(&'s [EntityId]),
    Types(Vec<&'s Name>),
    Rest,
}

impl Index {
    pub fn insert(&mut self, slot: Slot, subscription: &Subscription) {
        let tenanted = self.tenants.entry(subscription.key.tenant.clone()).or_default();
        for shelf in shelves(subscription) {
            match shelf {
                Shelf::Ids(ids) => ids.iter().for_each(|id| {
                    tenanted.ids.entry(id.clone()).or_default().insert(slot, subscription);
                }),
                Shelf::Types(types) => types.into_iter().for_each(|name| {
                    tenanted.types.entry(name.clone()).or_default().insert(slot, subscription);
                }),
                Shelf::Rest => tenanted.rest.insert(slot, subscription),
            }
        }
    }

    /// Takes out what was put in with the same subscription.
    pub fn remove(&mut self, slot: Slot, subscription: &Subscription) {
        let Some(tenanted) = self.tenants.get_mut(&subscription.key.tenant) else { return };
        for shelf in shelves(subscription) {
            match shelf {
                Shelf::Ids(ids) => ids.iter().for_each(|id| {
                    take_out(&mut tenanted.ids, id, slot, subscription);
                }),
                Shelf::Types(types) => types.into_iter().for_each(|name| {
                    take_out(&mut tenanted.types, name, slot, subscription);
                }),
                Shelf::Rest => drop(tenanted.rest.remove(slot, subscription)),
            }
        }
    }

    /// All subscriptions that may match the event, each once, and others with them.
    pub fn candidates(&self, event: &Event) -> Vec<Slot> {
        let mut found = Vec::new();
        let Some(tenanted) = self.tenants.get(&event.tenant) else { return found };
        if let Some(bucket) = tenanted.ids.get(&event.id) {
            bucket.collect(event, &mut found);
        }
        // What changes its type may go out of somebody's sight.
        let entities = [&event.after, &event.before].into_iter().flatten();
        for name in entities.flat_map(|entity| &entity.types) {
            if let Some(bucket) = tenanted.types.get(name) {
                bucket.collect(event, &mut found);
            }
        }
        tenanted.rest.collect(event, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn take_out<K: Eq + std::hash::Hash>(
    buckets: &mut HashMap<K, Bucket>,
    key: &K,
    slot: Slot,
    subscription: &Subscription,
) {
    if let Some(bucket) = buckets.get_mut(key)
        && bucket.remove(slot, subscription)
    {
        buckets.remove(key);
    }
}

impl Bucket {
    fn insert(&mut self, slot: Slot, subscription: &Subscription) {
        if subscription.watched.is_empty() {
            self.watching_all.insert(slot);
        }
        for name in &subscription.watched {
            self.watching.entry(name.clone()).or_default().insert(slot);
        }
    }

    /// Tells whether nothing is left.
    fn remove(&mut self, slot: Slot, subscription: &Subscription) -> bool {
        self.watching_all.remove(&slot);
        for name in &subscription.watched {
            if let Some(slots) = self.watching.get_mut(name) {
                slots.remove(&slot);
                if slots.is_empty() {
                    self.watching.remove(name);
                }
            }
        }
        self.watching_all.is_empty() && self.watching.is_empty()
    }

    fn collect(&self, event: &Event, found: &mut Vec<Slot>) {
        found.extend(&self.watching_all);
        if !self.watching.is_empty() {
            let watching = event.changed.iter().filter_map(|name| self.watching.get(name));
            found.extend(watching.flatten());
        }
    }
}

fn shelves(subscription: &Subscription) -> Vec<Shelf<'_>> {
    if subscription.selectors.is_empty() {
        return vec![Shelf::Rest];
    }
    subscription.selectors.iter().map(shelf).collect()
}

fn shelf(selector: &Selector) -> Shelf<'_> {
    if !selector.ids.is_empty() {
        return Shelf::Ids(&selector.ids);
    }
    match selector.types.as_ref().and_then(needed) {
        Some(names) => Shelf::Types(names),
        None => Shelf::Rest,
    }
}

/// Types of which an entity must have one; nothing where any type will do.
fn needed(selector: &TypeSelector) -> Option<Vec<&Name>> {
    match selector {
        TypeSelector::Any => None,
        TypeSelector::Is(name) => Some(vec![name]),
        TypeSelector::AllOf(all) => all.iter().find_map(needed),
        TypeSelector::OneOf(any) => {
            let names: Option<Vec<Vec<&Name>>> = any.iter().map(needed).collect();
            names.map(|names| names.into_iter().flatten().collect())
        }
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
