//! Which JSON is an attribute, and which is the bare value of one (clauses 4.5.2.3 and 4.7.3).
//!
//! The writer asks the same questions, so that what it writes bare is read as bare.

use serde_json::value::RawValue;

use model::{Geometry, Json, JsonKind};

use super::members::{Members, elements};
use super::word::Word;

/// Is an object with these members an attribute instance? Otherwise it is a bare value.
pub(super) fn is_instance(object: &RawValue, members: &Members<'_>) -> bool {
    marks(members).next().is_some() && !is_value(object, members)
}

/// Is this array a list of attribute instances? Otherwise it is a bare value.
pub(super) fn is_instances(elements: &[&RawValue]) -> bool {
    elements
        .iter()
        .any(|element| Members::of(element).is_some_and(|members| is_instance(element, &members)))
}

/// Does a `type` in this object belong to a value: a geometry, or a typed value of JSON-LD?
pub(super) fn is_value(object: &RawValue, members: &Members<'_>) -> bool {
    let has = |wanted: &str| members.0.iter().any(|(name, _)| name == wanted);
    let is_geometry = || has("coordinates") && Geometry::resembles(&Json::from_raw(object));
    let is_typed = || has("@value") && marks(members).all(|word| word == Word::Type);
    is_geometry() || is_typed()
}

/// Would an attribute with this `value`, and no `type`, be read as a GeoProperty?
pub(crate) fn is_geometry_value(value: &Json) -> bool {
    Geometry::resembles(value)
}

/// Would this value, standing alone, be read as a Property with this value?
pub(crate) fn reads_as_property(value: &Json) -> bool {
    if !matches!(value.kind(), JsonKind::Object | JsonKind::Array) {
        return true;
    }
    let Ok(raw) = serde_json::from_str::<&RawValue>(value.as_str()) else { return false };
    match (Members::of(raw), elements(raw)) {
        (Some(members), _) => {
            marks(&members).next().is_none() || {
                !is_instance(raw, &members) && !Geometry::resembles(value)
            }
        }
        (_, Some(elements)) => !is_instances(&elements),
        _ => true,
    }
}

fn marks<'a>(members: &'a Members<'_>) -> impl Iterator<Item = Word> + 'a {
    let words = members.0.iter().filter_map(|(name, _)| Word::named(name));
    words.filter(|word| word.marks_an_attribute())
}
