//! Merge Entity (5.6.17, 6.5.3.4).

use crate::support::City;

const SHOP: &str = r#"{"id":"urn:x:1","type":"Shop","a":{"type":"Property","value":{"x":1,"y":2},"observedAt":"2026-01-01T00:00:00Z"},"name":{"type":"LanguageProperty","languageMap":{"en":"shop","fi":"kauppa"}}}"#;

async fn merged(query: &str, body: &str) -> String {
    let city = City::of(&[SHOP]).await;
    city.patch(&format!("/entities/urn:x:1{query}"), body).await.is(204).says("");
    city.get("/entities/urn:x:1").await.body
}

#[tokio::test]
async fn values_are_merged_into_values() {
    let after =
        merged("", r#"{"a":{"type":"Property","value":{"y":"urn:ngsi-ld:null","z":3}}}"#).await;
    assert!(after.contains(r#""value":{"x":1,"z":3}"#), "{after}");
    assert!(after.contains("observedAt"), "{after}");
}

/// What stands in an array cannot be removed (4.5.0, 5.5.12), and no null is kept.
#[tokio::test]
async fn a_null_in_an_array_is_refused() {
    let city = City::of(&[SHOP]).await;
    for query in ["", "?format=simplified"] {
        for value in [
            r#"["urn:ngsi-ld:null"]"#,
            r#"{"x":[{"z":"urn:ngsi-ld:null"}],"y":"urn:ngsi-ld:null"}"#,
        ] {
            let body = format!(r#"{{"a":{value},"b":{value}}}"#);
            let told = city.patch(&format!("/entities/urn:x:1{query}"), &body).await;
            told.problem(400, "BadRequestData", "cannot stand in an array");
        }
    }
    assert!(!city.get("/entities/urn:x:1").await.body.contains("null"));
}

#[tokio::test]
async fn a_common_moment_goes_to_attributes_that_had_one() {
    let after =
        merged("?observedAt=2026-02-02T00:00:00Z", r#"{"a":{"value":{"x":7}},"b":1}"#).await;
    assert!(after.contains(r#""observedAt":"2026-02-02T00:00:00Z""#), "{after}");
    assert!(after.contains(r#""b":{"type":"Property","value":1}"#), "{after}");
}

#[tokio::test]
async fn a_simplified_text_goes_into_the_language_that_is_named() {
    for query in ["?format=simplified&lang=fi", "?options=keyValues&lang=fi"] {
        let after = merged(query, r#"{"name":"puoti"}"#).await;
        assert!(after.contains(r#"{"en":"shop","fi":"puoti"}"#), "{after}");
    }
}

#[tokio::test]
async fn a_merge_is_refused_without_an_entity_or_with_unknown_words() {
    let city = City::of(&[SHOP]).await;
    let check = async |path: &str, status: u16, kind: &str| {
        city.patch(path, r#"{"b":1}"#).await.problem(status, kind, "");
    };
    check("/entities/urn:x:2", 404, "ResourceNotFound").await;
    check("/entities/nonsense", 400, "BadRequestData").await;
    check("/entities/", 400, "BadRequestData").await;
    check("/entities/urn:x:1?observedAt=today", 400, "BadRequestData").await;
    check("/entities/urn:x:1?format=concise", 400, "InvalidRequest").await;
    check("/entities/urn:x:1?options=sysAttrs", 400, "InvalidRequest").await;
}

#[tokio::test]
async fn a_bare_value_must_suit_the_kind_there_is() {
    const ALL: &str = r#"{"id":"urn:x:1","type":"T","l":{"languageMap":{"en":"x"}},"j":{"json":{"a":1}},"r":{"object":"urn:y:1"}}"#;
    let city = City::of(&[ALL]).await;
    for (body, detail) in [
        (r#"{"l":5}"#, "languageMap"),
        (r#"{"j":5}"#, "json"),
        (r#"{"r":[]}"#, "at least one object"),
        (r#"{"r":{"unitCode":"CEL"}}"#, "unitCode"),
    ] {
        let told = city.patch("/entities/urn:x:1?format=simplified", body).await;
        if body.contains("unitCode") {
            let told = city.patch("/entities/urn:x:1", body).await;
            told.problem(400, "BadRequestData", detail);
        } else {
            told.problem(400, "BadRequestData", detail);
        }
    }
    let after = city.get("/entities/urn:x:1?format=concise").await.is(200);
    after.says(ALL);
}
