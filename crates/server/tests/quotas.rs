//! Quotas, rates and lock-outs of a running server, as administrators set them and clients meet
//! them.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

struct Server {
    process: process::Server,
    key: String,
}

impl Server {
    fn start(data: &Path, key: Option<String>, more: &[&str]) -> Server {
        let process = process::Server::run("serve", data, more);
        let shown = process.said.iter().map(|line| line.trim()).find(|l| l.starts_with("comity_"));
        let key = key.or(shown.map(str::to_owned)).unwrap();
        Server { process, key }
    }

    /// The status and the body.
    fn ask(&self, method: &str, path: &str, tenant: &str, body: &str) -> (u16, Value) {
        self.ask_as(&self.key, method, path, tenant, body)
    }

    fn ask_as(
        &self,
        key: &str,
        method: &str,
        path: &str,
        tenant: &str,
        body: &str,
    ) -> (u16, Value) {
        let headers = format!(
            "authorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             ngsild-tenant: {tenant}\r\n"
        );
        let answer = process::ask(&self.process.address, method, path, &headers, body).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    fn put(&self, tenant: &str, quotas: &str) -> Value {
        let (status, answer) = self.ask("PUT", "/admin/quotas", tenant, quotas);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn used(&self, tenant: &str) -> Value {
        self.ask("GET", "/admin/quotas", tenant, "").1["used"].clone()
    }

    fn create(&self, tenant: &str, name: &str) -> (u16, Value) {
        let body = format!(r#"{{"id": "urn:x:{name}", "type": "Lamp"}}"#);
        self.ask("POST", "/ngsi-ld/v1/entities", tenant, &body)
    }
}

fn add_key(data: &Path, more: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_comity"))
        .args(["key", "add", "other", "--data"])
        .arg(data)
        .args(more)
        .output()
        .unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    said.split_whitespace().find(|word| word.starts_with("comity_")).unwrap().to_owned()
}

#[test]
fn a_tenant_has_what_it_may_have_and_no_more() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), None, &[]);
    server.put("north", r#"{"entities": 2, "subscriptions": 1, "streams": 1}"#);
    assert_eq!(server.create("north", "1").0, 201);
    let batch = r#"[{"id": "urn:x:1", "type": "Lamp", "a": 1}, {"id": "urn:x:2", "type": "Lamp"},
        {"id": "urn:x:3", "type": "Lamp"}]"#;
    let upsert = "/ngsi-ld/v1/entityOperations/upsert";
    let (status, result) = server.ask("POST", upsert, "north", batch);
    assert_eq!(status, 207, "{result}");
    assert_eq!(result["success"], serde_json::json!(["urn:x:1", "urn:x:2"]));
    assert_eq!(result["errors"][0]["entityId"], "urn:x:3");
    assert_eq!(result["errors"][0]["error"]["status"], 403);
    let (status, problem) = server.create("north", "4");
    assert_eq!(status, 403);
    assert!(problem["detail"].as_str().unwrap().contains("quota `entities`"), "{problem}");
    assert_eq!(server.create("south", "4").0, 201, "others have their own");

    let subscriptions = "/ngsi-ld/v1/subscriptions";
    let subscription = r#"{"type": "Subscription", "entities": [{"type": "Lamp"}],
        "notification": {"endpoint": {"uri": "http://receiver.invalid/", "accept": "application/json"}}}"#;
    assert_eq!(server.ask("POST", subscriptions, "north", subscription).0, 201);
    let (status, problem) = server.ask("POST", subscriptions, "north", subscription);
    assert_eq!(status, 403);
    assert!(problem["detail"].as_str().unwrap().contains("quota `subscriptions`"), "{problem}");

    let stream = open_stream(&server);
    let (status, problem) = server.ask("GET", "/events?type=Lamp", "north", "");
    assert_eq!(status, 403);
    assert!(problem["detail"].as_str().unwrap().contains("quota `streams`"), "{problem}");
    let used = serde_json::json!({"entities": 2, "subscriptions": 1, "streams": 1});
    assert_eq!(server.used("north"), used);
    drop(stream);

    // They outlast the server; to make room, or to have none any more, opens it again.
    let key = server.key.clone();
    assert!(server.process.stop());
    let server = Server::start(data.path(), Some(key), &[]);
    assert_eq!(server.create("north", "4").0, 403);
    assert_eq!(server.ask("DELETE", "/ngsi-ld/v1/entities/urn:x:1", "north", "").0, 204);
    assert_eq!(server.create("north", "4").0, 201);
    assert_eq!(server.create("north", "5").0, 403);
    server.put("north", "{}");
    assert_eq!(server.create("north", "5").0, 201);
    assert_eq!(server.used("north")["entities"], 3);
}

