//! How blocks are sealed on their way to disk.

use std::fmt::Debug;

use crate::error::CipherError;

/// What a cipher may keep beside a block: the version of a key, a nonce, a tag.
pub const CIPHER_HEADER_BYTES_MAX: usize = 64;

/// How many bytes longer a block may become when it is sealed.
pub const CIPHER_GROWTH_BYTES_MAX: usize = 256;

/// Seals blocks, each for the domain that its keys belong to.
///
/// `context` tells the kind of the block and its place. It is to be bound to the block (as
/// associated data), so that no block passes for another. It is unique within a directory, yet
/// comes again where a copy of the directory lives on: a nonce must not be made from it.
pub trait BlockCipher: Debug + Send + Sync {
    /// Seals a block in place.
    fn seal(
        &self,
        domain: u32,
        context: &[u8],
        block: &mut Vec<u8>,
    ) -> Result<CipherHeader, CipherError>;

    /// Opens a block in place. Where the answer is [`Opened::Gone`], what `block` holds is
    /// not looked at.
    fn open(
        &self,
        domain: u32,
        context: &[u8],
        header: &[u8],
        block: &mut Vec<u8>,
    ) -> Result<Opened, CipherError>;

    /// Whether the keys of a domain were destroyed. Its blocks are not read at all then, from
    /// memory neither. Asked several times for each read: it has to be cheap.
    fn is_gone(&self, domain: u32) -> bool;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The block is as it was before it was sealed.
    Plain,
    /// The key was destroyed. The block reads as empty, and merging drops it.
    Gone,
}

/// What a cipher wrote beside a block.
#[derive(Clone, Copy)]
pub struct CipherHeader {
    bytes: [u8; CIPHER_HEADER_BYTES_MAX],
    len: u8,
}

impl CipherHeader {
    pub const EMPTY: CipherHeader = CipherHeader { bytes: [0; CIPHER_HEADER_BYTES_MAX], len: 0 };

    /// Takes at most [`CIPHER_HEADER_BYTES_MAX`] bytes.
    pub fn new(bytes: &[u8]) -> Option<CipherHeader> {
        let mut header = CipherHeader::EMPTY;
        header.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        header.len = u8::try_from(bytes.len()).ok()?;
        Some(header)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Debug for CipherHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CipherHeader({} bytes)", self.len)
    }
}

/// No encryption: bytes pass as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl BlockCipher for Plain {
    fn seal(&self, _: u32, _: &[u8], _: &mut Vec<u8>) -> Result<CipherHeader, CipherError> {
        Ok(CipherHeader::EMPTY)
    }

    fn open(
        &self,
        _: u32,
        _: &[u8],
        header: &[u8],
        _: &mut Vec<u8>,
    ) -> Result<Opened, CipherError> {
        match header {
            [] => Ok(Opened::Plain),
            _ => Err(CipherError::Unknown("it is encrypted, and no cipher is set".to_owned())),
        }
    }

    fn is_gone(&self, _: u32) -> bool {
        false
    }
}
