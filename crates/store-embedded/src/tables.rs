//! Sorted tables: what the journal says, arranged for finding.
//!
//! Changes gather in a layer in memory, which is written out as a whole when it has grown. Until
//! then the journal alone keeps them; a checkpoint tells from where it must be read again.

mod key;
mod layer;
mod scan;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use fjall::config::{BlockSizePolicy, CompressionPolicy, FilterPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, Slice};

pub use layer::{Layer, Writes};
pub use scan::Scan;

/// The tables, in the order in which they are written out: whatever names something comes before
/// what uses the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Number of a name -> its text.
    Names,
    /// Tenant and id -> number of the entity.
    Ids,
    /// Number of an entity -> its bytes.
    Entities,
    /// Document key -> document.
    Documents,
    /// Index entries; nothing but keys.
    Index,
}

impl Table {
    pub const ALL: [Table; 5] =
        [Table::Names, Table::Ids, Table::Entities, Table::Documents, Table::Index];

    fn name(self) -> &'static str {
        match self {
            Table::Names => "names",
            Table::Ids => "ids",
            Table::Entities => "entities",
            Table::Documents => "documents",
            Table::Index => "index",
        }
    }

    fn options(self) -> KeyspaceCreateOptions {
        let options = KeyspaceCreateOptions::default();
        match self {
            // Only ever scanned.
            Table::Index => options
                .filter_policy(FilterPolicy::disabled())
                .data_block_size_policy(BlockSizePolicy::all(8 * 1024))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4)),
            // Asked for what is there.
            Table::Entities | Table::Names => options.expect_point_read_hits(true),
            Table::Ids | Table::Documents => options,
        }
    }
}

/// The engine takes no longer keys. Ours stay far below: identifiers and scopes have limits.
const KEY_BYTES_MAX: usize = u16::MAX as usize;

#[derive(Debug)]
pub struct Tables {
    layers: RwLock<Layers>,
    disk: Disk,
}

#[derive(Clone, Debug)]
struct Layers {
    /// Takes the writes.
    active: Arc<Layer>,
    /// Is being written out.
    frozen: Option<Arc<Layer>>,
}

struct Disk {
    /// Kept open for the keyspaces, which are parts of it.
    _database: Database,
    keyspaces: [Keyspace; Table::ALL.len()],
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").finish_non_exhaustive()
    }
}

impl Tables {
    pub fn open(directory: &Path, block_cache_bytes: u64) -> Result<Tables, fjall::Error> {
        let database = Database::builder(directory)
            .cache_size(block_cache_bytes)
            .worker_threads(1)
            .max_journaling_size(64 * 1024 * 1024)
            .open()?;
        let mut keyspaces = Vec::with_capacity(Table::ALL.len());
        for table in Table::ALL {
            keyspaces.push(database.keyspace(table.name(), || table.options())?);
        }
        let keyspaces = keyspaces.try_into().map_err(|_| fjall::Error::Locked)?;
        let layers = Layers { active: Arc::default(), frozen: None };
        Ok(Tables { layers: RwLock::new(layers), disk: Disk { _database: database, keyspaces } })
    }

    fn layers(&self) -> Layers {
        self.layers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes writes visible, all at once.
    pub fn publish(&self, writes: Writes) {
        self.layers().active.publish(writes);
    }

    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Slice>, fjall::Error> {
        if key.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        let layers = self.layers();
        let in_memory = layers
            .active
            .get(table, key)
            .or_else(|| layers.frozen.as_ref().and_then(|frozen| frozen.get(table, key)));
        match in_memory {
            Some(value) => Ok(value),
            None => self.disk.keyspace(table).get(key),
        }
    }

    /// The entries from `from` (included) to `to` (excluded), in key order, as they are now:
    /// writes that begin later may be missing.
    pub fn scan(&self, table: Table, from: Vec<u8>, to: Vec<u8>) -> Scan {
        // The guard keeps a write-out from ending between the memory and the disk.
        let guard = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        let layers = [Some(guard.active.clone()), guard.frozen.clone()];
        let disk = self.disk.keyspace(table).range(from.clone()..to.clone());
        drop(guard);
        Scan::new(table, layers.into_iter().flatten().collect(), disk, from, to)
    }

    /// The entries whose keys begin with `prefix`.
    pub fn scan_prefix(&self, table: Table, prefix: &[u8]) -> Scan {
        self.scan(table, prefix.to_vec(), after_prefix(prefix))
    }

    pub fn active_bytes(&self) -> usize {
        self.layers().active.bytes()
    }

    /// Closes the active layer for [`Tables::write_out`] and opens an empty one.
    pub fn freeze(&self) -> Arc<Layer> {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let frozen = std::mem::take(&mut layers.active);
        layers.frozen = Some(frozen.clone());
        frozen
    }

    /// Writes the frozen layer to disk and waits for it. Done again after a crash or an error, it
    /// comes to the same.
    pub fn write_out(&self, frozen: &Layer) -> Result<(), fjall::Error> {
        for table in Table::ALL {
            let mut ingestion = self.disk.keyspace(table).start_ingestion()?;
            frozen.for_each(table, |key, value| match value {
                Some(value) => ingestion.write(key, value),
                None => ingestion.write_tombstone(key),
            })?;
            ingestion.finish()?;
        }
        Ok(())
    }

    /// Lets go of the frozen layer, which is on disk and under a checkpoint now.
    pub fn thaw(&self) {
        self.layers.write().unwrap_or_else(PoisonError::into_inner).frozen = None;
    }
}

impl Disk {
    fn keyspace(&self, table: Table) -> &Keyspace {
        &self.keyspaces[table as usize]
    }
}

/// The smallest key after all that begin with `prefix`.
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    // Nothing but 0xff: no key of ours is as long as this.
    vec![0xff; 1024]
}
