//! Where data may go: rules that name regions, and what they hold back from a destination.
//!
//! A rule is about a tenant, a type, an attribute, or all of them together, and names the regions
//! to which that may go. Where several rules are about the same data, each must allow it. What is
//! held back is as if it did not exist: a condition on it holds for nobody there, and its change is
//! no news.

use std::fmt;
use std::sync::Arc;

use model::{Attribute, Attributes, Entity, Event, Instance, InstanceList, Name, Tenant};

/// How long the name of a region may be.
pub const REGION_BYTES_MAX: usize = 64;

/// A country or another place that data may be in: `de`, `eu`, `city-hall`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

/// To which regions some data may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResidencyRule {
    /// Where there is none, every tenant is meant.
    pub tenant: Option<Tenant>,
    /// Where there is none, entities of every type are meant.
    pub entity_type: Option<Name>,
    /// Where there is none, the whole entity is meant. An attribute is meant at any depth.
    pub attribute: Option<Name>,
    pub regions: Vec<Region>,
}

/// The rules in force, in the order in which the operator wrote them.
#[derive(Clone, Debug, Default)]
pub struct Residency(Vec<(usize, Arc<ResidencyRule>)>);

/// What may go to one destination.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// Those that do not allow it, with their numbers, counted from 1.
    against: Vec<(usize, Arc<ResidencyRule>)>,
}

/// What was held back, and by which rules, counted from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldBack {
    /// In alphabetical order. Where the whole was held back, there is none.
    pub attributes: Vec<Name>,
    pub rules: Vec<usize>,
}

/// What is left of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released<T> {
    /// Nothing where nothing may go.
    pub rest: Option<Arc<T>>,
    pub held: HeldBack,
}

