//! The notation of an entity that is there: what a test compares with.

use std::fmt::Display;

use model::{Attribute, Attributes, Entity, Geometry, Instance, Json, Name, Uri, Value};

use super::term;
use crate::{AttributeCount, Census};

/// The entity without its system times; what a test would write to get it.
pub fn show(entity: &Entity) -> String {
    let mut words = vec![entity.id.to_string()];
    words.extend(entity.types.iter().map(|name| term(name).to_owned()));
    words.extend(entity.scopes.iter().map(ToString::to_string));
    words.extend(entity.expires_at.map(|at| format!("expiresAt={at}")));
    words.extend(attributes(&entity.attributes));
    words.join(" ")
}

/// `Lamp=2 Lamp.brightness:Property=1`
pub fn show_census(census: &Census) -> String {
    let types = census.types.iter().map(|(name, count)| format!("{}={count}", term(name)));
    let attributes = census.attributes.iter().map(|count| {
        let AttributeCount { attribute, entity_type, kind, entities } = count;
        format!("{}.{}:{}={entities}", term(entity_type), term(attribute), kind.term())
    });
    types.chain(attributes).collect::<Vec<_>>().join(" ")
}

fn attributes(attributes: &Attributes) -> Vec<String> {
    let of = |attribute: &Attribute| -> Vec<String> {
        attribute.instances.iter().map(|one| instance(&attribute.name, one)).collect()
    };
    attributes.iter().flat_map(of).collect()
}

pub fn instance(name: &Name, instance: &Instance) -> String {
    let mut members: Vec<String> = Vec::new();
    members.extend(instance.dataset_id.as_ref().map(|id| format!("datasetId={id}")));
    members.extend(instance.unit_code.as_ref().map(|code| format!("unitCode={}", plain(code))));
    members.extend(instance.value_type.as_ref().map(|name| format!("valueType={}", term(name))));
    if !instance.object_type.is_empty() {
        members.push(format!("objectType={}", list(&instance.object_type, true, term)));
    }
    members.extend(instance.observed_at.map(|at| format!("observedAt={at}")));
    members.extend(instance.expires_at.map(|at| format!("expiresAt={at}")));
    members.extend(instance.extras.iter().map(|(name, json)| format!("{}!{json}", term(name))));
    members.extend(attributes(&instance.attributes));
    let value = value(&instance.value);
    if members.is_empty() {
        format!("{}{value}", term(name))
    } else {
        format!("{}{value}({})", term(name), members.join(" "))
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Property(json) => format!("={}", plain(json)),
        Value::JsonProperty(json) => format!(":={json}"),
        Value::LanguageProperty(json) => format!("~{json}"),
        Value::ListProperty(json) => format!("#{json}"),
        Value::GeoProperty(geometry) => format!("@{}", place(geometry)),
        Value::Relationship { objects, array } => {
            format!("->{}", list(objects, *array, Uri::as_str))
        }
        Value::ListRelationship(objects) => format!("=>{}", list(objects, true, Uri::as_str)),
        Value::VocabProperty { terms, array } => format!("^{}", list(terms, *array, term)),
    }
}

/// A text that needs no quotes goes without.
fn plain(json: &Json) -> String {
    match json.as_text() {
        Some(text)
            if text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && Json::parse(&text).is_err() =>
        {
            text.into_owned()
        }
        _ => json.to_string(),
    }
}

fn place(geometry: &Geometry) -> String {
    let members = geometry.json().members().unwrap_or_default();
    let member = |name: &str| members.iter().find(|(n, _)| n == name).map(|(_, value)| value);
    let kind = member("type").and_then(Json::as_text).unwrap_or_default();
    let coordinates = member("coordinates").map(Json::as_str).unwrap_or_default();
    match (&*kind, coordinates.strip_prefix('[').and_then(|text| text.strip_suffix(']'))) {
        ("Point", Some(position)) => position.to_owned(),
        _ => format!("{kind}{coordinates}"),
    }
}

fn list<T, S: Display + ?Sized>(items: &[T], array: bool, show: impl Fn(&T) -> &S) -> String {
    let shown: Vec<String> = items.iter().map(|item| show(item).to_string()).collect();
    if array { format!("[{}]", shown.join(",")) } else { shown.join(",") }
}
