//! Contexts that are kept here (5.13, 6.29, 6.30, 6.3.16).

use std::time::Duration;

use ngsi_ld::Settings;

use crate::support::{CITY, CITY_LINK, CORE, City, JSON, LD_JSON};

const CONTEXT: &str = r#"{"@context": {"Lamp": "https://a.org/Lamp"}, "beside": 1}"#;

/// Adds a context; its path below the root.
async fn add(city: &City, context: &str) -> String {
    let told = city.post("/jsonldContexts", context).await.is(201).says("");
    let location = told.header("location");
    location.strip_prefix("/ngsi-ld/v1").unwrap().to_owned()
}

fn link(path: &str) -> String {
    format!("<https://city.example/ngsi-ld/v1{path}>; rel=\"http://www.w3.org/ns/json-ld#context\"")
}

fn escaped(url: &str) -> String {
    format!("/jsonldContexts/{}", url.replace(':', "%3A").replace('/', "%2F"))
}

#[tokio::test]
async fn a_hosted_context_is_served_without_what_stands_beside_it() {
    let city = City::new();
    let path = add(&city, CONTEXT).await;
    let details = city.get(&format!("{path}?details=true")).await.is(200).json();
    assert_eq!(details["kind"], "Hosted");
    assert_eq!(details["createdAt"], "2026-04-01T12:00:00.000Z");
    assert!(path.ends_with(details["localId"].as_str().unwrap()), "{path} {details}");
    assert_eq!(details["numberOfHits"], 0);
    let told = city.get(&path).await.is(200).says(r#"{"@context":{"Lamp":"https://a.org/Lamp"}}"#);
    assert_eq!(told.header("content-type"), "application/json");
    // It was found in the storage twice before.
    let details = city.get(&format!("{path}?details=true")).await.json();
    assert_eq!(details["numberOfHits"], 2);
}

#[tokio::test]
async fn a_hosted_context_gives_names_their_meaning() {
    let city = City::new();
    let path = add(&city, CONTEXT).await;
    let headers = [JSON, ("link", &link(&path))];
    city.ask("POST", "/entities", &headers, r#"{"id":"urn:x:1","type":"Lamp"}"#).await.is(201);
    let told = city.get("/entities/urn:x:1").await;
    told.says(r#"{"id":"urn:x:1","type":"https://a.org/Lamp"}"#);
    assert_eq!(city.web.fetches(), 0);
    let details = city.get(&format!("{path}?details=true")).await.json();
    assert_eq!((&details["numberOfHits"], details["lastUsage"].is_string()), (&1.into(), true));
}

#[tokio::test]
async fn what_is_not_a_context_is_not_hosted() {
    let city = City::new();
    let check = async |body: &str, kind: &str, detail: &str| {
        city.post("/jsonldContexts", body).await.problem(400, kind, detail);
    };
    check("{", "InvalidRequest", "not valid JSON").await;
    check(r#"{"Lamp":"https://a.org/Lamp"}"#, "InvalidRequest", "no `@context`").await;
    check(r#"{"@context":7}"#, "BadRequestData", "a number").await;
    check(r#"{"@context":["https://a.org/c",true]}"#, "BadRequestData", "true or false").await;
    check(
        r#"{"@context":{"a":{"@id":"https://a.org/a","@context":{}}}}"#,
        "BadRequestData",
        "scoped",
    )
    .await;
}

#[tokio::test]
async fn a_remote_context_is_fetched_once_and_then_cached() {
    let city = City::new();
    for _ in 0..3 {
        city.ask("GET", "/types", &[CITY_LINK], "").await.is(200);
    }
    assert_eq!(city.web.fetches(), 1);
    let details = city.get(&format!("{}?details=true", escaped(CITY))).await.is(200).json();
    assert_eq!((&details["kind"], &details["URL"]), (&"Cached".into(), &CITY.into()));
    assert_eq!(details["expiresAt"], "2026-04-02T12:00:00.000Z");
    let told = city.get(&escaped(CITY)).await;
    told.problem(422, "OperationNotSupported", "another server hosts");
}

#[tokio::test]
async fn a_cached_context_expires_when_its_server_says_so() {
    let city = City::new();
    let context = r#"{"@context": {}}"#;
    city.web.publish(CITY, context, Some(Duration::from_secs(600)));
    let use_it = async || city.ask("GET", "/types", &[CITY_LINK], "").await.is(200);
    use_it().await;
    city.platform.clock.advance(Duration::from_secs(599));
    use_it().await;
    assert_eq!(city.web.fetches(), 1);
    city.platform.clock.advance(Duration::from_secs(2));
    use_it().await;
    assert_eq!(city.web.fetches(), 2);
    // A stale copy is better than none.
    city.platform.clock.advance(Duration::from_secs(601));
    city.web.take_down(CITY);
    use_it().await;
    use_it().await;
    assert_eq!(city.web.fetches(), 3);
}

#[tokio::test]
async fn contexts_survive_a_restart_with_their_usage() {
    let city = City::new();
    let path = add(&city, CONTEXT).await;
    city.ask("GET", "/types", &[CITY_LINK], "").await.is(200);
    city.platform.clock.advance(Duration::from_secs(61));
    city.ask("GET", "/types", &[CITY_LINK], "").await.is(200);
    let city = city.restarted();
    city.get(&path).await.is(200);
    let details = city.get(&format!("{}?details=true", escaped(CITY))).await.json();
    assert_eq!(details["numberOfHits"], 2);
    city.ask("GET", "/types", &[CITY_LINK], "").await.is(200);
    assert_eq!(city.web.fetches(), 1);
}

#[tokio::test]
async fn contexts_are_listed_by_kind() {
    let city = City::new();
    let path = add(&city, CONTEXT).await;
    city.ask("GET", "/types", &[CITY_LINK], "").await.is(200);
    let list = async |query: &str| {
        let told = city
            .ask("GET", &format!("/jsonldContexts{query}"), &[("host", "city.example")], "")
            .await;
        told.is(200).body
    };
    let hosted = format!("http://city.example/ngsi-ld/v1{path}");
    assert_eq!(list("?kind=Hosted").await, format!("[\"{hosted}\"]"));
    assert_eq!(list("?kind=Cached").await, format!("[\"{CORE}\",\"{CITY}\"]"));
    assert_eq!(list("?kind=ImplicitlyCreated").await, "[]");
    let all = list("?details=true").await;
    assert!(all.contains(&hosted) && all.contains(CITY) && all.contains("\"localId\""), "{all}");
    for bad in ["?kind=other", "?details=other"] {
        city.get(&format!("/jsonldContexts{bad}")).await.problem(400, "BadRequestData", "");
    }
}

#[tokio::test]
async fn a_deleted_context_is_gone_at_once() {
    let city = City::new();
    let path = add(&city, CONTEXT).await;
    let headers = [("link", &*link(&path))];
    city.ask("GET", "/types", &headers, "").await.is(200);
    city.delete(&path).await.is(204).says("");
    city.get(&path).await.problem(404, "ResourceNotFound", "");
    city.delete(&path).await.problem(404, "ResourceNotFound", "");
    city.ask("GET", "/types", &headers, "").await.problem(504, "LdContextNotAvailable", "");
    city.delete("/jsonldContexts/").await.problem(400, "BadRequestData", "no context id");
}

#[tokio::test]
async fn a_reload_replaces_a_cached_context_or_leaves_it() {
    let city = City::new();
    city.ask("GET", "/types", &[CITY_LINK], "").await.is(200);
    let reload = format!("{}?reload=true", escaped(CITY));
    city.web.publish(CITY, r#"{"@context": {"Lamp": "https://new.example/Lamp"}}"#, None);
    city.delete(&reload).await.is(204);
    let headers = [JSON, CITY_LINK];
    city.ask("POST", "/entities", &headers, r#"{"id":"urn:x:1","type":"Lamp"}"#).await.is(201);
    assert!(city.get("/entities/urn:x:1").await.body.contains("https://new.example/Lamp"));
    for broken in ["nonsense", r#"{"no": "context"}"#, r#"{"@context": 5}"#] {
        city.web.publish(CITY, broken, None);
        city.delete(&reload).await.problem(504, "LdContextNotAvailable", CITY);
    }
    city.web.take_down(CITY);
    city.delete(&reload).await.problem(504, "LdContextNotAvailable", "nobody answers");
    city.ask("GET", "/entities/urn:x:1", &[CITY_LINK], "").await.is(200);
    city.delete(&escaped(CITY)).await.is(204);
    let hosted = add(&city, CONTEXT).await;
    let told = city.delete(&format!("{hosted}?reload=true")).await;
    told.problem(400, "BadRequestData", "cannot be loaded again");
}

#[tokio::test]
async fn the_core_context_is_built_in_and_stays() {
    let city = City::new();
    city.get(&format!("{}?details=true", escaped(CORE))).await.is(200);
    city.delete(&escaped(CORE)).await.problem(400, "BadRequestData", "built in");
    city.delete(&format!("{}?reload=true", escaped(CORE))).await.is(204);
}

#[tokio::test]
async fn contexts_belong_to_one_tenant() {
    let city = City::new();
    let north = ("ngsild-tenant", "north");
    let told = city.ask("POST", "/jsonldContexts", &[JSON, north], CONTEXT).await.is(201);
    let path = told.header("location").strip_prefix("/ngsi-ld/v1").unwrap().to_owned();
    city.ask("GET", &path, &[north], "").await.is(200);
    city.get(&path).await.problem(404, "ResourceNotFound", "");
    city.delete(&path).await.problem(404, "ResourceNotFound", "");
    assert!(!city.get("/jsonldContexts").await.body.contains("urn:comity"));
    city.ask("GET", "/types", &[("link", &*link(&path))], "").await.is(504);
}

#[tokio::test]
async fn copies_give_way_where_there_is_no_room() {
    let city = City::with(Settings { contexts_stored_max: 1, ..Settings::default() });
    city.ask("GET", "/types", &[CITY_LINK], "").await.is(200);
    add(&city, CONTEXT).await;
    assert!(!city.get("/jsonldContexts").await.body.contains(CITY));
    let told = city.post("/jsonldContexts", r#"{"@context":{}}"#).await;
    told.problem(409, "Conflict", "`contexts_stored_max`");
}

#[tokio::test]
async fn a_remote_context_must_be_one() {
    let city = City::new();
    let check = async |document: &str, detail: &str| {
        let url = "https://city.example/broken.jsonld";
        city.web.publish(url, document, None);
        let body = format!(r#"{{"id":"urn:x:1","type":"Lamp","@context":"{url}"}}"#);
        let told = city.ask("POST", "/entities", &[LD_JSON], &body).await;
        told.problem(400, "BadRequestData", detail);
    };
    check(r#"{"note": 1}"#, "has no `@context`").await;
    check("this is { not json", "is not JSON").await;
    check(&"[".repeat(100), "nested too deeply").await;
    check(r#"{"@context": {"a": {"@id": "https://a.org/a", "@context": {}}}}"#, "scoped").await;
    city.get("/entities/urn:x:1").await.is(404);
}
