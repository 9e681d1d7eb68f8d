//! Sorted tables in one directory: immutable runs, merged in the background, each block sealed
//! for the domain that its keys belong to.
//!
//! There is neither a log nor a layer in memory here: whoever uses the engine gathers what
//! changes, and brings it in as a run, sorted, which is on disk when it is visible. Reads find the
//! newest entry of a key; a [`Snapshot`] keeps what was there at one moment.
//!
//! # On disk
//!
//! ```text
//! DIR/MANIFEST              which files make up which run of which table (see `manifest`)
//! DIR/0123456789abcdef.run  a file of a run (see `file`), made of frames (`frame`) of blocks (`block`)
//! DIR/LOCK                  held by the engine that uses the directory
//! ```
//!
//! A file is made once, synced, and never changed. Runs are made of files whose keys do not
//! overlap. Those that came in stand at the top of their table; merging makes levels of them, each
//! ten times as large as the one above (see `plan`).
//!
//! # Domains
//!
//! A table's options tell from a key to whom it belongs. A block never holds keys of two domains:
//! not a data block, an index, a filter, nor the record of a file's first and last keys. So when
//! the key of a domain is destroyed, nothing of it can be read, and all else can. Its blocks read
//! as empty, and merging writes files that hold some anew.
//!
//! # Damage
//!
//! Each block has a checksum with its place bound in. One that does not fit is
//! [`Error::Damaged`] to whoever reads it, and never another answer. Merging leaves that file as it
//! is, goes on with others, and [`Engine::damage`] tells.

mod error;
mod options;
mod cipher;
mod block;
mod filter;
mod frame;
mod shared;
mod file;
mod writer;
mod version;
mod manifest;
mod cursor;
mod merged;
mod range;
mod plan;
mod merger;
mod ingestion;
mod verify;
mod engine;
#[cfg(test)]
mod tests;

pub use byteview::ByteView as Slice;
pub use cipher::{
    BlockCipher, CIPHER_GROWTH_BYTES_MAX, CIPHER_HEADER_BYTES_MAX, CipherHeader, Opened, Plain,
};
pub use engine::{Engine, Snapshot, TableId, TableShape, Write};
pub use error::{CipherError, Damage, Error};
pub use ingestion::Ingestion;
pub use options::{
    BLOCK_BYTES_MAX, BLOCK_BYTES_MIN, Compression, KEY_BYTES_MAX, Options, Sizes, TABLES_MAX,
    TableOptions, VALUE_BYTES_MAX,
};
pub use range::Range;
pub use shared::OPEN_FILES_MAX;
