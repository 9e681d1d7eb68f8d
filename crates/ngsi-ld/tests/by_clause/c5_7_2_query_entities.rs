//! Query Entities by GET (5.7.2, 6.4.3.2).

use crate::support::{ACCEPT_GEO, City};

const A: &str = r#"{"id":"urn:x:1","type":"Lamp","a":1,"scope":"/Nord/Ost","location":{"type":"Point","coordinates":[8,40]}}"#;
const B: &str = r#"{"id":"urn:x:2","type":["Lamp","Post"],"a":5,"owner":{"object":"urn:x:3"},"location":{"type":"Point","coordinates":[9,41]}}"#;
const C: &str = r#"{"id":"urn:x:3","type":"Person","name":"Zoe"}"#;

async fn check(query: &str, expected: &str) {
    let city = City::of(&[A, B, C]).await;
    assert_eq!(city.get(&format!("/entities?{query}")).await.is(200).ids(), expected, "{query}");
}

#[tokio::test]
async fn entities_are_found_by_what_they_are() {
    check("type=Lamp", "urn:x:1 urn:x:2").await;
    check("type=(Lamp;Post),Person", "urn:x:2 urn:x:3").await;
    check("type=*", "urn:x:1 urn:x:2 urn:x:3").await;
    check("type=*&id=urn:x:3,urn:x:1", "urn:x:1 urn:x:3").await;
    check("type=Lamp&idPattern=2$", "urn:x:2").await;
    check("attrs=name", "urn:x:3").await;
    check("q=a%3E2", "urn:x:2").await;
    check("type=Lamp&scopeQ=/Nord/%23", "urn:x:1").await;
    check("local=true&scopeQ=/+/Ost", "urn:x:1").await;
    check("georel=near;maxDistance==1000&geometry=Point&coordinates=[8,40]", "urn:x:1").await;
    check("type=Nothing", "").await;
}

#[tokio::test]
async fn conditions_may_follow_links_that_come_along() {
    check("q=owner%7Bname%7D==%22Zoe%22&join=inline", "urn:x:2").await;
    let city = City::of(&[A, B, C]).await;
    let told = city.get("/entities?q=owner%7Bname%7D==%22Zoe%22").await;
    told.problem(400, "BadRequestData", "`q` follows 1 relationships");
}

#[tokio::test]
async fn answers_stand_in_the_order_asked_for() {
    check("type=Lamp&orderBy=a;desc", "urn:x:2 urn:x:1").await;
    check("type=Lamp&local=true&orderBy=id;desc", "urn:x:2 urn:x:1").await;
    check("type=Lamp&orderBy=location;dist-desc&orderFrom=[8,40]", "urn:x:2 urn:x:1").await;
    let city = City::of(&[A]).await;
    let told = city.get("/entities?type=Lamp&orderBy=location;dist-asc").await;
    told.problem(400, "BadRequestData", "`orderFrom`");
    let told = city.get("/entities?type=Lamp&orderBy=id&collation=not%20a%20tag!!").await;
    told.problem(400, "BadRequestData", "`collation`");
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_refused_with_its_place() {
    let city = City::new();
    let check = async |query: &str, detail: &str| {
        let told = city.get(&format!("/entities?{query}")).await;
        told.problem(400, "BadRequestData", detail);
    };
    check("type=A&q=a%3E", "`q`, character 3").await;
    check("type=A,", "`type`, character 3").await;
    check("type=A&scopeQ=/1", "`scopeQ`").await;
    check("type=A&id=x", "`id`: `x` is not a valid URI").await;
    check("attrs=a-b", "`attrs`").await;
    check("id=urn:x:1", "too wide").await;
}

#[tokio::test]
async fn a_collection_of_features_is_geojson() {
    let city = City::of(&[A, C]).await;
    let told = city.ask("GET", "/entities?type=*", &[ACCEPT_GEO], "").await.is(200);
    let json = told.json();
    assert_eq!(json["type"], "FeatureCollection");
    assert_eq!(json["features"][0]["geometry"]["type"], "Point");
    assert!(json["features"][1]["geometry"].is_null());
    assert!(json["@context"].is_string());
    let told =
        city.ask("GET", "/entities?type=None", &[ACCEPT_GEO, ("prefer", "body=json")], "").await;
    let told = told.is(200).says(r#"{"type":"FeatureCollection","features":[]}"#);
    assert!(told.header("link").contains("json-ld#context"));
}

#[tokio::test]
async fn what_belongs_to_sources_changes_nothing_and_entity_maps_are_not_supported() {
    check(
        "type=Lamp&entityMap=false&entityMapLifetime=PT1H&splitEntities=true&csf=a==1",
        "urn:x:1 urn:x:2",
    )
    .await;
    let city = City::new();
    for path in ["/entities?type=Lamp&entityMap=true", "/entities/urn:x:1?entityMap=true"] {
        city.get(path).await.problem(422, "OperationNotSupported", "entity maps");
    }
    city.get("/entities?type=Lamp&splitEntities=maybe").await.problem(400, "BadRequestData", "");
}
