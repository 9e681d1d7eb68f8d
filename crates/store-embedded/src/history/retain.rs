//! Retention: readings that are old enough go; what their numbers came to may stay longer.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use model::{Instance, Name, Reading, SCOPE, Tenant, Timestamp, Value};
use store::{Kept, Retained, Retention, StoreError};

use super::chunk::{self, Chunk};
use super::entry::Entries;
use super::fragments::Fragments;
use super::read::{bad_record, damaged};
use super::rollup::{self, DAY, Level, Period};
use super::row::{Revival, Row};
use super::series::{Axis, NUMBER_BYTES, SeriesKey, Span, entity_of};
use crate::codec::Wanted;
use crate::keys::EntityNumber;
use crate::shared::{Shared, unreadable};
use crate::tables::{Table, after_prefix, fragment_text};
use crate::tenants;

/// Removes what the rules no longer keep, of what lies in chunks. Costs a look at the first chunk
/// of every series, and the work on those that are too old.
pub fn retain(
    shared: &Shared,
    retention: &Retention,
    now: Timestamp,
    mut go_on: impl FnMut() -> ControlFlow<()>,
) -> Result<Retained, StoreError> {
    // No merge may put back what is removed.
    let _turn = shared.merging.lock().unwrap_or_else(PoisonError::into_inner);
    let mut pass = Pass { shared, retention, now, entity: None, retained: Retained::default() };
    let mut from = vec![0];
    while go_on().is_continue()
        && let Some(entry) = shared.tables.on_disk(Table::Chunks, &from, &[0xff; 32]).next()
    {
        let (key, value) = entry.map_err(unreadable)?;
        if key.len() == NUMBER_BYTES {
            pass.short_series(entity_of(&key), &fragment_text(&value)?)?;
            from = [&key[..], &[0]].concat();
            continue;
        }
        let (series, _) = SeriesKey::of_chunk(&key).map_err(|bad| damaged(&bad))?;
        let number = entity_of(&key);
        pass.series(number, &series)?;
        from = after_prefix(&series.prefix(number));
    }
    Ok(pass.retained)
}

/// Chunks whose readings are removed together: bounds the memory of a pass.
const CHUNKS_AT_A_TIME: usize = 32;

type Write = (Table, Vec<u8>, Option<Vec<u8>>);

struct Pass<'a> {
    shared: &'a Shared,
    retention: &'a Retention,
    now: Timestamp,
    /// The entity at hand, with what rules go by.
    entity: Option<(EntityNumber, Tenant, Vec<Name>)>,
    retained: Retained,
}

