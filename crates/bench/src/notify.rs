//! Notifications: how long they take at a steady pace, and how many a server can send.

use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::moment;
use crate::http::{Connection, Request};
use crate::load::{self, Load};
use crate::receiver::Receiver;
use crate::server::Server;
use crate::table::{Rate, Served};

const ROOT: &str = "/ngsi-ld/v1";

/// Entities that are subscribed to.
const ENTITIES: u64 = 1_000;

/// What entities say before anything is measured; only other values are changes.
const BEFORE: u64 = 1_000_000_000;

/// Changes each second, at a steady pace.
const PACE: u64 = 1_000;
const WRITERS: u64 = 8;

/// How many are told of each change when it counts how many can be.
const SUBSCRIBERS: u64 = 20;

/// How many are told of each change when it counts until when all are.
const SUBSCRIBERS_WIDE: u64 = 1_000;

/// More connections would only make the queue longer.
const DELIVER_WRITERS: usize = 2;

/// What was found out, and the figure that has an aim.
pub struct Found {
    pub served: Served,
    pub cpu_micros: f64,
}

/// From sending a change until its notification arrives.
pub fn latency(server: &Server, time: Duration) -> io::Result<Found> {
    let receiver = Receiver::start()?;
    prepare(server, &receiver, 1, "Paced")?;
    let sent: Mutex<Vec<(u64, Instant)>> = Mutex::default();
    let began = moment();
    let before = server.meter.cpu()?;
    thread::scope(|scope| {
        let write = |nth| {
            scope.spawn({
                let sent = &sent;
                move || paced(server, nth, began, time, sent)
            })
        };
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        let join = |writer: thread::ScopedJoinHandle<'_, io::Result<()>>| {
            writer.join().unwrap_or_else(|_| Err(io::Error::other("a writer panicked")))
        };
        writers.into_iter().try_for_each(join)
    })?;
    let sent = sent.into_inner().unwrap_or_default();
    receiver.wait_for(sent.len() as u64)?;
    let cpu = server.meter.cpu()?.saturating_sub(before);
    let arrived = receiver.arrived();
    let mut latencies: Vec<Duration> = Vec::new();
    for (number, at) in &sent {
        let Some(first) = arrived.first.get(number) else {
            return Err(io::Error::other(format!("change {number} was not told of")));
        };
        latencies.push(first.saturating_duration_since(*at));
    }
    latencies.sort_unstable();
    let outcome = load::Outcome { took: began.elapsed(), answer_bytes: 0, latencies };
    let cpu_micros = cpu.as_secs_f64() * 1e6 / sent.len().max(1) as f64;
    Ok(Found { served: served(&outcome, WRITERS as usize, outcome.per_second()), cpu_micros })
}

/// Sends its share of the changes, each at its moment.
fn paced(
    server: &Server,
    nth: u64,
    began: Instant,
    time: Duration,
    sent: &Mutex<Vec<(u64, Instant)>>,
) -> io::Result<()> {
    let mut connection = Connection::open(server.address)?;
    for number in (nth..).step_by(WRITERS as usize) {
        let due = Duration::from_micros(number * 1_000_000 / PACE);
        if due >= time {
            return Ok(());
        }
        thread::sleep(due.saturating_sub(began.elapsed()));
        let request = change("Paced", number % ENTITIES, number);
        let at = moment();
        if connection.ask(&request)?.status != request.expected {
            return Err(io::Error::other("a change was refused"));
        }
        sent.lock().map_err(|_| io::Error::other("a writer panicked"))?.push((number, at));
    }
    Ok(())
}

/// As many deliveries as the server can make, and what each costs it.
pub fn throughput(server: &Server, time: Duration) -> io::Result<Found> {
    let receiver = Receiver::start()?;
    prepare(server, &receiver, SUBSCRIBERS, "Fanned")?;
    let request = |number| change("Fanned", number % ENTITIES, number);
    let before = server.quiet()?;
    let began = moment();
    let outcome = load::run(&Load {
        address: server.address,
        connections: DELIVER_WRITERS,
        time_max: time,
        requests_max: u64::MAX,
        first: 0,
        request: &request,
    })?;
    let due = outcome.requests() * SUBSCRIBERS;
    receiver.wait_for(due)?;
    let took = receiver.arrived().last.unwrap_or(began).saturating_duration_since(began);
    let cpu = server.quiet()?.saturating_sub(before);
    let cpu_micros = cpu.as_secs_f64() * 1e6 / due.max(1) as f64;
    let per_second = due as f64 / took.as_secs_f64();
    Ok(Found { served: served(&outcome, DELIVER_WRITERS, per_second), cpu_micros })
}