/// A stream of what happens in the north, that has begun.
fn open_stream(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(&server.process.address).unwrap();
    let key = &server.key;
    let request = format!(
        "GET /events?type=Lamp HTTP/1.1\r\nhost: x\r\nngsild-tenant: north\r\n\
         authorization: Bearer {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

#[test]
fn who_administers_one_tenant_sees_its_quotas_and_sets_none() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), None, &[]);
    assert!(server.process.address.starts_with("127.0.0.1"));
    let key = server.key.clone();
    assert!(server.process.stop());
    let own = add_key(data.path(), &["--role", "admin", "--tenant", "north"]);
    let server = Server::start(data.path(), Some(key), &[]);
    server.put("north", r#"{"entities": 7}"#);
    let (status, answer) = server.ask_as(&own, "GET", "/admin/quotas", "north", "");
    assert_eq!((status, &answer["quotas"]["entities"]), (200, &Value::from(7)));
    for tenant in ["north", "south"] {
        let (status, _) = server.ask_as(&own, "PUT", "/admin/quotas", tenant, "{}");
        assert_eq!(status, 403);
    }
    assert_eq!(server.ask_as(&own, "GET", "/admin/quotas", "south", "").0, 403);
    let (status, problem) = server.ask("PUT", "/admin/quotas", "north", r#"{"entity": 1}"#);
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().contains("`entity`"), "{problem}");
}

#[test]
fn a_tenant_sends_as_fast_as_its_quota_says() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), None, &[]);
    server.put("north", r#"{"requests": {"perSecond": 1, "burst": 3}}"#);
    let types = |tenant| server.ask("GET", "/ngsi-ld/v1/types", tenant, "").0;
    let statuses: Vec<u16> = (0..20).map(|_| types("north")).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(types(""), 200, "others have their own");
    let quick = r#"{"requests": {"perSecond": 0}}"#;
    let mut put = server.ask("PUT", "/admin/quotas", "north", quick);
    while put.0 == 429 {
        put = server.ask("PUT", "/admin/quotas", "north", quick);
    }
    let statuses: Vec<u16> = (0..20).map(|_| types("north")).collect();
    assert!(!statuses.contains(&429), "{statuses:?}");
}

#[test]
fn wrong_keys_lock_an_address_and_a_right_one_does_not_open_it() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), None, &["--set", "lockout_delay=1ms"]);
    let types = |key: &str| server.ask_as(key, "GET", "/ngsi-ld/v1/types", "", "");
    for nth in 0..5 {
        let (status, problem) = types(&format!("comity_00000000000{nth}_00"));
        assert_eq!(status, 401, "{problem}");
    }
    let (status, problem) = types("comity_000000000000_00");
    assert_eq!((status, &problem["status"]), (429, &Value::from(429)));
    assert_eq!(types(&server.key).0, 429);
    let health = process::ask(&server.process.address, "GET", "/health", "", "").unwrap();
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    assert!(server.process.stop());
    let record = fs::read_dir(data.path().join("audit")).unwrap().filter_map(|file| {
        let path = file.unwrap().path();
        path.is_file().then(|| fs::read(path).unwrap())
    });
    let record = String::from_utf8_lossy(&record.flatten().collect::<Vec<u8>>()).into_owned();
    assert_eq!(record.matches("\"address_locked_s\":\"900\"").count(), 1, "{record}");
}
