//! What filters mean: which entities match.

mod comparison;
mod target;
#[cfg(test)]
pub(crate) mod tests;

use model::{Attribute, Entity, Name, Scope, Value};

use crate::filter::{Condition, Filter, GeoCondition, Link, Links, ScopeCondition, Test};
use crate::geo::PreparedGeo;

pub(crate) use comparison::plain;
pub(crate) use target::{Found, default_or_first, first};

impl Filter {
    /// Does the entity match? `links` finds the entities that it points to.
    ///
    /// To ask the same of many entities, ask [`Filter::prepared`].
    pub fn matches(&self, entity: &Entity, links: &dyn Links) -> bool {
        match self {
            Filter::Everything => true,
            Filter::Ids(ids) => ids.contains(&entity.id),
            Filter::IdPattern(pattern) => pattern.is_match(entity.id.as_str()),
            Filter::IdsAfter(id) => entity.id > *id,
            Filter::Types(selector) => selector.matches(&entity.types),
            Filter::Attributes(names) => has_any(entity, names),
            Filter::Condition(condition) => condition.matches(entity, links),
            Filter::Geo(condition) => condition.matches(entity),
            Filter::Scope(condition) => condition.matches(&entity.scopes),
            Filter::All(all) => all.iter().all(|one| one.matches(entity, links)),
            Filter::Any(any) => any.iter().any(|one| one.matches(entity, links)),
            Filter::Not(inner) => !inner.matches(entity, links),
        }
    }
}

pub(crate) fn has_any(entity: &Entity, names: &[Name]) -> bool {
    names.iter().any(|name| entity.attributes.get(name).is_some())
}

impl GeoCondition {
    /// One instance of the GeoProperty that matches is enough (clause 5.7.2.4).
    pub fn matches(&self, entity: &Entity) -> bool {
        PreparedGeo::new(self).matches_any(entity.attributes.get(&self.property))
    }
}

impl PreparedGeo {
    pub(crate) fn matches_any(&self, attribute: Option<&Attribute>) -> bool {
        let mut instances = attribute.into_iter().flat_map(|attribute| &attribute.instances);
        instances.any(|instance| match &instance.value {
            Value::GeoProperty(geometry) => self.matches(geometry),
            _ => false,
        })
    }
}

impl ScopeCondition {
    /// Does an entity with these scopes match? Different scopes may meet different parts of a
    /// conjunction (clause 4.19, example 4).
    pub fn matches(&self, scopes: &[Scope]) -> bool {
        match self {
            ScopeCondition::All(all) => all.iter().all(|one| one.matches(scopes)),
            ScopeCondition::Any(any) => any.iter().any(|one| one.matches(scopes)),
            ScopeCondition::Matches { levels, below } => {
                scopes.iter().any(|scope| lies_at(scope, levels, *below))
            }
        }
    }
}

fn lies_at(scope: &Scope, levels: &[Option<String>], below: bool) -> bool {
    let mut found = scope.levels();
    let all_found = levels.iter().all(|wanted| {
        found.next().is_some_and(|level| wanted.as_ref().is_none_or(|wanted| wanted == level))
    });
    all_found && (below || found.next().is_none())
}

impl Condition {
    pub fn matches(&self, entity: &Entity, links: &dyn Links) -> bool {
        match self {
            Condition::All(all) => all.iter().all(|one| one.matches(entity, links)),
            Condition::Any(any) => any.iter().any(|one| one.matches(entity, links)),
            Condition::Test(test) => test.matches(entity, links),
        }
    }
}

impl Test {
    /// One linked entity that matches is enough, and one instance of an attribute.
    pub fn matches(&self, entity: &Entity, links: &dyn Links) -> bool {
        let found = any_linked(entity, &self.target.links, links, &mut |entity| {
            target::any(entity, &self.target.attributes, &mut |found| {
                self.comparison.holds_for(found, &self.target.inside)
            })
        });
        found != self.comparison.wants_absence()
    }
}

/// Is there an entity at the end of these links for which `holds`?
fn any_linked(
    entity: &Entity,
    path: &[Link],
    links: &dyn Links,
    holds: &mut dyn FnMut(&Entity) -> bool,
) -> bool {
    let Some((link, rest)) = path.split_first() else { return holds(entity) };
    let Some(attribute) = entity.attributes.get(&link.relationship) else { return false };
    let mut targets = attribute.instances.iter().flat_map(|instance| instance.value.targets());
    targets.any(|id| {
        let linked = links.entity(id);
        let of_type =
            |linked: &Entity| link.types.as_ref().is_none_or(|types| types.matches(&linked.types));
        linked.is_some_and(|linked| of_type(&linked) && any_linked(&linked, rest, links, holds))
    })
}
