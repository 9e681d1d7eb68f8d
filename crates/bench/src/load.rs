//! A closed loop: each connection asks, waits for the answer, and asks again.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::moment;
use crate::http::{Connection, Request};

/// Ends when its time is over or its requests are spent.
#[derive(Clone, Copy)]
pub struct Load<'a> {
    pub address: SocketAddr,
    pub connections: usize,
    pub time_max: Duration,
    pub requests_max: u64,
    /// The number of the first request; the others count on from it.
    pub first: u64,
    pub request: &'a (dyn Fn(u64) -> Request + Sync),
}

#[derive(Debug, Default)]
pub struct Outcome {
    pub took: Duration,
    pub answer_bytes: u64,
    /// Of every request; sorted.
    pub latencies: Vec<Duration>,
}

/// Fails at the first answer that is not the expected one: what is refused is not measured.
pub fn run(load: &Load<'_>) -> io::Result<Outcome> {
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection::open(load.address)?);
    }
    let next = AtomicU64::new(0);
    let began = moment();
    let parts: Vec<io::Result<Outcome>> = thread::scope(|scope| {
        let spawn = |connection| scope.spawn(|| client(load, connection, &next, began));
        let clients: Vec<_> = connections.into_iter().map(spawn).collect();
        let join = |client: thread::ScopedJoinHandle<'_, _>| {
            client.join().unwrap_or_else(|_| Err(io::Error::other("a client panicked")))
        };
        clients.into_iter().map(join).collect()
    });
    let mut whole = Outcome { took: began.elapsed(), ..Outcome::default() };
    for part in parts {
        let part = part?;
        whole.answer_bytes += part.answer_bytes;
        whole.latencies.extend(part.latencies);
    }
    whole.latencies.sort_unstable();
    Ok(whole)
}

fn client(
    load: &Load<'_>,
    mut connection: Connection,
    next: &AtomicU64,
    began: Instant,
) -> io::Result<Outcome> {
    let mut part = Outcome::default();
    while began.elapsed() < load.time_max {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if load.requests_max <= number {
            break;
        }
        let request = (load.request)(load.first + number);
        let asked = moment();
        let answer = connection.ask(&request)?;
        part.latencies.push(asked.elapsed());
        part.answer_bytes += answer.body.len() as u64;
        if answer.status != request.expected {
            return Err(unexpected(&request, answer.status, answer.body));
        }
    }
    Ok(part)
}

const EXCERPT_CHARS: usize = 300;

fn unexpected(request: &Request, status: u16, body: &[u8]) -> io::Error {
    let Request { method, path, expected, .. } = request;
    let body: String = String::from_utf8_lossy(body).chars().take(EXCERPT_CHARS).collect();
    io::Error::other(format!("{method} {path} was answered {status}, not {expected}: {body}"))
}

impl Outcome {
    pub fn requests(&self) -> u64 {
        self.latencies.len() as u64
    }

    pub fn per_second(&self) -> f64 {
        self.requests() as f64 / self.took.as_secs_f64()
    }

    pub fn answer_bytes_mean(&self) -> u64 {
        self.answer_bytes.checked_div(self.requests()).unwrap_or(0)
    }

    /// The latency that `share` of the requests did not exceed.
    pub fn latency(&self, share: f64) -> Duration {
        let rank = (self.latencies.len() as f64 * share).ceil() as usize;
        self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_ranked() {
        let latencies = (1..=100).map(Duration::from_millis).collect();
        let outcome = Outcome { latencies, ..Outcome::default() };
        assert_eq!(outcome.latency(0.5), Duration::from_millis(50));
        assert_eq!(outcome.latency(0.99), Duration::from_millis(99));
        assert_eq!(outcome.latency(1.0), Duration::from_millis(100));
        assert_eq!(Outcome::default().latency(0.5), Duration::ZERO);
    }
}
