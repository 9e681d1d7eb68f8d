//! Random queries.

use model::Name;
use query::{
    Comparison, Condition, Direction, Filter, GeoCondition, GeoRelation, Link, Operand, OrderBy,
    OrderKey, Page, Pattern, Query, Range, ScopeCondition, Target, Test,
};
use store::contract::notation::name;

use super::vocabulary::{
    geometry, id, member, moment, number, selector, tenant, term, word, written_moment,
};
use crate::chance::Chance;

pub fn query(chance: &mut Chance) -> Query {
    Query {
        tenant: tenant(chance),
        filter: filter(chance, 2),
        order: if chance.once_in(2) { chance.list(1, 2, order) } else { Vec::new() },
        page: Page { offset: chance.below(5), limit: chance.below(5) },
        count: chance.once_in(2),
    }
}

fn filter(chance: &mut Chance, depth: usize) -> Filter {
    match chance.below(if depth == 0 { 16 } else { 20 }) {
        0 => Filter::Everything,
        1 => Filter::Ids(chance.list(0, 3, id)),
        2 => Filter::IdPattern(pattern(chance)),
        3 | 4 => Filter::Types(selector(chance, 2)),
        5 => Filter::Attributes(chance.list(1, 2, term)),
        6 | 7 => Filter::Scope(scope_condition(chance, 1)),
        8..11 => Filter::Geo(geo(chance)),
        11..16 => Filter::Condition(condition(chance, 2)),
        _ => Filter::All(chance.list(0, 3, |chance| filter(chance, depth - 1))),
    }
}

fn condition(chance: &mut Chance, depth: usize) -> Condition {
    match chance.below(if depth == 0 { 6 } else { 10 }) {
        0..6 => {
            Condition::Test(Test { target: target(chance, true), comparison: comparison(chance) })
        }
        6 | 7 => Condition::All(chance.list(1, 3, |chance| condition(chance, depth - 1))),
        _ => Condition::Any(chance.list(1, 3, |chance| condition(chance, depth - 1))),
    }
}

fn target(chance: &mut Chance, may_link: bool) -> Target {
    let links = if may_link && chance.once_in(5) { chance.list(1, 2, link) } else { Vec::new() };
    let mut attributes = vec![term(chance)];
    if chance.once_in(6) {
        attributes = vec![system_member(chance)];
    } else if chance.once_in(5) {
        attributes.push(if chance.once_in(2) { term(chance) } else { system_member(chance) });
    }
    let inside = if chance.once_in(4) { chance.list(1, 2, member) } else { Vec::new() };
    Target { links, attributes, inside }
}

fn link(chance: &mut Chance) -> Link {
    let types = chance.once_in(3).then(|| selector(chance, 0));
    Link { relationship: term(chance), types }
}

fn system_member(chance: &mut Chance) -> Name {
    name(chance.pick(&[
        "createdAt",
        "modifiedAt",
        "observedAt",
        "expiresAt",
        "unitCode",
        "datasetId",
    ]))
}

fn comparison(chance: &mut Chance) -> Comparison {
    match chance.below(12) {
        0 | 1 => Comparison::Exists,
        2..5 => Comparison::Equals(chance.list(1, 2, range)),
        5 => Comparison::NotEquals(chance.list(1, 2, range)),
        6 => Comparison::Less(operand(chance)),
        7 => Comparison::LessOrEqual(operand(chance)),
        8 => Comparison::Greater(operand(chance)),
        9 => Comparison::GreaterOrEqual(operand(chance)),
        10 => Comparison::Matches(pattern(chance)),
        _ => Comparison::NotMatches(pattern(chance)),
    }
}

fn range(chance: &mut Chance) -> Range {
    if chance.once_in(2) {
        return Range::Only(operand(chance));
    }
    match chance.below(3) {
        0 => Range::Between(number_operand(chance), number_operand(chance)),
        1 => Range::Between(Operand::Text(word(chance).into()), Operand::Text(word(chance).into())),
        _ => Range::Between(
            Operand::DateTime(moment(chance).instant()),
            Operand::DateTime(moment(chance).instant()),
        ),
    }
}

fn operand(chance: &mut Chance) -> Operand {
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

fn scope_condition(chance: &mut Chance, depth: usize) -> ScopeCondition {
    match chance.below(if depth == 0 { 5 } else { 7 }) {
        0..5 => {
            let levels = chance.list(1, 3, |chance| {
                let level = chance.pick(&["Kallio", "North", "Park", "Toolo", "+"]);
                (level != "+").then(|| level.to_owned())
            });
            ScopeCondition::Matches { levels, below: chance.once_in(2) }
        }
        5 => ScopeCondition::All(chance.list(1, 2, |chance| scope_condition(chance, depth - 1))),
        _ => ScopeCondition::Any(chance.list(1, 2, |chance| scope_condition(chance, depth - 1))),
    }
}

fn order(chance: &mut Chance) -> OrderBy {
    let key = match chance.below(8) {
        0 => OrderKey::Id,
        1 => OrderKey::Type,
        2 => OrderKey::Distance { property: name("location"), from: geometry(chance) },
        _ => OrderKey::Value(target(chance, false)),
    };
    let direction = chance.pick(&[Direction::Ascending, Direction::Descending]);
    OrderBy { key, direction }
}
