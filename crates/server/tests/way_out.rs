//! Nothing leaves but through `egress`: no other file of the platform opens a connection or looks a
//! name up, and no dependency does so by itself.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};

/// What opens a connection, sends without one, or looks a name up.
const WAYS_OUT: &[&str] = &[
    "TcpStream::connect",
    "TcpSocket",
    "UdpSocket",
    "UnixStream::connect",
    "UnixDatagram",
    "lookup_host",
    "to_socket_addrs",
    "ToSocketAddrs",
    "HttpConnector",
    "HttpsConnector",
    "GaiResolver",
    // Under another name it would not be found.
    "TcpStream as ",
    "net::*",
];

/// The one place.
const ALLOWED: &str = "server/src/egress/connector.rs";

/// Rooms that are not part of the platform, and clients in what measures and tests it.
const NOT_SERVED: &[&str] = &["bench", "fuzzing", "simulation", "testkit"];

/// Clients that open connections of their own.
const CLIENTS: &[&str] = &["attohttpc", "curl", "isahc", "minreq", "reqwest", "rumqttc", "ureq"];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// The file without its tests, which speak to the platform from outside.
fn served(text: &str) -> &str {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    &text[..end]
}

fn ways_out(path: &Path) -> Vec<&'static str> {
    let text = fs::read_to_string(path).unwrap();
    let text = served(&text);
    WAYS_OUT.iter().copied().filter(|way| text.contains(way)).collect()
}

#[test]
fn nothing_opens_a_connection_but_egress() {
    let mut files = Vec::new();
    for room in fs::read_dir(crates()).unwrap().map(|room| room.unwrap().path()) {
        let name = room.file_name().unwrap().to_str().unwrap().to_owned();
        if room.join("src").is_dir() && !NOT_SERVED.contains(&name.as_str()) {
            sources(&room.join("src"), &mut files);
        }
    }
    assert!(files.len() > 100, "{} files were found", files.len());
    let mut allowed = 0;
    for path in files {
        let name = path.to_str().unwrap();
        let is_test =
            name.ends_with("_tests.rs") || name.ends_with("/tests.rs") || name.contains("/tests/");
        if is_test {
            continue;
        }
        let found = ways_out(&path);
        if name.ends_with(ALLOWED) {
            allowed = found.len();
        } else {
            assert!(found.is_empty(), "{name} has {found:?}; go through `egress::Connector`");
        }
    }
    assert_eq!(allowed, 2, "the connector connects and looks up, and is found to");
}

#[test]
fn no_dependency_is_a_client_of_its_own() {
    let lock = fs::read_to_string(crates().parent().unwrap().join("Cargo.lock")).unwrap();
    let names: Vec<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.contains(&"tokio"));
    for client in CLIENTS {
        assert!(!names.contains(client), "`{client}` calls around `egress`");
    }
}
