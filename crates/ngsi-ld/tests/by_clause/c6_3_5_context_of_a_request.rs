//! Where the context of a request stands (6.3.5), and what becomes of one that is not there.

use crate::support::{CITY, CITY_LINK, City, JSON, LD_JSON};

#[tokio::test]
async fn a_link_gives_names_their_meaning() {
    let city = City::new();
    let lamp = r#"{"id":"urn:x:1","type":"Lamp","brightness":5}"#;
    city.ask("POST", "/entities", &[JSON, CITY_LINK], lamp).await.is(201);
    let told = city.ask("GET", "/entities?type=Lamp&format=concise", &[CITY_LINK], "").await;
    told.is(200).says(&format!("[{lamp}]"));
    assert_eq!(city.get("/entities?type=Lamp").await.ids(), "");
    let told = city.get("/entities/urn:x:1?format=concise").await;
    told.says(r#"{"id":"urn:x:1","type":"https://city.example/Lamp","https://city.example/brightness":5}"#);
    city.ask("DELETE", "/entities/urn:x:1/attrs/brightness", &[CITY_LINK], "").await.is(204);
}

#[tokio::test]
async fn a_context_stands_in_one_place() {
    let city = City::new();
    let with = format!(r#"{{"id":"urn:x:1","type":"Lamp","@context":"{CITY}"}}"#);
    let without = r#"{"id":"urn:x:1","type":"Lamp"}"#;
    let check = async |headers: &[(&str, &str)], body: &str, detail: &str| {
        let told = city.ask("POST", "/entities", headers, body).await;
        told.problem(400, "BadRequestData", detail);
    };
    check(&[JSON], &with, "in the body it is not allowed").await;
    check(&[LD_JSON], without, "has no @context").await;
    check(&[LD_JSON, CITY_LINK], &with, "a Link header to one is not allowed").await;
    check(&[JSON, CITY_LINK, CITY_LINK], without, "two Link headers").await;
    let told = city.ask("POST", "/entities", &[LD_JSON], "[]").await;
    told.problem(400, "InvalidRequest", "not a JSON object");
    city.ask("POST", "/entities", &[LD_JSON], &with).await.is(201);
}

#[tokio::test]
async fn a_context_inside_a_value_is_no_context_of_the_body() {
    let city = City::new();
    let body =
        r#"{"id":"urn:x:1","type":"Lamp","a":{"type":"JsonProperty","json":{"@context":1}}}"#;
    city.post("/entities", body).await.is(201);
}

#[tokio::test]
async fn a_remote_context_that_cannot_be_had_is_a_timeout() {
    let city = City::new();
    let body = r#"{"id":"urn:x:1","type":"Lamp","@context":["https://nowhere.example/c"]}"#;
    let told = city.ask("POST", "/entities", &[LD_JSON], body).await;
    told.problem(504, "LdContextNotAvailable", "`https://nowhere.example/c`: nobody answers");
}

#[tokio::test]
async fn a_context_must_be_valid() {
    let city = City::new();
    let check = async |context: &str, detail: &str| {
        let body = format!(r#"{{"id":"urn:x:1","type":"Lamp","@context":{context}}}"#);
        city.ask("POST", "/entities", &[LD_JSON], &body).await.problem(
            400,
            "BadRequestData",
            detail,
        );
    };
    check("5", "a number").await;
    check(r#""""#, "an empty text").await;
    check(r#""relative.jsonld""#, "not an absolute URL").await;
    check(r#"{"a":{"@id":"https://a.org/a","@context":{}}}"#, "scoped").await;
}

#[tokio::test]
async fn every_core_context_is_built_in() {
    let city = City::new();
    for version in ["", "-v1.3", "-v1.8", "-v1.9"] {
        let core = format!("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{version}.jsonld");
        let body = format!(r#"{{"id":"urn:x:{version}","type":"Lamp","@context":["{core}"]}}"#);
        city.ask("POST", "/entities", &[LD_JSON], &body).await.is(201);
    }
    assert_eq!(city.web.fetches(), 0);
}
