//! Encryption at rest: data keys of tenants, wrapped by a master key, and messages under them.
//!
//! A **domain** is a number to which what is kept belongs: 0 is the system, any other a tenant. Each
//! domain has data keys of its own, in versions. They lie in the file `keys` of the data directory,
//! wrapped by the master key, which comes from elsewhere ([`MasterKeySource`]).
//!
//! ```text
//! master key ──HKDF──▶ wrapping key ──AES-256-GCM──▶ data key (domain, version)
//!                                                        │ HKDF, salt = id of the file
//!                                                        ▼
//!                                             key of one file ──AEAD──▶ messages
//! ```
//!
//! A sealed message:
//!
//! ```text
//! 0   format, 1
//! 1   algorithm: 1 = AES-256-GCM, 2 = ChaCha20-Poly1305
//! 2   version of the domain's data key, little endian, 4 bytes
//! 6   nonce, 12 bytes
//! 18  the text, as long as it was
//! ..  tag, 16 bytes
//! ```
//!
//! The first six bytes, the domain, and the context that the caller gives are bound to it: a message
//! that was moved, or that lies under another domain, does not open.
//!
//! **Bounds.** A nonce of 96 bits may be drawn by chance for 2^32 messages under one key (NIST SP
//! 800-38D, 8.3). Here the key is that of one file, a process begins at a nonce drawn by chance for
//! each such key it holds, and counts up from there; a file of the store has far fewer messages than
//! that. How many files and bytes a data key serves is not bounded by this.
//!
//! **What is not hidden:** the domains, the sizes and the number of messages, and which of them are of
//! one domain. **What is not prevented:** that whoever can write to the disk puts an older copy of a
//! file back.

mod algorithm;
mod command;
mod derive;
mod disk;
mod error;
mod file;
mod key_file;
mod master;
mod message;
mod ring;

pub use algorithm::Algorithm;
pub use command::{COMMAND_BYTES_MAX, COMMAND_TIME_MAX};
pub use error::KeyringError;
pub use file::{DOMAINS_MAX, KEYS_FILE, VERSIONS_MAX};
pub use key_file::default_file;
pub use master::{MasterKey, MasterKeyId, MasterKeySource, Which};
pub use message::OVERHEAD_BYTES;
pub use ring::{
    Domain, FileId, KeyStatus, Keyring, KeyringSettings, Opened, Rotated, Seconds, Status,
    fresh_file_id,
};

/// The domain of what belongs to no tenant.
pub const SYSTEM: Domain = 0;
