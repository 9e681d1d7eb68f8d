//! What a caller may not see is absent from every answer, and from everything it is told.

use std::sync::Arc;

use policy::cedar::{Policies, Source, Sources};
use serde_json::{Value, json};

use crate::c5_8_1_create_subscription::subscription;
use crate::support::{City, JSON, Told};

/// Writers see lamps alone, and nothing secret.
const POLICIES: &str = r#"
    permit (principal in Role::"admin", action, resource);
    permit (principal in Role::"writer", action in [Action::"read", Action::"write"],
        resource in EntityType::"Lamp");
    forbid (principal in Role::"writer", action in [Action::"read", Action::"write"], resource)
        when { ["secret", "hideout"].contains(context.attribute) };
"#;

const ADMIN: (&str, &str) = ("authorization", "Bearer admin");

const LAMPS: [&str; 3] = [
    r#"{"id":"urn:a","type":"Lamp","level":10,"secret":3,"street":{"object":"urn:s"},
        "hideout":{"type":"GeoProperty","value":{"type":"Point","coordinates":[24.9,60.1]}}}"#,
    r#"{"id":"urn:b","type":"Lamp","level":20,"secret":2,"next":{"object":"urn:a"}}"#,
    r#"{"id":"urn:s","type":"Street","level":30,"secret":1}"#,
];

async fn city() -> City {
    let city = City::new();
    for entity in LAMPS {
        city.ask("POST", "/entities", &[JSON, ADMIN], entity).await.is(201);
    }
    put_in_force(&city, POLICIES);
    city
}

fn put_in_force(city: &City, policies: &str) {
    let policies = vec![Source::new("test.cedar", policies)];
    let sources = Sources { policies, areas: Vec::new() };
    let policies = Policies::load(&sources, &|term| Ok(testkit::notation::name(term))).unwrap();
    city.platform.broker.policy().replace(Arc::new(policies), 1);
}

fn assert_clean(told: &Told) {
    for word in ["secret", "hideout", "\"urn:s\",\"type\"", "Street"] {
        assert!(!told.body.contains(word), "`{word}` in {}", told.body);
    }
}

#[tokio::test]
async fn entities_are_read_without_what_is_hidden() {
    let city = city().await;
    let told = city.get("/entities/urn:a").await.is(200);
    assert_clean(&told);
    assert!(told.body.contains("level"), "{}", told.body);
    city.get("/entities/urn:s").await.problem(404, "ResourceNotFound", "urn:s");
    let joined = city.get("/entities/urn:b?join=inline&joinLevel=3").await.is(200);
    assert!(joined.body.contains("\"level\":{\"type\":\"Property\",\"value\":10}"));
    assert_clean(&joined);
    assert!(city.ask("GET", "/entities/urn:s", &[ADMIN], "").await.body.contains("secret"));
}

#[tokio::test]
async fn nothing_is_found_by_what_is_hidden() {
    let city = city().await;
    let near = "georel=near;maxDistance==10&geometry=Point&coordinates=[24.9,60.1]";
    for (query, of_admin, of_writer) in [
        ("local=true", "urn:a urn:b urn:s", "urn:a urn:b"),
        ("type=Street", "urn:s", ""),
        ("attrs=secret", "urn:a urn:b urn:s", ""),
        ("q=secret%3E0", "urn:a urn:b urn:s", ""),
        ("q=!secret", "", "urn:a urn:b"),
        ("q=secret==3%7Clevel==20", "urn:a urn:b", "urn:b"),
        ("q=next%7Bsecret%7D==3&join=inline&joinLevel=1", "urn:b", ""),
        ("q=next%7Blevel%7D==10&join=inline&joinLevel=1", "urn:b", "urn:b"),
        (&format!("type=Lamp&{near}&geoproperty=hideout"), "urn:a", ""),
        ("local=true&orderBy=secret", "urn:s urn:b urn:a", "urn:a urn:b"),
        ("idPattern=.*&local=true", "urn:a urn:b urn:s", "urn:a urn:b"),
    ] {
        let path = format!("/entities?{query}&count=true");
        let path = if query.starts_with("q=") { format!("{path}&local=true") } else { path };
        let all = city.ask("GET", &path, &[ADMIN], "").await.is(200);
        let seen = city.get(&path).await.is(200);
        if query.contains("orderBy") {
            assert_eq!(all.ids(), of_admin, "{query}");
        }
        assert_eq!(sorted(&all), of_admin.split(' ').collect::<Vec<_>>().sorted(), "{query}");
        assert_eq!(sorted(&seen), of_writer.split(' ').collect::<Vec<_>>().sorted(), "{query}");
        let count = |ids: &str| ids.split_whitespace().count().to_string();
        assert_eq!(seen.header("ngsild-results-count"), count(of_writer), "{query}");
        assert_clean(&seen);
    }
    let asked = json!({"type": "Query", "entities": [{"type": "Street"}, {"type": "Lamp"}]});
    let told = city.post("/entityOperations/query", &asked.to_string()).await.is(200);
    assert_eq!(told.json().as_array().unwrap().len(), 2);
    assert_clean(&told);
}

