//! Retrieve Entity (5.7.1, 6.5.3.1), and how it looks (4.5, 4.15, 4.21, 6.3.7, 6.3.11).

use crate::support::{ACCEPT_GEO, City};

const SHOP: &str = r#"{"id":"urn:x:1","type":"Shop","a":{"type":"Property","value":1},"name":{"type":"LanguageProperty","languageMap":{"en":"shop","fi":"kauppa"}},"owner":{"type":"Relationship","object":"urn:x:2"}}"#;
const OWNER: &str = r#"{"id":"urn:x:2","type":"Person","age":40}"#;

async fn city() -> City {
    City::of(&[SHOP, OWNER]).await
}

#[tokio::test]
async fn representations_are_chosen_and_format_wins_over_options() {
    let city = city().await;
    let check = async |query: &str, expected: &str| {
        city.get(&format!("/entities/urn:x:1?{query}")).await.is(200).says(expected);
    };
    let simplified = r#"{"id":"urn:x:1","type":"Shop","a":1,"name":{"languageMap":{"en":"shop","fi":"kauppa"}},"owner":"urn:x:2"}"#;
    check("", SHOP).await;
    check("format=normalized", SHOP).await;
    check("format=simplified", simplified).await;
    check("options=keyValues", simplified).await;
    check("format=normalized&options=keyValues", SHOP).await;
    check("format=concise&pick=a", r#"{"a":1}"#).await;
}

#[tokio::test]
async fn projections_leave_members_out() {
    let city = city().await;
    let check = async |query: &str, expected: &str| {
        city.get(&format!("/entities/urn:x:1?format=simplified&{query}"))
            .await
            .is(200)
            .says(expected);
    };
    check("pick=id,a", r#"{"id":"urn:x:1","a":1}"#).await;
    check("omit=type,name,owner", r#"{"id":"urn:x:1","a":1}"#).await;
    check("attrs=a,b", r#"{"id":"urn:x:1","type":"Shop","a":1}"#).await;
    let none = async |query: &str| {
        let told = city.get(&format!("/entities/urn:x:1?{query}")).await;
        told.problem(404, "ResourceNotFound", "none of the members");
    };
    none("attrs=b").await;
    none("pick=b").await;
    none("omit=id,type,a,name,owner").await;
}

#[tokio::test]
async fn projections_must_make_sense() {
    let city = city().await;
    let check = async |query: &str, detail: &str| {
        let told = city.get(&format!("/entities/urn:x:1?{query}")).await;
        told.problem(400, "BadRequestData", detail);
    };
    check("pick=a&omit=a", "both name").await;
    check("pick=a&attrs=b", "does not go with").await;
    check("omit=a&attrs=b", "does not go with").await;
    check("pick=a,,b", "`pick`").await;
    check("pick=owner%7Bage", "`pick`").await;
    check("pick=owner%7Bage%7D", "follows 1 relationships").await;
    check("geometryProperty=location", "application/geo+json").await;
    check("join=sideways", "`join`").await;
    check("join=inline&joinLevel=0", "`joinLevel`").await;
    check("lang=en;q=9", "`lang`").await;
    check("datasetId=nonsense", "`datasetId`").await;
}

#[tokio::test]
async fn linked_entities_come_along() {
    let city = city().await;
    let check = async |query: &str, expected: &str| {
        let told =
            city.get(&format!("/entities/urn:x:1?format=simplified&pick=id,owner{query}")).await;
        told.is(200).says(expected);
    };
    check("&join=inline", r#"{"id":"urn:x:1","owner":{"id":"urn:x:2","type":"Person","age":40}}"#)
        .await;
    check(
        "&join=flat",
        r#"[{"id":"urn:x:1","owner":"urn:x:2"},{"id":"urn:x:2","type":"Person","age":40}]"#,
    )
    .await;
    check("&join=inline&containedBy=urn:x:2", r#"{"id":"urn:x:1","owner":"urn:x:2"}"#).await;
    check("&join=@none", r#"{"id":"urn:x:1","owner":"urn:x:2"}"#).await;
}

#[tokio::test]
async fn a_language_turns_a_map_into_a_text() {
    let city = city().await;
    let told = city.get("/entities/urn:x:1?pick=name&lang=fi").await;
    told.says(r#"{"name":{"type":"Property","value":"kauppa","lang":"fi"}}"#);
}

#[tokio::test]
async fn system_attributes_are_shown_when_asked_for() {
    let city = city().await;
    let json = city.get("/entities/urn:x:1?options=sysAttrs").await.json();
    assert_eq!(json["createdAt"], "2026-04-01T12:00:00.000Z");
    assert_eq!(json["a"]["modifiedAt"], "2026-04-01T12:00:00.000Z");
}

#[tokio::test]
async fn an_entity_can_be_a_feature_of_geojson() {
    let park = r#"{"id":"urn:x:3","type":"Park","location":{"type":"Point","coordinates":[8,40]}}"#;
    let city = City::of(&[park]).await;
    let told = city.ask("GET", "/entities/urn:x:3", &[ACCEPT_GEO], "").await.is(200);
    assert_eq!(told.header("content-type"), "application/geo+json");
    let json = told.json();
    assert_eq!(json["geometry"]["coordinates"], serde_json::json!([8, 40]));
    assert!(json["@context"].is_string());
    let path = "/entities/urn:x:3?geometryProperty=elsewhere&format=simplified";
    let json = city.ask("GET", path, &[ACCEPT_GEO], "").await.json();
    assert!(json["geometry"].is_null() && json["properties"]["location"].is_object());
}

#[tokio::test]
async fn the_entity_must_be_there() {
    let city = city().await;
    city.get("/entities/urn:x:9").await.problem(404, "ResourceNotFound", "does not exist");
    city.get("/entities/urn:x:1?type=Lamp").await.problem(404, "ResourceNotFound", "not of");
    city.get("/entities/urn:x:1?type=Lamp%7CShop").await.is(200);
    city.get("/entities/nonsense").await.problem(400, "BadRequestData", "not a valid URI");
}
