//! Opening a ledger: a new record, or the end of the one that is there.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::audit::{Body, Chain, Gap, GapCause, LINE_BYTES_MAX, Line, RecordId, ResumeError};
use model::Timestamp;
use tracing::warn;

use super::disk::Disk;
use super::files::{self, Segment};
use super::ledger::LedgerSettings;
use super::lines::{Lines, LinesBack};
use super::secret::SecretFiles;
use super::tail::{Place, Tail};

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
        "the end of `{}` holds no line that can be read; `comity audit verify` tells more",
        .0.display()
    )]
    Damaged(PathBuf),
    #[error("the settings of the audit record contradict each other: {0}")]
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
    let opening = Opening { directory, disk, bytes_max: settings.segment_bytes_max, at };
    opening.tail().map(|tail| (tail, lock))
}

/// What is needed to open one.
struct Opening<'a> {
    directory: &'a Path,
    disk: Arc<dyn Disk>,
    bytes_max: u64,
    at: Timestamp,
}

impl Opening<'_> {
    fn io(&self, error: io::Error) -> LedgerError {
        LedgerError::io(self.directory)(error)
    }

    fn tail(&self) -> Result<Tail, LedgerError> {
        let mut gap = None;
        loop {
            let segments = files::segments(self.directory).map_err(|error| self.io(error))?;
            let Some(segment) = segments.last() else { return self.begin() };
            let io = || LedgerError::io(&segment.path);
            gap = set_torn_aside(self.directory, segment)?.or(gap);
            if fs::metadata(&segment.path).map_err(io())?.len() == 0 {
                // It was torn in its very first line; the record ends in the segment before.
                fs::remove_file(&segment.path).map_err(io())?;
                continue;
            }
            let mut tail = self.resume(segment)?;
            if let Some(gap) = gap {
                tail.append_gap(self.at, gap).and_then(|()| tail.sync()).map_err(io())?;
            }
            return Ok(tail);
        }
    }

    /// A new record.
    fn begin(&self) -> Result<Tail, LedgerError> {
        let secrets = SecretFiles::of(self.directory);
        let key = match secrets.read().map_err(LedgerError::io(&secrets.path()))? {
            Some(key) => key,
            None => {
                let made = secrets.make_next();
                let made = made.and_then(|key| secrets.take_over().map(|()| key));
                made.map_err(|error| self.io(error))?
            }
        };
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| self.io(io::Error::other(error)))?;
        let (chain, mut line) = Chain::begin(RecordId(id), key, self.at);
        line.push(b'\n');
        let segment = Segment::of(self.directory, 1);
        files::write_private(&segment.path, &line).map_err(LedgerError::io(&segment.path))?;
        files::sync_directory(self.directory).map_err(|error| self.io(error))?;
        let place = self.place(&segment, self.at, line.len() as u64);
        Tail::resume(place, chain).map_err(|error| self.io(error))
    }

    fn place(&self, segment: &Segment, begun: Timestamp, bytes: u64) -> Place {
        Place {
            disk: self.disk.clone(),
            directory: self.directory.to_owned(),
            segment: segment.clone(),
            begun,
            bytes,
            bytes_max: self.bytes_max,
        }
    }

    fn resume(&self, segment: &Segment) -> Result<Tail, LedgerError> {
        let io = || LedgerError::io(&segment.path);
        let mut lines = Lines::open(&segment.path).map_err(io())?;
        let first = lines.next().map_err(io())?.unwrap_or_default().to_vec();
        let mut back = LinesBack::open(&segment.path).map_err(io())?;
        let bytes = back.left();
        let last = back.next().map_err(io())?.unwrap_or_default();
        let chain = self.chain(&segment.path, &first, &last)?;
        let begun = Line::parse(&first).map_or(self.at, |line| line.at);
        let tail = Tail::resume(self.place(segment, begun, bytes), chain);
        let mut tail = tail.map_err(io())?;
        if Line::parse(&last).is_ok_and(|line| matches!(line.body, Body::Key { .. })) {
            // The key that signs in a segment is the one it begins with.
            tail.begin_segment(self.at).map_err(io())?;
        }
        Ok(tail)
    }

    /// The chain goes on with the key in force, or with the one that was about to take over.
    fn chain(&self, path: &Path, first: &[u8], last: &[u8]) -> Result<Chain, LedgerError> {
        let secrets = SecretFiles::of(self.directory);
        let key = secrets.read().map_err(LedgerError::io(&secrets.path()))?;
        let key = key.ok_or_else(|| LedgerError::NoKey(secrets.path()))?;
        let refused = match Chain::resume(first, last, key) {
            Ok(chain) => return Ok(chain),
            Err(refused) => refused,
        };
        let next = secrets.read_next().map_err(|error| self.io(error))?;
        let next = next.filter(|_| matches!(refused, ResumeError::OtherKey { .. }));
        if let Some(Ok(chain)) = next.map(|next| Chain::resume(first, last, next)) {
            secrets.take_over().map_err(|error| self.io(error))?;
            return Ok(chain);
        }
        Err(LedgerError::Resume { path: path.to_owned(), source: refused })
    }
}

/// Lines that a crash may have left unfinished: at the end, where the next line would have been
/// written over them. They were promised to nobody, for what is promised is on disk.
fn set_torn_aside(directory: &Path, segment: &Segment) -> Result<Option<Gap>, LedgerError> {
    let io = || LedgerError::io(&segment.path);
    let length = fs::metadata(&segment.path).map_err(io())?.len();
    let end = end_of_whole_lines(&segment.path).map_err(io())?;
    let end = end.ok_or_else(|| LedgerError::Damaged(segment.path.clone()))?;
    if end == length {
        return Ok(None);
    }
    let mut torn = vec![0; usize::try_from(length - end).unwrap_or(0)];
    let file = fs::OpenOptions::new().read(true).write(true).open(&segment.path).map_err(io())?;
    file.read_exact_at(&mut torn, end).map_err(io())?;
    let name = format!("torn-{:020}-{end}", segment.first);
    let aside = directory.join(&name);
    files::write_private(&aside, &torn).map_err(LedgerError::io(&aside))?;
    files::sync_directory(directory).map_err(io())?;
    file.set_len(end).and_then(|()| file.sync_all()).map_err(io())?;
    let bytes = length - end;
    warn!(bytes, file = name, "the last line of the audit record was torn; it is set aside");
    Ok(Some(Gap {
        cause: GapCause::Torn,
        entries: None,
        bytes: Some(bytes),
        aside: Some(name.into()),
    }))
}

/// How far back a line that can be read is looked for. What is written before it is on disk comes
/// to far less.
const TORN_BYTES_MAX: u64 = 64 << 20;

/// Where the last line ends that can be read, or 0. Nothing if there is none as far back as is
/// looked.
fn end_of_whole_lines(path: &Path) -> io::Result<Option<u64>> {
    let length = fs::metadata(path)?.len();
    let mut lines = match LinesBack::open(path) {
        // More than a line without an end: nothing that was torn.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
        lines => lines?,
    };
    loop {
        let end = lines.left();
        if length - end > TORN_BYTES_MAX {
            return Ok(None);
        }
        match lines.next()? {
            // A segment begins with a line that is on disk before any other is written.
            None => return Ok((length <= LINE_BYTES_MAX as u64).then_some(0)),
            Some(line) if Line::parse(&line).is_ok() => return Ok(Some(end)),
            // Pages of a file need not reach the disk in order.
            Some(_) => {}
        }
    }
}

const _: () = assert!(TORN_BYTES_MAX > LINE_BYTES_MAX as u64);
