//! The description of the server, held to what the server does.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::collections::{BTreeMap, BTreeSet};

use process::Server;
use serde_json::Value;

const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// What is no part of NGSI-LD.
const OTHERS: [(&str, &[&str]); 12] = [
    ("/health", &["GET", "HEAD"]),
    ("/openapi.json", &["GET", "HEAD"]),
    ("/events", &["GET"]),
    ("/admin/notifications", &["GET"]),
    ("/admin/deadLetters", &["DELETE", "GET"]),
    ("/admin/deadLetters/replay", &["POST"]),
    ("/admin/historyRetention", &["GET", "PUT"]),
    ("/audit", &["GET"]),
    ("/audit/export", &["GET"]),
    ("/audit/key", &["GET"]),
    ("/admin/quotas", &["GET", "PUT"]),
    ("/admin/location", &["GET"]),
];

fn document() -> Value {
    serde_json::from_str(server::openapi::DOCUMENT).unwrap()
}

/// Each path with its methods, in the words of an `Allow` header.
fn described(document: &Value) -> BTreeMap<&str, BTreeSet<String>> {
    let methods = |item: &Value| {
        let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
        methods.map(|method| method.to_uppercase()).collect()
    };
    let paths = document["paths"].as_object().unwrap().iter();
    paths.map(|(path, item)| (path.as_str(), methods(item))).collect()
}

/// The path with this instead of each `{name}`.
fn filled(path: &str, name: &str) -> String {
    let mut parts = path.split('{');
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        text.push_str(name);
        text.push_str(part.split_once('}').unwrap().1);
    }
    text
}

#[test]
fn every_route_is_described_with_its_methods_and_no_other() {
    let document = document();
    let mut described: BTreeMap<String, BTreeSet<String>> = described(&document)
        .into_iter()
        .map(|(path, methods)| (filled(path, "{}"), methods))
        .collect();
    for (path, methods) in OTHERS {
        let described = described.remove(path).unwrap();
        assert_eq!(Vec::from_iter(described), methods, "{path}");
    }
    let routed: BTreeMap<String, BTreeSet<String>> = ngsi_ld::routes()
        .map(|(path, methods)| (path, methods.split(", ").map(str::to_owned).collect()))
        .collect();
    assert_eq!(described, routed);
}

#[test]
fn it_is_of_this_version_and_every_reference_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let target = document.pointer(reference.strip_prefix('#').unwrap());
            assert!(target.is_some(), "{reference}");
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            Value::Object(members) => members.values().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    check(&document, &document);
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let document = document();
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| METHODS.iter().filter_map(|method| item.get(method)));
    let mut ids: Vec<&str> = operations.map(|one| one["operationId"].as_str().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_operation_answers_with_a_status_it_declares() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run("serve", data.path(), &["--open"]);
    let document = document();
    for (path, methods) in described(&document) {
        // That answer has no end.
        let methods = methods.into_iter().filter(|_| path != "/events");
        for method in methods {
            let answer = ask(&server, &method, &filled(path, "urn:x:1"));
            let status = answer.split(' ').nth(1).unwrap();
            let what = format!("{method} {path}: {answer}");
            assert!(!answer.contains("there is nothing at"), "{what}");
            assert!(status != "405" && !status.starts_with('5'), "{what}");
            let declared = &document["paths"][path][method.to_lowercase()]["responses"];
            let range = format!("{}XX", &status[..1]);
            assert!(declared.get(status).or(declared.get(&range)).is_some(), "{what}");
            if document["paths"][path]["get"]["tags"][0] == "Not supported" && method == "GET" {
                assert_eq!(status, "422", "{what}");
            }
        }
    }
}

#[test]
fn the_document_needs_no_key() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run("serve", data.path(), &[]);
    let answer = ask(&server, "GET", "/openapi.json");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/json"), "{head}");
    assert_eq!(body, server::openapi::DOCUMENT);
}

fn ask(server: &Server, method: &str, path: &str) -> String {
    let headers = "content-type: application/json\r\n";
    process::ask(&server.address, method, path, headers, "{}").unwrap()
}
