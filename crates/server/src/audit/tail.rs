//! The end of the record on disk: lines are added to the last segment, and what could not be kept
//! is taken back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::audit::{Anchor, Chain, Entry, Gap, GapCause, Hash, Mark, PublicKey};
use model::Timestamp;

use super::disk::{Appended, Disk};
use super::files::{self, Segment};
use super::secret::SecretFiles;

/// The last segment, and the chain that goes on in it.
#[derive(Debug)]
pub struct Tail {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    chain: Chain,
    file: Box<dyn Appended>,
    /// When the segment was begun.
    begun: Timestamp,
    bytes: u64,
    bytes_max: u64,
    /// What is on disk, whatever happens.
    kept: Kept,
    /// Promised entries that were added since, and those that are about to be.
    unsynced: u64,
    pending: u64,
    /// Entries that were promised to be recorded, and could not be. Told by a line as soon as one
    /// can be written.
    lost: u64,
    lost_told: bool,
    /// The same, since that line was added.
    lost_later: u64,
    owed: Owed,
}

/// What a failure left to be put right before anything else is written.
#[derive(Debug, Default)]
struct Owed {
    /// What was taken back is still in the file.
    cut: bool,
    /// A segment that was not begun after all may still be there.
    unwanted: Option<PathBuf>,
    /// A key signs whose file has not its name yet.
    take_over: bool,
    /// The key that signs is not the one the segment begins with.
    segment: bool,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    mark: Mark,
    bytes: u64,
}

/// Where a tail begins.
#[derive(Debug)]
pub struct Place {
    pub disk: Arc<dyn Disk>,
    pub directory: PathBuf,
    /// The segment, which ends after so many bytes.
    pub segment: Segment,
    pub begun: Timestamp,
    pub bytes: u64,
    /// After so many bytes another segment begins.
    pub bytes_max: u64,
}

const MICROS_PER_DAY: i64 = 86_400 * 1_000_000;

impl Tail {
    /// Goes on with a chain at the end of a segment, all of which is on disk.
    pub fn resume(place: Place, chain: Chain) -> io::Result<Tail> {
        let Place { disk, directory, segment, begun, bytes, bytes_max } = place;
        let mut file = disk.open(&segment.path)?;
        // What another process wrote last may have reached the system and not the disk.
        file.sync()?;
        let kept = Kept { mark: chain.mark(), bytes };
        Ok(Tail {
            disk,
            directory,
            chain,
            file,
            begun,
            bytes,
            bytes_max,
            kept,
            unsynced: 0,
            pending: 0,
            lost: 0,
            lost_told: false,
            lost_later: 0,
            owed: Owed::default(),
        })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The last line that is on disk.
    pub fn last_kept(&self) -> Anchor {
        self.kept.mark.last()
    }

    pub fn public_key(&self) -> PublicKey {
        self.chain.public_key()
    }

    /// How many lines no head has signed yet.
    pub fn unsigned(&self) -> u64 {
        self.chain.unsigned()
    }

    /// How much was added that is not on disk.
    pub fn unsynced_bytes(&self) -> u64 {
        self.bytes - self.kept.bytes
    }

    pub fn is_synced(&self) -> bool {
        self.chain.mark() == self.kept.mark
    }

    /// Adds entries, of which so many were promised to be recorded. Not on disk before
    /// [`Tail::sync`].
    pub fn append(
        &mut self,
        at: Timestamp,
        entries: Vec<(Timestamp, Entry)>,
        promised: u64,
    ) -> io::Result<()> {
        self.pending = promised;
        if self.is_full(at) {
            self.begin_segment(at)?;
        }
        self.make_ready(at)?;
        let lines = entries.into_iter().map(|(at, entry)| self.chain.seal(at, entry)).collect();
        self.put(lines)?;
        self.unsynced += std::mem::take(&mut self.pending);
        Ok(())
    }

    /// Is it time for another segment, by size or day?
    fn is_full(&self, at: Timestamp) -> bool {
        let day = |at: Timestamp| at.0.div_euclid(MICROS_PER_DAY);
        self.bytes >= self.bytes_max || day(at) > day(self.begun)
    }

    pub fn append_head(&mut self, at: Timestamp) -> io::Result<()> {
        self.make_ready(at)?;
        let head = self.chain.head(at);
        self.put(vec![head])
    }

    pub fn append_gap(&mut self, at: Timestamp, gap: Gap) -> io::Result<()> {
        let line = self.chain.gap(at, gap);
        self.put(vec![line])
    }

    /// Ends the last line, which has no end.
    pub fn end_line(&mut self) -> io::Result<()> {
        self.bytes += 1;
        self.file.append(b"\n")?;
        self.sync()
    }

    /// So many entries were lost elsewhere: to be told as soon as that can be written.
    pub fn add_lost(&mut self, entries: u64) {
        // What a line tells of already that is not on disk yet is not to be told twice.
        let lost = if self.lost_told { &mut self.lost_later } else { &mut self.lost };
        *lost += entries;
    }

    /// Is there anything lost that no line tells of?
    pub fn owes_gap(&self) -> bool {
        self.lost > 0 && !self.lost_told
    }

    /// Says, and signs, that everything before a line is removed. On disk when this returns.
    pub fn retire(&mut self, at: Timestamp, first: u64, before: Hash) -> io::Result<()> {
        self.make_ready(at)?;
        let lines = vec![self.chain.retention(at, first, before), self.chain.head(at)];
        self.put(lines)?;
        self.sync()
    }

    /// Everything that was added is on disk when this returns.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync()?;
        self.kept = Kept { mark: self.chain.mark(), bytes: self.bytes };
        self.unsynced = 0;
        if self.lost_told {
            (self.lost, self.lost_told) = (std::mem::take(&mut self.lost_later), false);
        }
        Ok(())
    }

