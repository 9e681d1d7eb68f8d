//! A server that is killed again and again while it is written to and tells a receiver that fails:
//! in the end everything acknowledged was received, and is in history.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use process::{Server, ask};
use testkit::Chance;

/// How often the server is killed; `CRASH_ROUNDS` says otherwise.
const ROUNDS: usize = 200;
const WRITERS: usize = 4;

/// Entities of each writer.
const ENTITIES: usize = 3;

/// For each entity, what was said of it.
type Said = BTreeMap<String, BTreeSet<u64>>;

#[derive(Default)]
struct Stage {
    /// Where the server listens now.
    address: Mutex<String>,
    is_over: AtomicBool,
    acknowledged: Mutex<Said>,
    /// Readings of meters that were acknowledged.
    recorded: Mutex<Said>,
    received: Mutex<Said>,
}

#[test]
fn whatever_was_acknowledged_is_received_and_in_history() {
    let rounds = std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let data = tempfile::tempdir().unwrap();
    let stage = Arc::new(Stage::default());
    let uri = receiver(stage.clone());
    let mut server = start(data.path(), &stage);
    subscribe(&server.address, &uri);
    let writers: Vec<JoinHandle<()>> = (0..WRITERS).map(|nth| writer(nth, stage.clone())).collect();
    let mut chance = Chance::new(7);
    for _ in 0..rounds.unwrap_or(ROUNDS) {
        thread::sleep(Duration::from_millis(10 + chance.below(120) as u64));
        drop(server);
        server = start(data.path(), &stage);
    }
    stage.is_over.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let counts = settled(&server.address);
    assert!(counts.contains(r#""dead":0,"expired":0"#), "{counts}");
    let acknowledged = stage.acknowledged.lock().unwrap().clone();
    let received = stage.received.lock().unwrap().clone();
    for (id, counts) in &acknowledged {
        let missing: Vec<&u64> = counts.difference(&received[id]).collect();
        assert!(missing.is_empty(), "{id}: {missing:?} of {} were not received", counts.len());
        in_history(&server.address, id, "n", counts);
    }
    for (id, counts) in stage.recorded.lock().unwrap().iter() {
        in_history(&server.address, id, "energy", counts);
    }
    let writes: usize = acknowledged.values().map(BTreeSet::len).sum();
    println!("{writes} changes acknowledged; {counts}");
    assert!(writes > 100, "too little happened");
    drop(server);
    let mut check = Command::new(env!("CARGO_BIN_EXE_comity"));
    assert!(check.args(["check", "--data"]).arg(data.path()).status().unwrap().success());
}

fn start(data: &Path, stage: &Stage) -> Server {
    let settings = [
        "--open",
        "--set=memory_bytes=4MiB",
        "--set=notification_retry_first=20ms",
        "--set=notification_retry_max=100ms",
        "--set=notification_refusals_max=1000000",
        "--set=notification_write_interval=50ms",
        "--set=history_answer_readings_max=100000",
    ];
    let server = Server::run("serve", data, &settings);
    stage.address.lock().unwrap().clone_from(&server.address);
    server
}

const JSON: &str = "content-type: application/json\r\n";

fn subscribe(address: &str, uri: &str) {
    let body = format!(
        r#"{{"id":"urn:s:1","type":"Subscription","entities":[{{"type":"Lamp"}}],
            "notification":{{"endpoint":{{"uri":"{uri}"}}}}}}"#
    );
    let answer = ask(address, "POST", "/ngsi-ld/v1/subscriptions", JSON, &body).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

/// Changes lamps and adds to a meter, one after the other, until all is over.
fn writer(nth: usize, stage: Arc<Stage>) -> JoinHandle<()> {
    thread::spawn(move || {
        for count in 0.. {
            if stage.is_over.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("urn:lamp:{nth}:{}", count % ENTITIES as u64);
            let body = format!(r#"[{{"id":"{id}","type":"Lamp","n":{count}}}]"#);
            if is_done(&stage, "/ngsi-ld/v1/entityOperations/upsert", &body) {
                stage.acknowledged.lock().unwrap().entry(id).or_default().insert(count);
            }
            let id = format!("urn:meter:{nth}");
            // In no order of time.
            let minute = count ^ 5;
            let at = format!(
                "2026-01-{:02}T{:02}:{:02}:00Z",
                1 + minute / 1440 % 28,
                minute / 60 % 24,
                minute % 60
            );
            let body = format!(
                r#"{{"id":"{id}","type":"Meter","energy":[{{"type":"Property","value":{count},"observedAt":"{at}"}}]}}"#
            );
            if is_done(&stage, "/ngsi-ld/v1/temporal/entities", &body) {
                stage.recorded.lock().unwrap().entry(id).or_default().insert(count);
            }
        }
    })
}

fn is_done(stage: &Stage, path: &str, body: &str) -> bool {
    let address = stage.address.lock().unwrap().clone();
    match ask(&address, "POST", path, JSON, body) {
        Ok(answer) if answer.starts_with("HTTP/1.1 20") => true,
        // Killed in the middle: nobody knows whether it was done.
        Ok(answer) if answer.is_empty() => false,
        Ok(answer) => panic!("{path} {body}: {answer}"),
        Err(_) => {
            thread::sleep(Duration::from_millis(5));
            false
        }
    }
}

/// Takes notifications, or fails to: it answers with an error, breaks off before or after it has
/// written down what it got, or takes its time.
fn receiver(stage: Arc<Stage>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (nth, stream) in listener.incoming().enumerate() {
            let stage = stage.clone();
            let Ok(stream) = stream else { continue };
            thread::spawn(move || serve(stream, &stage, Chance::new(nth as u64)));
        }
    });
    uri
}

