//! The dictionary: a small number for each name, path, and tenant that the data uses.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use model::Name;
use rustc_hash::FxHashMap;

/// A number that stands for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub u32);

/// Names by number and numbers by name. Grows with the vocabulary, not with the data.
#[derive(Debug, Default)]
pub struct Names {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ids: FxHashMap<Name, NameId>,
    names: Vec<Name>,
}

/// Names cannot be added while this is held.
#[derive(Debug)]
pub struct Reading<'a>(RwLockReadGuard<'a, Inner>);

impl Reading<'_> {
    pub fn name(&self, id: NameId) -> Option<Name> {
        self.0.names.get(id.0 as usize).cloned()
    }
}

impl Names {
    pub fn get(&self, name: &str) -> Option<NameId> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.ids.get(name).copied()
    }

    pub fn name(&self, id: NameId) -> Option<Name> {
        self.reading().name(id)
    }

    /// For looking up many names in a row.
    pub fn reading(&self) -> Reading<'_> {
        Reading(self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of a name, new names getting the next one.
    pub fn intern(&self, name: &Name) -> NameId {
        if let Some(id) = self.get(name.as_str()) {
            return id;
        }
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = inner.ids.get(name) {
            return *id;
        }
        let id = NameId(inner.names.len() as u32);
        inner.names.push(name.clone());
        inner.ids.insert(name.clone(), id);
        id
    }

    pub fn len(&self) -> u32 {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).names.len() as u32
    }

    /// Names from number `from` on, in order.
    pub fn since(&self, from: u32) -> Vec<(NameId, Name)> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let new = inner.names.iter().enumerate().skip(from as usize);
        new.map(|(id, name)| (NameId(id as u32), name.clone())).collect()
    }

    /// Forgets names from number `from` on: those of a commit that failed.
    pub fn forget_since(&self, from: u32) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        for name in inner.names.split_off(from as usize) {
            inner.ids.remove(&name);
        }
    }
}
