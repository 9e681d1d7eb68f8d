//! When a comparison holds for a value (clause 4.9, operators).

use std::cmp::Ordering;

use model::{DateTime, JsonKind, Value};

use crate::clock;
use crate::filter::{Comparison, Operand, Range};
use crate::pattern::Pattern;
use crate::raw::Raw;

use super::target::Found;

/// A target value: what an operator looks at.
#[derive(Clone, Copy, Debug)]
enum Seen<'a> {
    Json(Raw<'a>),
    /// A URI, an expanded name or a scope, alone.
    Text(&'a str),
    /// The object of a Relationship: only equal or unequal.
    Object(&'a str),
    Moment(model::Timestamp),
    /// Of no kind that an operand has.
    Other,
}

impl Comparison {
    /// Is the question whether something is not there?
    pub(super) fn wants_absence(&self) -> bool {
        matches!(self, Comparison::Absent)
    }

    /// Does it hold for one instance? For `Absent`: is the target there?
    ///
    /// Negative operators want a target that is there, and no value in it that equals or matches.
    pub(super) fn holds_for(&self, found: Found<'_>, inside: &[String]) -> bool {
        match self {
            Comparison::Exists | Comparison::Absent => found.leads(inside),
            Comparison::Equals(ranges) => found.any(inside, &mut |seen| seen.equals(ranges)),
            Comparison::NotEquals(ranges) => {
                found.leads(inside) && !found.any(inside, &mut |seen| seen.equals(ranges))
            }
            Comparison::Less(operand) => found.any_is(inside, operand, Ordering::is_lt),
            Comparison::LessOrEqual(operand) => found.any_is(inside, operand, Ordering::is_le),
            Comparison::Greater(operand) => found.any_is(inside, operand, Ordering::is_gt),
            Comparison::GreaterOrEqual(operand) => found.any_is(inside, operand, Ordering::is_ge),
            Comparison::Matches(pattern) => {
                found.any(inside, &mut |seen| seen.matches(pattern) == Some(true))
            }
            Comparison::NotMatches(pattern) => {
                found.any(inside, &mut |seen| seen.matches(pattern) == Some(false))
                    && !found.any(inside, &mut |seen| seen.matches(pattern) == Some(true))
            }
        }
    }
}

impl<'a> Found<'a> {
    /// Is there something at this place inside, whatever it is?
    fn leads(self, inside: &[String]) -> bool {
        inside.is_empty() || self.any(inside, &mut |_| true)
    }

    fn any_is(self, inside: &[String], operand: &Operand, wanted: fn(Ordering) -> bool) -> bool {
        self.any(inside, &mut |seen| {
            !matches!(seen, Seen::Object(_)) && seen.compare(operand).is_some_and(wanted)
        })
    }

    /// Is there a target value for which `holds`? A language map has one for each language, a
    /// list of URIs one for each of them.
    fn any(self, inside: &[String], holds: &mut dyn FnMut(Seen<'a>) -> bool) -> bool {
        match self {
            Found::Value(value) => any_in_value(value, inside, holds),
            Found::Json(raw) => raw.at(inside).is_some_and(|raw| holds(Seen::Json(raw))),
            _ if !inside.is_empty() => false,
            Found::Moment(moment) => holds(Seen::Moment(moment)),
            Found::Uri(uri) => holds(Seen::Text(uri.as_str())),
            Found::Names(names) => names.iter().any(|name| holds(Seen::Text(name.as_str()))),
            Found::Scopes(scopes) => scopes.iter().any(|scope| holds(Seen::Text(scope.as_str()))),
        }
    }
}

fn any_in_value<'a>(
    value: &'a Value,
    inside: &[String],
    holds: &mut dyn FnMut(Seen<'a>) -> bool,
) -> bool {
    match value {
        Value::Property(json) => {
            let raw = if inside.is_empty() {
                Some(plain(Raw::of(json)))
            } else {
                Raw::of(json).at(inside)
            };
            raw.is_some_and(|raw| holds(Seen::Json(raw)))
        }
        Value::JsonProperty(json) | Value::ListProperty(json) => {
            Raw::of(json).at(inside).is_some_and(|raw| holds(Seen::Json(raw)))
        }
        Value::LanguageProperty(map) => match inside {
            [] => Raw::of(map).members().any(|(_, text)| holds(Seen::Json(text))),
            [language] => Raw::of(map).member(language).is_some_and(|text| holds(Seen::Json(text))),
            _ => false,
        },
        _ if !inside.is_empty() => false,
        Value::Relationship { objects, .. } | Value::ListRelationship(objects) => {
            objects.iter().any(|object| holds(Seen::Object(object.as_str())))
        }
        Value::VocabProperty { terms, .. } => {
            terms.iter().any(|term| holds(Seen::Text(term.as_str())))
        }
        Value::GeoProperty(_) => holds(Seen::Other),
    }
}

/// What a JSON-LD typed value, `{"@type": .., "@value": ..}`, stands for (clause 4.6.3).
pub(crate) fn plain(raw: Raw<'_>) -> Raw<'_> {
    match raw.kind() {
        JsonKind::Object => raw.member("@value").unwrap_or(raw),
        _ => raw,
    }
}

impl Seen<'_> {
    /// Equal to one of these or within one of these; of an array, one element equal to one.
    fn equals(self, ranges: &[Range]) -> bool {
        if let Seen::Json(raw) = self
            && raw.kind() == JsonKind::Array
        {
            return raw.elements().any(|element| {
                ranges.iter().any(|range| match range {
                    Range::Only(operand) => {
                        compare_json(element, operand).is_some_and(Ordering::is_eq)
                    }
                    Range::Between(..) => false,
                })
            });
        }
        ranges.iter().any(|range| match range {
            Range::Only(operand) => self.compare(operand).is_some_and(Ordering::is_eq),
            Range::Between(low, high) => {
                self.compare(low).is_some_and(Ordering::is_ge)
                    && self.compare(high).is_some_and(Ordering::is_le)
            }
        })
    }

    /// Nothing where both are not of one kind: then neither is less, and they are unequal.
    fn compare(self, operand: &Operand) -> Option<Ordering> {
        match (self, operand) {
            (Seen::Json(raw), _) => compare_json(raw, operand),
            (Seen::Text(text) | Seen::Object(text), Operand::Text(asked) | Operand::Uri(asked)) => {
                Some(text.cmp(asked))
            }
            (Seen::Moment(moment), Operand::DateTime(asked)) => Some(moment.cmp(asked)),
            _ => None,
        }
    }

    /// Nothing where it is not a text.
    fn matches(self, pattern: &Pattern) -> Option<bool> {
        match self {
            Seen::Json(raw) => raw.text().map(|text| pattern.is_match(&text)),
            Seen::Text(text) => Some(pattern.is_match(text)),
            Seen::Object(_) | Seen::Moment(_) | Seen::Other => None,
        }
    }
}

/// Texts compare by code points (RFC 8259, 8.3); dates and times as such.
fn compare_json(raw: Raw<'_>, operand: &Operand) -> Option<Ordering> {
    match operand {
        Operand::Number(asked) => raw.number()?.partial_cmp(asked),
        Operand::Boolean(asked) => Some(raw.boolean()?.cmp(asked)),
        Operand::Text(asked) | Operand::Uri(asked) => Some((*raw.text()?).cmp(asked)),
        Operand::DateTime(asked) => Some(DateTime::parse(&raw.text()?).ok()?.instant().cmp(asked)),
        Operand::Date(asked) => {
            let text = raw.text()?;
            clock::is_date(&text).then(|| (*text).cmp(asked))
        }
        Operand::Time(asked) => {
            Some(clock::time_of_day(&raw.text()?)?.cmp(&clock::time_of_day(asked)?))
        }
    }
}
