//! Replace Entity (5.6.18, 6.5.3.3).

use crate::support::City;

#[tokio::test]
async fn a_replaced_entity_keeps_only_its_creation() {
    let city = City::of(&[r#"{"id":"urn:x:1","type":"Lamp","a":1}"#]).await;
    city.platform.clock.advance(std::time::Duration::from_secs(60));
    let body = r#"{"id":"urn:x:1","type":"Post","b":2}"#;
    city.put("/entities/urn:x:1", body).await.is(204).says("");
    let json = city.get("/entities/urn:x:1?options=sysAttrs").await.json();
    assert_eq!(json["type"], "Post");
    assert_eq!(json["createdAt"], "2026-04-01T12:00:00.000Z");
    assert_eq!(json["modifiedAt"], "2026-04-01T12:01:00.000Z");
    assert!(json.get("a").is_none());
}

#[tokio::test]
async fn a_whole_entity_is_needed_and_one_that_is_there() {
    let city = City::of(&[r#"{"id":"urn:x:1","type":"Lamp"}"#]).await;
    let check = async |path: &str, body: &str, status: u16, kind: &str| {
        city.put(path, body).await.problem(status, kind, "");
    };
    check("/entities/urn:x:1", r#"{"a":1}"#, 400, "BadRequestData").await;
    check("/entities/urn:x:1", r#"{"id":"urn:x:2","type":"L"}"#, 400, "BadRequestData").await;
    check("/entities/urn:x:2", r#"{"type":"L"}"#, 404, "ResourceNotFound").await;
    check("/entities/nonsense", r#"{"type":"L"}"#, 400, "BadRequestData").await;
    check("/entities/", r#"{"type":"L"}"#, 400, "BadRequestData").await;
}
