//! What is written down of a stored context, beside its text.

use serde::{Deserialize, Serialize};

/// How a context came to be stored (clause 5.13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Downloaded because a request named its URL.
    Cached,
    /// Added by a client.
    Hosted,
    /// Made because an answer needs a URL for a context that has none.
    ImplicitlyCreated,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cached => "Cached",
            Kind::Hosted => "Hosted",
            Kind::ImplicitlyCreated => "ImplicitlyCreated",
        }
    }

    pub fn from_name(name: &str) -> Option<Kind> {
        [Kind::Cached, Kind::Hosted, Kind::ImplicitlyCreated]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// The form on disk. Times are microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub version: u32,
    pub kind: Kind,
    pub url: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub hits: u64,
    pub last_usage: Option<i64>,
}

/// Of the form that this program writes and reads.
pub(super) const VERSION: u32 = 1;
