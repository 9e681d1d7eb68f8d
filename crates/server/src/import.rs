//! Bulk import: files of any size become entities, a batch at a time.
//!
//! An import reads a file once, from front to back, and holds one batch of it in memory. After
//! each batch it notes how far it came, so that an import that was stopped goes on from there.

mod bar;
mod contexts;
mod elements;
mod feature;
mod input;
mod json;
mod lines;
mod mapping;
mod progress;
mod records;
mod report;
mod rows;
mod run;

pub use bar::Bar;
pub use contexts::Contexts;
pub use input::{Input, Place, SourceError};
pub use mapping::{Mapping, MappingError};
pub use progress::{Progress, ProgressFile};
pub use records::{Format, Records, Shape};
pub use report::Report;
pub use run::{Import, ImportError, Mode, Outcome};
