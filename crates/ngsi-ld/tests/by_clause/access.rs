//! Who may do what: keys, roles and the tenants they are bound to.

use crate::support::{City, JSON};

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp"}"#;

fn key(key: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {key}"))
}

#[tokio::test]
async fn without_a_key_nobody_is_known() {
    let city = City::new();
    for value in ["", "Bearer nonsense", "Basic YTpi"] {
        let told = city.ask("GET", "/types", &[("authorization", value)], "").await.is(401);
        assert!(told.header("www-authenticate").starts_with("Bearer"));
        assert_eq!(told.json()["status"], 401);
    }
    // Not even what there is to ask for.
    for (method, path) in [("OPTIONS", "/types"), ("PUT", "/types"), ("GET", "/nothing")] {
        city.ask(method, path, &[("authorization", "")], "").await.is(401);
    }
}

#[tokio::test]
async fn a_reader_reads_and_no_more() {
    let city = City::of(&[LAMP]).await;
    let (name, reader) = key("reader");
    let headers = [(name, reader.as_str()), JSON];
    city.ask("GET", "/entities/urn:x:1", &headers, "").await.is(200);
    for (method, path, body) in [
        ("POST", "/entities", LAMP),
        ("DELETE", "/entities/urn:x:1", ""),
        ("DELETE", "/entities?type=Lamp", ""),
        ("POST", "/entityOperations/delete", r#"["urn:x:1"]"#),
        ("POST", "/entityOperations/create", "[5]"),
        ("POST", "/jsonldContexts", r#"{"@context":{}}"#),
        ("DELETE", "/jsonldContexts/urn:x", ""),
    ] {
        let told = city.ask(method, path, &headers, body).await.is(403);
        assert!(told.json()["detail"].as_str().unwrap().contains("reader"), "{}", told.body);
    }
    city.ask("GET", "/entities/urn:x:1", &headers, "").await.is(200);
}

#[tokio::test]
async fn a_key_of_one_tenant_opens_no_other() {
    let city = City::of(&[LAMP]).await;
    let (name, north) = key("only-north");
    let headers = [(name, north.as_str()), JSON, crate::support::CITY_LINK];
    city.ask("GET", "/entities/urn:x:1", &headers, "").await.is(403);
    city.ask("GET", "/jsonldContexts", &headers[..1], "").await.is(403);
    assert_eq!(city.web.fetches(), 0);
    let at_home = [headers[0], JSON, ("ngsild-tenant", "north")];
    city.ask("POST", "/entities", &at_home, LAMP).await.is(201);
}

#[tokio::test]
async fn an_admin_hears_how_a_query_was_answered() {
    let city = City::of(&[LAMP]).await;
    let explain = ("comity-explain", "true");
    let (name, admin) = key("admin");
    let told = city.ask("GET", "/entities?type=Lamp", &[(name, &admin), explain], "").await;
    assert!(told.header("comity-plan").starts_with("index="), "{}", told.header("comity-plan"));
    let told = city.ask("GET", "/entities?type=Lamp", &[explain], "").await;
    assert_eq!(told.header("comity-plan"), "");
}
