//! A file of a run as it is read.
//!
//! ```text
//! header: "CMTYSORT", u32 version, u32 zero, u64 number of the file, u64 checksum
//! stretches, one for each domain in turn:
//!     parts: data blocks, their index block, their filter
//!     top: where the parts begin, and the last key
//! directory: u64 entries, u64 tombstones, u32 stretches, for each: u32 domain, place of its top
//! trailer: place of the directory, u32 zero, u64 checksum
//! ```
//!
//! Everything but header and trailer is in frames. Keys stand in frames of the domain they
//! belong to, and nowhere else.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use byteview::ByteView;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::block::{Block, Entry};
use crate::error::{CipherError, Damage, Error};
use crate::filter::Filter;
use crate::frame::{self, Kind, Label, Place, Problem};
use crate::shared::{Part, Shared, file_name};

pub const VERSION: u32 = 1;
pub const HEADER_BYTES: usize = 32;
pub const TRAILER_BYTES: usize = 24;
const MAGIC: &[u8; 8] = b"CMTYSORT";

/// What Linux answers where a sector cannot be read or does not match its checksum: EIO, ENODATA,
/// EBADMSG, EUCLEAN, EREMOTEIO.
const UNREADABLE: [i32; 5] = [5, 61, 74, 117, 121];

/// How much is read at a time where a file is read from its begin to its end.
const READ_AHEAD_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub struct File {
    pub id: u64,
    pub table: usize,
    pub bytes: u64,
    shared: Arc<Shared>,
    pub stretches: Vec<Stretch>,
    /// Stretches by their domain, in the order of keys within each.
    by_domain: Vec<(u32, usize)>,
    pub entries: u64,
    /// How many of the entries are tombstones.
    pub tombstones: u64,
    /// What lies in it at most; unknown where it is damaged, or where all of it is gone.
    pub bounds: Option<Bounds>,
    damage: OnceLock<Damage>,
    /// Why its cipher did not open what must be known of it.
    pub refusal: Option<(u64, CipherError)>,
    /// A merge of it has failed; others come first.
    is_set_aside: AtomicBool,
    /// Is to be written anew by merging.
    stale: AtomicBool,
    /// No version names it any more.
    obsolete: AtomicBool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub first: Vec<u8>,
    pub last: Vec<u8>,
}

/// Keys of one domain that lie side by side.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    pub domain: u32,
    pub top: Place,
}

/// How blocks are read.
#[derive(Debug)]
pub enum Fetch {
    /// One here, one there: from the cache where it has them.
    Cached,
    /// One after the other, past the cache.
    Stream(ReadAhead),
}

/// Bytes of a file that were read before they were needed.
#[derive(Debug, Default)]
pub struct ReadAhead {
    file: u64,
    offset: u64,
    bytes: Vec<u8>,
}

impl File {
    /// Reads what must be known of a file. A file that is damaged is there, and says so to those
    /// who would have to look into it.
    pub fn open(shared: &Arc<Shared>, table: usize, id: u64, bytes: u64) -> Result<File, Error> {
        let mut file = File {
            id,
            table,
            bytes,
            shared: shared.clone(),
            stretches: Vec::new(),
            by_domain: Vec::new(),
            entries: 0,
            tombstones: 0,
            bounds: None,
            damage: OnceLock::new(),
            refusal: None,
            is_set_aside: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            obsolete: AtomicBool::new(false),
        };
        match file.read_directory().and_then(|()| file.read_bounds()) {
            Err(Error::Damaged(_)) => file.bounds = None,
            Err(Error::Cipher { offset, source, .. }) => {
                file.refusal = Some((offset, source));
                file.bounds = None;
            }
            other => other?,
        }
        file.note_gone();
        Ok(file)
    }

    /// Has it written anew, if something in it is gone.
    pub fn note_gone(&self) {
        let is_gone = |stretch: &Stretch| self.shared.cipher.is_gone(stretch.domain);
        self.stale.fetch_or(self.stretches.iter().any(is_gone), Ordering::Relaxed);
    }

