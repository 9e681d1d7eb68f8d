//! Keys to sort by: bytes that stand among each other as what they were made of.

use std::cmp::Ordering;

use crate::filter::Direction;

/// Where an entity stands in an order. Only keys of one [`Sorter`](super::Sorter) compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey(pub(super) Vec<Component>);

/// What one key of the order comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    /// Decides first, whatever the direction.
    pub rank: u8,
    pub bytes: KeyBytes,
    pub direction: Direction,
}

impl Ord for SortKey {
    fn cmp(&self, other: &SortKey) -> Ordering {
        let compare = |(left, right): (&Component, &Component)| {
            let by_rank = left.rank.cmp(&right.rank);
            by_rank.then_with(|| left.direction.apply(left.bytes.cmp(&right.bytes)))
        };
        let mut found = self.0.iter().zip(&other.0).map(compare);
        found.find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &SortKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyBytes(Vec<u8>);

impl KeyBytes {
    pub fn plain(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub fn rank(&mut self, rank: u8) {
        self.0.push(rank);
    }

    pub fn number(&mut self, number: f64) {
        let bits = number.to_bits();
        let sign = 1 << 63;
        let ordered = if bits & sign == 0 { bits | sign } else { !bits };
        self.0.extend_from_slice(&ordered.to_be_bytes());
    }

    pub fn integer(&mut self, number: i64) {
        self.0.extend_from_slice(&number.wrapping_sub(i64::MIN).to_be_bytes());
    }

    /// One of several elements: a shorter list stands before a longer one that begins with it.
    pub fn element(&mut self, write: impl FnOnce(&mut KeyBytes)) {
        let mut element = KeyBytes::default();
        write(&mut element);
        self.0.push(1);
        for byte in element.0 {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(u8::MAX);
            }
        }
        self.0.extend_from_slice(&[0, 0]);
    }
}
