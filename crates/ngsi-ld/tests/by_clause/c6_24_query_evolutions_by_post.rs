//! Query Temporal Evolution of Entities by a body (5.2.21, 5.2.23, 5.2.44, 6.24).

use crate::support::{City, Told};

async fn city() -> City {
    let city = City::new();
    let car = r#"{"id":"urn:x:1","type":"Car","speed":[
        {"value":1,"observedAt":"2026-01-01T00:00:00Z"},
        {"value":3,"observedAt":"2026-01-02T00:00:00Z"}]}"#;
    city.post("/temporal/entities", car).await.is(201);
    city
}

async fn ask(city: &City, uri: &str, members: &str) -> Told {
    let body = format!(r#"{{"type":"Query","entities":[{{"type":"Car"}}],{members}}}"#);
    city.post(&format!("/temporal/entityOperations/query{uri}"), &body).await
}

#[tokio::test]
async fn the_time_stands_in_the_body() {
    let city = city().await;
    let check = async |query: &str, uri: &str, expected: &str| {
        let told = ask(&city, uri, &format!(r#""temporalQ":{query}"#)).await.is(200);
        assert_eq!(told.body.replace(r#""id":"urn:x:1","type":"Car""#, ".."), expected, "{query}");
    };
    let last = r#"[{..,"speed":{"type":"Property","values":[[3,"2026-01-02T00:00:00Z"]]}}]"#;
    let after = r#"{"timerel":"after","timeAt":"2026-01-02T00:00:00Z"}"#;
    check(after, "?format=temporalValues", last).await;
    let last_n = r#"{"timerel":"after","timeAt":"2025-01-02T00:00:00Z","lastN":1}"#;
    check(last_n, "?options=temporalValues", last).await;
    check(r#"{"timerel":"before","timeAt":"2025-01-02T00:00:00Z"}"#, "", "[]").await;
}

#[tokio::test]
async fn methods_of_aggregation_ask_for_aggregates() {
    let city = city().await;
    const ALL: &str = r#""timerel":"after","timeAt":"2026-01-01T00:00:00Z""#;
    for members in [
        format!(r#""temporalQ":{{{ALL},"aggrMethods":["avg"]}}"#),
        format!(r#""temporalQ":{{{ALL},"aggrMethods":"avg"}}"#),
        format!(
            r#""temporalQ":{{{ALL}}},"aggrParams":{{"aggrMethods":["avg"],"aggrPeriodDuration":"PT0S"}}"#
        ),
    ] {
        let told = ask(&city, "", &members).await.is(200).json();
        assert_eq!(told[0]["speed"]["avg"][0][0], 2, "{told}");
        let told = ask(&city, "?format=temporalValues", &members).await.is(200).json();
        assert!(told[0]["speed"]["values"].is_array(), "{told}");
    }
}

#[tokio::test]
async fn a_body_that_makes_no_sense_is_refused() {
    let city = city().await;
    let check = async |members: &str, detail: &str| {
        ask(&city, "", members).await.problem(400, "BadRequestData", detail);
    };
    check(r#""q":"speed>1""#, "no temporal query").await;
    check(r#""temporalQ":5"#, "`temporalQ`").await;
    let with = async |members: &str, detail: &str| {
        let query = format!(
            r#""temporalQ":{{"timerel":"after","timeAt":"2026-01-01T00:00:00Z",{members}}}"#
        );
        check(&query, detail).await;
    };
    with(r#""lastN":0"#, "lastN").await;
    with(r#""lastN":2.5"#, "lastN").await;
    with(r#""lastN":"1""#, "lastN").await;
    with(r#""timeproperty":"expiresAt""#, "timeproperty").await;
    with(r#""aggrMethods":["bogus"]"#, "aggrMethods").await;
    with(r#""aggrMethods":"avg","aggrPeriodDuration":"bogus""#, "aggrPeriodDuration").await;
    with(r#""since":1"#, "`since`").await;
    check(r#""temporalQ":{"timerel":"during","timeAt":"2026-01-01T00:00:00Z"}"#, "timerel").await;
    check(r#""temporalQ":{"timerel":"between","timeAt":"2026-01-01T00:00:00Z"}"#, "endTimeAt")
        .await;
    const TIME: &str = r#""temporalQ":{"timerel":"after","timeAt":"2026-01-01T00:00:00Z"}"#;
    check(&format!(r#"{TIME},"aggrParams":{{}}"#), "`aggrMethods`").await;
    check(&format!(r#"{TIME},"join":"inline""#), "`join`").await;
    check(&format!(r#"{TIME},"ordering":{{"orderBy":["name"]}}"#), "`orderBy`").await;
    // What is of time belongs to evolutions alone.
    let entities = format!(r#"{{"type":"Query","entities":[{{"type":"Car"}}],{TIME}}}"#);
    let told = city.post("/entityOperations/query", &entities).await;
    told.problem(400, "BadRequestData", "`temporalQ`");
}
