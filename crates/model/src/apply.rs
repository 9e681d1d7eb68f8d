//! What each operation makes of an entity. Pure: the moment is an argument.

use crate::attribute::{Attribute, Attributes, Instance, Kind};
use crate::change::{Instances, Operation};
use crate::entity::{Draft, Entity};
use crate::history::SCOPE;
use crate::identifier::{EntityId, Name, Uri};
use crate::merge;
use crate::patch::{AttributePatch, Field, Fragment, Incomplete, InstancePatch, ValuePatch};
use crate::scope::Scope;
use crate::time::Timestamp;

/// What an operation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The entity as it is now. Nothing where it was deleted.
    pub after: Option<Entity>,
    /// What was left as it was although the fragment names it: attributes that exist where
    /// overwriting was not allowed (5.6.3), and a scope where there was none to update (5.6.2).
    pub not_updated: Vec<Name>,
    /// Attributes that a fragment added, replaced or removed.
    pub updated: Vec<Name>,
}

/// Why an operation cannot be done on this entity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("entity `{0}` does not exist")]
    Unknown(EntityId),
    #[error("entity `{0}` already exists")]
    Exists(EntityId),
    #[error("the entity has no attribute `{0}`")]
    NoAttribute(Name),
    #[error("attribute `{0}` has no instance with datasetId `{1}`")]
    NoInstance(Name, Uri),
    #[error("attribute `{0}` has no default instance; name one by its datasetId")]
    NoDefaultInstance(Name),
    #[error("the evolution of attribute `{0}` has no instance `{1}`")]
    NoReading(Name, Uri),
    #[error("entity `{0}` has no temporal evolution, and cannot get one without a type")]
    NoTypes(EntityId),
    #[error("the entity has no scope")]
    NoScope,
    #[error("attribute `{name}` is a {}; a patch cannot make it a {}", found.term(), wanted.term())]
    KindChanged { name: Name, found: Kind, wanted: Kind },
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    #[error("attribute `{0}`: {1}")]
    InvalidValue(Name, String),
    #[error("the entity would have {0} attributes; the limit is {1} (setting `attributes_max`)")]
    TooManyAttributes(usize, usize),
}

/// The entity after `operation`, which is meant for the entity `id`.
///
/// `before` is the entity as readers see it: nothing where it does not exist or has expired.
/// Members an operation does not name stay as they are.
pub fn apply(
    id: &EntityId,
    before: Option<&Entity>,
    operation: Operation,
    now: Timestamp,
) -> Result<Applied, Refused> {
    match (operation, before) {
        (Operation::Create(_), Some(_)) => Err(Refused::Exists(id.clone())),
        (
            Operation::Create(draft)
            | Operation::CreateOrReplace(draft)
            | Operation::CreateOrAppend(draft),
            None,
        ) => Ok(whole(draft.into_entity(id.clone(), now, now))),
        (_, None) => Err(Refused::Unknown(id.clone())),
        (Operation::Replace(draft) | Operation::CreateOrReplace(draft), Some(before)) => {
            Ok(whole(draft.into_entity(id.clone(), before.created_at, now)))
        }
        (Operation::CreateOrAppend(draft), Some(before)) => Ok(append_draft(before, draft, now)),
        (Operation::Delete, Some(_)) => {
            Ok(Applied { after: None, not_updated: Vec::new(), updated: Vec::new() })
        }
        (operation, Some(before)) => modify(before.clone(), operation, now),
    }
}

fn whole(entity: Entity) -> Applied {
    let updated = entity.attributes.iter().map(|attribute| attribute.name.clone()).collect();
    Applied { after: Some(entity), not_updated: Vec::new(), updated }
}

/// An entity on its way from before to after.
struct Work {
    entity: Entity,
    now: Timestamp,
    updated: Vec<Name>,
    not_updated: Vec<Name>,
}

