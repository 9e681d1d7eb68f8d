//! What goes with an answer (6.3.6).

use crate::support::{ACCEPT_GEO, ACCEPT_LD, CITY, CITY_LINK, CORE, City};

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp"}"#;

#[tokio::test]
async fn json_names_its_context_in_a_header() {
    let city = City::of(&[LAMP]).await;
    let link = |url: &str| {
        format!(
            "<{url}>; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\""
        )
    };
    let told = city.get("/entities/urn:x:1").await.says(LAMP);
    assert_eq!(told.header("link"), link(CORE));
    let told = city.ask("GET", "/entities?type=*", &[CITY_LINK], "").await;
    assert_eq!(told.header("link"), link(CITY));
}

#[tokio::test]
async fn json_ld_holds_its_context() {
    let city = City::of(&[LAMP]).await;
    let told = city.ask("GET", "/entities/urn:x:1", &[ACCEPT_LD, CITY_LINK], "").await;
    assert_eq!(told.json()["@context"], CITY);
    assert_eq!(told.header("link"), "");
    let told = city.ask("GET", "/entities?type=*", &[ACCEPT_LD], "").await;
    assert_eq!(told.json()[0]["@context"], CORE);
}

#[tokio::test]
async fn geojson_does_as_is_preferred() {
    let city = City::of(&[LAMP]).await;
    let check = async |prefer: &str, in_body: bool| {
        let headers = [ACCEPT_GEO, ("prefer", prefer)];
        let told = city.ask("GET", "/entities/urn:x:1", &headers, "").await.is(200);
        assert_eq!(told.json().get("@context").is_some(), in_body, "{prefer}");
        assert_eq!(told.header("link").is_empty(), in_body, "{prefer}");
    };
    check("", true).await;
    check("body=ld+json", true).await;
    check("body=json", false).await;
}

#[tokio::test]
async fn a_preferred_version_is_answered_with_the_one_there_is() {
    let city = City::of(&[LAMP]).await;
    let told = city.ask("GET", "/entities/urn:x:1", &[("prefer", "ngsi-ld=1.9")], "").await.is(200);
    assert_eq!(told.header("preference-applied"), "ngsi-ld=1.9");
}

#[tokio::test]
async fn no_content_has_no_length_and_no_link() {
    let city = City::of(&[LAMP]).await;
    let told = city.delete("/entities/urn:x:1").await.is(204);
    assert_eq!(
        (told.header("content-length"), told.header("link")),
        (String::new(), String::new())
    );
}
