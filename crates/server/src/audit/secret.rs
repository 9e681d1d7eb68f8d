//! The key that signs the record, in a file that only its owner may read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ::audit::{PublicKey, SigningKey};
use tracing::warn;

use super::files;

/// The key in force, and the one that is about to take over.
#[derive(Clone, Debug)]
pub struct SecretFiles {
    directory: PathBuf,
}

impl SecretFiles {
    pub fn of(directory: &Path) -> SecretFiles {
        SecretFiles { directory: directory.to_owned() }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.join("key")
    }

    fn next_path(&self) -> PathBuf {
        self.directory.join("key.next")
    }

    /// The key in force. Nothing where there is none yet.
    pub fn read(&self) -> io::Result<Option<SigningKey>> {
        read(&self.path())
    }

    /// A key that was made, and of which it is not known whether it has taken over.
    pub fn read_next(&self) -> io::Result<Option<SigningKey>> {
        read(&self.next_path())
    }

    /// Makes a key from the chance of the system, on disk when this returns. It is in force after
    /// [`SecretFiles::take_over`].
    pub fn make_next(&self) -> io::Result<SigningKey> {
        let mut secret = [0; SigningKey::BYTES];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        files::write_private(&self.next_path(), &secret)?;
        files::sync_directory(&self.directory)?;
        Ok(SigningKey::of_secret(&secret))
    }

    pub fn take_over(&self) -> io::Result<()> {
        fs::rename(self.next_path(), self.path())?;
        files::sync_directory(&self.directory)
    }
}

impl SecretFiles {
    /// The name under which a key is kept that signs no record any more.
    pub fn name_of_old(key: &PublicKey) -> String {
        format!("key.old-{}", key.id())
    }

    /// Gives the key in force another name: it signs nothing from here on.
    pub fn set_aside(&self, name: &str) -> io::Result<()> {
        fs::rename(self.path(), self.directory.join(name))?;
        files::sync_directory(&self.directory)
    }
}

fn read(path: &Path) -> io::Result<Option<SigningKey>> {
    if let Some(mode) = files::close_to_others(path, files::KEY_FORBIDDEN)? {
        let (file, mode) = (path.display(), format!("{mode:o}"));
        warn!(
            %file,
            mode,
            "others could read the key of the audit record; its mode is 600 now; if somebody may \
             have read it, make another: comity audit key --rotate"
        );
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match <[u8; SigningKey::BYTES]>::try_from(bytes.as_slice()) {
        Ok(secret) => Ok(Some(SigningKey::of_secret(&secret))),
        Err(_) => {
            let problem =
                format!("a key has {} bytes; this has {}", SigningKey::BYTES, bytes.len());
            Err(io::Error::new(io::ErrorKind::InvalidData, problem))
        }
    }
}
