//! Filters taken apart: for stores that choose an index, and for many entities in a row.

use model::{Entity, EntityId, Name, TypeSelector};

use crate::filter::{Condition, Filter, GeoCondition, Links, ScopeCondition, Test};
use crate::geo::PreparedGeo;
use crate::meaning::has_any;
use crate::pattern::IdPattern;

/// One of the parts that must all hold.
#[derive(Clone, Copy, Debug)]
pub enum Conjunct<'a> {
    Ids(&'a [EntityId]),
    Types(&'a TypeSelector),
    Scope(&'a ScopeCondition),
    Attributes(&'a [Name]),
    Test(&'a Test),
    /// At least one of these conditions.
    AnyOf(&'a [Condition]),
    /// At least one of these filters.
    AnyFilter(&'a [Filter]),
    /// Not this filter.
    Not(&'a Filter),
    IdPattern(&'a IdPattern),
    IdsAfter(&'a EntityId),
    Geo(&'a GeoCondition),
}

impl Filter {
    /// All that must hold for an entity to match: nothing, and it is everything. No part is
    /// itself a conjunction.
    pub fn conjuncts(&self) -> Vec<Conjunct<'_>> {
        let mut parts = Vec::new();
        self.take_apart(&mut parts);
        parts
    }

    fn take_apart<'a>(&'a self, parts: &mut Vec<Conjunct<'a>>) {
        match self {
            Filter::Everything => {}
            Filter::Ids(ids) => parts.push(Conjunct::Ids(ids)),
            Filter::IdPattern(pattern) => parts.push(Conjunct::IdPattern(pattern)),
            Filter::IdsAfter(id) => parts.push(Conjunct::IdsAfter(id)),
            Filter::Types(selector) => parts.push(Conjunct::Types(selector)),
            Filter::Attributes(names) => parts.push(Conjunct::Attributes(names)),
            Filter::Condition(condition) => condition.take_apart(parts),
            Filter::Geo(condition) => parts.push(Conjunct::Geo(condition)),
            Filter::Scope(condition) => parts.push(Conjunct::Scope(condition)),
            Filter::All(all) => all.iter().for_each(|one| one.take_apart(parts)),
            Filter::Any(any) => parts.push(Conjunct::AnyFilter(any)),
            Filter::Not(inner) => parts.push(Conjunct::Not(inner)),
        }
    }

    /// The same filter, made ready to be asked of many entities: geometries are read once, and
    /// what costs least is asked first.
    pub fn prepared(&self) -> PreparedFilter<'_> {
        let mut parts: Vec<Part<'_>> = self.conjuncts().into_iter().map(Part::new).collect();
        parts.sort_by_key(|part| part.cost);
        PreparedFilter { parts }
    }
}

impl Condition {
    fn take_apart<'a>(&'a self, parts: &mut Vec<Conjunct<'a>>) {
        match self {
            Condition::All(all) => all.iter().for_each(|one| one.take_apart(parts)),
            Condition::Any(any) => parts.push(Conjunct::AnyOf(any)),
            Condition::Test(test) => parts.push(Conjunct::Test(test)),
        }
    }

    /// How many relationships must be followed at most (clause 5.7.2.4, too deep query).
    pub fn link_depth(&self) -> usize {
        match self {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().map(Condition::link_depth).max().unwrap_or(0)
            }
            Condition::Test(test) => test.target.links.len(),
        }
    }

    /// Does it ask for any attribute that is not a system attribute (clause 5.7.2.4, too wide
    /// query)?
    pub fn asks_for_attributes(&self) -> bool {
        match self {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().any(Condition::asks_for_attributes)
            }
            Condition::Test(test) => !test.target.is_system(),
        }
    }
}

/// A [`Filter`] that will be asked of many entities.
#[derive(Clone, Debug)]
pub struct PreparedFilter<'a> {
    parts: Vec<Part<'a>>,
}

impl PreparedFilter<'_> {
    /// As [`Filter::matches`].
    pub fn matches(&self, entity: &Entity, links: &dyn Links) -> bool {
        self.parts.iter().all(|part| part.matches(entity, links))
    }
}

#[derive(Clone, Debug)]
struct Part<'a> {
    conjunct: Conjunct<'a>,
    geo: Option<PreparedGeo>,
    cost: u8,
}

impl<'a> Part<'a> {
    fn new(conjunct: Conjunct<'a>) -> Part<'a> {
        let (cost, geo) = match conjunct {
            Conjunct::Ids(_) | Conjunct::IdsAfter(_) | Conjunct::Types(_) => (0, None),
            Conjunct::Scope(_) | Conjunct::Attributes(_) => (1, None),
            Conjunct::Test(test) if test.target.links.is_empty() => (2, None),
            Conjunct::IdPattern(_) => (3, None),
            Conjunct::AnyOf(_) | Conjunct::AnyFilter(_) | Conjunct::Not(_) => (4, None),
            Conjunct::Geo(condition) => (5, Some(PreparedGeo::new(condition))),
            Conjunct::Test(_) => (6, None),
        };
        Part { conjunct, geo, cost }
    }

    fn matches(&self, entity: &Entity, links: &dyn Links) -> bool {
        match (self.conjunct, &self.geo) {
            (Conjunct::Geo(condition), Some(geo)) => {
                geo.matches_any(entity.attributes.get(&condition.property))
            }
            (conjunct, _) => conjunct.matches(entity, links),
        }
    }
}

impl Conjunct<'_> {
    pub fn matches(&self, entity: &Entity, links: &dyn Links) -> bool {
        match self {
            Conjunct::Ids(ids) => ids.contains(&entity.id),
            Conjunct::Types(selector) => selector.matches(&entity.types),
            Conjunct::Scope(condition) => condition.matches(&entity.scopes),
            Conjunct::Attributes(names) => has_any(entity, names),
            Conjunct::Test(test) => test.matches(entity, links),
            Conjunct::AnyOf(any) => any.iter().any(|one| one.matches(entity, links)),
            Conjunct::AnyFilter(any) => any.iter().any(|one| one.matches(entity, links)),
            Conjunct::Not(filter) => !filter.matches(entity, links),
            Conjunct::IdPattern(pattern) => pattern.is_match(entity.id.as_str()),
            Conjunct::IdsAfter(id) => entity.id > **id,
            Conjunct::Geo(condition) => condition.matches(entity),
        }
    }
}
