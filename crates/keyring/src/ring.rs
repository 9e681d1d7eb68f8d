//! The keyring of a data directory: seals, opens, rotates, shreds.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::error::Unspecified;
use quick_cache::sync::Cache;

use crate::algorithm::Algorithm;
use crate::derive::{Secret, derive, fresh_secret};
use crate::error::KeyringError;
use crate::file::{
    self, DOMAINS_MAX, DataKey, Entries, Entry, KEYS_FILE, Unread, VERSIONS_MAX, Wrapping,
};
use crate::key_file;
use crate::master::{MasterKey, MasterKeyId, MasterKeySource, Which};
use crate::message::{FileKey, Header};

/// To whom something belongs: 0 is the system, any other a tenant.
pub type Domain = u32;

/// A moment, in seconds since 1970.
pub type Seconds = u64;

/// Tells the files of a domain apart: drawn by chance, or never used twice in one directory.
pub type FileId = [u8; 16];

/// An id from the chance of the system.
pub fn fresh_file_id() -> Result<FileId, KeyringError> {
    let mut id = FileId::default();
    aws_lc_rs::rand::fill(&mut id)?;
    Ok(id)
}

#[derive(Clone, Debug)]
pub struct KeyringSettings {
    /// The data directory; the file of keys lies in it.
    pub directory: PathBuf,
    pub source: MasterKeySource,
    /// Of keys that are made from now on.
    pub algorithm: Algorithm,
    /// Told again by [`Keyring::rotate_due`].
    pub now: Seconds,
}

/// What opening a message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The text was appended.
    Plain,
    /// The key was destroyed; the message counts as absent.
    Gone,
}

/// What a rotation of the master key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    pub from: MasterKeyId,
    pub to: MasterKeyId,
    /// Where the source is a file: in which file the old key still is. Backups made before need it;
    /// to destroy it, and them with it, is for whoever runs the server.
    pub kept: Option<PathBuf>,
}

/// What a person may know of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub master: MasterKeyId,
    pub keys: Vec<KeyStatus>,
    /// Domains that were shredded, and when.
    pub gone: Vec<(Domain, Seconds)>,
}

/// A version of the key of a domain; the last of each is that of what is written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    pub domain: Domain,
    pub version: u32,
    pub algorithm: Algorithm,
    pub made_at: Seconds,
}

/// Keys of files that are held ready.
const FILE_KEYS_MAX: usize = 4096;

type FileKeys = Cache<(Domain, u32, FileId), Arc<FileKey>>;

pub struct Keyring {
    path: PathBuf,
    source: MasterKeySource,
    algorithm: Algorithm,
    /// Held while the master key is rotated, which may run a command; taken before `master`.
    rotating: Mutex<()>,
    /// Held while the file is replaced.
    master: Mutex<MasterKey>,
    entries: RwLock<Entries>,
    files: FileKeys,
    any_gone: AtomicBool,
    now: AtomicU64,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Has this data directory encrypted data?
    pub fn exists(directory: &Path) -> bool {
        directory.join(KEYS_FILE).exists()
    }

    /// Reads the master key and unwraps all data keys. At the first start the file of keys is made, and
    /// where the source is a file, the master key too.
    pub fn open(settings: KeyringSettings) -> Result<Keyring, KeyringError> {
        let KeyringSettings { directory, source, algorithm, now } = settings;
        let path = directory.join(KEYS_FILE);
        file::tidy(&path).map_err(|error| KeyringError::io(&path, error))?;
        if let MasterKeySource::File(path) = &source {
            key_file::tidy(path).map_err(|error| KeyringError::io(path, error))?;
        }
        let current = source.read(Which::Current).map_err(KeyringError::Source)?;
        let (master, entries) = match Unread::read(&path)? {
            Some(unread) => {
                let master = wanted(&source, current, &unread)?;
                let entries = unread.open(&master)?;
                (master, entries)
            }
            None => {
                let master = current.map_or_else(|| first(&source), Ok)?;
                (master, Entries::new())
            }
        };
        let any_gone = entries.values().any(|entry| matches!(entry, Entry::Gone { .. }));
        let keyring = Keyring {
            any_gone: AtomicBool::new(any_gone),
            path,
            source,
            algorithm,
            rotating: Mutex::new(()),
            master: Mutex::new(master),
            entries: RwLock::new(entries),
            files: Cache::new(FILE_KEYS_MAX),
            now: AtomicU64::new(now),
        };
        // The system's key is there before any data are, so that whoever sees data sees the file.
        keyring.current(crate::SYSTEM)?;
        Ok(keyring)
    }

