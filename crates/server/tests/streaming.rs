//! Streams of changes, as whoever listens has them.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use process::{Server, ask};

const JSON: &str = "content-type: application/json\r\n";

fn start(data: &Path) -> Server {
    Server::run("serve", data, &["--open", "--set=stream_keepalive=200ms", "--set=streams_max=3"])
}

fn put(server: &Server, id: &str, kind: &str, n: u32) {
    let body = format!(r#"[{{"id":"{id}","type":"{kind}","n":{n}}}]"#);
    let path = "/ngsi-ld/v1/entityOperations/upsert";
    let answer = ask(&server.address, "POST", path, JSON, &body).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

/// An answer that goes on and on.
struct Listening(BufReader<TcpStream>);

impl Listening {
    fn to(address: &str, query: &str, headers: &str) -> Listening {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let request = format!("GET /events{query} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        Listening(BufReader::new(stream))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).expect("a line in time");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next change: its position, and what was told of it.
    fn next(&mut self) -> (String, String) {
        let mut id = String::new();
        loop {
            let line = self.line().expect("a further event");
            if let Some(position) = line.strip_prefix("id: ") {
                id = position.to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return (id, data.to_owned());
            }
        }
    }

    /// The id of the next sign that the stream is there.
    fn here(&mut self) -> String {
        loop {
            if let Some(id) = self.line().expect("a sign").strip_prefix("id: ") {
                return id.to_owned();
            }
        }
    }

    /// Why it ends.
    fn end(mut self) -> String {
        while self.line().expect("an end") != "event: end" {}
        self.line().expect("a reason")
    }
}

#[test]
fn whoever_listens_is_told_what_matches() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path());
    let mut lamps = Listening::to(&server.address, "?type=Lamp&q=n%3E1&format=simplified", "");
    assert_eq!(lamps.line().unwrap(), "HTTP/1.1 200 OK");
    lamps.here();
    put(&server, "urn:l:1", "Lamp", 1);
    put(&server, "urn:b:1", "Bench", 2);
    put(&server, "urn:l:1", "Lamp", 3);
    let (_, told) = lamps.next();
    assert!(told.starts_with(r#"{"id":"urn:ngsi-ld:Notification:"#), "{told}");
    assert!(told.ends_with(r#""data":[{"id":"urn:l:1","type":"Lamp","n":3}]}"#), "{told}");
    let path = "/ngsi-ld/v1/entities/urn:l:1";
    assert!(ask(&server.address, "DELETE", path, "", "").unwrap().starts_with("HTTP/1.1 204"));
    assert!(lamps.next().1.contains(r#""deletedAt":""#));
}

#[test]
fn whoever_comes_again_is_told_what_happened_meanwhile_and_nothing_twice() {
    let data = tempfile::tempdir().unwrap();
    let mut server = start(data.path());
    let mut told = Vec::new();
    let mut last = "0".to_owned();
    for round in 0..4 {
        for nth in 0..3 {
            put(&server, "urn:l:1", "Lamp", round * 10 + nth);
        }
        let mut lamps = match round {
            1 => Listening::to(&server.address, &format!("?type=Lamp&after={last}"), ""),
            _ => {
                let header = format!("last-event-id: {last}\r\n");
                Listening::to(&server.address, "?type=Lamp", &header)
            }
        };
        for nth in 3..6 {
            put(&server, "urn:l:1", "Lamp", round * 10 + nth);
        }
        for _ in 0..6 {
            let (id, data) = lamps.next();
            told.push(data);
            last = id;
        }
        drop(server);
        server = start(data.path());
    }
    let value = |n: u32| format!(r#""n":{{"type":"Property","value":{n}}}"#);
    let expected = (0..4).flat_map(|round| (0..6).map(move |nth| round * 10 + nth));
    for (told, n) in told.iter().zip(expected) {
        assert!(told.contains(&value(n)), "{n}: {told}");
    }
}

#[test]
fn a_quiet_stream_shows_how_far_it_is() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path());
    let mut benches = Listening::to(&server.address, "?type=Bench", "");
    let began: u64 = benches.here().parse().unwrap();
    put(&server, "urn:l:1", "Lamp", 1);
    let moved = (0..20).any(|_| benches.here().parse::<u64>().unwrap() == began + 1);
    assert!(moved, "others' changes count as read");
}

#[test]
fn what_cannot_be_is_said() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path());
    let refused = |query: &str, headers: &str| {
        let address = &server.address;
        ask(address, "GET", &format!("/events{query}"), headers, "").unwrap()
    };
    let check = |query: &str, headers: &str, status: &str, words: &str| {
        let answer = refused(query, headers);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{query}: {answer}");
        assert!(answer.contains(words), "{query}: {answer}");
    };
    check("?colour=red", "", "400", "colour");
    check("?q=a%3D%3D", "", "400", "q");
    check("?after=7", "", "400", "the last change has position 0");
    check("", "last-event-id: x\r\n", "400", "Last-Event-ID");
    check("?notificationTrigger=x", "", "400", "entityCreated");
    check("?type=Lamp", "ngsild-tenant: nobody\r\n", "404", "nobody");
    let open: Vec<_> = (0..3).map(|_| Listening::to(&server.address, "", "")).collect();
    let mut open: Vec<Listening> = open;
    open.iter_mut().for_each(|one| drop(one.here()));
    check("", "", "503", "streams_max");
}

#[test]
fn a_stream_ends_with_its_key_and_with_the_server() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run("serve", data.path(), &["--set=stream_keepalive=100ms"]);
    assert!(ask(&server.address, "GET", "/events", "", "").unwrap().starts_with("HTTP/1.1 401"));
    let key = |name: &str| {
        let made = Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(["key", "add", name, "--role", "reader", "--data"])
            .arg(data.path())
            .output()
            .unwrap();
        let said = String::from_utf8(made.stdout).unwrap();
        let key = said.split_whitespace().find(|word| word.starts_with("comity_"));
        format!("authorization: Bearer {}\r\n", key.unwrap())
    };
    let (one, other) = (key("one"), key("other"));
    let listen = |key: &str| {
        // A running server takes keys up within about a second.
        for _ in 0..50 {
            let mut stream = Listening::to(&server.address, "", key);
            if stream.line().unwrap() == "HTTP/1.1 200 OK" {
                return stream;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the key is not known");
    };
    let (first, second) = (listen(&one), listen(&other));
    let revoked = Command::new(env!("CARGO_BIN_EXE_comity"))
        .args(["key", "revoke", "one", "--data"])
        .arg(data.path())
        .status();
    assert!(revoked.unwrap().success());
    assert!(first.end().contains("the key is not known here any more"));
    let ending = std::thread::spawn(move || second.end());
    assert!(server.stop());
    assert!(ending.join().unwrap().contains("the server stops"));
}

#[test]
fn a_web_socket_is_told_the_same() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path());
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut listening = Listening::to(&server.address, "?type=Lamp&format=simplified", upgrade);
    assert_eq!(listening.line().unwrap(), "HTTP/1.1 101 Switching Protocols");
    while listening.line().is_some_and(|line| !line.is_empty()) {}
    let first = frame(&mut listening.0);
    assert!(first.1.starts_with(r#"{"position":"#), "{first:?}");
    put(&server, "urn:l:1", "Lamp", 7);
    let told =
        (0..50).map(|_| frame(&mut listening.0).1).find(|text| text.contains("notification"));
    assert!(told.unwrap().contains(r#""data":[{"id":"urn:l:1","type":"Lamp","n":7}]}"#));
    let ending = std::thread::spawn(move || {
        loop {
            let (kind, text) = frame(&mut listening.0);
            if kind == 8 {
                return text;
            }
        }
    });
    assert!(server.stop());
    assert!(ending.join().unwrap().contains("the server stops"));
}

/// The kind and the text of one short frame from the server (RFC 6455, 5.2).
fn frame(from: &mut BufReader<TcpStream>) -> (u8, String) {
    let mut head = [0; 2];
    from.read_exact(&mut head).unwrap();
    let mut length = u64::from(head[1]);
    if length == 126 {
        let mut long = [0; 2];
        from.read_exact(&mut long).unwrap();
        length = u64::from(u16::from_be_bytes(long));
    }
    let mut text = vec![0; length as usize];
    from.read_exact(&mut text).unwrap();
    let kind = head[0] & 15;
    // A reason to close comes after its number.
    let text = if kind == 8 { text.split_off(2) } else { text };
    (kind, String::from_utf8(text).unwrap())
}
