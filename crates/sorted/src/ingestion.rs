//! Ingestion: a run of a table, written entry by entry.

use std::sync::Arc;

use crate::engine::{Inner, TableId};
use crate::error::Error;
use crate::file::File;
use crate::options::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::writer::RunWriter;

/// Entries in the order of their keys, which become visible as a whole. Dropped without
/// [`Ingestion::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Ingestion {
    inner: Arc<Inner>,
    table: usize,
    writer: RunWriter,
    last_key: Option<Vec<u8>>,
}

impl Ingestion {
    pub(crate) fn begin(inner: &Arc<Inner>, table: TableId) -> Result<Ingestion, Error> {
        if table.0 < inner.shared.tables.len() {
            inner.wait_for_turn(&[table.0])?;
        }
        Ingestion::begin_now(inner, table)
    }

    /// For those who have waited for their turn.
    pub(crate) fn begin_now(inner: &Arc<Inner>, table: TableId) -> Result<Ingestion, Error> {
        let TableId(table) = table;
        if inner.shared.tables.len() <= table {
            return Err(Error::UnknownTable(table));
        }
        let writer = RunWriter::new(&inner.shared, table, &inner.ids, inner.sizes.file_bytes);
        Ok(Ingestion { inner: inner.clone(), table, writer, last_key: None })
    }

    pub fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.push(key, Some(value))
    }

    /// Removes a key, whether it is there or not.
    pub fn tombstone(&mut self, key: &[u8]) -> Result<(), Error> {
        self.push(key, None)
    }

    pub(crate) fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        let name = || self.inner.shared.table_name(self.table);
        let value_bytes = value.map_or(0, <[u8]>::len);
        if KEY_BYTES_MAX < key.len() {
            return Err(Error::KeyTooLong { table: name(), bytes: key.len() });
        }
        if VALUE_BYTES_MAX < value_bytes {
            return Err(Error::ValueTooLong { table: name(), bytes: value_bytes });
        }
        match &mut self.last_key {
            Some(last) if key <= last.as_slice() => return Err(Error::OutOfOrder(name())),
            Some(last) => {
                last.clear();
                last.extend_from_slice(key);
            }
            None => self.last_key = Some(key.to_vec()),
        }
        self.writer.push(key, value)
    }

    /// Makes the entries visible, all at once. They are on disk when this returns.
    pub fn finish(self) -> Result<(), Error> {
        let (inner, table) = (self.inner.clone(), self.table);
        inner.publish(vec![(table, self.into_files()?)])
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub fn table(&self) -> TableId {
        TableId(self.table)
    }

    /// The files of the run, which belong to no version yet.
    pub(crate) fn into_files(self) -> Result<Vec<Arc<File>>, Error> {
        self.writer.finish()
    }
}
