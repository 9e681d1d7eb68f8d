//! Delete Entity (5.6.6, 6.5.3.2).

use crate::support::City;

#[tokio::test]
async fn an_entity_goes_once_and_only_with_a_type_it_has() {
    let city = City::of(&[r#"{"id":"urn:x:1","type":"Lamp"}"#]).await;
    let told = city.delete("/entities/urn:x:1?type=Car").await;
    told.problem(404, "ResourceNotFound", "not of the types asked for");
    let told = city.delete("/entities/urn:x:1?type=Lamp").await.is(204).says("");
    assert_eq!(told.header("content-length"), "");
    city.delete("/entities/urn:x:1").await.problem(404, "ResourceNotFound", "does not exist");
    city.delete("/entities/nonsense").await.problem(400, "BadRequestData", "not a valid URI");
}
