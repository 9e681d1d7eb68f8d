//! Create Subscription (5.8.1, 5.2.12 to 5.2.15, 5.2.22, 6.10.3.1).

use serde_json::{Value, json};

use crate::support::{CITY, City, JSON, LD_JSON};

const TO: &str = r#"{"endpoint":{"uri":"https://receiver.example/notify"}}"#;

/// A subscription with these members beside an endpoint; null takes one away.
pub fn subscription(members: Value) -> String {
    let mut json = json!({"id": "urn:s:1", "type": "Subscription", "entities": [{"type": "Lamp"}]});
    json["notification"] = serde_json::from_str(TO).unwrap();
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => drop(json.as_object_mut().unwrap().remove(name)),
            value => json[name] = value.clone(),
        }
    }
    json.to_string()
}

#[tokio::test]
async fn a_subscription_is_made_and_its_place_told() {
    let city = City::new();
    let told = city.post("/subscriptions/", &subscription(json!({}))).await.is(201).says("");
    assert_eq!(told.header("location"), "/ngsi-ld/v1/subscriptions/urn:s:1");
    let again = city.post("/subscriptions", &subscription(json!({}))).await;
    again.problem(409, "AlreadyExists", "`urn:s:1`");
}

#[tokio::test]
async fn who_gives_no_id_gets_one() {
    let city = City::new();
    let told = city.post("/subscriptions", &subscription(json!({"id": null}))).await.is(201);
    let place = told.header("location");
    let place = place.strip_prefix("/ngsi-ld/v1").unwrap();
    assert!(place.starts_with("/subscriptions/urn:ngsi-ld:Subscription:"), "{place}");
    city.get(place).await.is(200);
}

#[tokio::test]
async fn the_first_subscription_creates_a_tenant() {
    let city = City::new();
    let north = ("ngsild-tenant", "north");
    city.ask("GET", "/subscriptions", &[north], "").await.problem(404, "NonexistentTenant", "");
    let body = subscription(json!({}));
    city.ask("POST", "/subscriptions", &[JSON, north], &body).await.is(201);
    city.ask("GET", "/subscriptions/urn:s:1", &[north], "").await.is(200);
    city.get("/subscriptions/urn:s:1").await.is(404);
    assert_eq!(city.ask("GET", "/subscriptions", &[north], "").await.is(200).ids(), "urn:s:1");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let city = City::new();
    let check = async |members: Value, detail: &str| {
        let told = city.post("/subscriptions", &subscription(members)).await;
        told.problem(400, "BadRequestData", detail);
    };
    check(json!({"id": "nonsense"}), "`id`").await;
    check(json!({"type": "Query"}), "`type`").await;
    check(json!({"entities": []}), "`entities`").await;
    check(json!({"entities": null}), "`entities` is missing").await;
    check(json!({"entities": [{"id": "urn:a"}]}), "`entities.type` is missing").await;
    check(json!({"entities": [{"type": "A", "id": "a"}]}), "entities.id").await;
    check(json!({"entities": [{"type": "A", "idPattern": "("}]}), "idPattern").await;
    check(json!({"watchedAttributes": []}), "`watchedAttributes`").await;
    check(json!({"q": "((("}), "q").await;
    check(json!({"csf": "((("}), "csf").await;
    check(json!({"geoQ": {"georel": "near"}}), "go together").await;
    check(json!({"scopeQ": "//"}), "scopeQ").await;
    check(json!({"datasetId": ["nonsense"]}), "datasetId").await;
    check(json!({"notificationTrigger": ["changed"]}), "`notificationTrigger`").await;
    check(json!({"throttling": 0}), "`throttling`").await;
    check(json!({"timeInterval": -1}), "`timeInterval`").await;
    check(json!({"timeInterval": 5, "throttling": 5}), "`throttling`").await;
    check(json!({"timeInterval": 5, "watchedAttributes": ["a"]}), "`watchedAttributes`").await;
    check(json!({"expiresAt": "2020-01-01T00:00:00Z"}), "`expiresAt` is in the past").await;
    check(json!({"isActive": "yes"}), "`isActive`").await;
    check(json!({"ngsildConformance": "new"}), "`ngsildConformance`").await;
    check(json!({"jsonldContext": "nonsense"}), "`jsonldContext`").await;
    check(json!({"notification": null}), "`notification` is missing").await;
    check(json!({"notification": {}}), "`notification.endpoint` is missing").await;
}

