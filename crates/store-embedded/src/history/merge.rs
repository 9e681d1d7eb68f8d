//! Merging: recent fragments become chunks.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use store::StoreError;

use super::chunk::{self, CHUNK_ROWS_FULL, CHUNK_ROWS_MAX, Chunk};
use super::entry::Entries;
use super::fragments::{Fragments, join};
use super::read::{bad_record, damaged, short_series};
use super::row::Row;
use super::series::{SeriesKey, Span, entity_of};
use crate::codec::Wanted;
use crate::keys::EntityNumber;
use crate::shared::{Shared, unreadable};
use crate::tables::{Table, after_prefix, fragment_text};

/// What a merge came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    pub fragments: u64,
    pub chunks: u64,
}

/// A series with fewer readings than this, and no chunk yet, stays with the other short ones of
/// its entity.
const SHORT_ROWS_MAX: usize = 8;

/// What is gathered before it is written: bounds the memory of a merge.
const GATHERED_BYTES_MAX: usize = 16 * 1024 * 1024;

type Output = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Merges all recent fragments that are on disk; ends early where `go_on` says so. What was
/// merged when it ends is in the tables; done again, it comes to the same.
pub fn merge(
    shared: &Shared,
    mut go_on: impl FnMut() -> ControlFlow<()>,
) -> Result<Merged, StoreError> {
    // Two at a time would each overwrite chunks without what the other put there.
    let _turn = shared.merging.lock().unwrap_or_else(PoisonError::into_inner);
    let mut merged = Merged::default();
    let mut from = Vec::new();
    while go_on().is_continue() {
        let mut slice = Slice {
            shared,
            output: Vec::new(),
            bytes: 0,
            rolled_up: Vec::new(),
            merged_keys: Vec::new(),
        };
        let Some(next) = slice.gather(from)? else { break };
        merged.fragments += slice.merged_keys.len() as u64;
        merged.chunks += slice.output.len() as u64;
        slice.write()?;
        from = next;
    }
    Ok(merged)
}

/// Merges until nothing recent is left on disk.
pub fn merge_all(shared: &Shared) -> Result<(), StoreError> {
    merge(shared, || ControlFlow::Continue(())).map(drop)
}

/// Some entities, one after the other, as many as fit into memory.
struct Slice<'a> {
    shared: &'a Shared,
    /// In the order of their keys.
    output: Output,
    bytes: usize,
    /// Roll-ups that go with the series they are of.
    rolled_up: Vec<Vec<u8>>,
    merged_keys: Vec<Vec<u8>>,
}

