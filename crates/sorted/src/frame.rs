//! Frames: blocks as they lie on disk, with a checksum and their cipher's header.
//!
//! ```text
//! u32 length of the body   u32 length of the block   u32 domain
//! u8 kind   u8 compression (0 none, 1 LZ4)   u8 length of the cipher's header   u8 zero
//! u64 checksum   the cipher's header   the body: the block, compressed and then sealed
//! ```
//!
//! The checksum (XXH3) covers everything else in the frame, the number of the file and the offset
//! in it, so that a block which turns up in another place is damage.

use byteview::ByteView;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::cipher::{BlockCipher, CIPHER_GROWTH_BYTES_MAX, CIPHER_HEADER_BYTES_MAX, Opened};
use crate::error::CipherError;
use crate::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

const HEADER_BYTES: usize = 24;
const CHECKED_BYTES: usize = 16;
const LZ4: u8 = 1;

/// No block is longer: one entry of the longest key and value, and what surrounds it.
const BLOCK_BYTES_MAX: usize = VALUE_BYTES_MAX + 2 * KEY_BYTES_MAX + 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Data = 1,
    /// The first keys of data blocks, and where these lie.
    Index = 2,
    Filter = 3,
    /// The first keys of index blocks, where these and their filters lie, and the last key.
    Top = 4,
    /// The stretches of a file.
    Directory = 5,
}

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub offset: u64,
    pub len: u32,
}

impl Place {
    pub const BYTES: usize = 12;

    pub fn to_bytes(self) -> [u8; Place::BYTES] {
        let mut bytes = [0; Place::BYTES];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }

    pub fn parse(bytes: &[u8]) -> Option<Place> {
        let offset = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
        let len = u32::from_le_bytes(bytes.get(8..Place::BYTES)?.try_into().ok()?);
        Some(Place { offset, len })
    }
}

/// What a frame is, beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    pub kind: Kind,
    pub domain: u32,
    pub file: u64,
    pub offset: u64,
}

