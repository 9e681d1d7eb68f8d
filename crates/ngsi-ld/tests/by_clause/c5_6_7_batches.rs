//! Batches: create, upsert, update, merge, delete (5.6.7 to 5.6.10, 5.6.20, 5.5.11; 6.14 to 6.17
//! and 6.31).

use ngsi_ld::Settings;
use serde_json::{Value, json};

use crate::support::{City, ERRORS, LD_JSON, Told};

const A: &str = r#"{"id":"urn:x:1","type":"Lamp","a":1}"#;
const B: &str = r#"{"id":"urn:x:2","type":"Lamp","b":1}"#;

async fn batch(city: &City, operation: &str, items: &[&str]) -> Told {
    city.post(&format!("/entityOperations/{operation}"), &format!("[{}]", items.join(","))).await
}

/// The account of a batch: what succeeded, and what failed of which type.
#[track_caller]
fn account(told: Told) -> Value {
    let told = told.is(207);
    assert_eq!(told.header("content-type"), "application/json");
    assert_eq!(told.header("link"), "");
    let json = told.json();
    let errors = json["errors"].as_array().unwrap().iter().map(|error| {
        let kind = error["error"]["type"].as_str().unwrap().strip_prefix(ERRORS).unwrap();
        format!("{} {kind}", error["entityId"].as_str().unwrap())
    });
    json!([json["success"], errors.collect::<Vec<_>>()])
}

#[tokio::test]
async fn created_ids_are_told() {
    let city = City::new();
    batch(&city, "create", &[A, B]).await.is(201).says(r#"["urn:x:1","urn:x:2"]"#);
}

#[tokio::test]
async fn what_fails_keeps_nothing_from_succeeding() {
    let city = City::new();
    let told = batch(&city, "create", &[A, A, r#"{"id":"urn:x:3"}"#, "5", B]).await;
    let expected = json!([
        ["urn:x:1", "urn:x:2"],
        [
            "urn:x:3 BadRequestData",
            "urn:comity:batch-item:3 InvalidRequest",
            "urn:x:1 AlreadyExists"
        ],
    ]);
    assert_eq!(account(told), expected);
    assert_eq!(city.get("/entities?type=Lamp").await.ids(), "urn:x:1 urn:x:2");
}

#[tokio::test]
async fn an_upsert_tells_what_is_new() {
    let city = City::of(&[A]).await;
    batch(&city, "upsert", &[A, B]).await.is(201).says(r#"["urn:x:2"]"#);
    batch(&city, "upsert", &[A, B]).await.is(204).says("");
}

#[tokio::test]
async fn an_upsert_replaces_or_updates() {
    let more = r#"{"id":"urn:x:1","type":"Post","c":3}"#;
    let city = City::of(&[A]).await;
    batch(&city, "upsert?options=update", &[more]).await.is(204);
    let told = city.get("/entities/urn:x:1?format=simplified").await;
    told.says(r#"{"id":"urn:x:1","type":["Lamp","Post"],"a":1,"c":3}"#);
    batch(&city, "upsert", &[more]).await.is(204);
    city.get("/entities/urn:x:1?format=simplified").await.says(more);
    let told = batch(&city, "upsert?options=replace,update", &[more]).await;
    told.problem(400, "InvalidRequest", "does not go with");
}

#[tokio::test]
async fn of_several_instances_the_later_ones_come_after_the_earlier() {
    let city = City::new();
    let later = r#"{"id":"urn:x:1","type":"Lamp","a":9}"#;
    batch(&city, "upsert", &[A, later]).await.is(201).says(r#"["urn:x:1"]"#);
    city.get("/entities/urn:x:1?format=simplified").await.says(later);
}

#[tokio::test]
async fn an_update_needs_an_entity_and_may_leave_attributes_alone() {
    let city = City::of(&[A]).await;
    batch(&city, "update", &[r#"{"id":"urn:x:1","type":"Post","a":2,"b":3}"#])
        .await
        .is(204)
        .says("");
    assert_eq!(
        account(batch(&city, "update", &[B]).await),
        json!([[], ["urn:x:2 ResourceNotFound"]])
    );
    let told = batch(&city, "update?options=noOverwrite", &[r#"{"id":"urn:x:1","a":5}"#]).await;
    assert_eq!(account(told), json!([[], ["urn:x:1 AlreadyExists"]]));
    let told = city.get("/entities/urn:x:1?format=simplified").await;
    told.says(r#"{"id":"urn:x:1","type":["Lamp","Post"],"a":2,"b":3}"#);
}

#[tokio::test]
async fn a_merge_removes_what_is_null() {
    let city = City::of(&[A]).await;
    batch(&city, "merge", &[r#"{"id":"urn:x:1","a":"urn:ngsi-ld:null","b":{"value":1}}"#])
        .await
        .is(204);
    let told = city.get("/entities/urn:x:1?format=simplified").await;
    told.says(r#"{"id":"urn:x:1","type":"Lamp","b":1}"#);
    assert_eq!(
        account(batch(&city, "merge", &[B]).await),
        json!([[], ["urn:x:2 ResourceNotFound"]])
    );
}

#[tokio::test]
async fn a_deletion_takes_ids_each_once() {
    let city = City::of(&[A, B]).await;
    batch(&city, "delete", &[r#""urn:x:2""#]).await.is(204).says("");
    let told = batch(&city, "delete", &[r#""urn:x:1""#, r#""urn:x:1""#, r#""nonsense""#]).await;
    let expected = json!([["urn:x:1"], ["nonsense BadRequestData", "urn:x:1 ResourceNotFound"]]);
    assert_eq!(account(told), expected);
    batch(&city, "delete", &["7"]).await.problem(400, "BadRequestData", "array of entity ids");
}

#[tokio::test]
async fn a_batch_is_an_array_with_something_in_it_and_no_null() {
    let city = City::with(Settings { batch_max: 2, ..Settings::default() });
    for operation in ["create", "upsert", "update", "merge", "delete"] {
        let check = async |body: &str, kind: &str, detail: &str| {
            let told = city.post(&format!("/entityOperations/{operation}"), body).await;
            told.problem(400, kind, detail);
        };
        check("[", "InvalidRequest", "not valid JSON").await;
        check("[]", "BadRequestData", "the batch is empty").await;
        check("{}", "BadRequestData", "JSON array").await;
        check(&format!("[{A},null]"), "BadRequestData", "item 1 of the batch is null").await;
        check("[1,2,3]", "BadRequestData", "`batch_max`").await;
    }
}

#[tokio::test]
async fn each_item_of_json_ld_has_a_context() {
    let city = City::new();
    let with = r#"{"id":"urn:x:1","type":"Lamp","@context":{"Lamp":"https://a.org/Lamp"}}"#;
    let body = format!("[{with},{B}]");
    let told = city.ask("POST", "/entityOperations/create", &[LD_JSON], &body).await;
    assert_eq!(account(told), json!([["urn:x:1"], ["urn:x:2 BadRequestData"]]));
    let told = city.post("/entityOperations/create", &body).await;
    assert_eq!(account(told), json!([["urn:x:2"], ["urn:x:1 BadRequestData"]]));
}

#[tokio::test]
async fn an_item_whose_context_is_not_available_fails_alone() {
    let city = City::new();
    let lost = r#"{"id":"urn:x:1","type":"Lamp","@context":"https://nowhere.example/c"}"#;
    let told = city.ask("POST", "/entityOperations/create", &[LD_JSON], &format!("[{lost}]")).await;
    assert_eq!(account(told), json!([[], ["urn:x:1 LdContextNotAvailable"]]));
}
