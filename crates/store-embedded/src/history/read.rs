//! Reading the history of one entity: what is recent, woven into what lies in chunks.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Name, Reading, Timestamp};
use store::StoreError;

use super::chunk::{Chunk, Overview};
use super::fragments::{Fragments, join};
use super::rollup::{self, Level, Period};
use super::row::{Revival, Row};
use super::series::{Axis, SeriesKey, Span};
use crate::bytes::Malformed;
use crate::codec::Wanted;
use crate::keys::EntityNumber;
use crate::names::NameId;
use crate::record::BadRecord;
use crate::shared::{Shared, unreadable};
use crate::tables::{Table, View, after_prefix, fragment_text};

/// The history of one entity, or of some of its attributes.
#[derive(Debug)]
pub struct Weave<'a> {
    shared: &'a Shared,
    number: EntityNumber,
    /// Nothing: all attributes.
    attributes: Option<Vec<NameId>>,
    recent: Fragments,
    /// What was on disk when that was read.
    on_disk: View,
}

/// Part of a series, in time order.
#[derive(Debug)]
pub enum Piece<'a> {
    /// A chunk that lies in the span as a whole and that nothing recent touches.
    Chunk(&'a Overview, &'a [u8]),
    Rows(Vec<Row>),
}

/// Should a search go on?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goon {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forwards,
    Backwards,
}

type RecentRows = Vec<(i64, Option<Row>)>;

