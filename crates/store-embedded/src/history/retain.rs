//! Retention: readings that are old enough go; what their numbers came to may stay longer.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::PoisonError;

use model::{Instance, Name, Reading, SCOPE, Tenant, Timestamp, Value};
use store::{Kept, Retained, Retention, StoreError};

use super::chunk::{self, Chunk};
use super::entry::Entries;
use super::fragments::Fragments;
use super::read::{bad_record, damaged};
use super::rollup::{self, DAY, Level, Period, day_of};
use super::row::{Revival, Row};
use super::series::{Axis, NUMBER_BYTES, SeriesKey, Span, entity_of};
use crate::codec::Wanted;
use crate::keys::EntityNumber;
use crate::shared::{Shared, unreadable};
use crate::tables::{Table, View, after_prefix, fragment_text};
use crate::tenants;

/// Removes what the rules no longer keep, of what lies in chunks and in roll-ups. Costs a look at
/// the first chunk and the first roll-up of every series, and the work on those that are too old.
/// What is damaged is stepped over.
///
/// Readings go by whole days, and a day is rolled up once: what comes later for it is removed with
/// the next pass and not counted, for it may have been counted before. So that a day is whole when
/// that happens, nobody may have added to it for [`SETTLED`].
pub fn retain(
    shared: &Shared,
    retention: &Retention,
    now: Timestamp,
    mut go_on: impl FnMut() -> ControlFlow<()>,
) -> Result<Retained, StoreError> {
    // No merge may put back what is removed.
    let _turn = shared.merging.lock().unwrap_or_else(PoisonError::into_inner);
    let (retained, writes) = (Retained::default(), Writes::new(shared));
    let mut pass = Pass { shared, retention, now, entity: None, retained, writes };
    pass.readings(&mut go_on)?;
    pass.writes.flush()?;
    pass.roll_ups(&mut go_on)?;
    pass.writes.flush()?;
    Ok(pass.retained)
}

/// Chunks whose readings are removed together, if they end with a day: bounds the memory of a pass.
const CHUNKS_AT_A_TIME: usize = 32;

/// How long ago the last reading of a day was recorded when it is rolled up, at least: what is brought
/// in bulk comes in some hours.
const SETTLED: i64 = DAY;

/// Writes that share one sync.
const WRITTEN_BYTES: usize = 1024 * 1024;

type Write = (Table, Vec<u8>, Option<Vec<u8>>);

/// What is to be written, all of one series together.
struct Writes<'a> {
    shared: &'a Shared,
    waiting: Vec<Write>,
    bytes: usize,
}

impl Writes<'_> {
    fn new(shared: &Shared) -> Writes<'_> {
        Writes { shared, waiting: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, writes: Vec<Write>) -> Result<(), StoreError> {
        let bytes =
            |(_, key, value): &Write| key.len() + value.as_ref().map_or(0, |value| value.len());
        self.bytes += writes.iter().map(bytes).sum::<usize>();
        self.waiting.extend(writes);
        if self.bytes < WRITTEN_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.shared.tables.write(waiting).map_err(unreadable)
    }
}

struct Pass<'a> {
    shared: &'a Shared,
    retention: &'a Retention,
    now: Timestamp,
    entity: Option<Subject>,
    retained: Retained,
    writes: Writes<'a>,
}

/// The entity at hand.
struct Subject {
    number: EntityNumber,
    /// Whose it is and of which types, which rules go by.
    owner: Option<(Tenant, Vec<Name>)>,
    /// What it was told since the last merge.
    recent: Fragments,
}