impl Pass<'_> {
    fn kept(
        &mut self,
        number: EntityNumber,
        series: &SeriesKey,
    ) -> Result<Option<Kept>, StoreError> {
        if self.entity.as_ref().is_none_or(|(known, ..)| *known != number) {
            // One that has been told something since the last merge waits for the next pass.
            let is_settled = self.shared.tables.fragments(number)?.is_empty();
            let owner = if is_settled { self.shared.owner(number)? } else { None };
            self.entity = owner.map(|(tenant, types)| (number, tenant, types));
        }
        let (Some((_, tenant, types)), Some(name)) =
            (&self.entity, self.shared.names.name(series.attribute()))
        else {
            return Ok(None);
        };
        // The scope of today may have been given long ago.
        if name.as_str() == SCOPE {
            return Ok(None);
        }
        Ok(Some(self.retention.of(tenant, types, &name)))
    }

    fn series(&mut self, number: EntityNumber, series: &SeriesKey) -> Result<(), StoreError> {
        let Some(kept) = self.kept(number, series)? else { return Ok(()) };
        if let Some(raw) = kept.raw {
            let before = days_ago(self.now, raw);
            self.readings(number, series, before, &kept)?;
        }
        for (level, age) in [(Level::Hourly, kept.hourly), (Level::Daily, kept.daily)] {
            if let Some(age) = age {
                let before = days_ago(self.now, age);
                let keys = rollup::blocks_before(self.shared, number, series, level, before)?;
                if !keys.is_empty() {
                    let gone = keys.into_iter().map(|key| (Table::Rollups, key, None));
                    self.shared.tables.write(gone).map_err(unreadable)?;
                }
            }
        }
        Ok(())
    }

    /// Removes readings of the series that are too short for chunks.
    fn short_series(&mut self, number: EntityNumber, text: &Arc<str>) -> Result<(), StoreError> {
        let mut short = Fragments::default();
        let added = short.add(text, &self.shared.names, &Wanted::All, Span::ALL);
        added.map_err(|bad| bad_record(&bad))?;
        let all: Vec<SeriesKey> = short.series().cloned().collect();
        let mut left = Entries::default();
        let mut writes: Vec<Write> = Vec::new();
        let mut removed = 0;
        for series in all {
            let kept = self.kept(number, &series)?.unwrap_or_default();
            let before = kept.raw.map_or(i64::MIN, |age| days_ago(self.now, age));
            let rows = short.take_rows(&series).into_iter().filter_map(|(_, row)| row);
            let (old, young): (Vec<Row>, Vec<Row>) = rows.partition(|row| row.at < before);
            young.iter().for_each(|row| left.row(&series, row));
            removed += old.len() as u64;
            writes.extend(self.roll_ups(number, &series, &old, &kept)?);
        }
        if removed == 0 {
            return Ok(());
        }
        self.retained.readings += removed;
        let text = left.as_str();
        let text = (!text.is_empty()).then(|| text.as_bytes().to_vec());
        writes.push((Table::Chunks, number.0.to_be_bytes().to_vec(), text));
        self.shared.tables.write(writes).map_err(unreadable)
    }

    /// Removes the readings of a series from before a moment, chunk by chunk.
    fn readings(
        &mut self,
        number: EntityNumber,
        series: &SeriesKey,
        before: i64,
        kept: &Kept,
    ) -> Result<(), StoreError> {
        loop {
            let (from, to) = (series.prefix(number), series.chunk(number, before));
            let mut old: Vec<Row> = Vec::new();
            let mut writes: Vec<Write> = Vec::new();
            let chunks = self.shared.tables.on_disk(Table::Chunks, &from, &to);
            for entry in chunks.take(CHUNKS_AT_A_TIME) {
                let (key, bytes) = entry.map_err(unreadable)?;
                let chunk = Chunk::open(&bytes).map_err(|bad| damaged(&bad))?;
                let mut rows = chunk.rows(Span::ALL).map_err(|bad| damaged(&bad))?;
                let left = rows.split_off(rows.partition_point(|row| row.at < before));
                writes.push((Table::Chunks, key.to_vec(), None));
                if let Some(first) = left.first() {
                    let key = series.chunk(number, first.at);
                    writes.push((Table::Chunks, key, Some(chunk::encode(&left))));
                }
                self.retained.readings += rows.len() as u64;
                old.append(&mut rows);
            }
            if writes.is_empty() {
                return Ok(());
            }
            // With the removal, so that no reading counts twice.
            writes.extend(self.roll_ups(number, series, &old, kept)?);
            self.shared.tables.write(writes).map_err(unreadable)?;
        }
    }

    /// What is to be written for readings that go.
    fn roll_ups(
        &mut self,
        number: EntityNumber,
        series: &SeriesKey,
        old: &[Row],
        kept: &Kept,
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        if series.axis() == Axis::Recorded {
            return Ok(writes);
        }
        for (level, age) in [(Level::Daily, kept.daily), (Level::Hourly, kept.hourly)] {
            if age.is_none() {
                continue;
            }
            let mut periods: Vec<Period> = Vec::new();
            let mut revival = Revival::new(&self.shared.names, None, true);
            for row in old {
                if let Some(number) = number_of(row, &mut revival)? {
                    rollup::add(&mut periods, level, row.at, number);
                }
            }
            self.retained.periods += periods.len() as u64;
            let blocks = rollup::written(self.shared, number, series, level, &periods)?;
            let blocks = blocks.into_iter();
            writes.extend(blocks.map(|(key, value)| (Table::Rollups, key, Some(value))));
        }
        Ok(writes)
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
    let moment = now.0.saturating_sub(age);
    moment.saturating_sub(moment.rem_euclid(DAY))
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
