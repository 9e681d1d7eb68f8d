//! The journal: every commit in order, in files that are only appended to.
//!
//! It is the one thing a commit waits for. A frame holds all that one commit of several callers
//! wrote, under one checksum, so that a frame counts as a whole or not at all.

mod frame;
mod reader;
mod record;
mod recovery;
mod segment;
mod writer;

pub use frame::{Frame, FrameError};
pub use reader::JournalReader;
pub use record::{
    EventRecord, HeaderWrite, HistoryRecord, Record, RecordReader, Sections, put_document,
    put_event, put_history, put_names,
};
pub use recovery::recover;
pub use segment::segments;
pub use writer::JournalWriter;

/// A place between two frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub segment: u64,
    pub offset: u64,
}
