//! Subscribers are told, over HTTP, whatever happens between.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

struct Server(process::Server);

impl Server {
    fn start(data: &Path) -> Server {
        let settings = ["--open", "--set=notification_retry_first=50ms"];
        Server(process::Server::run("serve", data, &settings))
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        self.ask_at(method, &format!("/ngsi-ld/v1{path}"), body)
    }

    fn ask_at(&self, method: &str, path: &str, body: &str) -> String {
        let headers = "content-type: application/json\r\n";
        process::ask(&self.0.address, method, path, headers, body).unwrap()
    }

    /// What a command says that asks this server.
    fn comity(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        let server = format!("http://{}", self.0.address);
        let output = command.args(words).args(["--server", &server]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn create(&self, nth: usize) {
        let body = format!(r#"{{"id":"urn:l:{nth}","type":"Lamp","a":{nth}}}"#);
        assert!(self.ask("POST", "/entities", &body).starts_with("HTTP/1.1 201"));
    }
}

/// Takes notifications; answers each with the next of these statuses, and then with 200.
fn receiver(statuses: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/notify", listener.local_addr().unwrap());
    let (sender, received) = sync_channel(10_000);
    let statuses = std::sync::Arc::new(std::sync::Mutex::new(statuses.iter()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (sender, statuses) = (sender.clone(), statuses.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.unwrap());
                while let Some(request) = read_request(&mut reader) {
                    let status = statuses.lock().unwrap().next().copied().unwrap_or(200);
                    if status == 200 {
                        sender.send(request).unwrap();
                    }
                    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
                    reader.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    (uri, received)
}

/// Head and body of one request; nothing where the connection ends.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

fn subscribe(server: &Server, uri: &str) {
    let body = format!(
        r#"{{"id":"urn:s:1","type":"Subscription","entities":[{{"type":"Lamp"}}],
            "notification":{{"endpoint":{{"uri":"{uri}","receiverInfo":[{{"key":"X-Key","value":"v"}}]}}}}}}"#
    );
    assert!(server.ask("POST", "/subscriptions", &body).starts_with("HTTP/1.1 201"));
}

fn next(received: &Receiver<String>) -> String {
    received.recv_timeout(Duration::from_secs(20)).expect("a notification")
}

#[test]
fn a_subscriber_is_told_and_the_account_says_so() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (uri, received) = receiver(&[]);
    subscribe(&server, &uri);
    server.create(1);
    let request = next(&received);
    assert!(request.starts_with("POST /notify HTTP/1.1"), "{request}");
    assert!(request.contains("X-Key: v") && request.contains("Link: <"), "{request}");
    assert!(request.contains(r#""id":"urn:l:1""#), "{request}");
    std::thread::sleep(Duration::from_millis(300));
    let shown = server.ask("GET", "/subscriptions/urn:s:1", "");
    assert!(shown.contains(r#""timesSent":1"#) && shown.contains(r#""status":"ok""#), "{shown}");
    assert!(server.ask("DELETE", "/subscriptions/urn:s:1", "").starts_with("HTTP/1.1 204"));
    server.create(2);
    assert!(received.recv_timeout(Duration::from_millis(500)).is_err(), "the subscription ended");
}

#[test]
fn an_endpoint_that_fails_is_tried_again() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (uri, received) = receiver(&[500, 503, 429]);
    subscribe(&server, &uri);
    server.create(1);
    server.create(2);
    let told: BTreeSet<bool> = (0..2).map(|_| next(&received).contains("urn:l:1")).collect();
    assert_eq!(told.len(), 2, "both are told");
    let shown = server.ask("GET", "/subscriptions/urn:s:1", "");
    assert!(shown.contains(r#""timesFailed":3"#), "{shown}");
}

#[test]
fn what_was_given_up_is_listed_and_sent_once_more() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (uri, received) = receiver(&[400, 400, 400, 400, 400]);
    subscribe(&server, &uri);
    server.create(1);
    let letters = || server.ask_at("GET", "/admin/deadLetters?subscription=urn:s:1", "");
    let found = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        letters().contains(r#""entityId":"urn:l:1""#)
    });
    assert!(found, "{}", letters());
    let counts = server.ask_at("GET", "/admin/notifications", "");
    assert!(counts.contains(r#""due":1,"delivered":0,"waiting":0,"dead":1"#), "{counts}");
    let wrong = server.ask_at("GET", "/admin/deadLetters?limit=0", "");
    assert!(wrong.contains("a number from 1 to 1000"), "{wrong}");
    let told = server.comity(&["dead-letters", "list", "--subscription", "urn:s:1"]);
    assert!(told.starts_with(r#"{"id":"urn:ngsi-ld:Notification:urn:s:1:1","#), "{told}");
    assert_eq!(told.lines().count(), 1);
    let replayed = server.comity(&["dead-letters", "replay"]);
    assert_eq!(replayed, "1 delivered, 0 not taken, 0 that cannot be sent any more\n");
    assert!(next(&received).contains("urn:l:1"));
    assert!(letters().ends_with("[]\n"), "{}", letters());
    assert_eq!(server.comity(&["dead-letters", "empty"]), "0 thrown away\n");
    let counts = server.ask_at("GET", "/admin/notifications", "");
    assert!(counts.contains(r#""due":1,"delivered":1,"waiting":0,"dead":0"#), "{counts}");
}

#[test]
fn a_crash_loses_no_notification() {
    let data = tempfile::tempdir().unwrap();
    let (uri, received) = receiver(&[]);
    let mut server = Server::start(data.path());
    subscribe(&server, &uri);
    for round in 0..4 {
        for nth in 0..25 {
            server.create(round * 25 + nth);
        }
        drop(server);
        server = Server::start(data.path());
    }
    let mut missing: BTreeSet<String> = (0..100).map(|nth| format!(r#""urn:l:{nth}""#)).collect();
    while !missing.is_empty() {
        let request = next(&received);
        missing.retain(|id| !request.contains(id));
    }
}
