//! Values in the order of their datatypes (clause 4.23.2).

use std::borrow::Cow;
use std::cmp::Ordering;

use model::{DateTime, Entity, JsonKind, Name, Timestamp, Value};

use crate::clock;
use crate::collation::Collation;
use crate::filter::Target;
use crate::meaning::{Found, first, plain};
use crate::raw::Raw;

use super::key::KeyBytes;

/// What an entity is sorted by. Variants stand in the order of the clause.
#[derive(Debug)]
pub(super) enum SortValue<'a> {
    Number(f64),
    Text(Cow<'a, str>),
    Object(&'a str),
    Array(Vec<SortValue<'a>>),
    Boolean(bool),
    /// Microseconds since midnight.
    Time(i64),
    Date(Cow<'a, str>),
    DateTime(Timestamp),
    Null,
    Missing,
}

impl<'a> SortValue<'a> {
    pub fn at(entity: &'a Entity, target: &Target) -> SortValue<'a> {
        SortValue::at_path(entity, &target.attributes, &target.inside)
    }

    /// Of several instances the default one counts, else the first; of several languages the one
    /// for all, `@none`, else the first.
    pub fn at_path(entity: &'a Entity, path: &[Name], inside: &[String]) -> SortValue<'a> {
        match first(entity, path) {
            None => SortValue::Missing,
            Some(Found::Value(value)) => SortValue::of_value(value, inside),
            Some(Found::Json(raw)) => SortValue::of_json(raw.at(inside)),
            Some(_) if !inside.is_empty() => SortValue::Missing,
            Some(Found::Moment(moment)) => SortValue::DateTime(moment),
            Some(Found::Uri(uri)) => SortValue::Text(uri.as_str().into()),
            Some(Found::Names(names)) => SortValue::of_texts(names.iter().map(Name::as_str), false),
            Some(Found::Scopes(scopes)) => {
                SortValue::of_texts(scopes.iter().map(model::Scope::as_str), false)
            }
        }
    }

    fn of_value(value: &'a Value, inside: &[String]) -> SortValue<'a> {
        match value {
            Value::Property(json) if inside.is_empty() => {
                SortValue::of_json(Some(plain(Raw::of(json))))
            }
            Value::Property(json) | Value::JsonProperty(json) | Value::ListProperty(json) => {
                SortValue::of_json(Raw::of(json).at(inside))
            }
            Value::LanguageProperty(map) => {
                let map = Raw::of(map);
                SortValue::of_json(match inside {
                    [] => {
                        map.member("@none").or_else(|| map.members().next().map(|(_, text)| text))
                    }
                    inside => map.at(inside),
                })
            }
            _ if !inside.is_empty() => SortValue::Missing,
            Value::GeoProperty(geometry) => SortValue::Object(geometry.json().as_str()),
            Value::Relationship { objects, array } => {
                SortValue::of_texts(objects.iter().map(model::Uri::as_str), *array)
            }
            Value::ListRelationship(objects) => {
                SortValue::of_texts(objects.iter().map(model::Uri::as_str), true)
            }
            Value::VocabProperty { terms, array } => {
                SortValue::of_texts(terms.iter().map(Name::as_str), *array)
            }
        }
    }

    fn of_texts(texts: impl ExactSizeIterator<Item = &'a str>, array: bool) -> SortValue<'a> {
        let array = array || texts.len() != 1;
        let mut texts: Vec<_> = texts.map(|text| SortValue::Text(text.into())).collect();
        match texts.pop() {
            Some(only) if !array => only,
            last => {
                texts.extend(last);
                SortValue::Array(texts)
            }
        }
    }

    fn of_json(raw: Option<Raw<'a>>) -> SortValue<'a> {
        let Some(raw) = raw else { return SortValue::Missing };
        match raw.kind() {
            JsonKind::Null => SortValue::Null,
            JsonKind::Boolean => SortValue::Boolean(raw.boolean() == Some(true)),
            // So that -0 stands where 0 does.
            JsonKind::Number => SortValue::Number(raw.number().unwrap_or_default() + 0.0),
            JsonKind::Text => SortValue::of_text(raw.text().unwrap_or_default()),
            JsonKind::Array => {
                SortValue::Array(raw.elements().map(|raw| SortValue::of_json(Some(raw))).collect())
            }
            JsonKind::Object => SortValue::Object(raw.as_str()),
        }
    }

    fn of_text(text: Cow<'a, str>) -> SortValue<'a> {
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return SortValue::Text(text);
        }
        if let Ok(moment) = DateTime::parse(&text) {
            return SortValue::DateTime(moment.instant());
        }
        match clock::time_of_day(&text) {
            Some(micros) => SortValue::Time(micros as i64),
            None if clock::is_date(&text) => SortValue::Date(text),
            None => SortValue::Text(text),
        }
    }

    pub fn rank(&self) -> u8 {
        match self {
            SortValue::Number(_) => 0,
            SortValue::Text(_) => 1,
            SortValue::Object(_) => 2,
            SortValue::Array(_) => 3,
            SortValue::Boolean(_) => 4,
            SortValue::Time(_) => 5,
            SortValue::Date(_) => 6,
            SortValue::DateTime(_) => 7,
            SortValue::Null => 8,
            SortValue::Missing => 9,
        }
    }

    /// Among values of one rank.
    pub fn compare(&self, other: &SortValue<'_>, collation: &Collation) -> Ordering {
        match (self, other) {
            (SortValue::Number(left), SortValue::Number(right)) => left.total_cmp(right),
            (SortValue::Text(left), SortValue::Text(right)) => collation.compare(left, right),
            (SortValue::Object(left), SortValue::Object(right)) => left.cmp(right),
            (SortValue::Array(left), SortValue::Array(right)) => {
                let compare = |(left, right): (&SortValue<'_>, &SortValue<'_>)| {
                    left.rank().cmp(&right.rank()).then_with(|| left.compare(right, collation))
                };
                let found = left.iter().zip(right).map(compare).find(|found| found.is_ne());
                found.unwrap_or_else(|| left.len().cmp(&right.len()))
            }
            (SortValue::Boolean(left), SortValue::Boolean(right)) => left.cmp(right),
            (SortValue::Time(left), SortValue::Time(right)) => left.cmp(right),
            (SortValue::Date(left), SortValue::Date(right)) => left.cmp(right),
            (SortValue::DateTime(left), SortValue::DateTime(right)) => left.cmp(right),
            _ => Ordering::Equal,
        }
    }

    /// Bytes that stand among those of the same rank as [`SortValue::compare`] says.
    pub fn write(&self, bytes: &mut KeyBytes, collation: &Collation) {
        match self {
            SortValue::Number(number) => bytes.number(*number),
            SortValue::Text(text) => bytes.bytes(&collation.sort_key(text)),
            SortValue::Object(text) => bytes.plain(text),
            SortValue::Array(values) => {
                for value in values {
                    bytes.element(|bytes| {
                        bytes.rank(value.rank());
                        value.write(bytes, collation);
                    });
                }
            }
            SortValue::Boolean(value) => bytes.rank(u8::from(*value)),
            SortValue::Time(micros) => bytes.integer(*micros),
            SortValue::Date(text) => bytes.plain(text),
            SortValue::DateTime(moment) => bytes.integer(moment.0),
            SortValue::Null | SortValue::Missing => {}
        }
    }
}
