//! Blocks: sorted entries, arranged for binary search.
//!
//! ```text
//! u8 flags (bit 0: offsets take four bytes, not two)   u32 count   u16 length of the prefix
//! the prefix that all keys share
//! count offsets, from the first entry on
//! entries: varint (length of the rest of the key * 2 + is a tombstone)   rest of the key   value
//! ```
//!
//! A value ends where the next entry begins. Numbers are little-endian.

use std::cmp::Ordering;
use std::ops::Range;

use byteview::ByteView;

const HEADER_BYTES: usize = 7;
const WIDE: u8 = 1;

/// Collects entries, in the order of their keys.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    /// Keys and values, one after the other.
    bytes: Vec<u8>,
    entries: Vec<Place>,
    prefix_len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: usize,
    key_len: usize,
    is_tombstone: bool,
}

impl BlockBuilder {
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.prefix_len = match self.entries.first() {
            None => key.len(),
            Some(first) => {
                let first = &self.bytes[first.at..first.at + first.key_len.min(self.prefix_len)];
                shared_prefix(first, key)
            }
        };
        let at = self.bytes.len();
        self.entries.push(Place { at, key_len: key.len(), is_tombstone: value.is_none() });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn first_key(&self) -> &[u8] {
        self.entries.first().map_or(&[], |first| &self.bytes[first.at..first.at + first.key_len])
    }

    /// About how many bytes the block takes.
    pub fn size(&self) -> usize {
        let shared = self.prefix_len * self.entries.len().saturating_sub(1);
        HEADER_BYTES + self.bytes.len() + self.entries.len() * 4 - shared
    }

    /// Writes the block to `out` and begins another one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(self.size());
        let mut offsets = Vec::with_capacity(self.entries.len());
        let ends = self.entries.iter().skip(1).map(|next| next.at);
        let ends = ends.chain([self.bytes.len()]);
        for (place, end) in self.entries.iter().zip(ends) {
            offsets.push(body.len());
            let rest = place.key_len - self.prefix_len;
            write_varint(&mut body, (rest << 1) | usize::from(place.is_tombstone));
            body.extend_from_slice(&self.bytes[place.at + self.prefix_len..end]);
        }
        let is_wide = usize::from(u16::MAX) < body.len();
        out.clear();
        out.push(if is_wide { WIDE } else { 0 });
        out.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.prefix_len as u16).to_le_bytes());
        out.extend_from_slice(&self.first_key()[..self.prefix_len]);
        for offset in offsets {
            match is_wide {
                true => out.extend_from_slice(&(offset as u32).to_le_bytes()),
                false => out.extend_from_slice(&(offset as u16).to_le_bytes()),
            }
        }
        out.extend_from_slice(&body);
        self.bytes.clear();
        self.entries.clear();
        self.prefix_len = 0;
    }
}

fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn write_varint(out: &mut Vec<u8>, mut number: usize) {
    while 0x7f < number {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A number and how many bytes it took. Only lengths of keys are written so: three bytes do.
fn read_varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, at + 1));
        }
    }
    None
}

/// A block as it is read: checked once, then searched.
#[derive(Clone, Debug)]
pub struct Block {
    bytes: ByteView,
    count: usize,
    prefix_len: usize,
    is_wide: bool,
    /// Where the entries begin.
    body: usize,
}

/// An entry in a block; the whole key is the block's prefix and `rest`.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub rest: &'a [u8],
    /// Where the value lies in the block; nothing for a tombstone.
    pub value: Option<Range<usize>>,
}

