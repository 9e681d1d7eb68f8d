//! What a caller may do: which entities are meant, and which of their attributes are not.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Attributes, Entity, Name};
use query::{Filter, NoLinks, SystemMember};

use super::action::Action;

/// What policies come to for one caller, one action and one tenant.
#[derive(Clone, Debug)]
pub struct Rights {
    action: Action,
    within: Filter,
    withheld: Vec<Withheld>,
}

/// Attributes that are left out of a right, and on which entities. For reading, they are not seen;
/// for changes, they cannot be written or removed.
#[derive(Clone, Debug)]
pub struct Withheld {
    /// Asked of the entity as it is, not as the caller sees it.
    pub on: Filter,
    pub attributes: AttributeSet,
}

/// Some attributes by name, or all but some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeSet {
    Only(BTreeSet<Name>),
    AllBut(BTreeSet<Name>),
}

impl AttributeSet {
    /// Is an attribute hidden that is in one of these?
    pub fn hide(sets: &[AttributeSet], name: &Name) -> bool {
        may_be_hidden(name) && sets.iter().any(|set| set.contains(name))
    }

    pub fn contains(&self, name: &Name) -> bool {
        match self {
            AttributeSet::Only(names) => names.contains(name),
            AttributeSet::AllBut(names) => !names.contains(name),
        }
    }
}

/// On which entities an attribute is hidden.
#[derive(Clone, Debug)]
pub enum Hidden {
    Never,
    On(Filter),
    Always,
}

impl Rights {
    pub(super) fn new(action: Action, within: Filter, withheld: Vec<Withheld>) -> Rights {
        Rights { action, within, withheld }
    }

    /// To do nothing at all.
    pub(super) fn none(action: Action) -> Rights {
        Rights::new(action, Filter::Any(Vec::new()), Vec::new())
    }

    pub fn action(&self) -> Action {
        self.action
    }

    /// Which entities are meant. Follows no links.
    pub fn within(&self) -> &Filter {
        &self.within
    }

    pub fn withheld(&self) -> &[Withheld] {
        &self.withheld
    }

    /// Is there no entity for which these would do? Of an action on a tenant: is it refused?
    pub fn are_none(&self) -> bool {
        matches!(&self.within, Filter::Any(parts) if parts.is_empty())
    }

    /// Do these take nothing away?
    pub fn are_all(&self) -> bool {
        matches!(self.within, Filter::Everything) && self.withheld.is_empty()
    }

    /// What the caller may see of an entity, if it may see it at all: with all hidden attributes
    /// left out, as if they had never been written. Copies only where something is left out.
    pub fn view(&self, entity: Arc<Entity>) -> Option<Arc<Entity>> {
        if !self.covers(&entity) {
            return None;
        }
        let withheld = self.withheld_on(&entity);
        if withheld.is_empty() {
            return Some(entity);
        }
        let is_hidden = |name: &Name| may_be_hidden(name) && is_among(&withheld, name);
        if !entity.attributes.iter().any(|attribute| is_hidden(&attribute.name)) {
            return Some(entity);
        }
        let seen = entity.attributes.iter().filter(|attribute| !is_hidden(&attribute.name));
        let attributes = Attributes::from_distinct(seen.cloned().collect());
        Some(Arc::new(Entity { attributes, ..entity.header() }))
    }

    /// May the caller see this attribute of an entity that it may see?
    pub fn shows(&self, entity: &Entity, attribute: &Name) -> bool {
        !may_be_hidden(attribute) || !is_among(&self.withheld_on(entity), attribute)
    }

    /// Does the right hold for this entity, for one of its attributes at least?
    pub fn covers(&self, entity: &Entity) -> bool {
        self.within.matches(entity, &NoLinks)
    }

    /// The attributes of an entity that decide what [`Rights::view`] makes of it: whoever reads
    /// less than a whole entity reads these too.
    pub fn attributes_read(&self) -> Vec<&Name> {
        let conditions = self.withheld.iter().map(|withheld| &withheld.on);
        std::iter::once(&self.within).chain(conditions).flat_map(Filter::attributes_read).collect()
    }

    pub(super) fn withheld_on(&self, entity: &Entity) -> Vec<&AttributeSet> {
        let on = self.withheld.iter().filter(|withheld| withheld.on.matches(entity, &NoLinks));
        on.map(|withheld| &withheld.attributes).collect()
    }

    /// On which entities readers do not see an attribute.
    pub fn hidden(&self, attribute: &Name) -> Hidden {
        if !may_be_hidden(attribute) {
            return Hidden::Never;
        }
        let withheld = self.withheld.iter().filter(|one| one.attributes.contains(attribute));
        let mut on: Vec<&Filter> = withheld.map(|withheld| &withheld.on).collect();
        if on.iter().any(|on| matches!(on, Filter::Everything)) {
            return Hidden::Always;
        }
        match (on.pop(), on.is_empty()) {
            (None, _) => Hidden::Never,
            (Some(only), true) => Hidden::On(only.clone()),
            (Some(last), false) => {
                on.push(last);
                Hidden::On(Filter::Any(on.into_iter().cloned().collect()))
            }
        }
    }
}

/// Members that the standard defines come with the entity, whatever else of it is hidden.
fn may_be_hidden(name: &Name) -> bool {
    SystemMember::of(name).is_none()
}

pub(super) fn is_among(sets: &[&AttributeSet], name: &Name) -> bool {
    sets.iter().any(|set| set.contains(name))
}
