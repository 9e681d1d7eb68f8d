//! Append Attributes (5.6.3, 6.6.3.1).

use crate::support::City;

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp","a":1}"#;

#[tokio::test]
async fn attributes_are_added_and_those_there_are_overwritten() {
    let city = City::of(&[LAMP]).await;
    city.post("/entities/urn:x:1/attrs", r#"{"a":2,"b":3,"type":"Post"}"#).await.is(204);
    let told = city.get("/entities/urn:x:1?format=keyValues").await;
    told.says(r#"{"id":"urn:x:1","type":["Lamp","Post"],"a":2,"b":3}"#);
}

#[tokio::test]
async fn what_may_not_be_overwritten_is_left_alone_and_named_in_full() {
    let city = City::of(&[LAMP]).await;
    let told = city.post("/entities/urn:x:1/attrs?options=noOverwrite", r#"{"a":2,"b":3}"#).await;
    let told = told.is(207);
    assert_eq!(told.header("content-type"), "application/json");
    assert_eq!(told.header("link"), "");
    let json = told.json();
    assert_eq!(json["updated"][0], "https://uri.etsi.org/ngsi-ld/default-context/b");
    let left = &json["notUpdated"][0];
    assert_eq!(left["attributeName"], "https://uri.etsi.org/ngsi-ld/default-context/a");
    assert!(left["reason"].is_string());
    city.post("/entities/urn:x:1/attrs?options=noOverwrite", r#"{"c":2}"#).await.is(204);
}

#[tokio::test]
async fn nothing_can_be_removed() {
    let city = City::of(&[LAMP]).await;
    let told = city.post("/entities/urn:x:1/attrs", r#"{"a":"urn:ngsi-ld:null"}"#).await;
    told.problem(400, "BadRequestData", "urn:ngsi-ld:null");
}
