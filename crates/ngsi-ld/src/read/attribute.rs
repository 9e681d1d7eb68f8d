//! One attribute: all its instances, and what they have in common.

use std::collections::HashSet;

use serde_json::value::RawValue;

use jsonld::Context;
use model::{AttributePatch, InstancePatch, Name, Uri};

use super::Limits;
use super::concise;
use super::error::{InvalidEntity, Problem};
use super::members::{elements, is_removal};
use super::rules::Rules;

/// What it takes to read the attributes of one payload.
pub(super) struct Reader<'a> {
    pub(super) context: &'a Context,
    pub(super) rules: Rules<'a>,
    pub(super) limits: Limits,
    /// Attributes read so far, at all depths.
    pub(super) attributes: usize,
    /// Instances over time read so far.
    pub(super) readings: usize,
}

/// What an attribute stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Nothing: it is the payload.
    Payload,
    Entity,
    Attribute,
}

impl<'a> Reader<'a> {
    pub(super) fn new(context: &'a Context, limits: &Limits, rules: Rules<'a>) -> Reader<'a> {
        Reader { context, rules, limits: *limits, attributes: 0, readings: 0 }
    }

    /// The attribute `name`, in any form that the rules allow.
    pub(super) fn attribute(
        &mut self,
        name: &Name,
        raw: &RawValue,
        level: Level,
    ) -> Result<AttributePatch, InvalidEntity> {
        self.count_attribute()?;
        if is_removal(raw) {
            let allowed = self.rules.removal;
            return if allowed { Ok(AttributePatch::Remove) } else { Err(Problem::Removal.into()) };
        }
        if self.rules.simplified {
            return self.simplified(name, raw);
        }
        match elements(raw).filter(|elements| concise::is_instances(elements)) {
            Some(elements) => self.instances(name, &elements, level),
            None => Ok(AttributePatch::Instances(vec![self.instance(name, raw, level)?])),
        }
    }

    fn instances(
        &mut self,
        name: &Name,
        elements: &[&RawValue],
        level: Level,
    ) -> Result<AttributePatch, InvalidEntity> {
        self.check_count(elements.len())?;
        let mut patches = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let patch = self.instance(name, element, level);
            patches.push(patch.map_err(|error| error.at_instance(index))?);
        }
        check_datasets(&patches)?;
        Ok(AttributePatch::Instances(patches))
    }

    pub(super) fn count_attribute(&mut self) -> Result<(), Problem> {
        self.attributes += 1;
        if self.limits.attributes_max < self.attributes {
            return Err(Problem::TooManyAttributes(self.limits.attributes_max));
        }
        Ok(())
    }

    pub(super) fn check_count(&self, instances: usize) -> Result<(), Problem> {
        if self.limits.instances_max < instances {
            return Err(Problem::TooManyInstances(self.limits.instances_max));
        }
        Ok(())
    }

    /// Refuses attributes that have one name, however it is spelled.
    pub(super) fn check_names<T>(&self, attributes: &[(Name, T)]) -> Result<(), Problem> {
        match first_repeated(attributes.iter().map(|(name, _)| name)) {
            Some(name) => Err(Problem::Twice(self.context.compact_iri(name.as_str()).into_owned())),
            None => Ok(()),
        }
    }
}

/// One instance for each dataset, and one default instance (clause 4.5.5.1).
fn check_datasets(patches: &[InstancePatch]) -> Result<(), Problem> {
    match first_repeated(patches.iter().map(|patch| patch.dataset_id.as_ref())) {
        Some(Some(dataset_id)) => Err(Problem::SameDataset(Uri::to_string(dataset_id))),
        Some(None) => Err(Problem::TwoDefaults),
        None => Ok(()),
    }
}

/// A few items are compared with each other, many are hashed.
fn first_repeated<T: Copy + Eq + std::hash::Hash>(
    items: impl ExactSizeIterator<Item = T> + Clone,
) -> Option<T> {
    const FEW: usize = 16;
    if items.len() <= FEW {
        let mut rest = items.clone();
        return items.into_iter().find(|item| {
            rest.next();
            rest.clone().any(|other| other == *item)
        });
    }
    let mut seen = HashSet::with_capacity(items.len());
    items.into_iter().find(|item| !seen.insert(*item))
}