#[tokio::test]
async fn what_is_wrong_with_a_notification_is_named() {
    let city = City::new();
    let check = async |members: Value, detail: &str| {
        let mut notification: Value = serde_json::from_str(TO).unwrap();
        for (name, value) in members.as_object().unwrap() {
            let target = if name.starts_with("endpoint.") {
                &mut notification["endpoint"][name.trim_start_matches("endpoint.")]
            } else {
                &mut notification[name.as_str()]
            };
            *target = value.clone();
        }
        let body = subscription(json!({"notification": notification}));
        city.post("/subscriptions", &body).await.problem(400, "BadRequestData", detail);
    };
    check(json!({"format": "pretty"}), "`notification.format`").await;
    check(json!({"format": "keyValues", "showChanges": true}), "showChanges").await;
    check(json!({"attributes": []}), "`notification.attributes`").await;
    check(json!({"attributes": ["id"]}), "use `pick`").await;
    check(json!({"attributes": ["a"], "pick": ["a"]}), "`notification.attributes`").await;
    check(json!({"pick": ["id"], "omit": ["id"]}), "`notification.omit`").await;
    check(json!({"pick": ["a{b}"]}), "`notification.pick`").await;
    check(json!({"join": "all"}), "`notification.join`").await;
    check(json!({"join": "flat", "joinLevel": 0}), "`notification.joinLevel`").await;
    check(json!({"endpoint.uri": "nonsense"}), "`notification.endpoint.uri`").await;
    check(json!({"endpoint.uri": "ftp://a.example"}), "`notification.endpoint.uri`").await;
    check(json!({"endpoint.uri": "http://u:p@a.example"}), "receiverInfo").await;
    check(json!({"endpoint.uri": "mqtt://a.example"}), "topic").await;
    check(json!({"endpoint.uri": "mqtt://a.example/+"}), "topic").await;
    check(json!({"endpoint.accept": "text/plain"}), "`notification.endpoint.accept`").await;
    check(json!({"endpoint.timeout": 0}), "`notification.endpoint.timeout`").await;
    check(json!({"endpoint.receiverInfo": [{"key": "k"}]}), "receiverInfo").await;
    check(json!({"endpoint.receiverInfo": [{"key": "a b", "value": "v"}]}), "`a b`").await;
    check(json!({"endpoint.receiverInfo": [{"key": "Host", "value": "v"}]}), "`Host`").await;
    check(json!({"endpoint.notifierInfo": [{"key": 5, "value": "v"}]}), "notifierInfo").await;
}

#[tokio::test]
async fn the_context_of_notifications_must_be_there() {
    let city = City::new();
    let body = subscription(json!({"jsonldContext": "https://nowhere.example/c"}));
    city.post("/subscriptions", &body).await.problem(504, "LdContextNotAvailable", "nowhere");
    city.post("/subscriptions", &subscription(json!({"jsonldContext": CITY}))).await.is(201);
}

#[tokio::test]
async fn a_context_that_no_url_stands_for_gets_one() {
    let city = City::new();
    let context = json!([CITY, {"a": "https://a.example/a"}]);
    let body = subscription(json!({"@context": context}));
    city.ask("POST", "/subscriptions", &[LD_JSON], &body).await.is(201);
    let shown = city.get("/subscriptions/urn:s:1").await.json();
    let url = shown["jsonldContext"].as_str().unwrap();
    assert!(url.contains("/ngsi-ld/v1/jsonldContexts/"), "{url}");
}

#[tokio::test]
async fn a_tenant_has_so_many_and_a_reader_makes_none() {
    let city = City::new();
    let reader = ("authorization", "Bearer reader");
    let told = city.ask("POST", "/subscriptions", &[JSON, reader], &subscription(json!({}))).await;
    told.is(403);
}
