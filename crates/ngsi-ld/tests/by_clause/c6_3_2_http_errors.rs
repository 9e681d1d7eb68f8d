//! What HTTP itself refuses (6.3.2, 6.3.4), and the parts of the standard that are not served.

use axum::body::Body;
use ngsi_ld::Settings;

use crate::support::{City, JSON};

#[tokio::test]
async fn a_wrong_method_hears_the_right_ones() {
    let city = City::new();
    let told = city.put("/entities", "{}").await.is(405);
    assert_eq!(told.header("allow"), "GET, HEAD, POST, DELETE, OPTIONS");
    assert_eq!(told.header("content-type"), "application/json");
    let told = city.ask("OPTIONS", "/entities/urn:x:1/attrs", &[], "").await.is(204);
    assert_eq!(told.header("allow"), "POST, PATCH, OPTIONS");
    city.ask("BREW", "/types", &[], "").await.is(405);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let city = City::of(&[r#"{"id":"urn:x:1","type":"Lamp"}"#]).await;
    let whole = city.get("/entities/urn:x:1").await.is(200);
    let told = city.ask("HEAD", "/entities/urn:x:1", &[], "").await.is(200).says("");
    assert_eq!(told.header("content-length"), whole.body.len().to_string());
    assert_eq!(told.header("link"), whole.header("link"));
    city.ask("HEAD", "/entities/urn:x:2", &[], "").await.is(404).says("");
}

#[tokio::test]
async fn a_body_has_a_length_before_anything_else_is_asked() {
    let city = City::new();
    for (method, path) in [("POST", "/entities"), ("PATCH", "/entities/x"), ("PUT", "/entities/x")]
    {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/ngsi-ld/v1{path}"))
            .header("authorization", "Bearer writer")
            .header("content-type", "application/xml")
            .header("ngsild-tenant", "nobody")
            .body(Body::empty())
            .unwrap();
        city.send(request).await.is(411).says("");
    }
}

#[tokio::test]
async fn an_unknown_media_type_is_refused_without_a_word() {
    let city = City::new();
    for media_type in ["application/xml", "text/plain", "application/geo+json"] {
        let told = city.ask("POST", "/entities", &[("content-type", media_type)], "{}").await;
        assert_eq!(told.is(415).says("").header("content-type"), "");
    }
    city.ask("POST", "/entities", &[], "{}").await.is(415);
}

#[tokio::test]
async fn a_uri_has_a_length() {
    let city = City::with(Settings { uri_bytes_max: 100, ..Settings::default() });
    let told = city.get(&format!("/entities?type={}", "A".repeat(100))).await.is(414);
    assert!(told.body.contains("uri_bytes_max"), "{}", told.body);
}

#[tokio::test]
async fn other_paths_are_not_there() {
    let city = City::new();
    city.get("/entity").await.problem(404, "ResourceNotFound", "nothing at");
    city.get("/").await.problem(404, "ResourceNotFound", "nothing at");
    city.get("/entities/%ff").await.problem(400, "BadRequestData", "percent-encoding");
}

#[tokio::test]
async fn other_parts_of_the_standard_are_not_supported() {
    let city = City::new();
    for (method, path) in [
        ("GET", "/temporal/entityMaps"),
        ("GET", "/csourceRegistrations/"),
        ("PATCH", "/csourceSubscriptions/urn:x:1"),
        ("GET", "/entityMaps/urn:x:1"),
        ("POST", "/snapshots/urn:x:1/clone"),
    ] {
        city.ask(method, path, &[JSON], "{}").await.problem(422, "OperationNotSupported", "");
    }
    city.ask("DELETE", "/subscriptions", &[], "").await.is(405);
    let told = city.ask("GET", "/entities/urn:x:1", &[("ngsild-snapshot", "urn:s")], "").await;
    told.problem(422, "OperationNotSupported", "snapshots");
}
