//! Context Source Identity (5.15, 5.2.40, 6.33).

use std::time::Duration;

use crate::support::{ACCEPT_LD, CORE, City};

#[tokio::test]
async fn the_broker_says_who_it_is_and_for_how_long() {
    let city = City::new();
    city.platform.clock.advance(Duration::from_secs(3_661));
    let json = city.get("/info/sourceIdentity").await.is(200).json();
    assert_eq!(json["type"], "ContextSourceIdentity");
    assert!(json["id"].as_str().unwrap().starts_with("urn:"));
    assert_eq!(json["contextSourceAlias"], "comity");
    assert_eq!(json["contextSourceUptime"], "PT1H1M1S");
    assert_eq!(json["contextSourceTimeAt"], "2026-04-01T13:01:01.000Z");
}

#[tokio::test]
async fn each_tenant_has_an_alias_even_one_that_holds_nothing() {
    let city = City::new();
    let told = city.ask("GET", "/info/sourceIdentity", &[("ngsild-tenant", "north")], "").await;
    assert_eq!(told.is(200).json()["contextSourceAlias"], "comity-north");
    let told = city.ask("GET", "/info/sourceIdentity", &[ACCEPT_LD], "").await.is(200);
    assert_eq!(told.json()["@context"], CORE);
}