fn modify(before: Entity, operation: Operation, now: Timestamp) -> Result<Applied, Refused> {
    let mut work = Work { entity: before, now, updated: Vec::new(), not_updated: Vec::new() };
    match operation {
        Operation::Append { fragment, overwrite } => work.append(fragment, overwrite)?,
        Operation::Update(fragment) => work.update(fragment)?,
        Operation::Merge { fragment, observed_at } => {
            work.merge(fragment, observed_at)?;
        }
        Operation::UpdateAttribute { name, patch } => work.update_attribute(name, patch)?,
        Operation::ReplaceAttribute(attribute) => work.replace_attribute(attribute)?,
        Operation::SetValue { name, dataset_id, value, observed_at } => {
            let instance = work.instance_mut(&name, dataset_id.as_ref())?;
            merge::set_value(&name, instance, &value)?;
            if observed_at.is_some() {
                instance.observed_at = observed_at;
            }
            instance.modified_at = now;
            work.updated.push(name);
        }
        Operation::DeleteAttribute { name, instances } => {
            work.delete_attribute(name, &instances)?
        }
        Operation::DeleteScope if work.entity.scopes.is_empty() => return Err(Refused::NoScope),
        Operation::DeleteScope => work.entity.scopes.clear(),
        Operation::Drop(names) => work.retain(|name| !names.contains(name)),
        Operation::Retain(names) => work.retain(|name| names.contains(name)),
        Operation::Expire => work.entity.attributes = work.entity.attributes.without_expired(now),
        Operation::Create(_)
        | Operation::Replace(_)
        | Operation::CreateOrReplace(_)
        | Operation::CreateOrAppend(_)
        | Operation::Delete => {} // Done above, on the whole entity.
    }
    work.entity.modified_at = now;
    Ok(Applied { after: Some(work.entity), not_updated: work.not_updated, updated: work.updated })
}

fn append_draft(before: &Entity, draft: Draft, now: Timestamp) -> Applied {
    let mut work =
        Work { entity: before.clone(), now, updated: Vec::new(), not_updated: Vec::new() };
    work.add_types(draft.types);
    if !draft.scopes.is_empty() {
        work.entity.scopes = draft.scopes;
    }
    if draft.expires_at.is_some() {
        work.entity.expires_at = draft.expires_at;
    }
    for Attribute { name, instances } in draft.attributes {
        for instance in instances {
            work.put(&name, instance);
        }
        work.updated.push(name);
    }
    work.entity.modified_at = now;
    Applied { after: Some(work.entity), not_updated: Vec::new(), updated: work.updated }
}

impl Work {
    /// 5.6.3.
    fn append(&mut self, fragment: Fragment, overwrite: bool) -> Result<(), Refused> {
        self.add_types(fragment.types);
        match fragment.scopes {
            Field::Set(scopes) if overwrite => self.entity.scopes = scopes,
            Field::Set(scopes) => self.add_scopes(scopes),
            Field::Keep | Field::Remove => {}
        }
        if overwrite || self.entity.expires_at.is_none() {
            self.entity.expires_at = fragment.expires_at.over(self.entity.expires_at);
        }
        for (name, patch) in fragment.attributes {
            let attribute = patch.into_attribute(name.clone())?;
            for instance in attribute.instances {
                let known = self.known(&name, instance.dataset_id.as_ref()).is_some();
                if known && !overwrite {
                    note(&mut self.not_updated, &name);
                } else {
                    self.put(&name, instance);
                    note(&mut self.updated, &name);
                }
            }
        }
        Ok(())
    }

    /// 5.6.2, by the algorithm of 5.5.8.
    fn update(&mut self, fragment: Fragment) -> Result<(), Refused> {
        self.add_types(fragment.types);
        match fragment.scopes {
            Field::Set(scopes) if !self.entity.scopes.is_empty() => self.entity.scopes = scopes,
            Field::Remove => self.entity.scopes.clear(),
            Field::Set(_) => self.not_updated.push(Name::new(SCOPE)),
            Field::Keep => {}
        }
        self.entity.expires_at = fragment.expires_at.over(self.entity.expires_at);
        for (name, patch) in fragment.attributes {
            match patch {
                AttributePatch::Remove => drop(self.entity.attributes.remove(&name)),
                AttributePatch::Instances(patches) => {
                    for patch in patches {
                        self.update_instance(&name, patch)?;
                    }
                }
            }
            note(&mut self.updated, &name);
        }
        Ok(())
    }

    fn update_instance(&mut self, name: &Name, patch: InstancePatch) -> Result<(), Refused> {
        if patch.value == ValuePatch::Remove {
            self.entity.attributes.take(name, patch.dataset_id.as_ref());
            return Ok(());
        }
        let instance = merge::fresh(name, patch, self.now)?;
        self.put(name, instance);
        Ok(())
    }

