//! A file of any size, read from front to back, with an eye on the line.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

/// What can be imported from: a file, or bytes in memory.
pub trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// Where something begins in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub offset: u64,
    /// Counted from 1.
    pub line: u64,
}

impl Place {
    pub const START: Place = Place { offset: 0, line: 1 };
}

/// The source cannot be read on; what was read before stands.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the source cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("line {line}: {problem}")]
    Broken { line: u64, problem: String },
}

pub struct Input {
    reader: BufReader<Box<dyn Source>>,
    place: Place,
}

const BUFFER_BYTES: usize = 256 * 1024;

impl Input {
    pub fn new(source: impl Source + 'static) -> Input {
        let reader = BufReader::with_capacity(BUFFER_BYTES, Box::new(source) as Box<dyn Source>);
        Input { reader, place: Place::START }
    }

    pub fn place(&self) -> Place {
        self.place
    }

    pub fn seek(&mut self, place: Place) -> io::Result<()> {
        self.reader.seek(SeekFrom::Start(place.offset))?;
        self.place = place;
        Ok(())
    }

    pub fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    pub fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.reader.consume(1);
            self.place.offset += 1;
            self.place.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }

    /// Steps over white space, and over a byte order mark at the start.
    pub fn skip_space(&mut self) -> io::Result<()> {
        while let Some(byte) = self.peek()? {
            let mark = self.place.offset < 3 && matches!(byte, 0xef | 0xbb | 0xbf);
            if !mark && !byte.is_ascii_whitespace() {
                break;
            }
            self.take()?;
        }
        Ok(())
    }

    /// The rest of the line without its end, and whether it was cut off at `bytes_max`.
    pub fn line(&mut self, bytes_max: usize) -> io::Result<(Vec<u8>, bool)> {
        let mut line = Vec::new();
        let mut too_long = false;
        loop {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            let room = bytes_max - line.len();
            line.extend_from_slice(&piece[..piece.len().min(room)]);
            too_long |= piece.len() > room;
            let used = piece.len() + usize::from(end.is_some());
            self.reader.consume(used);
            self.place.offset += used as u64;
            if end.is_some() {
                self.place.line += 1;
            }
            if end.is_some() || used == 0 {
                return Ok((line, too_long));
            }
        }
    }

    /// Hands the source over to a reader that counts for itself.
    pub fn into_source(self) -> Box<dyn Source> {
        self.reader.into_inner()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("place", &self.place).finish_non_exhaustive()
    }
}
