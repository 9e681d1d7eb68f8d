//! What is set aside of a record, with a name that says whether the record tells of it yet.
//!
//! A file has the name with `.untold` at its end until a line that names it is on disk. So a crash at
//! any time leaves a file that is told of at the next start, never one that nothing tells of.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ::audit::{Gap, GapCause};

use super::files::{self, Segment};

const UNTOLD: &str = ".untold";
const TORN: &str = "torn-";
const OLD_KEY: &str = "key.old-";

/// A file of which the record does not tell yet.
#[derive(Debug)]
pub struct Untold {
    path: PathBuf,
    name: String,
}

impl Untold {
    pub fn all(directory: &Path) -> io::Result<Vec<Untold>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_suffix(UNTOLD))
                .map(str::to_owned);
            all.extend(name.map(|name| Untold { path: entry.path(), name }));
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// What the record is to say of it.
    pub fn gap(&self) -> io::Result<Gap> {
        let aside = Some(self.name.as_str().into());
        if self.name.starts_with(OLD_KEY) {
            return Ok(Gap { aside, ..Gap::of(GapCause::Missing) });
        }
        let bytes = Some(fs::metadata(&self.path)?.len());
        Ok(Gap { bytes, aside, ..Gap::of(GapCause::Torn) })
    }

    /// The record tells of it, on disk.
    pub fn told(&self) -> io::Result<()> {
        fs::rename(&self.path, self.path.with_file_name(&self.name))
    }
}

/// The name of a file of which the record does not tell yet.
pub fn untold(name: &str) -> String {
    format!("{name}{UNTOLD}")
}

/// Copies what stands after so many bytes of a segment, and then cuts it off.
pub fn set_torn_aside(segment: &Segment, bytes: u64) -> io::Result<String> {
    let directory = segment.path.parent().unwrap_or(Path::new("."));
    let name = format!("{TORN}{:020}-{bytes}", segment.first);
    let aside = directory.join(untold(&name));
    let copied = copy(&segment.path, bytes, &aside).and_then(|()| files::sync_directory(directory));
    copied.inspect_err(|_| drop(fs::remove_file(&aside)))?;
    let file = fs::OpenOptions::new().write(true).open(&segment.path)?;
    file.set_len(bytes)?;
    file.sync_all()?;
    Ok(name)
}

fn copy(from: &Path, bytes: u64, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    io::Seek::seek(&mut from, io::SeekFrom::Start(bytes))?;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(to)?;
    files::give_to_owner(&file, to)?;
    io::copy(&mut from, &mut file)?;
    file.sync_all()
}

/// What was torn off segments before the one that begins with a number, and is told of.
pub fn torn_before(directory: &Path, first: u64) -> io::Result<Vec<PathBuf>> {
    let mut old = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let of = entry.file_name().to_str().and_then(torn_of);
        if of.is_some_and(|of| of < first) {
            old.push(entry.path());
        }
    }
    Ok(old)
}

/// The number of the first line of the segment from which a file was torn.
fn torn_of(name: &str) -> Option<u64> {
    let (segment, bytes) = name.strip_prefix(TORN)?.split_once('-')?;
    bytes.parse::<u64>().ok()?;
    segment.parse().ok()
}
