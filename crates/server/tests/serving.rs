//! A server from its first start to its end.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

struct Server(process::Server);

impl Server {
    fn start(data: &Path, more: &[&str]) -> Server {
        Server::run("serve", data, more)
    }

    fn run(command: &str, data: &Path, more: &[&str]) -> Server {
        Server(process::Server::run(command, data, more))
    }

    fn key(&self) -> Option<String> {
        self.0.key()
    }

    fn get(&self, path: &str, key: Option<&str>) -> String {
        let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        self.ask("GET", path, &key, "")
    }

    /// `headers` end with a line break each.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        process::ask(&self.0.address, method, path, headers, body).unwrap()
    }

    /// Ends it as an operator would; tells whether it ended in good order.
    fn stop(self) -> bool {
        self.0.stop()
    }
}

#[test]
fn the_first_start_shows_a_key_once_and_nothing_opens_without_one() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let key = server.key().expect("a key is shown");
    let types = "/ngsi-ld/v1/types";
    assert!(server.get(types, None).starts_with("HTTP/1.1 401"));
    assert!(server.get(types, Some("comity_000000000000_00")).starts_with("HTTP/1.1 401"));
    assert!(server.get(types, Some(&key)).starts_with("HTTP/1.1 200"));
    let health = server.get("/health", None);
    assert!(health.contains(r#""status":"ok""#) && health.contains(r#""warnings":[]"#), "{health}");
    assert!(health.contains(r#""writes":"accepted""#), "{health}");
    assert!(server.stop());

    let server = Server::start(data.path(), &[]);
    assert_eq!(server.key(), None);
    assert!(server.get(types, Some(&key)).starts_with("HTTP/1.1 200"));
    assert!(server.stop());
}

#[test]
fn a_key_works_as_soon_as_it_is_made() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let made = Command::new(env!("CARGO_BIN_EXE_comity"))
        .args(["key", "add", "app", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    let key = String::from_utf8(made.stdout).unwrap();
    let types = || server.get("/ngsi-ld/v1/types", Some(key.trim()));
    let opened = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        types().starts_with("HTTP/1.1 200")
    });
    assert!(opened, "{}", types());
}

#[test]
fn an_open_server_says_so() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--open"]);
    assert!(
        server.0.said.iter().any(|line| line.starts_with("WARNING: open")),
        "{:?}",
        server.0.said
    );
    assert!(server.get("/health", None).contains("open: no keys are asked for"));
    assert!(server.get("/ngsi-ld/v1/types", None).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_server_that_refuses_writes_says_why_and_answers_reads() {
    let data = tempfile::tempdir().unwrap();
    let reserve = "disk_reserve_bytes=1000000000GiB";
    let server = Server::start(data.path(), &["--open", "--set", reserve]);
    for _ in 0..2 {
        let health = server.get("/health", None);
        assert!(health.starts_with("HTTP/1.1 200"), "{health}");
        assert!(health.contains(r#""status":"warning""#), "{health}");
        assert!(health.contains(r#""writes":"refused""#), "{health}");
        assert!(health.contains("writes are refused: the disk is almost full"), "{health}");
    }
    assert!(server.get("/ngsi-ld/v1/types", None).starts_with("HTTP/1.1 200"));
    assert!(server.stop());
}

#[test]
fn no_tenant_gets_the_contexts_of_another_by_way_of_the_server_itself() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--open"]);
    let json = "content-type: application/json\r\n";
    let context = r#"{"@context":{"Lamp":"https://a.org/Lamp"}}"#;
    let told = server.ask("POST", "/ngsi-ld/v1/jsonldContexts", json, context);
    let path = told.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let link = format!(
        "{json}link: <http://{}{path}>; rel=\"http://www.w3.org/ns/json-ld#context\"\r\n",
        server.0.address
    );
    let create = |headers: &str| {
        let lamp = r#"{"id":"urn:x:1","type":"Lamp"}"#;
        server.ask("POST", "/ngsi-ld/v1/entities", headers, lamp)
    };
    let told = create(&format!("ngsild-tenant: north\r\n{link}"));
    assert!(told.starts_with("HTTP/1.1 504"), "{told}");
    assert!(told.contains("it is at an address of this server"), "{told}");
    let told = create(&link);
    assert!(told.starts_with("HTTP/1.1 201"), "{told}");
}

#[test]
fn a_data_directory_serves_one_process() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path(), &[]);
    let second = Command::new(env!("CARGO_BIN_EXE_comity"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!second.status.success());
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("is in use by another process"), "{told}");
}

#[test]
fn every_line_of_the_demo_works_when_pasted() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run("demo", data.path(), &[]);
    let key = server.key().expect("a key is shown");
    let lines = server.0.said.iter().filter(|line| line.trim().starts_with("curl"));
    let urls: Vec<&str> = lines.map(|line| line.rsplit('"').nth(1).unwrap()).collect();
    let expected = ["RoadSegment", "Streetlight", "\"Building\"", "\"avg\":[["];
    assert_eq!(urls.len(), expected.len());
    for (url, expected) in urls.into_iter().zip(expected) {
        let path = url.strip_prefix("http://").unwrap().strip_prefix(&server.0.address).unwrap();
        let answer = server.get(path, Some(&key));
        assert!(answer.starts_with("HTTP/1.1 200"), "{url}: {answer}");
        assert!(answer.contains(expected), "{url}: {answer}");
    }
    assert!(server.stop());

    let again = Server::run("demo", data.path(), &[]);
    assert_eq!(again.key(), None);
    assert!(again.0.said.iter().any(|line| line.contains("key add NAME --role admin")));
    assert!(again.get("/ngsi-ld/v1/types", Some(&key)).contains("Streetlight"));
}
