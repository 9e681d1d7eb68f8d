//! Update Subscription and Delete Subscription (5.8.2, 5.8.5, 5.5.8, 6.11.3).

use std::time::Duration;

use serde_json::{Value, json};

use crate::c5_8_1_create_subscription::subscription;
use crate::support::{CITY_LINK, City, JSON};

async fn city() -> City {
    let city = City::new();
    let body = subscription(json!({"q": "brightness>5", "description": "old"}));
    city.ask("POST", "/subscriptions", &[JSON, CITY_LINK], &body).await.is(201);
    city
}

async fn changed(city: &City, fragment: Value) -> Value {
    let told = city.patch("/subscriptions/urn:s:1", &fragment.to_string()).await;
    told.is(204).says("");
    city.ask("GET", "/subscriptions/urn:s:1", &[CITY_LINK], "").await.json()
}

#[tokio::test]
async fn members_take_the_place_of_those_there_are() {
    let city = city().await;
    let shown = changed(&city, json!({"description": "new", "throttling": 2.5})).await;
    assert_eq!((&shown["description"], &shown["throttling"]), (&json!("new"), &json!(2.5)));
    assert_eq!(
        (&shown["entities"][0]["type"], &shown["q"]),
        (&json!("Lamp"), &json!("brightness>5"))
    );
    for nothing in [Value::Null, json!("urn:ngsi-ld:null")] {
        let shown = changed(&city, json!({ "description": nothing })).await;
        assert_eq!(shown["description"], Value::Null);
    }
}

#[tokio::test]
async fn names_are_expanded_by_the_context_of_the_fragment() {
    let city = city().await;
    let fragment = r#"{"entities":[{"type":"Lamp"}],"watchedAttributes":["brightness"]}"#;
    let path = "/subscriptions/urn:s:1";
    city.patch(path, fragment).await.is(204);
    let shown = city.ask("GET", path, &[CITY_LINK], "").await.json();
    // `Lamp` is another one there.
    assert_eq!(shown["entities"][0]["type"], "ngsi-ld:default-context/Lamp");
    city.ask("PATCH", path, &[JSON, CITY_LINK], fragment).await.is(204);
    assert_eq!(city.get(path).await.json()["entities"][0]["type"], "https://city.example/Lamp");
}

#[tokio::test]
async fn a_fragment_that_leaves_no_subscription_changes_nothing() {
    let city = city().await;
    let check = async |fragment: &str, detail: &str| {
        let told = city.patch("/subscriptions/urn:s:1", fragment).await;
        told.problem(400, "BadRequestData", detail);
    };
    check(r#"{"notification":{"format":"keyValues"}}"#, "`notification.endpoint`").await;
    check(r#"{"notification":null}"#, "`notification` is missing").await;
    check(r#"{"id":"urn:s:2"}"#, "`id`").await;
    check(r#"{"entities":null}"#, "`entities`").await;
    check(r#"{"expiresAt":"2020-01-01T00:00:00Z"}"#, "`expiresAt`").await;
    city.patch("/subscriptions/nonsense", "{}").await.problem(400, "BadRequestData", "id");
    city.patch("/subscriptions/urn:s:9", "{}").await.problem(404, "ResourceNotFound", "urn:s:9");
    city.patch("/subscriptions/", "{}").await.is(405);
    let shown = city.get("/subscriptions/urn:s:1").await.json();
    assert_eq!(shown["description"], "old");
}

#[tokio::test]
async fn the_status_follows_what_is_changed() {
    let city = city().await;
    let status = async |fragment: Value| changed(&city, fragment).await["status"].clone();
    assert_eq!(status(json!({"isActive": false})).await, "paused");
    assert_eq!(status(json!({"isActive": true})).await, "active");
    assert_eq!(status(json!({"expiresAt": "2026-04-01T12:00:10Z"})).await, "active");
    city.platform.clock.advance(Duration::from_secs(11));
    assert_eq!(status(json!({"isActive": true})).await, "expired");
    assert_eq!(status(json!({"isActive": false})).await, "expired");
    let again = json!({"isActive": true, "expiresAt": "2026-05-01T00:00:00Z"});
    assert_eq!(status(again).await, "active");
}

#[tokio::test]
async fn a_subscription_ends() {
    let city = city().await;
    city.delete("/subscriptions/nonsense").await.problem(400, "BadRequestData", "id");
    city.delete("/subscriptions/urn:s:1").await.is(204).says("");
    city.delete("/subscriptions/urn:s:1").await.problem(404, "ResourceNotFound", "urn:s:1");
    city.get("/subscriptions/urn:s:1").await.is(404);
}
