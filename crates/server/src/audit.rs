//! The ledger: the record of who did what, kept in the data directory.
//!
//! ```text
//! DIR/audit/LOCK                          held by the process that writes
//! DIR/audit/key                           the key that signs; its owner's alone
//! DIR/audit/00000000000000000001.ndjson   lines, in segments named by their first number
//! DIR/audit/torn-...                      what a crash left of a last line
//! DIR/audit/key.old-...                   the key of a record of which no line is left
//! DIR/audit/....untold                    set aside just now; no line of the record tells of it yet
//! ```

mod files;
mod lines;
mod secret;
mod disk;
mod aside;
mod scan;
mod tail;
mod open;
mod retention;
mod settings;
mod alarm;
mod status;
mod folds;
mod writer;
mod ledger;
mod search;
mod export;
mod door;
mod sinks;
pub mod command;

pub(crate) use door::{AuditDoor, router};
pub use export::{ExportError, export};
pub use ledger::{Ledger, NotRecorded};
pub use open::LedgerError;
pub use search::{Page, SEARCH_BYTES_MAX, SEARCH_LIMIT_MAX, Search, search};
pub use settings::LedgerSettings;
pub(crate) use sinks::Sinks;
pub use status::Status;

#[cfg(test)]
mod tests;
