//! Intents to change one entity.

use crate::attribute::Attribute;
use crate::entity::{Draft, TypeSelector};
use crate::identifier::{EntityId, Name, Tenant, Uri};
use crate::patch::{AttributePatch, Bare, Fragment};
use crate::time::DateTime;

/// One intent to change one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub tenant: Tenant,
    pub id: EntityId,
    /// Where given, an entity of other types counts as unknown.
    pub types: Option<TypeSelector>,
    pub operation: Operation,
}

/// What is to happen, after the operations of clause 5.6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Create Entity (5.6.1).
    Create(Draft),
    /// Replace Entity (5.6.18).
    Replace(Draft),
    /// Create the entity, or replace the one there is (5.6.8).
    CreateOrReplace(Draft),
    /// Create the entity, or append to the one there is (5.6.8 with `options=update`).
    CreateOrAppend(Draft),
    /// Append Attributes (5.6.3).
    Append { fragment: Fragment, overwrite: bool },
    /// Update Attributes (5.6.2): whole instances are replaced, added or removed.
    Update(Fragment),
    /// Merge Entity (5.6.17); `observed_at` is given to attributes that had one.
    Merge { fragment: Fragment, observed_at: Option<DateTime> },
    /// Partial Attribute Update (5.6.4); `AttributePatch::Remove` deletes the attribute.
    UpdateAttribute { name: Name, patch: AttributePatch },
    /// Replace Attribute (5.6.19).
    ReplaceAttribute(Attribute),
    /// Set Attribute Value (TS 104 175 10.2.6): keeps kind and everything else.
    SetValue { name: Name, dataset_id: Option<Uri>, value: Bare, observed_at: Option<DateTime> },
    /// Delete Attribute (5.6.5).
    DeleteAttribute { name: Name, instances: Instances },
    /// Delete the attribute that is not one: `scope` (5.6.5).
    DeleteScope,
    /// Delete Entity (5.6.6).
    Delete,
    /// Purge with `drop`: these attributes go (5.6.21).
    Drop(Vec<Name>),
    /// Purge with `keep`: all other attributes go (5.6.21).
    Retain(Vec<Name>),
    /// What has expired goes (4.22); nothing happens where nothing has.
    Expire,
}

/// Which instances of an attribute are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instances {
    All,
    /// The default instance, or the one of a dataset.
    One(Option<Uri>),
}
