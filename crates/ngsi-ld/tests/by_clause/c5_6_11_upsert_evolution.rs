//! Create or Update (Upsert) Temporal Evolution of an Entity (5.6.11, 6.18.3.1), and its end
//! (5.6.16, 6.19.3.2).

use crate::support::{CITY, City, JSON, LD_JSON};

const CAR: &str = r#"{"id":"urn:x:1","type":"Car","speed":[
    {"type":"Property","value":1,"observedAt":"2026-01-01T00:00:00Z"},
    {"type":"Property","value":2,"observedAt":"2026-01-02T00:00:00Z"}]}"#;

#[tokio::test]
async fn an_evolution_is_created_and_then_added_to() {
    let city = City::new();
    let told = city.post("/temporal/entities/", CAR).await.is(201).says("");
    assert_eq!(told.header("location"), "/ngsi-ld/v1/temporal/entities/urn:x:1");
    let more = r#"{"id":"urn:x:1","type":["Car","Truck"],
        "speed":[{"type":"Property","value":"urn:ngsi-ld:null","observedAt":"2026-01-03T00:00:00Z"}]}"#;
    let told = city.post("/temporal/entities", more).await.is(204).says("");
    assert_eq!(told.header("location"), "");
    let told = city.get("/temporal/entities/urn:x:1?format=temporalValues").await.is(200);
    told.says(
        r#"{"id":"urn:x:1","type":["Car","Truck"],"speed":{"type":"Property","values":[[1,"2026-01-01T00:00:00Z"],[2,"2026-01-02T00:00:00Z"],["urn:ngsi-ld:null","2026-01-03T00:00:00Z"]]}}"#,
    );
}

#[tokio::test]
async fn the_entity_comes_into_being_with_its_evolution() {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    let told = city.get("/entities/urn:x:1?format=simplified").await.is(200);
    told.says(r#"{"id":"urn:x:1","type":"Car","speed":2}"#);
}

#[tokio::test]
async fn the_names_are_those_of_the_context() {
    let city = City::new();
    let lamp = format!(
        r#"{{"id":"urn:x:1","type":"Lamp","brightness":[{{"value":1,"observedAt":"2026-01-01T00:00:00Z"}}],"@context":"{CITY}"}}"#
    );
    city.ask("POST", "/temporal/entities", &[LD_JSON], &lamp).await.is(201);
    let told = city.get("/temporal/entities/urn:x:1").await.is(200);
    assert!(told.body.contains(r#""https://city.example/brightness":["#), "{}", told.body);
}

#[tokio::test]
async fn what_is_no_evolution_is_refused() {
    let city = City::new();
    let check = async |body: &str, kind: &str, detail: &str| {
        city.post("/temporal/entities", body).await.problem(400, kind, detail);
        city.get("/temporal/entities/urn:x:1").await.problem(404, "ResourceNotFound", "urn:x:1");
    };
    check("", "InvalidRequest", "not valid JSON").await;
    check("[]", "InvalidRequest", "not a JSON object").await;
    check(r#"{"type":"Car"}"#, "BadRequestData", "`id`").await;
    check(r#"{"id":"x","type":"Car"}"#, "BadRequestData", "`id`").await;
    check(r#"{"id":"urn:x:1"}"#, "BadRequestData", "without a type").await;
    let null = r#"{"id":"urn:x:1","type":"Car","expiresAt":"urn:ngsi-ld:null"}"#;
    check(null, "BadRequestData", "`expiresAt`").await;
    let offset = CAR.replace("00:00:00Z", "00:00:00+03:00");
    check(&offset, "BadRequestData", "`observedAt`").await;
    city.ask("POST", "/temporal/entities?x=1", &[JSON], CAR).await.problem(
        400,
        "InvalidRequest",
        "`x`",
    );
}

#[tokio::test]
async fn an_evolution_creates_a_tenant_and_only_writers_may() {
    let city = City::new();
    let headers = [JSON, ("ngsild-tenant", "nord")];
    city.ask("GET", "/temporal/entities/urn:x:1", &headers[1..], "").await.problem(
        404,
        "NonexistentTenant",
        "nord",
    );
    city.ask("POST", "/temporal/entities", &headers, CAR).await.is(201);
    city.ask("GET", "/temporal/entities/urn:x:1", &headers[1..], "").await.is(200);
    city.get("/temporal/entities/urn:x:1").await.is(404);
    let reader = [JSON, ("authorization", "Bearer reader")];
    city.ask("POST", "/temporal/entities", &reader, CAR).await.is(403);
    city.ask("DELETE", "/temporal/entities/urn:x:1", &reader[1..], "").await.is(403);
}

#[tokio::test]
async fn an_evolution_can_be_deleted_as_a_whole() {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    city.delete("/temporal/entities/urn:x:1").await.is(204).says("");
    city.get("/temporal/entities/urn:x:1").await.problem(404, "ResourceNotFound", "urn:x:1");
    let told = city.delete("/temporal/entities/urn:x:1").await;
    told.problem(404, "ResourceNotFound", "urn:x:1");
    city.delete("/temporal/entities/x").await.problem(400, "BadRequestData", "entity id");
    city.delete("/temporal/entities/").await.is(405);
}
