//! Create Entity (5.6.1, 6.4.3.1).

use crate::support::{City, JSON, LD_JSON};

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp","brightness":{"type":"Property","value":5}}"#;

#[tokio::test]
async fn an_entity_is_created_and_its_place_told() {
    let city = City::new();
    let told = city.post("/entities", LAMP).await.is(201).says("");
    assert_eq!(told.header("location"), "/ngsi-ld/v1/entities/urn:x:1");
    city.get("/entities/urn:x:1").await.is(200).says(LAMP);
}

#[tokio::test]
async fn a_location_is_encoded_where_it_must_be() {
    let city = City::new();
    let told = city.post("/entities/", r#"{"id":"https://a.org/ü","type":"Lamp"}"#).await.is(201);
    let location = told.header("location");
    assert_eq!(location, "/ngsi-ld/v1/entities/https:%2F%2Fa.org%2F%C3%BC");
    city.get(location.strip_prefix("/ngsi-ld/v1").unwrap()).await.is(200);
}

#[tokio::test]
async fn an_entity_is_created_once() {
    let city = City::of(&[LAMP]).await;
    city.post("/entities", LAMP).await.problem(409, "AlreadyExists", "`urn:x:1` already exists");
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_with_its_place() {
    let city = City::new();
    let check = async |body: &str, kind: &str, detail: &str| {
        city.post("/entities", body).await.problem(400, kind, detail);
    };
    check("{", "InvalidRequest", "not valid JSON").await;
    check("", "InvalidRequest", "not valid JSON").await;
    check("[]", "InvalidRequest", "not a JSON object").await;
    check(r#"{"type":"Lamp"}"#, "BadRequestData", "an entity needs an `id`").await;
    check(r#"{"id":"urn:x:1"}"#, "BadRequestData", "an entity needs a `type`").await;
    check(
        r#"{"id":"urn:x:1","type":"Lamp","a":{"type":"Property","value":1,"b":{"type":"Property"}}}"#,
        "BadRequestData",
        "attribute `a.b`: `value` is missing",
    )
    .await;
}

#[tokio::test]
async fn a_body_has_limits_with_names() {
    use ngsi_ld::Settings;
    let city = City::with(Settings {
        body_bytes_max: 200,
        json_depth_max: 4,
        attributes_max: 2,
        ..Settings::default()
    });
    let long = format!(r#"{{"id":"urn:x:1","type":"{}"}}"#, "L".repeat(200));
    let told = city.post("/entities", &long).await.is(413);
    assert!(told.body.contains("body_bytes_max"), "{}", told.body);
    let deep = r#"{"id":"urn:x:1","type":"L","a":{"value":[[[1]]]}}"#;
    city.post("/entities", deep).await.problem(400, "InvalidRequest", "`json_depth_max`");
    let many = r#"{"id":"urn:x:1","type":"L","a":1,"b":2,"c":3}"#;
    city.post("/entities", many).await.problem(400, "BadRequestData", "`attributes_max`");
}

#[tokio::test]
async fn a_body_is_utf_8() {
    use axum::body::Body;
    let city = City::new();
    let request = http::Request::post("/ngsi-ld/v1/entities")
        .header("authorization", "Bearer writer")
        .header("content-type", "application/json")
        .header("content-length", 2)
        .body(Body::from(vec![b'"', 0xff]))
        .unwrap();
    city.send(request).await.problem(400, "InvalidRequest", "not valid UTF-8, from byte 1 on");
}

#[tokio::test]
async fn json_ld_brings_its_own_context() {
    let city = City::new();
    let body = r#"{"id":"urn:x:1","type":"Lamp","@context":{"Lamp":"https://a.org/Lamp"}}"#;
    city.ask("POST", "/entities", &[LD_JSON], body).await.is(201);
    city.get("/entities/urn:x:1").await.says(r#"{"id":"urn:x:1","type":"https://a.org/Lamp"}"#);
    let told = city.ask("POST", "/entities", &[JSON], body).await;
    told.problem(400, "BadRequestData", "@context is named in a Link header");
}

#[tokio::test]
async fn identifiers_have_a_length() {
    let city = City::new();
    let long = "x".repeat(70_000);
    for body in [
        format!(r#"{{"id":"urn:{long}","type":"T"}}"#),
        format!(r#"{{"id":"urn:x:1","type":"T","r":{{"object":"urn:{long}"}}}}"#),
    ] {
        city.post("/entities", &body).await.problem(400, "BadRequestData", "at most 4096");
    }
    let scoped = format!(r#"{{"id":"urn:x:1","type":"T","scope":"/{long}"}}"#);
    city.post("/entities", &scoped).await.problem(400, "BadRequestData", "at most 1024 bytes");
}

#[tokio::test]
async fn half_a_character_is_refused() {
    let city = City::new();
    let body = r#"{"id":"urn:x:1","type":"T","a":"\ud800"}"#;
    city.post("/entities", body).await.problem(400, "InvalidRequest", "not valid JSON");
    let body = r#"{"id":"urn:x:1","type":"T","a":"\ud83d\ude00"}"#;
    city.post("/entities", body).await.is(201);
}
