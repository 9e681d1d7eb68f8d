//! The arrows of ARCHITECTURE.md, kept true.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms it may depend on. Whoever has no line here may not exist.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("query", &["model"]),
    ("jsonld", &[]),
    ("policy", &["model", "query"]),
    ("audit", &["model"]),
    ("sorted", &[]),
    ("store", &["model", "query", "policy"]),
    ("keyring", &[]),
    ("store-embedded", &["model", "query", "policy", "store", "keyring", "sorted"]),
    ("subscriptions", &["model", "query", "policy", "store"]),
    ("broker", &["model", "query", "policy", "store", "subscriptions"]),
    // What a subscription says is read at the door, and what a notification says is written there.
    ("ngsi-ld", &["model", "query", "policy", "jsonld", "subscriptions", "broker"]),
    ("identity", &["model", "policy"]),
    (
        "server",
        &[
            "model",
            "query",
            "jsonld",
            "policy",
            "store",
            "store-embedded",
            "keyring",
            "subscriptions",
            "broker",
            "ngsi-ld",
            "identity",
            "audit",
        ],
    ),
    // For tests and measurements only. What measures stands outside, as a client does.
    ("bench", &[]),
    ("simulation", &["model", "query", "policy", "store", "subscriptions", "broker", "testkit"]),
    ("testkit", &["model", "query", "policy", "store", "broker"]),
    ("fuzzing", &["model", "query", "policy", "audit", "jsonld", "ngsi-ld", "server", "testkit"]),
];

/// What tests may use beside what their room may.
const TESTS_MAY_USE: &[&str] = &["testkit"];

#[test]
fn every_arrow_points_down() {
    let rooms = rooms();
    assert!(rooms.len() >= 10, "{rooms:?}");
    for room in &rooms {
        let line = MAY_DEPEND_ON.iter().find(|(name, _)| name == room);
        let Some((_, allowed)) = line else {
            panic!("room `{room}` stands in no line of ARCHITECTURE.md");
        };
        for (section, dependency) in dependencies(room, &rooms) {
            let for_tests =
                section == "[dev-dependencies]" && TESTS_MAY_USE.contains(&dependency.as_str());
            let ok = allowed.contains(&dependency.as_str()) || for_tests;
            assert!(ok, "`{room}` may not depend on `{dependency}`; see ARCHITECTURE.md");
        }
    }
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn rooms() -> Vec<String> {
    let folders = fs::read_dir(crates()).unwrap().map(|entry| entry.unwrap());
    let rooms = folders.filter(|entry| entry.path().join("Cargo.toml").exists());
    rooms.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The rooms a manifest names, with the section in which it does.
fn dependencies(room: &str, rooms: &[String]) -> Vec<(String, String)> {
    let manifest = fs::read_to_string(crates().join(room).join("Cargo.toml")).unwrap();
    let mut section = String::new();
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.to_owned();
            assert!(
                !section.contains("dependencies."),
                "`{room}`: write `{section}` as one line, so that the arrows can be read"
            );
        } else if section.contains("dependencies") {
            let name: String = line
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
                .collect();
            if rooms.contains(&name) {
                found.push((section.clone(), name));
            }
        }
    }
    found
}
