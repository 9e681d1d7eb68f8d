//! An entity in the words of an earlier version of NGSI-LD (clause 4.3.6.8): what the version does
//! not know is left out, or said as what it does know.

use std::sync::Arc;

use jsonld::Context;
use model::{Attribute, Attributes, Entity, Instance, InstanceList, Json, Value};

use crate::write;

/// Major and minor number.
pub(super) type Version = (u32, u32);

/// The versions that brought something that earlier ones must be spared.
const MANY_INSTANCES: Version = (1, 3);
const LANGUAGES: Version = (1, 4);
const LISTS: Version = (1, 8);
const EXPIRY: Version = (1, 9);

pub(super) fn conforming(entity: &Arc<Entity>, version: Version, context: &Context) -> Arc<Entity> {
    if version >= EXPIRY {
        return entity.clone();
    }
    let mut header = entity.header();
    header.expires_at = None;
    if version < LANGUAGES {
        header.scopes.clear();
    }
    if version < MANY_INSTANCES {
        header.types.truncate(1);
    }
    let attributes = attributes(&entity.attributes, version, context);
    Arc::new(Entity { attributes, ..header })
}

fn attributes(all: &Attributes, version: Version, context: &Context) -> Attributes {
    let conforming = all.iter().filter_map(|attribute| {
        let default = attribute.instance(None).or(attribute.instances.first());
        let kept: InstanceList = match default {
            Some(default) if version < MANY_INSTANCES => std::iter::once(default.clone()).collect(),
            _ => attribute.instances.clone(),
        };
        let instances = kept.into_iter().filter_map(|one| instance(one, version, context));
        let instances: InstanceList = instances.collect();
        let name = attribute.name.clone();
        (!instances.is_empty()).then_some(Attribute { name, instances })
    });
    Attributes::from_distinct(conforming.collect())
}

fn instance(mut one: Instance, version: Version, context: &Context) -> Option<Instance> {
    one.expires_at = None;
    one.value_type = None;
    one.attributes = attributes(&one.attributes, version, context);
    if version < LISTS {
        one.object_type.clear();
        one.value = match one.value {
            Value::JsonProperty(json) | Value::ListProperty(json) => Value::Property(json),
            Value::VocabProperty { .. } => {
                let mut text = String::new();
                write::value(&mut text, &one, context);
                Value::Property(Json::from_compact(text.as_str()))
            }
            // A Relationship leads somewhere.
            Value::ListRelationship(objects) if objects.is_empty() => return None,
            Value::ListRelationship(objects) => Value::Relationship { objects, array: true },
            other => other,
        };
    }
    if version < LANGUAGES
        && let Value::LanguageProperty(map) = one.value
    {
        one.value = Value::Property(map);
    }
    if version < MANY_INSTANCES {
        one.dataset_id = None;
        one.observed_at = None;
        one.unit_code = None;
    }
    Some(one)
}
