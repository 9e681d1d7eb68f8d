//! Retrieve and Query Subscriptions (5.8.3, 5.8.4, 6.10.3.2, 6.11.3.1).

use serde_json::json;

use crate::c5_8_1_create_subscription::subscription;
use crate::support::{ACCEPT_LD, CITY, CITY_LINK, City, JSON};

#[tokio::test]
async fn a_subscription_is_shown_as_it_was_written() {
    let city = City::new();
    let body = subscription(json!({
        "entities": [{"type": "Lamp|Bench", "idPattern": "^urn"}],
        "watchedAttributes": ["brightness"],
        "unknown": 1,
        "status": "expired",
        "notification": {
            "pick": ["id", "street{name}"],
            "join": "inline",
            "timesSent": 42,
            "endpoint": {"uri": "https://receiver.example/n", "accept": "application/ld+json"},
        },
    }));
    city.ask("POST", "/subscriptions", &[JSON, CITY_LINK], &body).await.is(201);
    let told = city.ask("GET", "/subscriptions/urn:s:1", &[CITY_LINK], "").await.is(200);
    let expected = json!({
        "id": "urn:s:1",
        "type": "Subscription",
        "entities": [{"type": "Lamp|Bench", "idPattern": "^urn"}],
        "notification": {
            "pick": ["id", "street{name}"],
            "join": "inline",
            "endpoint": {"uri": "https://receiver.example/n", "accept": "application/ld+json"},
        },
        "watchedAttributes": ["brightness"],
        "status": "active",
        "notificationTrigger": ["attributeCreated", "attributeUpdated"],
        "jsonldContext": CITY,
    });
    assert_eq!(told.json(), expected);
    assert!(told.header("link").contains(CITY));
    // In other words.
    let told = city.get("/subscriptions/urn:s:1").await.json();
    assert_eq!(told["watchedAttributes"][0], "https://city.example/brightness");
    let told = city.ask("GET", "/subscriptions/urn:s:1", &[CITY_LINK, ACCEPT_LD], "").await;
    assert_eq!(
        (told.json()["@context"].clone(), told.header("link")),
        (json!(CITY), String::new())
    );
}

#[tokio::test]
async fn subscriptions_are_listed_page_by_page() {
    let city = City::new();
    for id in ["urn:s:3", "urn:s:1", "urn:s:2"] {
        city.post("/subscriptions", &subscription(json!({"id": id}))).await.is(201);
        city.platform.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(city.get("/subscriptions").await.ids(), "urn:s:3 urn:s:1 urn:s:2");
    let told = city.get("/subscriptions?limit=1&offset=1&count=true").await;
    assert_eq!((told.ids(), told.header("ngsild-results-count")), ("urn:s:1".into(), "3".into()));
    let links = told.header("link");
    assert!(
        links.contains("</ngsi-ld/v1/subscriptions?count=true&limit=1&offset=0>; rel=\"prev\"")
    );
    assert!(links.contains("offset=2>; rel=\"next\""), "{links}");
    assert_eq!(city.get("/subscriptions?limit=1&offset=9").await.ids(), "");
}

#[tokio::test]
async fn who_asks_for_what_is_not_there_is_told_so() {
    let city = City::new();
    city.get("/subscriptions/nonsense").await.problem(400, "BadRequestData", "URI");
    city.get("/subscriptions/urn:s:1").await.problem(404, "ResourceNotFound", "`urn:s:1`");
    assert_eq!(city.get("/subscriptions").await.is(200).ids(), "");
}

#[tokio::test]
async fn what_proves_who_sends_is_for_its_giver_alone() {
    let city = City::new();
    let info = json!([{"key": "Authorization", "value": "secret"}]);
    let endpoint = json!({"uri": "https://receiver.example", "receiverInfo": info});
    let body = subscription(json!({"notification": {"endpoint": endpoint}}));
    city.post("/subscriptions", &body).await.is(201);
    assert!(city.get("/subscriptions/urn:s:1").await.body.contains("secret"));
    let shown = async |key| {
        let key = ("authorization", key);
        city.ask("GET", "/subscriptions/urn:s:1", &[key], "").await.is(200).body
    };
    assert!(shown("Bearer admin").await.contains("secret"));
    assert!(!shown("Bearer reader").await.contains("secret"));
}

#[tokio::test]
async fn a_version_that_is_preferred_changes_nothing() {
    let city = City::new();
    city.post("/subscriptions", &subscription(json!({}))).await.is(201);
    let applied = async |prefer| {
        let told = city.ask("GET", "/subscriptions/urn:s:1", &[("prefer", prefer)], "").await;
        told.is(200).header("preference-applied")
    };
    assert_eq!(applied("respond-async, NGSI-LD=\"1.0\";q=0.1").await, "ngsi-ld=1.0");
    assert_eq!(applied("respond-async").await, "");
}
