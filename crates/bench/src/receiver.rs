//! Takes notifications, and remembers when each came.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::moment;

/// An HTTP server that answers 204, on connections that stay open.
#[derive(Clone, Debug)]
pub struct Receiver {
    pub address: SocketAddr,
    arrived: Arc<Mutex<Arrived>>,
}

#[derive(Debug, Default)]
pub struct Arrived {
    pub count: u64,
    pub last: Option<Instant>,
    /// When the change with this number first arrived.
    pub first: HashMap<u64, Instant>,
}

/// How long it may take until all has arrived.
const ARRIVAL_TIME_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

impl Receiver {
    pub fn start() -> io::Result<Receiver> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let receiver = Receiver { address: listener.local_addr()?, arrived: Arc::default() };
        let arrived = receiver.arrived.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let arrived = arrived.clone();
                // Ends when the server closes the connection.
                thread::spawn(move || serve(stream, &arrived));
            }
        });
        Ok(receiver)
    }

    pub fn arrived(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many have arrived.
    pub fn wait_for(&self, count: u64) -> io::Result<()> {
        let began = moment();
        while self.arrived().count < count {
            if began.elapsed() > ARRIVAL_TIME_MAX {
                let arrived = self.arrived().count;
                let problem = format!("{arrived} of {count} notifications arrived");
                return Err(io::Error::other(problem));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    pub fn forget(&self) {
        *self.arrived() = Arrived::default();
    }
}

fn serve(stream: TcpStream, arrived: &Mutex<Arrived>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    let mut body = Vec::new();
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        let now = moment();
        reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()?;
        let number = number(&String::from_utf8_lossy(&body));
        let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.count += 1;
        arrived.last = Some(now);
        if let Some(number) = number {
            arrived.first.entry(number).or_insert(now);
        }
    }
}

/// The number of the change that a notification tells of.
fn number(body: &str) -> Option<u64> {
    let (_, rest) = body.split_once("\"n\":{\"type\":\"Property\",\"value\":")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}
