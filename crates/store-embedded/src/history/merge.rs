//! Merging: recent fragments become chunks.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use sorted::Slice;
use store::StoreError;

use super::chunk::{self, Chunk};
use super::entry::Entries;
use super::fragments::{Fragments, join};
use super::read::{bad_record, damaged, short_series};
use super::row::Row;
use super::series::{SeriesKey, Span, entity_of};
use crate::codec::Wanted;
use crate::keys::EntityNumber;
use crate::shared::{Shared, unreadable};
use crate::tables::{Table, View, after_prefix, fragment_text};

/// What a merge came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    pub fragments: u64,
    pub chunks: u64,
    /// Entities whose history could not be read, and stays as it is.
    pub damaged: u64,
}

/// A series with fewer readings than this, and no chunk yet, stays with the other short ones of
/// its entity.
const SHORT_ROWS_MAX: usize = 8;

/// What is gathered before it is written.
const GATHERED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What is recent of one entity is merged in parts of about this size, but a layer's at once: its
/// rows take some twenty times as much in memory.
const PART_BYTES_MAX: usize = 2 * 1024 * 1024;

type Written = (Vec<u8>, Option<Vec<u8>>);

/// Merges all recent fragments that are on disk; ends early where `go_on` says so. What was
/// merged when it ends is in the tables; done again, it comes to the same. What is damaged is
/// stepped over: it holds up neither others nor itself once it is mended.
pub fn merge(
    shared: &Shared,
    mut go_on: impl FnMut() -> ControlFlow<()>,
) -> Result<Merged, StoreError> {
    // Two at a time would each overwrite chunks without what the other put there.
    let _turn = shared.merging.lock().unwrap_or_else(PoisonError::into_inner);
    let mut merged = Merged::default();
    let mut from = Vec::new();
    while go_on().is_continue() {
        let mut gathered = Gathered::new(shared);
        let next = gathered.gather(&from)?;
        merged.fragments += gathered.merged_keys.len() as u64;
        merged.chunks += gathered.output.iter().filter(|(_, value)| value.is_some()).count() as u64;
        merged.damaged += gathered.damaged;
        gathered.write()?;
        let Some(next) = next else { break };
        from = next;
    }
    Ok(merged)
}

/// Merges until nothing recent is left on disk.
pub fn merge_all(shared: &Shared) -> Result<(), StoreError> {
    merge(shared, || ControlFlow::Continue(())).map(drop)
}

/// Some entities, one after the other, as many as fit into memory.
struct Gathered<'a> {
    shared: &'a Shared,
    on_disk: View,
    /// In the order of their keys.
    output: Vec<Written>,
    /// Roll-ups that go with the series they are of.
    rolled_up: Vec<Vec<u8>>,
    merged_keys: Vec<Vec<u8>>,
    bytes: usize,
    damaged: u64,
}

/// What is recent of one entity.
#[derive(Default)]
struct Recent {
    keys: Vec<Vec<u8>>,
    fragments: Vec<Slice>,
    bytes: usize,
}

