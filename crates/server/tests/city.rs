//! The sample city: every entity is valid, and every relationship leads somewhere.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::collections::{HashMap, HashSet};

use jsonld::Context;
use model::{Attributes, Draft, EntityId};
use ngsi_ld::read;
use serde_json::Value;

const CITY: &str = include_str!("../city/helsinki.ndjson");
const VOCABULARY: &str = include_str!("../city/context.jsonld");

fn city() -> Vec<(EntityId, Draft)> {
    let context = Context::core();
    let limits = read::Limits { attributes_max: 50, instances_max: 1, readings_max: 8 };
    let read = |(at, line): (usize, &str)| {
        read::entity(line, &context, &limits)
            .unwrap_or_else(|error| panic!("line {}: {error}", at + 1))
    };
    CITY.lines().enumerate().map(read).collect()
}

#[test]
fn every_entity_is_valid_and_named_once() {
    let city = city();
    let ids: HashSet<&EntityId> = city.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), city.len());
    assert!(city.len() > 4_000, "{}", city.len());
}

#[test]
fn every_relationship_leads_to_an_entity_of_the_city() {
    let city = city();
    let ids: HashSet<&EntityId> = city.iter().map(|(id, _)| id).collect();
    let mut relationships = 0;
    for (id, draft) in &city {
        for target in targets(&draft.attributes) {
            relationships += 1;
            assert!(ids.contains(target), "{id} leads to {target}, which is not there");
        }
    }
    assert!(relationships > 2_000, "{relationships}");
}

#[test]
fn every_entity_lies_in_helsinki_and_names_its_source() {
    for line in CITY.lines() {
        let entity: Value = serde_json::from_str(line).unwrap();
        let provider = entity["dataProvider"].as_str().unwrap();
        assert!(provider.contains("OpenStreetMap") && provider.contains("ODbL"), "{line}");
        if entity["type"] != "Road" {
            let first = first_position(&entity["location"]["coordinates"]);
            assert!((24.9..25.0).contains(&first.0) && (60.1..60.2).contains(&first.1), "{line}");
        }
    }
}

/// `comity import helsinki.ndjson --context context.jsonld` gives every name its full IRI.
#[test]
fn the_vocabulary_has_every_name_of_the_city() {
    let tree: Value = serde_json::from_str(VOCABULARY).unwrap();
    let reference = jsonld::ContextRef::parse(&tree["@context"]).unwrap();
    let library: HashMap<String, std::sync::Arc<Value>> = HashMap::new();
    let context = jsonld::compile(&reference, &library, &jsonld::Limits::default()).unwrap();
    for line in CITY.lines() {
        let entity: Value = serde_json::from_str(line).unwrap();
        let names = entity.as_object().unwrap().keys().map(String::as_str);
        for name in names.chain(entity["type"].as_str()).filter(|name| *name != "id") {
            let iri = context.expand_term(name);
            assert!(!iri.starts_with(jsonld::DEFAULT_VOCAB), "{name} is not defined");
        }
    }
}

fn targets(attributes: &Attributes) -> Vec<&EntityId> {
    let instances = attributes.iter().flat_map(|attribute| &attribute.instances);
    instances.flat_map(|instance| instance.value.targets()).collect()
}

fn first_position(coordinates: &Value) -> (f64, f64) {
    match &coordinates[0] {
        Value::Array(_) => first_position(&coordinates[0]),
        number => (number.as_f64().unwrap(), coordinates[1].as_f64().unwrap()),
    }
}