    fn read_directory(&mut self) -> Result<(), Error> {
        let header = self.bytes_at(0, HEADER_BYTES)?;
        if header != header_bytes(self.id) {
            let found = u32::from_le_bytes(std::array::from_fn(|at| header[8 + at]));
            if header.starts_with(MAGIC)
                && found != VERSION
                && header[24..] == checksum(self.id, &header[..24])
            {
                let path = self.shared.path(self.id);
                return Err(Error::OtherFormat { path, found, known: VERSION });
            }
            return Err(self.damaged(0, "it does not begin as it should"));
        }
        let end = self.bytes.saturating_sub(TRAILER_BYTES as u64);
        let trailer = self.bytes_at(end, TRAILER_BYTES)?;
        let place = Place::parse(&trailer)
            .filter(|place| trailer == trailer_bytes(self.id, *place))
            .ok_or_else(|| self.damaged(end, "it does not end as it should"))?;
        let directory = self.frame(place, Kind::Directory, 0, &mut Fetch::Cached)?;
        let Some(directory) = directory else {
            return Err(self.damaged(place.offset, "the key of the system's own blocks is gone"));
        };
        let directory = parse_directory(&directory)
            .ok_or_else(|| self.damaged(place.offset, "the directory makes no sense"))?;
        (self.entries, self.tombstones, self.stretches) = directory;
        let domains = self.stretches.iter().enumerate();
        self.by_domain = domains.map(|(at, stretch)| (stretch.domain, at)).collect();
        self.by_domain.sort_unstable();
        Ok(())
    }

    fn read_bounds(&mut self) -> Result<(), Error> {
        let mut tops = (0..self.stretches.len()).filter_map(|at| self.top(at).transpose());
        let Some(first) = tops.next().transpose()? else { return Ok(()) };
        let last = tops.next_back().transpose()?;
        let last = last.as_ref().unwrap_or(&first);
        self.bounds = Some(Bounds { first: first.key(0), last: last.key(last.len() - 1) });
        Ok(())
    }

    fn top(&self, stretch: usize) -> Result<Option<Block>, Error> {
        let Stretch { domain, top } = self.stretches[stretch];
        self.block(top, Kind::Top, domain, &mut Fetch::Cached)
    }

    pub fn name(&self) -> String {
        file_name(self.id)
    }

