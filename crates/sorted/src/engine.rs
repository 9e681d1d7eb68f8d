//! The engine: tables in a directory, read at any time, changed by whole runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use byteview::ByteView;

use crate::error::{Damage, Error};
use crate::file::File;
use crate::filter;
use crate::ingestion::Ingestion;
use crate::manifest::{self, Manifest, WriteError};
use crate::merger::{self, Merger};
use crate::options::{Options, Sizes};
use crate::range::Range;
use crate::shared::{Shared, file_number};
use crate::verify;
use crate::version::{TableVersion, Version};

const LOCK_NAME: &str = "LOCK";

/// A table, by its place in [`Options::tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub usize);

/// An entry to be written; nothing stands for the removal of the key.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// Sorted tables in one directory. Dropping it waits for the background thread to stop.
#[derive(Debug)]
pub struct Engine {
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub shared: Arc<Shared>,
    pub sizes: Sizes,
    pub ids: Arc<AtomicU64>,
    pub merger: Merger,
    current: RwLock<Arc<Version>>,
    /// One change of the version at a time.
    change: Mutex<()>,
    /// Locked as long as this is open: an ingestion may outlive its engine.
    _lock: fs::File,
    #[cfg(test)]
    pub hook: Hook,
}

/// What a table consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableShape {
    /// So many places a point read may have to look at.
    pub runs: usize,
    pub files: usize,
    pub bytes: u64,
    /// Tombstones and hidden entries among them.
    pub entries: u64,
}

impl Engine {
    /// Opens the tables in a directory, which is made if it is not there. Files that belong to
    /// nothing, as an ingestion leaves them that did not end, are removed.
    pub fn open(directory: &Path, options: Options) -> Result<Engine, Error> {
        options.check()?;
        fs::create_dir_all(directory).map_err(|error| Error::io(directory, error))?;
        let lock = lock(directory)?;
        let Options { tables, block_cache_bytes, cipher, sizes } = options;
        let shared = Arc::new(Shared::new(directory, tables, cipher, block_cache_bytes));
        let (version, next_file) = open_version(&shared)?;
        let inner = Arc::new(Inner {
            shared,
            sizes,
            ids: Arc::new(AtomicU64::new(next_file)),
            merger: Merger::default(),
            current: RwLock::new(Arc::new(version)),
            change: Mutex::new(()),
            _lock: lock,
            #[cfg(test)]
            hook: Hook::default(),
        });
        let thread = merger::start(&inner).map_err(|error| Error::io(directory, error))?;
        Ok(Engine { inner, thread: Some(thread) })
    }

