//! A segment read from its beginning to its end: what it holds, and what is wrong with it.

use std::fs;
use std::io;

use ::audit::{
    Anchor, Body, Event, Hash, HashAlgorithm, LINE_BYTES_MAX, Line, LineError, NamedKey, Opening,
    Trust, Verifier,
};
use model::Timestamp;

use super::files::Segment;
use super::lines::Lines;

/// How much a crash may have torn at the end of a segment. What waits for the disk at any time comes
/// to far less.
const TORN_BYTES_MAX: u64 = 64 << 20;

/// Further ahead than this, a number was altered rather than lines removed before it.
const NUMBERS_MISSING_MAX: u64 = 1 << 32;

/// What a segment holds. Lines that cannot be read count, and are hashed, as any other.
#[derive(Debug)]
pub struct Scan {
    /// What its first line says, with the key that is to sign after the last one.
    pub opening: Option<Opening>,
    /// The moment of the first line.
    pub begun: Option<Timestamp>,
    /// The hash of the line before the first.
    pub before: Option<Hash>,
    pub last: Option<Anchor>,
    /// The latest moment of any line.
    pub newest: Option<Timestamp>,
    /// How many lines at the end no head signs.
    pub unsigned: u64,
    /// The last line hands over to another key.
    pub hands_over: bool,
    /// The platform stopped, and that is signed.
    pub is_ended: bool,
    /// How many bytes the lines come to that were not torn, and all of the file.
    pub bytes: u64,
    pub length: u64,
    /// The last of those lines has an end.
    pub is_terminated: bool,
    /// The first line of a newer version, and what tells it.
    pub newer: Option<(u64, LineError)>,
    /// What is wrong, and where; what was torn is not.
    pub problem: Option<String>,
}

/// Reads a segment. Its size bounds the time that takes; memory is that of a line.
pub fn scan(segment: &Segment) -> io::Result<Scan> {
    let length = fs::metadata(&segment.path)?.len();
    let mut reading = Reading::new(segment, length);
    let mut lines = Lines::open(&segment.path)?;
    let mut may_be_torn = true;
    loop {
        let start = lines.bytes();
        let Some(text) = lines.next()?.map(<[u8]>::to_vec) else { break };
        let (end, is_ended) = (lines.bytes(), lines.ended());
        // A segment begins with a line that is on disk before any other is written.
        let most = if start == 0 { LINE_BYTES_MAX as u64 } else { TORN_BYTES_MAX };
        let is_small = length.saturating_sub(start) <= most;
        // A crash leaves a line without its end, or what was never written, as zeros.
        if !is_ended && is_small {
            break;
        }
        if may_be_torn && is_small && text.contains(&0) {
            if !has_signature(&mut lines)? {
                break;
            }
            may_be_torn = false;
            // What follows is read again, from where it was.
            lines = Lines::open(&segment.path)?;
            while lines.bytes() < end && lines.next()?.is_some() {}
        }
        reading.take(&text);
        (reading.scan.bytes, reading.scan.is_terminated) = (end, is_ended);
    }
    Ok(reading.finish())
}

/// Is one of the lines that follow signed? Then what is before them was on disk.
fn has_signature(lines: &mut Lines<impl io::BufRead>) -> io::Result<bool> {
    while let Some(text) = lines.next()? {
        let body = Line::parse(text).ok().map(|line| line.body);
        if matches!(body, Some(Body::Head { .. } | Body::Key { .. })) {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Reading {
    verifier: Verifier,
    first: u64,
    algorithm: HashAlgorithm,
    /// The last entry that says so, says that the platform stopped.
    stopped: bool,
    sealed: Option<u64>,
    scan: Scan,
}

impl Reading {
    fn new(segment: &Segment, length: u64) -> Reading {
        Reading {
            verifier: Verifier::new(Trust::default()),
            first: segment.first,
            algorithm: HashAlgorithm::default(),
            stopped: false,
            sealed: None,
            scan: Scan {
                opening: None,
                begun: None,
                before: None,
                last: None,
                newest: None,
                unsigned: 0,
                hands_over: false,
                is_ended: false,
                bytes: 0,
                length,
                is_terminated: true,
                newer: None,
                problem: None,
            },
        }
    }

    fn take(&mut self, text: &[u8]) {
        self.verifier.push(text);
        let due = self.scan.last.map_or(self.first, |last| last.seq.saturating_add(1));
        let line = match Line::parse(text) {
            Ok(line) => Some(line),
            Err(error) => {
                if error.is_newer() && self.scan.newer.is_none() {
                    self.scan.newer = Some((due, error));
                }
                None
            }
        };
        let ahead = |line: &&Line| {
            line.seq.checked_sub(due).is_some_and(|ahead| ahead <= NUMBERS_MISSING_MAX)
        };
        let seq = line.as_ref().filter(ahead).map_or(due, |line| line.seq);
        match &line {
            Some(line) => self.read(line, seq),
            None => self.scan.hands_over = false,
        }
        self.scan.last = Some(Anchor { seq, hash: self.algorithm.hash(text) });
    }

    fn read(&mut self, line: &Line, seq: u64) {
        let scan = &mut self.scan;
        scan.hands_over = matches!(line.body, Body::Key { .. });
        scan.newest = scan.newest.max(Some(line.at));
        if scan.last.is_none() {
            (scan.begun, scan.before) = (Some(line.at), Some(line.prev));
            if let Body::Record(opening) | Body::Segment(opening) = &line.body {
                self.algorithm = opening.hash;
                scan.opening = Some(opening.clone());
            }
            if line.seq != self.first {
                let problem = format!("its first line has the number {}", line.seq);
                scan.problem.get_or_insert(problem);
            }
        }
        match &line.body {
            Body::Key { new, .. } => {
                self.sealed = Some(seq);
                self.hand_over(*new);
            }
            Body::Head { .. } => self.sealed = Some(seq),
            Body::Entry(entry) if entry.event == Event::Stop => self.stopped = true,
            Body::Entry(entry) if entry.event == Event::Start => self.stopped = false,
            _ => {}
        }
    }

    fn hand_over(&mut self, new: NamedKey) {
        if let Some(opening) = &mut self.scan.opening {
            opening.key = new;
        }
    }

    fn finish(self) -> Scan {
        let Reading { verifier, first, stopped, sealed, mut scan, .. } = self;
        let report = verifier.finish();
        if let Some(finding) = report.findings.first() {
            scan.problem = Some(finding.to_string());
        }
        if let (Some(_), None, None) = (scan.last, &scan.opening, &scan.problem) {
            scan.problem = Some("its first line does not open a segment".to_owned());
        }
        if let Some(last) = scan.last {
            scan.unsigned = sealed.map_or(last.seq.saturating_sub(first) + 1, |sealed| {
                last.seq.saturating_sub(sealed)
            });
            scan.is_ended = stopped && sealed == Some(last.seq);
        }
        scan
    }
}

const _: () = assert!(TORN_BYTES_MAX > LINE_BYTES_MAX as u64);