    /// After an error: what is not on disk is as if it had never been added. Says how many
    /// promised entries are lost by that; the record says so as soon as it can.
    pub fn take_back(&mut self) -> u64 {
        let lost = std::mem::take(&mut self.unsynced) + std::mem::take(&mut self.pending);
        self.lost += lost + std::mem::take(&mut self.lost_later);
        self.lost_told = false;
        self.chain.go_back(self.kept.mark);
        self.bytes = self.kept.bytes;
        self.owed.cut = true;
        lost
    }

    /// Ends the segment with a head, and begins another. On disk when this returns.
    pub fn begin_segment(&mut self, at: Timestamp) -> io::Result<()> {
        self.put_right()?;
        // A signed line is as good as a head; and after one that hands over to another key, the
        // new one is not known in this segment.
        if self.chain.unsigned() > 0 {
            let head = self.chain.head(at);
            self.put(vec![head])?;
        }
        self.sync()?;
        let mut opening = self.chain.segment(at);
        opening.push(b'\n');
        let segment = Segment::of(&self.directory, self.chain.last().seq);
        let file = self.new_file(&segment, &opening);
        let file = file.inspect_err(|_| self.owed.unwanted = Some(segment.path.clone()))?;
        let bytes = opening.len() as u64;
        (self.file, self.begun, self.bytes) = (file, at, bytes);
        self.kept = Kept { mark: self.chain.mark(), bytes };
        self.owed.segment = false;
        Ok(())
    }

    fn new_file(&self, segment: &Segment, opening: &[u8]) -> io::Result<Box<dyn Appended>> {
        let mut file = self.disk.open(&segment.path)?;
        file.append(opening)?;
        file.sync()?;
        files::sync_directory(&self.directory)?;
        Ok(file)
    }

    /// Another key signs from here on, in a segment of its own. On disk when this returns.
    pub fn rotate_key(&mut self, at: Timestamp) -> io::Result<()> {
        self.make_ready(at)?;
        self.sync()?;
        let next = SecretFiles::of(&self.directory).make_next()?;
        let before = self.chain.clone();
        let line = self.chain.rotate(at, next);
        if let Err(error) = self.put(vec![line]).and_then(|()| self.sync()) {
            self.chain = before;
            return Err(error);
        }
        // From here on there is no way back, only forward.
        (self.owed.take_over, self.owed.segment) = (true, true);
        self.make_ready(at)
    }

    /// Whatever is owed is done, and lines may be added.
    fn make_ready(&mut self, at: Timestamp) -> io::Result<()> {
        self.put_right()?;
        if self.owed.take_over {
            SecretFiles::of(&self.directory).take_over()?;
            self.owed.take_over = false;
        }
        if self.owed.segment {
            self.begin_segment(at)?;
        }
        if self.owes_gap() {
            let gap = Gap { entries: Some(self.lost), ..Gap::of(GapCause::Lost) };
            self.lost_told = true;
            self.append_gap(at, gap)?;
        }
        Ok(())
    }

    /// The files are as if what was taken back had never been written.
    fn put_right(&mut self) -> io::Result<()> {
        if self.owed.cut {
            self.file.cut(self.kept.bytes)?;
            self.owed.cut = false;
        }
        if let Some(path) = &self.owed.unwanted {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.owed.unwanted = None,
            }
        }
        Ok(())
    }

    fn put(&mut self, lines: Vec<Vec<u8>>) -> io::Result<()> {
        let mut text = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in &lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        self.bytes += text.len() as u64;
        self.file.append(&text)
    }
}
