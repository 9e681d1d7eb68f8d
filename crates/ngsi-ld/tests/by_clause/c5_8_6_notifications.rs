//! Notifications (5.3.1, 5.8.6, 6.3.8).

use serde_json::{Value, json};

use crate::c5_8_1_create_subscription::subscription;
use crate::support::{CITY, CITY_LINK, City, JSON, Listener};

const LAMP: &str =
    r#"{"id":"urn:l:1","type":"Lamp","brightness":50,"street":{"object":"urn:r:1"}}"#;
const STREET: &str = r#"{"id":"urn:r:1","type":"Street","name":"Main"}"#;

/// A city with a lamp in a street, and someone who wants to know.
async fn city(members: Value) -> (City, Listener) {
    let city = City::new();
    for entity in [LAMP, STREET] {
        city.ask("POST", "/entities", &[JSON, CITY_LINK], entity).await.is(201);
    }
    let body = subscription(members);
    city.ask("POST", "/subscriptions", &[JSON, CITY_LINK], &body).await.is(201);
    let listener = city.listen();
    (city, listener)
}

fn notified(members: Value) -> Value {
    let mut notification = json!({"format": "concise"});
    notification["endpoint"] = json!({"uri": "https://receiver.example/n"});
    for (name, value) in members.as_object().unwrap() {
        notification[name.as_str()] = value.clone();
    }
    json!({"notification": notification})
}

async fn append(city: &City, attributes: &str) {
    let path = "/entities/urn:l:1/attrs";
    city.ask("POST", path, &[JSON, CITY_LINK], attributes).await.is(204);
}

