//! A master key in a file that only its owner may read.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::master::{MasterKey, Which};

/// A key is 65 bytes with its end of line.
const BYTES_MAX: u64 = 1024;

/// Name of a key file that lies in the data directory, for want of a better place.
const INSIDE: &str = "master.key";

/// The file of a key: that in force, or the next one.
pub fn of(path: &Path, which: Which) -> PathBuf {
    match which {
        Which::Current => path.to_owned(),
        Which::Next => beside(path, ".next"),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Where the key of a data directory lies if nobody says otherwise: beside the directory (`data.key`
/// for `data`), so that a copy of the directory has no key with it.
///
/// Where the directory is a file system of its own, what lies beside it may not live as long, as in a
/// container; there the key lies in the directory. Tells whether it is inside. An existing key stays
/// where it is.
pub fn default_file(directory: &Path) -> (PathBuf, bool) {
    let inside = directory.join(INSIDE);
    let outside = directory.canonicalize().ok().filter(|path| path.parent().is_some());
    let Some(outside) = outside.map(|path| beside(&path, ".key")) else { return (inside, true) };
    if outside.exists() || (!inside.exists() && is_lasting(directory, &outside)) {
        (outside, false)
    } else {
        (inside, true)
    }
}

fn is_lasting(directory: &Path, outside: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let Some(parent) = outside.parent() else { return false };
    if device(directory) != device(parent) {
        return false;
    }
    // Whether it may be written there is best told by trying.
    let trial = beside(outside, ".trial");
    let made = OpenOptions::new().write(true).create(true).truncate(false).open(&trial);
    made.and_then(|_| fs::remove_file(&trial)).is_ok()
}

pub fn read(path: &Path) -> Result<Option<MasterKey>, String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    let mode = metadata.permissions().mode() & 0o777;
    // A file that others may read is no secret; a group is what container platforms give.
    if mode & 0o007 != 0 {
        return Err(format!(
            "others than its owner may use it (mode {mode:o}); `chmod 600` it, and think about who \
             may have read it"
        ));
    }
    if metadata.len() > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    let mut text = Zeroizing::new(String::with_capacity(2 * BYTES_MAX as usize));
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    MasterKey::parse(&text).map(Some)
}

/// Writes a key where there is none. On disk when this returns.
pub fn write(path: &Path, key: &MasterKey) -> io::Result<()> {
    let fresh = beside(path, ".new");
    destroy(&fresh)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(key.text().as_bytes())?;
    file.sync_all()?;
    // Unlike a renaming, this fails where a key is there already.
    fs::hard_link(&fresh, path)?;
    fs::remove_file(&fresh)?;
    sync_parent(path)
}

/// Puts the next key in the place of the one in force, which is overwritten.
pub fn promote(path: &Path) -> io::Result<()> {
    let old = beside(path, ".old");
    destroy(&old)?;
    fs::hard_link(path, &old)?;
    fs::rename(of(path, Which::Next), path)?;
    sync_parent(path)?;
    destroy(&old)
}

/// Overwrites a file with zeros and removes it, if it is there. Where the file has another name as
/// well, as when a replacement was interrupted, only this name goes.
pub fn destroy(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if metadata.nlink() == 1 {
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut io::repeat(0).take(metadata.len()), &mut file)?;
        file.sync_all()?;
    }
    fs::remove_file(path)?;
    sync_parent(path)
}

pub fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_is_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        assert!(read(&path).unwrap().is_none());
        let key = MasterKey::fresh().unwrap();
        write(&path, &key).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().id().unwrap(), key.id().unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write(&path, &key).is_err(), "no key is overwritten");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&path).unwrap_err().contains("mode 644"));
    }

    #[test]
    fn a_key_lies_beside_its_directory_and_stays_where_it_is() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        fs::create_dir(&data).unwrap();
        let outside = place.path().canonicalize().unwrap().join("data.key");
        assert_eq!(default_file(&data), (outside.clone(), false));
        fs::write(data.join(INSIDE), "").unwrap();
        assert_eq!(default_file(&data), (data.join(INSIDE), true));
        fs::write(&outside, "").unwrap();
        assert_eq!(default_file(&data), (outside, false));
    }

    #[test]
    fn a_promoted_key_takes_the_place_of_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let (old, new) = (MasterKey::fresh().unwrap(), MasterKey::fresh().unwrap());
        write(&path, &old).unwrap();
        write(&of(&path, Which::Next), &new).unwrap();
        promote(&path).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().id().unwrap(), new.id().unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        // As after a stop in the middle.
        fs::hard_link(&path, beside(&path, ".old")).unwrap();
        write(&of(&path, Which::Next), &old).unwrap();
        promote(&path).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().id().unwrap(), old.id().unwrap());
    }
}
