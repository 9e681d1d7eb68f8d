//! Sorted tables: what the journal says, arranged for finding.
//!
//! Changes gather in a layer in memory, which is written out as a whole when it has grown. Until
//! then the journal alone keeps them; a checkpoint tells from where it must be read again.

mod key;
mod layer;
mod scan;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use fjall::config::{BlockSizePolicy, CompressionPolicy, FilterPolicy};
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Slice,
    Snapshot,
};

use store::StoreError;

use crate::keys::EntityNumber;
use crate::shared::unreadable;

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
    /// Number of an entity -> what is known of its evolution beside its readings, where the entity
    /// itself does not tell.
    Evolutions,
    /// Number of an entity and of a layer -> the entries of history that the layer held.
    Recent,
    /// Number of an entity -> the entries of its short series; with a series and a moment -> the
    /// readings from that moment on.
    Chunks,
    /// A series, a level and a moment -> what the numbers of the periods from there on came to.
    Rollups,
    /// Index entries; nothing but keys.
    Index,
}

impl Table {
    pub const ALL: [Table; 9] = [
        Table::Names,
        Table::Ids,
        Table::Entities,
        Table::Documents,
        Table::Evolutions,
        Table::Recent,
        Table::Chunks,
        Table::Rollups,
        Table::Index,
    ];

    fn name(self) -> &'static str {
        match self {
            Table::Names => "names",
            Table::Ids => "ids",
            Table::Entities => "entities",
            Table::Documents => "documents",
            Table::Evolutions => "evolutions",
            Table::Recent => "recent",
            Table::Chunks => "chunks",
            Table::Rollups => "rollups",
            Table::Index => "index",
        }
    }

    fn options(self) -> KeyspaceCreateOptions {
        let options = KeyspaceCreateOptions::default();
        match self {
            // Only ever scanned.
            Table::Recent | Table::Chunks | Table::Rollups => options
                .filter_policy(FilterPolicy::disabled())
                .data_block_size_policy(BlockSizePolicy::all(16 * 1024))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4)),
            Table::Index => options
                .filter_policy(FilterPolicy::disabled())
                .data_block_size_policy(BlockSizePolicy::all(8 * 1024))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4)),
            // Asked for what is there.
            Table::Entities | Table::Names => options.expect_point_read_hits(true),
            Table::Ids | Table::Documents | Table::Evolutions => options,
        }
    }
}

/// The engine takes no longer keys. Ours stay far below: identifiers and scopes have limits.
const KEY_BYTES_MAX: usize = u16::MAX as usize;

#[derive(Debug)]
pub struct Tables {
    layers: RwLock<Layers>,
    disk: Disk,
    /// One ingestion of a table at a time.
    turns: [Mutex<()>; Table::ALL.len()],
}

#[derive(Clone, Debug)]
struct Layers {
    /// Takes the writes.
    active: Arc<Layer>,
    /// Is being written out.
    frozen: Option<Arc<Layer>>,
}

struct Disk {
    database: Database,
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
        let disk = Disk { database, keyspaces };
        Ok(Tables { layers: RwLock::new(layers), disk, turns: Default::default() })
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
    /// comes to the same. `sequence` is greater than that of any layer before.
    pub fn write_out(&self, frozen: &Layer, sequence: u64) -> Result<(), fjall::Error> {
        for table in Table::ALL {
            if table == Table::Recent {
                self.write_fragments(frozen, sequence)?;
                continue;
            }
            if frozen.is_empty(table) {
                continue;
            }
            let _turn = self.turns[table as usize].lock().unwrap_or_else(PoisonError::into_inner);
            let mut ingestion = self.disk.keyspace(table).start_ingestion()?;
            frozen.for_each(table, |key, value| match value {
                Some(value) => ingestion.write(key, value),
                None => ingestion.write_tombstone(key),
            })?;
            ingestion.finish()?;
        }
        Ok(())
    }

    fn write_fragments(&self, frozen: &Layer, sequence: u64) -> Result<(), fjall::Error> {
        let fragments = frozen.fragments();
        if fragments.is_empty() {
            return Ok(());
        }
        let key = |entity: EntityNumber| [entity.0.to_be_bytes(), sequence.to_be_bytes()].concat();
        let entries = fragments.iter().map(|(entity, text)| (key(*entity), Some(text.as_bytes())));
        self.ingest(Table::Recent, entries)
    }

