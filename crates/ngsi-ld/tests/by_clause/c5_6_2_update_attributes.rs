//! Update Attributes (5.6.2, 6.6.3.2).

use crate::support::City;

const LAMP: &str = r#"{"id":"urn:x:1","type":"Lamp","a":1,"b":2}"#;

#[tokio::test]
async fn attributes_are_replaced_added_and_removed() {
    let city = City::of(&[LAMP]).await;
    let body = r#"{"a":{"value":"urn:ngsi-ld:null"},"b":3,"c":4}"#;
    city.patch("/entities/urn:x:1/attrs", body).await.is(204).says("");
    let told = city.get("/entities/urn:x:1?format=simplified").await;
    told.says(r#"{"id":"urn:x:1","type":"Lamp","b":3,"c":4}"#);
}

#[tokio::test]
async fn the_entity_must_exist_with_a_valid_id_and_the_types_asked_for() {
    let city = City::of(&[LAMP]).await;
    let check = async |path: &str, status: u16, kind: &str, detail: &str| {
        city.patch(path, r#"{"a":2}"#).await.problem(status, kind, detail);
    };
    check("/entities/urn:x:2/attrs", 404, "ResourceNotFound", "`urn:x:2` does not exist").await;
    check("/entities/nonsense/attrs", 400, "BadRequestData", "`nonsense` is not a valid URI").await;
    check("/entities//attrs", 400, "BadRequestData", "the path has no entity id").await;
    check("/entities/urn:x:1/attrs?type=Car", 404, "ResourceNotFound", "not of the types").await;
    city.patch("/entities/urn:x:1/attrs?type=Car,Lamp", r#"{"a":2}"#).await.is(204);
}

#[tokio::test]
async fn the_body_is_of_the_entity_in_the_path() {
    let city = City::of(&[LAMP]).await;
    let told = city.patch("/entities/urn:x:1/attrs", r#"{"id":"urn:x:2","a":2}"#).await;
    told.problem(400, "BadRequestData", "the body is of entity `urn:x:2`");
}