impl Region {
    /// Lower-case letters, digits, `-` and `_`, in ASCII; upper case is taken as lower case.
    pub fn parse(text: &str) -> Option<Region> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let fits = (1..=REGION_BYTES_MAX).contains(&text.len());
        (fits && text.bytes().all(is_known)).then(|| Region(text.to_ascii_lowercase().into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Residency {
    pub fn new(rules: impl IntoIterator<Item = ResidencyRule>) -> Residency {
        Residency((1..).zip(rules.into_iter().map(Arc::new)).collect())
    }

    /// What of a tenant may go to a destination that lies in these regions. Whoever lies in none
    /// that is known gets only what no rule is about.
    pub fn release(&self, tenant: &Tenant, regions: &[Region]) -> Release {
        let is_against = |rule: &ResidencyRule| {
            rule.tenant.as_ref().is_none_or(|meant| meant == tenant)
                && !rule.regions.iter().any(|allowed| regions.contains(allowed))
        };
        let against = self.0.iter().filter(|(_, rule)| is_against(rule));
        Release { against: against.cloned().collect() }
    }

    /// Is any rule about data of this tenant?
    pub fn concerns(&self, tenant: &Tenant) -> bool {
        self.about(tenant).next().is_some()
    }

    /// The rules about data of a tenant, with their numbers.
    pub fn about<'a>(
        &'a self,
        tenant: &'a Tenant,
    ) -> impl Iterator<Item = (usize, &'a ResidencyRule)> {
        let rules = self.0.iter().map(|(number, rule)| (*number, &**rule));
        rules.filter(move |(_, rule)| rule.tenant.as_ref().is_none_or(|meant| meant == tenant))
    }
}

impl Release {
    /// May everything go there?
    pub fn is_everything(&self) -> bool {
        self.against.is_empty()
    }

    /// The rule by which nothing at all may go there, whatever it is.
    pub fn nothing(&self) -> Option<usize> {
        let all = |rule: &ResidencyRule| rule.entity_type.is_none() && rule.attribute.is_none();
        self.against.iter().find(|(_, rule)| all(rule)).map(|(number, _)| *number)
    }

    /// The rule that is about this attribute of entities of some type.
    pub fn holds_back(&self, attribute: &Name) -> Option<usize> {
        let about = |rule: &ResidencyRule| rule.attribute.as_ref() == Some(attribute);
        self.against.iter().find(|(_, rule)| about(rule)).map(|(number, _)| *number)
    }

    /// The rules that hold something back.
    pub fn rules(&self) -> Vec<usize> {
        self.against.iter().map(|(number, _)| *number).collect()
    }

    /// What of an entity may go there. Nothing, where all its attributes are held back.
    pub fn entity(&self, entity: &Arc<Entity>) -> Released<Entity> {
        let whole = || Released { rest: Some(entity.clone()), held: HeldBack::default() };
        if self.is_everything() {
            return whole();
        }
        let mut held = HeldBack::default();
        let rest = match self.against_whole(entity) {
            Some(rule) => {
                held.rules.push(rule);
                None
            }
            None => {
                let attributes = self.rest_of(&entity.types, &entity.attributes, &mut held);
                if held == HeldBack::default() {
                    return whole();
                }
                let is_left = !attributes.is_empty();
                is_left.then(|| Arc::new(Entity { attributes, ..entity.header() }))
            }
        };
        Released { rest, held: held.in_order() }
    }

    /// What of an event may go there. It then tells of the rest as if there were no more.
    pub fn event(&self, event: &Arc<Event>) -> Released<Event> {
        let whole = || Released { rest: Some(event.clone()), held: HeldBack::default() };
        let Some(told) = event.after.as_ref().or(event.before.as_ref()) else { return whole() };
        if self.is_everything() {
            return whole();
        }
        let Released { rest, mut held } = self.entity(told);
        let Some(rest) = rest else { return Released { rest: None, held } };
        let (before, after) = match (&event.before, &event.after) {
            (Some(before), Some(_)) => (self.rest_of_before(before, &mut held), Some(rest)),
            (None, after) => (None, after.as_ref().map(|_| rest)),
            (Some(_), None) => (Some(rest), None),
        };
        let held = held.in_order();
        if held == HeldBack::default() {
            return whole();
        }
        let has = |entity: &Option<Arc<Entity>>, name: &Name| {
            entity.as_ref().is_some_and(|entity| entity.attributes.get(name).is_some())
        };
        let shown = |name: &&Name| has(&before, name) || has(&after, name);
        let changed = event.changed.iter().filter(shown).cloned().collect();
        let (tenant, id) = (event.tenant.clone(), event.id.clone());
        let rest = Event { tenant, at: event.at, id, before, after, changed };
        Released { rest: Some(Arc::new(rest)), held }
    }

    /// Of what was before: an entity that may go now and might not then is new there.
    fn rest_of_before(&self, before: &Entity, held: &mut HeldBack) -> Option<Arc<Entity>> {
        if let Some(rule) = self.against_whole(before) {
            held.rules.push(rule);
            return None;
        }
        let attributes = self.rest_of(&before.types, &before.attributes, held);
        Some(Arc::new(Entity { attributes, ..before.header() }))
    }

    fn against_whole(&self, entity: &Entity) -> Option<usize> {
        let about = |rule: &ResidencyRule| rule.attribute.is_none() && is_of(rule, &entity.types);
        self.against.iter().find(|(_, rule)| about(rule)).map(|(number, _)| *number)
    }

    fn rest_of(&self, types: &[Name], attributes: &Attributes, held: &mut HeldBack) -> Attributes {
        let mut rest = Vec::new();
        for attribute in attributes {
            if !self.may_go(types, &attribute.name, held) {
                continue;
            }
            let mut instances = InstanceList::new();
            for instance in &attribute.instances {
                let mut extras = instance.extras.clone();
                extras.retain(|(name, _)| self.may_go(types, name, held));
                let attributes = self.rest_of(types, &instance.attributes, held);
                instances.push(Instance { attributes, extras, ..instance.clone() });
            }
            rest.push(Attribute { name: attribute.name.clone(), instances });
        }
        Attributes::from_distinct(rest)
    }

    fn may_go(&self, types: &[Name], name: &Name, held: &mut HeldBack) -> bool {
        let about =
            |rule: &ResidencyRule| rule.attribute.as_ref() == Some(name) && is_of(rule, types);
        let mut rules = self.against.iter().filter(|(_, rule)| about(rule)).peekable();
        if rules.peek().is_none() {
            return true;
        }
        held.attributes.push(name.clone());
        held.rules.extend(rules.map(|(number, _)| *number));
        false
    }
}

fn is_of(rule: &ResidencyRule, types: &[Name]) -> bool {
    rule.entity_type.as_ref().is_none_or(|meant| types.contains(meant))
}

impl HeldBack {
    pub fn is_nothing(&self) -> bool {
        self.rules.is_empty()
    }

    fn in_order(mut self) -> HeldBack {
        self.attributes.sort();
        self.attributes.dedup();
        self.rules.sort_unstable();
        self.rules.dedup();
        self
    }
}

#[cfg(test)]
#[path = "residency_tests.rs"]
mod tests;
