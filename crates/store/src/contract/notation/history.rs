//! Evolutions, and changes of them, in the notation.

use model::{
    Attribute, AttributePatch, DateTime, Deletion, EvolutionHeader, HistoryChange,
    HistoryOperation, Instance, Instances, Kind, Name, Reading, Readings, SCOPE, Scope, Tenant,
    Timestamp, scope_value,
};

use super::fragment::attribute;
use super::show::instance;
use super::tokens::{word_and_members, words};
use super::{id, id_and_rest, name, term};
use crate::contract::trial::Trial;
use crate::{Evolution, Told};

/// In the default tenant:
///
/// | written | operation |
/// |---|---|
/// | `tell urn:lamp:1 Lamp brightness=60(t=10)` | `Upsert` |
/// | `add urn:lamp:1 brightness=60(t=10) -state(t=20) /Kallio(t=10)` | `Add` |
/// | `forget urn:lamp:1` | `Delete` |
/// | `forget-attribute urn:lamp:1 brightness(datasetId=urn:d:1)` | `DeleteAttribute` |
/// | `forget-attribute urn:lamp:1 brightness*` | `DeleteAttribute`, all instances |
/// | `forget-reading urn:lamp:1 brightness urn:instance:7` | `DeleteInstance` |
/// | `correct urn:lamp:1 urn:instance:7 brightness=61` | `ModifyInstance` |
///
/// `-state` stands for the deletion of a Property.
pub fn history_change(text: &str) -> HistoryChange {
    let (verb, rest) = text.trim().split_once(' ').unwrap_or((text, ""));
    let (id, rest) = id_and_rest(rest);
    HistoryChange { tenant: Tenant::default(), id, operation: operation(verb, rest.trim()) }
}

fn operation(verb: &str, rest: &str) -> HistoryOperation {
    match verb {
        "tell" => HistoryOperation::Upsert(readings(rest)),
        "add" => HistoryOperation::Add(readings(rest)),
        "forget" => HistoryOperation::Delete,
        "forget-attribute" => forget_attribute(rest),
        "forget-reading" => {
            let (term, instance_id) = rest.split_once(' ').expect("an attribute and a reading");
            HistoryOperation::DeleteInstance { name: name(term), instance_id: id(instance_id) }
        }
        "correct" => {
            let (instance_id, word) = rest.split_once(' ').expect("an id and a reading");
            let (name, reading) = reading(word);
            HistoryOperation::ModifyInstance {
                name,
                instance_id: id(instance_id),
                reading: Box::new(reading),
            }
        }
        _ => panic!("there is no verb `{verb}`"),
    }
}

fn forget_attribute(word: &str) -> HistoryOperation {
    let (front, members) = word_and_members(word);
    let (term, instances) = match front.strip_suffix('*') {
        Some(term) => (term, Instances::All),
        None => (front, Instances::One(members.strip_prefix("datasetId=").map(id))),
    };
    let name = if term == "scope" { Name::new(SCOPE) } else { name(term) };
    HistoryOperation::DeleteAttribute { name, instances }
}

/// Types and readings, as a client would give them.
pub fn readings(text: &str) -> Readings {
    let mut readings = Readings::default();
    for word in words(text) {
        if word.chars().all(|c| c.is_alphanumeric() || c == '_') {
            readings.types.push(name(word));
            continue;
        }
        let (name, reading) = reading(word);
        match readings.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => known.push(reading),
            None => readings.attributes.push((name, vec![reading])),
        }
    }
    readings
}

fn reading(word: &str) -> (Name, Reading) {
    let (front, members) = word_and_members(word);
    let (front, gone) = front.strip_prefix('-').map_or((front, false), |front| (front, true));
    if front.starts_with('/') {
        let scope = Scope::parse(front).unwrap_or_else(|error| panic!("{error}"));
        let (_, patch) = attribute(&format!("scope=0({members})"));
        let instance = Instance { value: scope_value(&[scope]), ..whole(patch, SCOPE) };
        return (Name::new(SCOPE), Reading::Said(instance));
    }
    let front = if gone { format!("{front}=0") } else { front.to_owned() };
    let (name, patch) = attribute(&format!("{front}({members})"));
    let instance = whole(patch, name.as_str());
    let reading =
        if gone { Reading::Deleted(deletion(&instance)) } else { Reading::Said(instance) };
    (name, reading)
}

fn whole(patch: AttributePatch, name: &str) -> Instance {
    let attribute: Attribute =
        patch.into_attribute(Name::new(name)).unwrap_or_else(|error| panic!("{error}"));
    attribute.instances.into_iter().next().expect("a word tells of one instance")
}

fn deletion(instance: &Instance) -> Deletion {
    Deletion {
        kind: Kind::Property,
        dataset_id: instance.dataset_id.clone(),
        observed_at: instance.observed_at,
        created_at: Timestamp::default(),
        modified_at: Timestamp::default(),
        deleted_at: Timestamp::default(),
    }
}

/// So many seconds after the start of a trial.
pub fn at(seconds: i64) -> DateTime {
    DateTime::new(Timestamp(Trial::START.0 + seconds * 1_000_000), 0)
}

/// The types, then each reading as it would be written; `r=` tells when one without a moment of
/// its own was recorded. `gone=` tells when the entity was deleted.
pub fn show_evolution(evolution: &Evolution) -> String {
    let EvolutionHeader { types, deleted_at, .. } = &evolution.header;
    let mut shown: Vec<String> = types.iter().map(|name| term(name).to_owned()).collect();
    shown.extend(deleted_at.map(|at| format!("gone={}", seconds(at))));
    for (name, told) in &evolution.attributes {
        match told {
            Told::Readings(readings) if readings.is_empty() => {
                shown.push(format!("{}=..", term(name)));
            }
            Told::Readings(readings) => {
                shown.extend(readings.iter().map(|reading| show_reading(name, reading)));
            }
            Told::Aggregates(series) => shown.push(format!("{}: {series:?}", term(name))),
        }
    }
    shown.join(" ")
}

fn show_reading(name: &Name, reading: &Reading) -> String {
    let written = match reading {
        Reading::Said(said) => instance(name, &Instance { observed_at: None, ..said.clone() }),
        Reading::Deleted(deletion) => {
            let dataset = deletion.dataset_id.as_ref().map(|id| format!("(datasetId={id})"));
            format!("-{}{}", term(name), dataset.unwrap_or_default())
        }
    };
    let moment = match reading.observed_at() {
        Some(at) => format!("t={}", seconds(at.instant())),
        None => format!("r={}", seconds(reading.modified_at())),
    };
    match written.strip_suffix(')') {
        Some(open) => format!("{open} {moment})"),
        None => format!("{written}({moment})"),
    }
}

/// `10`, or `10+1` for a microsecond after.
fn seconds(at: Timestamp) -> String {
    let micros = at.0 - Trial::START.0;
    match micros.rem_euclid(1_000_000) {
        0 => (micros / 1_000_000).to_string(),
        rest => format!("{}+{rest}", micros.div_euclid(1_000_000)),
    }
}
