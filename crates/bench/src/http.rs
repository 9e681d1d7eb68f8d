//! A client's connection: blocking HTTP/1.1 that stays open.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    /// Empty where there is none.
    pub body: String,
    /// The only status that is right.
    pub expected: u16,
}

impl Request {
    pub fn get(path: String) -> Request {
        Request { method: "GET", path, body: String::new(), expected: 200 }
    }

    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let Request { method, path, body, .. } = self;
        let common = "host: localhost\r\naccept: application/json\r\n";
        write!(out, "{method} {path} HTTP/1.1\r\n{common}")?;
        if !body.is_empty() {
            let length = body.len();
            write!(out, "content-type: application/json\r\ncontent-length: {length}\r\n")?;
        }
        write!(out, "\r\n{body}")
    }
}

#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    sent: Vec<u8>,
    received: Vec<u8>,
    chunk: Box<[u8]>,
}

#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// Whatever takes longer has failed.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_TIME_MAX)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
        let chunk = vec![0; CHUNK_BYTES].into_boxed_slice();
        Ok(Connection { stream, sent: Vec::new(), received: Vec::new(), chunk })
    }

    pub fn ask(&mut self, request: &Request) -> io::Result<Answer<'_>> {
        self.sent.clear();
        request.write(&mut self.sent)?;
        self.stream.write_all(&self.sent)?;
        self.received.clear();
        let head = self.head()?;
        let end = head.bytes + head.body_bytes;
        while self.received.len() < end {
            self.receive()?;
        }
        Ok(Answer { status: head.status, body: &self.received[head.bytes..end] })
    }

    fn head(&mut self) -> io::Result<Head> {
        loop {
            self.receive()?;
            if let Some(head) = Head::read(&self.received) {
                return head;
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let count = self.stream.read(&mut self.chunk)?;
        if count == 0 {
            return Err(io::Error::other("the server closed the connection"));
        }
        if self.received.len() + count > ANSWER_BYTES_MAX {
            return Err(io::Error::other(format!("an answer exceeds {ANSWER_BYTES_MAX} bytes")));
        }
        self.received.extend_from_slice(&self.chunk[..count]);
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
}

impl Head {
    /// Nothing while the head is not complete.
    fn read(received: &[u8]) -> Option<io::Result<Head>> {
        let length = received.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&received[..length]);
        Some(Head::parse(&head, length + 4).ok_or_else(|| not_understood(&head)))
    }

    fn parse(head: &str, bytes: usize) -> Option<Head> {
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        let body_bytes = match fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            Some((_, length)) => length.trim().parse().ok()?,
            None if status == 204 => 0,
            None => return None,
        };
        Some(Head { status, bytes, body_bytes })
    }
}

/// An answer in pieces (chunked) is not expected of a server that knows its lengths.
fn not_understood(head: &str) -> io::Error {
    io::Error::other(format!("this head has no status or no content-length: {head:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(received: &str, expected: Option<(u16, usize)>) {
        let head = Head::read(received.as_bytes()).map(Result::ok);
        let found = head.map(|head| head.map(|head| (head.status, head.body_bytes)));
        assert_eq!(found.flatten(), expected, "{received}");
    }

    #[test]
    fn a_head_tells_status_and_length() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nabc", Some((200, 12)));
        check("HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n", Some((204, 0)));
    }

    #[test]
    fn half_a_head_is_none_and_chunks_are_refused() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n", None);
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", None);
    }
}
