//! What may leave and what may not, seen from outside: a server, and receivers of notifications.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use process::Server;
use serde_json::Value;

/// `receiver.example` stands for another country; 127.0.0.1 is in ours, 127.0.0.2 in no region.
const RESIDENCY: &str = r#"
open = true
region = "de"
egress_allow_private = ["127.0.0.0/8"]
audit_sync_interval = "20ms"

[[regions]]
name = "de"
destinations = ["127.0.0.1"]

[[residency]]
entity_type = "Person"
attribute = "address"
regions = ["de"]

[[residency]]
entity_type = "Patient"
regions = ["de"]

[[residency]]
tenant = "closed"
regions = ["de"]
"#;

fn start(data: &Path, settings: &str) -> Server {
    let file = data.join("comity.toml");
    std::fs::write(&file, settings).unwrap();
    let config = format!("--config={}", file.display());
    Server::run("serve", &data.join("data"), &[&config])
}

fn ask(server: &Server, method: &str, path: &str, tenant: &str, body: &str) -> String {
    let headers = format!("content-type: application/json\r\nngsild-tenant: {tenant}\r\n");
    process::ask(&server.address, method, path, &headers, body).unwrap()
}

fn json(answer: &str) -> Value {
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

/// All lines of the audit record, as they are on disk.
fn record(data: &Path) -> String {
    let files = std::fs::read_dir(data.join("audit")).unwrap();
    files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok()).collect()
}

/// Takes notifications at this address; gives their bodies.
fn receiver(host: &str) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let uri = format!("http://{}/n", listener.local_addr().unwrap());
    let (sender, received) = sync_channel(100);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.unwrap());
                while let Some(body) = read_body(&mut reader) {
                    sender.send(serde_json::from_slice(&body).unwrap()).unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    reader.get_mut().write_all(answer).unwrap();
                }
            });
        }
    });
    (uri, received)
}

fn read_body(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn subscribe(server: &Server, id: &str, uri: &str, more: &str) -> String {
    let body = format!(
        r#"{{"id":"urn:s:{id}","type":"Subscription",
            "entities":[{{"type":"Person"}},{{"type":"Patient"}}]{more},
            "notification":{{"format":"simplified","endpoint":{{"uri":"{uri}"}}}}}}"#
    );
    ask(server, "POST", "/ngsi-ld/v1/subscriptions", "", &body)
}

fn put(server: &Server, body: &str) {
    let made = ask(server, "POST", "/ngsi-ld/v1/entities", "", body);
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");
}

/// The entities of the next notification, on one line.
fn next(received: &Receiver<Value>) -> String {
    received.recv_timeout(Duration::from_secs(20)).unwrap()["data"].to_string()
}

