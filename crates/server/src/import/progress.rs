//! How far an import came, kept on disk so that it can go on.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::input::Place;

/// How far an import came: everything before `place` is in the store or was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub place: Place,
    pub created: u64,
    /// Written over entities that were there.
    pub updated: u64,
    pub refused: u64,
    /// How long the report of refused records was.
    pub report_bytes: u64,
}

/// The place of one import's progress and report.
#[derive(Clone, Debug)]
pub struct ProgressFile {
    progress: PathBuf,
    pub report: PathBuf,
}

/// How much of a source tells it from another one.
const FINGERPRINT_BYTES: u64 = 64 * 1024;

impl Default for Progress {
    fn default() -> Progress {
        Progress { place: Place::START, created: 0, updated: 0, refused: 0, report_bytes: 0 }
    }
}

impl Progress {
    pub fn done(&self) -> u64 {
        self.created + self.updated + self.refused
    }
}

impl ProgressFile {
    /// The files in `directory` that belong to this source, imported in this way. Another
    /// content, date, or way of importing begins anew.
    pub fn of(directory: &Path, source: &Path, way: &str) -> io::Result<ProgressFile> {
        fs::create_dir_all(directory)?;
        let fingerprint = fingerprint(source, way)?;
        let stem = source.file_stem().and_then(|stem| stem.to_str()).unwrap_or("import");
        let plain = |c: char| if c.is_alphanumeric() { c } else { '-' };
        let stem: String = stem.chars().take(60).map(plain).collect();
        let name = format!("{stem}-{fingerprint}");
        Ok(ProgressFile {
            progress: directory.join(format!("{name}.progress.json")),
            report: directory.join(format!("{name}.refused.txt")),
        })
    }

    /// Nothing where there is no import to go on with. A file that cannot be understood counts
    /// as none: all it could save is time.
    pub fn read(&self) -> Option<Progress> {
        let bytes = fs::read(&self.progress).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Not synced: an older state only means that some entities are written twice.
    pub fn write(&self, progress: &Progress) -> io::Result<()> {
        let new = self.progress.with_extension("new");
        fs::write(&new, serde_json::to_vec(progress)?)?;
        fs::rename(new, &self.progress)
    }

    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.progress) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn fingerprint(source: &Path, way: &str) -> io::Result<String> {
    let mut file = File::open(source)?;
    let metadata = file.metadata()?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(source.canonicalize()?.as_os_str().as_encoded_bytes());
    hash.update(metadata.len().to_le_bytes());
    hash.update(modified.as_nanos().to_le_bytes());
    hash.update(way.as_bytes());
    file.seek(SeekFrom::Start(0))?;
    let mut opening = Vec::new();
    file.take(FINGERPRINT_BYTES).read_to_end(&mut opening)?;
    hash.update(opening);
    let digest: [u8; 32] = hash.finalize().into();
    Ok(digest[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_belongs_to_one_content_and_one_way() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("a b.ndjson");
        fs::write(&source, "{}").unwrap();
        let file = |way: &str| ProgressFile::of(directory.path(), &source, way).unwrap();
        let progress = Progress { created: 7, ..Progress::default() };
        file("one").write(&progress).unwrap();
        assert_eq!(file("one").read(), Some(progress));
        assert_eq!(file("two").read(), None);
        fs::write(&source, "{}\n").unwrap();
        assert_eq!(file("one").read(), None);
    }
}
