//! What all files have in common: where they lie, their cipher, the cache, open handles.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::block::Block;
use crate::cipher::BlockCipher;
use crate::error::Error;
use crate::filter::Filter;
use crate::options::TableOptions;

/// No more files are held open for reading than this.
pub const OPEN_FILES_MAX: usize = 512;

/// A block in the cache is taken for at least this long, so that many small ones count as well.
const CACHED_BYTES_MIN: u64 = 128;

#[derive(Debug)]
pub struct Shared {
    pub directory: PathBuf,
    pub tables: Vec<TableOptions>,
    pub cipher: Arc<dyn BlockCipher>,
    cache: Cache<PartKey, CachedPart, PartWeighter>,
    handles: Cache<u64, Arc<fs::File>>,
}

/// File and offset.
type PartKey = (u64, u64);

#[derive(Clone, Debug)]
pub enum Part {
    Block(Block),
    Filter(Filter),
}

#[derive(Clone, Debug)]
struct CachedPart {
    domain: u32,
    part: Part,
}

#[derive(Clone, Debug)]
struct PartWeighter;

impl Weighter<PartKey, CachedPart> for PartWeighter {
    fn weight(&self, _: &PartKey, cached: &CachedPart) -> u64 {
        let bytes = match &cached.part {
            Part::Block(block) => block.bytes(),
            Part::Filter(filter) => filter.bytes(),
        };
        CACHED_BYTES_MIN + bytes as u64
    }
}

impl Shared {
    pub fn new(
        directory: &Path,
        tables: Vec<TableOptions>,
        cipher: Arc<dyn BlockCipher>,
        block_cache_bytes: u64,
    ) -> Shared {
        let items = usize::try_from(block_cache_bytes / 4096).unwrap_or(usize::MAX);
        Shared {
            directory: directory.to_owned(),
            tables,
            cipher,
            cache: Cache::with_weighter(items.max(16), block_cache_bytes, PartWeighter),
            handles: Cache::new(OPEN_FILES_MAX),
        }
    }

    pub fn path(&self, file: u64) -> PathBuf {
        self.directory.join(file_name(file))
    }

    pub fn cached(&self, file: u64, offset: u64) -> Option<Part> {
        self.cache.get(&(file, offset)).map(|cached| cached.part)
    }

    pub fn keep(&self, file: u64, offset: u64, domain: u32, part: &Part) {
        self.cache.insert((file, offset), CachedPart { domain, part: part.clone() });
    }

    /// Lets go of what is cached of a domain.
    pub fn forget(&self, domain: u32) {
        self.cache.retain(|_, cached| cached.domain != domain);
    }

    pub fn handle(&self, file: u64) -> Result<Arc<fs::File>, Error> {
        self.handles.get_or_insert_with(&file, || {
            let path = self.path(file);
            let handle = fs::File::open(&path).map_err(|error| Error::io(&path, error))?;
            Ok(Arc::new(handle))
        })
    }

    /// Takes a file from the disk that nobody needs any more.
    pub fn remove(&self, file: u64) {
        self.handles.remove(&file);
        self.remove_path(&self.path(file));
    }

    pub fn remove_path(&self, path: &Path) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!("could not remove `{}`: {error}", path.display());
            }
            _ => {}
        }
    }

    pub fn table_name(&self, table: usize) -> String {
        self.tables.get(table).map_or_else(|| format!("{table}"), |table| table.name.to_owned())
    }

    #[cfg(test)]
    pub fn cached_bytes(&self) -> u64 {
        self.cache.weight()
    }

    /// Files are opened again when they are read.
    #[cfg(test)]
    pub fn close_files(&self) {
        self.handles.clear();
    }

    #[cfg(test)]
    pub fn open_files(&self) -> usize {
        self.handles.len()
    }
}

const SUFFIX: &str = ".run";

pub fn file_name(file: u64) -> String {
    format!("{file:016x}{SUFFIX}")
}

/// The number of the file with this name.
pub fn file_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    u64::from_str_radix(digits, 16).ok().filter(|file| file_name(*file) == name)
}
