//! Modify and Delete Attribute Instance in Temporal Evolution of an Entity (5.6.14, 5.6.15, 6.22).

use std::time::Duration;

use serde_json::Value;

use crate::support::{City, Told};

const CAR: &str = r#"{"id":"urn:x:1","type":"Car","speed":[
    {"value":1,"observedAt":"2026-01-01T00:00:00Z"},
    {"value":2,"observedAt":"2026-01-02T00:00:00Z"}]}"#;

async fn city() -> City {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    city
}

async fn speeds(city: &City) -> Vec<Value> {
    let told = city.get("/temporal/entities/urn:x:1?options=sysAttrs").await.is(200).json();
    told["speed"].as_array().unwrap().clone()
}

fn id_of(instance: &Value) -> String {
    instance["instanceId"].as_str().unwrap().to_owned()
}

async fn modify(city: &City, id: &str, body: &str) -> Told {
    city.patch(&format!("/temporal/entities/urn:x:1/attrs/speed/{id}"), body).await
}

#[tokio::test]
async fn an_instance_takes_the_place_of_another() {
    for body in [
        r#"{"type":"Property","value":9,"observedAt":"2026-01-01T00:00:00Z"}"#,
        r#"{"speed":[{"type":"Property","value":9,"observedAt":"2026-01-01T00:00:00Z"}]}"#,
        r#"[{"type":"Property","value":9,"observedAt":"2026-01-01T00:00:00Z"}]"#,
    ] {
        let city = city().await;
        let before = speeds(&city).await;
        city.platform.clock.advance(Duration::from_secs(60));
        modify(&city, &id_of(&before[0]), body).await.is(204).says("");
        let after = speeds(&city).await;
        assert_eq!((after.len(), &after[0]["value"], &after[1]), (2, &9.into(), &before[1]));
        assert_eq!(after[0]["instanceId"], before[0]["instanceId"]);
        assert_eq!(after[0]["createdAt"], before[0]["createdAt"]);
        assert_ne!(after[0]["modifiedAt"], before[0]["modifiedAt"]);
    }
}

#[tokio::test]
async fn an_instance_can_be_deleted() {
    let city = city().await;
    let before = speeds(&city).await;
    let path = format!("/temporal/entities/urn:x:1/attrs/speed/{}", id_of(&before[0]));
    city.delete(&path).await.is(204).says("");
    assert_eq!(speeds(&city).await, before[1..]);
    city.delete(&path).await.problem(404, "ResourceNotFound", "has no instance");
}

#[tokio::test]
async fn the_instance_must_be_there() {
    let city = city().await;
    let id = id_of(&speeds(&city).await[0]);
    const ONE: &str = r#"{"value":9}"#;
    let check = async |path: &str, status: u16, kind: &str, detail: &str| {
        let path = format!("/temporal/entities/{path}");
        city.patch(&path, ONE).await.problem(status, kind, detail);
        city.delete(&path).await.problem(status, kind, detail);
    };
    check(&format!("urn:x:2/attrs/speed/{id}"), 404, "ResourceNotFound", "urn:x:2").await;
    check(&format!("urn:x:1/attrs/fuel/{id}"), 404, "ResourceNotFound", "fuel").await;
    check("urn:x:1/attrs/speed/urn:x:9", 404, "ResourceNotFound", "urn:x:9").await;
    check(&format!("x/attrs/speed/{id}"), 400, "BadRequestData", "entity id").await;
    check(&format!("/attrs/speed/{id}"), 400, "BadRequestData", "no entity id").await;
    check(&format!("urn:x:1/attrs/in(valid/{id}"), 400, "BadRequestData", "attribute name").await;
    check(&format!("urn:x:1/attrs//{id}"), 400, "BadRequestData", "attribute name").await;
    check("urn:x:1/attrs/speed/x", 400, "BadRequestData", "`instanceId`").await;
    modify(&city, "", ONE).await.is(405);
}

#[tokio::test]
async fn the_body_must_be_one_instance() {
    let city = city().await;
    let id = id_of(&speeds(&city).await[0]);
    for body in ["[]", "5", r#"{"fuel":1}"#, r#"[{"value":1},{"value":2}]"#] {
        let told = modify(&city, &id, body).await;
        told.problem(400, "BadRequestData", "one instance of the attribute");
    }
    modify(&city, &id, "{").await.problem(400, "InvalidRequest", "not valid JSON");
}