    /// All tables as they are now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { version: self.inner.current() }
    }

    /// The value of a key, without a copy where it lies in a block.
    pub fn get(&self, table: TableId, key: &[u8]) -> Result<Option<ByteView>, Error> {
        self.inner.current().table(table)?.get(key)
    }

    /// The entries from one key (included) to another (excluded), as they are now.
    pub fn range(&self, table: TableId, from: &[u8], to: &[u8]) -> Range {
        self.snapshot().range(table, from, to)
    }

    /// Begins a run of a table. Waits where merging has fallen behind.
    pub fn ingest(&self, table: TableId) -> Result<Ingestion, Error> {
        Ingestion::begin(&self.inner, table)
    }

    /// Brings entries of several tables in, each in the order of its keys, all at once or not at
    /// all. They are on disk when this returns.
    pub fn commit(
        &self,
        tables: impl IntoIterator<Item = (TableId, Vec<Write>)>,
    ) -> Result<(), Error> {
        let tables: Vec<_> = tables.into_iter().collect();
        let known = tables.iter().map(|(TableId(table), _)| *table);
        let known: Vec<_> = known.filter(|table| *table < self.inner.shared.tables.len()).collect();
        self.inner.wait_for_turn(&known)?;
        let mut ingestions = Vec::new();
        for (table, entries) in tables {
            let mut ingestion = Ingestion::begin_now(&self.inner, table)?;
            for (key, value) in entries {
                ingestion.push(&key, value.as_deref())?;
            }
            ingestions.push(ingestion);
        }
        self.finish(ingestions)
    }

    /// Makes what ingestions of this engine have written visible, all at once, the last one on
    /// top. It is on disk when this returns.
    pub fn finish(&self, ingestions: Vec<Ingestion>) -> Result<(), Error> {
        let mut runs: Vec<(usize, Vec<Arc<File>>)> = Vec::new();
        for ingestion in ingestions {
            let TableId(table) = ingestion.table();
            let files = match Arc::ptr_eq(ingestion.inner(), &self.inner) {
                true => ingestion.into_files(),
                false => Err(Error::UnknownTable(table)),
            };
            match files {
                Ok(files) => runs.push((table, files)),
                Err(error) => {
                    let written = runs.iter().flat_map(|(_, files)| files);
                    written.for_each(|file| file.note_obsolete());
                    return Err(error);
                }
            }
        }
        self.inner.publish(runs)
    }

    /// To be called when the keys of a domain were destroyed: nothing of it is in memory for
    /// reading then, and merging takes it out of the files.
    pub fn forget(&self, domain: u32) {
        self.inner.shared.forget(domain);
        self.rewrite(domain);
    }

    /// Has all that belongs to a domain written anew, sealed as the cipher does it now.
    pub fn rewrite(&self, domain: u32) {
        let change = self.inner.change.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.inner.current();
        version.files().for_each(|file| file.note_stale(domain));
        drop(change);
        self.inner.merger.wake();
    }

    /// Files that are damaged, as far as it has been noticed. Merging leaves them as they are.
    pub fn damage(&self) -> Vec<Damage> {
        let version = self.inner.current();
        version.files().filter_map(|file| file.damage().cloned()).collect()
    }

    /// Reads every block of every file, past the cache, and tells each that is damaged. Gives the
    /// number of blocks that are whole.
    pub fn verify(&self, note: impl FnMut(Damage)) -> Result<u64, Error> {
        verify::version(&self.inner.current(), note)
    }

    pub fn shape(&self, table: TableId) -> Result<TableShape, Error> {
        Ok(self.inner.current().table(table)?.shape())
    }

    /// Waits until there is nothing to merge, or until merging fails, and says why.
    pub fn wait_for_merging(&self) -> Result<(), String> {
        self.inner.merger.wait()
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.inner.merger.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that merges tables had panicked");
        }
    }
}

/// All tables as they were at one moment. What it needs stays on disk as long as it is there.
#[derive(Clone, Debug)]
pub struct Snapshot {
    version: Arc<Version>,
}

impl Snapshot {
    pub fn get(&self, table: TableId, key: &[u8]) -> Result<Option<ByteView>, Error> {
        self.version.table(table)?.get(key)
    }

    /// The entries from one key (included) to another (excluded).
    pub fn range(&self, table: TableId, from: &[u8], to: &[u8]) -> Range {
        Range::new(self.version.table(table), from, Some(to))
    }

    /// The entries from a key (included) to the end of the table.
    pub fn range_from(&self, table: TableId, from: &[u8]) -> Range {
        Range::new(self.version.table(table), from, None)
    }
}

impl Version {
    fn table(&self, table: TableId) -> Result<&Arc<TableVersion>, Error> {
        self.tables.get(table.0).ok_or(Error::UnknownTable(table.0))
    }

    pub fn files(&self) -> impl Iterator<Item = &Arc<File>> {
        self.tables.iter().flat_map(|table| table.files())
    }
}

