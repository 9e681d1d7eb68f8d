//! Random changes of evolutions, and random questions about them.

use model::{
    DateTime, Deletion, EntityId, HistoryChange, HistoryOperation, Instance, InstanceId, Instances,
    Json, Kind, Moment, Name, Reading, Readings, SCOPE, Tenant, Timestamp, Uri, scope_value,
};
use query::{Aggregation, Direction, Method, Page, Period, ReadingSelection, TimeProperty, Window};
use store::QueryHistory;
use store::contract::notation;

use super::questions::{filter, scope_condition};
use super::vocabulary::{dataset, entity_type, number, scope, tenant, value, word};
use crate::chance::Chance;
use crate::clock::MovableClock;

/// Few, so that what is told of them meets.
const IDS: [&str; 4] = ["urn:a", "urn:b", "urn:s:1", "http://x.org/ä?b#c"];
const TERMS: [&str; 5] = ["size", "size", "label", "location", "street"];

pub fn change(chance: &mut Chance) -> HistoryChange {
    let id = notation::id(chance.pick(&IDS));
    let operation = operation(chance, &id);
    HistoryChange { tenant: tenant(chance), id, operation }
}

fn operation(chance: &mut Chance, id: &EntityId) -> HistoryOperation {
    match chance.below(20) {
        0..7 => HistoryOperation::Upsert(readings(chance)),
        7..13 => HistoryOperation::Add(readings(chance)),
        13 | 14 => {
            let name = name(chance);
            let instances = match chance.below(3) {
                0 => Instances::All,
                _ => Instances::One(dataset(chance)),
            };
            HistoryOperation::DeleteAttribute { name, instances }
        }
        15 | 16 => {
            let name = name(chance);
            let instance_id = instance_id(chance, id, &name);
            let reading = reading(chance, &name);
            HistoryOperation::ModifyInstance { name, instance_id, reading: Box::new(reading) }
        }
        17 | 18 => {
            let name = name(chance);
            let instance_id = instance_id(chance, id, &name);
            HistoryOperation::DeleteInstance { name, instance_id }
        }
        _ => HistoryOperation::Delete,
    }
}

fn name(chance: &mut Chance) -> Name {
    if chance.once_in(12) { Name::new(SCOPE) } else { notation::name(chance.pick(&TERMS)) }
}

/// Now and then many of one series, as a sensor would send them.
fn readings(chance: &mut Chance) -> Readings {
    let types = if chance.once_in(2) { chance.list(1, 2, entity_type) } else { Vec::new() };
    let mut attributes: Vec<(Name, Vec<Reading>)> = Vec::new();
    for _ in 0..chance.below(3) + 1 {
        let name = name(chance);
        let most = if chance.once_in(6) { 40 } else { 4 };
        let readings = chance.list(1, most, |chance| reading(chance, &name));
        match attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => known.extend(readings),
            None => attributes.push((name, readings)),
        }
    }
    Readings { types, attributes }
}

fn reading(chance: &mut Chance, name: &Name) -> Reading {
    let observed_at =
        (!chance.once_in(6)).then(|| DateTime::new(moment(chance), chance.pick(&[0, 3, 6])));
    // Scopes have no datasets.
    let dataset_id = if name.as_str() == SCOPE { None } else { dataset(chance) };
    if chance.once_in(10) {
        return Reading::Deleted(Deletion {
            kind: chance.pick(&[Kind::Property, Kind::Relationship, Kind::GeoProperty]),
            dataset_id,
            observed_at,
            created_at: Timestamp::default(),
            modified_at: Timestamp::default(),
            deleted_at: Timestamp::default(),
        });
    }
    let value = if name.as_str() == SCOPE {
        scope_value(&chance.list(1, 2, scope))
    } else if chance.once_in(3) {
        model::Value::Property(Json::from_compact(if chance.once_in(2) {
            "21.50"
        } else {
            number(chance)
        }))
    } else {
        value(chance, name)
    };
    let unit_code = chance.once_in(8).then(|| Json::text(word(chance)));
    Reading::Said(Instance { dataset_id, observed_at, unit_code, ..Instance::new(value) })
}

/// Within half a minute around the start, on whole seconds mostly; seldom long ago, or to come.
fn moment(chance: &mut Chance) -> Timestamp {
    let start = MovableClock::START.0;
    match chance.below(30) {
        0 => Timestamp(-1_500_000),
        1 => Timestamp(start + 1_000_000 * 86_400 * 365),
        2 => Timestamp(start + 1),
        _ => Timestamp(start + 1_000_000 * (chance.below(30) as i64 - 10)),
    }
}

fn instance_id(chance: &mut Chance, id: &EntityId, name: &Name) -> Uri {
    if chance.once_in(12) {
        return notation::id("urn:not:one");
    }
    let at = moment(chance);
    let moment = if chance.once_in(4) { Moment::Recorded(at) } else { Moment::Observed(at) };
    let text = InstanceId::new(id, name, dataset(chance).as_ref(), moment).to_string();
    notation::id(&text)
}

pub fn question(chance: &mut Chance) -> QueryHistory {
    QueryHistory {
        tenant: if chance.once_in(6) { tenant(chance) } else { Tenant::default() },
        filter: if chance.once_in(3) { query::Filter::Everything } else { filter(chance, 1) },
        scope: chance.once_in(6).then(|| scope_condition(chance, 1)),
        by_id: Some(chance.pick(&[Direction::Ascending, Direction::Descending])),
        page: Page { offset: chance.below(3), limit: chance.below(5) },
        count: chance.once_in(2),
        readings: selection(chance),
    }
}

fn selection(chance: &mut Chance) -> ReadingSelection {
    ReadingSelection {
        window: (!chance.once_in(4)).then(|| window(chance)),
        attributes: chance.once_in(4).then(|| chance.list(1, 2, name)),
        omitted: if chance.once_in(6) { chance.list(1, 2, name) } else { Vec::new() },
        datasets: chance.once_in(6).then(|| chance.list(1, 2, dataset)),
        last_n: chance.once_in(3).then(|| 1 + chance.below(6)),
        aggregation: chance.once_in(3).then(|| aggregation(chance)),
        limit: if chance.once_in(2) { 1 + chance.below(12) } else { 100_000 },
    }
}

fn window(chance: &mut Chance) -> Window {
    use TimeProperty::{CreatedAt, DeletedAt, ModifiedAt, ObservedAt};
    let property =
        chance.pick(&[ObservedAt, ObservedAt, ObservedAt, CreatedAt, ModifiedAt, DeletedAt]);
    let mut end = || chance.once_in(2).then(|| moment(chance));
    Window { property, from: end(), until: end() }
}

fn aggregation(chance: &mut Chance) -> Aggregation {
    // Counting has a meaning for all values.
    let any = chance.once_in(2);
    let counts = [Method::TotalCount, Method::DistinctCount];
    let mut methods = chance
        .list(1, 3, |chance| if any { chance.pick(&Method::ALL) } else { chance.pick(&counts) });
    let mut seen = Vec::new();
    methods.retain(|method| {
        !seen.contains(method) && {
            seen.push(*method);
            true
        }
    });
    let period = chance.pick(&["PT0S", "PT1S", "PT10S", "PT1H", "P1M"]);
    let period = Period::parse("aggrPeriodDuration", period).expect("a duration");
    Aggregation { methods, period }
}
