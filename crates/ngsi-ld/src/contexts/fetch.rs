//! Downloads of remote contexts: the seam to the network.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// Downloads documents, within the rules for what may go out. The server supplies it.
#[async_trait]
pub trait FetchContext: Send + Sync {
    async fn fetch(&self, url: &str) -> Result<Fetched, FetchError>;
}

/// A document that has arrived.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub bytes: Bytes,
    /// For how long its server allows it to be kept (`Expires`, `Cache-Control`); nothing where
    /// the server does not say (clause 6.3.16).
    pub expires_in: Option<Duration>,
}

/// Why a document did not arrive, in words that complete "the context `..`:".
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);
