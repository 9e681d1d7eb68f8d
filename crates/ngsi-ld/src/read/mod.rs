//! Entities and attributes from JSON: the normalized, concise and simplified representations.
//!
//! The text is read once, member by member; the values of properties stay text. Bodies come here
//! after their size, JSON depth and UTF-8 have been checked.

mod attribute;
mod bare;
pub(crate) mod concise;
mod entity;
mod error;
mod evolution;
mod instance;
mod members;
mod rules;
mod series;
mod value;
mod word;

pub use error::{InvalidEntity, Place, Problem};
pub(crate) use word::{Holder, NGSI_LD};

use jsonld::Context;
use model::{Attribute, AttributePatch, Draft, EntityId, Fragment, Name, Reading, Readings};
use serde_json::value::RawValue;

use attribute::{Level, Reader};
use members::Members;
use rules::Rules;
use word::Key;

/// How much one entity may hold; each limit is a setting of its own name.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Attributes of one entity, at all depths together.
    pub attributes_max: usize,
    /// Instances of one attribute.
    pub instances_max: usize,
    /// Instances over time of all attributes of one evolution together.
    pub readings_max: usize,
}

/// What a fragment is for, which decides what it may leave out and remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// Append Attributes (5.6.3): whole attributes, nothing removed.
    Append,
    /// Update Attributes (5.6.2): whole attributes; the NGSI-LD Null removes (5.5.8).
    Update,
    /// Merge Entity (5.6.17): any part; the NGSI-LD Null removes at any depth (5.5.12).
    /// `language` is where a bare text goes in the map of a LanguageProperty.
    Merge { simplified: bool, language: Option<&'a str> },
}

/// A whole entity, as create, replace and upsert take it (5.6.1, 5.6.18, 5.6.8).
pub fn entity(
    text: &str,
    context: &Context,
    limits: &Limits,
) -> Result<(EntityId, Draft), InvalidEntity> {
    let members = object(text, "entity")?;
    let (id, fragment) = Reader::new(context, limits, Rules::WHOLE).entity(members)?;
    let id = id.ok_or(Problem::NoId)?;
    if fragment.types.is_empty() {
        return Err(Problem::NoType.into());
    }
    Ok((id, fragment.into_draft().map_err(Problem::from)?))
}

/// A part of an entity; its `id` where it names one (5.4).
pub fn fragment(
    text: &str,
    context: &Context,
    form: Form<'_>,
    limits: &Limits,
) -> Result<(Option<EntityId>, Fragment), InvalidEntity> {
    let members = object(text, "entity fragment")?;
    Reader::new(context, limits, Rules::of(form)).entity(members)
}

/// A part of the attribute `name`: Partial Attribute Update (5.6.4).
pub fn attribute_fragment(
    text: &str,
    context: &Context,
    name: &Name,
    limits: &Limits,
) -> Result<AttributePatch, InvalidEntity> {
    let raw: &RawValue = serde_json::from_str(text).map_err(InvalidEntity::NotJson)?;
    Reader::new(context, limits, Rules::ATTRIBUTE)
        .attribute(name, raw, Level::Payload)
        .map_err(|error| error.inside(&context.compact_iri(name.as_str())))
}

/// The whole attribute `name`: Replace Attribute (5.6.19).
pub fn attribute(
    text: &str,
    context: &Context,
    name: &Name,
    limits: &Limits,
) -> Result<Attribute, InvalidEntity> {
    let raw: &RawValue = serde_json::from_str(text).map_err(InvalidEntity::NotJson)?;
    let patch = Reader::new(context, limits, Rules::WHOLE)
        .attribute(name, raw, Level::Payload)
        .map_err(|error| error.inside(&context.compact_iri(name.as_str())))?;
    Ok(patch.into_attribute(name.clone()).map_err(Problem::from)?)
}

/// A temporal evolution, as upsert takes it (5.6.11). One that exists need not say its types again.
pub fn evolution(
    text: &str,
    context: &Context,
    limits: &Limits,
) -> Result<(EntityId, Readings), InvalidEntity> {
    let (id, readings) = evolution_fragment(text, context, limits)?;
    Ok((id.ok_or(Problem::NoId)?, readings))
}

/// A part of a temporal evolution (5.6.12); its `id` where it names one.
pub fn evolution_fragment(
    text: &str,
    context: &Context,
    limits: &Limits,
) -> Result<(Option<EntityId>, Readings), InvalidEntity> {
    let members = object(text, "evolution of an entity")?;
    Reader::new(context, limits, Rules::EVOLUTION).evolution(members)
}

/// One instance of the attribute `name`, to take the place of another (5.6.14): alone, in an
/// array, or in an evolution that has nothing else.
pub fn reading(
    text: &str,
    context: &Context,
    name: &Name,
    limits: &Limits,
) -> Result<Reading, InvalidEntity> {
    let raw: &RawValue = serde_json::from_str(text).map_err(InvalidEntity::NotJson)?;
    Reader::new(context, limits, Rules::EVOLUTION)
        .only_reading(name, raw)
        .map_err(|error| error.inside(&context.compact_iri(name.as_str())))
}

/// A value alone, which is to take the kind of the attribute there is: Set Attribute Value
/// (TS 104 175 10.2.6).
pub fn value(text: &str, context: &Context, limits: &Limits) -> Result<model::Bare, InvalidEntity> {
    let raw: &RawValue = serde_json::from_str(text).map_err(InvalidEntity::NotJson)?;
    let bare = Reader::new(context, limits, Rules::WHOLE).bare_value(raw);
    if bare.json.is_null() {
        return Err(Problem::JsonNull.into());
    }
    if bare.json.holds_removal() {
        return Err(Problem::Removal.into());
    }
    Ok(bare)
}

/// The expanded name of an attribute that a path or a parameter names. Members with a meaning of
/// their own, `scope` among them, are not attributes (4.6.2, 4.5.1).
pub fn attribute_name(written: &str, context: &Context) -> Result<Name, InvalidEntity> {
    match Key::read(written, context)? {
        Key::Attribute(name) => Ok(name),
        Key::Word(_) => Err(Problem::Reserved(written.to_owned()).into()),
    }
}

/// The expanded name of an entity type (4.6.2).
pub fn type_name(written: &str, context: &Context) -> Result<Name, InvalidEntity> {
    Ok(word::type_name(written, context)?)
}

fn object<'a>(text: &'a str, what: &'static str) -> Result<Members<'a>, InvalidEntity> {
    Members::parse(text).map_err(|error| {
        if error.is_data() {
            InvalidEntity::NotAnObject(what)
        } else {
            InvalidEntity::NotJson(error)
        }
    })
}

#[cfg(test)]
mod entity_tests;
#[cfg(test)]
mod evolution_tests;
#[cfg(test)]
mod fragment_tests;