fn sorted(told: &Told) -> String {
    told.ids().split(' ').collect::<Vec<_>>().sorted()
}

trait Sorted {
    fn sorted(self) -> String;
}

impl Sorted for Vec<&str> {
    fn sorted(mut self) -> String {
        self.sort_unstable();
        self.join(" ")
    }
}

#[tokio::test]
async fn types_and_attributes_are_told_of_that_are_seen() {
    let city = city().await;
    for path in ["/types", "/types?details=true", "/attributes", "/attributes?details=true"] {
        assert_clean(&city.get(path).await.is(200));
        let all = city.ask("GET", path, &[ADMIN], "").await.is(200);
        assert!(all.body.contains("secret") || all.body.contains("Street"), "{}", all.body);
    }
    assert_clean(&city.get("/types/Lamp").await.is(200));
    city.get("/types/Street").await.is(404);
    city.get("/attributes/secret").await.is(404);
    let level = city.get("/attributes/level").await.is(200).json();
    assert_eq!(level["attributeCount"], 2, "{level}");
}

#[tokio::test]
async fn the_past_is_told_without_what_is_hidden() {
    let city = city().await;
    let told = city.get("/temporal/entities/urn:a").await.is(200);
    assert!(told.body.contains("level"), "{}", told.body);
    assert_clean(&told);
    city.get("/temporal/entities/urn:s").await.is(404);
    for query in ["type=Lamp", "type=Street", "type=Lamp&q=secret%3E0", "attrs=secret,level"] {
        let path = format!(
            "/temporal/entities?{query}&timeproperty=modifiedAt&timerel=after\
             &timeAt=2020-01-01T00:00:00Z&count=true"
        );
        let told = city.get(&path).await.is(200);
        assert_clean(&told);
        let found = if query == "type=Lamp" || query.contains("level") { "2" } else { "0" };
        assert_eq!(told.header("ngsild-results-count"), found, "{query}: {}", told.body);
    }
    // What is gone is judged by what is left of it.
    for id in ["urn:a", "urn:s"] {
        city.ask("DELETE", &format!("/entities/{id}"), &[ADMIN], "").await.is(204);
    }
    assert_clean(&city.get("/temporal/entities/urn:a").await.is(200));
    city.get("/temporal/entities/urn:s").await.is(404);
}

