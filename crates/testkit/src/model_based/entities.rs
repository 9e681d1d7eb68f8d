//! Random fragments, and whole entities as fragments that lack nothing.

use model::{AttributePatch, Draft, Field, Fragment, InstancePatch, Json, Name, Value, ValuePatch};

use super::vocabulary::{bare, dataset, entity_type, moment, number, scope, term, value, word};
use crate::chance::Chance;

pub fn draft(chance: &mut Chance) -> Draft {
    let mut fragment = whole(chance);
    fragment.types = chance.list(1, 2, entity_type);
    fragment.attributes = attributes(chance, 7, 2);
    fragment.into_draft().expect("a fragment that lacks nothing")
}

/// A fragment that removes nothing.
pub fn whole(chance: &mut Chance) -> Fragment {
    Fragment {
        types: chance.list(0, 1, entity_type),
        scopes: if chance.once_in(2) { Field::Set(chance.list(1, 2, scope)) } else { Field::Keep },
        expires_at: seldom(chance, moment),
        attributes: attributes(chance, 5, 2),
    }
}

/// A fragment that may remove what is there.
pub fn partial(chance: &mut Chance) -> Fragment {
    let mut fragment = whole(chance);
    for (name, patch) in &mut fragment.attributes {
        *patch = patch_of(chance, name);
    }
    if chance.once_in(8) {
        fragment.scopes = Field::Remove;
    }
    if chance.once_in(8) {
        fragment.expires_at = Field::Remove;
    }
    fragment
}

fn attributes(chance: &mut Chance, most: usize, depth: usize) -> Vec<(Name, AttributePatch)> {
    let attributes = chance.list(most / 3, most, |chance| {
        let name = term(chance);
        let attribute = attribute(chance, &name, depth);
        (name, attribute)
    });
    distinct_by(attributes, |(name, _)| name.clone())
}

/// An attribute that lacks nothing, with attributes below it to a depth.
pub fn attribute(chance: &mut Chance, name: &Name, depth: usize) -> AttributePatch {
    let instances = chance.list(1, 2, |chance| instance(chance, name, depth));
    AttributePatch::Instances(distinct_by(instances, |patch| patch.dataset_id.clone()))
}

/// What a partial change may say of an attribute.
pub fn patch_of(chance: &mut Chance, name: &Name) -> AttributePatch {
    if chance.once_in(6) {
        return AttributePatch::Remove;
    }
    let mut patch = attribute(chance, name, 1);
    if let AttributePatch::Instances(patches) = &mut patch {
        for patch in patches {
            match chance.below(8) {
                0 => patch.value = ValuePatch::Remove,
                1 => patch.value = ValuePatch::Keep,
                2 => patch.value = simplified(chance),
                3 => patch.expires_at = Field::Remove,
                _ => {}
            }
        }
    }
    patch
}

fn simplified(chance: &mut Chance) -> ValuePatch {
    let bare = bare(chance);
    let fallback = Value::Property(bare.json.clone());
    let language = chance.once_in(2).then(|| "fi".to_owned());
    ValuePatch::Simplified { bare, fallback, language }
}

fn instance(chance: &mut Chance, name: &Name, depth: usize) -> InstancePatch {
    let deeper = depth > 0 && chance.once_in(3);
    InstancePatch {
        dataset_id: dataset(chance),
        value: ValuePatch::Set(value(chance, name)),
        unit_code: seldom(chance, |_| Json::text("LX")),
        value_type: seldom(chance, entity_type),
        object_type: seldom(chance, |chance| chance.list(1, 2, entity_type)),
        observed_at: seldom(chance, moment),
        expires_at: seldom(chance, moment),
        extras: extras(chance),
        attributes: if deeper { attributes(chance, 2, depth - 1) } else { Vec::new() },
    }
}

fn extras(chance: &mut Chance) -> Vec<(Name, Json)> {
    if chance.once_in(10) {
        let value = if chance.once_in(2) {
            Json::text(word(chance))
        } else {
            Json::from_compact(number(chance))
        };
        vec![(term(chance), value)]
    } else {
        Vec::new()
    }
}

fn seldom<T>(chance: &mut Chance, make: impl FnOnce(&mut Chance) -> T) -> Field<T> {
    if chance.once_in(10) { Field::Set(make(chance)) } else { Field::Keep }
}

/// The first of those with the same key.
fn distinct_by<T, K: Ord>(items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(key(item))).collect()
}
