//! Words of the notation as a fragment; a whole entity is a fragment that lacks nothing.

use model::{
    AttributePatch, DateTime, Field, Fragment, InstancePatch, Name, Scope, Value, ValuePatch,
};

use super::history::at;
use super::tokens::{list, word_and_members, words};
use super::value::name_and_value;
use super::{id, name};

pub fn fragment(text: &str) -> Fragment {
    let mut fragment = Fragment::default();
    let mut scopes = Vec::new();
    for word in words(text) {
        if word.starts_with('/') {
            scopes.push(Scope::parse(word).unwrap_or_else(|error| panic!("{error}")));
        } else if word == "-scope" {
            fragment.scopes = Field::Remove;
        } else if word == "-expiresAt" {
            fragment.expires_at = Field::Remove;
        } else if let Some(moment) = word.strip_prefix("expiresAt=") {
            fragment.expires_at = Field::Set(date_time(moment));
        } else if word.chars().all(|c| c.is_alphanumeric() || c == '_') {
            fragment.types.push(name(word));
        } else {
            let (name, patch) = attribute(word);
            add(&mut fragment.attributes, name, patch);
        }
    }
    if !scopes.is_empty() {
        fragment.scopes = Field::Set(scopes);
    }
    fragment
}

/// A word that says something of an attribute: a value, a removal, or members alone.
pub fn attribute(word: &str) -> (Name, AttributePatch) {
    let (front, members) = word_and_members(word);
    if let Some(removed) = front.strip_prefix('-') {
        return (name(removed), removal(members));
    }
    let (term, value) = match name_and_value(front) {
        Some((term, value)) => (term, ValuePatch::Set(value)),
        None => (front, ValuePatch::Keep),
    };
    let patch = instance(value, members);
    (name(term), AttributePatch::Instances(vec![patch]))
}

fn removal(members: &str) -> AttributePatch {
    if members.is_empty() {
        return AttributePatch::Remove;
    }
    AttributePatch::Instances(vec![instance(ValuePatch::Remove, members)])
}

fn instance(value: ValuePatch, members: &str) -> InstancePatch {
    let mut patch = InstancePatch { value, ..InstancePatch::default() };
    for word in words(members) {
        match word.split_once('=') {
            Some(("datasetId", text)) => patch.dataset_id = Some(id(text)),
            Some(("observedAt", text)) => patch.observed_at = Field::Set(date_time(text)),
            Some(("t", text)) => patch.observed_at = Field::Set(at(seconds(text))),
            Some(("expiresAt", text)) => patch.expires_at = Field::Set(date_time(text)),
            Some(("unitCode", _)) => patch.unit_code = Field::Set(property(word)),
            Some(("valueType", text)) => patch.value_type = Field::Set(name(text)),
            Some(("objectType", text)) => {
                patch.object_type = Field::Set(list(text).0.into_iter().map(name).collect());
            }
            _ => {
                let (name, below) = attribute(word);
                add(&mut patch.attributes, name, below);
            }
        }
    }
    patch
}

/// Instances of one name stand together.
fn add(attributes: &mut Vec<(Name, AttributePatch)>, name: Name, patch: AttributePatch) {
    let known = attributes.iter_mut().find(|(known, _)| *known == name);
    match (known, patch) {
        (Some((_, AttributePatch::Instances(known))), AttributePatch::Instances(more)) => {
            known.extend(more);
        }
        (None, patch) => attributes.push((name, patch)),
        (Some(_), _) => panic!("`{name}` is both removed and set"),
    }
}

fn property(word: &str) -> model::Json {
    match name_and_value(word) {
        Some((_, Value::Property(json))) => json,
        _ => panic!("`{word}` is not a plain value"),
    }
}

pub fn date_time(text: &str) -> DateTime {
    DateTime::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn seconds(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not a number of seconds"))
}