    /// What is known to be wrong with it.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.get()
    }

    /// Merging is to leave it where it is, at least for now.
    pub fn is_left_out(&self) -> bool {
        self.damage().is_some() || self.is_set_aside.load(Ordering::Relaxed)
    }

    pub fn set_aside(&self, is_set_aside: bool) {
        self.is_set_aside.store(is_set_aside, Ordering::Relaxed);
    }

    /// It cannot be told which keys it holds.
    pub fn is_broken(&self) -> bool {
        self.bounds.is_none() && self.damage().is_some()
    }

    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// Has it written anew, if something in it belongs to the domain.
    pub fn note_stale(&self, domain: u32) {
        let holds = !self.stretches_of(domain).is_empty();
        self.stale.fetch_or(holds, Ordering::Relaxed);
    }

    /// Has it removed as soon as nobody reads it.
    pub fn note_obsolete(&self) {
        self.obsolete.store(true, Ordering::Relaxed);
    }

    /// Notes damage, for [`crate::Engine::damage`], and says so.
    pub fn damaged(&self, offset: u64, problem: &'static str) -> Error {
        let table = self.shared.table_name(self.table);
        let damage = Damage { table, file: self.name(), offset, problem };
        if self.damage.set(damage.clone()).is_ok() {
            tracing::error!("{damage}");
        }
        Error::Damaged(Box::new(damage))
    }

    fn bytes_at(&self, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        // A length that was changed must not take all memory.
        if self.bytes < offset.saturating_add(len as u64) {
            return Err(self.damaged(offset, "it is shorter than it was"));
        }
        let mut bytes = vec![0; len];
        let read = self.shared.handle(self.id).and_then(|handle| {
            let read = handle.read_exact_at(&mut bytes, offset);
            read.map_err(|error| Error::io(&self.shared.path(self.id), error))
        });
        match read {
            Ok(()) => Ok(bytes),
            Err(Error::Io { path, source }) => match lost(&source) {
                Some(problem) => Err(self.damaged(offset, problem)),
                None => Err(Error::Io { path, source }),
            },
            Err(error) => Err(error),
        }
    }

    fn read(&self, place: Place, kind: Kind, fetch: &mut Fetch) -> Result<Vec<u8>, Error> {
        let len = place.len as usize;
        let ahead = match fetch {
            // Data blocks lie one after the other; what tells of them, behind them.
            Fetch::Stream(ahead) if kind == Kind::Data && len <= READ_AHEAD_BYTES => ahead,
            _ => return self.bytes_at(place.offset, len),
        };
        if let Some(bytes) = ahead.get(self.id, place) {
            return Ok(bytes);
        }
        let left = usize::try_from(self.bytes.saturating_sub(place.offset)).unwrap_or(usize::MAX);
        ahead.bytes = self.bytes_at(place.offset, left.min(READ_AHEAD_BYTES).max(len))?;
        (ahead.file, ahead.offset) = (self.id, place.offset);
        Ok(ahead.bytes[..len].to_vec())
    }

    /// A block as it was written; nothing, where its key was destroyed.
    fn frame(
        &self,
        place: Place,
        kind: Kind,
        domain: u32,
        fetch: &mut Fetch,
    ) -> Result<Option<ByteView>, Error> {
        if self.shared.cipher.is_gone(domain) {
            return Ok(None);
        }
        let bytes = self.read(place, kind, fetch)?;
        let label = Label { kind, domain, file: self.id, offset: place.offset };
        match frame::open(&*self.shared.cipher, label, bytes) {
            Ok(opened) => Ok(opened),
            Err(Problem::Damaged(problem)) => Err(self.damaged(place.offset, problem)),
            Err(Problem::Cipher(source)) => {
                self.damaged(place.offset, "its cipher does not open it");
                Err(Error::Cipher { file: self.name(), offset: place.offset, source })
            }
        }
    }

    /// A part of the file, for those who read here and there or all of it.
    fn part(
        &self,
        place: Place,
        kind: Kind,
        domain: u32,
        fetch: &mut Fetch,
    ) -> Result<Option<Part>, Error> {
        let is_cached = matches!(fetch, Fetch::Cached);
        if is_cached && let Some(part) = self.shared.cached(self.id, place.offset) {
            return Ok((!self.shared.cipher.is_gone(domain)).then_some(part));
        }
        let Some(bytes) = self.frame(place, kind, domain, fetch)? else { return Ok(None) };
        let part = match kind {
            Kind::Filter => Filter::parse(bytes).map(Part::Filter),
            _ => Block::parse(bytes).map(Part::Block),
        };
        let part = part.ok_or_else(|| self.damaged(place.offset, "a block makes no sense"))?;
        if is_cached {
            self.shared.keep(self.id, place.offset, domain, &part);
        }
        Ok(Some(part))
    }

    pub fn block(
        &self,
        place: Place,
        kind: Kind,
        domain: u32,
        fetch: &mut Fetch,
    ) -> Result<Option<Block>, Error> {
        match self.part(place, kind, domain, fetch)? {
            // It names a part at least, and the last key.
            Some(Part::Block(block)) if kind == Kind::Top && block.len() < 2 => {
                Err(self.damaged(place.offset, "it makes no sense"))
            }
            Some(Part::Block(block)) => Ok(Some(block)),
            Some(Part::Filter(_)) => Err(self.damaged(place.offset, "a filter where none belongs")),
            None => Ok(None),
        }
    }

    pub fn filter(
        &self,
        place: Place,
        domain: u32,
        fetch: &mut Fetch,
    ) -> Result<Option<Filter>, Error> {
        match self.part(place, Kind::Filter, domain, fetch)? {
            Some(Part::Filter(filter)) => Ok(Some(filter)),
            Some(Part::Block(_)) => Err(self.damaged(place.offset, "a block where none belongs")),
            None => Ok(None),
        }
    }

    /// The places that an entry of an index or a top names.
    pub fn place(&self, block: &Block, at: usize, nth: usize) -> Result<Place, Error> {
        let value = block.entry(at).value.map(|range| block.value_bytes(range));
        let place = value.and_then(|value| Place::parse(value.get(nth * Place::BYTES..)?));
        place.ok_or_else(|| self.damaged(0, "an index makes no sense"))
    }

    fn stretches_of(&self, domain: u32) -> &[(u32, usize)] {
        if let [only] = &*self.by_domain {
            return if only.0 == domain { &self.by_domain } else { &[] };
        }
        let begin = self.by_domain.partition_point(|(other, _)| *other < domain);
        let of_domain = &self.by_domain[begin..];
        &of_domain[..of_domain.partition_point(|(other, _)| *other == domain)]
    }

    /// What the file says of a key: a value, that it was removed (nothing), or nothing at all.
    pub fn get(&self, key: &[u8], hash: u64) -> Result<Option<Option<ByteView>>, Error> {
        let domain = (self.shared.tables[self.table].domain)(key);
        let fetch = &mut Fetch::Cached;
        let Some(top) = self.top_with(domain, key)? else { return Ok(None) };
        let Some(part) = part_with(&top, key) else { return Ok(None) };
        let filter = self.place(&top, part, 1)?;
        if filter.len != 0
            && let Some(filter) = self.filter(filter, domain, fetch)?
            && !filter.may_hold(hash)
        {
            return Ok(None);
        }
        let index = self.block(self.place(&top, part, 0)?, Kind::Index, domain, fetch)?;
        let Some(index) = index else { return Ok(None) };
        let Some(at) = at_or_before(index.search(key)) else { return Ok(None) };
        let data = self.block(self.place(&index, at, 0)?, Kind::Data, domain, fetch)?;
        let Some(data) = data else { return Ok(None) };
        let (at, true) = data.search(key) else { return Ok(None) };
        let Entry { value, .. } = data.entry(at);
        Ok(Some(value.map(|range| data.value(range))))
    }

    /// The top of the last stretch of a domain that does not begin after the key.
    fn top_with(&self, domain: u32, key: &[u8]) -> Result<Option<Block>, Error> {
        let mut candidates = self.stretches_of(domain);
        let mut found = None;
        while !candidates.is_empty() {
            let middle = candidates.len() / 2;
            let (_, stretch) = candidates[middle];
            // All of them are of one domain: if one is gone, all are.
            let Some(top) = self.top(stretch)? else { return Ok(None) };
            if at_or_before(top.search(key)).is_some() {
                found = Some(top);
                candidates = &candidates[middle + 1..];
            } else {
                candidates = &candidates[..middle];
            }
        }
        Ok(found)
    }
}

