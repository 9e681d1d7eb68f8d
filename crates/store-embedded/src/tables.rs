//! Sorted tables: what the journal says, arranged for finding.
//!
//! Changes gather in a layer in memory, which is written out as a whole when it has grown. Until
//! then the journal alone keeps them; a checkpoint tells from where it must be read again.

mod key;
mod layer;
mod scan;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use sorted::{
    Compression, Damage, Engine, Ingestion, Options, Sizes, Slice, Snapshot, TableId, TableOptions,
};

use keyring::Domain;
use store::StoreError;

use crate::encryption::{Blocks, Encryption, domain_of};
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

    fn id(self) -> TableId {
        TableId(self as usize)
    }

    fn domain(self) -> fn(&[u8]) -> Domain {
        match self {
            Table::Names => |key| domain_of(Table::Names, key),
            Table::Ids => |key| domain_of(Table::Ids, key),
            Table::Entities => |key| domain_of(Table::Entities, key),
            Table::Documents => |key| domain_of(Table::Documents, key),
            Table::Evolutions => |key| domain_of(Table::Evolutions, key),
            Table::Recent => |key| domain_of(Table::Recent, key),
            Table::Chunks => |key| domain_of(Table::Chunks, key),
            Table::Rollups => |key| domain_of(Table::Rollups, key),
            Table::Index => |key| domain_of(Table::Index, key),
        }
    }

    fn options(self) -> TableOptions {
        let (block_bytes, filter) = match self {
            // Only ever scanned.
            Table::Recent | Table::Chunks | Table::Rollups => (16 * 1024, false),
            Table::Index => (8 * 1024, false),
            Table::Entities | Table::Names | Table::Ids => (4 * 1024, true),
            Table::Documents | Table::Evolutions => (4 * 1024, true),
        };
        TableOptions {
            name: self.name(),
            block_bytes,
            compression: Compression::Lz4,
            filter,
            domain: self.domain(),
        }
    }
}

/// The engine takes no longer keys. Ours stay far below: identifiers and scopes have limits.
const KEY_BYTES_MAX: usize = sorted::KEY_BYTES_MAX;

#[derive(Debug)]
pub struct Tables {
    layers: RwLock<Layers>,
    disk: Engine,
}

#[derive(Clone, Debug)]
struct Layers {
    /// Takes the writes.
    active: Arc<Layer>,
    /// Is being written out.
    frozen: Option<Arc<Layer>>,
}

impl Tables {
    pub fn open(
        directory: &Path,
        block_cache_bytes: u64,
        encryption: &Encryption,
    ) -> Result<Tables, sorted::Error> {
        let options = Options {
            tables: Table::ALL.map(Table::options).to_vec(),
            block_cache_bytes,
            cipher: Arc::new(Blocks(encryption.clone())),
            sizes: Sizes::default(),
        };
        let layers = Layers { active: Arc::default(), frozen: None };
        let disk = Engine::open(directory, options)?;
        Ok(Tables { layers: RwLock::new(layers), disk })
    }

    fn layers(&self) -> Layers {
        self.layers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes writes visible, all at once.
    pub fn publish(&self, writes: Writes) {
        self.layers().active.publish(writes);
    }

    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Slice>, sorted::Error> {
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
            None => self.disk.get(table.id(), key),
        }
    }

    /// The entries from `from` (included) to `to` (excluded), in key order, as they are now:
    /// writes that begin later may be missing.
    pub fn scan(&self, table: Table, from: Vec<u8>, to: Vec<u8>) -> Scan {
        // The guard keeps a write-out from ending between the memory and the disk.
        let guard = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        let layers = [Some(guard.active.clone()), guard.frozen.clone()];
        let disk = self.disk.range(table.id(), &from, &to);
        drop(guard);
        Scan::new(table, layers.into_iter().flatten().collect(), disk, from, to)
    }

    /// The entries whose keys begin with `prefix`.
    pub fn scan_prefix(&self, table: Table, prefix: &[u8]) -> Scan {
        self.scan(table, prefix.to_vec(), after_prefix(prefix))
    }

