//! The store that lives inside the server process: one directory, durable and indexed.
//!
//! A commit is one frame at the end of the journal. Tables and indexes follow it in memory at
//! once and on disk later; after a stop, what they lack is read from the journal again.

mod bytes;
mod checkpoint;
mod codec;
mod committer;
mod counts;
mod disk;
mod encryption;
mod error;
mod history;
mod index;
mod journal;
mod keys;
mod names;
mod open;
mod plan;
mod record;
mod run;
mod settings;
mod shared;
mod store_impl;
mod tables;
mod tenants;
mod verify;

pub use committer::GROUP_BYTES_MAX;
pub use encryption::EncryptionSettings;
pub use error::OpenError;
pub use open::Opening;
pub use settings::EmbeddedSettings;
pub use store_impl::EmbeddedStore;
pub use verify::{PROBLEMS_MAX, Verified, verify};
