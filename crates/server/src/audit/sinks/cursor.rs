//! Lines of the record from a number on, while it is written.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use ::audit::{Body, HashAlgorithm, Line};

use super::super::files::{self, Segment};
use super::super::lines::Lines;
use super::Numbered;

#[derive(Debug, Default)]
pub struct Cursor {
    directory: PathBuf,
    /// The number of the last line that was given.
    at: u64,
    /// The same before the last batch.
    before_batch: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    segment: Segment,
    lines: Lines<BufReader<File>>,
    /// As the first line of the segment says.
    algorithm: HashAlgorithm,
}

impl Cursor {
    pub fn after(directory: &Path, seq: u64) -> Cursor {
        Cursor { directory: directory.to_owned(), at: seq, before_batch: seq, open: None }
    }

    pub fn back_to(&mut self, seq: u64) {
        if seq != self.at {
            (self.at, self.open) = (seq, None);
        }
    }

    pub fn before_batch(&self) -> u64 {
        self.before_batch
    }

    /// The next lines, none after number `until`: at most so many, and no further one after so many
    /// bytes.
    pub fn batch(
        &mut self,
        until: u64,
        lines_max: usize,
        bytes_max: usize,
    ) -> io::Result<Vec<Numbered>> {
        self.before_batch = self.at;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < lines_max && bytes < bytes_max {
            let Some(line) = self.next(until)? else { break };
            bytes += line.text.len();
            batch.push(line);
        }
        Ok(batch)
    }

    fn next(&mut self, until: u64) -> io::Result<Option<Numbered>> {
        while self.at < until {
            let Some(open) = self.opened()? else { return Ok(None) };
            let Some(text) = open.lines.next()?.map(<[u8]>::to_vec) else {
                // More may come there, but no line up to `until`: the next is in another segment.
                let first = open.segment.first;
                if !self.open_after(first)? {
                    return Ok(None);
                }
                continue;
            };
            // A line that cannot be read is found by verifying the record; it is nothing to send.
            let Ok(line) = Line::parse(&text) else { continue };
            if let Body::Record(opening) | Body::Segment(opening) = &line.body {
                open.algorithm = opening.hash;
            }
            let (seq, algorithm) = (line.seq, open.algorithm);
            if self.at < seq {
                self.at = seq;
                return Ok(Some(Numbered { seq, text, algorithm }));
            }
        }
        Ok(None)
    }

    /// The segment that holds the next line, or the first there is.
    fn opened(&mut self) -> io::Result<Option<&mut Open>> {
        if self.open.is_none() {
            let segments = files::segments(&self.directory)?;
            let next = self.at + 1;
            let after = segments.partition_point(|segment| segment.first <= next);
            let Some(segment) = segments.into_iter().nth(after.saturating_sub(1)) else {
                return Ok(None);
            };
            self.open = Some(Open::new(segment)?);
        }
        Ok(self.open.as_mut())
    }

    fn open_after(&mut self, first: u64) -> io::Result<bool> {
        let segments = files::segments(&self.directory)?;
        let later = segments.into_iter().find(|segment| first < segment.first);
        let Some(segment) = later else { return Ok(false) };
        self.open = Some(Open::new(segment)?);
        Ok(true)
    }
}

impl Open {
    fn new(segment: Segment) -> io::Result<Open> {
        let lines = Lines::open(&segment.path)?;
        Ok(Open { segment, lines, algorithm: HashAlgorithm::Sha256 })
    }
}