#[tokio::test]
async fn what_is_hidden_cannot_be_changed_or_found_out_by_trying() {
    let city = city().await;
    let before = city.ask("GET", "/entities/urn:s", &[ADMIN], "").await.body;
    city.patch("/entities/urn:s/attrs", r#"{"level":1}"#).await.is(404);
    city.delete("/entities/urn:s").await.is(404);
    city.delete("/temporal/entities/urn:s").await.is(404);
    let change = r#"[{"id":"urn:s","type":"Street","level":1}]"#;
    let told = city.post("/entityOperations/update", change).await;
    assert!(!told.body.contains("\"success\":[\"urn:s\"]"), "{}", told.body);
    city.delete("/entities?type=Street").await.is(204);
    city.delete("/entities/urn:a/attrs/secret").await.is(404);
    let told = city.patch("/entities/urn:a/attrs", r#"{"secret":{"value":1}}"#).await;
    assert!(!told.status.is_success(), "{}", told.body);
    assert_eq!(city.ask("GET", "/entities/urn:s", &[ADMIN], "").await.body, before);
    let secret = city.ask("GET", "/entities/urn:a", &[ADMIN], "").await.json();
    assert_eq!(secret["secret"]["value"], 3, "{secret}");
    // What is seen can be changed, and keeps what is not.
    city.patch("/entities/urn:a/attrs", r#"{"level":11}"#).await.is(204);
    let kept = city.ask("GET", "/entities/urn:a", &[ADMIN], "").await.json();
    assert_eq!((&kept["level"]["value"], &kept["secret"]["value"]), (&json!(11), &json!(3)));
}

fn about_lamps(members: Value) -> String {
    let mut all = json!({
        "entities": [{"type": "Lamp"}, {"type": "Street"}],
        "notification": {"format": "concise", "endpoint": {"uri": "https://receiver.example/n"}},
    });
    for (name, value) in members.as_object().unwrap() {
        all[name.as_str()] = value.clone();
    }
    subscription(all)
}

async fn change(city: &City, id: &str, attributes: &str) {
    let path = format!("/entities/{id}/attrs");
    city.ask("PATCH", &path, &[JSON, ADMIN], attributes).await.is(204);
}

#[tokio::test]
async fn notifications_tell_what_their_maker_sees() {
    let city = city().await;
    city.post("/subscriptions", &about_lamps(json!({}))).await.is(201);
    let mut listener = city.listen();
    // A change of something hidden is no change.
    change(&city, "urn:a", r#"{"secret":{"value":99}}"#).await;
    change(&city, "urn:s", r#"{"level":{"value":31}}"#).await;
    change(&city, "urn:a", r#"{"level":{"value":12},"secret":{"value":98}}"#).await;
    let data = listener.data().await;
    assert!(data.contains("\"level\":{\"type\":\"Property\",\"value\":12}") || data.contains("12"));
    assert!(!data.contains("secret") && !data.contains("hideout"), "{data}");
    // Other policies count from the next event on.
    put_in_force(&city, &POLICIES.replace("\"secret\", ", "\"level\", "));
    change(&city, "urn:b", r#"{"level":{"value":21}}"#).await;
    change(&city, "urn:b", r#"{"secret":{"value":22}}"#).await;
    let data = listener.data().await;
    assert!(data.contains("22") && !data.contains("level"), "{data}");
}

#[tokio::test]
async fn what_goes_out_of_sight_is_deleted_for_who_sees_it_no_more() {
    let city = city().await;
    let sealed = "permit (principal in Role::\"writer\", action, resource) \
                  unless { resource in Query::\"level>50\" }; \
                  permit (principal in Role::\"admin\", action, resource);";
    put_in_force(&city, sealed);
    let triggers = json!({"notificationTrigger": ["entityCreated", "entityDeleted"]});
    city.post("/subscriptions", &about_lamps(triggers)).await.is(201);
    let mut listener = city.listen();
    change(&city, "urn:a", r#"{"level":{"value":60}}"#).await;
    let data = listener.data().await;
    assert!(data.contains("deletedAt") && !data.contains("60"), "{data}");
    change(&city, "urn:a", r#"{"level":{"value":40}}"#).await;
    let data = listener.data().await;
    assert!(data.contains("40"), "{data}");
}

#[tokio::test]
async fn subscriptions_of_others_are_not_there_for_who_sees_less() {
    let city = city().await;
    let theirs = about_lamps(json!({}));
    city.ask("POST", "/subscriptions", &[JSON, ADMIN], &theirs).await.is(201);
    assert_eq!(city.get("/subscriptions").await.is(200).json(), json!([]));
    city.get("/subscriptions/urn:s:1").await.is(404);
    city.patch("/subscriptions/urn:s:1", r#"{"isActive":false}"#).await.is(404);
    city.delete("/subscriptions/urn:s:1").await.is(404);
    city.ask("GET", "/subscriptions/urn:s:1", &[ADMIN], "").await.is(200);
}
