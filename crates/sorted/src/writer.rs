//! Writing runs: sorted entries in, files out.

use std::fs;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::block::BlockBuilder;
use crate::error::Error;
use crate::file::{self, File, Stretch};
use crate::filter;
use crate::frame::{self, Kind, Label, Place};
use crate::options::Compression;
use crate::shared::{Shared, file_name};

/// A part of a stretch, which has an index block and a filter of its own, ends after so many
/// data blocks,
const PART_BLOCKS_MAX: usize = 256;
/// or when its index has so many bytes.
const PART_INDEX_BYTES: usize = 16 * 1024;

/// How many bytes are gathered before they are written.
const WRITE_BYTES: usize = 256 * 1024;

/// Writes one run, cut into files. What was not finished is removed when it is dropped.
#[derive(Debug)]
pub struct RunWriter {
    shared: Arc<Shared>,
    table: usize,
    ids: Arc<AtomicU64>,
    file_bytes: u64,
    current: Option<FileWriter>,
    written: Vec<(u64, u64)>,
    /// Something could not be written: what follows it must not become visible either.
    has_failed: bool,
    is_finished: bool,
}

#[derive(Debug)]
struct FileWriter {
    shared: Arc<Shared>,
    table: usize,
    id: u64,
    out: BufWriter<fs::File>,
    offset: u64,
    domain: u32,
    data: BlockBuilder,
    index: BlockBuilder,
    index_blocks: usize,
    top: BlockBuilder,
    hashes: Vec<u64>,
    last_key: Vec<u8>,
    stretches: Vec<Stretch>,
    entries: u64,
    tombstones: u64,
    block: Vec<u8>,
    frame: Vec<u8>,
}

impl RunWriter {
    pub fn new(
        shared: &Arc<Shared>,
        table: usize,
        ids: &Arc<AtomicU64>,
        file_bytes: u64,
    ) -> RunWriter {
        RunWriter {
            shared: shared.clone(),
            table,
            ids: ids.clone(),
            file_bytes,
            current: None,
            written: Vec::new(),
            has_failed: false,
            is_finished: false,
        }
    }

    /// Takes the next entry; the caller has checked order and lengths.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        self.check()?;
        self.has_failed = true;
        self.push_entry(key, value)?;
        self.has_failed = false;
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        match self.has_failed {
            true => Err(Error::Abandoned(self.shared.table_name(self.table))),
            false => Ok(()),
        }
    }

    fn push_entry(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        if self.current.as_ref().is_some_and(|current| self.file_bytes <= current.offset) {
            self.finish_file()?;
        }
        if self.current.is_none() {
            let id = self.ids.fetch_add(1, Ordering::Relaxed);
            // Before the file is there, so that it is removed whatever happens.
            self.written.push((id, 0));
            self.current = Some(FileWriter::create(&self.shared, self.table, id)?);
        }
        match &mut self.current {
            Some(current) => current.push(key, value),
            None => Ok(()),
        }
    }

    fn finish_file(&mut self) -> Result<(), Error> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let bytes = current.finish()?;
        if let Some(last) = self.written.last_mut() {
            last.1 = bytes;
        }
        Ok(())
    }

    /// Ends the run: its files are on disk then, but for the directory that names them.
    pub fn finish(mut self) -> Result<Vec<Arc<File>>, Error> {
        self.check()?;
        self.finish_file()?;
        let open = |&(id, bytes): &(u64, u64)| File::open(&self.shared, self.table, id, bytes);
        let files: Vec<File> = self.written.iter().map(open).collect::<Result<_, _>>()?;
        if let Some(damage) = files.iter().find_map(File::damage) {
            return Err(Error::Damaged(Box::new(damage.clone())));
        }
        self.is_finished = true;
        let (live, gone): (Vec<_>, Vec<_>) =
            files.into_iter().map(Arc::new).partition(|file| file.bounds.is_some());
        // Keys were destroyed meanwhile.
        gone.iter().for_each(|file| file.note_obsolete());
        Ok(live)
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            self.current = None;
            self.written.iter().for_each(|(id, _)| self.shared.remove(*id));
        }
    }
}

