//! A master key in a file that only its owner may read.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::disk::{self, beside};
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
    match Exposure::of(path, &metadata) {
        Exposure::Ours(problem) => Err(problem),
        Exposure::None | Exposure::Theirs(_) => parsed(&mut file, &metadata).map(Some),
    }
}

fn parsed(file: &mut File, metadata: &Metadata) -> Result<MasterKey, String> {
    if metadata.len() > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    let mut text = Zeroizing::new(String::with_capacity(2 * BYTES_MAX as usize));
    let read = file.take(BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    MasterKey::parse(&text)
}

/// Why whoever runs the server should look at the file although it is used.
pub fn warning(path: &Path) -> Option<String> {
    match Exposure::of(path, &fs::metadata(path).ok()?) {
        Exposure::Theirs(problem) => Some(problem),
        Exposure::None | Exposure::Ours(_) => None,
    }
}

/// May others than the owner and the group use the file? A group is what container platforms give.
#[derive(Debug, PartialEq, Eq)]
enum Exposure {
    None,
    /// They may, and it is ours to mend.
    Ours(String),
    /// They may, and it is not: platforms mount secrets with mode 444 or 644, and not for writing.
    Theirs(String),
}

impl Exposure {
    fn of(path: &Path, metadata: &Metadata) -> Exposure {
        // Whether it may be written is best told by trying; nothing is.
        let is_ours = is_owner(metadata) && OpenOptions::new().write(true).open(path).is_ok();
        Exposure::judged(metadata.mode() & 0o777, is_ours)
    }

    fn judged(mode: u32, is_ours: bool) -> Exposure {
        let problem = format!("others than its owner may use it (mode {mode:o})");
        match (mode & 0o007, is_ours) {
            (0, _) => Exposure::None,
            (_, true) => Exposure::Ours(format!(
                "{problem}; `chmod 600` it, and think about who may have read it"
            )),
            (_, false) => Exposure::Theirs(format!(
                "{problem}; let the platform give it mode 400 or 440 if it can"
            )),
        }
    }
}

/// Is the file of the user as whom this process runs? Where nobody tells, it counts as such.
fn is_owner(metadata: &Metadata) -> bool {
    fs::metadata("/proc/self").map_or(true, |process| process.uid() == metadata.uid())
}

/// Writes a key where there is none. On disk when this returns.
pub fn write(path: &Path, key: &MasterKey) -> io::Result<()> {
    let fresh = beside(path, NEW);
    disk::destroy(&fresh)?;
    disk::make(&fresh, key.text().as_bytes())?;
    // Fails where a key is there already.
    disk::settle(&fresh, path)
}

const NEW: &str = ".new";
const OLD: &str = ".old";

/// Puts the next key in the place of the one in force. That is kept, for what was written under it
/// and is elsewhere, as backups: in a file of the same name with its id behind it, which is told.
pub fn promote(path: &Path) -> io::Result<Option<PathBuf>> {
    tidy(path)?;
    let kept = keep(path, path)?;
    disk::replace(&of(path, Which::Next), path, &beside(path, OLD))?;
    Ok(kept)
}

/// Sees to it that the key in `held` is in the file that bears its id; nothing where there is none.
fn keep(path: &Path, held: &Path) -> io::Result<Option<PathBuf>> {
    let Some(key) = content(held)? else { return Ok(None) };
    let id = key.id().map_err(io::Error::other)?;
    let kept = beside(path, &format!(".{id}"));
    match content(&kept)? {
        Some(there) if there.id().ok() == Some(id) => {}
        _ => {
            disk::destroy(&kept)?;
            write(&kept, &key)?;
        }
    }
    Ok(Some(kept))
}

/// Overwrites what an interrupted promotion has left. A key that would be lost by that is kept first.
pub fn tidy(path: &Path) -> io::Result<()> {
    let old = beside(path, OLD);
    if !old.exists() {
        return Ok(());
    }
    let same = |one: MasterKey, other: MasterKey| one.id().ok() == other.id().ok();
    let is_current = match (content(&old)?, content(path)?) {
        (Some(old), Some(current)) => same(old, current),
        _ => false,
    };
    if !is_current {
        keep(path, &old)?;
    }
    disk::destroy(&old)
}

/// The key in a file, whoever may read it; nothing where there is no file, or no key in it.
fn content(path: &Path) -> io::Result<Option<MasterKey>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    Ok(parsed(&mut file, &metadata).ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

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
        let kept = promote(&path).unwrap().unwrap();
        let id = |path: &Path| read(path).unwrap().unwrap().id().unwrap();
        let (old_id, new_id) = (old.id().unwrap(), new.id().unwrap());
        assert_eq!((id(&path), id(&kept)), (new_id, old_id));
        assert_eq!(kept, beside(&path, &format!(".{old_id}")));
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
        // As after a stop in the middle.
        fs::hard_link(&path, beside(&path, OLD)).unwrap();
        write(&of(&path, Which::Next), &old).unwrap();
        promote(&path).unwrap();
        assert_eq!(id(&path), old_id);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn what_an_interrupted_promotion_left_is_overwritten_and_no_key_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let (old, new) = (MasterKey::fresh().unwrap(), MasterKey::fresh().unwrap());
        write(&path, &new).unwrap();
        fs::write(beside(&path, OLD), old.text().as_bytes()).unwrap();
        let mut left = File::open(beside(&path, OLD)).unwrap();
        tidy(&path).unwrap();
        let mut bytes = Vec::new();
        left.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [0; 65]);
        assert!(!beside(&path, OLD).exists());
        let kept = beside(&path, &format!(".{}", old.id().unwrap()));
        assert_eq!(content(&kept).unwrap().unwrap().id().unwrap(), old.id().unwrap());
    }

    #[test]
    fn keys_are_promoted_where_there_are_no_links() {
        disk::trial::HAS_LINKS.set(false);
        a_promoted_key_takes_the_place_of_the_old_one();
        a_key_reads_back_and_is_for_its_owner();
    }

    #[test]
    fn what_others_may_read_is_refused_where_it_is_ours_to_mend() {
        for mode in [0o600, 0o440, 0o640] {
            assert_eq!(Exposure::judged(mode, true), Exposure::None);
        }
        assert!(matches!(Exposure::judged(0o604, true), Exposure::Ours(_)));
        for mode in [0o444, 0o644] {
            assert!(matches!(Exposure::judged(mode, false), Exposure::Theirs(_)));
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        write(&path, &MasterKey::fresh().unwrap()).unwrap();
        assert_eq!(warning(&path), None);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&path).is_err());
        // Only the superuser can give a file away.
        if chown(&path, Some(12_345), None).is_ok() {
            assert!(read(&path).unwrap().is_some());
            assert!(warning(&path).unwrap().contains("mode 644"));
        }
    }
}
