//! Tokens: what the holder of a key sends, and what is kept of it.

use std::fmt::{self, Write};

use sha2::{Digest as _, Sha256};

/// How many random bytes make a token: 6 that name it, and 32 that nobody can guess.
pub const RANDOM_BYTES: usize = ID_BYTES + 32;

const ID_BYTES: usize = 6;
const PREFIX: &str = "comity_";

/// A key as its holder sends it: `comity_<id>_<secret>`. Shown once and never kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The bytes must come from the operating system's random source.
    pub fn from_random(random: [u8; RANDOM_BYTES]) -> Token {
        let (id, secret) = random.split_at(ID_BYTES);
        Token(format!("{PREFIX}{}_{}", hex(id), hex(secret)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn id(&self) -> &str {
        id_of(&self.0).unwrap_or_default()
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_…", self.id())
    }
}

/// The public part of a token: which key it claims to be.
pub(crate) fn id_of(token: &str) -> Option<&str> {
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    (is_id(id) && !secret.is_empty()).then_some(id)
}

pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 2 * ID_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What is kept of a token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub fn of(token: &str) -> Digest {
        Digest(Sha256::digest(token).into())
    }

    /// Takes as long for a wrong token as for a right one, wherever they differ.
    pub fn is_of(&self, token: &str) -> bool {
        let other = Digest::of(token);
        let difference = self.0.iter().zip(other.0).fold(0_u8, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(difference) == 0
    }

    pub fn from_hex(text: &str) -> Option<Digest> {
        let text = text.as_bytes();
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Digest(bytes))
    }

    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_itself_and_is_known_by_its_digest() {
        let token = Token::from_random([7; RANDOM_BYTES]);
        assert_eq!(id_of(token.as_str()), Some("070707070707"));
        assert!(token.digest().is_of(token.as_str()));
        assert!(!token.digest().is_of(&token.as_str().replace("07", "08")));
        assert_eq!(Digest::from_hex(&token.digest().hex()), Some(token.digest()));
    }

    #[test]
    fn nothing_else_is_a_token() {
        for text in ["", "comity_", "comity_07_x", "comity_070707070707_", "comity_zz0707070707_ab"]
        {
            assert_eq!(id_of(text), None, "{text}");
        }
        assert_eq!(Digest::from_hex("é"), None);
        assert_eq!(Digest::from_hex(&"é".repeat(32)), None);
    }

    #[test]
    fn a_token_is_not_printed_by_accident() {
        let token = Token::from_random([1; RANDOM_BYTES]);
        assert_eq!(format!("{token:?}"), "comity_010101010101_…");
    }
}
