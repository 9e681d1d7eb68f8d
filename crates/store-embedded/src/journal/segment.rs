//! Files of the journal: their names, and their openings.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keyring::FileId;

/// A segment opens with this; the last byte is the version of the format.
const MARK: [u8; 8] = *b"ComityJ\x02";

/// The mark, and the id of the file, from which the keys of its sections are derived.
pub const OPENING_BYTES: u64 = (MARK.len() + size_of::<FileId>()) as u64;

pub fn opening(file: &FileId) -> Vec<u8> {
    [&MARK[..], file].concat()
}

/// The id in the opening of a segment; nothing where it opens otherwise.
pub fn file_id(bytes: &[u8]) -> Option<FileId> {
    bytes.strip_prefix(&MARK)?.first_chunk().copied()
}

/// The id of a segment that is open.
pub fn read_file_id(file: &File) -> io::Result<FileId> {
    let mut bytes = [0; OPENING_BYTES as usize];
    file.read_exact_at(&mut bytes, 0)?;
    file_id(&bytes).ok_or_else(|| {
        let problem = "this is not a journal of a format this version knows";
        io::Error::new(io::ErrorKind::InvalidData, problem)
    })
}

/// One file of the journal.
#[derive(Clone, Debug)]
pub struct SegmentFile {
    pub number: u64,
    pub path: PathBuf,
    pub bytes: u64,
    pub modified: SystemTime,
}

pub fn path_of(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.journal"))
}

/// The segments of a directory, oldest first.
pub fn segments(directory: &Path) -> io::Result<Vec<SegmentFile>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let is_segment = path.extension().is_some_and(|extension| extension == "journal");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let (true, Some(number)) = (is_segment, number) {
            let metadata = entry.metadata()?;
            let modified = metadata.modified()?;
            found.push(SegmentFile { number, path, bytes: metadata.len(), modified });
        }
    }
    found.sort_by_key(|segment| segment.number);
    Ok(found)
}

/// Makes the names of files in a directory survive a crash.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
