//! Add Attributes to Temporal Evolution of an Entity (5.6.12, 6.20.3.1).

use crate::support::{CITY, City, LD_JSON};

const CAR: &str = r#"{"id":"urn:x:1","type":"Car","speed":[
    {"type":"Property","value":1,"observedAt":"2026-01-01T00:00:00Z"}]}"#;

#[tokio::test]
async fn instances_and_attributes_are_added() {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    let more = r#"{"speed":[{"value":2,"observedAt":"2026-01-02T00:00:00Z"}],
        "heading":[{"value":90,"observedAt":"2026-01-02T00:00:00Z"}],"type":"Taxi"}"#;
    city.post("/temporal/entities/urn:x:1/attrs/", more).await.is(204).says("");
    let told = city.get("/temporal/entities/urn:x:1?options=temporalValues").await.is(200);
    told.says(
        r#"{"id":"urn:x:1","type":["Car","Taxi"],"heading":{"type":"Property","values":[[90,"2026-01-02T00:00:00Z"]]},"speed":{"type":"Property","values":[[1,"2026-01-01T00:00:00Z"],[2,"2026-01-02T00:00:00Z"]]}}"#,
    );
}

#[tokio::test]
async fn a_reading_with_the_moment_of_another_takes_its_place() {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    let again = r#"{"speed":{"value":5,"observedAt":"2026-01-01T00:00:00Z"}}"#;
    city.post("/temporal/entities/urn:x:1/attrs", again).await.is(204);
    let told = city.get("/temporal/entities/urn:x:1?options=temporalValues").await.is(200);
    assert!(told.body.contains(r#""values":[[5,"2026-01-01T00:00:00Z"]]"#), "{}", told.body);
}

#[tokio::test]
async fn there_must_be_an_evolution_to_add_to() {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    let check = async |path: &str, body: &str, status: u16, kind: &str, detail: &str| {
        city.post(path, body).await.problem(status, kind, detail);
    };
    let one = r#"{"speed":[{"value":2}]}"#;
    check("/temporal/entities/urn:x:2/attrs", one, 404, "ResourceNotFound", "urn:x:2").await;
    check("/temporal/entities//attrs", one, 400, "BadRequestData", "no entity id").await;
    check("/temporal/entities/x/attrs", one, 400, "BadRequestData", "entity id").await;
    let at = "/temporal/entities/urn:x:1/attrs";
    check(at, "", 400, "InvalidRequest", "not valid JSON").await;
    check(at, r#"{"id":"urn:x:2"}"#, 400, "BadRequestData", "urn:x:2").await;
    check(at, r#"{"speed":"urn:ngsi-ld:null"}"#, 400, "BadRequestData", "attribute `speed`").await;
}

#[tokio::test]
async fn a_fragment_may_be_json_ld() {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    let body = format!(r#"{{"brightness":[{{"value":2}}],"@context":"{CITY}"}}"#);
    city.ask("POST", "/temporal/entities/urn:x:1/attrs", &[LD_JSON], &body).await.is(204);
    let told = city.get("/temporal/entities/urn:x:1").await.is(200);
    assert!(told.body.contains("https://city.example/brightness"), "{}", told.body);
}
