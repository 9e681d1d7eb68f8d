//! Opening a ledger: a new record, or the end of the one that is there.
//!
//! What a crash tore off is cut, set aside and told. What is damaged otherwise stops the start where
//! the settings say `refuse`; where they say `alert`, it stays where it is, and the record goes on
//! after it in a new segment, in a line that names the file. So nothing that is evidence is moved, the
//! numbers of lines stay what they were, and verifying tells exactly the lines that are damaged.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::audit::{
    Anchor, Chain, Gap, GapCause, Hash, LineError, Opening, RecordId, ResumeError, SigningKey,
};
use model::Timestamp;
use tracing::{error, warn};

use super::aside::{self, Untold};
use super::disk::Disk;
use super::files::{self, Segment};
use super::scan::{Scan, scan};
use super::secret::SecretFiles;
use super::settings::LedgerSettings;
use super::tail::{Place, Tail};
use crate::settings::OnAuditFailure;

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("could not use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the audit record in `{}` is written by another process", .0.display())]
    Locked(PathBuf),
    #[error(
        "the audit record has lines but no key to sign with: restore `{}` from a backup, or move \
         the directory away to begin a new record",
        .0.display()
    )]
    NoKey(PathBuf),
    #[error(
        "the audit record cannot be continued in `{}`: {source}; `comity audit verify` tells more",
        path.display()
    )]
    Resume { path: PathBuf, source: ResumeError },
    #[error(
        "the audit record is damaged in `{}`: {problem}. `comity audit verify` tells more. Restore \
         the file from a backup; or keep a copy of `audit/` as evidence and start once with \
         `audit_on_failure = alert`, which goes on after the damage and says so in the record",
        path.display()
    )]
    Damaged { path: PathBuf, problem: String },
    #[error(
        "the audit record was written by a newer version: of entry {seq} in `{}`, {problem}; start \
         that version again",
        path.display()
    )]
    Newer { path: PathBuf, seq: u64, problem: LineError },
    #[error("the settings of the audit record are wrong: {0}")]
    Settings(String),
}

impl LedgerError {
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
        move |source| LedgerError::Io { path: path.to_owned(), source }
    }
}

/// The end of the record, ready to be written to. The lock is held as long as the file is.
pub fn open(
    settings: &LedgerSettings,
    disk: Arc<dyn Disk>,
    at: Timestamp,
) -> Result<(Tail, File), LedgerError> {
    let directory = settings.directory.as_path();
    let io = || LedgerError::io(directory);
    files::make_directory(directory).map_err(io())?;
    let lock = files::lock(directory).map_err(io())?;
    let lock = lock.ok_or_else(|| LedgerError::Locked(directory.to_owned()))?;
    close_to_others(directory).map_err(io())?;
    let opening = Begin { directory, disk, settings, at };
    let mut tail = opening.tail()?;
    tell(&mut tail, directory, at).map_err(io())?;
    Ok((tail, lock))
}

/// The record is its owner's, and of those whom its owner lets read it.
fn close_to_others(directory: &Path) -> io::Result<()> {
    let segments = files::segments(directory)?;
    let paths = segments.iter().map(|segment| segment.path.as_path());
    for path in paths.chain([directory]) {
        if let Some(mode) = files::close_to_others(path, files::FORBIDDEN)? {
            let (file, mode) = (path.display(), format!("{mode:o}"));
            warn!(%file, mode, "others could read or change the audit record; that is mended");
        }
    }
    Ok(())
}

/// Says in the record what is set aside, and only then gives it its name.
fn tell(tail: &mut Tail, directory: &Path, at: Timestamp) -> io::Result<()> {
    let untold = Untold::all(directory)?;
    for file in &untold {
        tail.append_gap(at, file.gap()?)?;
    }
    if !untold.is_empty() {
        tail.append_head(at)?;
        tail.sync()?;
    }
    untold.iter().try_for_each(Untold::told)?;
    if untold.is_empty() { Ok(()) } else { files::sync_directory(directory) }
}