#[test]
fn attributes_and_entities_stay_in_their_regions() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), RESIDENCY);
    let (near, told_near) = receiver("127.0.0.1");
    let (far, told_far) = receiver("127.0.0.2");
    assert!(subscribe(&server, "near", &near, "").starts_with("HTTP/1.1 201"));
    assert!(subscribe(&server, "far", &far, "").starts_with("HTTP/1.1 201"));
    // A condition on what may not leave holds for nobody there.
    let condition = r#","q":"address==\"Elm Street 1\"""#;
    assert!(subscribe(&server, "asks", &far, condition).starts_with("HTTP/1.1 201"));

    put(&server, r#"{"id":"urn:p:1","type":"Person","name":"A","address":"Elm Street 1"}"#);
    put(&server, r#"{"id":"urn:p:2","type":"Patient","name":"B"}"#);
    let moved = ask(
        &server,
        "PATCH",
        "/ngsi-ld/v1/entities/urn:p:1/attrs/address",
        "",
        r#"{"value":"Elm Street 2"}"#,
    );
    assert!(moved.starts_with("HTTP/1.1 204"), "{moved}");
    put(&server, r#"{"id":"urn:p:3","type":"Person","name":"C"}"#);

    let first = next(&told_near);
    assert!(first.contains(r#""address":"Elm Street 1""#), "{first}");
    assert!((0..3).any(|_| next(&told_near).contains("urn:p:2")));
    // Of the change of the address there is no news; of the patient there is none at all.
    let (first, second) = (next(&told_far), next(&told_far));
    assert_eq!(first, r#"[{"id":"urn:p:1","type":"Person","name":"A"}]"#);
    assert_eq!(second, r#"[{"id":"urn:p:3","type":"Person","name":"C"}]"#);
    assert!(told_far.recv_timeout(Duration::from_millis(500)).is_err());

    let counts = json(&ask(&server, "GET", "/admin/notifications", "", ""));
    // The address to `far`; to `asks` the person; the patient and the move to both or one of them.
    assert!(counts["heldBack"]["whole"].as_u64().unwrap() >= 3, "{counts}");
    assert_eq!(counts["heldBack"]["part"], 1, "{counts}");
    let recorded = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(200));
        let record = record(&directory.path().join("data"));
        record.lines().find(|line| line.contains("urn:s:far")).map(str::to_owned)
    });
    let recorded = recorded.expect("what was held back is recorded");
    assert!(recorded.contains("127.0.0.2") && recorded.contains("residency"), "{recorded}");
    assert!(recorded.contains("refusal") && recorded.contains("times"), "{recorded}");
    let all = record(&directory.path().join("data"));
    assert!(all.contains(r#""attributes":"address""#) && !all.contains("Elm Street"), "{all}");
}

#[test]
fn what_comes_along_and_what_is_told_by_the_clock_stays_too() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), RESIDENCY);
    put(&server, r#"{"id":"urn:p:1","type":"Person","name":"A","address":"Elm Street 1"}"#);
    put(&server, r#"{"id":"urn:p:2","type":"Patient","name":"B"}"#);
    let (far, told) = receiver("127.0.0.2");
    assert!(subscribe(&server, "clock", &far, r#","timeInterval":1"#).starts_with("HTTP/1.1 201"));
    let expected = r#"[{"id":"urn:p:1","type":"Person","name":"A"}]"#;
    assert_eq!(next(&told), expected);
    // Which entities fulfil a condition would tell of what it looks at.
    let (asking, told_asking) = receiver("127.0.0.2");
    let condition = r#","timeInterval":1,"q":"address==\"Elm Street 1\"""#;
    assert!(subscribe(&server, "asks", &asking, condition).starts_with("HTTP/1.1 201"));
    let (joining, told_joining) = receiver("127.0.0.2");
    let body = format!(
        r#"{{"id":"urn:s:join","type":"Subscription","entities":[{{"type":"House"}}],
            "notification":{{"format":"simplified","join":"flat","joinLevel":2,
                             "endpoint":{{"uri":"{joining}"}}}}}}"#
    );
    let made = ask(&server, "POST", "/ngsi-ld/v1/subscriptions", "", &body);
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    let home = r#"{"id":"urn:h:1","type":"House","homes":{"type":"Relationship",
                   "object":["urn:p:1","urn:p:2"]}}"#;
    put(&server, home);
    let told_of = next(&told_joining);
    assert!(told_of.contains("urn:h:1") && told_of.contains(r#""name":"A""#), "{told_of}");
    assert!(!told_of.contains("Elm Street") && !told_of.contains("Patient"), "{told_of}");
    assert_eq!(next(&told), expected);
    assert!(told_asking.recv_timeout(Duration::from_millis(2500)).is_err());
}

#[test]
fn a_subscription_that_could_never_be_told_is_refused_with_the_rule() {
    let directory = tempfile::tempdir().unwrap();
    let settings = format!("egress_deny = [\"evil.example\", \"*.evil.example\"]\n{RESIDENCY}");
    let server = start(directory.path(), &settings);
    let check = |uri: &str, tenant: &str, expected: &str| {
        let body = format!(
            r#"{{"id":"urn:s:x","type":"Subscription","entities":[{{"type":"Person"}}],
                "notification":{{"endpoint":{{"uri":"{uri}"}}}}}}"#
        );
        let answer = ask(&server, "POST", "/ngsi-ld/v1/subscriptions", tenant, &body);
        assert!(answer.starts_with("HTTP/1.1 403"), "{uri}: {answer}");
        assert!(answer.contains(expected), "{uri}: {answer}");
    };
    check("http://10.0.0.1/n", "", "egress_allow_private");
    check("http://0xa000001/n", "", "egress_allow_private");
    check("http://[::ffff:169.254.169.254]/n", "", "egress_allow_private");
    check("mqtt://10.0.0.1/t", "", "egress_allow_private");
    check("https://EVIL.example./n", "", "egress_deny");
    check("mqtts://user:pw@a.evil.example/t", "", "egress_deny");
    check("http://127.0.0.2/n", "closed", "[[residency]] number 3");
    // A change of the endpoint is checked like a new one.
    let (near, _told) = receiver("127.0.0.1");
    assert!(subscribe(&server, "near", &near, "").starts_with("HTTP/1.1 201"));
    let fragment = r#"{"notification":{"endpoint":{"uri":"http://10.0.0.1/n"}}}"#;
    let path = "/ngsi-ld/v1/subscriptions/urn:s:near";
    let answer = ask(&server, "PATCH", path, "", fragment);
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    // Where a name leads is known when it is called: `localhost` may be anything until then.
    assert!(ask(&server, "GET", path, "", "").contains("127.0.0.1"));
}

#[test]
fn where_tls_is_required_plain_endpoints_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let settings = "open = true\negress_tls = \"required\"\negress_allow = [\"a.example\"]\n";
    let server = start(directory.path(), settings);
    let answer = subscribe(&server, "plain", "http://a.example/n", "");
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("egress_tls"), "{answer}");
    let answer = subscribe(&server, "other", "https://b.example/n", "");
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("egress_allow"), "{answer}");
    let answer = subscribe(&server, "good", "https://a.example/n", "");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn where_data_lie_can_be_asked() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), RESIDENCY);
    let (near, _told) = receiver("127.0.0.1");
    assert!(subscribe(&server, "near", &near, "").starts_with("HTTP/1.1 201"));
    let told = json(&ask(&server, "GET", "/admin/location", "", ""));
    let data = directory.path().join("data");
    assert_eq!(told["dataDirectory"], data.to_str().unwrap());
    assert!(Path::new(told["auditRecord"].as_str().unwrap()).is_dir());
    assert_eq!(told["region"], "de");
    assert_eq!(told["egress"]["allowPrivate"], "127.0.0.0/8");
    assert_eq!(told["endpoints"][0]["regions"][0], "de");
    assert_eq!(told["endpointsCount"], 1);
    assert_eq!(told["residency"].as_array().unwrap().len(), 2);
    assert_eq!(told["residency"][0]["attribute"], "address");
    let closed = json(&ask(&server, "GET", "/admin/location", "closed", ""));
    assert_eq!(closed["residency"].as_array().unwrap().len(), 3);
    assert_eq!(closed["endpointsCount"], 0);
}

