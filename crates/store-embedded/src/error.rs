//! Why a data directory cannot be opened.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{}` is in use by another process; stop it first", .0.display())]
    InUse(PathBuf),
    #[error(
        "`{}` was written in format {found}; this version reads format {known}; use the version \
         that wrote it, or export and import", path.display()
    )]
    OtherFormat { path: PathBuf, found: String, known: u32 },
    #[error("the data directory is damaged at {place}: {problem}; restore it from a backup")]
    Damaged { place: String, problem: String },
    #[error("journal segment {0} is missing; restore it, or the data directory, from a backup")]
    MissingSegment(u64),
    #[error("could not use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the data directory is encrypted, and no master key is set")]
    Encrypted,
    #[error(transparent)]
    Keys(#[from] keyring::KeyringError),
    #[error("the tables did not open: {0}")]
    Tables(#[from] sorted::Error),
}

impl OpenError {
    pub fn io(path: &Path, source: io::Error) -> OpenError {
        OpenError::Io { path: path.to_owned(), source }
    }
}