#[tokio::test]
async fn a_notification_tells_what_changed_and_by_what_context() {
    let (city, mut listener) = city(json!({})).await;
    append(&city, r#"{"brightness":60}"#).await;
    let message = listener.message().await;
    let json: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(
        json,
        json!({
            "id": "urn:ngsi-ld:Notification:urn:s:1:3",
            "type": "Notification",
            "subscriptionId": "urn:s:1",
            "notifiedAt": "2026-04-01T12:00:00.000Z",
            "data": [{
                "id": "urn:l:1",
                "type": "Lamp",
                "brightness": {"type": "Property", "value": 60},
                "street": {"type": "Relationship", "object": "urn:r:1"},
            }],
        })
    );
    assert_eq!(message.content_type, "application/json");
    let (name, link) = &message.headers[0];
    assert!(name == "Link" && link.contains(CITY), "{name}: {link}");
}

#[tokio::test]
async fn an_account_is_given() {
    let (city, mut listener) = city(json!({})).await;
    append(&city, r#"{"brightness":60}"#).await;
    listener.message().await;
    let mut shown = Value::Null;
    for _ in 0..100 {
        shown = city.get("/subscriptions/urn:s:1").await.json()["notification"].clone();
        if shown["status"] == "ok" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let at = "2026-04-01T12:00:00.000Z";
    assert_eq!((&shown["timesSent"], &shown["status"]), (&json!(1), &json!("ok")));
    assert_eq!((&shown["lastNotification"], &shown["lastSuccess"]), (&json!(at), &json!(at)));
    assert_eq!((&shown["timesFailed"], &shown["lastFailure"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn it_looks_as_it_was_asked_for() {
    let check = async |members: Value, expected: &str| {
        let (city, mut listener) = city(notified(members.clone())).await;
        append(&city, r#"{"brightness":60}"#).await;
        assert_eq!(listener.data().await, expected, "{members}");
    };
    check(
        json!({}),
        r#"[{"id":"urn:l:1","type":"Lamp","brightness":60,"street":{"object":"urn:r:1"}}]"#,
    )
    .await;
    check(
        json!({"format": "keyValues", "attributes": ["brightness"]}),
        r#"[{"id":"urn:l:1","type":"Lamp","brightness":60}]"#,
    )
    .await;
    check(json!({"pick": ["id"]}), r#"[{"id":"urn:l:1"}]"#).await;
    check(json!({"omit": ["street"]}), r#"[{"id":"urn:l:1","type":"Lamp","brightness":60}]"#).await;
    check(
        json!({"omit": ["street"], "showChanges": true}),
        r#"[{"id":"urn:l:1","type":"Lamp","brightness":{"value":60,"previousValue":50}}]"#,
    )
    .await;
    check(
        json!({"format": "simplified", "join": "inline", "pick": ["street"]}),
        r#"[{"street":{"id":"urn:r:1","type":"default-context/Street","name":"Main"}}]"#
            .replace("default-context/Street", "Street")
            .as_str(),
    )
    .await;
    check(
        json!({"format": "simplified", "join": "flat", "pick": ["id", "street"]}),
        r#"[{"id":"urn:l:1","street":"urn:r:1"},{"id":"urn:r:1","type":"Street","name":"Main"}]"#,
    )
    .await;
}

#[tokio::test]
async fn what_went_is_told_with_the_null() {
    let check = async |members: Value, change: (&str, &str), expected: &str| {
        let mut all = notified(members);
        all["notificationTrigger"] = json!(["attributeDeleted", "entityDeleted"]);
        let (city, mut listener) = city(all).await;
        city.ask(change.0, change.1, &[CITY_LINK], "").await.is(204);
        assert_eq!(listener.data().await, expected);
    };
    let attribute = ("DELETE", "/entities/urn:l:1/attrs/brightness");
    let entity = ("DELETE", "/entities/urn:l:1");
    check(
        json!({"format": "keyValues"}),
        attribute,
        r#"[{"id":"urn:l:1","type":"Lamp","street":"urn:r:1","brightness":"urn:ngsi-ld:null"}]"#,
    )
    .await;
    let normalized = json!({"format": "normalized", "showChanges": true, "omit": ["street"]});
    check(
        normalized.clone(),
        attribute,
        r#"[{"id":"urn:l:1","type":"Lamp","brightness":{"type":"Property","value":"urn:ngsi-ld:null","previousValue":50}}]"#,
    )
    .await;
    check(
        json!({}),
        entity,
        r#"[{"id":"urn:l:1","type":"Lamp","deletedAt":"2026-04-01T12:00:00.000001Z"}]"#,
    )
    .await;
    check(
        normalized,
        entity,
        r#"[{"id":"urn:l:1","type":"Lamp","deletedAt":"2026-04-01T12:00:00.000001Z","brightness":{"type":"Property","value":"urn:ngsi-ld:null","previousValue":50}}]"#,
    )
    .await;
}

#[tokio::test]
async fn json_ld_and_geojson_carry_their_context() {
    let to = |accept: &str| json!({"uri": "https://receiver.example/n", "accept": accept});
    let ld = notified(json!({"endpoint": to("application/ld+json"), "pick": ["id"]}));
    let (city_ld, mut listener) = city(ld).await;
    append(&city_ld, r#"{"brightness":60}"#).await;
    let message = listener.message().await;
    let json: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(message.content_type, "application/ld+json");
    assert_eq!(json["data"], json!([{"id": "urn:l:1", "@context": CITY}]));
    assert!(message.headers.is_empty() && json["@context"] == CITY);

    let geo = notified(json!({"endpoint": to("application/geo+json")}));
    let (city_geo, mut listener) = city(geo).await;
    append(&city_geo, r#"{"location":{"type":"Point","coordinates":[1,2]}}"#).await;
    let message = listener.message().await;
    let json: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(json["data"]["type"], "FeatureCollection");
    assert_eq!(json["data"]["features"][0]["geometry"]["coordinates"], json!([1, 2]));
    assert_eq!(json["data"]["@context"], CITY);
}

#[tokio::test]
async fn a_tenant_and_what_the_receiver_wants_go_along() {
    let city = City::new();
    let north = ("ngsild-tenant", "north");
    let info = json!([{"key": "X-Key", "value": "v"}]);
    let endpoint = json!({"uri": "https://receiver.example/n", "receiverInfo": info});
    let body = subscription(json!({"notification": {"endpoint": endpoint}}));
    city.ask("POST", "/subscriptions", &[JSON, north], &body).await.is(201);
    let mut listener = city.listen();
    city.post("/entities", r#"{"id":"urn:l:8","type":"Lamp","a":1}"#).await.is(201);
    let lamp = r#"{"id":"urn:l:9","type":"Lamp","a":1}"#;
    city.ask("POST", "/entities", &[JSON, north], lamp).await.is(201);
    let message = listener.message().await;
    assert!(message.body.contains("urn:l:9"), "{}", message.body);
    let headers: Vec<(&str, &str)> =
        message.headers[1..].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, [("NGSILD-Tenant", "north"), ("X-Key", "v")]);
}

#[tokio::test]
async fn conditions_on_linked_entities_follow_the_links() {
    let (city, mut listener) = city(json!({"q": "street{name}==\"Main\""})).await;
    append(&city, r#"{"street":{"object":"urn:r:2"}}"#).await;
    append(&city, r#"{"street":{"object":"urn:r:1"}}"#).await;
    assert!(listener.data().await.contains("urn:r:1"));
}

#[tokio::test]
async fn who_knows_an_earlier_version_is_told_in_its_words() {
    let check = async |version: &str, expected: Value| {
        let mut members =
            notified(json!({"format": "normalized", "omit": ["id", "type", "street"]}));
        members["ngsildConformance"] = version.into();
        let (city, mut listener) = city(members).await;
        let changed = r#"{"brightness":[{"value":1,"unitCode":"LX"},{"value":2,"datasetId":"urn:d:1"}],
            "label":{"languageMap":{"fi":"katu"}},"state":{"vocab":"Lamp"},"list":{"valueList":[1]}}"#;
        append(&city, changed).await;
        let data: Value = serde_json::from_str(&listener.data().await).unwrap();
        assert_eq!(data[0], expected, "{version}");
    };
    let second = json!({"type": "Property", "value": 2, "datasetId": "urn:d:1"});
    let both = json!([{"type": "Property", "value": 1, "unitCode": "LX"}, second]);
    let map = json!({"fi": "katu"});
    check(
        "1.9",
        json!({
            "brightness": both,
            "label": {"type": "LanguageProperty", "languageMap": map},
            "state": {"type": "VocabProperty", "vocab": "Lamp"},
            "list": {"type": "ListProperty", "valueList": [1]},
        }),
    )
    .await;
    check(
        "1.7",
        json!({
            "brightness": both,
            "label": {"type": "LanguageProperty", "languageMap": map},
            "state": {"type": "Property", "value": "Lamp"},
            "list": {"type": "Property", "value": [1]},
        }),
    )
    .await;
    check(
        "1.0",
        json!({
            "brightness": {"type": "Property", "value": 1},
            "label": {"type": "Property", "value": map},
            "state": {"type": "Property", "value": "Lamp"},
            "list": {"type": "Property", "value": [1]},
        }),
    )
    .await;
}
