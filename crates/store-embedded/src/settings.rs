//! What an operator can set.

use std::path::PathBuf;
use std::time::Duration;

use crate::encryption::EncryptionSettings;

/// How an embedded store behaves.
#[derive(Clone, Debug)]
pub struct EmbeddedSettings {
    /// The directory that holds everything.
    pub directory: PathBuf,
    /// What seals the files of the directory.
    pub encryption: EncryptionSettings,
    /// What the store may hold in memory beyond the vocabulary: caches and changes that are on
    /// disk in the journal but not yet in the tables.
    pub memory_bytes: usize,
    /// Writes are refused while less than this is free on the disk.
    pub disk_reserve_bytes: u64,
    /// The journal is cut back to about this size, oldest events first.
    pub journal_bytes_max: u64,
    /// The journal is a row of files of about this size; it is cut back by whole files.
    pub journal_segment_bytes: u64,
    /// Events older than this are cut off.
    pub journal_age_max: Duration,
    /// How many candidate entities one query may read.
    pub query_entities_max: usize,
    /// How many matching entities one query may hold to sort them.
    pub query_sort_max: usize,
    /// How many entities are counted for one who asks which types and attributes there are and may
    /// not see all; who may is told from counts that are kept.
    pub census_entities_max: usize,
    /// How many readings of one entity a query may hold: to look whether a filter holds for any of
    /// them, or to put them in another order than that in which they lie.
    pub query_readings_max: usize,
    /// How many attributes an entity may have.
    pub attributes_max: usize,
}

impl EmbeddedSettings {
    /// The defaults, for a directory.
    pub fn new(directory: impl Into<PathBuf>) -> EmbeddedSettings {
        EmbeddedSettings {
            directory: directory.into(),
            encryption: EncryptionSettings::Off(None),
            memory_bytes: 256 * 1024 * 1024,
            disk_reserve_bytes: 256 * 1024 * 1024,
            journal_bytes_max: 4 * 1024 * 1024 * 1024,
            journal_segment_bytes: 64 * 1024 * 1024,
            journal_age_max: Duration::from_secs(7 * 24 * 3600),
            query_entities_max: 10_000_000,
            query_sort_max: 1_000_000,
            census_entities_max: 100_000,
            query_readings_max: 1_000_000,
            attributes_max: 1_000,
        }
    }

    pub(crate) fn journal_directory(&self) -> PathBuf {
        self.directory.join("journal")
    }

    pub(crate) fn tables_directory(&self) -> PathBuf {
        self.directory.join("tables")
    }

    /// Changes not yet in the tables: at most this, and the same again while it is written out.
    pub(crate) fn delta_bytes(&self) -> usize {
        self.memory_bytes / 6
    }

    pub(crate) fn block_cache_bytes(&self) -> u64 {
        (self.memory_bytes / 6) as u64
    }

    pub(crate) fn entity_cache_bytes(&self) -> u64 {
        (self.memory_bytes / 3) as u64
    }
}
