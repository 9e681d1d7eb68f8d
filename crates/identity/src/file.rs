//! The file that keeps the keys: replaced whole, readable by its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::ring::{KeyRing, RingError};

/// `keys.toml` of a data directory. It has a lock of its own, so that keys can be added and
/// revoked while a server holds the data.
#[derive(Clone, Debug)]
pub struct KeysFile {
    path: PathBuf,
}

/// Tells one state of the file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// That of any file; nothing where there is none.
    pub fn of(path: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(path).ok()?;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Some(Stamp { inode: metadata.ino(), bytes: metadata.len(), modified })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("could not use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("`{}`: {source}", path.display())]
    Content { path: PathBuf, source: RingError },
    #[error(transparent)]
    Refused(RingError),
}

impl KeysFile {
    /// The keys of a data directory.
    pub fn of(directory: &Path) -> KeysFile {
        KeysFile { path: directory.join("keys.toml") }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Nothing where there is no file.
    pub fn stamp(&self) -> Option<Stamp> {
        Stamp::of(&self.path)
    }

    /// The keys; nothing where none was ever made.
    pub fn read(&self) -> Result<Option<KeyRing>, FileError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => {
                let content = |source| FileError::Content { path: self.path.clone(), source };
                KeyRing::parse(&text).map(Some).map_err(content)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.io(source)),
        }
    }

    /// Changes the keys. Others that change them at the same time wait; readers see the keys
    /// before or after, never a part. On disk when this returns.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut KeyRing) -> Result<T, RingError>,
    ) -> Result<T, FileError> {
        let lock = self.lock().map_err(|source| self.io(source))?;
        let mut ring = self.read()?.unwrap_or_default();
        let made = change(&mut ring).map_err(FileError::Refused)?;
        let text = ring.print().map_err(FileError::Refused)?;
        self.replace(text.as_bytes()).map_err(|source| self.io(source))?;
        drop(lock);
        Ok(made)
    }

    fn lock(&self) -> io::Result<File> {
        let path = self.path.with_extension("lock");
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let new = self.path.with_extension("new");
        // What a crash left is removed first, so that the mode below is always ours.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        match self.path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }

    fn io(&self, source: io::Error) -> FileError {
        FileError::Io { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use model::DateTime;
    use policy::{Caller, role};

    use super::*;
    use crate::NewKey;

    fn add(file: &KeysFile, number: u8) {
        let caller = Caller::with_role(format!("key {number}"), role::READER);
        let new = NewKey { caller };
        let now = DateTime::parse("2026-04-01T12:00:00Z").unwrap();
        file.change(|ring| ring.add(new, now, [number; 38])).unwrap();
    }

    #[test]
    fn keys_survive_and_only_their_owner_reads_them() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeysFile::of(directory.path());
        assert!(file.read().unwrap().is_none());
        add(&file, 1);
        let first = file.stamp().unwrap();
        add(&file, 2);
        assert_ne!(file.stamp().unwrap(), first);
        assert_eq!(file.read().unwrap().unwrap().iter().count(), 2);
        let mode = fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_refused_change_leaves_the_file_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeysFile::of(directory.path());
        add(&file, 1);
        let before = file.stamp();
        assert!(file.change(|ring| ring.revoke("nobody")).is_err());
        assert_eq!(file.stamp(), before);
    }

    #[test]
    fn keys_made_at_the_same_time_are_all_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeysFile::of(directory.path());
        std::thread::scope(|scope| {
            for number in 0..8 {
                let file = &file;
                scope.spawn(move || add(file, number));
            }
        });
        assert_eq!(file.read().unwrap().unwrap().iter().count(), 8);
    }
}
