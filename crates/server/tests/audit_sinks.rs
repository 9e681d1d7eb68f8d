//! Sinks of the audit record, with a server as a process: every line arrives, also after a sink was
//! down and the server killed, and one that is down holds up no other.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use process::Server;
use serde_json::Value;

type Received = Arc<Mutex<Vec<String>>>;

/// One message of syslog after another, each with its length before it.
fn collect(stream: TcpStream, received: &Received) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = Vec::new();
        if reader.read_until(b' ', &mut length).unwrap_or(0) == 0 {
            return;
        }
        let length: usize = String::from_utf8(length).unwrap().trim().parse().unwrap();
        let mut message = vec![0; length];
        if reader.read_exact(&mut message).is_err() {
            return;
        }
        received.lock().unwrap().push(String::from_utf8(message).unwrap());
    }
}

fn collector(listener: TcpListener) -> Received {
    let received = Received::default();
    let all = received.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            collect(stream.unwrap(), &all);
        }
    });
    received
}

/// Takes NDJSON from whoever has the token; the first two requests fail.
fn endpoint(listener: TcpListener) -> Received {
    let received = Received::default();
    let all = received.clone();
    thread::spawn(move || {
        for (nth, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                let start = head.len();
                reader.read_line(&mut head).unwrap();
                let line = head[start..].to_lowercase();
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let is_ours = head.contains("Bearer s3cret") && head.contains("application/x-ndjson");
            let status = if nth < 2 || !is_ours { "503 Unavailable" } else { "204 No Content" };
            if status.starts_with("204") {
                let body = String::from_utf8(body).unwrap();
                all.lock().unwrap().extend(body.lines().map(str::to_owned));
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    received
}

#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..300 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}");
}

/// The numbers of lines in the files of the record.
fn kept(data: &Path) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir(data.join("audit")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "ndjson") {
            let text = std::fs::read_to_string(path).unwrap();
            numbers.extend(text.lines().map(number));
        }
    }
    numbers
}

/// How far a sink is, as is noted on disk.
fn position(data: &Path, sink: &str) -> u64 {
    let text = std::fs::read_to_string(data.join("audit/sinks").join(sink));
    text.map_or(0, |text| text.trim().parse().unwrap())
}

fn number(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap()
}

fn number_of_message(message: &str) -> u64 {
    let (_, rest) = message.split_once("seq=\"").unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

#[test]
fn every_line_arrives_at_each_sink_whatever_was_down() {
    let data = tempfile::tempdir().unwrap();
    let token = data.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    // Nobody listens there yet, so that it is down; the address stays ours to take later.
    let syslog = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = syslog.local_addr().unwrap();
    drop(syslog);
    let http = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = [
        "egress_allow_private=true".to_owned(),
        format!("audit_syslog=tcp://{address}"),
        format!("audit_http=http://{}/audit", http.local_addr().unwrap()),
        format!("audit_http_token_file={}", token.display()),
        "audit_head_interval=200ms".to_owned(),
    ];
    let more: Vec<&str> = settings.iter().flat_map(|one| ["--set", one]).collect();
    let posted = endpoint(http);
    let server = Server::run("serve", data.path(), &more);
    let numbers = |received: &Received| -> BTreeSet<u64> {
        received.lock().unwrap().iter().map(|line| number(line)).collect()
    };
    until("posted", || kept(data.path()).is_subset(&numbers(&posted)));
    // Noted on disk as well: until then, a crash may have lines posted twice.
    let last = || kept(data.path()).last().copied().unwrap_or_default();
    until("noted", || position(data.path(), "http") == last());
    drop(server); // Killed.
    let syslog = collector(TcpListener::bind(address).unwrap());
    let server = Server::run("serve", data.path(), &more);
    let messages = |received: &Received| -> BTreeSet<u64> {
        received.lock().unwrap().iter().map(|message| number_of_message(message)).collect()
    };
    until("posted after the crash", || kept(data.path()).is_subset(&numbers(&posted)));
    until("told", || kept(data.path()).is_subset(&messages(&syslog)));
    assert!(syslog.lock().unwrap()[0].starts_with('<'), "{syslog:?}");
    until("settled", || position(data.path(), "syslog") > 0);
    // What arrived before the crash is not posted once more.
    let all: Vec<u64> = posted.lock().unwrap().iter().map(|line| number(line)).collect();
    assert_eq!(all.iter().filter(|seq| **seq == 1).count(), 1, "{all:?}");
    assert!(server.stop());
}

#[test]
fn a_sink_in_a_private_network_is_refused_unless_allowed() {
    let data = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let setting = format!("audit_syslog=tcp://{}", listener.local_addr().unwrap());
    let received = collector(listener);
    // By its address it cannot become allowed later, so the server says so before it serves.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_comity"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--set", &setting, "--data"]);
    let output = command.arg(data.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("audit_syslog") && said.contains("egress_allow_private"), "{said}");
    // What a name leads to is known when it is called.
    let setting = setting.replace("127.0.0.1", "localhost");
    let server = Server::run("serve", data.path(), &["--set", &setting]);
    thread::sleep(Duration::from_millis(1500));
    assert!(received.lock().unwrap().is_empty());
    assert!(server.stop());
}
