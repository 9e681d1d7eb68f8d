//! Random queries.

use model::Name;
use query::{
    Collation, Comparison, Condition, Direction, Filter, GeoCondition, GeoRelation, Link, Operand,
    OrderBy, OrderKey, Page, Pattern, Query, Range, ScopeCondition, Target, Test,
};
use store::contract::notation::name;

use super::vocabulary::{
    Usual, geometry, id, member, moment, number, selector, tenant, term, usual, word,
    written_moment,
};
use crate::chance::Chance;

const COLLATIONS: [&str; 4] = ["und", "und-u-ks-identic", "sv", "de-u-kn-true"];

pub fn query(chance: &mut Chance) -> Query {
    Query {
        tenant: tenant(chance),
        filter: filter(chance, 2),
        order: if chance.once_in(2) { chance.list(1, 2, order) } else { Vec::new() },
        collation: Collation::parse(chance.pick(&COLLATIONS)).expect("a collation"),
        page: Page { offset: chance.below(5), limit: chance.below(5) },
        count: chance.once_in(2),
    }
}

pub fn filter(chance: &mut Chance, depth: usize) -> Filter {
    match chance.below(if depth == 0 { 16 } else { 20 }) {
        0 if chance.once_in(2) => Filter::Everything,
        0 => Filter::IdsAfter(id(chance)),
        1 => Filter::Ids(chance.list(0, 3, id)),
        2 => Filter::IdPattern(pattern(chance)),
        3 | 4 => Filter::Types(selector(chance, 2)),
        5 => Filter::Attributes(chance.list(1, 2, term)),
        6 | 7 => Filter::Scope(scope_condition(chance, 1)),
        8..11 => Filter::Geo(geo(chance)),
        11..16 => Filter::Condition(condition(chance, 2)),
        16 => Filter::Not(Box::new(filter(chance, depth - 1))),
        17 => Filter::Any(chance.list(0, 3, |chance| filter(chance, depth - 1))),
        _ => Filter::All(chance.list(0, 3, |chance| filter(chance, depth - 1))),
    }
}

fn condition(chance: &mut Chance, depth: usize) -> Condition {
    match chance.below(if depth == 0 { 6 } else { 10 }) {
        0..6 => {
            let target = target(chance, true);
            let comparison = comparison(chance, &target);
            Condition::Test(Test { target, comparison })
        }
        6 | 7 => Condition::All(chance.list(1, 3, |chance| condition(chance, depth - 1))),
        _ => Condition::Any(chance.list(1, 3, |chance| condition(chance, depth - 1))),
    }
}

/// Half of them an attribute alone.
fn target(chance: &mut Chance, may_link: bool) -> Target {
    let mut target =
        Target { links: Vec::new(), attributes: vec![asked(chance)], inside: Vec::new() };
    match chance.below(12) {
        0 if may_link => target.links = chance.list(1, 2, link),
        1 if may_link => target.links = vec![Link { relationship: name("street"), types: None }],
        2 | 3 => target.inside = chance.list(1, 2, member),
        4 => target.attributes = vec![system_member(chance)],
        5 => target.attributes.push(system_member(chance)),
        6 => target.attributes.push(term(chance)),
        _ => {}
    }
    target
}

/// An attribute whose values can be told apart, mostly.
fn asked(chance: &mut Chance) -> Name {
    if chance.once_in(4) {
        return term(chance);
    }
    name(chance.pick(&["size", "size", "size", "label", "label", "since", "since", "street"]))
}

fn link(chance: &mut Chance) -> Link {
    let types = chance.once_in(3).then(|| selector(chance, 0));
    Link { relationship: term(chance), types }
}

fn system_member(chance: &mut Chance) -> Name {
    name(chance.pick(&SYSTEM_MEMBERS))
}

const SYSTEM_MEMBERS: [&str; 11] = [
    "urn:not:one",
    "id",
    "type",
    "scope",
    "createdAt",
    "modifiedAt",
    "observedAt",
    "expiresAt",
    "unitCode",
    "datasetId",
    "valueType",
];

