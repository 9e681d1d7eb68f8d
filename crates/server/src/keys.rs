//! The keys of a running server, which follow their file.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use identity::{FileError, KeyRing, KeysFile, NewKey, RANDOM_BYTES, Stamp, Token};
use policy::{Caller, role};
use tracing::{info, warn};

use crate::clock::SystemClock;
use crate::failure::Failure;

/// The keys as the file last gave them.
#[derive(Debug)]
pub struct Keys {
    file: KeysFile,
    known: RwLock<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    ring: Arc<KeyRing>,
    stamp: Option<Stamp>,
}

/// The name of the key that a first start makes.
const FIRST_KEY: &str = "administrator";

impl Keys {
    pub fn open(directory: &Path) -> Result<Keys, FileError> {
        let file = KeysFile::of(directory);
        // The stamp first: a change in between is then seen as one.
        let stamp = file.stamp();
        let ring = Arc::new(file.read()?.unwrap_or_default());
        Ok(Keys { file, known: RwLock::new(Known { ring, stamp }) })
    }

    /// Who sends this token.
    pub fn caller(&self, token: &str) -> Option<Caller> {
        let ring = self.known.read().unwrap_or_else(PoisonError::into_inner).ring.clone();
        ring.caller(token).cloned()
    }

    /// Reads the file again where it changed. A file that cannot be read leaves the keys as they
    /// were: a slip of the pen must not lock everyone out, nor let anyone in. Gives the keys from
    /// before and after, where they changed.
    pub fn refresh(&self) -> Option<(Arc<KeyRing>, Arc<KeyRing>)> {
        let stamp = self.file.stamp();
        if self.known.read().unwrap_or_else(PoisonError::into_inner).stamp == stamp {
            return None;
        }
        let read = self.file.read();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.stamp = stamp;
        match read {
            Ok(ring) => {
                let after = Arc::new(ring.unwrap_or_default());
                let before = std::mem::replace(&mut known.ring, after.clone());
                info!(keys = after.iter().count(), "the keys changed");
                Some((before, after))
            }
            Err(error) => {
                warn!(%error, "the keys changed, but cannot be read; the old ones stay");
                None
            }
        }
    }
}

/// Makes a key in a data directory, whether a server runs there or not.
pub fn add(directory: &Path, new: NewKey) -> Result<Token, Failure> {
    let random = random()?;
    let now = SystemClock.second();
    Ok(KeysFile::of(directory).change(|ring| ring.add(new, now, random))?)
}

/// The administrator's key, where a directory has no keys yet.
pub fn first(directory: &Path) -> Result<Option<Token>, Failure> {
    if KeysFile::of(directory).read()?.is_some() {
        return Ok(None);
    }
    let new = NewKey { caller: Caller::with_role(FIRST_KEY, role::ADMIN) };
    add(directory, new).map(Some)
}

fn random() -> Result<[u8; RANDOM_BYTES], Failure> {
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::Refused(format!("the random source of the system gave nothing: {error}"))
    })?;
    Ok(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_server_learns_of_new_and_revoked_keys() {
        let directory = tempfile::tempdir().unwrap();
        let first = first(directory.path()).unwrap().unwrap();
        assert!(super::first(directory.path()).unwrap().is_none());
        let keys = Keys::open(directory.path()).unwrap();
        assert!(keys.caller(first.as_str()).unwrap().has_role(role::ADMIN));

        let new = NewKey { caller: Caller::with_role("app", role::READER) };
        let second = add(directory.path(), new).unwrap();
        assert_ne!(first, second);
        assert_eq!(keys.caller(second.as_str()), None);
        keys.refresh();
        assert_eq!(keys.caller(second.as_str()).unwrap().name, "app");

        KeysFile::of(directory.path()).change(|ring| ring.revoke("administrator")).unwrap();
        keys.refresh();
        assert_eq!(keys.caller(first.as_str()), None);

        std::fs::write(KeysFile::of(directory.path()).path(), "broken").unwrap();
        keys.refresh();
        assert_eq!(keys.caller(second.as_str()).unwrap().name, "app");
    }
}
