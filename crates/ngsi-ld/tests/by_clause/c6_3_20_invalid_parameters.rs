//! Parameters and options that an operation does not know (6.3.20).

use crate::support::{City, JSON};

#[tokio::test]
async fn what_an_operation_does_not_know_is_refused() {
    let city = City::new();
    for (method, path) in [
        ("POST", "/entities?foo=1"),
        ("GET", "/entities?type=A&foo=1"),
        ("GET", "/entities/urn:x:1?q=a"),
        ("GET", "/entities/urn:x:1?format=fancy"),
        ("GET", "/entities/urn:x:1?options=sysAttrs,fancy"),
        ("DELETE", "/entities/urn:x:1?datasetId=urn:d"),
        ("PATCH", "/entities/urn:x:1/attrs?options=noOverwrite"),
        ("POST", "/entities/urn:x:1/attrs?options=sysAttrs"),
        ("PUT", "/entities/urn:x:1/attrs/a?lang=en"),
        ("POST", "/entityOperations/create?options=update"),
        ("POST", "/entityOperations/upsert?options=noOverwrite"),
        ("POST", "/entityOperations/query?type=A"),
        ("GET", "/types?limit=1"),
        ("GET", "/info/sourceIdentity?local=true"),
        ("GET", "/jsonldContexts?limit=1"),
        ("GET", "/entities?type=A&type=B"),
        ("GET", "/entities?type=%zz"),
    ] {
        city.ask(method, path, &[JSON], "{}").await.problem(400, "InvalidRequest", "");
    }
}

#[tokio::test]
async fn local_is_known_everywhere_and_changes_nothing() {
    let city = City::new();
    let lamp = r#"{"id":"urn:x:1","type":"Lamp"}"#;
    city.post("/entities?local=true", lamp).await.is(201);
    city.get("/entities/urn:x:1?local=false").await.is(200);
    city.get("/types?local=true").await.is(200);
    city.delete("/entities/urn:x:1?local=true").await.is(204);
    city.get("/types?local=perhaps").await.problem(400, "BadRequestData", "`local`");
}