impl<'a> Gathered<'a> {
    fn new(shared: &'a Shared) -> Gathered<'a> {
        Gathered {
            shared,
            on_disk: shared.tables.view(),
            output: Vec::new(),
            rolled_up: Vec::new(),
            merged_keys: Vec::new(),
            bytes: 0,
            damaged: 0,
        }
    }

    /// Merges entities from a key on; tells from where to go on, or nothing at the end. An entity
    /// with more than fits into memory is merged in parts, the oldest first.
    fn gather(&mut self, from: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let entries = self.on_disk.range(Table::Recent, from, &[0xff; 32]);
        let mut recent = Recent::default();
        let mut entity = None;
        for entry in entries {
            let (key, text) = entry.map_err(unreadable)?;
            let number = entity_of(&key);
            let is_part = recent.bytes + text.len() >= PART_BYTES_MAX;
            let is_full = self.bytes + recent.bytes + text.len() >= GATHERED_BYTES_MAX;
            if let Some(last) = entity.filter(|last| *last != number || is_part || is_full) {
                let is_merged = self.merge(last, std::mem::take(&mut recent))?;
                if last == number && !is_merged {
                    // Its later parts must not come before this one.
                    return Ok(Some(after_prefix(&last.0.to_be_bytes())));
                }
                if last == number || is_full {
                    return Ok(Some(key.to_vec()));
                }
            }
            entity = Some(number);
            recent.bytes += key.len() + text.len();
            recent.keys.push(key.to_vec());
            recent.fragments.push(text);
        }
        if let Some(last) = entity {
            self.merge(last, recent)?;
        }
        Ok(None)
    }

    /// Tells whether it could be merged.
    fn merge(&mut self, number: EntityNumber, recent: Recent) -> Result<bool, StoreError> {
        let mut merging = Merging {
            shared: self.shared,
            on_disk: &self.on_disk,
            number,
            chunks: BTreeMap::new(),
            rolled_up: Vec::new(),
        };
        match merging.entity(&recent.fragments) {
            Ok(()) => {}
            Err(error @ StoreError::Damaged { .. }) => {
                let number = number.0;
                tracing::error!(%error, number, "history that cannot be read stays unmerged");
                self.damaged += 1;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        let Merging { chunks, mut rolled_up, .. } = merging;
        let bytes = |(key, value): &Written| key.len() + value.as_ref().map_or(0, Vec::len);
        self.bytes += recent.bytes;
        for written in chunks {
            self.bytes += bytes(&written);
            self.output.push(written);
        }
        self.rolled_up.append(&mut rolled_up);
        self.merged_keys.extend(recent.keys);
        Ok(true)
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
        if self.merged_keys.is_empty() {
            return Ok(());
        }
        let gone = self.merged_keys.into_iter().map(|key| (key, None::<&[u8]>));
        tables.ingest(Table::Recent, gone).map_err(unreadable)
    }
}

/// What becomes of the history of one entity.
struct Merging<'a> {
    shared: &'a Shared,
    on_disk: &'a View,
    number: EntityNumber,
    /// What to write, or to remove. Of two writes at one key the later one counts.
    chunks: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    rolled_up: Vec<Vec<u8>>,
}

impl Merging<'_> {
    fn entity(&mut self, fragments: &[Slice]) -> Result<(), StoreError> {
        let short = short_series(self.on_disk, self.number)?;
        let mut recent = Fragments::default();
        let fragments = fragments.iter().map(|text| fragment_text(text));
        for fragment in short.clone().map(Ok).into_iter().chain(fragments) {
            let fragment: Arc<str> = fragment?;
            let added = recent.add(&fragment, &self.shared.names, &Wanted::All, Span::ALL);
            added.map_err(|bad| bad_record(&bad))?;
        }
        if recent.clears() {
            self.clear(&recent)?;
        }
        let mut rest = Entries::default();
        let all: Vec<SeriesKey> = recent.series().cloned().collect();
        for series in all {
            let rows = recent.take_rows(&series);
            let is_cleared = recent.has_cleared(&series);
            let has_chunks = !is_cleared && self.chunk_of(&series, i64::MAX)?.is_some();
            let said = rows.iter().filter(|(_, row)| row.is_some()).count();
            if !has_chunks && said < SHORT_ROWS_MAX {
                let rows = rows.iter().filter_map(|(_, row)| row.as_ref());
                rows.for_each(|row| rest.row(&series, row));
            } else if has_chunks {
                self.series(&series, rows)?;
            } else {
                self.write(&series, join(Vec::new(), rows));
            }
        }
        let text = rest.as_str();
        if !text.is_empty() || short.is_some() {
            let text = (!text.is_empty()).then(|| text.as_bytes().to_vec());
            self.chunks.insert(self.number.0.to_be_bytes().to_vec(), text);
        }
        Ok(())
    }

    /// Removes the chunks of series that were emptied.
    fn clear(&mut self, recent: &Fragments) -> Result<(), StoreError> {
        let start = [&self.number.0.to_be_bytes()[..], &[0]].concat();
        let end = after_prefix(&self.number.0.to_be_bytes());
        for entry in self.on_disk.range(Table::Chunks, &start, &end) {
            let (key, _) = entry.map_err(unreadable)?;
            let (series, _) = SeriesKey::of_chunk(&key).map_err(|bad| damaged(&bad))?;
            if recent.has_cleared(&series) {
                self.chunks.insert(key.to_vec(), None);
            }
        }
        for entry in self.on_disk.range(Table::Rollups, &start, &end) {
            let (key, _) = entry.map_err(unreadable)?;
            let series = SeriesKey::of_roll_up(&key).map_err(|bad| damaged(&bad))?;
            if recent.has_cleared(&series) {
                self.rolled_up.push(key.to_vec());
            }
        }
        Ok(())
    }

    /// The chunk of a series in which a moment lies: the last that begins before it, or the first.
    fn chunk_of(&self, series: &SeriesKey, at: i64) -> Result<Option<(Slice, Slice)>, StoreError> {
        let prefix = series.prefix(self.number);
        let upto = [&series.chunk(self.number, at)[..], &[0]].concat();
        let before = self.on_disk.range(Table::Chunks, &prefix, &upto).next_back();
        let mut any = self.on_disk.range(Table::Chunks, &prefix, &after_prefix(&prefix));
        before.or_else(|| any.next()).transpose().map_err(unreadable)
    }

    /// Where the chunk after another begins.
    fn next_chunk(&self, series: &SeriesKey, key: &[u8]) -> Result<Option<i64>, StoreError> {
        let (from, to) = ([key, &[0]].concat(), after_prefix(&series.prefix(self.number)));
        let next = self.on_disk.range(Table::Chunks, &from, &to).next().transpose();
        let Some((key, _)) = next.map_err(unreadable)? else { return Ok(None) };
        SeriesKey::of_chunk(&key).map(|(_, first)| Some(first)).map_err(|bad| damaged(&bad))
    }

    /// Puts rows among the chunks of their series: each into the last chunk that begins before it.
    fn series(
        &mut self,
        series: &SeriesKey,
        mut rows: Vec<(i64, Option<Row>)>,
    ) -> Result<(), StoreError> {
        while let Some((at, _)) = rows.first()
            && let Some((key, bytes)) = self.chunk_of(series, *at)?
        {
            let end = self.next_chunk(series, &key)?;
            let beyond = match end {
                Some(end) => rows.split_off(rows.partition_point(|(at, _)| *at < end)),
                None => Vec::new(),
            };
            let here = std::mem::replace(&mut rows, beyond);
            let chunk = Chunk::open(&bytes).map_err(|bad| damaged(&bad))?;
            let is_after = here.first().is_some_and(|(at, _)| *at > chunk.overview.last);
            // What is late goes into the chunk before it, lest there be one for each late reading.
            if end.is_none() && is_after && chunk.is_full() {
                self.write(series, join(Vec::new(), here));
                continue;
            }
            let older = chunk.rows(Span::ALL).map_err(|bad| damaged(&bad))?;
            self.chunks.insert(key.to_vec(), None);
            self.write(series, join(older, here));
        }
        Ok(())
    }

    fn write(&mut self, series: &SeriesKey, rows: Vec<Row>) {
        for part in chunk::parts(&rows) {
            let key = series.chunk(self.number, part.first().map_or(0, |row| row.at));
            self.chunks.insert(key, Some(chunk::encode(part)));
        }
    }
}
