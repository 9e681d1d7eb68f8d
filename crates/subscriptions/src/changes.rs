//! What an event did to an entity: which attributes came, changed and went (clause 5.8.6).

use model::{Attribute, Attributes, Entity, Event, Instance, Name, Value};

/// What an event did.
#[derive(Clone, Debug)]
pub struct Changes<'e> {
    pub event: &'e Event,
    pub created: Vec<&'e Name>,
    pub updated: Vec<&'e Name>,
    pub deleted: Vec<&'e Name>,
}

impl<'e> Changes<'e> {
    pub fn of(event: &'e Event) -> Changes<'e> {
        let mut changes =
            Changes { event, created: Vec::new(), updated: Vec::new(), deleted: Vec::new() };
        let before = event.before.as_deref().filter(|_| !changes.is_entity_created());
        for name in &event.changed {
            let old = before.and_then(|entity| entity.attributes.get(name));
            let new = event.after.as_deref().and_then(|entity| entity.attributes.get(name));
            changes.compare(name, old, new);
        }
        changes
    }

    /// An attribute is created, updated or deleted where one of its instances is.
    fn compare(&mut self, name: &'e Name, old: Option<&Attribute>, new: Option<&Attribute>) {
        let none: &[Instance] = &[];
        let old_instances = old.map_or(none, |attribute| &attribute.instances);
        let new_instances = new.map_or(none, |attribute| &attribute.instances);
        let before = |one: &Instance| old?.instance(one.dataset_id.as_ref());
        let is_created = |one: &Instance| before(one).is_none();
        let is_updated = |one: &Instance| before(one).is_some_and(|old| !is_same(old, one));
        if new_instances.iter().any(is_created) {
            self.created.push(name);
        }
        if new_instances.iter().any(is_updated) {
            self.updated.push(name);
        }
        let stays =
            |one: &Instance| new.is_some_and(|new| new.instance(one.dataset_id.as_ref()).is_some());
        if old_instances.iter().any(|one| !stays(one)) {
            self.deleted.push(name);
        }
    }

    /// What has expired was gone before; what comes in its place is new.
    pub fn is_entity_created(&self) -> bool {
        let event = self.event;
        let existed = event.before.as_ref().is_some_and(|entity| !entity.is_expired(event.at));
        event.after.is_some() && !existed
    }

    pub fn is_entity_deleted(&self) -> bool {
        self.event.after.is_none()
    }

    /// The entity as it is now; where it was deleted, as it was.
    pub fn entity(&self) -> Option<&'e Entity> {
        self.event.after.as_deref().or(self.event.before.as_deref())
    }
}

/// Do both say the same? When it was written does not matter.
pub fn is_same(left: &Instance, right: &Instance) -> bool {
    left.dataset_id == right.dataset_id
        && is_same_value(&left.value, &right.value)
        && left.unit_code == right.unit_code
        && left.value_type == right.value_type
        && left.object_type == right.object_type
        && left.observed_at == right.observed_at
        && left.expires_at == right.expires_at
        && left.extras == right.extras
        && are_same(&left.attributes, &right.attributes)
}

fn is_same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Property(left), Value::Property(right))
        | (Value::LanguageProperty(left), Value::LanguageProperty(right))
        | (Value::JsonProperty(left), Value::JsonProperty(right))
        | (Value::ListProperty(left), Value::ListProperty(right)) => left.same_as(right),
        (left, right) => left == right,
    }
}

fn are_same(left: &Attributes, right: &Attributes) -> bool {
    left.len() == right.len()
        && left.iter().all(|attribute| {
            let other = right.get(&attribute.name);
            other.is_some_and(|other| is_same_attribute(attribute, other))
        })
}

fn is_same_attribute(left: &Attribute, right: &Attribute) -> bool {
    left.instances.len() == right.instances.len()
        && left.instances.iter().all(|instance| {
            let other = right.instance(instance.dataset_id.as_ref());
            other.is_some_and(|other| is_same(instance, other))
        })
}