    /// Seals what belongs to a domain and appends it to `out`. The domain gets a key where it has
    /// none. What is sealed for a shredded domain nobody can open, and it opens as gone: this is for
    /// blocks of tables, where what is gone is carried along until it is merged away.
    pub fn seal(
        &self,
        domain: Domain,
        file: &FileId,
        context: &[u8],
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), KeyringError> {
        let key = match self.sealing_key(domain, file)? {
            Some(key) => key,
            None => Arc::new(throw_away(self.algorithm)?),
        };
        Ok(key.seal(domain, context, text, out)?)
    }

    /// As [`Keyring::seal`], for what must not be lost in silence, as in a journal: for a shredded
    /// domain the answer is [`KeyringError::Gone`], and `out` is as it was.
    pub fn seal_kept(
        &self,
        domain: Domain,
        file: &FileId,
        context: &[u8],
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), KeyringError> {
        let key = self.sealing_key(domain, file)?.ok_or(KeyringError::Gone(domain))?;
        Ok(key.seal(domain, context, text, out)?)
    }

    /// Nothing where the domain is gone, be it in this moment.
    fn sealing_key(
        &self,
        domain: Domain,
        file: &FileId,
    ) -> Result<Option<Arc<FileKey>>, KeyringError> {
        match self.current(domain)? {
            Some(version) => self.file_key(domain, version, file),
            None => Ok(None),
        }
    }

    /// Opens what [`Keyring::seal`] has sealed for the same domain, file and context, and appends it
    /// to `out`.
    pub fn open_message(
        &self,
        domain: Domain,
        file: &FileId,
        context: &[u8],
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Opened, KeyringError> {
        let header = Header::of(sealed).ok_or(KeyringError::Altered(domain))?;
        match self.file_key(domain, header.version, file)? {
            Some(key) => {
                let opened = key.open(domain, context, sealed, out);
                opened.map_err(|_| KeyringError::Altered(domain))?;
                Ok(Opened::Plain)
            }
            None => Ok(Opened::Gone),
        }
    }

    /// Was the domain shredded?
    pub fn is_gone(&self, domain: Domain) -> bool {
        // Asked for each block that is read.
        self.any_gone.load(Ordering::Acquire)
            && matches!(self.entries().get(&domain), Some(Entry::Gone { .. }))
    }

    /// Destroys the keys of a domain, on disk when this returns: from then on everything sealed for it
    /// is gone, also what is sealed later. A tenant that begins again needs another domain. Tells
    /// whether there was anything to destroy.
    ///
    /// Copies of the file of keys made before, as in backups, still hold the keys, wrapped by the
    /// master key of their time.
    pub fn shred(&self, domain: Domain) -> Result<bool, KeyringError> {
        let now = self.now.load(Ordering::Relaxed);
        // Before the entry says so, or a reader in between would take the domain for a living one.
        // Where the change fails, readers look at the entries, and no more.
        self.any_gone.store(true, Ordering::Release);
        let shredded = self.change(|entries, _| {
            let gone = matches!(entries.get(&domain), Some(Entry::Gone { .. }));
            if !gone {
                entries.insert(domain, Entry::Gone { at: now });
            }
            Ok(!gone)
        })?;
        self.files.clear();
        Ok(shredded)
    }

    /// Tells what time it is, and gives a new version of its key to each domain whose key is older
    /// than `age_max` or of another algorithm than the settings ask for; 0 means that keys do not
    /// age. What is written from now on is under the new ones; tells how many.
    pub fn rotate_due(&self, now: Seconds, age_max: Seconds) -> Result<usize, KeyringError> {
        self.now.store(now, Ordering::Relaxed);
        let algorithm = self.algorithm;
        let is_due = move |key: &DataKey| {
            let age = now.saturating_sub(key.made_at);
            key.algorithm != algorithm || (age_max > 0 && age >= age_max)
        };
        let any = self.entries().values().any(|entry| match entry {
            Entry::Keys(keys) => keys.last().is_some_and(|key| is_due(key)),
            Entry::Gone { .. } => false,
        });
        if any { self.rotate_where(is_due) } else { Ok(0) }
    }

    /// Gives a new version of its key to every domain.
    pub fn rotate_all(&self) -> Result<usize, KeyringError> {
        self.rotate_where(|_| true)
    }

    fn rotate_where(&self, is_due: impl Fn(&DataKey) -> bool) -> Result<usize, KeyringError> {
        self.change(|entries, wrapping| {
            let mut rotated = 0;
            for (domain, entry) in entries {
                let Entry::Keys(keys) = entry else { continue };
                if !keys.last().is_some_and(|key| is_due(key)) {
                    continue;
                }
                if keys.len() >= VERSIONS_MAX {
                    tracing::error!(domain, "the key has {VERSIONS_MAX} versions; it stays");
                    continue;
                }
                keys.push(self.fresh(wrapping, *domain, keys.len() as u32 + 1)?);
                rotated += 1;
            }
            Ok(rotated)
        })
    }

    /// Wraps all data keys anew, under the next master key of the source. A source that is a file gets
    /// one by itself, and has it in the place of the old one when this returns, which is kept beside it;
    /// of any other, the next key is to be made the current one afterwards.
    pub fn rotate_master(&self) -> Result<Rotated, KeyringError> {
        let _rotating = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let next = next(&self.source)?;
        let mut held = self.master.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, to) = (held.id()?, next.id()?);
        let entries = file::rewrapped(&Wrapping::of(&next)?, &self.entries())?;
        self.replace(&next, &entries)?;
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = entries;
        *held = next;
        let kept = promote(&self.source)?;
        Ok(Rotated { from, to, kept })
    }