    /// Drops what is in memory of a domain whose key was destroyed, and has its blocks taken out of
    /// the files.
    pub fn forget(&self, domain: Domain) {
        self.disk.forget(domain);
        let layers = self.layers();
        layers.active.forget(domain);
        layers.frozen.iter().for_each(|frozen| frozen.forget(domain));
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

    /// Writes the frozen layer to disk, all of it at once, and waits for it. Done again after a
    /// crash or an error, it comes to the same. `sequence` is greater than that of any layer before.
    pub fn write_out(&self, frozen: &Layer, sequence: u64) -> Result<(), sorted::Error> {
        let mut ingestions = Vec::new();
        for table in Table::ALL {
            if table == Table::Recent {
                ingestions.extend(self.write_fragments(frozen, sequence)?);
                continue;
            }
            if frozen.is_empty(table) {
                continue;
            }
            let mut ingestion = self.disk.ingest(table.id())?;
            frozen.for_each(table, |key, value| put(&mut ingestion, key, value))?;
            ingestions.push(ingestion);
        }
        self.disk.finish(ingestions)
    }

    fn write_fragments(
        &self,
        frozen: &Layer,
        sequence: u64,
    ) -> Result<Option<Ingestion>, sorted::Error> {
        let fragments = frozen.fragments();
        if fragments.is_empty() {
            return Ok(None);
        }
        let mut ingestion = self.disk.ingest(Table::Recent.id())?;
        for (entity, text) in &fragments {
            let key = [entity.0.to_be_bytes(), sequence.to_be_bytes()].concat();
            ingestion.write(&key, text.as_bytes())?;
        }
        Ok(Some(ingestion))
    }

    /// Writes entries, given in the order of their keys, to disk and waits for it; nothing stands
    /// for the removal of a key. Readers see all of them at once.
    pub fn ingest<V: AsRef<[u8]>>(
        &self,
        table: Table,
        entries: impl Iterator<Item = (Vec<u8>, Option<V>)>,
    ) -> Result<(), sorted::Error> {
        let mut ingestion = self.disk.ingest(table.id())?;
        for (key, value) in entries {
            put(&mut ingestion, &key, value.as_ref().map(V::as_ref))?;
        }
        ingestion.finish()
    }

    /// Writes a few entries of several tables to disk, all of them or none, and waits for it;
    /// nothing stands for the removal of a key. Of several for a key the last one counts.
    pub fn write(
        &self,
        entries: impl IntoIterator<Item = (Table, Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), sorted::Error> {
        let mut tables: BTreeMap<TableId, BTreeMap<Vec<u8>, Option<Vec<u8>>>> = BTreeMap::new();
        for (table, key, value) in entries {
            tables.entry(table.id()).or_default().insert(key, value);
        }
        let sorted = tables.into_iter();
        self.disk.commit(sorted.map(|(table, entries)| (table, entries.into_iter().collect())))
    }

    /// Reads all blocks on disk, and tells which are damaged.
    pub fn verify(&self, note: impl FnMut(Damage)) -> Result<(), sorted::Error> {
        self.disk.verify(note).map(drop)
    }

    /// What is on disk now.
    pub fn view(&self) -> View {
        View { snapshot: self.disk.snapshot() }
    }

    /// The fragments of an entity's history that have not been merged, the oldest first, and what
    /// was on disk at that moment. What was being written out or merged is in both.
    pub fn fragments(&self, entity: EntityNumber) -> Result<(Vec<Arc<str>>, View), StoreError> {
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
#[derive(Debug)]
pub struct View {
    snapshot: Snapshot,
}

impl View {
    /// The entries from one key (included) to another (excluded), of a table whose layers are of
    /// another kind.
    pub fn range(&self, table: Table, from: &[u8], to: &[u8]) -> sorted::Range {
        self.snapshot.range(table.id(), from, to)
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

fn put(ingestion: &mut Ingestion, key: &[u8], value: Option<&[u8]>) -> Result<(), sorted::Error> {
    match value {
        Some(value) => ingestion.write(key, value),
        None => ingestion.tombstone(key),
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