/// What an error says of the bytes of one file. Others, such as too many open files, concern all.
fn lost(error: &io::Error) -> Option<&'static str> {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::UnexpectedEof, _) => Some("it is shorter than it was"),
        (io::ErrorKind::NotFound, _) => Some("it is missing"),
        (_, Some(code)) if UNREADABLE.contains(&code) => Some("the disk cannot read it"),
        _ => None,
    }
}

/// Of entries that begin something, the one in which a key must lie.
pub fn at_or_before((at, is_it): (usize, bool)) -> Option<usize> {
    if is_it { Some(at) } else { at.checked_sub(1) }
}

/// The part of a stretch in which a key must lie. The last entry of a top is the last key.
pub fn part_with(top: &Block, key: &[u8]) -> Option<usize> {
    let (at, is_it) = top.search(key);
    if at == top.len() {
        return None;
    }
    at_or_before((at, is_it)).map(|at| at.min(top.len() - 2))
}

/// How many parts of a stretch begin before the key. The last key may stand in a top twice: where
/// the last part holds nothing else, and as the last entry.
pub fn parts_before(top: &Block, key: &[u8]) -> usize {
    let mut parts = top.search(key).0.min(top.len() - 1);
    while 0 < parts && *key <= *top.key(parts - 1) {
        parts -= 1;
    }
    parts
}

impl Drop for File {
    fn drop(&mut self) {
        if *self.obsolete.get_mut() {
            self.shared.remove(self.id);
        }
    }
}

impl ReadAhead {
    fn get(&self, file: u64, place: Place) -> Option<Vec<u8>> {
        let begin = usize::try_from(place.offset.checked_sub(self.offset)?).ok()?;
        let end = begin.checked_add(place.len as usize)?;
        if file != self.file {
            return None;
        }
        self.bytes.get(begin..end).map(<[u8]>::to_vec)
    }
}

pub fn header_bytes(file: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&file.to_le_bytes());
    let sum = checksum(file, &bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

pub fn trailer_bytes(file: u64, directory: Place) -> Vec<u8> {
    let mut bytes = directory.to_bytes().to_vec();
    bytes.extend_from_slice(&[0; 4]);
    let sum = checksum(file, &bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

fn checksum(file: u64, bytes: &[u8]) -> [u8; 8] {
    xxh3_64_with_seed(bytes, file).to_le_bytes()
}

pub fn directory_bytes(entries: u64, tombstones: u64, stretches: &[Stretch]) -> Vec<u8> {
    let mut bytes = [entries.to_le_bytes(), tombstones.to_le_bytes()].concat();
    bytes.extend_from_slice(&(stretches.len() as u32).to_le_bytes());
    for stretch in stretches {
        bytes.extend_from_slice(&stretch.domain.to_le_bytes());
        bytes.extend_from_slice(&stretch.top.to_bytes());
    }
    bytes
}

fn parse_directory(bytes: &[u8]) -> Option<(u64, u64, Vec<Stretch>)> {
    let entries = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let tombstones = u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?);
    let count = u32::from_le_bytes(bytes.get(16..20)?.try_into().ok()?) as usize;
    let rows = bytes.get(20..)?.chunks_exact(4 + Place::BYTES);
    if rows.len() != count || count == 0 || !rows.remainder().is_empty() {
        return None;
    }
    let stretch = |row: &[u8]| {
        let domain = u32::from_le_bytes(row.get(..4)?.try_into().ok()?);
        Some(Stretch { domain, top: Place::parse(&row[4..])? })
    };
    Some((entries, tombstones, rows.map(stretch).collect::<Option<_>>()?))
}
