//! Delete Attribute from Temporal Evolution of an Entity (5.6.13, 6.21.3.1).

use crate::support::City;

const CAR: &str = r#"{"id":"urn:x:1","type":"Car","scope":"/Nord",
    "fuel":[{"value":1,"observedAt":"2026-01-01T00:00:00Z"},
            {"value":2,"observedAt":"2026-01-02T00:00:00Z"},
            {"value":3,"observedAt":"2026-01-02T00:00:00Z","datasetId":"urn:d"}]}"#;

async fn left(city: &City) -> String {
    let body = city.get("/temporal/entities/urn:x:1?format=temporalValues&omit=scope").await.body;
    body.replace(r#""id":"urn:x:1","type":"Car""#, "..").replace("T00:00:00Z", "")
}

async fn city() -> City {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    city
}

#[tokio::test]
async fn one_dataset_or_all_of_them_go() {
    const PATH: &str = "/temporal/entities/urn:x:1/attrs/fuel";
    let check = async |query: &str, expected: &str| {
        let city = city().await;
        city.delete(&format!("{PATH}{query}")).await.is(204).says("");
        assert_eq!(left(&city).await, expected, "{query}");
    };
    check("", r#"{..,"fuel":{"type":"Property","datasetId":"urn:d","values":[[3,"2026-01-02"]]}}"#)
        .await;
    check(
        "?datasetId=urn:d",
        r#"{..,"fuel":{"type":"Property","values":[[1,"2026-01-01"],[2,"2026-01-02"]]}}"#,
    )
    .await;
    check("?deleteAll=true", "{..}").await;
}

#[tokio::test]
async fn what_is_not_there_cannot_be_deleted() {
    let city = city().await;
    let check = async |path: &str, status: u16, kind: &str, detail: &str| {
        city.delete(&format!("/temporal/entities/{path}")).await.problem(status, kind, detail);
    };
    check("urn:x:2/attrs/fuel", 404, "ResourceNotFound", "urn:x:2").await;
    check("urn:x:1/attrs/speed", 404, "ResourceNotFound", "speed").await;
    check("urn:x:1/attrs/fuel?datasetId=urn:e", 404, "ResourceNotFound", "urn:e").await;
    check("x/attrs/fuel", 400, "BadRequestData", "entity id").await;
    check("/attrs/fuel", 400, "BadRequestData", "no entity id").await;
    check("urn:x:1/attrs/in(valid", 400, "BadRequestData", "attribute name").await;
    for dots in ["%2e%2e", "%252e%252e", "%2e"] {
        check(&format!("urn:x:1/attrs/{dots}"), 400, "BadRequestData", "attribute name").await;
    }
    city.get("/temporal/entities/urn:x:1").await.is(200);
}

#[tokio::test]
async fn a_scope_is_an_attribute_here() {
    let city = city().await;
    let scope = "/temporal/entities/urn:x:1?pick=scope";
    let told = city.get(scope).await.is(200).json();
    assert_eq!(told["scope"][0]["value"], "/Nord");
    city.delete("/temporal/entities/urn:x:1/attrs/scope").await.is(204);
    city.get(scope).await.problem(404, "ResourceNotFound", "nothing of what was asked for");
}
