//! Which media types are accepted (6.3.4).

use crate::support::{City, JSON};

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp"}"#;

async fn check(path: &str, accept: &str, expected: &str) {
    let city = City::of(&[LAMP]).await;
    let told = city.ask("GET", path, &[("accept", accept)], "").await.is(200);
    assert_eq!(told.header("content-type"), expected, "{path} {accept}");
}

#[tokio::test]
async fn the_client_chooses_among_what_there_is() {
    let entity = "/entities/urn:x:1";
    check(entity, "application/ld+json, application/json", "application/json").await;
    check(entity, "application/json;q=0, */*", "application/ld+json").await;
    check(entity, "application/geo+json", "application/geo+json").await;
    check("/types", "application/geo+json, application/ld+json;q=0.1", "application/ld+json").await;
}

#[tokio::test]
async fn where_nothing_fits_the_answer_lists_what_there_is() {
    let city = City::of(&[LAMP]).await;
    let told = city.ask("GET", "/entities/urn:x:1", &[("accept", "text/html")], "").await.is(406);
    assert_eq!(told.json()["available"][2], "application/geo+json");
    let told = city.ask("GET", "/types", &[("accept", "application/geo+json")], "").await.is(406);
    assert_eq!(told.json()["available"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_write_has_no_answer_to_choose() {
    let city = City::new();
    city.ask("POST", "/entities", &[JSON, ("accept", "text/html")], LAMP).await.is(201);
}
