//! One sealed message, and the key of one file.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;

use crate::algorithm::Algorithm;
use crate::derive::Secret;

const FORMAT: u8 = 1;
/// What is bound to the message and lies before its nonce.
const PREFIX_BYTES: usize = 6;
pub const HEADER_BYTES: usize = PREFIX_BYTES + NONCE_LEN;
pub const TAG_BYTES: usize = 16;

/// By how much a message is longer when it is sealed.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// What a sealed message says of itself in plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub algorithm: Algorithm,
    pub version: u32,
}

impl Header {
    /// Nothing where the bytes are no message of a format this program knows.
    pub fn of(sealed: &[u8]) -> Option<Header> {
        let [FORMAT, algorithm, version @ ..] = sealed.first_chunk::<PREFIX_BYTES>()? else {
            return None;
        };
        if sealed.len() < OVERHEAD_BYTES {
            return None;
        }
        let algorithm = Algorithm::of_code(*algorithm)?;
        Some(Header { algorithm, version: u32::from_le_bytes(*version) })
    }

    fn prefix(self) -> [u8; PREFIX_BYTES] {
        let [a, b, c, d] = self.version.to_le_bytes();
        [FORMAT, self.algorithm.code(), a, b, c, d]
    }
}

/// The key of one file of one domain.
pub struct FileKey {
    header: Header,
    key: LessSafeKey,
    /// Nonces count up from here: 32 bits drawn by chance, then this.
    nonce_start: [u8; 4],
    nonce_next: AtomicU64,
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileKey").field("header", &self.header).finish_non_exhaustive()
    }
}

impl FileKey {
    pub fn new(header: Header, secret: &Secret) -> Result<FileKey, Unspecified> {
        let key = LessSafeKey::new(UnboundKey::new(header.algorithm.aead(), &secret[..])?);
        let (mut nonce_start, mut next) = ([0; 4], [0; 8]);
        rand::fill(&mut nonce_start)?;
        rand::fill(&mut next)?;
        let nonce_next = AtomicU64::new(u64::from_ne_bytes(next));
        Ok(FileKey { header, key, nonce_start, nonce_next })
    }

    fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce[..4].copy_from_slice(&self.nonce_start);
        let next = self.nonce_next.fetch_add(1, Ordering::Relaxed);
        nonce[4..].copy_from_slice(&next.to_be_bytes());
        nonce
    }

    /// Appends the sealed text to `out`.
    pub fn seal(
        &self,
        domain: u32,
        context: &[u8],
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Unspecified> {
        let nonce = self.nonce();
        let prefix = self.header.prefix();
        out.reserve(text.len() + OVERHEAD_BYTES);
        out.extend_from_slice(&prefix);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(text);
        let bound = Aad::from(bound(prefix, domain, context));
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, bound, &mut out[start..])?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Appends the text of a sealed message to `out`; leaves `out` as it was where the message is not
    /// what was sealed.
    pub fn open(
        &self,
        domain: u32,
        context: &[u8],
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Unspecified> {
        let (head, rest) = sealed.split_at_checked(HEADER_BYTES).ok_or(Unspecified)?;
        let (text, tag) = rest
            .len()
            .checked_sub(TAG_BYTES)
            .and_then(|length| rest.split_at_checked(length))
            .ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(&head[PREFIX_BYTES..])?;
        let bound = Aad::from(bound(self.header.prefix(), domain, context));
        let start = out.len();
        out.resize(start + text.len(), 0);
        let opened = self.key.open_separate_gather(nonce, bound, text, tag, &mut out[start..]);
        if opened.is_err() {
            out.truncate(start);
        }
        opened
    }
}

/// Contexts are short; the domain comes first and has a fixed length, so that no two are alike.
fn bound(prefix: [u8; PREFIX_BYTES], domain: u32, context: &[u8]) -> Vec<u8> {
    [&prefix[..], &domain.to_le_bytes(), context].concat()
}
