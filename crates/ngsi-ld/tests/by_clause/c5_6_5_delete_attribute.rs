//! Delete Attribute (5.6.5, 6.7.3.2).

use crate::support::City;

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp","scope":"/Nord","a":[{"value":1},{"value":2,"datasetId":"urn:d"}],"b":1}"#;

async fn left(city: &City) -> String {
    city.get("/entities/urn:x:1?format=concise").await.body
}

#[tokio::test]
async fn one_instance_or_all_of_them_go() {
    let city = City::of(&[LAMP]).await;
    city.delete("/entities/urn:x:1/attrs/a?datasetId=urn:d").await.is(204);
    assert_eq!(left(&city).await, r#"{"id":"urn:x:1","type":"Lamp","scope":"/Nord","a":1,"b":1}"#);
    let city = City::of(&[LAMP]).await;
    city.delete("/entities/urn:x:1/attrs/a?deleteAll=true").await.is(204);
    assert_eq!(left(&city).await, r#"{"id":"urn:x:1","type":"Lamp","scope":"/Nord","b":1}"#);
}

#[tokio::test]
async fn the_scope_can_be_deleted_like_an_attribute() {
    let city = City::of(&[LAMP]).await;
    city.delete("/entities/urn:x:1/attrs/scope").await.is(204);
    assert!(!left(&city).await.contains("scope"));
    let told = city.delete("/entities/urn:x:1/attrs/scope").await;
    told.problem(404, "ResourceNotFound", "the entity has no scope");
}

#[tokio::test]
async fn what_is_not_there_cannot_go() {
    let city = City::of(&[LAMP]).await;
    let check = async |path: &str, status: u16, kind: &str| {
        city.delete(path).await.problem(status, kind, "");
    };
    check("/entities/urn:x:1/attrs/c", 404, "ResourceNotFound").await;
    check("/entities/urn:x:1/attrs/a?datasetId=urn:e", 404, "ResourceNotFound").await;
    check("/entities/urn:x:2/attrs/a", 404, "ResourceNotFound").await;
    check("/entities/urn:x:1/attrs/a?datasetId=nonsense", 400, "BadRequestData").await;
    check("/entities/urn:x:1/attrs/a?deleteAll=perhaps", 400, "BadRequestData").await;
    check("/entities/nonsense/attrs/a", 400, "BadRequestData").await;
    city.delete("/entities/urn:x:1/attrs/").await.is(405);
}
