//! Changes that are in the journal, and not yet in the tables on disk.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use keyring::Domain;
use rustc_hash::FxHashMap;
use sorted::Slice;

use super::Table;
use super::key::LayerKey;
use crate::encryption::domain_of;
use crate::keys::EntityNumber;

/// A value, or the mark that the key was removed.
pub type Written = Option<Slice>;

/// What one commit writes, in any order; later writes of a key count.
#[derive(Debug, Default)]
pub struct Writes {
    writes: Vec<(Table, LayerKey, Written)>,
    /// Entries of history by entity, in their order.
    history: FxHashMap<EntityNumber, String>,
}

impl Writes {
    pub fn put(&mut self, table: Table, key: impl Into<Slice>, value: impl Into<Slice>) {
        self.writes.push((table, LayerKey::of_slice(key.into()), Some(value.into())));
    }

    /// Adds entries to the history of an entity.
    pub fn add_history(&mut self, entity: EntityNumber, entries: &str) {
        self.history.entry(entity).or_default().push_str(entries);
    }

    /// What these writes add to the history of an entity.
    pub fn history(&self, entity: EntityNumber) -> Option<&str> {
        self.history.get(&entity).map(String::as_str)
    }

    pub fn remove(&mut self, table: Table, key: impl Into<Slice>) {
        self.writes.push((table, LayerKey::of_slice(key.into()), None));
    }
}

#[derive(Debug, Default)]
pub struct Layer {
    maps: RwLock<[BTreeMap<LayerKey, Written>; Table::ALL.len()]>,
    history: RwLock<FxHashMap<EntityNumber, String>>,
    bytes: AtomicUsize,
}

/// What a map entry takes beside key and value.
const ENTRY_BYTES: usize = 64;

impl Layer {
    pub fn publish(&self, mut writes: Writes) {
        // Neighbours of a large commit go into the same nodes; what was written last of a key
        // stays last.
        writes.writes.sort_by(|(table, key, _), (other_table, other, _)| {
            (*table as u8, key).cmp(&(*other_table as u8, other))
        });
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        for (table, key, value) in writes.writes {
            bytes += key.len() + value.as_ref().map_or(0, |value| value.len()) + ENTRY_BYTES;
            maps[table as usize].insert(key, value);
        }
        drop(maps);
        let mut history = self.history.write().unwrap_or_else(PoisonError::into_inner);
        for (entity, entries) in writes.history {
            bytes += entries.len();
            match history.entry(entity) {
                Entry::Occupied(mut known) => known.get_mut().push_str(&entries),
                Entry::Vacant(vacant) => {
                    bytes += ENTRY_BYTES;
                    vacant.insert(entries);
                }
            }
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Drops all entries of a domain.
    pub fn forget(&self, domain: Domain) {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        for (table, map) in Table::ALL.into_iter().zip(maps.iter_mut()) {
            map.retain(|key, _| key.with_bytes(|key| domain_of(table, key)) != domain);
        }
        drop(maps);
        let mut history = self.history.write().unwrap_or_else(PoisonError::into_inner);
        history.retain(|entity, _| entity.domain() != domain);
    }

    pub fn is_empty(&self, table: Table) -> bool {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        maps[table as usize].is_empty()
    }

    /// What the layer adds to the history of an entity.
    pub fn fragment(&self, entity: EntityNumber) -> Option<String> {
        let history = self.history.read().unwrap_or_else(PoisonError::into_inner);
        history.get(&entity).cloned()
    }

    /// What the layer adds to history, by entity.
    pub fn fragments(&self) -> Vec<(EntityNumber, String)> {
        let history = self.history.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> =
            history.iter().map(|(entity, text)| (*entity, text.clone())).collect();
        all.sort_unstable_by_key(|(entity, _)| *entity);
        all
    }

    /// About what it takes in memory; an overestimate where keys were written again.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What was written last for a key, if anything was.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Written> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        maps[table as usize].get(&LayerKey::of(key)).cloned()
    }

    /// At most `limit` entries from `from` to before `to`.
    pub fn range(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: &[u8],
        limit: usize,
    ) -> Vec<(Slice, Written)> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        let bounds = (from.map(LayerKey::of), Bound::Excluded(LayerKey::of(to)));
        let range = maps[table as usize].range(bounds);
        range.take(limit).map(|(key, value)| (key.to_slice(), value.clone())).collect()
    }

    /// Every entry of a table, in key order.
    pub fn for_each<E>(
        &self,
        table: Table,
        mut visit: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        let mut entries = maps[table as usize].iter();
        entries.try_for_each(|(key, value)| key.with_bytes(|key| visit(key, value.as_deref())))
    }
}
