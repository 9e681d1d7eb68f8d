//! Random fragments, and whole entities as fragments that lack nothing.

use model::{AttributePatch, Draft, Field, Fragment, InstancePatch, Json, Name, ValuePatch};

use super::vocabulary::{dataset, entity_type, moment, number, scope, term, value, word};
use crate::chance::Chance;

pub fn draft(chance: &mut Chance) -> Draft {
    let mut fragment = whole(chance);
    fragment.types = chance.list(1, 2, entity_type);
    fragment.into_draft().expect("a fragment that lacks nothing")
}

/// A fragment that removes nothing.
pub fn whole(chance: &mut Chance) -> Fragment {
    Fragment {
        types: chance.list(0, 1, entity_type),
        scopes: seldom(chance, |chance| chance.list(1, 2, scope)),
        expires_at: seldom(chance, moment),
        attributes: distinct(chance.list(0, 4, |chance| (term(chance), attribute(chance, 2)))),
    }
}

/// A fragment that may remove what is there.
pub fn partial(chance: &mut Chance) -> Fragment {
    let mut fragment = whole(chance);
    for (_, patch) in &mut fragment.attributes {
        *patch = patch_of(chance, 1);
    }
    if chance.once_in(8) {
        fragment.scopes = Field::Remove;
    }
    if chance.once_in(8) {
        fragment.expires_at = Field::Remove;
    }
    fragment
}

/// An attribute that lacks nothing, with attributes below it to a depth.
pub fn attribute(chance: &mut Chance, depth: usize) -> AttributePatch {
    let instances = chance.list(1, 2, |chance| instance(chance, depth));
    AttributePatch::Instances(distinct_by(instances, |patch| patch.dataset_id.clone()))
}

/// What a partial change may say of an attribute.
pub fn patch_of(chance: &mut Chance, depth: usize) -> AttributePatch {
    if chance.once_in(6) {
        return AttributePatch::Remove;
    }
    let mut patch = attribute(chance, depth);
    if let AttributePatch::Instances(patches) = &mut patch {
        for patch in patches {
            match chance.below(6) {
                0 => patch.value = ValuePatch::Remove,
                1 => patch.value = ValuePatch::Keep,
                2 => patch.expires_at = Field::Remove,
                _ => {}
            }
        }
    }
    patch
}

fn instance(chance: &mut Chance, depth: usize) -> InstancePatch {
    let below = if depth == 0 || !chance.once_in(3) { 0 } else { 2 };
    InstancePatch {
        dataset_id: dataset(chance),
        value: ValuePatch::Set(value(chance)),
        unit_code: seldom(chance, |_| Json::text("LX")),
        value_type: seldom(chance, entity_type),
        object_type: seldom(chance, |chance| chance.list(1, 2, entity_type)),
        observed_at: seldom(chance, moment),
        expires_at: seldom(chance, moment),
        extras: extras(chance),
        attributes: distinct(
            chance.list(0, below, |chance| (term(chance), attribute(chance, depth - 1))),
        ),
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
    if chance.once_in(8) { Field::Set(make(chance)) } else { Field::Keep }
}

fn distinct<T>(named: Vec<(Name, T)>) -> Vec<(Name, T)> {
    distinct_by(named, |(name, _)| name.clone())
}

/// The first of those with the same key.
fn distinct_by<T, K: Ord>(items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(key(item))).collect()
}
