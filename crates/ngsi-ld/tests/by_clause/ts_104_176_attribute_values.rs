//! Single attributes and bare values (TS 104 176 7.5 and 7.6; TS 104 175 10.2.6).

use crate::support::{ACCEPT_LD, CORE, City};

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp","a":[{"type":"Property","value":{"x":1},"unitCode":"CEL"},{"type":"Property","value":2,"datasetId":"urn:d"}],"owner":{"type":"Relationship","object":"urn:x:2"}}"#;

#[tokio::test]
async fn one_attribute_is_read() {
    let city = City::of(&[LAMP]).await;
    let check = async |query: &str, expected: &str| {
        city.get(&format!("/entities/urn:x:1/attrs/{query}")).await.is(200).says(expected);
    };
    check("owner", r#"{"type":"Relationship","object":"urn:x:2"}"#).await;
    check("a?datasetId=urn:d&format=concise", r#"{"value":2,"datasetId":"urn:d"}"#).await;
    check("a?datasetId=@none&format=simplified", r#"{"x":1}"#).await;
    let told = city.ask("GET", "/entities/urn:x:1/attrs/owner", &[ACCEPT_LD], "").await.is(200);
    assert_eq!(told.json()["@context"], CORE);
    for missing in ["b", "a?datasetId=urn:e", "a?type=Car"] {
        let told = city.get(&format!("/entities/urn:x:1/attrs/{missing}")).await;
        told.problem(404, "ResourceNotFound", "");
    }
}

#[tokio::test]
async fn a_value_is_read_bare() {
    let city = City::of(&[LAMP]).await;
    let check = async |query: &str, expected: &str| {
        let told =
            city.get(&format!("/entities/urn:x:1/attrs/{query}")).await.is(200).says(expected);
        assert_eq!(told.header("content-type"), "application/json");
    };
    check("a/value", r#"{"x":1}"#).await;
    check("a/value?datasetId=urn:d", "2").await;
    check("owner/value", r#""urn:x:2""#).await;
    let told = city.get("/entities/urn:x:1/attrs/b/value").await;
    told.problem(404, "ResourceNotFound", "has no attribute");
}

/// A bare value is JSON, and has no place for a `@context`.
#[tokio::test]
async fn a_value_is_json_or_not_acceptable() {
    let city = City::of(&[LAMP]).await;
    let ask = async |accept: &str| {
        city.ask("GET", "/entities/urn:x:1/attrs/a/value", &[("accept", accept)], "").await
    };
    for accept in [
        "application/json",
        "*/*",
        "application/*",
        "application/ld+json, application/json;q=0.1",
        "text/plain, */*;q=0.1",
    ] {
        let told = ask(accept).await.is(200).says(r#"{"x":1}"#);
        assert_eq!(told.header("content-type"), "application/json", "{accept}");
    }
    for accept in [
        "application/ld+json",
        "application/geo+json",
        "text/plain",
        "text/*",
        "application/json;q=0, */*",
    ] {
        let told = ask(accept).await.problem(406, "InvalidRequest", "application/json");
        assert_eq!(told.json()["available"], serde_json::json!(["application/json"]), "{accept}");
    }
}

#[tokio::test]
async fn a_value_is_set_and_the_rest_stays() {
    let city = City::of(&[LAMP]).await;
    let at = "/entities/urn:x:1/attrs";
    city.put(&format!("{at}/a/value?observedAt=2026-01-01T00:00:00Z"), "7").await.is(204).says("");
    city.put(&format!("{at}/a/value?datasetId=urn:d"), "8").await.is(204);
    city.put(&format!("{at}/owner/value"), r#""urn:x:3""#).await.is(204);
    let told = city.get("/entities/urn:x:1?format=concise").await;
    told.says(r#"{"id":"urn:x:1","type":"Lamp","a":[{"value":7,"unitCode":"CEL","observedAt":"2026-01-01T00:00:00Z"},{"value":8,"datasetId":"urn:d"}],"owner":{"object":"urn:x:3"}}"#);
}

#[tokio::test]
async fn a_value_must_be_one() {
    let city = City::of(&[LAMP]).await;
    let check = async |path: &str, body: &str, status: u16, kind: &str| {
        city.put(&format!("/entities/urn:x:1/attrs/{path}/value"), body)
            .await
            .problem(status, kind, "");
    };
    check("a", "{", 400, "InvalidRequest").await;
    check("a", "null", 400, "BadRequestData").await;
    check("a", r#""urn:ngsi-ld:null""#, 400, "BadRequestData").await;
    check("owner", "5", 400, "BadRequestData").await;
    check("b", "5", 404, "ResourceNotFound").await;
}