fn comparison(chance: &mut Chance, target: &Target) -> Comparison {
    match chance.below(14) {
        0 => Comparison::Exists,
        1 => Comparison::Absent,
        2..6 => Comparison::Equals(chance.list(1, 2, |chance| range(chance, target))),
        6 => Comparison::NotEquals(chance.list(1, 2, |chance| range(chance, target))),
        7 | 8 => Comparison::Less(operand(chance, target)),
        9 => Comparison::LessOrEqual(operand(chance, target)),
        10 => Comparison::Greater(operand(chance, target)),
        11 => Comparison::GreaterOrEqual(operand(chance, target)),
        12 => Comparison::Matches(pattern(chance)),
        _ => Comparison::NotMatches(pattern(chance)),
    }
}

/// The ends of a range are of one kind.
fn range(chance: &mut Chance, target: &Target) -> Range {
    let (one, other) = (operand(chance, target), operand(chance, target));
    let alike = std::mem::discriminant(&one) == std::mem::discriminant(&other);
    if alike && chance.once_in(2) { Range::Between(one, other) } else { Range::Only(one) }
}

/// Mostly of the kind that the target usually holds.
fn operand(chance: &mut Chance, target: &Target) -> Operand {
    let last = target.attributes.last().map_or(Usual::Anything, usual);
    match last {
        _ if chance.once_in(6) => any_operand(chance),
        Usual::Number => number_operand(chance),
        Usual::Word => Operand::Text(word(chance).to_owned()),
        Usual::Link => Operand::Uri(id(chance).to_string()),
        Usual::Moment => Operand::DateTime(moment(chance).instant()),
        Usual::Place | Usual::Anything => any_operand(chance),
    }
}

fn any_operand(chance: &mut Chance) -> Operand {
    match chance.below(12) {
        0..5 => number_operand(chance),
        5 | 6 => Operand::Text(word(chance).to_owned()),
        7 => Operand::Text(written_moment(chance)),
        8 => Operand::Boolean(chance.once_in(2)),
        9 => Operand::DateTime(moment(chance).instant()),
        10 if chance.once_in(2) => Operand::Date("2026-04-01".to_owned()),
        10 => Operand::Time("12:00:00Z".to_owned()),
        _ => Operand::Uri(id(chance).to_string()),
    }
}

fn number_operand(chance: &mut Chance) -> Operand {
    Operand::Number(number(chance).parse().expect("a number"))
}

fn pattern(chance: &mut Chance) -> Pattern {
    let text =
        chance.pick(&["^a", "b", "^urn:s:", "^urn:a$", ".", "(?i)AB", "1$", "^$", "ä", "^(a|b)"]);
    Pattern::parse(text).expect("a pattern")
}

fn geo(chance: &mut Chance) -> GeoCondition {
    use GeoRelation::{Contains, Disjoint, Equals, Intersects, NearMax, NearMin, Overlaps, Within};
    let relation = match chance.below(10) {
        0..3 => NearMax(chance.pick(&[0.0, 600.0, 3_000.0, 100_000.0, 2e7])),
        3 => NearMin(chance.pick(&[0.0, 600.0, 3_000.0, 100_000.0])),
        4 | 5 => Within,
        6 => chance.pick(&[Contains, Overlaps]),
        7 => Intersects,
        8 => Disjoint,
        _ => Equals,
    };
    let property = if chance.once_in(4) { term(chance) } else { name("location") };
    GeoCondition { property, relation, geometry: geometry(chance) }
}

pub fn scope_condition(chance: &mut Chance, depth: usize) -> ScopeCondition {
    match chance.below(if depth == 0 { 5 } else { 7 }) {
        0..5 => {
            let least = if chance.once_in(8) { 0 } else { 1 };
            let levels = chance.list(least, 3, |chance| {
                let level = chance.pick(&["Kallio", "North", "Park", "Toolo", "+"]);
                (level != "+").then(|| level.to_owned())
            });
            ScopeCondition::Matches { levels, below: chance.once_in(2) }
        }
        5 => ScopeCondition::All(chance.list(1, 2, |chance| scope_condition(chance, depth - 1))),
        _ => ScopeCondition::Any(chance.list(1, 2, |chance| scope_condition(chance, depth - 1))),
    }
}

pub fn order(chance: &mut Chance) -> OrderBy {
    let key = match chance.below(8) {
        0 => OrderKey::Id,
        1 => OrderKey::Type,
        2 => OrderKey::Distance { property: name("location"), from: geometry(chance) },
        _ => OrderKey::Value(target(chance, false)),
    };
    let direction = chance.pick(&[Direction::Ascending, Direction::Descending]);
    OrderBy { key, direction }
}