    /// 5.6.17, by the algorithm of 5.5.12.
    fn merge(
        &mut self,
        fragment: Fragment,
        observed_at: Option<crate::time::DateTime>,
    ) -> Result<(), Refused> {
        self.add_types(fragment.types);
        self.entity.scopes =
            fragment.scopes.over(Some(std::mem::take(&mut self.entity.scopes))).unwrap_or_default();
        self.entity.expires_at = fragment.expires_at.over(self.entity.expires_at);
        for (name, patch) in fragment.attributes {
            merge::attribute(&mut self.entity.attributes, &name, patch, observed_at, self.now)?;
            note(&mut self.updated, &name);
        }
        Ok(())
    }

    /// 5.6.4.
    fn update_attribute(&mut self, name: Name, patch: AttributePatch) -> Result<(), Refused> {
        let patches = match patch {
            AttributePatch::Remove => return self.delete_attribute(name, &Instances::One(None)),
            AttributePatch::Instances(patches) => patches,
        };
        for patch in patches {
            let dataset_id = patch.dataset_id.clone();
            if patch.value == ValuePatch::Remove {
                self.delete_attribute(name.clone(), &Instances::One(dataset_id))?;
                continue;
            }
            let now = self.now;
            let instance = self.instance_mut(&name, dataset_id.as_ref())?;
            merge::overwrite(&name, instance, patch, now)?;
        }
        note(&mut self.updated, &name);
        Ok(())
    }

    /// 5.6.19.
    fn replace_attribute(&mut self, attribute: Attribute) -> Result<(), Refused> {
        for instance in attribute.instances {
            self.instance_mut(&attribute.name, instance.dataset_id.as_ref())?;
            self.put(&attribute.name, instance);
        }
        note(&mut self.updated, &attribute.name);
        Ok(())
    }

    /// 5.6.5.
    fn delete_attribute(&mut self, name: Name, instances: &Instances) -> Result<(), Refused> {
        match instances {
            Instances::All => {
                let gone = self.entity.attributes.remove(&name);
                gone.ok_or_else(|| Refused::NoAttribute(name.clone()))?;
            }
            Instances::One(dataset_id) => {
                self.instance_mut(&name, dataset_id.as_ref())?;
                self.entity.attributes.take(&name, dataset_id.as_ref());
            }
        }
        note(&mut self.updated, &name);
        Ok(())
    }

    fn retain(&mut self, stays: impl Fn(&Name) -> bool) {
        let attributes = std::mem::take(&mut self.entity.attributes);
        let (staying, going): (Vec<_>, Vec<_>) =
            attributes.into_iter().partition(|attribute| stays(&attribute.name));
        self.entity.attributes = Attributes(staying);
        self.updated.extend(going.into_iter().map(|attribute| attribute.name));
    }

    /// Puts an instance in the place of its namesake, whose `createdAt` it takes over.
    fn put(&mut self, name: &Name, mut instance: Instance) {
        let known = self.known(name, instance.dataset_id.as_ref());
        let created_at = known.map_or(self.now, |known| known.created_at);
        instance.stamp(created_at, self.now);
        self.entity.attributes.put(name, instance);
    }

    fn known(&self, name: &Name, dataset_id: Option<&Uri>) -> Option<&Instance> {
        self.entity.attributes.get(name)?.instance(dataset_id)
    }

    fn instance_mut(
        &mut self,
        name: &Name,
        dataset_id: Option<&Uri>,
    ) -> Result<&mut Instance, Refused> {
        let attribute = self.entity.attributes.get_mut(name);
        let attribute = attribute.ok_or_else(|| Refused::NoAttribute(name.clone()))?;
        let found = attribute.instances.iter_mut().find(|i| i.dataset_id.as_ref() == dataset_id);
        found.ok_or_else(|| match dataset_id {
            Some(dataset_id) => Refused::NoInstance(name.clone(), dataset_id.clone()),
            None => Refused::NoDefaultInstance(name.clone()),
        })
    }

    fn add_types(&mut self, types: Vec<Name>) {
        for name in types {
            if !self.entity.types.contains(&name) {
                self.entity.types.push(name);
            }
        }
    }

    fn add_scopes(&mut self, scopes: Vec<Scope>) {
        for scope in scopes {
            if !self.entity.scopes.contains(&scope) {
                self.entity.scopes.push(scope);
            }
        }
    }
}

fn note(names: &mut Vec<Name>, name: &Name) {
    if !names.contains(name) {
        names.push(name.clone());
    }
}
