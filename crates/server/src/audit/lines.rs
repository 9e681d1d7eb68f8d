//! Reading lines of a segment, forwards and backwards, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ::audit::LINE_BYTES_MAX;

/// Lines from the first on.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    line: Vec<u8>,
    /// Did the last line have its end?
    ended: bool,
}

impl Lines<BufReader<File>> {
    pub fn open(path: &Path) -> io::Result<Lines<BufReader<File>>> {
        Ok(Lines::new(BufReader::with_capacity(1 << 16, File::open(path)?)))
    }
}

impl<R: BufRead> Lines<R> {
    pub fn new(from: R) -> Lines<R> {
        Lines { from, line: Vec::new(), ended: true }
    }

    /// The next line, without its end. Of one that is longer than lines may be, one byte more than
    /// that.
    pub fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        let count = self.from.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        if count == 0 {
            return Ok(None);
        }
        self.ended = self.line.last() == Some(&b'\n');
        if self.ended {
            self.line.pop();
        } else if self.line.len() > LINE_BYTES_MAX {
            self.ended = self.skip_line()?;
        }
        Ok(Some(&self.line))
    }

    /// Had the line that was last given an end? Without, it is torn, or still being written.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Passes over the rest of a line.
    fn skip_line(&mut self) -> io::Result<bool> {
        loop {
            let part = self.from.fill_buf()?;
            if part.is_empty() {
                return Ok(false);
            }
            let end = part.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(part.len(), |at| at + 1);
            self.from.consume(length);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

/// Lines from the last on, of a file that may be written meanwhile.
#[derive(Debug)]
pub struct LinesBack {
    file: File,
    /// What is read already and not given yet; it begins at `at` in the file.
    buffer: Vec<u8>,
    at: u64,
    /// How many bytes were read.
    pub bytes_read: u64,
}

const BLOCK: u64 = 1 << 16;

impl LinesBack {
    /// Whatever stands after the last end of line is passed over.
    pub fn open(path: &Path) -> io::Result<LinesBack> {
        let file = File::open(path)?;
        let at = file.metadata()?.len();
        LinesBack::of(file, at)
    }

    /// The same, from a place on after which no line is wanted: `wanted` tells of a line whether it
    /// is, and is true of those before some place and of none after it.
    pub fn open_at(path: &Path, wanted: impl Fn(&[u8]) -> bool) -> io::Result<LinesBack> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let (mut before, mut after) = (0, length);
        while after - before > BLOCK {
            let middle = before + (after - before) / 2;
            let line = line_after(&file, middle)?;
            if line.is_some_and(|line| wanted(&line)) { before = middle } else { after = middle }
        }
        // The last line that is wanted may begin before that place and end after it.
        let at = length.min(after + 2 * (LINE_BYTES_MAX as u64 + 1));
        LinesBack::of(file, at)
    }

    fn of(file: File, at: u64) -> io::Result<LinesBack> {
        let mut lines = LinesBack { file, buffer: Vec::new(), at, bytes_read: 0 };
        lines.take_line()?;
        Ok(lines)
    }

    /// The line before, without its end. A line longer than lines may be is an error: nothing that
    /// wrote here made it.
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.buffer.is_empty() && self.at == 0 {
            return Ok(None);
        }
        // What is at the end now is the end of the line that is wanted.
        self.buffer.pop();
        self.take_line().map(Some)
    }

    /// How many bytes of the file stand before what was given.
    pub fn left(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    /// Everything after the last end of line.
    fn take_line(&mut self) -> io::Result<Vec<u8>> {
        let mut looked = 0;
        loop {
            let unseen = &self.buffer[..self.buffer.len() - looked];
            if let Some(end) = unseen.iter().rposition(|byte| *byte == b'\n') {
                return Ok(self.buffer.split_off(end + 1));
            }
            if self.at == 0 {
                return Ok(std::mem::take(&mut self.buffer));
            }
            looked = self.buffer.len();
            if looked > LINE_BYTES_MAX + BLOCK as usize {
                let problem = "a line is longer than lines of the record can be";
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            self.read_block()?;
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        let length = self.at.min(BLOCK);
        let mut block = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file.read_exact_at(&mut block, self.at - length)?;
        block.append(&mut self.buffer);
        self.buffer = block;
        self.at -= length;
        self.bytes_read += length;
        Ok(())
    }
}

/// The first whole line that begins after a place.
fn line_after(file: &File, place: u64) -> io::Result<Option<Vec<u8>>> {
    let mut block = vec![0; 2 * (LINE_BYTES_MAX + 1)];
    let mut length = 0;
    loop {
        let seen = block[..length].split(|byte| *byte == b'\n').collect::<Vec<_>>();
        if let [_, line, _, ..] = seen.as_slice() {
            return Ok(Some(line.to_vec()));
        }
        let part = (length + (1 << 13)).min(block.len());
        let count = file.read_at(&mut block[length..part], place + length as u64)?;
        if count == 0 {
            return Ok(None);
        }
        length += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwards(text: &[u8]) -> Vec<(usize, bool)> {
        let mut lines = Lines::new(text);
        let mut seen = Vec::new();
        while let Some(length) = lines.next().unwrap().map(<[u8]>::len) {
            seen.push((length, lines.ended()));
        }
        seen
    }

    #[test]
    fn long_lines_are_cut_and_the_next_begins_where_it_should() {
        assert_eq!(forwards(b"a\nbb\n\nccc"), [(1, true), (2, true), (0, true), (3, false)]);
        let long = [vec![b'x'; 3 * LINE_BYTES_MAX], b"\nyy\n".to_vec()].concat();
        assert_eq!(forwards(&long), [(LINE_BYTES_MAX + 1, true), (2, true)]);
        let most = [vec![b'x'; LINE_BYTES_MAX], b"\nyy\n".to_vec()].concat();
        assert_eq!(forwards(&most), [(LINE_BYTES_MAX, true), (2, true)]);
    }

    fn backwards(text: &[u8]) -> Vec<Vec<u8>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        std::fs::write(&path, text).unwrap();
        let mut lines = LinesBack::open(&path).unwrap();
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push(line);
        }
        seen
    }

    #[test]
    fn lines_come_back_from_the_last() {
        assert_eq!(backwards(b""), Vec::<Vec<u8>>::new());
        assert_eq!(backwards(b"torn"), Vec::<Vec<u8>>::new());
        assert_eq!(backwards(b"a\n\nbb\ntorn"), [b"bb".to_vec(), b"".to_vec(), b"a".to_vec()]);
        let long = vec![b'x'; 100_000];
        let text = [b"first\n".to_vec(), long.clone(), b"\n".to_vec(), long.clone()].concat();
        assert_eq!(backwards(&text), [long, b"first".to_vec()]);
    }

    #[test]
    fn a_place_in_a_large_file_is_found_without_reading_it_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        let number = |line: &[u8]| str::from_utf8(line).unwrap().trim().parse::<u64>().unwrap();
        let text: String = (0..40_000).map(|line| format!("{line:99}\n")).collect();
        std::fs::write(&path, text).unwrap();
        for wanted in [0, 1, 2_000, 39_998, 39_999, 40_000] {
            let mut lines = LinesBack::open_at(&path, |line| number(line) < wanted).unwrap();
            let mut skipped = 0;
            let found = loop {
                match lines.next().unwrap().map(|line| number(&line)) {
                    Some(line) if line >= wanted => skipped += 1,
                    found => break found,
                }
            };
            assert_eq!(found, wanted.checked_sub(1));
            assert!(skipped < 5_000, "{skipped}");
        }
    }
}