impl Pass<'_> {
    fn subject(&mut self, number: EntityNumber) -> Result<&Subject, StoreError> {
        let known = self.entity.take().filter(|subject| subject.number == number);
        let subject = match known {
            Some(subject) => subject,
            None => {
                let names = &self.shared.names;
                let mut recent = Fragments::default();
                for fragment in self.shared.tables.fragments(number)?.0 {
                    let added = recent.add(&fragment, names, &Wanted::All, Span::ALL);
                    added.map_err(|bad| bad_record(&bad))?;
                }
                Subject { number, owner: self.shared.owner(number)?, recent }
            }
        };
        Ok(self.entity.insert(subject))
    }

    fn kept(
        &mut self,
        number: EntityNumber,
        series: &SeriesKey,
    ) -> Result<Option<Kept>, StoreError> {
        let (now, retention) = (self.now, self.retention);
        let name = self.shared.names.name(series.attribute());
        let subject = self.subject(number)?;
        let (Some((tenant, types)), Some(name)) = (&subject.owner, name) else { return Ok(None) };
        // The scope of today may have been given long ago.
        if name.as_str() == SCOPE {
            return Ok(None);
        }
        let kept = retention.of(tenant, types, &name);
        // What it has been told since the last merge about the time before belongs to that, or ends
        // it: it waits for the next pass.
        let before = kept.raw.map_or(i64::MIN, |age| days_ago(now, age));
        let is_touched = subject.recent.first(series).is_some_and(|at| at < before);
        let is_settled = !is_touched && !subject.recent.has_cleared(series);
        Ok(is_settled.then_some(kept))
    }

    fn readings(&mut self, go_on: &mut impl FnMut() -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut from = vec![0];
        while go_on().is_continue()
            && let Some((key, value)) =
                self.shared.tables.view().first_from(Table::Chunks, &from)?
        {
            let number = entity_of(&key);
            from = [&key[..], &[0]].concat();
            let outcome = if key.len() == NUMBER_BYTES {
                self.short_series(number, &value)
            } else {
                match SeriesKey::of_chunk(&key) {
                    Ok((series, _)) => {
                        from = after_prefix(&series.prefix(number));
                        self.series(number, &series)
                    }
                    Err(bad) => Err(damaged(&bad)),
                }
            };
            step_over(number, outcome)?;
        }
        Ok(())
    }

    fn roll_ups(&mut self, go_on: &mut impl FnMut() -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut from = vec![0];
        while go_on().is_continue()
            && let Some((key, _)) = self.shared.tables.view().first_from(Table::Rollups, &from)?
        {
            let number = entity_of(&key);
            from = [&key[..], &[0]].concat();
            let outcome = match SeriesKey::of_roll_up(&key) {
                Ok(series) => {
                    from = after_prefix(&series.prefix(number));
                    self.periods(number, &series)
                }
                Err(bad) => Err(damaged(&bad)),
            };
            step_over(number, outcome)?;
        }
        Ok(())
    }

    /// Removes the roll-ups of a series that are too old. Where a rule that removes readings does
    /// not ask for roll-ups, there are to be none.
    fn periods(&mut self, number: EntityNumber, series: &SeriesKey) -> Result<(), StoreError> {
        let Some(kept) = self.kept(number, series)? else { return Ok(()) };
        for (level, age) in [(Level::Hourly, kept.hourly), (Level::Daily, kept.daily)] {
            let before = match (age, kept.raw) {
                (Some(age), _) => days_ago(self.now, age),
                (None, Some(_)) => i64::MAX,
                (None, None) => continue,
            };
            let view = self.shared.tables.view();
            let keys = rollup::blocks_before(&view, number, series, level, before)?;
            let gone = keys.into_iter().map(|key| (Table::Rollups, key, None));
            self.writes.add(gone.collect())?;
        }
        Ok(())
    }

    /// Removes readings of the series that are too short for chunks.
    fn short_series(&mut self, number: EntityNumber, text: &[u8]) -> Result<(), StoreError> {
        let mut short = Fragments::default();
        let names = &self.shared.names;
        let added = short.add(&fragment_text(text)?, names, &Wanted::All, Span::ALL);
        added.map_err(|bad| bad_record(&bad))?;
        let all: Vec<SeriesKey> = short.series().cloned().collect();
        let mut left = Entries::default();
        let mut removal = Removal::default();
        for series in all {
            let kept = self.kept(number, &series)?.unwrap_or_default();
            let before = kept.raw.map_or(i64::MIN, |age| days_ago(self.now, age));
            let rows = short.take_rows(&series).into_iter().filter_map(|(_, row)| row);
            let rows: Vec<Row> = rows.collect();
            let span = Span { from: rows.first().map_or(before, |row| row.at), until: before };
            let mut making = Making::new(self.shared, number, &series, &kept, self.now, span)?;
            making.wait_for(&rows);
            let stays = removal.add(rows, &mut making, before)?;
            stays.iter().for_each(|row| left.row(&series, row));
            removal.finish(making)?;
        }
        if removal.retained.readings == 0 {
            return Ok(());
        }
        let text = left.as_str();
        let text = (!text.is_empty()).then(|| text.as_bytes().to_vec());
        removal.writes.push((Table::Chunks, number.0.to_be_bytes().to_vec(), text));
        self.write(removal)
    }

    /// Removes the readings of a series that are too old: chunk by chunk, by whole days.
    fn series(&mut self, number: EntityNumber, series: &SeriesKey) -> Result<(), StoreError> {
        let Some(kept) = self.kept(number, series)? else { return Ok(()) };
        let Some(raw) = kept.raw else { return Ok(()) };
        let before = days_ago(self.now, raw);
        let (mut from, to) = (series.prefix(number), series.chunk(number, before));
        loop {
            let first = self.shared.tables.view().range(Table::Chunks, &from, &to).next();
            let Some(first) = first else { return Ok(()) };
            let (key, _) = first.map_err(unreadable)?;
            let (_, first) = SeriesKey::of_chunk(&key).map_err(|bad| damaged(&bad))?;
            let span = Span { from: first, until: before };
            let mut making = Making::new(self.shared, number, series, &kept, self.now, span)?;
            making.wait_for_chunks(&from, &to)?;
            let mut removal = Removal::default();
            let mut cut = None;
            for (nth, entry) in making.on_disk.range(Table::Chunks, &from, &to).enumerate() {
                let (key, bytes) = entry.map_err(unreadable)?;
                let chunk = Chunk::open(&bytes).map_err(|bad| damaged(&bad))?;
                let rows = chunk.rows(Span::ALL).map_err(|bad| damaged(&bad))?;
                let (first, last) = (moment_of(rows.first()), moment_of(rows.last()));
                let day = day_of(last.min(before.saturating_sub(1)));
                cut = (nth >= CHUNKS_AT_A_TIME && first < day).then_some(day);
                let count = rows.len();
                let stays = removal.add(rows, &mut making, cut.unwrap_or(before))?;
                if stays.len() < count {
                    let mut chunks = BTreeMap::from([(key.to_vec(), None)]);
                    for part in chunk::parts(&stays) {
                        let key = series.chunk(number, moment_of(part.first()));
                        chunks.insert(key, Some(chunk::encode(part)));
                    }
                    let chunks = chunks.into_iter();
                    removal.writes.extend(chunks.map(|(key, chunk)| (Table::Chunks, key, chunk)));
                }
                if cut.is_some() {
                    break;
                }
            }
            // With the removal, so that no reading counts twice.
            removal.finish(making)?;
            self.write(removal)?;
            let Some(day) = cut else { return Ok(()) };
            // The days that are done are read again from here on.
            self.writes.flush()?;
            from = series.chunk(number, day);
        }
    }

    fn write(&mut self, removal: Removal) -> Result<(), StoreError> {
        let Retained { readings, periods, late } = removal.retained;
        self.retained.readings += readings;
        self.retained.periods += periods;
        self.retained.late += late;
        self.writes.add(removal.writes)
    }
}

