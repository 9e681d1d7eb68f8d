//! The audit record of a server as a process: what happens is found in it, who may not read it does
//! not, and what was altered is found out.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use process::{Server, ask};
use serde_json::Value;

fn comity(args: &[&str], data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    command.args(args).arg("--data").arg(data).output().unwrap()
}

/// Makes a key and gives its token.
fn key(data: &Path, name: &str, role: &str, more: &[&str]) -> String {
    let made = comity(&[&["key", "add", name, "--role", role], more].concat(), data);
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

fn get(server: &Server, path: &str, token: &str) -> String {
    ask(&server.address, "GET", path, &bearer(token), "").unwrap()
}

/// What `/audit` finds.
fn found(server: &Server, query: &str, auditor: &str) -> Vec<Value> {
    let answer = get(server, &format!("/audit?{query}"), auditor);
    assert_eq!(status(&answer), "200", "{answer}");
    let page: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    page["entries"].as_array().unwrap().clone()
}

/// The same, once there are so many: reads and refusals do not wait for the disk.
fn found_soon(server: &Server, query: &str, auditor: &str, count: usize) -> Vec<Value> {
    for _ in 0..100 {
        let found = found(server, query, auditor);
        if found.len() >= count {
            return found;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{query}: {:?}", found(server, query, auditor));
}

/// A server with keys of an administrator, a writer, a reader and an auditor.
struct City {
    data: tempfile::TempDir,
    admin: String,
    writer: String,
    reader: String,
    auditor: String,
}

impl City {
    fn new() -> City {
        let data = tempfile::tempdir().unwrap();
        let key = |name, role| key(data.path(), name, role, &[]);
        let (admin, writer) = (key("ada", "admin"), key("wim", "writer"));
        let (reader, auditor) = (key("rob", "reader"), key("eva", "auditor"));
        City { data, admin, writer, reader, auditor }
    }

    fn serve(&self, more: &[&str]) -> Server {
        Server::run("serve", self.data.path(), more)
    }

    fn verify(&self) -> Output {
        comity(&["audit", "verify"], self.data.path())
    }
}

fn assert_intact(verified: &Output) {
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn each_event_is_found_with_who_what_whence_and_how_it_ended() {
    let city = City::new();
    let server = city.serve(&["--set", "audit_reads=true", "--set", "audit_writes=true"]);
    let body = r#"{"id":"urn:x:1","type":"Lamp"}"#;
    let headers = format!(
        "{}content-type: application/json\r\nx-request-id: mine-1\r\nngsild-tenant: north\r\n",
        bearer(&city.writer)
    );
    let made = ask(&server.address, "POST", "/ngsi-ld/v1/entities", &headers, body).unwrap();
    assert_eq!(status(&made), "201", "{made}");
    assert!(made.contains("x-request-id: mine-1\r\n"), "{made}");
    let seen = get(&server, "/ngsi-ld/v1/types?details=false", &city.reader);
    assert_eq!(status(&seen), "200", "{seen}");

    let write = &found_soon(&server, "request=mine-1&event=write", &city.auditor, 1)[0];
    for (name, expected) in [
        ("/who/name", "wim"),
        ("/who/kind", "key"),
        ("/who/tenant", "north"),
        ("/target", "/ngsi-ld/v1/entities"),
        ("/from", "127.0.0.1"),
        ("/outcome", "allowed"),
        ("/details/method", "POST"),
        ("/details/made", "/ngsi-ld/v1/entities/urn:x:1"),
    ] {
        assert_eq!(write.pointer(name).unwrap(), expected, "{write}");
    }
    let read = &found_soon(&server, "event=read&caller=rob", &city.auditor, 1)[0];
    assert_eq!(read["target"], "/ngsi-ld/v1/types?details=false", "{read}");

    // Once for each key, not for each request.
    get(&server, "/ngsi-ld/v1/types", &city.reader);
    let sign_ins = found_soon(&server, "event=sign-in&caller=rob", &city.auditor, 1);
    assert_eq!(sign_ins.len(), 1);
    assert_eq!(sign_ins[0]["details"]["roles"], "reader");

    assert_eq!(status(&get(&server, "/ngsi-ld/v1/types", "comity_wrong")), "401");
    let refused = &found_soon(&server, "event=refusal&caller=unknown", &city.auditor, 1)[0];
    assert_eq!(refused["outcome"], "refused");
    assert!(refused["reason"].as_str().unwrap().contains("the key is not known"), "{refused}");
    let forbidden = ask(&server.address, "DELETE", "/admin/deadLetters", &bearer(&city.reader), "");
    assert_eq!(status(&forbidden.unwrap()), "403");
    let refused = &found_soon(&server, "event=refusal&caller=rob", &city.auditor, 1)[0];
    assert!(refused["reason"].as_str().unwrap().contains("may not administer"), "{refused}");
    assert_eq!(refused["target"], "/admin/deadLetters");

    let rules = r#"{"rules":[{"readings":"90d"}]}"#;
    let headers = format!("{}content-type: application/json\r\n", bearer(&city.admin));
    let put = ask(&server.address, "PUT", "/admin/historyRetention", &headers, rules).unwrap();
    assert_eq!(status(&put), "200", "{put}");
    // On disk before it was answered, before and after it was done.
    let entries = found(&server, "event=administration&target=/admin", &city.auditor);
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(entries[0]["details"]["step"], "done");
    assert!(entries[0]["details"]["rules"].as_str().unwrap().contains("90d"), "{entries:?}");
    assert_eq!(entries[1]["details"]["step"], "begun");
    assert_eq!(entries[1]["request"], entries[0]["request"]);

    key(city.data.path(), "new", "reader", &[]);
    found_soon(&server, "event=key-use&target=key+new", &city.auditor, 1);
    assert!(comity(&["key", "revoke", "new"], city.data.path()).status.success());
    let revoked = &found_soon(&server, "event=key-use&target=key+new", &city.auditor, 2)[0];
    assert_eq!(revoked["details"]["action"], "revoke");

    let configuration = &found(&server, "event=configuration-change", &city.auditor)[0];
    assert_eq!(configuration["details"]["sha256"].as_str().unwrap().len(), 64);
    assert!(configuration["details"]["set"].as_str().unwrap().contains("audit_reads"));
    assert!(server.stop());
    assert_intact(&city.verify());

    // Made before any server ran, and by the command line itself.
    let output = city.data.path().join("out.ndjson");
    let args = ["export", "--tenant", "north", "-o", output.to_str().unwrap()];
    assert!(comity(&args, city.data.path()).status.success());
    assert!(comity(&["import", output.to_str().unwrap()], city.data.path()).status.success());
    let server = city.serve(&[]);
    let exports = found(&server, "event=export&target=export", &city.auditor);
    assert_eq!(exports.len(), 2, "{exports:?}");
    assert_eq!(exports[0]["details"]["entities"], "1");
    assert_eq!(exports[0]["who"]["kind"], "operator");
    let imports = found(&server, "event=administration&target=import", &city.auditor);
    assert_eq!(imports[0]["details"]["created"], "1", "{imports:?}");
    assert_eq!(found(&server, "event=key-use&target=key+rob", &city.auditor).len(), 2);
    assert!(found(&server, "event=stop", &city.auditor).len() >= 2);
}

#[test]
fn only_auditors_read_the_record_and_that_is_recorded() {
    let city = City::new();
    let north = key(city.data.path(), "north", "auditor", &["--tenant", "north"]);
    let server = city.serve(&[]);
    for path in ["/audit", "/audit/export", "/audit/key"] {
        for token in [&city.admin, &city.writer, &city.reader] {
            let answer = get(&server, path, token);
            assert_eq!(status(&answer), "403", "{answer}");
            assert!(answer.contains("may not audit anything"), "{answer}");
        }
        assert_eq!(status(&ask(&server.address, "GET", path, "", "").unwrap()), "401");
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = ask(&server.address, method, path, &bearer(&city.auditor), "").unwrap();
            assert_eq!(status(&answer), "405", "{answer}");
        }
    }
    // An auditor changes nothing, and reads nothing else.
    assert_eq!(status(&get(&server, "/ngsi-ld/v1/entities?type=A", &city.auditor)), "403");
    assert_eq!(status(&get(&server, "/admin/notifications", &city.auditor)), "403");

    let headers = format!("{}ngsild-tenant: north\r\n", bearer(&city.reader));
    ask(&server.address, "GET", "/admin/deadLetters", &headers, "").unwrap();
    let all = found_soon(&server, "tenant=north", &north, 1);
    assert!(all.iter().all(|entry| entry["who"]["tenant"] == "north"), "{all:?}");
    assert!(found(&server, "", &north).len() < found(&server, "", &city.auditor).len());
    assert_eq!(status(&get(&server, "/audit?tenant=south", &north)), "403");
    assert_eq!(status(&get(&server, "/audit/export", &north)), "403");

    get(&server, "/audit?caller=ada&limit=1", &city.auditor);
    let reads = found_soon(&server, "event=audit-read&caller=eva", &city.auditor, 2);
    let looked = reads.iter().find(|read| read["details"]["caller"] == "ada");
    assert_eq!(looked.unwrap()["target"], "/audit?caller=*&limit=1", "{reads:?}");
    for wrong in ["limit=0", "event=x", "from=x", "nothing=1", "outcome=fine"] {
        assert_eq!(status(&get(&server, &format!("/audit?{wrong}"), &city.auditor)), "400");
    }
}

#[test]
fn pages_follow_each_other_to_the_beginning() {
    let city = City::new();
    let server = city.serve(&[]);
    let (mut before, mut seen) = (String::new(), Vec::new());
    loop {
        let answer = get(&server, &format!("/audit?limit=3{before}"), &city.auditor);
        let page: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let entries = page["entries"].as_array().unwrap();
        seen.extend(entries.iter().map(|entry| entry["seq"].as_u64().unwrap()));
        match page["next"].as_u64() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert!(seen.len() > 9, "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[1] < pair[0]), "{seen:?}");
}

/// The export of a server, as a file.
fn exported(server: &Server, city: &City) -> PathBuf {
    let answer = get(server, "/audit/export", &city.auditor);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/x-ndjson"), "{head}");
    let path = city.data.path().join("exported.ndjson");
    let lines: Vec<&str> = body.lines().filter(|line| line.starts_with('{')).collect();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}

fn verified(path: &Path, key: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    command.args(["audit", "verify", "--key", key]).arg(path).output().unwrap()
}

#[test]
fn an_export_verifies_elsewhere_and_altered_copies_do_not() {
    let city = City::new();
    let server = city.serve(&[]);
    let answer = get(&server, "/audit/key", &city.auditor);
    let key: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let public = key["public"].as_str().unwrap();
    assert!(key["pem"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    let path = exported(&server, &city);
    let verification = verified(&path, public);
    assert_intact(&verification);

    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let check = |what: &str, altered: Vec<String>| {
        fs::write(&path, altered.join("\n") + "\n").unwrap();
        let verification = verified(&path, public);
        assert!(!verification.status.success(), "{what}: {verification:?}");
        let told = String::from_utf8(verification.stdout).unwrap();
        assert!(told.contains("PROBLEM"), "{what}: {told}");
    };
    let owned = || lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let at = lines.iter().position(|line| line.contains("key wim")).unwrap();
    let mut altered = owned();
    altered[at] = altered[at].replace("key wim", "key tim");
    check("altered", altered);
    let mut cut = owned();
    cut.remove(at);
    check("cut", cut);
    let mut reordered = owned();
    reordered.swap(at, at + 1);
    check("reordered", reordered);
    let other = tempfile::tempdir().unwrap();
    key_of_another(other.path());
    let another = comity(&["audit", "key"], other.path());
    fs::write(&path, text).unwrap();
    let another = String::from_utf8(another.stdout).unwrap();
    assert!(!verified(&path, another.trim()).status.success());
}

fn key_of_another(data: &Path) {
    key(data, "other", "reader", &[]);
}

#[test]
fn a_record_whose_server_is_killed_verifies() {
    let city = City::new();
    for _ in 0..5 {
        let server = city.serve(&["--set", "audit_writes=true"]);
        let (address, writer) = (server.address.clone(), bearer(&city.writer));
        let writing = thread::spawn(move || {
            for nth in 0.. {
                let body = format!(r#"{{"id":"urn:x:{nth}","type":"Lamp"}}"#);
                let headers = format!("{writer}content-type: application/json\r\n");
                if ask(&address, "POST", "/ngsi-ld/v1/entities", &headers, &body).is_err() {
                    return;
                }
            }
        });
        thread::sleep(Duration::from_millis(150));
        let headers = format!("{}content-type: application/json\r\n", bearer(&city.admin));
        let rules = r#"{"rules":[]}"#;
        let put = ask(&server.address, "PUT", "/admin/historyRetention", &headers, rules).unwrap();
        assert_eq!(status(&put), "200", "{put}");
        drop(server); // Killed.
        writing.join().unwrap();
        assert_intact(&city.verify());
    }
    // What was answered is there, each time before and after.
    let server = city.serve(&[]);
    assert_eq!(found(&server, "event=administration&target=/admin", &city.auditor).len(), 10);
    assert_intact(&city.verify());
}

/// What is sent and must be found nowhere.
const MARKERS: [&str; 6] =
    ["m4rkerkey", "m4rkertoken", "m4rkerpassword", "m4rkerreceiver", "m4rkercookie", "m4rkerquery"];

#[test]
fn secrets_come_into_no_record_no_log_and_no_answer() {
    let city = City::new();
    let log = city.data.path().join("server.log");
    let more = [
        "--set",
        "audit_reads=true",
        "--set",
        "audit_writes=true",
        "--set",
        "log=trace",
        "--set",
        "slow_request=1ms",
        // All come from one address, which others would find locked.
        "--set",
        "lockout_failures_max=0",
    ];
    let file = fs::File::create(&log).unwrap();
    let server = Server::run_logging("serve", city.data.path(), &more, file.into());
    let jwt = "eyJhbGciOiJub25lIn0.m4rkertoken.m4rkertoken";
    let wrong_key = format!("comity_aaaaaaaaaaaa_{}", "m4rkerkey".repeat(8));
    let bearers = [
        bearer(&wrong_key),
        bearer(jwt),
        bearer(&city.admin),
        bearer(&city.writer),
        bearer(&city.auditor),
        "authorization: Basic m4rkerpassword\r\n".to_owned(),
        String::new(),
    ];
    let subscription = r#"{"type":"Subscription","entities":[{"type":"A"}],"notification":{
        "endpoint":{"uri":"http://user:m4rkerpassword@127.0.0.1:1/n","receiverInfo":[
        {"key":"authorization","value":"m4rkerreceiver"}]}}}"#;
    let doors = [
        ("GET", "/ngsi-ld/v1/entities?type=A&q=x==%22m4rkerquery%22", ""),
        ("POST", "/ngsi-ld/v1/subscriptions", subscription),
        ("POST", "/ngsi-ld/v1/entityOperations/upsert", "[{\"id\":\"urn:x:1\",\"type\":\"A\"}]"),
        ("DELETE", "/admin/deadLetters", ""),
        ("PUT", "/admin/historyRetention", "{\"rules\":[]}"),
        ("GET", "/audit?caller=ada", ""),
        ("GET", "/audit/export", ""),
        ("GET", "/audit/key", ""),
        ("GET", "/health", ""),
        ("GET", "/openapi.json", ""),
        ("GET", "/events?subscription=m4rkerquery", ""),
        ("GET", "/nothing/here", ""),
    ];
    let mut answers = String::new();
    for (method, path, body) in doors {
        for bearer in &bearers {
            let headers = format!(
                "{bearer}content-type: application/json\r\ncookie: m4rkercookie\r\n\
                 x-request-id: {wrong_key}\r\nx-api-key: m4rkerkey\r\n"
            );
            let answer = ask(&server.address, method, path, &headers, body).unwrap();
            // What a client asked for itself may be named in what is wrong with it.
            answers.push_str(&answer.replace("m4rkerquery", "").to_lowercase());
        }
    }
    found_soon(&server, "event=refusal", &city.auditor, 10);
    assert!(server.stop());
    let mut record = String::new();
    for entry in fs::read_dir(city.data.path().join("audit")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            record.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()).to_lowercase());
        }
    }
    assert!(record.contains("/ngsi-ld/v1/subscriptions") && record.contains("refusal"));
    let log = fs::read_to_string(log).unwrap().to_lowercase();
    let secret = |token: &str| token.rsplit('_').next().unwrap().to_owned();
    let tokens = [&city.admin, &city.writer, &city.reader, &city.auditor].map(|key| secret(key));
    let markers = MARKERS.iter().map(|marker| (*marker).to_owned()).chain(tokens);
    for marker in markers {
        for (what, text) in [("record", &record), ("log", &log), ("answers", &answers)] {
            let found = text.lines().find(|line| line.contains(&marker));
            assert!(found.is_none(), "{marker} in the {what}: {found:?}");
        }
    }
}
