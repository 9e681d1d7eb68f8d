//! Readings as Parquet, for data frames: columns with types, in groups of rows that fit in memory.

use std::io::Write;
use std::sync::Arc;

use model::DateTime;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use store::Evolution;

use super::Sink;
use super::sink::rows;
use crate::failure::Failure;
use crate::reading_row::ReadingRow;

/// The columns of [`ReadingRow`], and beside `value`, which is JSON, `number` for what is one.
const SCHEMA: &str = "message readings {
    required binary id (STRING);
    required binary type (STRING);
    required binary attribute (STRING);
    required binary kind (STRING);
    optional double number;
    optional binary value (STRING);
    optional binary unitCode (STRING);
    optional binary datasetId (STRING);
    optional int64 observedAt (TIMESTAMP(MICROS,true));
    optional int64 createdAt (TIMESTAMP(MICROS,true));
    optional int64 modifiedAt (TIMESTAMP(MICROS,true));
    optional int64 deletedAt (TIMESTAMP(MICROS,true));
    optional binary members (STRING);
}";

/// How many rows stand together.
const GROUP: usize = 100_000;

pub(super) struct Parquet<W: Write + Send> {
    /// Nothing once it is finished.
    writer: Option<SerializedFileWriter<W>>,
    rows: Vec<ReadingRow>,
}

impl<W: Write + Send> Parquet<W> {
    pub fn new(out: W) -> Result<Parquet<W>, Failure> {
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(failed)?);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties));
        Ok(Parquet { writer: Some(writer.map_err(failed)?), rows: Vec::new() })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        let Some(writer) = self.writer.as_mut().filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        let mut group = writer.next_row_group()?;
        let mut at = 0;
        while let Some(mut column) = group.next_column()? {
            write_column(column.untyped(), at, &rows)?;
            column.close()?;
            at += 1;
        }
        group.close()?;
        Ok(())
    }
}

impl<W: Write + Send> Sink for Parquet<W> {
    fn evolution(&mut self, evolution: &Evolution) -> Result<(), Failure> {
        for row in rows(evolution)? {
            self.rows.push(row);
            if self.rows.len() >= GROUP {
                self.write_group().map_err(failed)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.write_group().map_err(failed)?;
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(error: ParquetError) -> Failure {
    Failure::Refused(format!("the Parquet file could not be written: {error}"))
}

/// One column of all rows; `at` is its place in the schema.
fn write_column(
    column: &mut ColumnWriter<'_>,
    at: usize,
    rows: &[ReadingRow],
) -> Result<(), ParquetError> {
    match column {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let cells = rows.iter().map(|row| text(row, at));
            let is_required = at < REQUIRED;
            let present = cells.clone().filter(|cell| is_required || !cell.is_empty());
            let values: Vec<ByteArray> = present.map(ByteArray::from).collect();
            let levels: Vec<i16> = cells.map(|cell| i16::from(!cell.is_empty())).collect();
            writer.write_batch(&values, (!is_required).then_some(&levels), None)?;
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let numbers: Vec<Option<f64>> = rows.iter().map(number).collect();
            let (values, levels) = parts(&numbers);
            writer.write_batch(&values, Some(&levels), None)?;
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let moments: Vec<Option<i64>> = rows.iter().map(|row| moment(text(row, at))).collect();
            let (values, levels) = parts(&moments);
            writer.write_batch(&values, Some(&levels), None)?;
        }
        _ => return Err(ParquetError::General("a column of an unknown type".to_owned())),
    }
    Ok(())
}

/// So many columns have something in every row.
const REQUIRED: usize = 4;

/// The cell of a row in the column at this place of the schema.
fn text(row: &ReadingRow, at: usize) -> &str {
    let cells: [&str; 13] = [
        &row.id,
        &row.types,
        &row.attribute,
        &row.kind,
        // The number, which is no text.
        "",
        &row.value,
        &row.unit_code,
        &row.dataset_id,
        &row.observed_at,
        &row.created_at,
        &row.modified_at,
        &row.deleted_at,
        &row.members,
    ];
    cells.get(at).copied().unwrap_or_default()
}

fn number(row: &ReadingRow) -> Option<f64> {
    let is_number = row.value.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    row.value.parse().ok().filter(|_| is_number)
}

/// Microseconds since 1970.
fn moment(text: &str) -> Option<i64> {
    Some(DateTime::parse(text).ok()?.instant().0)
}

/// The values that are there, and for each row whether there is one.
fn parts<T: Copy>(cells: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
    let values = cells.iter().flatten().copied().collect();
    (values, cells.iter().map(|cell| i16::from(cell.is_some())).collect())
}