fn moment_of(row: Option<&Row>) -> i64 {
    row.map_or(i64::MAX, |row| row.at)
}

/// What is damaged holds up nothing else.
fn step_over(number: EntityNumber, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
    match outcome {
        Err(error @ StoreError::Damaged { .. }) => {
            let number = number.0;
            tracing::error!(%error, number, "history that cannot be read is kept, however old");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Readings that go, and what is written with that.
#[derive(Default)]
struct Removal {
    writes: Vec<Write>,
    retained: Retained,
}

/// Roll-ups of a series under construction.
struct Making<'a> {
    shared: &'a Shared,
    on_disk: View,
    number: EntityNumber,
    series: &'a SeriesKey,
    now: Timestamp,
    levels: Vec<(Level, Vec<Period>)>,
    /// Days that were rolled up before.
    closed: BTreeSet<i64>,
    /// Days that may still be coming in.
    open: BTreeSet<i64>,
}

impl<'a> Making<'a> {
    /// Of what lies in a span, whole days.
    fn new(
        shared: &'a Shared,
        number: EntityNumber,
        series: &'a SeriesKey,
        kept: &Kept,
        now: Timestamp,
        old: Span,
    ) -> Result<Making<'a>, StoreError> {
        let on_disk = shared.tables.view();
        let mut levels = Vec::new();
        if series.axis() == Axis::Observed {
            let asked = [(Level::Daily, kept.daily), (Level::Hourly, kept.hourly)];
            levels.extend(asked.iter().filter(|(_, age)| age.is_some()).map(|(l, _)| (*l, vec![])));
        }
        let mut closed = BTreeSet::new();
        if !levels.is_empty() {
            let old = Span { from: day_of(old.from), ..old };
            for level in Level::ALL {
                let periods = rollup::periods(&on_disk, number, series, level, old)?;
                closed.extend(periods.into_iter().map(|(start, _)| day_of(start)));
            }
        }
        let open = BTreeSet::new();
        Ok(Making { shared, on_disk, number, series, now, levels, closed, open })
    }

    /// Notes the days to which something was added not long ago.
    fn wait_for(&mut self, rows: &[Row]) {
        if self.levels.is_empty() {
            return;
        }
        let settled = self.settled();
        for row in rows.iter().filter(|row| row.modified_at > settled) {
            let day = day_of(row.at);
            if !self.closed.contains(&day) {
                self.open.insert(day);
            }
        }
    }

    fn wait_for_chunks(&mut self, from: &[u8], to: &[u8]) -> Result<(), StoreError> {
        if self.levels.is_empty() {
            return Ok(());
        }
        let settled = self.settled();
        for entry in self.on_disk.range(Table::Chunks, from, to) {
            let (_, bytes) = entry.map_err(unreadable)?;
            let chunk = Chunk::open(&bytes).map_err(|bad| damaged(&bad))?;
            if chunk.overview.modified.1 > settled {
                let rows = chunk.rows(Span::ALL).map_err(|bad| damaged(&bad))?;
                self.wait_for(&rows);
            }
        }
        Ok(())
    }

    fn settled(&self) -> i64 {
        self.now.0.saturating_sub(SETTLED)
    }
}

impl Removal {
    /// Takes out rows from before a moment; returns those that stay.
    fn add(
        &mut self,
        mut rows: Vec<Row>,
        making: &mut Making<'_>,
        before: i64,
    ) -> Result<Vec<Row>, StoreError> {
        let mut stays = rows.split_off(rows.partition_point(|row| row.at < before));
        if !making.open.is_empty() {
            let waits = rows.extract_if(.., |row| making.open.contains(&day_of(row.at)));
            let waits: Vec<Row> = waits.collect();
            stays.splice(0..0, waits);
        }
        self.retained.readings += rows.len() as u64;
        if making.levels.is_empty() {
            return Ok(stays);
        }
        let names = &making.shared.names;
        let mut revival = Revival::new(names, None, true);
        for row in rows {
            if making.closed.contains(&day_of(row.at)) {
                self.retained.late += 1;
                continue;
            }
            if row.is_expired(making.now, names).map_err(|bad| bad_record(&bad))? {
                continue;
            }
            if let Some(number) = number_of(&row, &mut revival)? {
                for (level, periods) in &mut making.levels {
                    rollup::add(periods, *level, row.at, number);
                }
            }
        }
        Ok(stays)
    }

    fn finish(&mut self, making: Making<'_>) -> Result<(), StoreError> {
        for (level, periods) in &making.levels {
            self.retained.periods += periods.len() as u64;
            let blocks =
                rollup::written(&making.on_disk, making.number, making.series, *level, periods)?;
            let blocks = blocks.into_iter();
            self.writes.extend(blocks.map(|(key, value)| (Table::Rollups, key, Some(value))));
        }
        Ok(())
    }
}

/// The number that a reading tells, whatever its digits.
fn number_of(row: &Row, revival: &mut Revival<'_>) -> Result<Option<f64>, StoreError> {
    if let Some(number) = row.number() {
        return Ok(Some(number.value()));
    }
    match revival.reading(row).map_err(|bad| bad_record(&bad))? {
        Reading::Said(Instance { value: Value::Property(json), .. }) => Ok(json.as_number()),
        _ => Ok(None),
    }
}

/// The beginning of the day that lies so far back: whole hours and days go together.
fn days_ago(now: Timestamp, age: std::time::Duration) -> i64 {
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    day_of(now.0.saturating_sub(age))
}

impl Shared {
    /// Whose entity it is, and of which types it is or was.
    fn owner(&self, number: EntityNumber) -> Result<Option<(Tenant, Vec<Name>)>, StoreError> {
        let tenant = match self.stored(number)? {
            Some(stored) => Some(stored.tenant()?),
            None => self.header(number)?.map(|header| header.tenant),
        };
        let Some(tenant) = tenant else { return Ok(None) };
        let Some(owner) = tenants::tenant_of(&self.names, tenant) else { return Ok(None) };
        let header = self.evolution(tenant, number)?;
        Ok(Some((owner, header.map(|header| header.types).unwrap_or_default())))
    }
}
