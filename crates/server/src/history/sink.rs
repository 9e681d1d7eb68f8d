//! Where readings go: lines of JSON, or rows of a table.

use std::io::Write;

use jsonld::Context;
use ngsi_ld::write::{self, Shape, Telling};
use store::Evolution;

use super::parquet::Parquet;
use crate::failure::Failure;
use crate::reading_row::ReadingRow;

/// How readings are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Temporal evolutions, one on each line.
    Ndjson,
    Csv,
    Parquet,
}

/// Takes evolutions, a part at a time.
pub trait Sink {
    fn evolution(&mut self, evolution: &Evolution) -> Result<(), Failure>;

    /// Writes what is still in memory. Nothing may follow.
    fn finish(&mut self) -> Result<(), Failure>;
}

pub fn sink(layout: Layout, out: impl Write + Send + 'static) -> Result<Box<dyn Sink>, Failure> {
    Ok(match layout {
        Layout::Ndjson => Box::new(Lines { out, context: Context::core() }),
        Layout::Csv => Box::new(Csv { out: csv::Writer::from_writer(out) }),
        Layout::Parquet => Box::new(Parquet::new(out)?),
    })
}

/// As the core context has it: what is not of the standard has its whole name.
fn text(evolution: &Evolution, context: &Context) -> String {
    let mut text = String::new();
    let shape = Shape { sys_attrs: true, ..Shape::default() };
    write::evolution(&mut text, evolution, context, &shape, Telling::Instances);
    text
}

pub(super) fn rows(evolution: &Evolution) -> Result<Vec<ReadingRow>, Failure> {
    let rows = ReadingRow::of_evolution(&text(evolution, &Context::core()));
    rows.map_err(|error| Failure::Refused(format!("{}: {error}", evolution.header.id)))
}

struct Lines<W> {
    out: W,
    context: std::sync::Arc<Context>,
}

impl<W: Write> Sink for Lines<W> {
    fn evolution(&mut self, evolution: &Evolution) -> Result<(), Failure> {
        let line = text(evolution, &self.context);
        writeln!(self.out, "{line}").map_err(Failure::io("the output"))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::io("the output"))
    }
}

struct Csv<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> Sink for Csv<W> {
    fn evolution(&mut self, evolution: &Evolution) -> Result<(), Failure> {
        for row in rows(evolution)? {
            let written = self.out.serialize(row);
            written.map_err(|error| Failure::io("the output")(error.into()))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::io("the output"))
    }
}