    pub fn status(&self) -> Result<Status, KeyringError> {
        let master = self.master.lock().unwrap_or_else(PoisonError::into_inner).id()?;
        let mut status = Status { master, keys: Vec::new(), gone: Vec::new() };
        for (domain, entry) in self.entries().iter() {
            match entry {
                Entry::Gone { at } => status.gone.push((*domain, *at)),
                Entry::Keys(keys) => status.keys.extend((1..).zip(keys).map(|(version, key)| {
                    let DataKey { algorithm, made_at, .. } = **key;
                    KeyStatus { domain: *domain, version, algorithm, made_at }
                })),
            }
        }
        Ok(status)
    }

    fn entries(&self) -> std::sync::RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(
        &self,
        wrapping: &Wrapping,
        domain: Domain,
        version: u32,
    ) -> Result<Arc<DataKey>, KeyringError> {
        let made_at = self.now.load(Ordering::Relaxed);
        let key = wrapping.key(domain, version, fresh_secret()?, self.algorithm, made_at)?;
        Ok(Arc::new(key))
    }

    /// The version under which a domain writes, made where there is none; nothing where it is gone.
    fn current(&self, domain: Domain) -> Result<Option<u32>, KeyringError> {
        match self.entries().get(&domain) {
            Some(Entry::Keys(keys)) => return Ok(Some(keys.len() as u32)),
            Some(Entry::Gone { .. }) => return Ok(None),
            None => {}
        }
        self.change(|entries, wrapping| {
            if entries.len() >= DOMAINS_MAX {
                return Err(KeyringError::TooManyDomains);
            }
            if let std::collections::btree_map::Entry::Vacant(vacant) = entries.entry(domain) {
                vacant.insert(Entry::Keys(vec![self.fresh(wrapping, domain, 1)?]));
            }
            Ok(())
        })?;
        self.current(domain)
    }

