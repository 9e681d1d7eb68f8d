//! Files that are replaced whole, and whose old content is overwritten.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The path with an ending behind its whole name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Makes a file that only its owner may use. Its content is on disk when this returns, its name may
/// not be.
pub fn make(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    sync(&file)
}

/// Gives a file its name, where nothing has that name yet. On disk when this returns.
pub fn settle(fresh: &Path, path: &Path) -> io::Result<()> {
    match link(fresh, path) {
        Ok(()) => fs::remove_file(fresh)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // No hard links here. A renaming does not ask whether there is something.
        Err(_) if path.try_exists()? => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(fresh, path)?,
    }
    sync_parent(path)
}

/// Puts `fresh` in the place of `path`, and overwrites what was there. On disk when this returns;
/// after a crash there is one or the other, whole.
///
/// Meanwhile the old file is called `old`, so that after a crash it is found and destroyed. Where
/// there are no hard links, as on FAT, SMB and many FUSE mounts, it has no name from the renaming on:
/// it is overwritten all the same, but not after a crash.
pub fn replace(fresh: &Path, path: &Path, old: &Path) -> io::Result<()> {
    let before = match OpenOptions::new().write(true).open(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let is_linked = before.is_some() && link(path, old).is_ok();
    fs::rename(fresh, path)?;
    // The new one must be there to stay before the old one goes.
    sync_parent(path)?;
    // One with further names is not ours to wipe.
    if let Some(before) = before
        && before.metadata()?.nlink() <= 1
    {
        overwrite(before)?;
    }
    // If a crash brings the name back, it is that of a file of zeros.
    if is_linked { fs::remove_file(old) } else { Ok(()) }
}

fn overwrite(mut file: File) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(file.metadata()?.len()), &mut file)?;
    sync(&file)
}

/// Overwrites a file with zeros and removes it, if it is there. Where the file has another name as
/// well, as when a replacement was interrupted, only this name goes.
pub fn destroy(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if file.metadata()?.nlink() == 1 {
        overwrite(file)?;
    }
    fs::remove_file(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(&File::open(parent)?),
        _ => sync(&File::open(".")?),
    }
}

fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    trial::SYNCS.set(trial::SYNCS.get() + 1);
    file.sync_all()
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(test)]
    if !trial::HAS_LINKS.get() {
        return Err(io::Error::from_raw_os_error(1));
    }
    fs::hard_link(from, to)
}

/// What tests of this thread set and see.
#[cfg(test)]
pub mod trial {
    use std::cell::Cell;

    thread_local! {
        pub static HAS_LINKS: Cell<bool> = const { Cell::new(true) };
        pub static SYNCS: Cell<usize> = const { Cell::new(0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_the_old_one_overwritten_with_and_without_links() {
        for has_links in [true, false] {
            trial::HAS_LINKS.set(has_links);
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("file");
            let (fresh, old) = (beside(&path, ".new"), beside(&path, ".old"));
            make(&fresh, b"first").unwrap();
            settle(&fresh, &path).unwrap();
            let mut first = File::open(&path).unwrap();
            make(&fresh, b"second").unwrap();
            let told = settle(&fresh, &path).unwrap_err();
            assert_eq!(told.kind(), io::ErrorKind::AlreadyExists);
            replace(&fresh, &path, &old).unwrap();
            let mut content = Vec::new();
            first.read_to_end(&mut content).unwrap();
            assert_eq!(content, [0; 5]);
            assert_eq!(fs::read(&path).unwrap(), b"second");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        }
    }
}
