//! Does an event concern a subscription (clauses 5.2.12 and 5.8.6)?

use model::{Entity, Event, Name};
use query::{Filter, Links};

use crate::changes::Changes;
use crate::subscription::{Selector, Subscription};

/// Why a subscription is told of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The entity itself was created or deleted, and that counts.
    pub by_entity: bool,
    /// Attributes that count, and changed in a way that counts.
    pub attributes: Vec<Name>,
}

impl Subscription {
    /// Why the event concerns this subscription, if it does: the event as the one who made it sees
    /// it. Whether the subscription is active is not asked here.
    pub fn matches(&self, changes: &Changes<'_>, links: &dyn Links) -> Option<Match> {
        let reason = self.reason(changes)?;
        let entity = changes.entity()?;
        let selected = self.selects(entity) && self.filter.matches(entity, links);
        selected.then_some(reason)
    }

    /// Does the event change something that is watched?
    pub fn watches(&self, event: &Event) -> bool {
        self.watched.is_empty() || event.changed.iter().any(|name| self.watched.contains(name))
    }

    /// Is the entity among those subscribed, whatever it says?
    pub fn selects(&self, entity: &Entity) -> bool {
        self.selectors.is_empty() || self.selectors.iter().any(|one| one.selects(entity))
    }

    /// What of the changes counts; nothing where nothing does.
    pub fn reason(&self, changes: &Changes<'_>) -> Option<Match> {
        let triggers = &self.triggers;
        let counts = |name: &&&Name| self.watched.is_empty() || self.watched.contains(name);
        let mut attributes: Vec<Name> = Vec::new();
        let kinds = [
            (triggers.attribute_created, &changes.created),
            (triggers.attribute_updated, &changes.updated),
            (triggers.attribute_deleted, &changes.deleted),
        ];
        for names in kinds.iter().filter(|(wanted, _)| *wanted).map(|(_, names)| names) {
            attributes.extend(names.iter().filter(counts).map(|name| (*name).clone()));
        }
        attributes.sort();
        attributes.dedup();
        let touches = || self.watches(changes.event);
        let by_entity = (triggers.entity_created && changes.is_entity_created()
            || triggers.entity_deleted && changes.is_entity_deleted())
            && touches();
        (by_entity || !attributes.is_empty()).then_some(Match { by_entity, attributes })
    }
}

impl Selector {
    pub fn selects(&self, entity: &Entity) -> bool {
        let of_type = self.types.as_ref().is_none_or(|types| types.matches(&entity.types));
        let of_id = match (&*self.ids, &self.pattern) {
            ([], None) => true,
            ([], Some(pattern)) => pattern.is_match(entity.id.as_str()),
            (ids, _) => ids.contains(&entity.id),
        };
        of_type && of_id
    }

    /// As a filter, for subscriptions that ask the store.
    pub fn filter(&self) -> Filter {
        let mut all = Vec::new();
        all.extend(self.types.clone().map(Filter::Types));
        match (&*self.ids, &self.pattern) {
            ([], None) => {}
            ([], Some(pattern)) => all.push(Filter::IdPattern(pattern.clone())),
            (ids, _) => all.push(Filter::Ids(ids.to_vec())),
        }
        Filter::All(all)
    }
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