/// What is needed to open one.
struct Begin<'a> {
    directory: &'a Path,
    disk: Arc<dyn Disk>,
    settings: &'a LedgerSettings,
    at: Timestamp,
}

impl Begin<'_> {
    fn io(&self, error: io::Error) -> LedgerError {
        LedgerError::io(self.directory)(error)
    }

    fn secrets(&self) -> SecretFiles {
        SecretFiles::of(self.directory)
    }

    fn tail(&self) -> Result<Tail, LedgerError> {
        loop {
            let segments = files::segments(self.directory).map_err(|error| self.io(error))?;
            let Some((segment, earlier)) = segments.split_last() else { return self.begin() };
            let io = || LedgerError::io(&segment.path);
            let found = scan(segment).map_err(io())?;
            if let Some((seq, problem)) = found.newer {
                return Err(LedgerError::Newer { path: segment.path.clone(), seq, problem });
            }
            if found.bytes < found.length {
                let name = aside::set_torn_aside(segment, found.bytes).map_err(io())?;
                let bytes = found.length - found.bytes;
                warn!(bytes, file = name, "the end of the audit record was torn; it is set aside");
            }
            if found.bytes == 0 {
                // It was torn in its very first line; the record ends in the segment before.
                fs::remove_file(&segment.path).map_err(io())?;
                continue;
            }
            return match &found.problem {
                None => self.resume(segment, &found),
                Some(problem) => self.damaged(segment, earlier, &found, problem),
            };
        }
    }

    /// A new record, with a key of its own. If there was a key, there was a record: that is said.
    fn begin(&self) -> Result<Tail, LedgerError> {
        let secrets = self.secrets();
        if let Some(old) = secrets.read().map_err(LedgerError::io(&secrets.path()))? {
            let name = SecretFiles::name_of_old(&old.public());
            warn!(
                file = name,
                "there is a key of an audit record, and no record; a new one begins"
            );
            secrets.set_aside(&aside::untold(&name)).map_err(|error| self.io(error))?;
        }
        let key = secrets.make_next().map_err(|error| self.io(error))?;
        let (chain, mut line) = Chain::begin(RecordId(self.chance()?), key, self.at);
        line.push(b'\n');
        let segment = Segment::of(self.directory, 1);
        let made = self.make(&segment, &line).and_then(|()| secrets.take_over());
        made.map_err(LedgerError::io(&segment.path))?;
        let place = self.place(&segment, self.at, line.len() as u64);
        Tail::resume(place, chain).map_err(|error| self.io(error))
    }

    fn chance(&self) -> Result<[u8; 16], LedgerError> {
        let mut chance = [0; 16];
        getrandom::fill(&mut chance).map_err(|error| self.io(io::Error::other(error)))?;
        Ok(chance)
    }

    /// A segment with its first line, on disk; or nothing of it.
    fn make(&self, segment: &Segment, line: &[u8]) -> io::Result<()> {
        let mut file = self.disk.open(&segment.path)?;
        let written = file.append(line).and_then(|()| file.sync());
        let written = written.and_then(|()| files::sync_directory(self.directory));
        written.inspect_err(|_| drop(fs::remove_file(&segment.path)))
    }

    fn place(&self, segment: &Segment, begun: Timestamp, bytes: u64) -> Place {
        Place {
            disk: self.disk.clone(),
            directory: self.directory.to_owned(),
            segment: segment.clone(),
            begun,
            bytes,
            bytes_max: self.settings.segment_bytes_max,
        }
    }

    fn resume(&self, segment: &Segment, found: &Scan) -> Result<Tail, LedgerError> {
        let io = || LedgerError::io(&segment.path);
        let mut tail = self.tail_after(segment, found, found.opening.clone(), found.unsigned)?;
        if found.hands_over {
            // The key that signs in a segment is the one it begins with.
            tail.begin_segment(self.at).map_err(io())?;
        }
        if !found.is_ended {
            let unsigned = Some(found.unsigned);
            let gap = Gap { unsigned, ..Gap::of(GapCause::Unclean) };
            warn!(unsigned = found.unsigned, "the audit record was not ended in good order");
            let told = tail.append_gap(self.at, gap).and_then(|()| tail.append_head(self.at));
            told.and_then(|()| tail.sync()).map_err(io())?;
        }
        Ok(tail)
    }

    /// Goes on after what cannot be trusted, where the settings allow that.
    fn damaged(
        &self,
        segment: &Segment,
        earlier: &[Segment],
        found: &Scan,
        problem: &str,
    ) -> Result<Tail, LedgerError> {
        let path = segment.path.clone();
        if self.settings.on_failure == OnAuditFailure::Refuse {
            return Err(LedgerError::Damaged { path, problem: problem.to_owned() });
        }
        let io = || LedgerError::io(&segment.path);
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        error!(file, problem, "the audit record is damaged; it goes on in a new segment");
        let opening = match found.opening.clone() {
            Some(opening) => Some(opening),
            None => opening_before(earlier).map_err(|error| self.io(error))?,
        };
        // Nothing in it is taken for signed.
        let mut tail = self.tail_after(segment, found, opening, found.unsigned.max(1))?;
        if !found.is_terminated {
            tail.end_line().map_err(io())?;
        }
        let gap = Gap {
            bytes: Some(found.bytes),
            aside: Some(file.into()),
            unsigned: Some(found.unsigned),
            ..Gap::of(GapCause::Damaged)
        };
        let begun = tail.begin_segment(self.at).and_then(|()| tail.append_gap(self.at, gap));
        let signed = begun.and_then(|()| tail.append_head(self.at)).and_then(|()| tail.sync());
        signed.map_err(io())?;
        Ok(tail)
    }

    /// The end of a segment. Where no line of the record opens one that can be read, it is opened
    /// as if it were new.
    fn tail_after(
        &self,
        segment: &Segment,
        found: &Scan,
        opening: Option<Opening>,
        unsigned: u64,
    ) -> Result<Tail, LedgerError> {
        let secrets = self.secrets();
        let key = secrets.read().map_err(LedgerError::io(&secrets.path()))?;
        let next = secrets.read_next().map_err(|error| self.io(error))?;
        let no_key = || LedgerError::NoKey(secrets.path());
        let opening = match opening {
            Some(opening) => opening,
            None => {
                let key = key.as_ref().or(next.as_ref()).ok_or_else(no_key)?;
                Opening::new(RecordId(self.chance()?), key.public())
            }
        };
        let nothing = Anchor { seq: segment.first.saturating_sub(1), hash: Hash::NOTHING };
        let last = found.last.unwrap_or(nothing);
        let after = |key: SigningKey| Chain::after(opening.clone(), last, unsigned, key);
        let chain = match key.map(after) {
            Some(Ok(chain)) => chain,
            // The one that was about to take over when the process ended.
            refused => match (next.map(after), refused) {
                (Some(Ok(chain)), _) => {
                    secrets.take_over().map_err(|error| self.io(error))?;
                    chain
                }
                (_, Some(Err(source))) => {
                    return Err(LedgerError::Resume { path: segment.path.clone(), source });
                }
                _ => return Err(no_key()),
            },
        };
        let place = self.place(segment, found.begun.unwrap_or(self.at), found.bytes);
        Tail::resume(place, chain).map_err(LedgerError::io(&segment.path))
    }
}

/// What the latest segment says that can be read.
fn opening_before(segments: &[Segment]) -> io::Result<Option<Opening>> {
    for segment in segments.iter().rev() {
        if let Some(opening) = scan(segment)?.opening {
            return Ok(Some(opening));
        }
    }
    Ok(None)
}
