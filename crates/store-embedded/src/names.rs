//! The dictionary: a small number for each name, path, and tenant that the data uses.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use foldhash::fast::RandomState;
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
    /// Users choose the names, so the hash is keyed by chance.
    ids: HashMap<Name, NameId, RandomState>,
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

/// Finds the numbers of names.
pub trait Numbering {
    fn name(&mut self, name: &Name) -> NameId;

    /// The number of a path: of what lies below another path under this name. `mark` tells how.
    fn below(&mut self, path: NameId, mark: char, name: &str) -> NameId;
}

/// The name of a path.
pub fn path_below(path: &str, mark: char, name: &str) -> String {
    let mut text = String::with_capacity(path.len() + mark.len_utf8() + name.len());
    text.push_str(path);
    text.push(mark);
    text.push_str(name);
    text
}

/// Gives numbers to names that have none, and remembers what it was asked: the same few names come
/// again and again, and most of them share one text.
#[derive(Debug)]
pub struct Interner<'a> {
    names: &'a Names,
    memo: &'a mut InternMemo,
}

/// What an [`Interner`] remembers, up to a bound.
#[derive(Debug, Default)]
pub struct InternMemo {
    /// By the place of the text, which stays where it is as long as the name is held here.
    names: FxHashMap<usize, (Name, NameId)>,
    below: FxHashMap<(NameId, char), HashMap<Box<str>, NameId, RandomState>>,
    remembered: usize,
}

const REMEMBERED_MAX: usize = 10_000;
/// Longer names are rare, and looked up each time.
const REMEMBERED_BYTES_MAX: usize = 256;

impl InternMemo {
    /// To be called when names were forgotten.
    pub fn clear(&mut self) {
        *self = InternMemo::default();
    }

    fn make_room(&mut self) {
        if self.remembered >= REMEMBERED_MAX {
            self.clear();
        }
        self.remembered += 1;
    }
}

impl<'a> Interner<'a> {
    pub fn new(names: &'a Names, memo: &'a mut InternMemo) -> Interner<'a> {
        Interner { names, memo }
    }
}

impl Numbering for Interner<'_> {
    fn name(&mut self, name: &Name) -> NameId {
        if name.as_str().len() > REMEMBERED_BYTES_MAX {
            return self.names.intern(name);
        }
        let place = name.as_str().as_ptr() as usize;
        if let Some((known, id)) = self.memo.names.get(&place)
            && known.is_same_as(name)
        {
            return *id;
        }
        let id = self.names.intern(name);
        self.memo.make_room();
        self.memo.names.insert(place, (name.clone(), id));
        id
    }

    fn below(&mut self, path: NameId, mark: char, name: &str) -> NameId {
        if let Some(id) = self.memo.below.get(&(path, mark)).and_then(|below| below.get(name)) {
            return *id;
        }
        let above = self.names.name(path);
        let text = path_below(above.as_ref().map_or("", Name::as_str), mark, name);
        let id = self.names.intern(&Name::new(text));
        if name.len() > REMEMBERED_BYTES_MAX {
            return id;
        }
        self.memo.make_room();
        self.memo.below.entry((path, mark)).or_default().insert(name.into(), id);
        id
    }
}