impl FileWriter {
    fn create(shared: &Arc<Shared>, table: usize, id: u64) -> Result<FileWriter, Error> {
        let path = shared.path(id);
        let out = fs::File::create_new(&path).map_err(|error| Error::io(&path, error))?;
        let mut writer = FileWriter {
            shared: shared.clone(),
            table,
            id,
            out: BufWriter::with_capacity(WRITE_BYTES, out),
            offset: 0,
            domain: 0,
            data: BlockBuilder::default(),
            index: BlockBuilder::default(),
            index_blocks: 0,
            top: BlockBuilder::default(),
            hashes: Vec::new(),
            last_key: Vec::new(),
            stretches: Vec::new(),
            entries: 0,
            tombstones: 0,
            block: Vec::new(),
            frame: Vec::new(),
        };
        writer.write(&file::header_bytes(id))?;
        Ok(writer)
    }

    fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        let options = &self.shared.tables[self.table];
        let domain = (options.domain)(key);
        let entry_bytes = key.len() + value.map_or(0, <[u8]>::len);
        let is_large = options.block_bytes <= entry_bytes;
        let is_full = options.block_bytes <= self.data.size() || is_large;
        let has_filter = options.filter;
        if self.entries == 0 {
            self.domain = domain;
        } else if domain != self.domain {
            self.finish_stretch()?;
            self.domain = domain;
        } else if is_full {
            self.finish_block()?;
        }
        self.data.push(key, value);
        self.entries += 1;
        self.tombstones += u64::from(value.is_none());
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        if has_filter {
            self.hashes.push(filter::hash(key));
        }
        if is_large {
            self.finish_block()?;
        }
        Ok(())
    }

    fn finish_block(&mut self) -> Result<(), Error> {
        if self.data.is_empty() {
            return Ok(());
        }
        let first_key = self.data.first_key().to_vec();
        self.data.finish(&mut self.block);
        let place = self.write_frame(Kind::Data)?;
        self.index.push(&first_key, Some(&place.to_bytes()));
        self.index_blocks += 1;
        if self.index_blocks == PART_BLOCKS_MAX || PART_INDEX_BYTES <= self.index.size() {
            self.finish_part()?;
        }
        Ok(())
    }

    fn finish_part(&mut self) -> Result<(), Error> {
        if self.index.is_empty() {
            return Ok(());
        }
        let first_key = self.index.first_key().to_vec();
        self.index.finish(&mut self.block);
        self.index_blocks = 0;
        let index = self.write_frame(Kind::Index)?;
        let mut filter = Place { offset: 0, len: 0 };
        if !self.hashes.is_empty() {
            filter::build(&self.hashes, &mut self.block);
            self.hashes.clear();
            filter = self.write_frame(Kind::Filter)?;
        }
        let places = [index.to_bytes(), filter.to_bytes()].concat();
        self.top.push(&first_key, Some(&places));
        Ok(())
    }

    fn finish_stretch(&mut self) -> Result<(), Error> {
        self.finish_block()?;
        self.finish_part()?;
        self.top.push(&self.last_key, None);
        self.top.finish(&mut self.block);
        let top = self.write_frame(Kind::Top)?;
        self.stretches.push(Stretch { domain: self.domain, top });
        Ok(())
    }

    /// Gives the length of the file, which is on disk then.
    fn finish(mut self) -> Result<u64, Error> {
        self.finish_stretch()?;
        self.block = file::directory_bytes(self.entries, self.tombstones, &self.stretches);
        self.domain = 0;
        let directory = self.write_frame(Kind::Directory)?;
        self.write(&file::trailer_bytes(self.id, directory))?;
        let path = self.shared.path(self.id);
        let flushed = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        flushed.map_err(|error| Error::io(&path, error))?;
        Ok(self.offset)
    }

    fn write_frame(&mut self, kind: Kind) -> Result<Place, Error> {
        let label = Label { kind, domain: self.domain, file: self.id, offset: self.offset };
        let is_lz4 = self.shared.tables[self.table].compression == Compression::Lz4;
        let compress = is_lz4 && kind != Kind::Filter;
        self.frame.clear();
        frame::seal(&*self.shared.cipher, label, compress, &mut self.block, &mut self.frame)
            .map_err(|source| {
                let file = file_name(self.id);
                Error::Cipher { file, offset: label.offset, source }
            })?;
        let place = Place { offset: self.offset, len: self.frame.len() as u32 };
        let frame = std::mem::take(&mut self.frame);
        self.write(&frame)?;
        self.frame = frame;
        Ok(place)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.out.write_all(bytes);
        written.map_err(|error| Error::io(&self.shared.path(self.id), error))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
