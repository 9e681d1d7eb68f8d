//! Questions of a caller, asked so that they find what they would find in the caller's view.
//!
//! For every entity `e`, filter `f` and rights `r`:
//! `r.narrow(&f).matches(e)` is `r.view(e).is_some_and(|seen| f.matches(seen))`.

use std::sync::Arc;

use model::{Entity, EntityId, Name};
use query::{Comparison, Condition, Filter, Links, OrderBy, Test};

use super::rights::{Hidden, Rights};

/// Linked entities as the caller may see them. Conditions on linked entities must be asked with
/// these, in a narrowed filter too.
#[derive(Clone, Copy)]
pub struct LinksInView<'a> {
    rights: &'a Rights,
    links: &'a dyn Links,
}

impl std::fmt::Debug for LinksInView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinksInView").field("rights", self.rights).finish_non_exhaustive()
    }
}

impl Links for LinksInView<'_> {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.rights.view(self.links.entity(id)?)
    }
}

/// An order that tells no more than the caller may see.
#[derive(Clone, Debug)]
pub struct OrderInView {
    pub keys: Vec<OrderBy>,
    /// Must keys be taken from [`Rights::view`] of each entity? Then an index of the values as
    /// they are would tell where hidden ones stand.
    pub of_views: bool,
}

impl Rights {
    /// The filter that finds an entity where `filter` finds what the caller may see of it.
    pub fn narrow(&self, filter: &Filter) -> Filter {
        all(vec![self.within().clone(), self.narrowed(filter)])
    }

    /// Linked entities as the caller may see them.
    pub fn links<'a>(&'a self, links: &'a dyn Links) -> LinksInView<'a> {
        LinksInView { rights: self, links }
    }

    /// Keys by which all entities look alike to the caller are left out.
    pub fn order(&self, keys: &[OrderBy]) -> OrderInView {
        let mut of_views = false;
        let seen = |key: &&OrderBy| match key.attribute_read().map(|name| self.hidden(name)) {
            None | Some(Hidden::Never) => true,
            Some(Hidden::Always) => false,
            Some(Hidden::On(_)) => {
                of_views = true;
                true
            }
        };
        let keys = keys.iter().filter(seen).cloned().collect();
        OrderInView { keys, of_views }
    }

    /// The filter as it is asked of an entity that the caller may see.
    fn narrowed(&self, filter: &Filter) -> Filter {
        if filter.attributes_read().into_iter().all(|name| self.never_hides(name)) {
            return filter.clone();
        }
        match filter {
            Filter::Attributes(names) => any(self.any_attribute(names)),
            Filter::Condition(condition) => self.condition(condition),
            Filter::Geo(geo) => self.where_seen(&geo.property, filter.clone()),
            Filter::All(parts) => all(parts.iter().map(|part| self.narrowed(part)).collect()),
            Filter::Any(parts) => any(parts.iter().map(|part| self.narrowed(part)).collect()),
            Filter::Not(inner) => not(self.narrowed(inner)),
            Filter::Everything
            | Filter::Ids(_)
            | Filter::IdPattern(_)
            | Filter::IdsAfter(_)
            | Filter::Types(_)
            | Filter::Scope(_) => filter.clone(),
        }
    }

    fn never_hides(&self, name: &Name) -> bool {
        matches!(self.hidden(name), Hidden::Never)
    }

    /// Those never hidden stay together, so that an index answers them together.
    fn any_attribute(&self, names: &[Name]) -> Vec<Filter> {
        let (seen, other): (Vec<Name>, Vec<Name>) =
            names.iter().cloned().partition(|name| self.never_hides(name));
        let seen = (!seen.is_empty()).then_some(Filter::Attributes(seen));
        let other = other
            .into_iter()
            .map(|name| self.where_seen(&name, Filter::Attributes(vec![name.clone()])));
        seen.into_iter().chain(other).collect()
    }

    fn condition(&self, condition: &Condition) -> Filter {
        match condition {
            Condition::All(parts) => all(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Any(parts) => any(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Test(test) => self.test(test),
        }
    }

    fn test(&self, test: &Test) -> Filter {
        let asked = Filter::Condition(Condition::Test(test.clone()));
        let name = match test.target.links.first() {
            Some(link) => Some(&link.relationship),
            None => test.target.attributes.first(),
        };
        let Some(name) = name else { return asked };
        match (&test.comparison, self.hidden(name)) {
            (_, Hidden::Never) => asked,
            (Comparison::Absent, Hidden::Always) => Filter::Everything,
            (Comparison::Absent, Hidden::On(on)) => any(vec![asked, on]),
            _ => self.where_seen(name, asked),
        }
    }

    /// The filter where it may look at the attribute; nothing elsewhere.
    fn where_seen(&self, attribute: &Name, filter: Filter) -> Filter {
        match self.hidden(attribute) {
            Hidden::Never => filter,
            Hidden::Always => Filter::Any(Vec::new()),
            Hidden::On(on) => all(vec![filter, not(on)]),
        }
    }
}

/// A conjunction without parts that say nothing: stores look at its parts for an index.
fn all(parts: Vec<Filter>) -> Filter {
    let mut said = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Filter::Everything => {}
            Filter::All(parts) => said.extend(parts),
            Filter::Any(parts) if parts.is_empty() => return Filter::Any(parts),
            part => said.push(part),
        }
    }
    match said.pop() {
        None => Filter::Everything,
        Some(only) if said.is_empty() => only,
        Some(last) => {
            said.push(last);
            Filter::All(said)
        }
    }
}

fn any(parts: Vec<Filter>) -> Filter {
    let mut said = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Filter::Everything => return Filter::Everything,
            Filter::Any(parts) => said.extend(parts),
            part => said.push(part),
        }
    }
    match said.pop() {
        Some(only) if said.is_empty() => only,
        last => {
            said.extend(last);
            Filter::Any(said)
        }
    }
}

fn not(filter: Filter) -> Filter {
    match filter {
        Filter::Everything => Filter::Any(Vec::new()),
        Filter::Any(parts) if parts.is_empty() => Filter::Everything,
        Filter::Not(inner) => *inner,
        filter => Filter::Not(Box::new(filter)),
    }
}
