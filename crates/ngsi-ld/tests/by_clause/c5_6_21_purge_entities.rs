//! Purge Entities (5.6.21, 6.4.3.3).

use crate::support::City;

const A: &str = r#"{"id":"urn:x:1","type":"Lamp","a":1,"b":2}"#;
const B: &str = r#"{"id":"urn:x:2","type":"Lamp","a":5}"#;
const C: &str = r#"{"id":"urn:x:3","type":"Post"}"#;

async fn left(query: &str) -> String {
    let city = City::of(&[A, B, C]).await;
    city.delete(&format!("/entities?{query}")).await.is(204).says("");
    city.get("/entities?local=true&format=simplified").await.body
}

#[tokio::test]
async fn all_that_match_are_deleted() {
    assert_eq!(left("type=Lamp").await, r#"[{"id":"urn:x:3","type":"Post"}]"#);
    assert!(!left("type=Lamp&id=urn:x:1").await.contains("urn:x:1"));
    assert!(!left("q=a%3E3").await.contains("urn:x:2"));
    assert_eq!(left("local=true").await, "[]");
}

#[tokio::test]
async fn attributes_are_dropped_or_kept() {
    assert!(left("type=Lamp&drop=b").await.contains(r#""urn:x:1","type":"Lamp","a":1}"#));
    assert!(left("type=Lamp&keep=b").await.contains(r#""urn:x:1","type":"Lamp","b":2}"#));
}

#[tokio::test]
async fn a_purge_is_narrow_and_looks_at_no_links() {
    let city = City::of(&[A, B, C]).await;
    let check = async |query: &str, detail: &str| {
        let told = city.delete(&format!("/entities{query}")).await;
        told.problem(400, "BadRequestData", detail);
    };
    check("", "too wide").await;
    check("?id=urn:x:1", "too wide").await;
    check("?idPattern=.*", "too wide").await;
    check("?attrs=createdAt", "too wide").await;
    check("?type=Lamp&q=owner%7Bname%7D==%22x%22", "linked entities").await;
    check("?type=Lamp&attrs=owner%7Bname%7D", "`attrs`").await;
    check("?type=Lamp&drop=a&keep=b", "does not go with").await;
    city.delete("/entities?type=Lamp&foo=1").await.problem(400, "InvalidRequest", "`foo`");
    assert_eq!(city.get("/entities?local=true").await.ids(), "urn:x:1 urn:x:2 urn:x:3");
}

#[tokio::test]
async fn no_entity_is_passed_over_when_changed_ones_leave_the_answer() {
    let city = City::new();
    let entity = |n: usize| format!(r#"{{"id":"urn:x:{n}","type":"Lamp","a":1,"b":{n}}}"#);
    for batch in 0..3 {
        let entities: Vec<String> = (batch * 500..(batch + 1) * 500).map(entity).collect();
        let body = format!("[{}]", entities.join(","));
        city.post("/entityOperations/create", &body).await.is(201);
    }
    city.delete("/entities?type=Lamp&q=a&drop=a").await.is(204);
    let count = async |q: &str| {
        let told = city.get(&format!("/entities?type=Lamp&q={q}&count=true&limit=0")).await;
        told.header("ngsild-results-count")
    };
    assert_eq!((count("a").await, count("b").await), ("0".to_owned(), "1500".to_owned()));
}

#[tokio::test]
async fn who_may_not_write_is_told_so_whatever_matches() {
    let city = City::new();
    let reader = ("authorization", "Bearer reader");
    city.ask("DELETE", "/entities?type=Nothing", &[reader], "").await.is(403);
}
