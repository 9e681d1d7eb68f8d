//! Types and attributes (5.7.5 to 5.7.10, 6.25 to 6.28).

use crate::support::{ACCEPT_LD, CITY_LINK, City};

async fn city() -> City {
    let city = City::new();
    for entity in [
        r#"{"id":"urn:x:1","type":"Lamp","brightness":1,"street":{"object":"urn:x:9"}}"#,
        r#"{"id":"urn:x:2","type":"Lamp","brightness":2}"#,
        r#"{"id":"urn:x:3","type":["Lamp","Post"],"brightness":{"object":"urn:x:9"}}"#,
    ] {
        city.ask("POST", "/entities", &[crate::support::JSON, CITY_LINK], entity).await.is(201);
    }
    city
}

async fn get(city: &City, path: &str) -> serde_json::Value {
    city.ask("GET", path, &[CITY_LINK], "").await.is(200).json()
}

#[tokio::test]
async fn types_are_listed_by_short_names_where_there_are_any() {
    let city = city().await;
    let json = get(&city, "/types").await;
    assert_eq!(json["type"], "EntityTypeList");
    assert!(json["id"].as_str().unwrap().starts_with("urn:"));
    // `Post` has no term in the context of the city.
    let default = "https://uri.etsi.org/ngsi-ld/default-context/Post";
    assert_eq!(json["typeList"], serde_json::json!(["Lamp", "Post"]));
    assert_eq!(get(&city, "/types?details=true").await[1]["id"], default);
    let json = city.get("/types/").await.json();
    assert_eq!(json["typeList"], serde_json::json!(["https://city.example/Lamp", "Post"]));
}

#[tokio::test]
async fn details_name_the_attributes_of_types_and_the_types_of_attributes() {
    let city = city().await;
    let json = get(&city, "/types?details=true").await;
    assert_eq!(json[0]["typeName"], "Lamp");
    assert_eq!(json[0]["id"], "https://city.example/Lamp");
    assert_eq!(json[0]["attributeNames"], serde_json::json!(["brightness", "street"]));
    let json = get(&city, "/attributes?details=true").await;
    assert_eq!(json[1]["attributeName"], "street");
    assert_eq!(json[1]["typeNames"], serde_json::json!(["Lamp"]));
    let json = get(&city, "/attributes").await;
    assert_eq!(json["attributeList"], serde_json::json!(["brightness", "street"]));
}

#[tokio::test]
async fn one_type_is_described_by_short_or_full_name() {
    let city = city().await;
    for path in ["/types/Lamp", "/types/https:%2F%2Fcity.example%2FLamp"] {
        let json = get(&city, path).await;
        assert_eq!((&json["type"], &json["entityCount"]), (&"EntityTypeInfo".into(), &3.into()));
        let details = &json["attributeDetails"][0];
        assert_eq!(details["attributeName"], "brightness");
        assert_eq!(details["attributeTypes"], serde_json::json!(["Property", "Relationship"]));
    }
}

#[tokio::test]
async fn one_attribute_is_described_and_counted_once_for_each_entity() {
    let city = city().await;
    let json = get(&city, "/attributes/brightness").await;
    assert_eq!(json["attributeCount"], 3);
    assert_eq!(json["attributeTypes"], serde_json::json!(["Property", "Relationship"]));
    assert_eq!(get(&city, "/attributes/street").await["attributeCount"], 1);
}

#[tokio::test]
async fn what_no_entity_has_is_not_found() {
    let city = city().await;
    for path in [
        "/types/Lamp",
        "/types/Nothing",
        "/attributes/brightness",
        "/attributes/id",
        "/attributes/scope",
    ] {
        city.get(path).await.problem(404, "ResourceNotFound", "");
    }
    city.get("/types/Lamp?details=true").await.problem(400, "InvalidRequest", "`details`");
    city.get("/attributes?limit=5").await.problem(400, "InvalidRequest", "`limit`");
}

#[tokio::test]
async fn json_ld_holds_the_context() {
    let city = city().await;
    let told = city.ask("GET", "/types", &[CITY_LINK, ACCEPT_LD], "").await.is(200);
    assert_eq!(told.json()["@context"], crate::support::CITY);
    let told = city.ask("GET", "/attributes?details=true", &[ACCEPT_LD], "").await.is(200);
    assert_eq!(told.json()[0]["@context"], crate::support::CORE);
}
