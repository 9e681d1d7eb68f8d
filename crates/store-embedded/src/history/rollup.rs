//! Roll-ups: what the numbers of each hour and each day came to, kept when the readings are not.

use query::NumberSummary;
use store::StoreError;

use super::read::damaged;
use super::series::{SeriesKey, Span};
use crate::bytes::{Malformed, Reader, put_signed, put_varint};
use crate::keys::EntityNumber;
use crate::shared::unreadable;
use crate::tables::{Table, View};

/// How long the periods of a roll-up are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Daily = 0,
    Hourly = 1,
}

impl Level {
    pub const ALL: [Level; 2] = [Level::Daily, Level::Hourly];

    pub fn micros(self) -> i64 {
        match self {
            Level::Daily => DAY,
            Level::Hourly => 3_600_000_000,
        }
    }
}

pub const DAY: i64 = 86_400_000_000;

/// The beginning of the day in which a moment lies.
pub fn day_of(at: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(DAY))
}

/// Periods that lie together under one key: about a month of hours.
const BLOCK: i64 = 32 * DAY;

/// The start of a period, and what its numbers came to.
pub type Period = (i64, NumberSummary);

/// The key of periods that lie together, and what stands under it.
pub type Block = (Vec<u8>, Vec<u8>);

/// Adds a number to the last period or begins another; moments ascend.
pub fn add(periods: &mut Vec<Period>, level: Level, at: i64, value: f64) {
    let start = at.saturating_sub(at.rem_euclid(level.micros()));
    let one = NumberSummary {
        count: 1,
        min: value,
        max: value,
        sum: value,
        sum_of_squares: value * value,
    };
    match periods.last_mut() {
        Some((last, summary)) if *last == start => *summary = joined(summary, &one),
        _ => periods.push((start, one)),
    }
}

fn joined(left: &NumberSummary, right: &NumberSummary) -> NumberSummary {
    NumberSummary {
        count: left.count + right.count,
        min: left.min.min(right.min),
        max: left.max.max(right.max),
        sum: left.sum + right.sum,
        sum_of_squares: left.sum_of_squares + right.sum_of_squares,
    }
}

fn prefix(number: EntityNumber, series: &SeriesKey, level: Level) -> Vec<u8> {
    [&series.prefix(number)[..], &[level as u8]].concat()
}

fn key(number: EntityNumber, series: &SeriesKey, level: Level, start: i64) -> Vec<u8> {
    let block = start.saturating_sub(start.rem_euclid(BLOCK));
    let ordered = (block as u64 ^ 1 << 63).to_be_bytes();
    [&prefix(number, series, level)[..], &ordered].concat()
}

/// What is to be written for periods that are new, added to those that are there.
pub fn written(
    on_disk: &View,
    number: EntityNumber,
    series: &SeriesKey,
    level: Level,
    periods: &[Period],
) -> Result<Vec<Block>, StoreError> {
    let mut blocks = Vec::new();
    for block in
        periods.chunk_by(|(left, _), (right, _)| left.div_euclid(BLOCK) == right.div_euclid(BLOCK))
    {
        let Some((start, _)) = block.first() else { continue };
        let key = key(number, series, level, *start);
        let after = [&key[..], &[0]].concat();
        let mut all = match on_disk.range(Table::Rollups, &key, &after).next() {
            Some(entry) => {
                let (_, value) = entry.map_err(unreadable)?;
                decode(&value).map_err(|bad| damaged(&bad))?
            }
            None => Vec::new(),
        };
        for (start, summary) in block {
            match all.binary_search_by_key(start, |(known, _)| *known) {
                Ok(at) => all[at].1 = joined(&all[at].1, summary),
                Err(at) => all.insert(at, (*start, *summary)),
            }
        }
        blocks.push((key, encode(&all)));
    }
    Ok(blocks)
}

/// The periods of a series that begin within a span.
pub fn periods(
    on_disk: &View,
    number: EntityNumber,
    series: &SeriesKey,
    level: Level,
    span: Span,
) -> Result<Vec<Period>, StoreError> {
    let prefix = prefix(number, series, level);
    let from =
        if span.from == i64::MIN { prefix.clone() } else { key(number, series, level, span.from) };
    let to = crate::tables::after_prefix(&prefix);
    let mut found = Vec::new();
    for entry in on_disk.range(Table::Rollups, &from, &to) {
        let (_, value) = entry.map_err(unreadable)?;
        let block = decode(&value).map_err(|bad| damaged(&bad))?;
        if block.first().is_some_and(|(start, _)| span.until != i64::MAX && *start >= span.until) {
            break;
        }
        found.extend(block.into_iter().filter(|(start, _)| span.contains(*start)));
    }
    Ok(found)
}

/// The keys of a series' blocks that end before a moment.
pub fn blocks_before(
    on_disk: &View,
    number: EntityNumber,
    series: &SeriesKey,
    level: Level,
    moment: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let from = prefix(number, series, level);
    let to = key(number, series, level, moment);
    let entries = on_disk.range(Table::Rollups, &from, &to);
    entries.map(|entry| Ok(entry.map_err(unreadable)?.0.to_vec())).collect()
}

/// Do the periods under a key read, and ascend?
pub fn check(key: &[u8], value: &[u8]) -> Result<(), String> {
    let bad = |malformed: Malformed| malformed.to_string();
    SeriesKey::of_roll_up(key).map_err(bad)?;
    decode(value).map(drop).map_err(bad)
}

const VERSION: u8 = 1;

fn encode(periods: &[Period]) -> Vec<u8> {
    let mut out = vec![VERSION];
    put_varint(&mut out, periods.len() as u64);
    let mut last = 0;
    for (start, summary) in periods {
        put_signed(&mut out, start - last);
        last = *start;
        put_varint(&mut out, summary.count);
        for part in [summary.min, summary.max, summary.sum, summary.sum_of_squares] {
            out.extend_from_slice(&part.to_le_bytes());
        }
    }
    out
}

fn decode(bytes: &[u8]) -> Result<Vec<Period>, Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != VERSION {
        return Err(reader.malformed("no such version of a roll-up"));
    }
    let count = reader.count()?;
    let mut periods = Vec::with_capacity(count);
    let mut start = 0_i64;
    for _ in 0..count {
        start = start.wrapping_add(reader.signed()?);
        let count = reader.varint()?;
        let mut float = || {
            let bytes = reader.take(8)?.first_chunk().copied().unwrap_or_default();
            Ok(f64::from_le_bytes(bytes))
        };
        let (min, max, sum, sum_of_squares) = (float()?, float()?, float()?, float()?);
        if periods.last().is_some_and(|(last, _)| *last >= start) {
            return Err(reader.malformed("periods do not stand in time order"));
        }
        periods.push((start, NumberSummary { count, min, max, sum, sum_of_squares }));
    }
    Ok(periods)
}