#[test]
fn an_export_for_a_region_leaves_out_what_may_not_go_there() {
    let directory = tempfile::tempdir().unwrap();
    let settings = RESIDENCY.replace(
        "[[residency]]\nentity_type = \"Person\"",
        "[[regions]]\nname = \"fr\"\ndestinations = [\"a.fr\"]\n\n[[residency]]\nentity_type = \
         \"Person\"",
    );
    let server = start(directory.path(), &settings);
    put(&server, r#"{"id":"urn:p:1","type":"Person","name":"A","address":"Elm Street 1"}"#);
    put(&server, r#"{"id":"urn:p:2","type":"Patient","name":"B"}"#);
    drop(server);
    let (config, data) = (directory.path().join("comity.toml"), directory.path().join("data"));
    let export = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command.arg("export").arg("--config").arg(&config).arg("--data").arg(&data).args(more);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&output.stdout), text(&output.stderr))
    };
    let (whole, said) = export(&[]);
    assert!(whole.contains("Elm Street 1") && whole.contains("urn:p:2"), "{whole}");
    assert!(said.contains("--to-region") && said.contains("[[residency]] 1: de"), "{said}");
    let (part, said) = export(&["--to-region", "fr"]);
    assert!(part.contains("urn:p:1") && !part.contains("Elm Street"), "{part}");
    assert!(!part.contains("urn:p:2") && said.contains("was left out"), "{part} {said}");
    assert!(export(&["--to-region", "us"]).1.contains("there is no region `us`"));
    let (none, said) = export(&["--to-region", "fr", "--history"]);
    assert!(none.is_empty() && said.contains("[[residency]] number 1, 2"), "{said}");
    let record = record(&data);
    assert!(record.contains("to region") && record.contains("residency"), "{record}");
}
