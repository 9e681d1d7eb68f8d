//! Query Temporal Evolution of Entities (5.7.4, 6.18.3.2).

use crate::support::{ACCEPT_GEO, City};

const JANUARY: &str = "timerel=between&timeAt=2026-01-01T00:00:00Z&endTimeAt=2026-02-01T00:00:00Z";

async fn city() -> City {
    let city = City::new();
    for (id, value, place) in [(1, 30, "[0,0]"), (2, 10, "[50,50]"), (3, 40, "[0,0]")] {
        let car = format!(
            r#"{{"id":"urn:x:{id}","type":"Car","scope":{{"value":"/S{id}","observedAt":"2026-01-05T00:00:00Z"}},
            "speed":[{{"value":{value},"observedAt":"2026-01-10T00:00:00Z"}},
                     {{"value":90,"observedAt":"2026-02-10T00:00:00Z"}}],
            "location":{{"value":{{"type":"Point","coordinates":{place}}},"observedAt":"2026-01-10T00:00:00Z"}}}}"#
        );
        city.post("/temporal/entities", &car).await.is(201);
    }
    let late =
        r#"{"id":"urn:x:4","type":"Car","speed":{"value":90,"observedAt":"2026-02-10T00:00:00Z"}}"#;
    city.post("/temporal/entities", late).await.is(201);
    city
}

#[tokio::test]
async fn those_with_something_to_tell_of_the_time_are_told() {
    let city = city().await;
    let check = async |query: &str, ids: &str| {
        let told = city.get(&format!("/temporal/entities?{JANUARY}&{query}")).await.is(200);
        assert_eq!(told.ids(), ids, "{query}");
        assert!(!told.body.contains("2026-02-10"), "{}", told.body);
    };
    check("type=Car", "urn:x:1 urn:x:2 urn:x:3").await;
    check("attrs=speed", "urn:x:1 urn:x:2 urn:x:3").await;
    check("attrs=fuel", "").await;
    check("type=Bus", "").await;
    check("type=Car&id=urn:x:2,urn:x:4", "urn:x:2").await;
    check("type=Car&idPattern=.*1", "urn:x:1").await;
    check("q=speed%3E25", "urn:x:1 urn:x:3").await;
    check("q=speed%3E50", "").await;
    check("type=Car&scopeQ=/S2", "urn:x:2").await;
    let near = "georel=near;maxDistance==1000&geometry=Point&coordinates=[0,0]";
    check(near, "urn:x:1 urn:x:3").await;
    check("local=true", "urn:x:1 urn:x:2 urn:x:3").await;
    check("type=Car&orderBy=id;desc", "urn:x:3 urn:x:2 urn:x:1").await;
    check("type=Car&pick=id&limit=1&offset=1", "urn:x:2").await;
}

#[tokio::test]
async fn the_form_can_be_chosen() {
    let city = city().await;
    let path = format!("/temporal/entities?{JANUARY}&type=Car&id=urn:x:1&attrs=speed");
    let values = r#"[{"id":"urn:x:1","type":"Car","speed":{"type":"Property","values":[[30,"2026-01-10T00:00:00Z"]]}}]"#;
    let check = async |query: &str, expected: &str| {
        city.get(&format!("{path}&{query}")).await.is(200).says(expected);
    };
    check("format=temporalValues", values).await;
    check("options=temporalValues", values).await;
    check("format=temporalValues&options=aggregatedValues&aggrMethods=sum", values).await;
    check(
        "options=aggregatedValues&aggrMethods=sum,totalCount&aggrPeriodDuration=P1D",
        r#"[{"id":"urn:x:1","type":"Car","speed":{"type":"Property","sum":[[30,"2026-01-10T00:00:00Z","2026-01-11T00:00:00Z"]],"totalCount":[[1,"2026-01-10T00:00:00Z","2026-01-11T00:00:00Z"]]}}]"#,
    )
    .await;
}

#[tokio::test]
async fn pages_and_counts_are_those_of_what_matches() {
    let city = city().await;
    let path = format!("/temporal/entities?{JANUARY}&q=speed%3E25&limit=1");
    let told = city.get(&format!("{path}&count=true")).await.is(200);
    assert_eq!(
        (told.ids().as_str(), told.header("ngsild-results-count").as_str()),
        ("urn:x:1", "2")
    );
    let link = told.header("link");
    assert!(link.contains("</ngsi-ld/v1/temporal/entities?") && link.contains("rel=\"next\""));
    assert_eq!(city.get(&format!("{path}&offset=1")).await.is(200).ids(), "urn:x:3");
    city.get(&format!("{path}&offset=2")).await.is(200).says("[]");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let city = City::new();
    let check = async |query: &str, kind: &str, detail: &str| {
        city.get(&format!("/temporal/entities?{query}")).await.problem(400, kind, detail);
    };
    check("type=Car", "BadRequestData", "no temporal query").await;
    check("type=Car&timeproperty=modifiedAt", "BadRequestData", "no temporal query").await;
    let check = async |query: &str, kind: &str, detail: &str| {
        check(&format!("{JANUARY}&{query}"), kind, detail).await;
    };
    check("", "BadRequestData", "too wide").await;
    check("id=urn:x:1", "BadRequestData", "too wide").await;
    check("attrs=createdAt", "BadRequestData", "too wide").await;
    check("type=Car&pick=owner%7Bname%7D", "BadRequestData", "`pick`").await;
    check("type=Car&q=owner%7Bname%7D==%22x%22", "BadRequestData", "`q`").await;
    check("type=Car&id=not%20a%20uri", "BadRequestData", "`id`").await;
    check("type=Car&csf=))bad((", "BadRequestData", "csf").await;
    for order in ["name", "createdAt", "name.inner", "id,name"] {
        check(&format!("type=Car&orderBy={order}"), "BadRequestData", "`orderBy`").await;
    }
    check("type=Car&additional=1", "InvalidRequest", "`additional`").await;
    check("type=Car&format=concise", "InvalidRequest", "`format`").await;
    check("type=Car&options=temporalValues,x", "InvalidRequest", "`options`").await;
    check("type=Car&limit=0", "BadRequestData", "`count=true`").await;
    let told = city.ask("GET", "/temporal/entities?type=Car", &[ACCEPT_GEO], "").await;
    told.is(406);
    let map = format!("/temporal/entities?{JANUARY}&type=Car&entityMap=true");
    city.get(&map).await.problem(422, "OperationNotSupported", "entity maps");
}
