//! A server under measurement: a child process that is started, awaited and stopped.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::moment;
use crate::http::{Connection, Request};
use crate::meter::Meter;

/// Runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    pub meter: Meter,
    /// From its start until it was well.
    pub started_in: Duration,
    child: Child,
}

const START_TIME_MAX: Duration = Duration::from_secs(300);
const STOP_TIME_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(1);

/// A server is quiet that uses less than `QUIET_CPU_MAX` in each `QUIET_WINDOW`.
const QUIET_WINDOW: Duration = Duration::from_millis(250);
const QUIET_CPU_MAX: Duration = Duration::from_millis(15);
const QUIET_TIME_MAX: Duration = Duration::from_secs(60);

impl Server {
    /// What it prints goes to `log`. Returns once `/health` answers 200.
    pub fn start(mut command: Command, address: SocketAddr, log: &Path) -> io::Result<Server> {
        let output = File::create(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let began = moment();
        let child = command.spawn().map_err(|error| named(&command, &error))?;
        let meter = Meter::new(child.id());
        let mut server = Server { address, meter, started_in: Duration::ZERO, child };
        server.wait(began, log)?;
        server.started_in = began.elapsed();
        Ok(server)
    }

    fn wait(&mut self, began: Instant, log: &Path) -> io::Result<()> {
        while !is_well(self.address) {
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(io::Error::other(format!("the server ended, {status}:\n{said}")));
            }
            if began.elapsed() > START_TIME_MAX {
                return Err(io::Error::other(format!("not well after {START_TIME_MAX:?}")));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Waits until what goes on in the background has ended; returns the CPU time used so far.
    pub fn quiet(&self) -> io::Result<Duration> {
        let (began, mut before) = (moment(), self.meter.cpu()?);
        loop {
            thread::sleep(QUIET_WINDOW);
            let now = self.meter.cpu()?;
            if now.saturating_sub(before) < QUIET_CPU_MAX || QUIET_TIME_MAX < began.elapsed() {
                return Ok(now);
            }
            before = now;
        }
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> io::Result<()> {
        let terminate = format!("kill -TERM {}", self.child.id());
        Command::new("sh").args(["-c", &terminate]).status()?;
        let asked = moment();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > STOP_TIME_MAX {
                return Err(io::Error::other(format!("did not stop within {STOP_TIME_MAX:?}")));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails where the process has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn named(command: &Command, error: &io::Error) -> io::Error {
    io::Error::other(format!("could not start {command:?}: {error}"))
}

fn is_well(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address) else {
        return false;
    };
    let answer = connection.ask(&Request::get("/health".to_owned()));
    answer.is_ok_and(|answer| answer.status == 200)
}

/// An address that nobody listens on at the moment.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Starts `comity` on a data directory.
pub fn comity(mut command: Command, data: &Path) -> io::Result<Server> {
    let address = free_address()?;
    command.arg("serve").arg("--data").arg(data);
    command.args(["--listen", &address.to_string(), "--open"]);
    Server::start(command, address, &data.with_extension("log"))
}
