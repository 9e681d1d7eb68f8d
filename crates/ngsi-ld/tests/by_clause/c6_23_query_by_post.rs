//! Query Entities by POST (5.2.23, 5.2.33, 6.23).

use crate::support::{ACCEPT_GEO, CITY, City, JSON, LD_JSON};

const A: &str =
    r#"{"id":"urn:x:1","type":"Lamp","a":1,"location":{"type":"Point","coordinates":[8,40]}}"#;
const B: &str = r#"{"id":"urn:x:2","type":"Post","a":5}"#;
const C: &str = r#"{"id":"urn:x:3","type":"Lamp","b":7}"#;

async fn check(members: &str, expected: &str) {
    let city = City::of(&[A, B, C]).await;
    let body = format!(r#"{{"type":"Query",{members}}}"#);
    let told = city.post("/entityOperations/query", &body).await.is(200);
    assert_eq!(told.ids(), expected, "{members}");
}

#[tokio::test]
async fn a_body_says_what_a_uri_says() {
    check(r#""entities":[{"type":"Lamp"}]"#, "urn:x:1 urn:x:3").await;
    check(r#""entities":[{"type":"Lamp"},{"type":"Post"}]"#, "urn:x:1 urn:x:2 urn:x:3").await;
    check(r#""entities":[{"type":"Lamp","id":["urn:x:3","urn:x:2"]}]"#, "urn:x:3").await;
    check(
        r#""entities":[{"type":"*","id":"urn:x:1"},{"type":"*","id":"urn:x:2"}]"#,
        "urn:x:1 urn:x:2",
    )
    .await;
    check(r#""entities":[{"type":"*","idPattern":"[23]$"}]"#, "urn:x:2 urn:x:3").await;
    check(r#""entities":[{"type":"*","id":"urn:x:1","idPattern":"[23]$"}]"#, "urn:x:1").await;
    check(r#""q":"a>2""#, "urn:x:2").await;
    check(r#""attrs":["b"]"#, "urn:x:3").await;
    check(
        r#""geoQ":{"georel":"near;maxDistance==9","geometry":"Point","coordinates":[8,40]}"#,
        "urn:x:1",
    )
    .await;
    check(
        r#""entities":[{"type":"*"}],"ordering":{"orderBy":["id;desc"]}"#,
        "urn:x:3 urn:x:2 urn:x:1",
    )
    .await;
    check(
        r#""entities":[{"type":"Lamp"}],"entityMap":false,"splitEntities":false"#,
        "urn:x:1 urn:x:3",
    )
    .await;
    // Selectors may differ in all they have.
    check(
        r#""entities":[{"type":"Post"},{"type":"Lamp","id":"urn:x:3"},{"type":"*","idPattern":"9"}]"#,
        "urn:x:2 urn:x:3",
    )
    .await;
}

#[tokio::test]
async fn a_query_must_be_one() {
    let city = City::new();
    let check = async |body: &str, kind: &str, detail: &str| {
        city.post("/entityOperations/query", body).await.problem(400, kind, detail);
    };
    check("{", "InvalidRequest", "not valid JSON").await;
    check("[]", "BadRequestData", "not a JSON object").await;
    check(r#"{"type":"NotQuery"}"#, "BadRequestData", "must be `Query`").await;
    let check = async |members: &str, detail: &str| {
        check(&format!(r#"{{"type":"Query",{members}}}"#), "BadRequestData", detail).await;
    };
    check(r#""lang":"en""#, "too wide").await;
    check(r#""entities":[]"#, "`entities`").await;
    check(r#""entities":[{"id":"urn:x:1"}]"#, "needs a `type`").await;
    check(r#""entities":[{"type":"A","id":["urn:x:1",5]}]"#, "`entities.id`").await;
    check(r#""entities":[{"type":"A","id":"x"}]"#, "not a valid URI").await;
    check(r#""entities":[{"type":"A","name":"x"}]"#, "no member `name`").await;
    check(r#""q":42"#, "`q` is not a text").await;
    check(r#""q":"a==1","attrs":[]"#, "`attrs`").await;
    check(r#""q":"a==1","join":"inline","joinLevel":0"#, "`joinLevel`").await;
    check(r#""q":"a==1","temporalQ":{}"#, "temporal").await;
    check(r#""q":"a==1","foo":1"#, "no member `foo`").await;
    check(
        r#""q":"a==1","ordering":{"orderBy":["location;dist-asc"],"coordinates":"8,40"}"#,
        "not an array",
    )
    .await;
    check(r#""q":"a==1","geoQ":{"geometry":"Point","coordinates":[1,2]}"#, "no `georel`").await;
}

#[tokio::test]
async fn the_form_of_the_answer_is_chosen_in_uri_body_and_headers() {
    let city = City::of(&[A, B, C]).await;
    let body = r#"{"type":"Query","entities":[{"type":"Lamp"}],"pick":["id","a"]}"#;
    let path = "/entityOperations/query?format=simplified&count=true&limit=1";
    let told = city.post(path, body).await.is(200).says(r#"[{"id":"urn:x:1","a":1}]"#);
    assert_eq!(told.header("ngsild-results-count"), "2");
    let told = city.ask("POST", "/entityOperations/query", &[JSON, ACCEPT_GEO], body).await;
    assert_eq!(told.is(200).json()["type"], "FeatureCollection");
    let told = city.post("/entityOperations/query?pick=a", body).await;
    told.problem(400, "InvalidRequest", "`pick`");
}

#[tokio::test]
async fn a_context_without_a_url_gets_one_for_a_json_answer() {
    let city = City::of(&[A]).await;
    let body = format!(
        r#"{{"type":"Query","entities":[{{"type":"Lamp"}}],"@context":["{CITY}",{{"x":"https://a.org/x"}}]}}"#
    );
    let told = city.ask("POST", "/entityOperations/query", &[LD_JSON], &body).await.is(200);
    let link = told.header("link");
    let path = link.split(['<', '>']).nth(1).unwrap();
    let path = path.strip_prefix("/ngsi-ld/v1").unwrap();
    let served = city.get(path).await.is(200).json();
    assert_eq!(served["@context"][0], CITY);
    let details = city.get(&format!("{path}?details=true")).await.json();
    assert_eq!(details["kind"], "ImplicitlyCreated");
    let again = city.ask("POST", "/entityOperations/query", &[LD_JSON], &body).await;
    assert_eq!(again.header("link"), link);
}
