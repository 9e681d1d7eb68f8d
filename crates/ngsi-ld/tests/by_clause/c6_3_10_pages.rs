//! Pages and counts (4.12, 4.13, 5.5.9, 6.3.10, 6.3.13).

use ngsi_ld::Settings;

use crate::support::{ACCEPT_LD, City};

async fn city() -> City {
    City::of(&[
        r#"{"id":"urn:x:1","type":"A"}"#,
        r#"{"id":"urn:x:2","type":"A"}"#,
        r#"{"id":"urn:x:3","type":"A"}"#,
    ])
    .await
}

/// The links to other pages, in the order prev, next.
fn links(header: &str) -> String {
    let links = header.split(", ").filter(|link| !link.contains("json-ld#context"));
    links.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn each_page_leads_to_those_before_and_after_it() {
    let city = city().await;
    let check = async |query: &str, ids: &str, expected: &str| {
        let told = city.get(&format!("/entities/?{query}")).await.is(200);
        assert_eq!((told.ids().as_str(), links(&told.header("link")).as_str()), (ids, expected));
    };
    const FIRST: &str = r#"</ngsi-ld/v1/entities?idPattern=urn:x:.*&limit=1&offset=0&type=A>; rel="prev"; type="application/json""#;
    let query = "type=A&idPattern=urn%3Ax%3A.*&limit=1";
    check(query, "urn:x:1", &FIRST.replace("=0", "=1").replace("prev", "next")).await;
    let both = format!("{FIRST} {}", FIRST.replace("=0", "=2").replace("prev", "next"));
    check(&format!("{query}&offset=1"), "urn:x:2", &both).await;
    check(&format!("{query}&offset=2"), "urn:x:3", &FIRST.replace("=0", "=1")).await;
    check("type=A", "urn:x:1 urn:x:2 urn:x:3", "").await;
    // Not the last element (see `page::asked`).
    check(
        "type=A&offset=7",
        "",
        r#"</ngsi-ld/v1/entities?limit=20&offset=0&type=A>; rel="prev"; type="application/json""#,
    )
    .await;
}

#[tokio::test]
async fn a_link_has_the_media_type_of_the_answer() {
    let city = city().await;
    let told = city.ask("GET", "/entities?type=A,B&limit=2", &[ACCEPT_LD], "").await;
    let expected = r#"</ngsi-ld/v1/entities?limit=2&offset=2&type=A%2CB>; rel="next"; type="application/ld+json""#;
    assert_eq!(told.header("link"), expected);
}

#[tokio::test]
async fn a_count_may_be_all_that_is_wanted() {
    let city = city().await;
    let told = city.get("/entities?type=A&count=true&limit=2").await.is(200);
    assert_eq!(
        (told.header("ngsild-results-count"), told.ids()),
        ("3".into(), "urn:x:1 urn:x:2".into())
    );
    let told = city.get("/entities?type=A&count=true&limit=0").await.is(200).says("[]");
    assert_eq!(told.header("ngsild-results-count"), "3");
    assert_eq!(links(&told.header("link")), "");
    assert_eq!(city.get("/entities?type=A").await.header("ngsild-results-count"), "");
}

#[tokio::test]
async fn a_page_has_bounds() {
    let city = City::with(Settings { page_limit_max: 50, ..Settings::default() });
    let check = async |query: &str, status: u16, kind: &str, detail: &str| {
        city.get(&format!("/entities?type=A&{query}")).await.problem(status, kind, detail);
    };
    check("limit=0", 400, "BadRequestData", "`count=true`").await;
    check("limit=-1", 400, "BadRequestData", "`limit`").await;
    check("offset=x", 400, "BadRequestData", "`offset`").await;
    check("limit=51", 403, "TooManyResults", "`page_limit_max`").await;
}
