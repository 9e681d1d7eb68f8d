//! Tenants (4.14, 5.5.10, 6.3.14).

use crate::support::{City, JSON};

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp"}"#;
const NORTH: (&str, &str) = ("ngsild-tenant", "north");

#[tokio::test]
async fn nothing_of_one_tenant_is_seen_by_another() {
    let city = City::new();
    city.ask("POST", "/entities", &[JSON, NORTH], LAMP).await.is(201);
    city.ask("GET", "/entities/urn:x:1", &[NORTH], "").await.is(200);
    city.get("/entities/urn:x:1").await.is(404);
    city.ask("POST", "/entities", &[JSON, ("ngsild-tenant", "south")], LAMP).await.is(201);
}

#[tokio::test]
async fn the_tenant_is_echoed_in_every_answer() {
    let city = City::new();
    let told = city.ask("POST", "/entities", &[JSON, NORTH], LAMP).await.is(201);
    assert_eq!(told.header("ngsild-tenant"), "north");
    for (method, path) in
        [("GET", "/entities/urn:x:9"), ("PUT", "/entities"), ("OPTIONS", "/types")]
    {
        let told = city.ask(method, path, &[NORTH], "").await;
        assert_eq!(told.header("ngsild-tenant"), "north", "{method} {path}");
    }
    assert_eq!(city.get("/types").await.header("ngsild-tenant"), "");
}

#[tokio::test]
async fn only_what_creates_entities_creates_a_tenant() {
    let city = City::new();
    let nobody = ("ngsild-tenant", "nobody");
    for (method, path, body) in [
        ("GET", "/entities?type=Lamp", ""),
        ("GET", "/entities/urn:x:1", ""),
        ("GET", "/types", ""),
        ("DELETE", "/entities/urn:x:1", ""),
        ("DELETE", "/entities?type=Lamp", ""),
        ("PATCH", "/entities/urn:x:1", "{}"),
        ("POST", "/entityOperations/update", r#"[{"id":"urn:x:1","a":1}]"#),
        ("POST", "/entityOperations/merge", "[5]"),
        ("POST", "/entityOperations/delete", r#"["urn:x:1"]"#),
        ("POST", "/entityOperations/query", r#"{"type":"Query","entities":[{"type":"A"}]}"#),
    ] {
        let told = city.ask(method, path, &[JSON, nobody], body).await;
        told.problem(404, "NonexistentTenant", "`nobody`");
    }
    for (operation, tenant) in [("create", "a"), ("upsert", "b")] {
        let headers = [JSON, ("ngsild-tenant", tenant)];
        let path = format!("/entityOperations/{operation}");
        city.ask("POST", &path, &headers, &format!("[{LAMP}]")).await.is(201);
        city.ask("GET", "/types", &headers[1..], "").await.is(200);
    }
}

#[tokio::test]
async fn a_context_is_not_fetched_for_a_tenant_that_is_not_there() {
    let city = City::new();
    let headers = [("ngsild-tenant", "nobody"), crate::support::CITY_LINK];
    city.ask("GET", "/types", &headers, "").await.problem(404, "NonexistentTenant", "");
    assert_eq!(city.web.fetches(), 0);
}

#[tokio::test]
async fn a_tenant_has_a_name() {
    let city = City::new();
    let told = city.ask("GET", "/types", &[("ngsild-tenant", "a/b")], "").await;
    told.problem(400, "BadRequestData", "`a/b` is not a tenant name");
}
