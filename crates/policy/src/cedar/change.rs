//! Whether an entity may become another: judged by what is before and after, whatever the request
//! looked like that led from one to the other.

use std::collections::BTreeSet;

use model::{Entity, Name, SCOPE};

use super::action::Action;
use super::rights::{Rights, is_among};

/// Why a change is not allowed. To be told to the caller, who knows the names already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("may not {0} this entity")]
    Entity(Action),
    /// It would become one that the caller may not touch.
    #[error("may not {0} this entity so that it becomes such a one")]
    Result(Action),
    #[error("may not {0} `{1}` of this entity")]
    Attribute(Action, Name),
}

/// Members of an entity that changes may concern beside attributes.
pub(super) fn type_member() -> Name {
    Name::new("@type")
}

pub(super) fn scope_member() -> Name {
    Name::new(SCOPE)
}

pub(super) fn expiry_member() -> Name {
    Name::new("https://uri.etsi.org/ngsi-ld/expiresAt")
}

impl Action {
    /// What it is called when one entity becomes the other; nothing where there is none.
    pub fn of_change(before: Option<&Entity>, after: Option<&Entity>) -> Option<Action> {
        match (before, after) {
            (None, None) => None,
            (None, Some(_)) => Some(Action::Create),
            (Some(_), Some(_)) => Some(Action::Update),
            (Some(_), None) => Some(Action::Delete),
        }
    }
}

impl Rights {
    /// May what is `before` become what is `after`, one of them perhaps nothing?
    ///
    /// Both must be entities that the rights cover, so that nobody moves an entity out of reach or
    /// into it; and no attribute may change that is withheld on either of them. An attribute that
    /// is written again with the same value counts as changed, since its times do.
    pub fn allow_change(
        &self,
        before: Option<&Entity>,
        after: Option<&Entity>,
    ) -> Result<(), Refusal> {
        if before.is_some_and(|before| !self.covers(before)) {
            return Err(Refusal::Entity(self.action()));
        }
        if let Some(after) = after.filter(|after| !self.covers(after)) {
            let known = before.is_some_and(|before| before.id == after.id);
            let refusal = if known { Refusal::Result } else { Refusal::Entity };
            return Err(refusal(self.action()));
        }
        // To delete an entity is an action of its own, whoever may write which attributes of it.
        let Some(after) = after else { return Ok(()) };
        let entities = before.into_iter().chain([after]);
        let withheld: Vec<_> = entities.flat_map(|entity| self.withheld_on(entity)).collect();
        if withheld.is_empty() {
            return Ok(());
        }
        let touched = match before {
            Some(before) => changed(before, after),
            None => all_of(after),
        };
        match touched.into_iter().find(|name| is_among(&withheld, name)) {
            Some(name) => Err(Refusal::Attribute(self.action(), name)),
            None => Ok(()),
        }
    }
}

/// Of a new entity: its types are what makes it one, not a member somebody writes.
fn all_of(entity: &Entity) -> BTreeSet<Name> {
    let attributes = entity.attributes.iter().map(|attribute| attribute.name.clone());
    let scopes = (!entity.scopes.is_empty()).then(scope_member);
    let expiry = entity.expires_at.map(|_| expiry_member());
    attributes.chain(scopes).chain(expiry).collect()
}

fn changed(before: &Entity, after: &Entity) -> BTreeSet<Name> {
    let names = before.attributes.iter().chain(after.attributes.iter()).map(|one| &one.name);
    let mut changed: BTreeSet<Name> = names
        .filter(|name| before.attributes.get(name) != after.attributes.get(name))
        .cloned()
        .collect();
    changed.extend((before.types != after.types).then(type_member));
    changed.extend((before.scopes != after.scopes).then(scope_member));
    changed.extend((before.expires_at != after.expires_at).then(expiry_member));
    changed
}
