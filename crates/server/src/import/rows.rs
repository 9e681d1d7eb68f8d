//! CSV: the first row names the columns.

use std::fmt;

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord};

use super::input::{Input, Place, Source, SourceError};
use super::mapping::{Mapping, Row};
use super::records::Record;

pub struct Rows {
    reader: csv::Reader<Box<dyn Source>>,
    columns: StringRecord,
    mapping: Mapping,
}

impl Rows {
    /// Refuses a mapping that names a column there is not.
    pub fn open(input: Input, mapping: Mapping) -> Result<Rows, SourceError> {
        let mut reader = ReaderBuilder::new()
            .delimiter(mapping.delimiter())
            .flexible(false)
            .trim(csv::Trim::All)
            .from_reader(input.into_source());
        let columns = reader.headers().map_err(broken)?.clone();
        let columns: StringRecord =
            columns.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
        for wanted in mapping.columns() {
            if !columns.iter().any(|name| name == wanted) {
                let known: Vec<&str> = columns.iter().collect();
                let problem =
                    format!("there is no column `{wanted}`; there are: {}", known.join(", "));
                return Err(SourceError::Broken { line: 1, problem });
            }
        }
        Ok(Rows { reader, columns, mapping })
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
                Ok(Some(Record { line, entity: self.mapping.entity(&cells) }))
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
