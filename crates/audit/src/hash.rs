//! What ties a line to the one before it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How lines are hashed. The first line of a record names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashAlgorithm {
    #[default]
    #[serde(rename = "sha-256")]
    Sha256,
}

impl HashAlgorithm {
    /// Of a line, without the end of line.
    pub fn hash(self, line: &[u8]) -> Hash {
        match self {
            HashAlgorithm::Sha256 => Hash(Sha256::digest(line).into()),
        }
    }
}

/// The hash of a line: 256 bits, whichever the algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash([u8; 32]);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a hash: 64 of the digits 0-9 and a-f")]
pub struct NotAHash(String);

impl Hash {
    /// What stands in the first line of a record, before which there is none.
    pub const NOTHING: Hash = Hash([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Hash, NotAHash> {
        unhex(text).map(Hash).ok_or_else(|| NotAHash(text.chars().take(100).collect()))
    }
}

impl TryFrom<String> for Hash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Hash, NotAHash> {
        text.parse()
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> String {
        hash.to_string()
    }
}

/// A place of a record, kept elsewhere: whatever the record says later, the line of this sequence
/// number had this hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Anchor {
    pub seq: u64,
    pub hash: Hash,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an anchor: a sequence number, a colon, and a hash of 64 digits 0-9 and a-f")]
pub struct NotAnAnchor(String);

impl fmt::Display for Anchor {
    /// `17:c0ff...`, which reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Anchor {
    type Err = NotAnAnchor;

    fn from_str(text: &str) -> Result<Anchor, NotAnAnchor> {
        let read = || {
            let (seq, hash) = text.trim().split_once(':')?;
            Some(Anchor { seq: seq.parse().ok()?, hash: hash.parse().ok()? })
        };
        read().ok_or_else(|| NotAnAnchor(text.chars().take(100).collect()))
    }
}

impl TryFrom<String> for Anchor {
    type Error = NotAnAnchor;

    fn try_from(text: String) -> Result<Anchor, NotAnAnchor> {
        text.parse()
    }
}

impl From<Anchor> for String {
    fn from(anchor: Anchor) -> String {
        anchor.to_string()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Small letters only, so that there is one way to write a number.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_read_back() {
        let hash = HashAlgorithm::Sha256.hash(b"abc");
        // FIPS 180-4, example of SHA-256.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), expected);
        let anchor = Anchor { seq: 17, hash };
        assert_eq!(anchor.to_string().parse(), Ok(anchor));
        for bad in ["", "17", "17:", "x:00", "17:AB", &format!("17:{}", expected.to_uppercase())] {
            assert!(bad.parse::<Anchor>().is_err(), "{bad}");
        }
    }
}
