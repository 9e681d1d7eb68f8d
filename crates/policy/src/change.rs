//! A change is judged by what it makes of the entity, and refused in terms of what is seen of it.

use std::sync::Arc;

use model::{Applied, Change, Entity, Name, Timestamp, TypeSelector, apply};
use query::SystemMember;

use crate::cedar::{Action, Refusal};
use crate::permit::{Declined, Denied, Judge, Permitted};

impl Permitted<Change> {
    /// What the change makes of an entity, if the caller may make that of it. Asked under the lock
    /// that guards the write; `before` is the entity as readers see it who see everything.
    ///
    /// What the caller may not see does not exist for it: a refusal is the one that it would get
    /// if hidden things were not there, so that it tells nothing of them.
    pub fn apply(self, before: Option<&Arc<Entity>>, now: Timestamp) -> Result<Applied, Declined> {
        let (Change { id, types, operation, .. }, judge) = self.into_request();
        let seen = before.and_then(|entity| judge.rights(Action::Read).view(entity.clone()));
        let sees_all = match (before, &seen) {
            (Some(before), Some(seen)) => Arc::ptr_eq(before, seen),
            (None, _) => true,
            (Some(_), None) => false,
        };
        let check_types = |of: Option<&Arc<Entity>>| check_types(types.as_ref(), of);
        if sees_all {
            check_types(before)?;
            let applied = apply(&id, before.map(|entity| &**entity), operation, now)?;
            judge.allow(before, &applied)?;
            return Ok(applied);
        }
        let made = check_types(before).and_then(|()| {
            let applied = apply(&id, before.map(|entity| &**entity), operation.clone(), now)?;
            judge.allow(before, &applied)?;
            Ok(applied)
        });
        let why = match made {
            Ok(applied) => match judge.left_alone_unseen(before, &applied) {
                None => return Ok(applied),
                Some(refusal) => judge.denied(refusal).into(),
            },
            Err(why) => why,
        };
        check_types(seen.as_ref())?;
        let shown = apply(&id, seen.as_deref(), operation, now)?;
        Err(judge.told_of_change(why, seen.as_ref(), &shown))
    }
}

impl Judge {
    /// A refusal in terms of what the caller sees, `shown` being what it expects to come of it.
    fn told_of_change(
        &self,
        why: Declined,
        seen: Option<&Arc<Entity>>,
        shown: &Applied,
    ) -> Declined {
        let has = |entity: Option<&Entity>, name: &Name| {
            entity.is_some_and(|entity| entity.attributes.get(name).is_some())
        };
        let knows = |name: &Name| {
            has(shown.after.as_ref(), name)
                || has(seen.map(|entity| &**entity), name)
                || SystemMember::of(name).is_some()
        };
        match why {
            Declined::Denied(Denied::Entity {
                refusal: Refusal::Attribute(action, name), ..
            }) if seen.is_some() && knows(&name) => {
                self.denied(Refusal::Attribute(action, name)).into()
            }
            // Only hidden things stand in its way, which are not told of.
            _ => self.denied(Refusal::Entity(self.action(seen, shown))).into(),
        }
    }

    fn action(&self, before: Option<&Arc<Entity>>, applied: &Applied) -> Action {
        let before = before.map(|entity| &**entity);
        Action::of_change(before, applied.after.as_ref()).unwrap_or(Action::Update)
    }

    fn allow(&self, before: Option<&Arc<Entity>>, applied: &Applied) -> Result<(), Declined> {
        let rights = self.rights(self.action(before, applied));
        if rights.are_all() {
            return Ok(());
        }
        let allowed = rights.allow_change(before.map(|entity| &**entity), applied.after.as_ref());
        allowed.map_err(|refusal| self.denied(refusal).into())
    }

    /// An attribute that was left alone because it exists, which the caller must not learn.
    fn left_alone_unseen(
        &self,
        before: Option<&Arc<Entity>>,
        applied: &Applied,
    ) -> Option<Refusal> {
        let (before, read) = (before?, self.rights(Action::Read));
        let unseen = applied.not_updated.iter().find(|name| !read.shows(before, name))?;
        Some(Refusal::Attribute(Action::Update, unseen.clone()))
    }
}

fn check_types(types: Option<&TypeSelector>, of: Option<&Arc<Entity>>) -> Result<(), Declined> {
    match (types, of) {
        (Some(types), Some(entity)) if !types.matches(&entity.types) => {
            Err(Declined::OtherType(entity.id.clone()))
        }
        _ => Ok(()),
    }
}
