//! What the tests of whole engines share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::*;

mod model;
mod crash;
mod damage;
mod domains;
mod limits;
mod merging;
mod seek;
mod speed;

/// Where everything happens soon.
pub const SMALL: Sizes = Sizes { file_bytes: 2_000, level_bytes: 6_000, level_ratio: 3 };

pub const WORDS: TableId = TableId(0);
pub const ROWS: TableId = TableId(1);

/// A key is one of the domain that its first byte tells; neighbours take turns.
pub fn domain(key: &[u8]) -> u32 {
    key.first().map_or(0, |first| u32::from(*first % 4))
}

pub fn tables() -> Vec<TableOptions> {
    let words = TableOptions {
        name: "words",
        block_bytes: 512,
        compression: Compression::None,
        filter: true,
        domain,
    };
    let rows = TableOptions { name: "rows", compression: Compression::Lz4, filter: false, ..words };
    vec![words, rows]
}

pub fn open_with(directory: &Path, cipher: &Arc<Xor>) -> Result<Engine, Error> {
    let cipher: Arc<dyn BlockCipher> = cipher.clone();
    let options = Options { tables: tables(), block_cache_bytes: 100_000, cipher, sizes: SMALL };
    Engine::open(directory, options)
}

/// Not secret, but strict: a block opens where and as it was sealed, or not at all.
#[derive(Debug, Default)]
pub struct Xor {
    pub destroyed: Mutex<BTreeSet<u32>>,
    /// Files of which nothing opens.
    pub refused: Mutex<BTreeSet<u64>>,
    pub sealed: AtomicU64,
    pub opened: AtomicU64,
}

impl Xor {
    /// Stands in clear before each block of a domain.
    pub fn mark(domain: u32) -> [u8; 8] {
        xxh3_64(&domain.to_be_bytes()).to_be_bytes()
    }

    pub fn destroy(&self, domain: u32) {
        self.destroyed.lock().unwrap().insert(domain);
    }

    fn cross(domain: u32, block: &mut [u8]) {
        let key = xxh3_64_with_seed(b"key", u64::from(domain)).to_le_bytes();
        block.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    }

    fn tag(domain: u32, context: &[u8], block: &[u8]) -> [u8; 8] {
        let seed = xxh3_64_with_seed(context, u64::from(domain));
        xxh3_64_with_seed(block, seed).to_be_bytes()
    }
}

impl BlockCipher for Xor {
    fn seal(
        &self,
        domain: u32,
        context: &[u8],
        block: &mut Vec<u8>,
    ) -> Result<CipherHeader, CipherError> {
        if self.is_gone(domain) {
            return Err(CipherError::Unavailable("it was destroyed".to_owned()));
        }
        self.sealed.fetch_add(1, Ordering::Relaxed);
        let tag = Xor::tag(domain, context, block);
        Xor::cross(domain, block);
        block.push(0xaa);
        Ok(CipherHeader::new(&[Xor::mark(domain), tag].concat()).unwrap())
    }

    fn open(
        &self,
        domain: u32,
        context: &[u8],
        header: &[u8],
        block: &mut Vec<u8>,
    ) -> Result<Opened, CipherError> {
        if self.is_gone(domain) {
            return Ok(Opened::Gone);
        }
        let file = u64::from_le_bytes(context[6..14].try_into().unwrap());
        if self.refused.lock().unwrap().contains(&file) {
            return Err(CipherError::Unavailable("it is refused".to_owned()));
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        block.pop();
        Xor::cross(domain, block);
        match header.strip_prefix(&Xor::mark(domain)) {
            Some(tag) if tag == Xor::tag(domain, context, block) => Ok(Opened::Plain),
            _ => Err(CipherError::Forged),
        }
    }

    fn is_gone(&self, domain: u32) -> bool {
        self.destroyed.lock().unwrap().contains(&domain)
    }
}

pub type Model = BTreeMap<Vec<u8>, Vec<u8>>;

pub fn all(range: impl Iterator<Item = Result<(Slice, Slice), Error>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entries = range.map(|entry| entry.unwrap());
    entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

/// A table is what the model says, from both ends.
pub fn check(snapshot: &Snapshot, table: TableId, model: &Model) {
    let expected: Vec<_> = model.clone().into_iter().collect();
    assert_eq!(all(snapshot.range_from(table, b"")), expected);
    let mut back = all(snapshot.range_from(table, b"").rev());
    back.reverse();
    assert_eq!(back, expected);
    for (key, value) in model {
        assert_eq!(snapshot.get(table, key).unwrap().as_deref(), Some(&**value));
        let near = [key, &b"\0"[..]].concat();
        let found = snapshot.get(table, &near).unwrap();
        assert_eq!(found.as_deref(), model.get(&near).map(|value| &**value));
    }
}

/// The bytes of all files of runs.
pub fn bytes_on_disk(directory: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "run") {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
    bytes
}

pub fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // Merging may take a file away meanwhile.
        let _ = std::fs::copy(entry.path(), to.join(entry.file_name()));
    }
}

/// Entries that differ from seed to seed.
pub fn entries(seed: u64, count: u64, value_bytes: usize) -> Vec<Write> {
    let mut entries = BTreeMap::new();
    for nth in 0..count {
        let chance = xxh3_64_with_seed(&nth.to_le_bytes(), seed);
        let key = format!("{}{:04}", (b'a' + (chance % 6) as u8) as char, (chance >> 8) % 2_000);
        let value = format!("{seed}-{nth}-").into_bytes();
        let value = [value, vec![b'v'; value_bytes]].concat();
        entries.insert(key.into_bytes(), (!chance.is_multiple_of(11)).then_some(value));
    }
    entries.into_iter().collect()
}

pub fn apply(model: &mut Model, entries: &[Write]) {
    for (key, value) in entries {
        match value {
            Some(value) => drop(model.insert(key.clone(), value.clone())),
            None => drop(model.remove(key)),
        }
    }
}
