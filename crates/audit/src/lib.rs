//! The record of who did what: entries, the chain that seals them, and the verifier that tells
//! whether a record was altered, cut or reordered.
//!
//! A record is lines of JSON. Each holds its sequence number and the hash of the line before; now
//! and then a head signs how far the record goes. Nothing here reads a clock, a file or chance.

mod text;
mod target;
mod entry;
mod hash;
mod key;
mod line;
mod chain;
mod excerpt;
mod verify;
pub mod schema;
pub mod syslog;

pub use chain::{Chain, Mark, ResumeError};
pub use entry::{DETAILS_MAX, Details, Entry, Event, Identity, Outcome, Who};
pub use excerpt::{Excerpt, HANDOVERS_MAX};
pub use hash::{Anchor, Hash, HashAlgorithm, NotAHash, NotAnAnchor};
pub use key::{KeyId, NotAKey, PublicKey, Signature, SignatureAlgorithm, SigningKey};
pub use line::{Body, Gap, GapCause, LINE_BYTES_MAX, Line, LineError, NamedKey, Opening, RecordId};
pub use text::Text;
pub use verify::{
    ANCHORS_MAX, Begins, FINDINGS_MAX, Fault, Finding, Report, Trust, UNSIGNED_LINES_MAX, Verifier,
    verify,
};
