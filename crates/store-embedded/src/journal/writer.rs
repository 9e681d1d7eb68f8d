//! The end of the journal, where commits are appended.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use keyring::FileId;

use super::frame::Spot;
use super::record::Sections;
use super::segment::{self, OPENING_BYTES};
use super::{Place, frame};
use crate::encryption::Encryption;

/// Zeros are written ahead of the frames by this much: a sync that does not have to record a new
/// length costs half as much.
const AHEAD_BYTES: u64 = 4 * 1024 * 1024;

#[derive(Debug)]
pub struct JournalWriter {
    directory: PathBuf,
    encryption: Encryption,
    file: File,
    id: FileId,
    segment: u64,
    /// A segment that has grown past this is closed, and the next one begun.
    segment_bytes: u64,
    /// Where the next frame goes: everything before it is whole and on disk.
    offset: u64,
    /// How far the file reaches: behind `offset` there are zeros.
    length: u64,
    /// The last append failed, and the file may hold half a frame.
    unclean: bool,
}

impl JournalWriter {
    /// Goes on at `end`, cutting off whatever follows; a first segment is made where none is.
    pub fn open(
        directory: &Path,
        encryption: &Encryption,
        end: Place,
        segment_bytes: u64,
    ) -> io::Result<JournalWriter> {
        let path = segment::path_of(directory, end.segment);
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).open(path)?;
        if end.offset < OPENING_BYTES {
            file.set_len(0)?;
            let id = keyring::fresh_file_id().map_err(io::Error::other)?;
            file.write_all_at(&segment::opening(&id), 0)?;
        }
        let id = segment::read_file_id(&file)?;
        let offset = end.offset.max(OPENING_BYTES);
        file.set_len(offset)?;
        file.sync_all()?;
        segment::sync_directory(directory)?;
        Ok(JournalWriter {
            directory: directory.to_owned(),
            encryption: encryption.clone(),
            file,
            id,
            segment: end.segment,
            segment_bytes,
            offset,
            length: offset,
            unclean: false,
        })
    }

    pub fn end(&self) -> Place {
        Place { segment: self.segment, offset: self.offset }
    }

    /// Appends one frame and waits for the disk. After an error nothing of it counts.
    pub fn append(
        &mut self,
        first_position: u64,
        events: u32,
        sections: &Sections,
    ) -> io::Result<()> {
        if self.unclean {
            self.cut()?;
            self.unclean = false;
        }
        if self.offset >= self.segment_bytes {
            self.cut()?;
            let next = Place { segment: self.segment + 1, offset: 0 };
            *self =
                JournalWriter::open(&self.directory, &self.encryption, next, self.segment_bytes)?;
        }
        let spot = Spot { file: self.id, offset: self.offset };
        let sections = frame::seal_sections(sections, &self.encryption, spot)?;
        if u32::try_from(sections.len()).is_err() {
            return Err(io::Error::other("a commit is too large for a record of the journal"));
        }
        let sealed = frame::seal(first_position, events, &sections);
        let end = self.offset + sealed.len() as u64;
        self.unclean = true;
        if end > self.length {
            self.reach(end + AHEAD_BYTES)?;
        }
        self.file.write_all_at(&sealed, self.offset)?;
        self.file.sync_data()?;
        self.unclean = false;
        self.offset = end;
        Ok(())
    }

    fn reach(&mut self, length: u64) -> io::Result<()> {
        let zeros = vec![0; (length - self.length) as usize];
        self.file.write_all_at(&zeros, self.length)?;
        self.length = length;
        self.file.sync_all()
    }

    /// Cuts off all that is not a whole frame, and makes sure that the cut is on disk.
    pub fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.offset)?;
        self.length = self.offset;
        self.file.sync_all()
    }
}
