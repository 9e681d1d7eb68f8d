//! The program `comity` as a process of its own, and what is asked of it.

#![allow(dead_code, reason = "each of the tests that use this uses another part of it")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server; dropping it kills it, as a crash would: nothing is finished.
pub struct Server {
    process: Child,
    pub address: String,
    /// What it said before it was ready, and just after.
    pub said: Vec<String>,
}

impl Server {
    /// `comity COMMAND` on a directory, on a port that is free.
    pub fn run(command: &str, data: &Path, more: &[&str]) -> Server {
        Server::run_logging(command, data, more, Stdio::null())
    }

    /// The same, with its log somewhere.
    pub fn run_logging(command: &str, data: &Path, more: &[&str], log: Stdio) -> Server {
        let data = data.display().to_string();
        let args = [command, "--listen", "127.0.0.1:0", "--data", &data];
        Server::start_logging(&[&args, more].concat(), log)
    }

    /// `comity` with these arguments.
    pub fn start(args: &[&str]) -> Server {
        Server::start_logging(args, Stdio::null())
    }

    pub fn start_logging(args: &[&str], log: Stdio) -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut said = Vec::new();
        let ready = |line: &String| line.contains("Stop with Ctrl-C");
        while !said.last().is_some_and(ready) {
            said.push(lines.next().expect("the server starts"));
        }
        let address = said.iter().find_map(|line| line.split_once("://"));
        let address = address.expect("an address").1.to_owned();
        Server { process, address, said }
    }

    /// The administrator's key, where it was said.
    pub fn key(&self) -> Option<String> {
        let lines = self.said.iter().map(|line| line.trim().trim_start_matches("KEY="));
        lines.filter(|line| line.starts_with("comity_")).map(str::to_owned).next()
    }

    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Ends it as an operator would; tells whether it ended in good order.
    pub fn stop(mut self) -> bool {
        self.signal("-TERM");
        self.process.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks once, on a connection of its own. `headers` end with a line break each.
pub fn ask(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
