//! What the path of a test leads to (clause 4.9).

use model::{Attribute, Entity, Instance, Name, Scope, Timestamp, Uri, Value};

use crate::raw::Raw;
use crate::system::SystemMember;

/// What stands at the end of an attribute path, once for each instance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    Value(&'a Value),
    Json(Raw<'a>),
    Moment(Timestamp),
    Uri(&'a Uri),
    Names(&'a [Name]),
    Scopes(&'a [Scope]),
}

/// Is there something at the end of the path for which `holds`? At most once for each instance.
pub(crate) fn any<'a>(
    entity: &'a Entity,
    path: &[Name],
    holds: &mut dyn FnMut(Found<'a>) -> bool,
) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    match entity.attributes.get(first) {
        Some(attribute) => any_below(attribute, rest, holds),
        None => rest.is_empty() && member_of_entity(entity, first).is_some_and(holds),
    }
}

fn any_below<'a>(
    attribute: &'a Attribute,
    rest: &[Name],
    holds: &mut dyn FnMut(Found<'a>) -> bool,
) -> bool {
    attribute.instances.iter().any(|instance| {
        let Some((next, rest)) = rest.split_first() else {
            return holds(Found::Value(&instance.value));
        };
        match instance.attributes.get(next) {
            Some(attribute) => any_below(attribute, rest, holds),
            None => rest.is_empty() && member_of_instance(instance, next).is_some_and(&mut *holds),
        }
    })
}

/// What stands at the end of the path in the default instances, or the first where there are
/// none.
pub(crate) fn first<'a>(entity: &'a Entity, path: &[Name]) -> Option<Found<'a>> {
    let (first, rest) = path.split_first()?;
    let Some(mut attribute) = entity.attributes.get(first) else {
        return member_of_entity(entity, first).filter(|_| rest.is_empty());
    };
    let mut rest = rest;
    loop {
        let instance = default_or_first(attribute)?;
        let Some((next, after)) = rest.split_first() else {
            return Some(Found::Value(&instance.value));
        };
        match instance.attributes.get(next) {
            Some(below) => (attribute, rest) = (below, after),
            None => return member_of_instance(instance, next).filter(|_| after.is_empty()),
        }
    }
}

pub(crate) fn default_or_first(attribute: &Attribute) -> Option<&Instance> {
    attribute.instance(None).or(attribute.instances.first())
}

fn member_of_entity<'a>(entity: &'a Entity, name: &Name) -> Option<Found<'a>> {
    match SystemMember::of(name)? {
        SystemMember::Id => Some(Found::Uri(&entity.id)),
        SystemMember::Type => Some(Found::Names(&entity.types)),
        SystemMember::Scope if entity.scopes.is_empty() => None,
        SystemMember::Scope => Some(Found::Scopes(&entity.scopes)),
        SystemMember::CreatedAt => Some(Found::Moment(entity.created_at)),
        SystemMember::ModifiedAt => Some(Found::Moment(entity.modified_at)),
        SystemMember::ExpiresAt => entity.expires_at.map(|at| Found::Moment(at.instant())),
        _ => None,
    }
}

fn member_of_instance<'a>(instance: &'a Instance, name: &Name) -> Option<Found<'a>> {
    let Some(member) = SystemMember::of(name) else {
        let extra = instance.extras.iter().find(|(extra, _)| extra == name);
        return extra.map(|(_, json)| Found::Json(Raw::of(json)));
    };
    match member {
        SystemMember::CreatedAt => Some(Found::Moment(instance.created_at)),
        SystemMember::ModifiedAt => Some(Found::Moment(instance.modified_at)),
        SystemMember::ObservedAt => instance.observed_at.map(|at| Found::Moment(at.instant())),
        SystemMember::ExpiresAt => instance.expires_at.map(|at| Found::Moment(at.instant())),
        SystemMember::UnitCode => {
            instance.unit_code.as_ref().map(|json| Found::Json(Raw::of(json)))
        }
        SystemMember::DatasetId => instance.dataset_id.as_ref().map(Found::Uri),
        SystemMember::ValueType => {
            instance.value_type.as_ref().map(|name| Found::Names(std::slice::from_ref(name)))
        }
        SystemMember::ObjectType if instance.object_type.is_empty() => None,
        SystemMember::ObjectType => Some(Found::Names(&instance.object_type)),
        _ => None,
    }
}
