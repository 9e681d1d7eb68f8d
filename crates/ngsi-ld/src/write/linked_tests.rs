//! Linked entities, inside the relationships or behind the entities (clause 4.5.23).

use std::sync::Arc;

use broker::{Linked as Found, LinkedEntities};
use model::{Entity, Name};

use super::entity_tests::{context, stored};
use super::{Format, Linked, Member, Projected, Projection, Shape};

/// A building in a city in a country, which has the building as its landmark.
fn world() -> (Arc<Entity>, LinkedEntities) {
    let building = stored(
        r#"{"id":"urn:b:1","type":"Building","in":{"object":"urn:c:1"},"name":"B","near":{"object":["urn:c:1","urn:x:1"]},"route":{"objectList":["urn:x:1","urn:c:1"]}}"#,
    );
    let city = stored(r#"{"id":"urn:c:1","type":"City","name":"P","in":{"object":"urn:f:1"}}"#);
    let country = stored(r#"{"id":"urn:f:1","type":"Country","landmark":{"object":"urn:b:1"}}"#);
    let building = Arc::new(building);
    let all = [(city.into(), 1), (country.into(), 2), (building.clone(), 3)];
    let linked = all
        .into_iter()
        .map(|(entity, level): (Arc<Entity>, u32)| (entity.id.clone(), Found { entity, level }));
    (building, linked.collect())
}

fn picked(names: &[&str], below: &[Projected]) -> Vec<Projected> {
    let projected = |name: &&str| Projected {
        member: match *name {
            "id" => Member::Id,
            name => Member::Attribute(Name::new(context().expand_term(name).into_owned())),
        },
        below: if *name == "in" { below.to_vec() } else { Vec::new() },
    };
    names.iter().map(projected).collect()
}

fn check(levels: u32, is_inline: bool, format: Format, pick: &[Projected], expected: &str) {
    let (building, entities) = world();
    let linked = if is_inline {
        Linked::Inline { entities: &entities, levels }
    } else {
        Linked::Flat { entities: &entities, levels }
    };
    let projection = Projection { pick: Some(pick), omit: None };
    let mut out = String::new();
    let shape =
        Shape { format, linked, projection, context_in_body: Some("0"), ..Shape::default() };
    super::entities(&mut out, &[building], &context(), &shape);
    assert_eq!(out, expected);
}

#[test]
fn a_relationship_holds_the_entity_it_leads_to() {
    check(
        1,
        true,
        Format::Concise,
        &picked(&["id", "in"], &picked(&["id", "name"], &[])),
        r#"[{"id":"urn:b:1","in":{"object":"urn:c:1","entity":{"id":"urn:c:1","name":"P"}},"@context":0}]"#,
    );
    check(
        1,
        true,
        Format::Normalized,
        &picked(&["near", "route"], &[]),
        &r#"[{"near":{"type":"Relationship","object":["urn:c:1","urn:x:1"],"entity":[CITY]},"route":{"type":"ListRelationship","objectList":[{"object":"urn:x:1"},{"object":"urn:c:1"}],"entityList":[CITY]},"@context":0}]"#
            .replace("CITY", r#"{"id":"urn:c:1","type":"City","name":{"type":"Property","value":"P"},"in":{"type":"Relationship","object":"urn:f:1"}}"#),
    );
}

#[test]
fn the_simplified_form_puts_entities_in_the_place_of_their_ids() {
    check(
        1,
        true,
        Format::Simplified,
        &picked(&["in", "near", "route"], &[]),
        &r#"[{"in":CITY,"near":[CITY,"urn:x:1"],"route":["urn:x:1",CITY],"@context":0}]"#
            .replace("CITY", r#"{"id":"urn:c:1","type":"City","name":"P","in":"urn:f:1"}"#),
    );
}

#[test]
fn no_entity_stands_inside_itself() {
    check(
        9,
        true,
        Format::Simplified,
        &picked(&["in"], &[]),
        r#"[{"in":{"id":"urn:c:1","type":"City","name":"P","in":{"id":"urn:f:1","type":"Country","landmark":"urn:b:1"}},"@context":0}]"#,
    );
}

#[test]
fn linked_entities_follow_once_each() {
    check(
        9,
        false,
        Format::Simplified,
        &picked(&["id", "in", "near"], &picked(&["id", "in"], &[])),
        r#"[{"id":"urn:b:1","in":"urn:c:1","near":["urn:c:1","urn:x:1"],"@context":0},{"id":"urn:c:1","in":"urn:f:1","@context":0},{"id":"urn:f:1","type":"Country","landmark":"urn:b:1","@context":0}]"#,
    );
    check(
        1,
        false,
        Format::Simplified,
        &picked(&["id"], &[]),
        r#"[{"id":"urn:b:1","@context":0}]"#,
    );
}
