//! The few words that random work is made of: few, so that they meet.

use model::{
    Bare, DateTime, EntityId, Geometry, Json, Name, Scope, Tenant, Timestamp, TypeSelector, Uri,
    Value,
};
use store::contract::notation;

use crate::chance::Chance;
use crate::clock::MovableClock;

pub const IDS: [&str; 9] = [
    "urn:a",
    "urn:b",
    "urn:a:b",
    "urn:s:1",
    "urn:s:2",
    "urn:s:3",
    "urn:t:1",
    "urn:t:10",
    "http://x.org/ä?b#c",
];
pub const TENANTS: [&str; 3] = ["", "north", "north.east"];
const TYPES: [&str; 3] = ["Lamp", "Device", "Street"];
/// Some more often than others.
const TERMS: [&str; 10] =
    ["a", "b", "size", "size", "street", "label", "since", "location", "location", "area"];
const SCOPES: [&str; 5] = ["/Kallio", "/Kallio/North", "/Kallio/North/Park", "/Toolo", "Kallio"];
const MEMBERS: [&str; 4] = ["x", "y", "en", "fi"];

pub fn id(chance: &mut Chance) -> EntityId {
    notation::id(chance.pick(&IDS))
}

pub fn tenant(chance: &mut Chance) -> Tenant {
    // Most in one tenant, so that there is something to find.
    notation::tenant(if chance.once_in(6) { chance.pick(&TENANTS) } else { "" })
}

pub fn entity_type(chance: &mut Chance) -> Name {
    notation::name(chance.pick(&TYPES))
}

pub fn term(chance: &mut Chance) -> Name {
    notation::name(chance.pick(&TERMS))
}

pub fn scope(chance: &mut Chance) -> Scope {
    Scope::parse(chance.pick(&SCOPES)).expect("a scope")
}

pub fn dataset(chance: &mut Chance) -> Option<Uri> {
    let named = chance.once_in(4);
    named.then(|| notation::id(chance.pick(&["urn:d:1", "urn:d:2"])))
}

pub fn member(chance: &mut Chance) -> String {
    chance.pick(&MEMBERS).to_owned()
}

pub fn selector(chance: &mut Chance, depth: usize) -> TypeSelector {
    match chance.below(if depth == 0 { 5 } else { 9 }) {
        0 => TypeSelector::Any,
        1..5 => TypeSelector::Is(entity_type(chance)),
        5..7 => TypeSelector::AllOf(chance.list(1, 3, |chance| selector(chance, depth - 1))),
        _ => TypeSelector::OneOf(chance.list(1, 3, |chance| selector(chance, depth - 1))),
    }
}

/// Within a minute of the start, seldom far away.
pub fn moment(chance: &mut Chance) -> DateTime {
    let start = MovableClock::START.0;
    let micros = match chance.below(10) {
        0 => -1_500_000,
        1 => start + 1_000_000 * 86_400 * 365,
        2 => start + 500_000,
        _ => start + 1_000_000 * chance.below(40) as i64,
    };
    DateTime::new(Timestamp(micros), chance.below(7) as u8)
}

/// A moment that its fraction can tell: what is written is what is meant.
pub fn written_moment(chance: &mut Chance) -> String {
    DateTime::new(moment(chance).instant(), chance.pick(&[0, 3, 6])).to_string()
}

/// Mostly small, sometimes at the edge of what a double can tell apart.
pub fn number(chance: &mut Chance) -> &'static str {
    if chance.once_in(3) { chance.pick(&EDGES) } else { chance.pick(&["1", "2", "3"]) }
}

const EDGES: [&str; 16] = [
    "0",
    "-0.0",
    "1.0",
    "1.5",
    "-1.5",
    "-2",
    "0.1",
    "1e2",
    "100",
    "1e-300",
    "9007199254740992",
    "9007199254740993",
    "1e308",
    "1e400",
    "-1e400",
    "20000000000000000000000",
];

/// Mostly short, sometimes with what a store might stumble over.
pub fn word(chance: &mut Chance) -> &'static str {
    if chance.once_in(2) { chance.pick(&ODD_WORDS) } else { chance.pick(&["a", "ab", "abc"]) }
}

const ODD_WORDS: [&str; 15] = [
    "",
    "b",
    "B",
    "ä",
    "10",
    "9",
    "true",
    "a b",
    "a\"b",
    "a\u{0}b",
    "\u{10FFFF}",
    "2026-04-01",
    "12:00:00Z",
    "urn:a",
    "urn:s:1",
];