fn serve(stream: TcpStream, stage: &Stage, mut chance: Chance) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let body = read_body(&mut reader)?;
        let mood = if stage.is_over.load(Ordering::Relaxed) { 9 } else { chance.below(20) };
        let status = match mood {
            0 => return None,
            1 => 503,
            2 => 429,
            3 => {
                write_down(stage, &body);
                return None;
            }
            4 => {
                thread::sleep(Duration::from_millis(chance.below(300) as u64));
                write_down(stage, &body);
                204
            }
            _ => {
                write_down(stage, &body);
                204
            }
        };
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
        // To 204 belongs no length.
        let answer = if status == 204 { "HTTP/1.1 204 x\r\n\r\n".to_owned() } else { answer };
        reader.get_mut().write_all(answer.as_bytes()).ok()?;
    }
}

fn read_body(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut line, mut length) = (String::new(), 0);
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

fn write_down(stage: &Stage, body: &str) {
    let notification: serde_json::Value = serde_json::from_str(body).unwrap();
    for entity in notification["data"].as_array().unwrap() {
        let id = entity["id"].as_str().unwrap().to_owned();
        let count = entity["n"]["value"].as_u64().unwrap();
        stage.received.lock().unwrap().entry(id).or_default().insert(count);
    }
}

/// The account of all notifications, when nothing waits any more.
fn settled(address: &str) -> String {
    let counts = || ask(address, "GET", "/admin/notifications", "", "").unwrap();
    for _ in 0..600 {
        let counts = counts();
        if counts.contains(r#""waiting":0"#) && !counts.contains(r#""due":0"#) {
            return counts;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("something waits for ever: {}", counts());
}

fn in_history(address: &str, id: &str, attribute: &str, counts: &BTreeSet<u64>) {
    let path =
        format!("/ngsi-ld/v1/temporal/entities/{id}?attrs={attribute}&format=temporalValues");
    let answer = ask(address, "GET", &path, "", "").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let told: serde_json::Value = serde_json::from_str(body).unwrap();
    let values = told[attribute]["values"].as_array().unwrap();
    let values: BTreeSet<u64> = values.iter().filter_map(|pair| pair[0].as_u64()).collect();
    let missing: Vec<&u64> = counts.difference(&values).collect();
    assert!(missing.is_empty(), "{id}: {missing:?} of {} are not in history", counts.len());
}
