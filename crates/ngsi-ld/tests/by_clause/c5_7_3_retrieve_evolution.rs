//! Retrieve Temporal Evolution of an Entity (5.7.3, 6.19.3.1).

use crate::support::{ACCEPT_GEO, ACCEPT_LD, CITY_LINK, City};

const CAR: &str = r#"{"id":"urn:x:1","type":"Car",
    "speed":[{"value":1,"observedAt":"2026-01-01T00:00:00Z"},
             {"value":2,"observedAt":"2026-01-02T00:00:00Z"},
             {"value":3,"observedAt":"2026-01-03T00:00:00Z","datasetId":"urn:d"}],
    "name":[{"languageMap":{"en":"car","fr":"voiture"},"observedAt":"2026-01-02T00:00:00Z"}]}"#;

async fn city() -> City {
    let city = City::new();
    city.post("/temporal/entities", CAR).await.is(201);
    city
}

/// The members beside id and type, in the simplified form.
async fn check(city: &City, query: &str, expected: &str) {
    let path = format!("/temporal/entities/urn:x:1?format=temporalValues&{query}");
    let told = city.get(&path).await.is(200);
    let body = told.body.replace(r#""id":"urn:x:1","type":"Car""#, "..").replace("T00:00:00Z", "");
    assert_eq!(body, expected, "{query}");
}

#[tokio::test]
async fn all_of_it_is_told_in_full() {
    let told = city().await.get("/temporal/entities/urn:x:1").await.is(200).json();
    assert_eq!((&told["id"], &told["type"]), (&"urn:x:1".into(), &"Car".into()));
    let speed = told["speed"].as_array().unwrap();
    let values: Vec<i64> = speed.iter().map(|one| one["value"].as_i64().unwrap()).collect();
    assert_eq!(values, [1, 2, 3]);
    assert!(speed[0]["instanceId"].as_str().unwrap().starts_with("urn:ngsi-ld:instance:"));
    assert_eq!(speed[0].as_object().unwrap().len(), 4);
    assert_eq!(told["name"][0]["languageMap"]["fr"], "voiture");
}

#[tokio::test]
async fn a_time_can_be_asked_about() {
    let city = city().await;
    let one = r#"{..,"speed":{"type":"Property","values":[[1,"2026-01-01"]]}}"#;
    check(&city, "timerel=before&timeAt=2026-01-02T00:00:00Z", one).await;
    check(
        &city,
        "timerel=after&timeAt=2026-01-03T00:00:00.000Z",
        r#"{..,"speed":{"type":"Property","datasetId":"urn:d","values":[[3,"2026-01-03"]]}}"#,
    )
    .await;
    let between = "timerel=between&timeAt=2026-01-01T00:00:00Z&endTimeAt=2026-01-02T00:00:00Z";
    check(&city, between, one).await;
    let later = "/temporal/entities/urn:x:1?timerel=after&timeAt=2027-01-01T00:00:00Z";
    city.get(later).await.problem(404, "ResourceNotFound", "nothing of what was asked for");
}

#[tokio::test]
async fn the_last_readings_of_each_attribute_may_do() {
    let city = city().await;
    let last = r#"{..,"name":{"type":"LanguageProperty","languageMaps":[[{"languageMap":{"en":"car","fr":"voiture"}},"2026-01-02"]]},"speed":{"type":"Property","values":[[2,"2026-01-02"]]}}"#;
    check(&city, "lastN=1&datasetId=@none", last).await;
}

#[tokio::test]
async fn members_and_datasets_can_be_chosen() {
    let city = city().await;
    let speed =
        r#"{..,"speed":{"type":"Property","datasetId":"urn:d","values":[[3,"2026-01-03"]]}}"#;
    check(&city, "datasetId=urn:d", speed).await;
    check(&city, "attrs=speed&datasetId=urn:d", speed).await;
    check(&city, "omit=name&datasetId=urn:d", speed).await;
    check(&city, "pick=id", r#"{"id":"urn:x:1"}"#).await;
    let picked = r#"{"speed":{"type":"Property","values":[[1,"2026-01-01"],[2,"2026-01-02"]]}}"#;
    check(&city, "pick=speed&datasetId=@none", picked).await;
    let french = r#"{"name":{"type":"Property","values":[["voiture","2026-01-02"]]}}"#;
    check(&city, "pick=name&lang=fr", french).await;
    for query in ["attrs=fuel", "pick=fuel", "omit=id,type,speed,name"] {
        let told = city.get(&format!("/temporal/entities/urn:x:1?{query}")).await;
        told.problem(404, "ResourceNotFound", "nothing of what was asked for");
    }
}

#[tokio::test]
async fn readings_come_to_something_by_period() {
    let city = city().await;
    let path = "/temporal/entities/urn:x:1?attrs=speed&datasetId=@none&options=aggregatedValues";
    let told = city.get(&format!("{path}&aggrMethods=avg,max&aggrPeriodDuration=P2D")).await;
    told.is(200).says(
        r#"{"id":"urn:x:1","type":"Car","speed":{"type":"Property","avg":[[1.5,"2026-01-01T00:00:00Z","2026-01-03T00:00:00Z"]],"max":[[2,"2026-01-01T00:00:00Z","2026-01-03T00:00:00Z"]]}}"#,
    );
    let check = async |query: &str, kind: &str, detail: &str| {
        let path = format!("/temporal/entities/urn:x:1?format=aggregatedValues&{query}");
        city.get(&path).await.problem(400, kind, detail);
    };
    check("", "BadRequestData", "`aggrMethods`").await;
    check("aggrMethods=mode", "BadRequestData", "aggrMethods").await;
    check("aggrMethods=avg&aggrPeriodDuration=1h", "BadRequestData", "aggrPeriodDuration").await;
    check("aggrMethods=avg&attrs=name", "InvalidRequest", "`avg`").await;
}

#[tokio::test]
async fn the_core_api_is_remembered() {
    let city = City::of(&[r#"{"id":"urn:x:1","type":"Car","scope":"/A","fuel":1}"#]).await;
    city.patch("/entities/urn:x:1", r#"{"scope":"/B"}"#).await.is(204);
    city.delete("/entities/urn:x:1/attrs/fuel").await.is(204);
    let path = "/temporal/entities/urn:x:1?options=sysAttrs";
    let told = city.get(path).await.is(200).json();
    let scopes = told["scope"].as_array().unwrap();
    let newest = scopes.iter().find(|one| one["value"] == "/B").unwrap();
    assert_eq!(newest["observedAt"], newest["modifiedAt"]);
    let deleted = city.get("/temporal/entities/urn:x:1?timeproperty=deletedAt").await.json();
    assert_eq!(deleted["fuel"][0]["value"], "urn:ngsi-ld:null");
    assert!(deleted["fuel"][0]["deletedAt"].is_string() && deleted.get("scope").is_none());
    city.delete("/entities/urn:x:1").await.is(204);
    assert!(city.get(path).await.is(200).json()["deletedAt"].is_string());
}

#[tokio::test]
async fn the_answer_has_the_context_and_type_that_were_asked_for() {
    let city = City::of(&[r#"{"id":"urn:x:1","type":"https://city.example/Lamp"}"#]).await;
    let path = "/temporal/entities/urn:x:1";
    let told = city.ask("GET", path, &[CITY_LINK], "").await.is(200);
    told.says(r#"{"id":"urn:x:1","type":"Lamp"}"#);
    let told = city.ask("GET", path, &[CITY_LINK, ACCEPT_LD], "").await.is(200);
    assert_eq!(told.header("content-type"), "application/ld+json");
    assert!(told.json()["@context"].is_array() || told.json()["@context"].is_string());
    city.ask("GET", path, &[ACCEPT_GEO], "").await.is(406);
    city.ask("HEAD", path, &[], "").await.is(200).says("");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let city = city().await;
    let check = async |query: &str, kind: &str, detail: &str| {
        let path = format!("/temporal/entities/urn:x:1?{query}");
        city.get(&path).await.problem(400, kind, detail);
    };
    check("timerel=after", "BadRequestData", "timeAt").await;
    check("timeAt=2026-01-01T00:00:00Z", "BadRequestData", "timerel").await;
    check("timerel=between&timeAt=2026-01-01T00:00:00Z", "BadRequestData", "endTimeAt").await;
    check("timerel=during&timeAt=2026-01-01T00:00:00Z", "BadRequestData", "timerel").await;
    check("timerel=after&timeAt=2026-01-01", "BadRequestData", "timeAt").await;
    check("timeproperty=expiresAt", "BadRequestData", "timeproperty").await;
    check("lastN=0", "BadRequestData", "lastN").await;
    check("lastN=2.5", "BadRequestData", "lastN").await;
    check("pick=owner%7Bname%7D", "BadRequestData", "`pick`").await;
    check("pick=speed&omit=speed", "BadRequestData", "`omit`").await;
    check("pick=speed&attrs=name", "BadRequestData", "`attrs`").await;
    check("format=simplified", "InvalidRequest", "`format`").await;
    check("options=concise", "InvalidRequest", "`options`").await;
    check("options=temporalValues,aggregatedValues", "InvalidRequest", "go together").await;
    check("join=inline", "InvalidRequest", "`join`").await;
    city.get("/temporal/entities/x").await.problem(400, "BadRequestData", "entity id");
    city.get("/temporal/entities/urn:x:2").await.problem(404, "ResourceNotFound", "urn:x:2");
}