/// Anything JSON can say, not too deep.
pub fn json(chance: &mut Chance, depth: usize) -> Json {
    match chance.below(if depth == 0 { 12 } else { 16 }) {
        0..5 => Json::from_compact(number(chance)),
        5..8 => Json::text(word(chance)),
        8 => Json::text(&written_moment(chance)),
        9 | 10 => Json::boolean(chance.once_in(2)),
        11 => Json::from_compact("null"),
        12 | 13 => Json::array(&chance.list(0, 3, |chance| json(chance, depth - 1))),
        _ => object(chance, |chance| json(chance, depth - 1)),
    }
}

/// A value that takes the kind of what is there.
pub fn bare(chance: &mut Chance) -> Bare {
    let terms = chance.list(1, 2, entity_type);
    match chance.below(4) {
        0 => Bare { json: Json::text(id(chance).as_str()), terms },
        1 => Bare { json: geometry(chance).json().clone(), terms },
        _ => Bare { json: json(chance, 1), terms },
    }
}

fn object(chance: &mut Chance, make: impl Fn(&mut Chance) -> Json) -> Json {
    let mut members = Vec::new();
    for name in MEMBERS {
        if chance.once_in(2) {
            members.push((name, make(chance)));
        }
    }
    Json::object(members.iter().map(|(name, value)| (*name, value)))
}

/// What the name of an attribute leads one to expect, and now and then anything else.
pub fn value(chance: &mut Chance, name: &Name) -> Value {
    if chance.once_in(8) {
        return any_value(chance);
    }
    match usual(name) {
        Usual::Number => Value::Property(Json::from_compact(number(chance))),
        Usual::Place => Value::GeoProperty(geometry(chance)),
        Usual::Link => relationship(chance),
        Usual::Word => Value::Property(Json::text(word(chance))),
        Usual::Moment => Value::Property(Json::text(&written_moment(chance))),
        Usual::Anything => any_value(chance),
    }
}

/// What an attribute of this name usually holds: questions that ask for it find something.
pub fn usual(name: &Name) -> Usual {
    match name.as_str().rsplit('/').next() {
        Some("size") => Usual::Number,
        Some("location" | "area") => Usual::Place,
        Some("street") => Usual::Link,
        Some("label") => Usual::Word,
        Some("since" | "createdAt" | "modifiedAt" | "observedAt" | "expiresAt") => Usual::Moment,
        _ => Usual::Anything,
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Usual {
    Number,
    Place,
    Link,
    Word,
    Moment,
    Anything,
}

fn relationship(chance: &mut Chance) -> Value {
    let objects = chance.list(1, 2, id);
    Value::Relationship { array: objects.len() > 1 || chance.once_in(4), objects }
}

fn any_value(chance: &mut Chance) -> Value {
    match chance.below(20) {
        0..11 => Value::Property(json(chance, 2)),
        11 | 12 => relationship(chance),
        13 | 14 => Value::GeoProperty(geometry(chance)),
        15 => Value::LanguageProperty(object(chance, |chance| Json::text(word(chance)))),
        16 => Value::JsonProperty(json(chance, 2)),
        17 => {
            let terms = chance.list(1, 2, entity_type);
            Value::VocabProperty { array: terms.len() > 1 || chance.once_in(4), terms }
        }
        18 => Value::ListProperty(Json::array(&chance.list(0, 3, |chance| json(chance, 1)))),
        _ => Value::ListRelationship(chance.list(1, 2, id)),
    }
}

const SHAPES: [&str; 9] = [
    "LineString[[24.9,60.1],[25,60.2]]",
    "Polygon[[[24.9,60.1],[25,60.1],[25,60.2],[24.9,60.2],[24.9,60.1]]]",
    "Polygon[[[24,60],[26,60],[26,61],[24,60]],[[25,60.1],[25.5,60.1],[25.5,60.2],[25,60.1]]]",
    "MultiPoint[[24.9,60.1],[-179.999,0]]",
    "179.999,0",
    "-179.999,0",
    "0,90",
    "180,-90",
    "0,0",
];

/// On a coarse grid in one city; a third of them larger, or at the edges of the world.
pub fn geometry(chance: &mut Chance) -> Geometry {
    if chance.once_in(3) {
        return notation::geometry(chance.pick(&SHAPES));
    }
    let (x, y) = (chance.below(5), chance.below(5));
    notation::geometry(&format!("24.9{x},60.1{y}"))
}
