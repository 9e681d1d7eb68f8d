//! Settings of an engine and its tables.

use std::sync::Arc;

use crate::cipher::BlockCipher;
use crate::error::Error;

/// Longer keys are refused.
pub const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// Longer values are refused.
pub const VALUE_BYTES_MAX: usize = 256 * 1024 * 1024;

pub const BLOCK_BYTES_MIN: usize = 512;
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;
pub const TABLES_MAX: usize = 256;

#[derive(Debug)]
pub struct Options {
    /// The tables, in the order in which [`crate::TableId`] counts them.
    pub tables: Vec<TableOptions>,
    /// How much memory is used for blocks, indexes and filters.
    pub block_cache_bytes: u64,
    pub cipher: Arc<dyn BlockCipher>,
    pub sizes: Sizes,
}

#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// What tells the table apart on disk; the order of tables may change.
    pub name: &'static str,
    /// About how long a block is before it is compressed.
    pub block_bytes: usize,
    pub compression: Compression,
    /// Whether files have filters, which spare reads of keys that are not there.
    pub filter: bool,
    /// Whom a key belongs to. Blocks are sealed for one domain each.
    pub domain: fn(&[u8]) -> u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Lz4,
}

/// How large files and levels become. The defaults are meant for all but tests.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// A run is cut into files of about this size.
    pub file_bytes: u64,
    /// What the first level may hold.
    pub level_bytes: u64,
    /// How many times as much each next level may hold.
    pub level_ratio: u64,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { file_bytes: 32 << 20, level_bytes: 256 << 20, level_ratio: 10 }
    }
}

impl Options {
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |table: &TableOptions, problem| {
            Err(Error::Options { table: table.name.to_owned(), problem })
        };
        for (at, table) in self.tables.iter().enumerate() {
            if TABLES_MAX <= at {
                return wrong(table, "there are too many tables");
            }
            if table.name.is_empty() || usize::from(u8::MAX) < table.name.len() {
                return wrong(table, "the name must have 1 to 255 bytes");
            }
            if self.tables[..at].iter().any(|other| other.name == table.name) {
                return wrong(table, "the name is taken");
            }
            if !(BLOCK_BYTES_MIN..=BLOCK_BYTES_MAX).contains(&table.block_bytes) {
                return wrong(table, "a block takes 512 bytes to 64 KiB");
            }
        }
        Ok(())
    }
}
