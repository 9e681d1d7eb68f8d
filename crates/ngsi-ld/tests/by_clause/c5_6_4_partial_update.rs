//! Partial Attribute Update and Replace Attribute (5.6.4, 5.6.19, 6.7.3).

use crate::support::City;

const LAMP: &str =
    r#"{"id":"urn:x:1","type":"Lamp","a":{"type":"Property","value":1,"unitCode":"CEL"}}"#;

#[tokio::test]
async fn members_not_named_stay_as_they_are() {
    let city = City::of(&[LAMP]).await;
    city.patch("/entities/urn:x:1/attrs/a", r#"{"value":2}"#).await.is(204).says("");
    city.get("/entities/urn:x:1").await.says(&LAMP.replace(":1,", ":2,"));
}

#[tokio::test]
async fn a_replaced_attribute_keeps_nothing() {
    let city = City::of(&[LAMP]).await;
    city.put("/entities/urn:x:1/attrs/a", r#"{"type":"Property","value":2}"#).await.is(204);
    let told = city.get("/entities/urn:x:1?format=concise").await;
    told.says(r#"{"id":"urn:x:1","type":"Lamp","a":2}"#);
}

#[tokio::test]
async fn a_patch_is_refused_for_what_is_not_there_or_cannot_be() {
    let city = City::of(&[LAMP]).await;
    let check = async |path: &str, body: &str, status: u16, kind: &str, detail: &str| {
        city.patch(path, body).await.problem(status, kind, detail);
    };
    let at = "/entities/urn:x:1/attrs/";
    check(&format!("{at}b"), r#"{"value":2}"#, 404, "ResourceNotFound", "has no attribute").await;
    check("/entities/urn:x:2/attrs/a", r#"{"value":2}"#, 404, "ResourceNotFound", "exist").await;
    check(&format!("{at}scope"), r#"{"value":2}"#, 400, "BadRequestData", "`scope`").await;
    check(&format!("{at}a"), "{}", 400, "BadRequestData", "attribute `a`").await;
    let other = r#"{"type":"Relationship","object":"urn:x:3"}"#;
    check(&format!("{at}a"), other, 400, "BadRequestData", "cannot make it a Relationship").await;
    let dataset = r#"{"value":2,"datasetId":"urn:d"}"#;
    check(&format!("{at}a"), dataset, 404, "ResourceNotFound", "`urn:d`").await;
}

#[tokio::test]
async fn an_attribute_may_be_named_in_full() {
    let city = City::of(&[LAMP]).await;
    let name = "https:%2F%2Furi.etsi.org%2Fngsi-ld%2Fdefault-context%2Fa";
    city.patch(&format!("/entities/urn:x:1/attrs/{name}"), r#"{"value":2}"#).await.is(204);
}

#[tokio::test]
async fn a_patch_may_call_itself_a_merge_patch() {
    let city = City::of(&[LAMP]).await;
    let merge = ("content-type", "application/merge-patch+json");
    city.ask("PATCH", "/entities/urn:x:1/attrs/a", &[merge], r#"{"value":2}"#).await.is(204);
    city.ask("PUT", "/entities/urn:x:1/attrs/a", &[merge], r#"{"value":2}"#).await.is(415);
}
