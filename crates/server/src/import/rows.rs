//! CSV: the first row names the columns.

use std::fmt;

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord};

use super::input::{Input, Place, Source, SourceError};
use super::mapping::{Mapping, Row};
use super::records::Record;
use crate::reading_row::ReadingRow;

pub struct Rows {
    reader: csv::Reader<Box<dyn Source>>,
    columns: StringRecord,
    layout: Layout,
}

/// What a row is.
#[derive(Clone, Debug)]
pub enum Layout {
    /// An entity.
    Entities(Mapping),
    /// A reading of each attribute of an entity.
    Readings(Mapping),
    /// One reading, in the columns of [`ReadingRow`].
    Plain,
}

impl Rows {
    /// Refuses a layout that needs a column there is not.
    pub fn open(input: Input, layout: Layout) -> Result<Rows, SourceError> {
        let mut reader = ReaderBuilder::new()
            .delimiter(layout.delimiter())
            .flexible(false)
            .trim(csv::Trim::All)
            .from_reader(input.into_source());
        let columns = reader.headers().map_err(broken)?.clone();
        let columns: StringRecord =
            columns.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
        for wanted in layout.columns() {
            if !columns.iter().any(|name| name == wanted) {
                let known: Vec<&str> = columns.iter().collect();
                let problem =
                    format!("there is no column `{wanted}`; there are: {}", known.join(", "));
                return Err(SourceError::Broken { line: 1, problem });
            }
        }
        Ok(Rows { reader, columns, layout })
    }

    pub fn place(&self) -> Place {
        let at = self.reader.position();
        Place { offset: at.byte(), line: at.line() }
    }

    pub fn seek(&mut self, place: Place) -> Result<(), SourceError> {
        let mut position = Position::new();
        position.set_byte(place.offset).set_line(place.line);
        self.reader.seek(position).map_err(broken)
    }

    /// The next row as an entity, or what is wrong with it.
    pub fn read(&mut self) -> Result<Option<Record>, SourceError> {
        let mut record = StringRecord::new();
        let line = self.place().line;
        match self.reader.read_record(&mut record) {
            Ok(false) => Ok(None),
            Ok(true) => {
                let line = record.position().map_or(line, Position::line);
                let cells = Cells { columns: &self.columns, record: &record };
                Ok(Some(Record { line, entity: self.layout.text(&cells) }))
            }
            // The row is stepped over; the reader stands after it.
            Err(error) => match error.kind() {
                ErrorKind::UnequalLengths { pos, expected_len, len } => {
                    let line = pos.as_ref().map_or(line, Position::line);
                    let problem = format!("the row has {len} cells; the first has {expected_len}");
                    Ok(Some(Record { line, entity: Err(problem) }))
                }
                ErrorKind::Utf8 { pos, .. } => {
                    let line = pos.as_ref().map_or(line, Position::line);
                    Ok(Some(Record { line, entity: Err("the row is not UTF-8".to_owned()) }))
                }
                _ => Err(broken(error)),
            },
        }
    }
}

impl Layout {
    fn delimiter(&self) -> u8 {
        match self {
            Layout::Entities(mapping) | Layout::Readings(mapping) => mapping.delimiter(),
            Layout::Plain => b',',
        }
    }

    fn columns(&self) -> Vec<&str> {
        match self {
            Layout::Entities(mapping) | Layout::Readings(mapping) => mapping.columns(),
            Layout::Plain => vec!["id", "attribute", "value"],
        }
    }

    fn text(&self, cells: &Cells<'_>) -> Result<String, String> {
        match self {
            Layout::Entities(mapping) => mapping.entity(cells),
            Layout::Readings(mapping) => mapping.readings(cells),
            Layout::Plain => {
                let cell = |name: &str| cells.cell(name).unwrap_or_default();
                let row = ReadingRow {
                    id: cell("id"),
                    types: cell("type"),
                    attribute: cell("attribute"),
                    kind: cell("kind"),
                    value: cell("value"),
                    unit_code: cell("unitCode"),
                    dataset_id: cell("datasetId"),
                    observed_at: cell("observedAt"),
                    deleted_at: cell("deletedAt"),
                    members: cell("members"),
                    ..ReadingRow::default()
                };
                row.evolution()
            }
        }
    }
}

fn broken(error: csv::Error) -> SourceError {
    let line = error.position().map_or(1, Position::line);
    match error.into_kind() {
        ErrorKind::Io(error) => SourceError::Io(error),
        other => SourceError::Broken { line, problem: format!("not CSV: {other:?}") },
    }
}

struct Cells<'a> {
    columns: &'a StringRecord,
    record: &'a StringRecord,
}

impl Row for Cells<'_> {
    fn cell(&self, column: &str) -> Option<String> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.record.get(at).filter(|cell| !cell.is_empty()).map(str::to_owned)
    }

    fn geometry(&self) -> Option<&serde_json::Value> {
        None
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("columns", &self.columns).finish_non_exhaustive()
    }
}
