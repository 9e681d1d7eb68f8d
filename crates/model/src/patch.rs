//! Fragments: what a partial change names, and what it leaves alone (clause 5.4).

use crate::attribute::{Attribute, Attributes, Instance, InstanceList, Kind, Value};
use crate::entity::Draft;
use crate::identifier::{Name, Uri};
use crate::json::Json;
use crate::scope::Scope;
use crate::time::DateTime;

/// One member of a fragment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Not named: stays as it is.
    #[default]
    Keep,
    /// The NGSI-LD Null: goes away.
    Remove,
    Set(T),
}

impl<T> Field<T> {
    /// What stands there after the change.
    pub fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Field::Keep => before,
            Field::Remove => None,
            Field::Set(value) => Some(value),
        }
    }

    pub fn is_keep(&self) -> bool {
        matches!(self, Field::Keep)
    }
}

/// A change to an entity: members not named stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// Types to add; a fragment takes none away (clause 5.5.8).
    pub types: Vec<Name>,
    pub scopes: Field<Vec<Scope>>,
    pub expires_at: Field<DateTime>,
    pub attributes: Vec<(Name, AttributePatch)>,
}

/// What a fragment says of one attribute name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributePatch {
    /// The NGSI-LD Null in place of the whole attribute: all its instances go.
    Remove,
    /// One entry for each instance named, each with another `dataset_id`.
    Instances(Vec<InstancePatch>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstancePatch {
    pub dataset_id: Option<Uri>,
    pub value: ValuePatch,
    pub unit_code: Field<Json>,
    pub value_type: Field<Name>,
    pub object_type: Field<Vec<Name>>,
    pub observed_at: Field<DateTime>,
    pub expires_at: Field<DateTime>,
    pub extras: Vec<(Name, Json)>,
    pub attributes: Vec<(Name, AttributePatch)>,
}

/// What a fragment says of the value of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValuePatch {
    /// No value is named; a `type` may be, and must then be the one there is.
    #[default]
    Keep,
    KeepKind(Kind),
    /// The NGSI-LD Null as the value: the instance goes away.
    Remove,
    Set(Value),
    /// A bare value of the simplified form: takes the kind of the attribute there is, and is
    /// otherwise `fallback` (clause 5.6.17). `language` is where a text goes in a language map.
    Simplified {
        bare: Bare,
        fallback: Value,
        language: Option<String>,
    },
}

/// A value that stands alone, and may be read as more than one kind of attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bare {
    pub json: Json,
    /// The texts in it, expanded as terms: what it is as a VocabProperty.
    pub terms: Vec<Name>,
}

/// Why a fragment does not describe something whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    #[error("attribute `{0}` has no value")]
    NoValue(Name),
    #[error(
        "attribute `{0}`: urn:ngsi-ld:null is only allowed where a change may remove something"
    )]
    Removal(Name),
    #[error("`{0}`: urn:ngsi-ld:null is only allowed where a change may remove something")]
    MemberRemoval(&'static str),
    #[error("an entity needs a type")]
    NoType,
}

impl Fragment {
    /// The whole entity this fragment describes; nothing may be missing or removed.
    pub fn into_draft(self) -> Result<Draft, Incomplete> {
        if self.types.is_empty() {
            return Err(Incomplete::NoType);
        }
        Ok(Draft {
            types: self.types,
            scopes: whole(self.scopes, "scope")?.unwrap_or_default(),
            expires_at: whole(self.expires_at, "expiresAt")?,
            attributes: whole_attributes(self.attributes)?,
        })
    }
}

impl AttributePatch {
    /// The whole attribute this describes; nothing may be missing or removed.
    pub fn into_attribute(self, name: Name) -> Result<Attribute, Incomplete> {
        match self {
            AttributePatch::Remove => Err(Incomplete::Removal(name)),
            AttributePatch::Instances(patches) => {
                let instances: Result<InstanceList, _> =
                    patches.into_iter().map(|patch| patch.into_instance(&name)).collect();
                instances.map(|instances| Attribute { name, instances })
            }
        }
    }
}

impl InstancePatch {
    /// The whole instance this describes; nothing may be missing or removed.
    pub fn into_instance(self, name: &Name) -> Result<Instance, Incomplete> {
        let value = match self.value {
            ValuePatch::Set(value) | ValuePatch::Simplified { fallback: value, .. } => value,
            ValuePatch::Keep | ValuePatch::KeepKind(_) => {
                return Err(Incomplete::NoValue(name.clone()));
            }
            ValuePatch::Remove => return Err(Incomplete::Removal(name.clone())),
        };
        Ok(Instance {
            dataset_id: self.dataset_id,
            unit_code: whole(self.unit_code, "unitCode")?,
            value_type: whole(self.value_type, "valueType")?,
            object_type: whole(self.object_type, "objectType")?.unwrap_or_default(),
            observed_at: whole(self.observed_at, "observedAt")?,
            expires_at: whole(self.expires_at, "expiresAt")?,
            extras: self.extras,
            attributes: whole_attributes(self.attributes)?,
            ..Instance::new(value)
        })
    }
}

fn whole<T>(field: Field<T>, member: &'static str) -> Result<Option<T>, Incomplete> {
    match field {
        Field::Keep => Ok(None),
        Field::Set(value) => Ok(Some(value)),
        Field::Remove => Err(Incomplete::MemberRemoval(member)),
    }
}

fn whole_attributes(patches: Vec<(Name, AttributePatch)>) -> Result<Attributes, Incomplete> {
    let attributes = patches.into_iter().map(|(name, patch)| patch.into_attribute(name));
    Ok(Attributes::new(attributes.collect::<Result<Vec<_>, _>>()?))
}
