//! Reading lines of a segment, forwards and backwards, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ::audit::{LINE_BYTES_MAX, Line};

/// Lines from the first on.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    line: Vec<u8>,
    /// Did the last line have its end?
    ended: bool,
    /// How many bytes the lines that were given come to, with their ends.
    bytes: u64,
}

impl Lines<BufReader<File>> {
    pub fn open(path: &Path) -> io::Result<Lines<BufReader<File>>> {
        Ok(Lines::new(BufReader::with_capacity(1 << 16, File::open(path)?)))
    }
}

impl<R: BufRead> Lines<R> {
    pub fn new(from: R) -> Lines<R> {
        Lines { from, line: Vec::new(), ended: true, bytes: 0 }
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
        self.bytes += count as u64;
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

    /// How many bytes of the file stand before the line after the last one.
    pub fn bytes(&self) -> u64 {
        self.bytes
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
            self.bytes += length as u64;
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

/// How far before a place a line is looked for that should be there.
const NEAR_BYTES: u64 = 8 * BLOCK;

impl LinesBack {
    /// Whatever stands after the last end of line is passed over.
    pub fn open(path: &Path) -> io::Result<LinesBack> {
        let file = File::open(path)?;
        let at = file.metadata()?.len();
        LinesBack::of(file, at)
    }

    /// The same, from the line of a number on: of those from that number on, only few are given. If
    /// lines were damaged, so that it is not certain where it stands, all are.
    pub fn open_before(path: &Path, seq: u64) -> io::Result<LinesBack> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let number = |line: &[u8]| Line::parse(line).ok().map(|line| line.seq);
        let (mut before, mut after) = (0, length);
        while after - before > BLOCK {
            let middle = before + (after - before) / 2;
            match line_after(&file, middle)?.and_then(|line| number(&line)) {
                Some(found) if found < seq => before = middle,
                _ => after = middle,
            }
        }
        // The last line that is wanted may begin before that place and end after it.
        let at = length.min(after + 2 * (LINE_BYTES_MAX as u64 + 1));
        let is_near = at == length || LinesBack::of(file.try_clone()?, at)?.is_before(seq)?;
        LinesBack::of(file, if is_near { at } else { length })
    }

    /// Are these lines from near the one of a number? Where a damaged line has led astray, the one
    /// before it is not among them, unless the file begins with that number or a later one.
    fn is_before(&mut self, seq: u64) -> io::Result<bool> {
        let end = self.left().saturating_sub(NEAR_BYTES);
        let mut first = None;
        while end <= self.left()
            && let Some(line) = self.next()?
        {
            first = Line::parse(&line).ok().map(|line| line.seq).or(first);
            if first.is_some() && first == seq.checked_sub(1) {
                return Ok(true);
            }
        }
        Ok(self.left() == 0 && first.is_some_and(|first| seq <= first))
    }

    fn of(file: File, at: u64) -> io::Result<LinesBack> {
        let mut lines = LinesBack { file, buffer: Vec::new(), at, bytes_read: 0 };
        lines.take_line()?;
        Ok(lines)
    }

    /// The line before, without its end. Of one that is longer than lines may be, one byte more than
    /// that.
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
        // What was read of the line already: it is kept only as far as it can be one.
        let mut line: Vec<u8> = Vec::new();
        loop {
            let end = self.buffer.iter().rposition(|byte| *byte == b'\n');
            let mut part = self.buffer.split_off(end.map_or(0, |end| end + 1));
            if line.len() <= LINE_BYTES_MAX {
                part.append(&mut line);
                line = part;
            }
            if end.is_some() || self.at == 0 {
                line.truncate(LINE_BYTES_MAX + 1);
                return Ok(line);
            }
            self.read_block()?;
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        let length = self.at.min(BLOCK);
        let mut block = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file.read_exact_at(&mut block, self.at - length)?;
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
    use ::audit::{Chain, RecordId, SigningKey};
    use model::Timestamp;

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
        let longer = vec![b'x'; 5 * LINE_BYTES_MAX];
        let text = [b"first\n".to_vec(), longer.clone(), b"\nlast\n".to_vec(), longer].concat();
        let cut = vec![b'x'; LINE_BYTES_MAX + 1];
        assert_eq!(backwards(&text), [b"last".to_vec(), cut, b"first".to_vec()]);
    }

    /// Lines of a record, some of them altered, and from where on they are read.
    #[track_caller]
    fn check_before(damage: impl Fn(usize, &mut Vec<u8>), skipped_max: usize) {
        let key = SigningKey::of_secret(&[1; 32]);
        let (mut chain, first) = Chain::begin(RecordId([1; 16]), key, Timestamp(0));
        let mut lines = vec![first];
        lines.extend((1..8_000).map(|_| chain.head(Timestamp(0))));
        lines.iter_mut().enumerate().for_each(|(at, line)| damage(at, line));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        std::fs::write(&path, [lines.join(&b'\n'), b"\n".to_vec()].concat()).unwrap();
        for wanted in [1, 2, 2_001, 5_001, 7_999, 8_000, 8_001] {
            let mut back = LinesBack::open_before(&path, wanted).unwrap();
            let mut skipped = 0;
            let found = loop {
                match back.next().unwrap().map(|line| Line::parse(&line).map(|line| line.seq)) {
                    Some(Ok(seq)) if seq < wanted => break Some(seq),
                    None => break None,
                    Some(_) => skipped += 1,
                }
            };
            assert_eq!(found.unwrap_or(0), wanted - 1);
            assert!(skipped <= skipped_max, "{skipped}");
        }
    }

    #[test]
    fn a_place_in_a_large_file_is_found_without_reading_it_all() {
        check_before(|_, _| {}, 1_500);
    }

    /// Wherever it is looked, the line there may be the one that was altered.
    #[test]
    fn altered_lines_lead_nowhere_else() {
        let numbered = |line: &mut Vec<u8>, seq: u64| {
            *line = Line { seq, ..Line::parse(line).unwrap() }.print();
        };
        check_before(
            |at, line| {
                if (3_000..4_900).contains(&at) {
                    line[0] = b'x'
                }
            },
            8_000,
        );
        check_before(
            |at, line| {
                if at % 500 == 250 {
                    numbered(line, 1 << 40)
                }
            },
            8_000,
        );
    }
}