    /// The key of a file; nothing where the domain is gone.
    fn file_key(
        &self,
        domain: Domain,
        version: u32,
        file: &FileId,
    ) -> Result<Option<Arc<FileKey>>, KeyringError> {
        let key = (domain, version, *file);
        if let Some(key) = self.files.get(&key) {
            return Ok(Some(key));
        }
        // The guard is held until the key is in the cache, so that a domain that is shredded meanwhile
        // leaves none there.
        let entries = self.entries();
        let keys = match entries.get(&domain) {
            Some(Entry::Keys(keys)) => keys,
            Some(Entry::Gone { .. }) => return Ok(None),
            None => return Err(KeyringError::NoKey { domain, version }),
        };
        let at = version.checked_sub(1).and_then(|at| keys.get(at as usize));
        let data_key = at.ok_or(KeyringError::NoKey { domain, version })?;
        let info = [&b"comity: key of a file"[..], &[data_key.algorithm.code()]];
        let secret = derive(&data_key.secret[..], file, &info)?;
        let header = Header { algorithm: data_key.algorithm, version };
        let file_key = Arc::new(FileKey::new(header, &secret)?);
        self.files.insert(key, file_key.clone());
        Ok(Some(file_key))
    }

    /// Changes the entries: in the file first, and where that fails, not at all.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Entries, &Wrapping) -> Result<T, KeyringError>,
    ) -> Result<T, KeyringError> {
        let master = self.master.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = self.entries().clone();
        let done = change(&mut changed, &Wrapping::of(&master)?)?;
        self.replace(&master, &changed)?;
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = changed;
        Ok(done)
    }

    fn replace(&self, master: &MasterKey, entries: &Entries) -> Result<(), KeyringError> {
        let text = file::write(master, entries)?;
        file::replace(&self.path, &text).map_err(|error| KeyringError::io(&self.path, error))
    }
}

/// A key that is nowhere but here; its version is that of a gone domain, whatever it is.
fn throw_away(algorithm: Algorithm) -> Result<FileKey, Unspecified> {
    let secret: Secret = fresh_secret()?;
    FileKey::new(Header { algorithm, version: u32::MAX }, &secret)
}

/// The master key that comes next, made where that is ours to do.
fn next(source: &MasterKeySource) -> Result<MasterKey, KeyringError> {
    match (source.read(Which::Next).map_err(KeyringError::Source)?, source) {
        (Some(next), _) => Ok(next),
        (None, MasterKeySource::File(path)) => {
            let path = key_file::of(path, Which::Next);
            let next = MasterKey::fresh()?;
            key_file::write(&path, &next).map_err(|error| KeyringError::io(&path, error))?;
            Ok(next)
        }
        (None, source) => Err(KeyringError::NoNext(source.to_string())),
    }
}

/// The master key of a new directory.
fn first(source: &MasterKeySource) -> Result<MasterKey, KeyringError> {
    let MasterKeySource::File(path) = source else {
        return Err(KeyringError::Source(format!("{source}: there is none")));
    };
    let master = MasterKey::fresh()?;
    key_file::write(path, &master).map_err(|error| KeyringError::io(path, error))?;
    Ok(master)
}

/// The master key that a file of keys names: the current one, or after a rotation that was
/// interrupted, the next one.
fn wanted(
    source: &MasterKeySource,
    current: Option<MasterKey>,
    unread: &Unread,
) -> Result<MasterKey, KeyringError> {
    let found = current.as_ref().map(MasterKey::id).transpose()?;
    if let Some(current) = current
        && found == Some(unread.master)
    {
        return Ok(current);
    }
    if let Some(next) = source.read(Which::Next).map_err(KeyringError::Source)?
        && next.id()? == unread.master
    {
        promote(source)?;
        return Ok(next);
    }
    Err(KeyringError::OtherMaster {
        path: unread.path().to_owned(),
        wanted: unread.master,
        source_name: source.to_string(),
        found,
    })
}

/// Lets the next master key be the one in force, where that is ours to do.
fn promote(source: &MasterKeySource) -> Result<Option<PathBuf>, KeyringError> {
    match source {
        MasterKeySource::File(path) => {
            key_file::promote(path).map_err(|error| KeyringError::io(path, error))
        }
        other => {
            tracing::warn!(
                "the data keys are wrapped by the next master key; make it the current one of {other}"
            );
            Ok(None)
        }
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
