//! Why a command ends without having done what it was asked.

use std::io;

use crate::audit::{ExportError, LedgerError};
use crate::import::{ImportError, MappingError, SourceError};
use crate::settings::SettingsError;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Open(#[from] store_embedded::OpenError),
    #[error(transparent)]
    Keys(#[from] identity::FileError),
    #[error(transparent)]
    Broker(#[from] broker::BrokerError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Mapping(#[from] MappingError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    AuditExport(#[from] ExportError),
    #[error("{place}: {source}")]
    Io { place: String, source: io::Error },
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    pub fn io(place: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Failure {
        move |source| Failure::Io { place: place.to_string(), source }
    }
}
