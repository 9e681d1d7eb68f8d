//! Entities, and the selection of entities by type.

use std::sync::Arc;

use crate::attribute::Attributes;
use crate::identifier::{EntityId, Name};
use crate::scope::Scope;
use crate::time::{DateTime, Timestamp};

/// What is known of one thing (clause 4.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    pub id: EntityId,
    /// At least one, none twice (clause 4.16).
    pub types: Vec<Name>,
    /// None twice (clause 4.18).
    pub scopes: Vec<Scope>,
    pub expires_at: Option<DateTime>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub attributes: Attributes,
}

impl Entity {
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at.instant() <= now)
    }

    /// The entity without its attributes.
    pub fn header(&self) -> Entity {
        Entity {
            id: self.id.clone(),
            types: self.types.clone(),
            scopes: self.scopes.clone(),
            attributes: Attributes::default(),
            ..*self
        }
    }

    /// The entity as readers see it at a moment: without what has expired (clause 4.22).
    pub fn alive(self: Arc<Self>, now: Timestamp) -> Option<Arc<Entity>> {
        if self.is_expired(now) {
            return None;
        }
        match self.attributes.next_expiry() {
            Some(expiry) if expiry <= now => {
                let attributes = self.attributes.without_expired(now);
                Some(Arc::new(Entity { attributes, ..self.header() }))
            }
            _ => Some(self),
        }
    }

    /// The first moment at which the entity or something in it expires.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let own = self.expires_at.map(|at| at.instant());
        own.into_iter().chain(self.attributes.next_expiry()).min()
    }
}

/// An entity as a client gives it: whole, and without system times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// At least one.
    pub types: Vec<Name>,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<DateTime>,
    pub attributes: Attributes,
}

impl Draft {
    /// The entity that this draft describes, created at one moment and modified at another.
    pub fn into_entity(mut self, id: EntityId, created_at: Timestamp, now: Timestamp) -> Entity {
        for attribute in &mut self.attributes.0 {
            for instance in &mut attribute.instances {
                instance.stamp(now, now);
            }
        }
        Entity {
            id,
            types: distinct(self.types),
            scopes: distinct(self.scopes),
            expires_at: self.expires_at,
            created_at,
            modified_at: now,
            attributes: self.attributes,
        }
    }
}

fn distinct<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    all
}

/// Which entity types are meant (clause 4.17): `Building`, `(Home;Vehicle)`, `A|B`, `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeSelector {
    /// Every type there is.
    Any,
    Is(Name),
    AllOf(Vec<TypeSelector>),
    OneOf(Vec<TypeSelector>),
}

impl TypeSelector {
    pub fn matches(&self, types: &[Name]) -> bool {
        match self {
            TypeSelector::Any => true,
            TypeSelector::Is(name) => types.contains(name),
            TypeSelector::AllOf(all) => all.iter().all(|one| one.matches(types)),
            TypeSelector::OneOf(any) => any.iter().any(|one| one.matches(types)),
        }
    }
}
