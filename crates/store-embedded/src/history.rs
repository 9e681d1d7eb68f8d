//! The evolution of entities: every value an attribute has had.
//!
//! What a commit adds goes, as entries of a text, to the end of its entity's fragment in the layer
//! in memory. With the layer it is written out to the table of recent fragments; when some of
//! those have gathered, they are merged: readings of one series (one attribute, one dataset) lie
//! then together in time order, in compressed chunks with their summaries. Series with few
//! readings stay together in one text for each entity.

mod aggregate;
mod answer;
mod check;
mod chunk;
mod column;
mod decimal;
mod entry;
mod fragments;
mod header;
mod merge;
mod plan;
mod read;
mod retain;
mod rollup;
mod row;
mod run;
mod series;
mod write;

pub use check::check;
pub use entry::{Cleared, Entries};
pub use header::Header;
pub use merge::{Merged, merge, merge_all};
pub use read::Weave;
pub use retain::retain;
pub use run::{evolution, query};
pub use series::{Axis, SeriesKey, Span};
pub use write::write_history;
