//! What can go wrong with tables on disk.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes on disk are not those that were written. Other files are not concerned.
    #[error("{0}")]
    Damaged(Box<Damage>),
    #[error("could not use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The bytes on disk are whole, but their cipher does not open them, or nothing can be sealed.
    #[error("`{file}` at byte {offset}: {source}")]
    Cipher { file: String, offset: u64, source: CipherError },
    #[error("`{}` was written in format {found}; this version reads format {known}", path.display())]
    OtherFormat { path: PathBuf, found: u32, known: u32 },
    #[error("`{}` is in use by another process; stop it first", .0.display())]
    InUse(PathBuf),
    #[error("table {0} does not exist")]
    UnknownTable(usize),
    #[error("the directory holds a table `{0}`, which this version does not know")]
    ForeignTable(String),
    #[error("the settings of table `{table}`: {problem}")]
    Options { table: String, problem: &'static str },
    #[error("a key of {bytes} bytes for table `{table}`; the limit is {max}", max = crate::KEY_BYTES_MAX)]
    KeyTooLong { table: String, bytes: usize },
    #[error("a value of {bytes} bytes for table `{table}`; the limit is {max}", max = crate::VALUE_BYTES_MAX)]
    ValueTooLong { table: String, bytes: usize },
    #[error("entries for table `{0}` are not in the order of their keys, each key once")]
    OutOfOrder(String),
    #[error("what was to be written to table `{0}` failed before; begin again")]
    Abandoned(String),
    /// Merging has not kept up for long, or cannot go on; try again later.
    #[error("table `{table}` has {runs} runs that wait to be merged ({problem})")]
    Behind { table: String, runs: usize, problem: String },
    #[error("the engine is being closed")]
    Closed,
}

/// Where bytes are not those that were written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("file `{file}` of table `{table}` is damaged at byte {offset}: {problem}")]
pub struct Damage {
    pub table: String,
    pub file: String,
    pub offset: u64,
    pub problem: &'static str,
}

/// Why a cipher does not seal or open a block. Says nothing of keys or contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// What was sealed, or what is bound to it, is not as it was.
    #[error("the block is not what was sealed")]
    Forged,
    /// The key is not at hand now, and may be later.
    #[error("the key is not available: {0}")]
    Unavailable(String),
    /// The header is not one of this cipher.
    #[error("the block was sealed in another way: {0}")]
    Unknown(String),
}

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Error {
        Error::Io { path: path.to_owned(), source }
    }
}
