//! Streams of changes, as whoever listens has them.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![expect(clippy::disallowed_methods, reason = "how long an end takes is what is tested")]

mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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

    /// Why it ends; nothing where it goes on for longer than that.
    fn end_within(mut self, limit: Duration) -> Option<String> {
        let began = Instant::now();
        while self.line().expect("an end") != "event: end" {
            if limit < began.elapsed() {
                return None;
            }
        }
        self.line()
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

/// A new key for readers, as a header.
fn new_key(data: &Path, name: &str, more: &[&str]) -> String {
    let made = Command::new(env!("CARGO_BIN_EXE_comity"))
        .args(["key", "add", name, "--role", "reader"])
        .args(more)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    let said = String::from_utf8(made.stdout).unwrap();
    let key = said.split_whitespace().find(|word| word.starts_with("comity_"));
    format!("authorization: Bearer {}\r\n", key.unwrap())
}

fn revoke(data: &Path, name: &str) {
    let revoked = Command::new(env!("CARGO_BIN_EXE_comity"))
        .args(["key", "revoke", name, "--data"])
        .arg(data)
        .status();
    assert!(revoked.unwrap().success());
}

/// Listens with a new key, which a running server takes up within about a second.
fn listen_with(server: &Server, query: &str, headers: &str) -> Listening {
    for _ in 0..50 {
        let mut stream = Listening::to(&server.address, query, headers);
        if stream.line().unwrap() == "HTTP/1.1 200 OK" {
            return stream;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the key is not known");
}

#[test]
fn a_stream_ends_with_its_key_and_with_the_server() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run("serve", data.path(), &["--set=stream_keepalive=100ms"]);
    assert!(ask(&server.address, "GET", "/events", "", "").unwrap().starts_with("HTTP/1.1 401"));
    let key = |name: &str| new_key(data.path(), name, &[]);
    let (one, other) = (key("one"), key("other"));
    let listen = |key: &str| listen_with(&server, "", key);
    let (first, second) = (listen(&one), listen(&other));
    revoke(data.path(), "one");
    assert!(first.end().contains("what proved who listens is not known here any more"));
    let ending = std::thread::spawn(move || second.end());
    assert!(server.stop());
    assert!(ending.join().unwrap().contains("the server stops"));
}

#[test]
fn a_stream_on_which_much_happens_ends_with_its_key_too() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run("serve", data.path(), &["--set=stream_keepalive=300ms"]);
    let admin = server.said.iter().find(|line| line.trim().starts_with("comity_")).unwrap();
    let admin = format!("{JSON}authorization: Bearer {}\r\n", admin.trim());
    let stream = listen_with(&server, "?type=Lamp", &new_key(data.path(), "app", &[]));
    let done = AtomicBool::new(false);
    let reason = std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in (0..).take_while(|_| !done.load(Ordering::Relaxed)) {
                let body = format!(r#"[{{"id":"urn:l:1","type":"Lamp","n":{n}}}]"#);
                let path = "/ngsi-ld/v1/entityOperations/upsert";
                ask(&server.address, "POST", path, &admin, &body).unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        revoke(data.path(), "app");
        let reason = stream.end_within(Duration::from_secs(5));
        done.store(true, Ordering::Relaxed);
        reason
    });
    assert!(reason.is_some_and(|reason| {
        reason.contains("what proved who listens is not known here any more")
    }));
}

#[test]
fn a_key_hears_only_of_its_tenant() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run("serve", data.path(), &["--set=stream_keepalive=100ms"]);
    let admin = server.said.iter().find(|line| line.trim().starts_with("comity_")).unwrap();
    let admin = format!("{JSON}authorization: Bearer {}\r\n", admin.trim());
    let put = |tenant: &str, n: u32| {
        let body = format!(r#"[{{"id":"urn:l:1","type":"Lamp","n":{n}}}]"#);
        let headers = format!("{admin}ngsild-tenant: {tenant}\r\n");
        let path = "/ngsi-ld/v1/entityOperations/upsert";
        let answer = ask(&server.address, "POST", path, &headers, &body).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    };
    put("north", 1);
    put("south", 2);
    let key = new_key(data.path(), "app", &["--tenant", "north"]);
    let north = format!("{key}ngsild-tenant: north\r\n");
    let mut live = listen_with(&server, "", &north);
    live.here();
    let south = format!("{key}ngsild-tenant: south\r\n");
    for headers in [&south, &key] {
        let answer = ask(&server.address, "GET", "/events", headers, "").unwrap();
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    put("south", 3);
    put("north", 4);
    let value = |n: u32| format!(r#""n":{{"type":"Property","value":{n}}}"#);
    assert!(live.next().1.contains(&value(4)));
    let mut past = listen_with(&server, "?after=0", &north);
    assert!(past.next().1.contains(&value(1)));
    assert!(past.next().1.contains(&value(4)));
}

/// Long enough that what a connection holds is soon full of them.
fn put_long(server: &Server, count: u32) {
    for n in 0..count {
        let long = "x".repeat(1 << 20);
        let body = format!(r#"[{{"id":"urn:l:1","type":"Lamp","n":{n},"long":"{long}"}}]"#);
        let path = "/ngsi-ld/v1/entityOperations/upsert";
        let answer = ask(&server.address, "POST", path, JSON, &body).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }
}

#[test]
fn who_reads_nothing_holds_up_neither_others_nor_the_end() {
    for headers in ["", UPGRADE] {
        let data = tempfile::tempdir().unwrap();
        let server = Server::run("serve", data.path(), &["--open", "--set=stream_queue_max=2"]);
        let idle = Listening::to(&server.address, "?type=Lamp", headers);
        let mut other = Listening::to(&server.address, "?type=Lamp&pick=n", "");
        other.here();
        put_long(&server, 24);
        for n in 0..24 {
            let value = format!(r#""n":{{"type":"Property","value":{n}}}"#);
            assert!(other.next().1.contains(&value));
        }
        let began = Instant::now();
        assert!(server.stop());
        // Whoever the end waited for is cut off after 20 seconds.
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        drop(idle);
    }
}

#[test]
fn who_is_behind_gets_all_of_it_once_it_reads_again() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run("serve", data.path(), &["--open", "--set=stream_queue_max=2"]);
    let mut slow = Listening::to(&server.address, "?type=Lamp", "");
    slow.here();
    put_long(&server, 24);
    for n in 0..24 {
        let value = format!(r#""n":{{"type":"Property","value":{n}}}"#);
        assert!(slow.next().1.contains(&value), "{n}");
    }
}

const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn a_web_socket_is_told_the_same() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path());
    let mut listening = Listening::to(&server.address, "?type=Lamp&format=simplified", UPGRADE);
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
