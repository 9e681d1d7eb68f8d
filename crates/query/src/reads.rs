//! What a question looks at, so that a store need not read the rest of an entity.

use model::Name;

use crate::filter::{Condition, Filter, OrderBy, OrderKey, Test};

impl Filter {
    /// The attributes of an entity that decide whether it matches: with all others left out, the
    /// answer of [`Filter::matches`] is the same.
    pub fn attributes_read(&self) -> Vec<&Name> {
        let mut names = Vec::new();
        self.collect_attributes(&mut names);
        names
    }

    fn collect_attributes<'a>(&'a self, names: &mut Vec<&'a Name>) {
        match self {
            Filter::Everything
            | Filter::Ids(_)
            | Filter::IdPattern(_)
            | Filter::IdsAfter(_)
            | Filter::Types(_)
            | Filter::Scope(_) => {}
            Filter::Attributes(attributes) => names.extend(attributes),
            Filter::Condition(condition) => condition.collect_attributes(names),
            Filter::Geo(geo) => names.push(&geo.property),
            Filter::All(parts) | Filter::Any(parts) => {
                parts.iter().for_each(|part| part.collect_attributes(names));
            }
            Filter::Not(inner) => inner.collect_attributes(names),
        }
    }
}

impl Condition {
    fn collect_attributes<'a>(&'a self, names: &mut Vec<&'a Name>) {
        match self {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| part.collect_attributes(names));
            }
            Condition::Test(test) => names.extend(test.attribute_read()),
        }
    }
}

impl Test {
    /// Of the entity itself: its relationship to a linked one, where it asks about that.
    fn attribute_read(&self) -> Option<&Name> {
        match self.target.links.first() {
            Some(link) => Some(&link.relationship),
            None => self.target.attributes.first(),
        }
    }
}

impl OrderBy {
    /// The attribute of an entity that decides where it stands, if one does.
    pub fn attribute_read(&self) -> Option<&Name> {
        match &self.key {
            OrderKey::Id | OrderKey::Type => None,
            OrderKey::Value(target) => target.attributes.first(),
            OrderKey::Distance { property, .. } => Some(property),
        }
    }
}
