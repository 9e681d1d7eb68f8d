//! Queries that are too complex, or ask for too much (5.5.2, 6.3.2): each limit has a setting.

use ngsi_ld::Settings;

use crate::support::{City, JSON};

/// A city whose limits are all small.
fn small() -> City {
    City::with(Settings {
        query_bytes_max: 60,
        query_terms_max: 2,
        query_depth_max: 2,
        query_order_keys_max: 1,
        query_geometry_bytes_max: 20,
        pattern_bytes_max: 8,
        pattern_compiled_bytes_max: 20_000,
        join_level_max: 1,
        linked_entities_max: 2,
        ..Settings::default()
    })
}

#[tokio::test]
async fn what_exceeds_a_limit_hears_its_setting() {
    let city = small();
    let check = async |query: &str, setting: &str| {
        let told = city.get(&format!("/entities?{query}")).await;
        told.problem(403, "TooComplexQuery", &format!("(setting `{setting}`)"));
    };
    let long = "a".repeat(61);
    for name in ["type", "attrs", "pick", "omit", "orderBy", "lang", "jsonKeys"] {
        check(&format!("local=true&{name}={long}"), "query_bytes_max").await;
    }
    check(&format!("type=A&q={long}"), "query_bytes_max").await;
    check(&format!("type=A&scopeQ=/{long}"), "query_bytes_max").await;
    check("type=A&q=a;b;c", "query_terms_max").await;
    check("type=A&q=a==1,2,3", "query_terms_max").await;
    check("type=A,B,C", "query_terms_max").await;
    check("type=A&scopeQ=/a,/b,/c", "query_terms_max").await;
    check("attrs=a,b,c", "query_terms_max").await;
    check("type=A&pick=a,b,c", "query_terms_max").await;
    check("type=A&lang=a,b,c", "query_terms_max").await;
    check("type=A&q=(((a)))", "query_depth_max").await;
    check("type=A&q=a.b.c", "query_depth_max").await;
    check("type=A&orderBy=a,b", "query_order_keys_max").await;
    let near = "type=A&georel=near;maxDistance==9&geometry=Point";
    check(&format!("{near}&coordinates=[8.12345678,49.12345678]"), "query_geometry_bytes_max")
        .await;
    check("type=A&idPattern=aaaaaaaaa", "pattern_bytes_max").await;
    check("type=A&q=a~=aaaaaaaaa", "pattern_bytes_max").await;
    check("type=A&idPattern=%5Cw%7B9%7D", "pattern_compiled_bytes_max").await;
    check("type=A&join=inline&q=a%7Bb%7Bc%7D%7D", "join_level_max").await;
}

/// More hops than `joinLevel` can allow are more than it does (5.7.2.4).
#[tokio::test]
async fn a_projection_of_too_many_hops_is_a_wrong_request() {
    let city = small();
    for name in ["pick", "omit"] {
        let told = city.get(&format!("/entities?type=A&join=inline&{name}=a%7Bb%7Bc%7D%7D")).await;
        told.problem(400, "BadRequestData", "(setting `join_level_max`)");
    }
}

#[tokio::test]
async fn a_query_in_a_body_has_the_same_limits() {
    let city = small();
    let selector = r#"{"type":"A"}"#;
    let body = format!(r#"{{"type":"Query","entities":[{selector},{selector},{selector}]}}"#);
    let told = city.post("/entityOperations/query", &body).await;
    told.problem(403, "TooComplexQuery", "(setting `query_terms_max`)");
}

#[tokio::test]
async fn linked_entities_come_along_all_or_not_at_all() {
    let city = small();
    for id in 1..=3 {
        let person = format!(r#"{{"id":"urn:x:{id}","type":"Person"}}"#);
        city.post("/entities", &person).await.is(201);
    }
    let house = |objects: &str| {
        format!(
            r#"{{"id":"urn:h:{}","type":"House","owner":{{"object":{objects}}}}}"#,
            objects.len()
        )
    };
    // What does not exist here does not count.
    let two = house(r#"["urn:x:1","urn:x:2","urn:x:9"]"#);
    city.post("/entityOperations/create", &format!("[{two}]")).await.is(201);
    for join in ["inline", "flat"] {
        let told = city.get(&format!("/entities?type=House&join={join}")).await.is(200);
        assert!(told.body.contains("Person"), "{}", told.body);
    }
    let three = house(r#"["urn:x:1","urn:x:2", "urn:x:3"]"#);
    city.ask("POST", "/entities", &[JSON], &three).await.is(201);
    for join in ["inline", "flat"] {
        let told = city.get(&format!("/entities?type=House&join={join}")).await;
        told.problem(403, "TooManyResults", "(setting `linked_entities_max`)");
    }
    city.get("/entities?type=House").await.is(200);
}