impl Slice<'_> {
    /// Merges entities from a key on; tells from where to go on, or nothing at the end.
    fn gather(&mut self, from: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
        let entries = self.shared.tables.on_disk(Table::Recent, &from, &[0xff; 32]);
        let mut fragments: Vec<Arc<str>> = Vec::new();
        let mut entity = None;
        for entry in entries {
            let (key, text) = entry.map_err(unreadable)?;
            let number = entity_of(&key);
            if let Some(last) = entity.filter(|last| *last != number) {
                self.entity(last, &std::mem::take(&mut fragments))?;
                if self.bytes >= GATHERED_BYTES_MAX {
                    return Ok(Some(key.to_vec()));
                }
            }
            entity = Some(number);
            fragments.push(fragment_text(&text)?);
            self.bytes += key.len();
            self.merged_keys.push(key.to_vec());
        }
        let Some(last) = entity else { return Ok(None) };
        self.entity(last, &fragments)?;
        Ok(Some(after_prefix(&last.0.to_be_bytes())))
    }

    fn write(self) -> Result<(), StoreError> {
        let tables = &self.shared.tables;
        if !self.output.is_empty() {
            tables.ingest(Table::Chunks, self.output.into_iter()).map_err(unreadable)?;
        }
        if !self.rolled_up.is_empty() {
            let gone = self.rolled_up.into_iter().map(|key| (key, None::<&[u8]>));
            tables.ingest(Table::Rollups, gone).map_err(unreadable)?;
        }
        let gone = self.merged_keys.into_iter().map(|key| (key, None::<&[u8]>));
        tables.ingest(Table::Recent, gone).map_err(unreadable)
    }

    fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        self.output.push((key, value));
    }

    fn entity(&mut self, number: EntityNumber, fragments: &[Arc<str>]) -> Result<(), StoreError> {
        let short = short_series(self.shared, number)?;
        let mut recent = Fragments::default();
        for fragment in short.iter().chain(fragments) {
            let added = recent.add(fragment, &self.shared.names, &Wanted::All, Span::ALL);
            added.map_err(|bad| bad_record(&bad))?;
        }
        // The key of the short series stands before those of chunks.
        let place = self.output.len();
        let mut rest = Entries::default();
        if recent.clears() {
            self.clear(number, &recent)?;
        }
        let all: Vec<SeriesKey> = recent.series().cloned().collect();
        for series in all {
            let rows = recent.take_rows(&series);
            let chunks = match rows.first() {
                Some((first, _)) if !recent.has_cleared(&series) => {
                    self.chunks_from(number, &series, *first)?
                }
                _ => Vec::new(),
            };
            let said = rows.iter().filter(|(_, row)| row.is_some()).count();
            if chunks.is_empty() && said < SHORT_ROWS_MAX {
                let rows = rows.iter().filter_map(|(_, row)| row.as_ref());
                rows.for_each(|row| rest.row(&series, row));
            } else {
                self.series(number, &series, chunks, rows)?;
            }
        }
        if recent.clears() {
            // Removals were put first; whatever was written at the same key since counts.
            self.settle(place);
        }
        let key = number.0.to_be_bytes().to_vec();
        let text = rest.as_str();
        if !text.is_empty() {
            self.bytes += text.len();
            self.output.insert(place, (key, Some(text.as_bytes().to_vec())));
        } else if short.is_some() {
            self.output.insert(place, (key, None));
        }
        Ok(())
    }

    /// Removes the chunks of series that were emptied.
    fn clear(&mut self, number: EntityNumber, recent: &Fragments) -> Result<(), StoreError> {
        let start = [&number.0.to_be_bytes()[..], &[0]].concat();
        let end = after_prefix(&number.0.to_be_bytes());
        for entry in self.shared.tables.on_disk(Table::Chunks, &start, &end) {
            let (key, _) = entry.map_err(unreadable)?;
            let (series, _) = SeriesKey::of_chunk(&key).map_err(|bad| damaged(&bad))?;
            if recent.has_cleared(&series) {
                self.put(key.to_vec(), None);
            }
        }
        for entry in self.shared.tables.on_disk(Table::Rollups, &start, &end) {
            let (key, _) = entry.map_err(unreadable)?;
            let series = SeriesKey::of_roll_up(&key).map_err(|bad| damaged(&bad))?;
            if recent.has_cleared(&series) {
                self.rolled_up.push(key.to_vec());
            }
        }
        Ok(())
    }

    /// Sorts the output of an entity; of two writes at one key the later one counts.
    fn settle(&mut self, place: usize) {
        let mut written = self.output.split_off(place);
        written.sort_by(|(left, _), (right, _)| left.cmp(right));
        for (key, value) in written {
            match self.output.last_mut() {
                Some(last) if last.0 == key => last.1 = value,
                _ => self.output.push((key, value)),
            }
        }
    }

    /// The chunks of a series from the one on in which a moment lies.
    fn chunks_from(
        &self,
        number: EntityNumber,
        series: &SeriesKey,
        at: i64,
    ) -> Result<Vec<(Vec<u8>, fjall::Slice)>, StoreError> {
        let prefix = series.prefix(number);
        let upto = [&series.chunk(number, at)[..], &[0]].concat();
        let tables = &self.shared.tables;
        let first = tables.on_disk(Table::Chunks, &prefix, &upto).next_back().transpose();
        let first = first.map_err(unreadable)?.map_or(prefix.clone(), |(key, _)| key.to_vec());
        let entries = tables.on_disk(Table::Chunks, &first, &after_prefix(&prefix));
        let read = entries.map(|entry| entry.map(|(key, value)| (key.to_vec(), value)));
        read.map(|entry| entry.map_err(unreadable)).collect()
    }

    /// Puts rows among the chunks of their series: each into the last chunk that begins before it.
    fn series(
        &mut self,
        number: EntityNumber,
        series: &SeriesKey,
        chunks: Vec<(Vec<u8>, fjall::Slice)>,
        mut rows: Vec<(i64, Option<Row>)>,
    ) -> Result<(), StoreError> {
        let mut later = chunks.iter().skip(1).map(|(key, _)| SeriesKey::of_chunk(key));
        let mut ends = Vec::with_capacity(chunks.len());
        for _ in 1..chunks.len() {
            let next = later.next().transpose().map_err(|bad| damaged(&bad))?;
            ends.push(next.map_or(i64::MAX, |(_, first)| first));
        }
        for (place, (key, bytes)) in chunks.into_iter().enumerate() {
            let beyond = match ends.get(place) {
                Some(end) => rows.split_off(rows.partition_point(|(at, _)| at < end)),
                None => Vec::new(),
            };
            let here = std::mem::replace(&mut rows, beyond);
            if here.is_empty() {
                continue;
            }
            let chunk = Chunk::open(&bytes).map_err(|bad| damaged(&bad))?;
            let full = chunk.overview.count >= CHUNK_ROWS_FULL;
            let all_later = here.first().is_some_and(|(at, _)| *at > chunk.overview.last);
            if full && all_later {
                self.chunks(number, series, join(Vec::new(), here));
                continue;
            }
            let older = chunk.rows(Span::ALL).map_err(|bad| damaged(&bad))?;
            let joined = join(older, here);
            let first = joined.first().map(|row| series.chunk(number, row.at));
            let at = self.output.len();
            if first.as_ref() != Some(&key) {
                self.put(key, None);
            }
            self.chunks(number, series, joined);
            self.settle(at);
        }
        self.chunks(number, series, join(Vec::new(), rows));
        Ok(())
    }

    /// Writes rows as chunks of about equal size.
    fn chunks(&mut self, number: EntityNumber, series: &SeriesKey, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        let count =
            if rows.len() <= CHUNK_ROWS_MAX { 1 } else { rows.len().div_ceil(CHUNK_ROWS_FULL) };
        for part in rows.chunks(rows.len().div_ceil(count)) {
            let key = series.chunk(number, part.first().map_or(0, |row| row.at));
            self.put(key, Some(chunk::encode(part)));
        }
    }
}