impl Block {
    /// Nothing, where the bytes are not a block.
    pub fn parse(bytes: ByteView) -> Option<Block> {
        let flags = *bytes.first()?;
        let count = u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?) as usize;
        let prefix_len = usize::from(u16::from_le_bytes(bytes.get(5..7)?.try_into().ok()?));
        let is_wide = flags & WIDE != 0;
        let offsets = count.checked_mul(if is_wide { 4 } else { 2 })?;
        let body = HEADER_BYTES.checked_add(prefix_len)?.checked_add(offsets)?;
        let block = Block { bytes, count, prefix_len, is_wide, body };
        (0 < count && WIDE >= flags && block.is_whole()).then_some(block)
    }

    fn is_whole(&self) -> bool {
        let Some(body) = self.bytes.get(self.body..) else { return false };
        let mut begin = 0;
        (0..self.count).all(|at| {
            let end = if at + 1 < self.count { self.offset(at + 1) } else { body.len() };
            let entry = (self.offset(at) == begin).then(|| body.get(begin..end)).flatten();
            begin = end;
            entry.and_then(|entry| {
                let (head, len) = read_varint(entry)?;
                let value_len = entry.len().checked_sub(len + (head >> 1))?;
                Some(head & 1 == 0 || value_len == 0)
            }) == Some(true)
        })
    }

    fn offset(&self, at: usize) -> usize {
        let offsets = &self.bytes[HEADER_BYTES + self.prefix_len..];
        match self.is_wide {
            true => {
                let at = at * 4;
                let bytes = [offsets[at], offsets[at + 1], offsets[at + 2], offsets[at + 3]];
                u32::from_le_bytes(bytes) as usize
            }
            false => usize::from(u16::from_le_bytes([offsets[at * 2], offsets[at * 2 + 1]])),
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + size_of::<Block>()
    }

    pub fn prefix(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..HEADER_BYTES + self.prefix_len]
    }

    pub fn entry(&self, at: usize) -> Entry<'_> {
        let begin = self.body + self.offset(at);
        let end =
            if at + 1 < self.count { self.body + self.offset(at + 1) } else { self.bytes.len() };
        let (head, len) = read_varint(&self.bytes[begin..end]).unwrap_or((0, 0));
        let rest = begin + len..begin + len + (head >> 1);
        let value = (head & 1 == 0).then_some(rest.end..end);
        Entry { rest: &self.bytes[rest], value }
    }

    fn rest(&self, at: usize) -> &[u8] {
        let begin = self.body + self.offset(at);
        let bytes = &self.bytes[begin..];
        match bytes[0] {
            head if head & 0x80 == 0 => &bytes[1..1 + usize::from(head >> 1)],
            _ => {
                let (head, len) = read_varint(bytes).unwrap_or((0, 0));
                &bytes[len..len + (head >> 1)]
            }
        }
    }

    pub fn key(&self, at: usize) -> Vec<u8> {
        [self.prefix(), self.rest(at)].concat()
    }

    pub fn value(&self, range: Range<usize>) -> ByteView {
        self.bytes.slice(range)
    }

    pub fn value_bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// The first entry whose key is not less than `key`, and whether it is that key.
    pub fn search(&self, key: &[u8]) -> (usize, bool) {
        let prefix = self.prefix();
        let head = &key[..key.len().min(prefix.len())];
        match head.cmp(prefix) {
            Ordering::Less => return (0, false),
            Ordering::Greater => return (self.count, false),
            Ordering::Equal => {}
        }
        let rest = &key[head.len()..];
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.rest(middle).cmp(rest) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return (middle, true),
                Ordering::Greater => high = middle,
            }
        }
        (low, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(entries: &[(&str, Option<&str>)]) -> Block {
        let mut builder = BlockBuilder::default();
        for (key, value) in entries {
            builder.push(key.as_bytes(), value.map(str::as_bytes));
        }
        let mut out = Vec::new();
        builder.finish(&mut out);
        Block::parse(out.into()).unwrap()
    }

    #[test]
    fn entries_come_back() {
        let long = "v".repeat(100_000);
        for last in ["4", &long] {
            let entries =
                [("ab", Some("1")), ("abc", None), ("abd", Some("")), ("abx", Some(last))];
            let block = block(&entries);
            assert_eq!(block.prefix(), b"ab");
            for (at, (key, value)) in entries.iter().enumerate() {
                let entry = block.entry(at);
                assert_eq!(block.key(at), key.as_bytes());
                let found = entry.value.map(|range| block.value(range));
                assert_eq!(found.as_deref(), value.map(str::as_bytes));
                assert_eq!(block.search(key.as_bytes()), (at, true));
            }
            assert_eq!(block.search(b"a"), (0, false));
            assert_eq!(block.search(b"aa"), (0, false));
            assert_eq!(block.search(b"abcc"), (2, false));
            assert_eq!(block.search(b"ac"), (4, false));
        }
    }

    #[test]
    fn what_is_not_a_block_is_told() {
        let whole = block(&[("ab", Some("1")), ("abc", None), ("abd", Some("value"))]).bytes;
        for at in 0..whole.len() {
            // Whatever a changed byte makes of it, reading it does not panic.
            let mut bytes = whole.to_vec();
            for changed in 0..=255 {
                bytes[at] = changed;
                let Some(block) = Block::parse(bytes.as_slice().into()) else { continue };
                for entry in 0..block.len() {
                    block.key(entry);
                    block.entry(entry).value.map(|range| block.value(range));
                }
            }
        }
    }
}