impl<'a> Weave<'a> {
    /// Reads what is recent; `pending` is what a commit is about to add. Readings that were
    /// observed outside `observed` may be missing.
    pub fn load(
        shared: &'a Shared,
        number: EntityNumber,
        attributes: Option<&[Name]>,
        observed: Span,
        pending: Option<&str>,
    ) -> Result<Weave<'a>, StoreError> {
        let attributes = attributes.map(|names| {
            names.iter().filter_map(|name| shared.names.get(name.as_str())).collect::<Vec<_>>()
        });
        let wanted = attributes.clone().map_or(Wanted::All, Wanted::Only);
        let (fragments, on_disk) = shared.tables.fragments(number)?;
        let mut recent = Fragments::default();
        let short = short_series(&on_disk, number)?;
        let pending = pending.map(Arc::from);
        for fragment in short.iter().chain(&fragments).chain(&pending) {
            let added = recent.add(fragment, &shared.names, &wanted, observed);
            added.map_err(|bad| bad_record(&bad))?;
        }
        Ok(Weave { shared, number, attributes, recent, on_disk })
    }

    /// The series that have readings, or had and are rolled up.
    pub fn series(&mut self) -> Result<Vec<SeriesKey>, StoreError> {
        let mut all = self.known_series()?;
        let mut found = Vec::new();
        while let Some(series) = all.pop_first() {
            let mut any = false;
            let recent = self.recent.rows(&series);
            self.scan_with(&series, recent, Span::ALL, Direction::Forwards, |piece| {
                any = match piece {
                    Piece::Chunk(..) => true,
                    Piece::Rows(rows) => !rows.is_empty(),
                };
                Ok(if any { Goon::No } else { Goon::Yes })
            })?;
            if any {
                found.push(series);
            }
        }
        found.extend(self.rolled_up()?);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The series that may have readings.
    pub fn known_series(&self) -> Result<BTreeSet<SeriesKey>, StoreError> {
        let mut all: BTreeSet<SeriesKey> = self.recent.series().cloned().collect();
        self.series_in(Table::Chunks, &mut all)?;
        Ok(all)
    }

    /// The roll-ups of a series whose periods begin within a span.
    pub fn periods(
        &self,
        series: &SeriesKey,
        level: Level,
        span: Span,
    ) -> Result<Vec<Period>, StoreError> {
        rollup::periods(&self.on_disk, self.number, series, level, span)
    }

    /// The series that have roll-ups.
    pub fn rolled_up(&self) -> Result<BTreeSet<SeriesKey>, StoreError> {
        let mut all = BTreeSet::new();
        self.series_in(Table::Rollups, &mut all)?;
        Ok(all)
    }

    fn series_in(&self, table: Table, all: &mut BTreeSet<SeriesKey>) -> Result<(), StoreError> {
        let number = self.number.0.to_be_bytes();
        let ranges = match &self.attributes {
            None => vec![([&number[..], &[0]].concat(), after_prefix(&number))],
            Some(names) => {
                let prefix = |name: &NameId| [&number[..], &name.0.to_be_bytes()].concat();
                names.iter().map(|name| (prefix(name), after_prefix(&prefix(name)))).collect()
            }
        };
        for (mut from, to) in ranges {
            while let Some(entry) = self.on_disk.range(table, &from, &to).next() {
                let (key, _) = entry.map_err(unreadable)?;
                let series = match table {
                    Table::Rollups => SeriesKey::of_roll_up(&key),
                    _ => SeriesKey::of_chunk(&key).map(|(series, _)| series),
                };
                let series = series.map_err(|bad| damaged(&bad))?;
                from = after_prefix(&series.prefix(self.number));
                if !self.recent.has_cleared(&series) {
                    all.insert(series);
                }
            }
        }
        Ok(())
    }

    /// Was the series emptied by something recent?
    pub fn has_cleared(&self, series: &SeriesKey) -> bool {
        self.recent.has_cleared(series)
    }

    /// The readings of a series within a span.
    pub fn readings(&mut self, series: &SeriesKey, span: Span) -> Result<Vec<Reading>, StoreError> {
        let mut revival = self.revival(series);
        let mut readings = Vec::new();
        let recent = self.recent.rows(series);
        self.scan_with(series, recent, span, Direction::Forwards, |piece| {
            let revived = revival.readings(&piece.rows()?, &mut readings);
            revived.map(|()| Goon::Yes).map_err(|bad| bad_record(&bad))
        })?;
        Ok(readings)
    }

    /// Looks at rows of a series until one ends the search; tells whether one did.
    pub fn readings_while(
        &self,
        series: &SeriesKey,
        span: Span,
        mut look: impl FnMut(&Row) -> Goon,
    ) -> Result<bool, StoreError> {
        let mut ended = false;
        let recent = self.recent.rows(series);
        self.scan_with(series, recent, span, Direction::Forwards, |piece| {
            ended = piece.rows()?.iter().any(|row| look(row) == Goon::No);
            Ok(if ended { Goon::No } else { Goon::Yes })
        })?;
        Ok(ended)
    }

    /// The last moment at which something was recorded that tells none of its own.
    pub fn last_recorded(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let mut last: Option<i64> = None;
        for series in self.known_series()? {
            if series.axis() == Axis::Recorded {
                self.scan(&series, Span::ALL, Direction::Backwards, |piece| {
                    let found = piece.rows()?.last().map(|row| row.at);
                    last = last.max(found);
                    Ok(if found.is_some() { Goon::No } else { Goon::Yes })
                })?;
            }
        }
        Ok(last.map(Timestamp))
    }

    pub fn revival(&self, series: &SeriesKey) -> Revival<'a> {
        let observed = series.axis() == Axis::Observed;
        Revival::new(&self.shared.names, series.dataset(), observed)
    }

    /// Shows a series within a span, piece by piece; each series once, for what is recent of it
    /// is used up.
    pub fn scan(
        &mut self,
        series: &SeriesKey,
        span: Span,
        direction: Direction,
        visit: impl FnMut(Piece<'_>) -> Result<Goon, StoreError>,
    ) -> Result<(), StoreError> {
        let recent = self.recent.take_rows(series);
        self.scan_with(series, recent, span, direction, visit)
    }

    fn scan_with(
        &self,
        series: &SeriesKey,
        mut recent: RecentRows,
        span: Span,
        direction: Direction,
        mut visit: impl FnMut(Piece<'_>) -> Result<Goon, StoreError>,
    ) -> Result<(), StoreError> {
        recent.retain(|(at, _)| span.contains(*at));
        if !self.recent.has_cleared(series) {
            let from = self.first_chunk(series, span)?;
            let to = self.end_of(series, span);
            let mut chunks = self.on_disk.range(Table::Chunks, &from, &to);
            loop {
                let entry = match direction {
                    Direction::Forwards => chunks.next(),
                    Direction::Backwards => chunks.next_back(),
                };
                let Some(entry) = entry else { break };
                let (_, bytes) = entry.map_err(unreadable)?;
                let piece = self.piece(&bytes, &mut recent, span, direction)?;
                let goon = match piece {
                    None => {
                        let overview = Chunk::open(&bytes).map_err(|bad| damaged(&bad))?.overview;
                        visit(Piece::Chunk(&overview, &bytes))?
                    }
                    Some(rows) => visit(Piece::Rows(rows))?,
                };
                if goon == Goon::No {
                    return Ok(());
                }
            }
        }
        visit(Piece::Rows(join(Vec::new(), recent)))?;
        Ok(())
    }

    /// The rows of a chunk with the recent ones up to its end, going forwards, or from its
    /// beginning on, going backwards. Nothing where the chunk can be shown as it is.
    fn piece(
        &self,
        bytes: &[u8],
        recent: &mut RecentRows,
        span: Span,
        direction: Direction,
    ) -> Result<Option<Vec<Row>>, StoreError> {
        let chunk = Chunk::open(bytes).map_err(|bad| damaged(&bad))?;
        let (first, last) = (chunk.overview.first, chunk.overview.last);
        let touching = match direction {
            Direction::Forwards => {
                let end = recent.partition_point(|(at, _)| *at <= last);
                let later = recent.split_off(end);
                std::mem::replace(recent, later)
            }
            Direction::Backwards => recent.split_off(recent.partition_point(|(at, _)| *at < first)),
        };
        let inside = span.contains(first) && span.contains(last);
        if touching.is_empty() && inside {
            return Ok(None);
        }
        let rows = chunk.rows(span).map_err(|bad| damaged(&bad))?;
        Ok(Some(join(rows, touching)))
    }

    /// The key of the chunk in which a span begins.
    fn first_chunk(&self, series: &SeriesKey, span: Span) -> Result<Vec<u8>, StoreError> {
        let prefix = series.prefix(self.number);
        if span.from == i64::MIN {
            return Ok(prefix);
        }
        let at = series.chunk(self.number, span.from);
        let upto = [&at[..], &[0]].concat();
        match self.on_disk.range(Table::Chunks, &prefix, &upto).next_back() {
            Some(entry) => Ok(entry.map_err(unreadable)?.0.to_vec()),
            None => Ok(at),
        }
    }

    fn end_of(&self, series: &SeriesKey, span: Span) -> Vec<u8> {
        if span.until == i64::MAX {
            return after_prefix(&series.prefix(self.number));
        }
        series.chunk(self.number, span.until)
    }
}

impl Piece<'_> {
    pub fn rows(self) -> Result<Vec<Row>, StoreError> {
        match self {
            Piece::Rows(rows) => Ok(rows),
            Piece::Chunk(_, bytes) => {
                let chunk = Chunk::open(bytes).map_err(|bad| damaged(&bad))?;
                chunk.rows(Span::ALL).map_err(|bad| damaged(&bad))
            }
        }
    }
}

/// Entries of the series of an entity that have too few readings for chunks.
pub fn short_series(on_disk: &View, number: EntityNumber) -> Result<Option<Arc<str>>, StoreError> {
    let key = number.0.to_be_bytes();
    let after = [&key[..], &[0]].concat();
    let entry = on_disk.range(Table::Chunks, &key, &after).next();
    entry.map(|entry| fragment_text(&entry.map_err(unreadable)?.1)).transpose()
}

pub fn damaged(bad: &Malformed) -> StoreError {
    StoreError::Damaged { place: "a chunk of history".to_owned(), problem: bad.to_string() }
}

pub fn bad_record(bad: &BadRecord) -> StoreError {
    StoreError::Damaged { place: "a fragment of history".to_owned(), problem: bad.to_string() }
}
