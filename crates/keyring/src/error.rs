//! Why keys cannot be used, in words for whoever runs the server.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::error::Unspecified;

use crate::file::{DOMAINS_MAX, FILE_BYTES_MAX};
use crate::master::MasterKeyId;
use crate::ring::Domain;

#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("the master key cannot be read from {0}")]
    Source(String),
    #[error(
        "`{}` needs the master key {wanted}; {source_name} has {}; set the right one, or restore it \
         from where you keep it: nobody can read the data without it",
        path.display(), found.map_or("none".to_owned(), |id| id.to_string())
    )]
    OtherMaster {
        path: PathBuf,
        wanted: MasterKeyId,
        source_name: String,
        found: Option<MasterKeyId>,
    },
    #[error(
        "{0} has no next master key; put it there first, and let it be the one in force after that"
    )]
    NoNext(String),
    #[error("`{}` is damaged: {problem}; restore it from a backup", path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error(
        "data of domain {domain} are under version {version} of its key, which is not in the file of \
         keys; restore the file `keys` from a backup that is as new as the data"
    )]
    NoKey { domain: Domain, version: u32 },
    #[error("data of domain {0} are not what was sealed: damaged, or moved")]
    Altered(Domain),
    #[error(
        "the key of domain {0} was destroyed: what is written for it now could not be read again"
    )]
    Gone(Domain),
    #[error("there are keys for {DOMAINS_MAX} domains; no more can be made")]
    TooManyDomains,
    #[error(
        "the file of keys would have more than {FILE_BYTES_MAX} bytes; no more keys can be made"
    )]
    TooManyKeys,
    #[error("could not use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the cryptographic library failed")]
    Library,
}

impl From<Unspecified> for KeyringError {
    fn from(_: Unspecified) -> KeyringError {
        KeyringError::Library
    }
}

impl KeyringError {
    pub(crate) fn io(path: &Path, source: io::Error) -> KeyringError {
        KeyringError::Io { path: path.to_owned(), source }
    }

    pub(crate) fn damaged(path: &Path, problem: &str) -> KeyringError {
        KeyringError::Damaged { path: path.to_owned(), problem: problem.to_owned() }
    }
}
