//! An entity as it is told of after a change: what went, and what was before (clause 5.8.6).
//!
//! What went is put back with the NGSI-LD Null in the place of its value, and what was before is
//! added to an instance as a further member; then it is written like any other entity.

use std::sync::Arc;

use jsonld::Context;
use model::{
    Attribute, Attributes, Entity, Event, Geometry, Instance, InstanceList, Json, Kind, NULL, Name,
    Timestamp, Uri, Value,
};
use subscriptions::{Accept, Changes, Subscription, is_same};

use crate::read::NGSI_LD;
use crate::write;

/// An entity to be told of.
pub(super) struct Reported {
    pub entity: Arc<Entity>,
    pub deleted_at: Option<Timestamp>,
}

impl Reported {
    pub fn as_it_is(entity: Arc<Entity>) -> Reported {
        Reported { entity, deleted_at: None }
    }
}

/// What a subscriber is told of an event.
pub(super) fn reported(
    subscription: &Subscription,
    event: &Event,
    context: &Context,
) -> Option<Reported> {
    let teller = Teller { subscription, event, context };
    match (&event.after, &event.before) {
        (Some(after), before) => {
            let before = before.as_ref().filter(|entity| !entity.is_expired(event.at));
            let entity = before.map_or(after.clone(), |before| teller.changed(before, after));
            Some(Reported { entity, deleted_at: None })
        }
        (None, Some(before)) => {
            let entity = Arc::new(teller.deleted(before));
            Some(Reported { entity, deleted_at: Some(event.at) })
        }
        (None, None) => None,
    }
}

struct Teller<'a> {
    subscription: &'a Subscription,
    event: &'a Event,
    context: &'a Context,
}

impl Teller<'_> {
    fn shows_changes(&self) -> bool {
        self.subscription.notification.show_changes
    }

    /// The entity with what was before, and what went.
    fn changed(&self, before: &Entity, after: &Arc<Entity>) -> Arc<Entity> {
        let went = |attribute: &&Attribute| {
            let now = after.attributes.get(&attribute.name);
            let stays = |one: &Instance| {
                now.is_some_and(|now| now.instance(one.dataset_id.as_ref()).is_some())
            };
            !attribute.instances.iter().all(stays)
        };
        let is_plain = !self.shows_changes() && !before.attributes.iter().any(|one| went(&one));
        if is_plain {
            return after.clone();
        }
        let mut attributes: Vec<Attribute> = Vec::new();
        for attribute in &after.attributes {
            let old = before.attributes.get(&attribute.name);
            let old = old.filter(|_| self.event.changed.contains(&attribute.name));
            attributes.push(old.map_or(attribute.clone(), |old| self.merged(old, attribute)));
        }
        let gone = before.attributes.iter();
        let gone = gone.filter(|old| after.attributes.get(&old.name).is_none());
        attributes.extend(gone.filter_map(|old| self.gone(old)));
        let attributes = Attributes::from_distinct(attributes);
        Arc::new(Entity { attributes, ..after.header() })
    }

    /// Nothing of a deleted entity but when that was, unless more is asked for.
    fn deleted(&self, before: &Entity) -> Entity {
        let told = |attribute: &&Attribute| {
            let reason = self.subscription.reason(&Changes::of(self.event));
            let told = reason.filter(|reason| !reason.by_entity);
            told.is_some_and(|told| told.attributes.contains(&attribute.name))
        };
        let gone = before.attributes.iter();
        let gone = gone.filter(|attribute| self.shows_changes() || told(attribute));
        let attributes = Attributes::from_distinct(gone.filter_map(|old| self.gone(old)).collect());
        Entity { attributes, ..before.header() }
    }

    /// An attribute of which instances came, changed or went.
    fn merged(&self, old: &Attribute, new: &Attribute) -> Attribute {
        let mut instances = InstanceList::new();
        for instance in &new.instances {
            let before = old.instance(instance.dataset_id.as_ref());
            let before = before.filter(|old| self.shows_changes() && !is_same(old, instance));
            let mut instance = instance.clone();
            instance.extras.extend(before.map(|before| self.previous(before)));
            instances.push(instance);
        }
        let gone = old.instances.iter();
        let gone = gone.filter(|one| new.instance(one.dataset_id.as_ref()).is_none());
        instances.extend(gone.map(|one| self.null(one)));
        Attribute { name: new.name.clone(), instances }
    }

    /// An attribute that is gone; nothing where nothing of it can be told.
    fn gone(&self, old: &Attribute) -> Option<Attribute> {
        let is_geometry = old.name.as_str() == super::GEOMETRY_PROPERTY;
        if is_geometry && self.subscription.endpoint.accept == Accept::GeoJson {
            return None;
        }
        let first = old.instances.first()?;
        let instances: InstanceList = if self.shows_changes() || old.instances.len() == 1 {
            old.instances.iter().map(|one| self.null(one)).collect()
        } else {
            // That all of it is gone needs to be said once.
            std::iter::once(Instance { dataset_id: None, ..self.null(first) }).collect()
        };
        Some(Attribute { name: old.name.clone(), instances })
    }

    /// An instance that is gone.
    fn null(&self, old: &Instance) -> Instance {
        let mut null = Instance {
            dataset_id: old.dataset_id.clone(),
            created_at: old.created_at,
            modified_at: old.modified_at,
            ..Instance::new(null_value(old.value.kind()))
        };
        if self.subscription.notification.sys_attrs {
            let at = Json::text(&self.event.at.to_string());
            null.extras.push((core("deletedAt"), at));
        }
        if self.shows_changes() {
            null.extras.push(self.previous(old));
        }
        null
    }

    /// What an instance said before, under the name that the standard has for it.
    fn previous(&self, old: &Instance) -> (Name, Json) {
        let name = match old.value.kind() {
            Kind::Property | Kind::GeoProperty => "previousValue",
            Kind::LanguageProperty => "previousLanguageMap",
            Kind::JsonProperty => "previousJson",
            Kind::VocabProperty => "previousVocab",
            Kind::ListProperty => "previousValueList",
            Kind::Relationship => "previousObject",
            Kind::ListRelationship => "previousObjectList",
        };
        let mut text = String::new();
        match &old.value {
            Value::ListRelationship(objects) => {
                let objects: Vec<Json> = objects.iter().map(object).collect();
                text.push_str(Json::array(&objects).as_str());
            }
            _ => write::value(&mut text, old, self.context),
        }
        (core(name), Json::from_compact(text.as_str()))
    }
}

fn object(id: &Uri) -> Json {
    Json::object([("object", &Json::text(id.as_str()))])
}

fn core(term: &str) -> Name {
    Name::new(format!("{NGSI_LD}{term}"))
}

/// The value that stands for none.
fn null_value(kind: Kind) -> Value {
    let null = || Json::text(NULL);
    let uri = || Uri::from_valid(NULL);
    match kind {
        Kind::Property => Value::Property(null()),
        Kind::GeoProperty => Value::GeoProperty(Geometry::from_valid(null())),
        Kind::LanguageProperty => Value::LanguageProperty(Json::object([("@none", &null())])),
        Kind::JsonProperty => Value::JsonProperty(null()),
        Kind::VocabProperty => Value::VocabProperty { terms: vec![Name::new(NULL)], array: false },
        Kind::ListProperty => Value::ListProperty(Json::array([&null()])),
        Kind::Relationship => Value::Relationship { objects: vec![uri()], array: false },
        Kind::ListRelationship => Value::ListRelationship(vec![uri()]),
    }
}
