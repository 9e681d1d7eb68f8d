//! The files of a ledger: their names, and how they are made.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown,
};
use std::path::{Path, PathBuf};

/// A segment, by the number of its first line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    pub first: u64,
    pub path: PathBuf,
}

const EXTENSION: &str = ".ndjson";

/// How many digits the number in a name has, so that names sort as numbers do.
const DIGITS: usize = 20;

impl Segment {
    pub fn of(directory: &Path, first: u64) -> Segment {
        Segment { first, path: directory.join(format!("{first:020}{EXTENSION}")) }
    }
}

/// The directory of the ledger in a data directory.
pub fn directory(data: &Path) -> PathBuf {
    data.join("audit")
}

/// All segments, oldest first. None where there is no such directory.
pub fn segments(directory: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(first) = entry.file_name().to_str().and_then(first_of) {
            segments.push(Segment { first, path: entry.path() });
        }
    }
    segments.sort();
    Ok(segments)
}

fn first_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(EXTENSION)?;
    let digits = number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse().ok())?
}

/// Makes the directory, which only its owner may open: who owns the one it lies in. On disk when
/// this returns.
pub fn make_directory(directory: &Path) -> io::Result<()> {
    let is_new = !directory.exists();
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let Some(parent) = directory.parent() else { return Ok(()) };
    let (owner, made) = (fs::metadata(parent)?, fs::metadata(directory)?);
    if is_new && owner.uid() != made.uid() {
        chown(directory, Some(owner.uid()), Some(owner.gid()))?;
    }
    sync_directory(parent)
}

/// Gives a file to the owner of its directory. Where an administrator of the machine does something
/// to the record, the service must be able to read and write it afterwards.
pub fn give_to_owner(file: &File, path: &Path) -> io::Result<()> {
    let Some(directory) = path.parent() else { return Ok(()) };
    let (owner, made) = (fs::metadata(directory)?, file.metadata()?);
    if owner.uid() == made.uid() {
        return Ok(());
    }
    match fchown(file, Some(owner.uid()), Some(owner.gid())) {
        // Who may not give files away is no administrator, and has made them as its own.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        given => given,
    }
}

/// What others than the owner may do with a key, and with everything else of the record: its group
/// may read that, where somebody has allowed it.
pub const KEY_FORBIDDEN: u32 = 0o077;
pub const FORBIDDEN: u32 = 0o027;

/// Takes from a file or directory what is forbidden of its mode. Gives the mode it had, if that was
/// otherwise. Nothing of it where there is no such file.
pub fn close_to_others(path: &Path, forbidden: u32) -> io::Result<Option<u32>> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if mode & forbidden == 0 {
        return Ok(None);
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode & !forbidden)).map_err(|error| {
        let problem = format!(
            "others may read or change `{}` (mode {mode:o}), and that could not be mended: {error}",
            path.display()
        );
        io::Error::new(error.kind(), problem)
    })?;
    Ok(Some(mode))
}

/// Held as long as the file is open. Nothing if another process holds it.
pub fn lock(directory: &Path) -> io::Result<Option<File>> {
    let path = directory.join("LOCK");
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
    give_to_owner(&file, &path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A new file that only its owner may read, on disk when this returns. An older one of this name
/// is replaced.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    give_to_owner(&file, path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Names that were made, changed or removed in the directory are on disk when this returns.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_those_with_a_number() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(segments(&directory.path().join("none")).unwrap(), []);
        let one = Segment::of(directory.path(), 1);
        let other = Segment::of(directory.path(), u64::MAX);
        for path in [&other.path, &one.path, &directory.path().join("key")] {
            fs::write(path, "").unwrap();
        }
        for name in ["1.ndjson", "torn-00000000000000000001", "99999999999999999999.ndjson"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert_eq!(segments(directory.path()).unwrap(), [one, other]);
    }
}