impl TableVersion {
    fn get(&self, key: &[u8]) -> Result<Option<ByteView>, Error> {
        let hash = filter::hash(key);
        for run in self.runs() {
            if let Some(found) = run.get(key, hash)? {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn shape(&self) -> TableShape {
        let mut shape = TableShape::default();
        for run in self.runs().filter(|run| !run.files.is_empty()) {
            shape.runs += 1;
            shape.files += run.files.len();
            shape.bytes += run.bytes();
            shape.entries += run.files.iter().map(|file| file.entries).sum::<u64>();
        }
        shape
    }
}

impl Inner {
    pub fn current(&self) -> Arc<Version> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes runs visible, all at once and for good. Their files are on disk.
    pub fn publish(&self, runs: Vec<(usize, Vec<Arc<File>>)>) -> Result<(), Error> {
        let runs: Vec<_> = runs.into_iter().filter(|(_, files)| !files.is_empty()).collect();
        if runs.is_empty() {
            return Ok(());
        }
        let files: Vec<_> = runs.iter().flat_map(|(_, files)| files.clone()).collect();
        self.install(&files, |version| {
            let with_run = |version: Version, (table, files): &(usize, Vec<Arc<File>>)| {
                let changed = version.tables[*table].with_run(files.clone());
                version.with_table(*table, changed)
            };
            runs.iter().fold(version.clone(), with_run)
        })?;
        self.merger.wake();
        Ok(())
    }

    /// Makes a change of the version, which brings new files, visible and durable.
    pub fn install(
        &self,
        new: &[Arc<File>],
        change: impl FnOnce(&Version) -> Version,
    ) -> Result<(), Error> {
        self.step("files written");
        if let Err(error) = manifest::sync_directory(&self.shared.directory) {
            new.iter().for_each(|file| file.note_obsolete());
            return Err(error);
        }
        self.step("directory synced");
        let _turn = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        if self.merger.is_stopped() {
            new.iter().for_each(|file| file.note_obsolete());
            return Err(Error::Closed);
        }
        let version = change(&self.current());
        let next_file = self.ids.load(Ordering::Relaxed);
        let manifest = Manifest::of(&self.shared, &version, next_file);
        if let Err(error) = manifest.write(&self.shared.directory, |step| self.step(step)) {
            if let WriteError::Before(_) = error {
                new.iter().for_each(|file| file.note_obsolete());
            }
            return Err(error.into_error());
        }
        new.iter().for_each(|file| file.note_gone());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(version);
        self.step("visible");
        Ok(())
    }

    /// Tests look at what is on disk between steps.
    pub fn step(&self, _name: &str) {
        #[cfg(test)]
        if let Some(hook) = &*self.hook.0.lock().unwrap_or_else(PoisonError::into_inner) {
            hook(_name);
        }
    }
}

#[cfg(test)]
type StepFn = Box<dyn Fn(&str) + Send>;

#[cfg(test)]
#[derive(Default)]
pub(crate) struct Hook(pub Mutex<Option<StepFn>>);

#[cfg(test)]
impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

fn lock(directory: &Path) -> Result<fs::File, Error> {
    let path = directory.join(LOCK_NAME);
    let lock = fs::File::options().write(true).create(true).truncate(false).open(&path);
    let lock = lock.map_err(|error| Error::io(&path, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(directory.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(Error::io(&path, error)),
    }
}

/// What the directory holds, and the number of the next file.
fn open_version(shared: &Arc<Shared>) -> Result<(Version, u64), Error> {
    let directory = &shared.directory;
    let on_disk = files_on_disk(directory)?;
    let read = Manifest::read(directory)?;
    if read.is_none() && !on_disk.is_empty() {
        return Err(manifest_missing());
    }
    let read = read.unwrap_or_default();
    let is_foreign = |name: &str| shared.tables.iter().all(|table| table.name != name);
    if let Some((name, _)) = read.tables.iter().find(|(name, _)| is_foreign(name)) {
        return Err(Error::ForeignTable(name.clone()));
    }
    let tables = (0..shared.tables.len()).map(|table| read.open_table(shared, table).map(Arc::new));
    let version = Version { tables: tables.collect::<Result<_, _>>()? };
    let refusals = version.files().map(|file| Some((file.name(), file.refusal.clone()?)));
    if let Some(refusals) = refusals.collect::<Option<Vec<_>>>()
        && let Some((file, (offset, source))) = refusals.into_iter().next()
    {
        // Not one file opens: that is the key, and no damage.
        return Err(Error::Cipher { file, offset, source });
    }
    let next_file = on_disk.last().map_or(0, |last| last + 1).max(read.next_file).max(1);
    let manifest = Manifest::of(shared, &version, next_file);
    if manifest.tables != read.tables {
        // Before anything is removed that the last one names.
        manifest.write(directory, |_| {}).map_err(WriteError::into_error)?;
    }
    let named: BTreeSet<u64> = version.files().map(|file| file.id).collect();
    on_disk.difference(&named).for_each(|file| shared.remove(*file));
    shared.remove_path(&directory.join(manifest::NEW_NAME));
    Ok((version, next_file))
}

fn manifest_missing() -> Error {
    let (table, file) = ("all of them".to_owned(), manifest::NAME.to_owned());
    let problem = "it is missing, though there are tables; restore the directory from a backup";
    Error::Damaged(Box::new(Damage { table, file, offset: 0, problem }))
}

fn files_on_disk(directory: &Path) -> Result<BTreeSet<u64>, Error> {
    let io = |error| Error::io(directory, error);
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        files.extend(name.to_str().and_then(file_number));
    }
    Ok(files)
}