    /// Writes entries, given in the order of their keys, to disk and waits for it; nothing stands
    /// for the removal of a key. Readers see all of them at once.
    pub fn ingest<V: AsRef<[u8]>>(
        &self,
        table: Table,
        entries: impl Iterator<Item = (Vec<u8>, Option<V>)>,
    ) -> Result<(), fjall::Error> {
        let _turn = self.turns[table as usize].lock().unwrap_or_else(PoisonError::into_inner);
        let mut ingestion = self.disk.keyspace(table).start_ingestion()?;
        for (key, value) in entries {
            match value {
                Some(value) => ingestion.write(key, value.as_ref())?,
                None => ingestion.write_tombstone(key)?,
            }
        }
        ingestion.finish()
    }

    /// Writes a few entries of several tables to disk, all of them or none, and waits for it;
    /// nothing stands for the removal of a key.
    pub fn write(
        &self,
        entries: impl IntoIterator<Item = (Table, Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), fjall::Error> {
        let mut batch = self.disk.database.batch().durability(Some(PersistMode::SyncAll));
        for (table, key, value) in entries {
            match value {
                Some(value) => batch.insert(self.disk.keyspace(table), key, value),
                None => batch.remove(self.disk.keyspace(table), key),
            }
        }
        batch.commit()
    }

    /// What is on disk now.
    pub fn view(&self) -> View<'_> {
        View { disk: &self.disk, snapshot: self.disk.database.snapshot() }
    }

    /// The fragments of an entity's history that have not been merged, the oldest first, and what
    /// was on disk at that moment. What was being written out or merged is in both.
    pub fn fragments(&self, entity: EntityNumber) -> Result<(Vec<Arc<str>>, View<'_>), StoreError> {
        // The guard keeps a write-out from ending between the memory and the disk.
        let guard = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        let layers = [guard.frozen.clone(), Some(guard.active.clone())];
        let in_memory = layers.into_iter().flatten().filter_map(|layer| layer.fragment(entity));
        let in_memory: Vec<Arc<str>> = in_memory.map(Arc::from).collect();
        let view = self.view();
        drop(guard);
        let (from, to) = (entity.0.to_be_bytes(), (entity.0.saturating_add(1)).to_be_bytes());
        let mut fragments = Vec::new();
        for entry in view.range(Table::Recent, &from, &to) {
            let (_, text) = entry.map_err(unreadable)?;
            fragments.push(fragment_text(&text)?);
        }
        fragments.extend(in_memory);
        Ok((fragments, view))
    }

    /// Lets go of the frozen layer, which is on disk and under a checkpoint now.
    pub fn thaw(&self) {
        self.layers.write().unwrap_or_else(PoisonError::into_inner).frozen = None;
    }
}

/// All tables as they were on disk at one moment.
pub struct View<'a> {
    disk: &'a Disk,
    snapshot: Snapshot,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

impl View<'_> {
    /// The entries from one key (included) to another (excluded), of a table whose layers are of
    /// another kind.
    pub fn range(&self, table: Table, from: &[u8], to: &[u8]) -> DiskRange {
        DiskRange(self.snapshot.range(self.disk.keyspace(table), from..to))
    }

    /// The first entry from a key on.
    pub fn first_from(
        &self,
        table: Table,
        from: &[u8],
    ) -> Result<Option<(Slice, Slice)>, StoreError> {
        self.range(table, from, &[0xff; 32]).next().transpose().map_err(unreadable)
    }
}

/// Entries of a table, in the order of their keys, from both ends.
pub struct DiskRange(fjall::Iter);

impl Iterator for DiskRange {
    type Item = Result<(Slice, Slice), fjall::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|guard| guard.into_inner())
    }
}

impl DoubleEndedIterator for DiskRange {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|guard| guard.into_inner())
    }
}

impl Disk {
    fn keyspace(&self, table: Table) -> &Keyspace {
        &self.keyspaces[table as usize]
    }
}

/// Entries of history as a table has them.
pub fn fragment_text(bytes: &[u8]) -> Result<Arc<str>, StoreError> {
    std::str::from_utf8(bytes).map(Arc::from).map_err(|error| StoreError::Damaged {
        place: "a fragment of history".to_owned(),
        problem: error.to_string(),
    })
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
