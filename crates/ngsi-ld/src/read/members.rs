//! One level of JSON at a time: the members of an object and the elements of an array as raw text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in the order written; repeated names are all there.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Of text that has not been parsed before.
    pub(super) fn parse(text: &'a str) -> Result<Members<'a>, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Of a value that a parser has accepted; nothing where it is no object.
    pub(super) fn of(raw: &'a RawValue) -> Option<Members<'a>> {
        if is_object(raw) { serde_json::from_str(raw.get()).ok() } else { None }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A member name, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The elements of an array; nothing where it is none.
pub(super) fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    if opening(raw) == b'[' { serde_json::from_str(raw.get()).ok() } else { None }
}

/// The characters of a string; nothing where it is none.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The characters of each string of an array, or of the one string.
pub(super) fn texts(raw: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    match elements(raw) {
        Some(elements) => elements.into_iter().map(text).collect(),
        None => text(raw).map(|one| vec![one]),
    }
}

pub(super) fn is_object(raw: &RawValue) -> bool {
    opening(raw) == b'{'
}

pub(super) fn is_array(raw: &RawValue) -> bool {
    opening(raw) == b'['
}

pub(super) fn is_text(raw: &RawValue) -> bool {
    opening(raw) == b'"'
}

/// JSON's own null, which NGSI-LD does not know (clause 4.5.0).
pub(super) fn is_json_null(raw: &RawValue) -> bool {
    opening(raw) == b'n'
}

/// The NGSI-LD Null as a text (clause 4.5.0).
pub(super) fn is_removal(raw: &RawValue) -> bool {
    text(raw).is_some_and(|text| text == model::NULL)
}

/// The NGSI-LD Null where an array is due: the text, or an array with nothing else.
pub(super) fn is_removal_of_many(raw: &RawValue) -> bool {
    is_removal(raw) || matches!(elements(raw).as_deref(), Some([one]) if is_removal(one))
}

/// Where the NGSI-LD Null stands inside a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Removals {
    Nowhere,
    /// It stands for a member, which a merge would remove.
    OfMembers,
    /// An array is around it, perhaps further out. A merge replaces arrays as a whole
    /// (clause 5.5.12, RFC 7396), so there is nothing that it could remove.
    InArray,
}

pub(super) fn removals(raw: &RawValue) -> Removals {
    // Escapes can spell it in other ways.
    let text = raw.get();
    if !text.contains(model::NULL) && !text.contains("\\u00") {
        return Removals::Nowhere;
    }
    if is_removal(raw) {
        return Removals::OfMembers;
    }
    if let Some(members) = Members::of(raw) {
        let inside = members.0.iter().map(|(_, value)| removals(value));
        return inside.max().unwrap_or(Removals::Nowhere);
    }
    let elements = elements(raw).unwrap_or_default();
    let found = elements.into_iter().any(|one| removals(one) != Removals::Nowhere);
    if found { Removals::InArray } else { Removals::Nowhere }
}

fn opening(raw: &RawValue) -> u8 {
    raw.get().as_bytes().first().copied().unwrap_or_default()
}