#[derive(Debug)]
pub enum Problem {
    Damaged(&'static str),
    Cipher(CipherError),
}

/// Appends a frame to `out`. `block` is used up.
pub fn seal(
    cipher: &dyn BlockCipher,
    label: Label,
    compress: bool,
    block: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), CipherError> {
    let plain_len = block.len();
    let mut compression = 0;
    if compress {
        let compressed = lz4_flex::block::compress(block);
        // Less than a sixteenth saved is not worth the time it takes to read.
        if compressed.len() < plain_len - plain_len / 16 {
            *block = compressed;
            compression = LZ4;
        }
    }
    let context = context(label, compression, plain_len as u32);
    let cipher_header = cipher.seal(label.domain, &context, block)?;
    let cipher_header = cipher_header.as_bytes();
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&(block.len() as u32).to_le_bytes());
    header[4..8].copy_from_slice(&(plain_len as u32).to_le_bytes());
    header[8..12].copy_from_slice(&label.domain.to_le_bytes());
    header[12] = label.kind as u8;
    header[13] = compression;
    header[14] = cipher_header.len() as u8;
    let begin = out.len();
    out.extend_from_slice(&header);
    out.extend_from_slice(cipher_header);
    out.extend_from_slice(block);
    let sum = checksum(label, &out[begin..]);
    out[begin + CHECKED_BYTES..begin + HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
    block.clear();
    Ok(())
}

/// Checks a frame and opens it; nothing, where its key was destroyed.
pub fn open(
    cipher: &dyn BlockCipher,
    label: Label,
    mut frame: Vec<u8>,
) -> Result<Option<ByteView>, Problem> {
    let Some(header) = frame.first_chunk::<HEADER_BYTES>() else {
        return Err(Problem::Damaged("it is cut off"));
    };
    let number = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let sum: [u8; 8] = std::array::from_fn(|at| header[CHECKED_BYTES + at]);
    if u64::from_le_bytes(sum) != checksum(label, &frame) {
        return Err(Problem::Damaged("the checksum does not fit"));
    }
    let (body_len, plain_len) = (number(0) as usize, number(4) as usize);
    let (compression, cipher_len) = (header[13], usize::from(header[14]));
    let is_known = header[12] == label.kind as u8
        && number(8) == label.domain
        && compression <= LZ4
        && cipher_len <= CIPHER_HEADER_BYTES_MAX
        && plain_len <= BLOCK_BYTES_MAX
        && body_len <= BLOCK_BYTES_MAX + CIPHER_GROWTH_BYTES_MAX
        && HEADER_BYTES + cipher_len + body_len == frame.len();
    if !is_known {
        return Err(Problem::Damaged("it is not the block that belongs here"));
    }
    let mut body = frame.split_off(HEADER_BYTES + cipher_len);
    let context = context(label, compression, plain_len as u32);
    match cipher.open(label.domain, &context, &frame[HEADER_BYTES..], &mut body) {
        Ok(Opened::Plain) => {}
        Ok(Opened::Gone) => return Ok(None),
        Err(CipherError::Forged) => return Err(Problem::Damaged("it is not what was sealed")),
        Err(error) => return Err(Problem::Cipher(error)),
    }
    plain(body, compression, plain_len).map(Some)
}

fn plain(body: Vec<u8>, compression: u8, plain_len: usize) -> Result<ByteView, Problem> {
    if compression != LZ4 {
        let is_whole = body.len() == plain_len;
        return is_whole.then(|| body.into()).ok_or(Problem::Damaged("its length does not fit"));
    }
    let mut plain = vec![0; plain_len];
    match lz4_flex::block::decompress_into(&body, &mut plain) {
        Ok(len) if len == plain_len => Ok(plain.into()),
        _ => Err(Problem::Damaged("it does not decompress")),
    }
}

/// What is bound to a block beside its domain.
fn context(label: Label, compression: u8, plain_len: u32) -> [u8; 22] {
    let mut context = [0; 22];
    context[0] = label.kind as u8;
    context[1] = compression;
    context[2..6].copy_from_slice(&plain_len.to_le_bytes());
    context[6..14].copy_from_slice(&label.file.to_le_bytes());
    context[14..].copy_from_slice(&label.offset.to_le_bytes());
    context
}

fn checksum(label: Label, frame: &[u8]) -> u64 {
    let mut head = [0; CHECKED_BYTES + 16];
    head[..CHECKED_BYTES].copy_from_slice(&frame[..CHECKED_BYTES]);
    head[CHECKED_BYTES..CHECKED_BYTES + 8].copy_from_slice(&label.file.to_le_bytes());
    head[CHECKED_BYTES + 8..].copy_from_slice(&label.offset.to_le_bytes());
    xxh3_64_with_seed(&frame[HEADER_BYTES..], xxh3_64_with_seed(&head, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::Plain;

    #[test]
    fn a_frame_opens_in_its_place_only() {
        let label = Label { kind: Kind::Data, domain: 7, file: 3, offset: 4096 };
        for compress in [false, true] {
            let text = b"a text, a text, a text, a text, a text, a text, a text".to_vec();
            let mut frame = Vec::new();
            seal(&Plain, label, compress, &mut text.clone(), &mut frame).unwrap();
            assert_eq!(compress, frame.len() < text.len());
            let opened = open(&Plain, label, frame.clone()).unwrap().unwrap();
            assert_eq!(&*opened, text);
            let elsewhere = [
                Label { file: 4, ..label },
                Label { offset: 8192, ..label },
                Label { domain: 8, ..label },
                Label { kind: Kind::Index, ..label },
            ];
            for label in elsewhere {
                assert!(matches!(open(&Plain, label, frame.clone()), Err(Problem::Damaged(_))));
            }
            for at in 0..frame.len() {
                let mut changed = frame.clone();
                changed[at] ^= 0x10;
                assert!(matches!(open(&Plain, label, changed), Err(Problem::Damaged(_))), "{at}");
                let cut = frame[..at].to_vec();
                assert!(matches!(open(&Plain, label, cut), Err(Problem::Damaged(_))), "{at}");
            }
        }
    }
}