/// From sending a change until the last of many has been told.
pub fn wide(server: &Server, time: Duration) -> io::Result<Found> {
    let receiver = Receiver::start()?;
    prepare(server, &receiver, SUBSCRIBERS_WIDE, "Wide")?;
    let mut connection = Connection::open(server.address)?;
    let before = server.quiet()?;
    let began = moment();
    let mut latencies = Vec::new();
    let mut due = 0;
    while began.elapsed() < time {
        let sent = moment();
        ask(&mut connection, &change("Wide", due / SUBSCRIBERS_WIDE % ENTITIES, due))?;
        due += SUBSCRIBERS_WIDE;
        receiver.wait_for(due)?;
        let last = receiver.arrived().last.unwrap_or(sent);
        latencies.push(last.saturating_duration_since(sent));
    }
    let cpu = server.quiet()?.saturating_sub(before);
    latencies.sort_unstable();
    let took = began.elapsed();
    let per_second = due as f64 / took.as_secs_f64();
    let outcome = load::Outcome { took, answer_bytes: 0, latencies };
    let cpu_micros = cpu.as_secs_f64() * 1e6 / due.max(1) as f64;
    Ok(Found { served: served(&outcome, 1, per_second), cpu_micros })
}

fn served(outcome: &load::Outcome, connections: usize, per_second: f64) -> Served {
    Served {
        connections,
        per_second,
        p50_ms: outcome.latency(0.50).as_secs_f64() * 1e3,
        p99_ms: outcome.latency(0.99).as_secs_f64() * 1e3,
        http: None::<Rate>,
        log: None,
    }
}

/// Entities of this type, and so many subscriptions to them.
fn prepare(server: &Server, receiver: &Receiver, subscriptions: u64, kind: &str) -> io::Result<()> {
    let mut connection = Connection::open(server.address)?;
    let entities = (0..ENTITIES).map(|number| {
        let id = id(kind, number);
        format!(r#"{{"id":"{id}","type":"{kind}","n":{{"type":"Property","value":{BEFORE}}}}}"#)
    });
    let body = format!("[{}]", entities.collect::<Vec<_>>().join(","));
    let path = format!("{ROOT}/entityOperations/create");
    ask(&mut connection, &Request { method: "POST", path, body, expected: 201 })?;
    for number in 0..subscriptions {
        ask(&mut connection, &subscription(kind, number, &receiver.address.to_string()))?;
    }
    // Endpoints that nobody knows yet share what they get; the first change makes this one known.
    ask(&mut connection, &change(kind, 0, BEFORE + 1))?;
    receiver.wait_for(subscriptions)?;
    receiver.forget();
    Ok(())
}

fn ask(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let answer = connection.ask(request)?;
    if answer.status == request.expected {
        return Ok(());
    }
    let said = String::from_utf8_lossy(answer.body).into_owned();
    Err(io::Error::other(format!("{} was answered {}: {said}", request.path, answer.status)))
}

fn id(kind: &str, number: u64) -> String {
    format!("urn:ngsi-ld:{kind}:{number}")
}

fn change(kind: &str, entity: u64, number: u64) -> Request {
    let path = format!("{ROOT}/entities/{}/attrs/n", id(kind, entity));
    let body = format!(r#"{{"type":"Property","value":{number}}}"#);
    Request { method: "PATCH", path, body, expected: 204 }
}

/// A subscription to entities of a type.
pub fn subscription(kind: &str, number: u64, receiver: &str) -> Request {
    let body = format!(
        r#"{{"id":"urn:ngsi-ld:Subscription:{kind}:{number}","type":"Subscription",
"entities":[{{"type":"{kind}"}}],
"notification":{{"endpoint":{{"uri":"http://{receiver}/","accept":"application/json"}}}}}}"#
    );
    let path = format!("{ROOT}/subscriptions");
    Request { method: "POST", path, body, expected: 201 }
}
