//! Chunks: readings of one series in time order, column by column, with their summary.

use model::{Kind, Text};
use query::NumberSummary;
use rustc_hash::{FxHashMap, FxHashSet};

use super::column;
use super::decimal::Decimal;
use super::row::{Row, Said};
use super::series::Span;
use crate::bytes::{Malformed, Reader, put_signed, put_text, put_varint};
use crate::codec::may_expire;

/// Readings in one chunk, at most.
const CHUNK_ROWS_MAX: usize = 2_048;
/// A chunk with fewer readings than this is filled up before another is begun,
const CHUNK_ROWS_FULL: usize = 1_024;
/// or one with fewer bytes.
const CHUNK_BYTES_FULL: usize = 128 * 1024;
/// What readings of one chunk say beside numbers, in bytes, at most; but one reading fits always.
const CHUNK_TEXT_BYTES_MAX: usize = 256 * 1024;

const VERSION: u8 = 1;
const ALL_NUMBERS: u8 = 1;
const COMMON_SCALE: u8 = 2;

const NUMBER: u8 = 0;
const WHOLE: u8 = 1;
const DELETED: u8 = 2;

/// What a chunk says of its readings before they are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    pub count: usize,
    pub first: i64,
    pub last: i64,
    /// The first and the last moment at which any of them was recorded.
    pub modified: (i64, i64),
    /// Where all of them are plain numbers that do not expire.
    pub numbers: Option<NumberSummary>,
}

/// A chunk, its overview read.
#[derive(Debug)]
pub struct Chunk<'a> {
    pub overview: Overview,
    common_scale: Option<u8>,
    reader: Reader<'a>,
    bytes: usize,
}

/// Cuts rows, which stand in time order, into parts for chunks: of about equal size, or where what
/// they say takes much room, smaller.
pub fn parts(rows: &[Row]) -> Vec<&[Row]> {
    let count = if rows.len() <= CHUNK_ROWS_MAX { 1 } else { rows.len().div_ceil(CHUNK_ROWS_FULL) };
    let longest = rows.len().div_ceil(count);
    let mut parts = Vec::with_capacity(count);
    let (mut start, mut bytes) = (0, 0);
    let mut templates: FxHashSet<(u8, &str)> = FxHashSet::default();
    for (at, row) in rows.iter().enumerate() {
        let template = template_of(row);
        let mut new = if templates.contains(&template) { 0 } else { template.1.len() };
        let is_too_much = at > start && new > 0 && bytes + new > CHUNK_TEXT_BYTES_MAX;
        if at - start == longest || is_too_much {
            parts.push(&rows[start..at]);
            (start, bytes, new) = (at, 0, template.1.len());
            templates.clear();
        }
        templates.insert(template);
        bytes += new;
    }
    if start < rows.len() {
        parts.push(&rows[start..]);
    }
    parts
}

/// Writes rows, which stand in time order, no two at one moment; at least one.
pub fn encode(rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows.len() * 3 + 128);
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return out };
    let modified = |row: &Row| row.modified_at;
    let earliest = rows.iter().map(modified).min().unwrap_or_default();
    let latest = rows.iter().map(modified).max().unwrap_or_default();
    out.push(VERSION);
    put_varint(&mut out, rows.len() as u64);
    put_signed(&mut out, first.at);
    put_varint(&mut out, last.at.wrapping_sub(first.at) as u64);
    put_signed(&mut out, earliest);
    put_varint(&mut out, latest.wrapping_sub(earliest) as u64);
    let decimals: Vec<Decimal> = rows.iter().filter_map(Row::number).collect();
    // What may expire must be looked at one by one.
    let lasting = |row: &Row| matches!(&row.said, Said::Number(t, _) if !may_expire(t.as_str()));
    let all_numbers = rows.iter().all(lasting);
    let common = common_scale(&decimals);
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(flag(all_numbers, ALL_NUMBERS) | flag(common.is_some(), COMMON_SCALE));
    if all_numbers {
        let summary = summary_of(&decimals);
        for part in [summary.min, summary.max, summary.sum, summary.sum_of_squares] {
            out.extend_from_slice(&part.to_le_bytes());
        }
    }
    out.extend(common.as_ref().map(|(scale, _)| *scale));
    let templates = put_templates(&mut out, rows);
    put_columns(&mut out, rows, templates, &decimals, common.map(|(_, digits)| digits));
    out
}

fn summary_of(decimals: &[Decimal]) -> NumberSummary {
    let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut all = NumberSummary { count: 0, min, max, sum: 0.0, sum_of_squares: 0.0 };
    for value in decimals.iter().map(|decimal| decimal.value()) {
        all.count += 1;
        (all.min, all.max) = (all.min.min(value), all.max.max(value));
        all.sum += value;
        all.sum_of_squares += value * value;
    }
    all
}

/// Digits of all numbers as if they had the scale of the finest: those compress best.
fn common_scale(decimals: &[Decimal]) -> Option<(u8, Vec<i64>)> {
    let scale = decimals.iter().map(|decimal| decimal.scale).max()?;
    let raised = |decimal: &Decimal| {
        let factor = 10_i64.checked_pow(u32::from(scale - decimal.scale))?;
        decimal.digits.checked_mul(factor)
    };
    Some((scale, decimals.iter().map(raised).collect::<Option<_>>()?))
}

fn put_templates(out: &mut Vec<u8>, rows: &[Row]) -> Vec<i64> {
    let mut known: FxHashMap<(u8, &str), i64> = FxHashMap::default();
    let mut templates: Vec<(u8, &str)> = Vec::new();
    let index = |row| {
        let template = template_of(row);
        *known.entry(template).or_insert_with(|| {
            templates.push(template);
            templates.len() as i64 - 1
        })
    };
    let indexes = rows.iter().map(index).collect();
    put_varint(out, templates.len() as u64);
    for (tag, text) in templates {
        out.push(tag);
        put_text(out, text);
    }
    indexes
}

fn template_of(row: &Row) -> (u8, &str) {
    match &row.said {
        Said::Number(template, _) => (NUMBER, template.as_str()),
        Said::Whole(record) => (WHOLE, record.as_str()),
        Said::Deleted(kind) => (DELETED, kind.term()),
    }
}

fn put_columns(
    out: &mut Vec<u8>,
    rows: &[Row],
    templates: Vec<i64>,
    decimals: &[Decimal],
    raised: Option<Vec<i64>>,
) {
    let each = |part: fn(&Row) -> i64| rows.iter().map(part).collect::<Vec<_>>();
    column::put(out, &each(|row| row.at));
    column::put(out, &templates);
    let digits = raised.unwrap_or_else(|| decimals.iter().map(|d| d.digits).collect());
    column::put(out, &digits);
    column::put(out, &decimals.iter().map(|d| d.scale.into()).collect::<Vec<_>>());
    column::put(out, &each(|row| row.digits.into()));
    column::put(out, &each(|row| row.modified_at));
    column::put(out, &each(|row| row.created_at.wrapping_sub(row.modified_at)));
}

impl<'a> Chunk<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Chunk<'a>, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return Err(reader.malformed("no such version of a chunk"));
        }
        let count = reader.varint()? as usize;
        if count == 0 || count > CHUNK_ROWS_MAX {
            return Err(reader.malformed("a chunk does not hold so many readings"));
        }
        let first = reader.signed()?;
        let last = first.wrapping_add(reader.varint()? as i64);
        let earliest = reader.signed()?;
        let modified = (earliest, earliest.wrapping_add(reader.varint()? as i64));
        let flags = reader.byte()?;
        let mut float = || -> Result<f64, Malformed> {
            let bytes = reader.take(8)?.first_chunk().copied().unwrap_or_default();
            Ok(f64::from_le_bytes(bytes))
        };
        let numbers = if flags & ALL_NUMBERS != 0 {
            let (min, max, sum, sum_of_squares) = (float()?, float()?, float()?, float()?);
            Some(NumberSummary { count: count as u64, min, max, sum, sum_of_squares })
        } else {
            None
        };
        let common_scale = if flags & COMMON_SCALE != 0 { Some(reader.byte()?) } else { None };
        let overview = Overview { count, first, last, modified, numbers };
        Ok(Chunk { overview, common_scale, reader, bytes: bytes.len() })
    }

    /// Is it large enough that later readings begin another?
    pub fn is_full(&self) -> bool {
        self.overview.count >= CHUNK_ROWS_FULL || self.bytes >= CHUNK_BYTES_FULL
    }

    /// The rows within a span.
    pub fn rows(mut self, span: Span) -> Result<Vec<Row>, Malformed> {
        let count = self.overview.count;
        let templates = self.templates()?;
        let reader = &mut self.reader;
        let times = column::read(reader, count)?;
        let indexes = column::read(reader, count)?;
        let numbers = numbers_among(&indexes, &templates, reader)?;
        let digits = column::read(reader, numbers)?;
        let scales = column::read(reader, numbers)?;
        let fractions = column::read(reader, count)?;
        let modified = column::read(reader, count)?;
        let created = column::read(reader, count)?;
        let mut decimals = digits.iter().zip(&scales);
        let mut rows = Vec::new();
        for (place, at) in times.into_iter().enumerate() {
            let template = &templates[indexes[place] as usize];
            let said = match template {
                Said::Number(text, _) => {
                    let (digits, scale) = decimals.next().unwrap_or((&0, &0));
                    Said::Number(text.clone(), lowered(*digits, *scale as u8, self.common_scale))
                }
                other => other.clone(),
            };
            if span.contains(at) {
                let modified_at = modified[place];
                let created_at = modified_at.wrapping_add(created[place]);
                rows.push(Row {
                    at,
                    digits: fractions[place] as u8,
                    created_at,
                    modified_at,
                    said,
                });
            }
        }
        Ok(rows)
    }

    /// Moments and values, where all readings are plain numbers: all that most computations need.
    pub fn numbers(mut self) -> Result<(Vec<i64>, Vec<f64>), Malformed> {
        let count = self.overview.count;
        self.templates()?;
        let reader = &mut self.reader;
        let times = column::read(reader, count)?;
        column::skip(reader, count)?;
        let digits = column::read(reader, count)?;
        let values = match self.common_scale {
            Some(scale) => {
                digits.into_iter().map(|d| Decimal { digits: d, scale }.value()).collect()
            }
            None => {
                let scales = column::read(reader, count)?;
                let decimals = digits.into_iter().zip(scales);
                decimals.map(|(digits, s)| Decimal { digits, scale: s as u8 }.value()).collect()
            }
        };
        Ok((times, values))
    }

    fn templates(&mut self) -> Result<Vec<Said>, Malformed> {
        let reader = &mut self.reader;
        let count = reader.count()?;
        let mut templates = Vec::with_capacity(count);
        for _ in 0..count {
            let tag = reader.byte()?;
            let text = reader.text()?;
            templates.push(match tag {
                NUMBER => Said::Number(Text::from(text), Decimal { digits: 0, scale: 0 }),
                WHOLE => Said::Whole(Text::from(text)),
                DELETED => {
                    let kind = Kind::from_term(text);
                    Said::Deleted(kind.ok_or_else(|| reader.malformed("no such attribute kind"))?)
                }
                _ => return Err(reader.malformed("no such form of a reading")),
            });
        }
        Ok(templates)
    }
}

/// How many of the rows are plain numbers; every row has a template.
fn numbers_among(
    indexes: &[i64],
    templates: &[Said],
    reader: &Reader<'_>,
) -> Result<usize, Malformed> {
    let mut numbers = 0;
    for index in indexes {
        match usize::try_from(*index).ok().and_then(|index| templates.get(index)) {
            Some(Said::Number(..)) => numbers += 1,
            Some(_) => {}
            None => return Err(reader.malformed("a reading has no template")),
        }
    }
    Ok(numbers)
}

/// The number as it was written, from one at a common scale.
fn lowered(digits: i64, scale: u8, common: Option<u8>) -> Decimal {
    let factor = common.and_then(|common| common.checked_sub(scale));
    let factor = factor.and_then(|places| 10_i64.checked_pow(places.into())).unwrap_or(1);
    Decimal { digits: digits / factor, scale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(at: i64, said: Said) -> Row {
        Row { at, digits: 3, created_at: at + 5, modified_at: at + 9, said }
    }

    fn number(text: &str) -> Said {
        Said::Number("\u{0}\u{0}".into(), Decimal::parse(text).unwrap())
    }

    fn there_and_back(rows: &[Row]) {
        let bytes = encode(rows);
        let overview = Chunk::open(&bytes).unwrap().overview;
        assert_eq!((overview.count, overview.first), (rows.len(), rows[0].at));
        assert_eq!(Chunk::open(&bytes).unwrap().rows(Span::ALL).unwrap(), rows);
        if overview.numbers.is_some() {
            let (times, values) = Chunk::open(&bytes).unwrap().numbers().unwrap();
            assert!(times.into_iter().eq(rows.iter().map(|row| row.at)));
            assert!(values.into_iter().eq(rows.iter().map(|row| row.number().unwrap().value())));
        }
    }

    #[test]
    fn numbers_keep_their_letters() {
        let texts = ["21.5", "21", "21.50", "-3.125", "0", "100000000000000000"];
        let rows: Vec<_> = (0..).zip(texts).map(|(at, text)| row(at, number(text))).collect();
        there_and_back(&rows);
        there_and_back(&rows[..5]);
    }

    #[test]
    fn what_is_no_number_stands_among_numbers() {
        there_and_back(&[
            row(-4, Said::Deleted(Kind::Relationship)),
            row(2, number("7")),
            row(3, Said::Whole("\u{1}text ä".into())),
            row(9, number("8.5")),
        ]);
    }

    #[test]
    fn a_temperature_takes_three_bytes_and_a_regular_meter_two() {
        let mut chance = 12_345_u64;
        let mut next = move |below: u64| {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (chance >> 33) % below
        };
        let said = |digits| Said::Number("\u{0}\u{0}".into(), Decimal { digits, scale: 1 });
        let mut level = 200_i64;
        let plain = |at: i64, said| Row { at, digits: 3, created_at: 5, modified_at: 5, said };
        let temperatures: Vec<Row> = (0..CHUNK_ROWS_FULL as i64)
            .map(|place| {
                level += next(5) as i64 - 2;
                let jitter = next(2_000) as i64 * 1_000;
                plain(1_700_000_000_000_000 + place * 300_000_000 + jitter, said(level))
            })
            .collect();
        let mut counter = 1_000_000_i64;
        let meters: Vec<Row> = (0..CHUNK_ROWS_FULL as i64)
            .map(|place| {
                counter += 20 + next(60) as i64;
                plain(1_700_000_000_000_000 + place * 900_000_000, said(counter))
            })
            .collect();
        let bytes_per_row = |rows: &[Row]| encode(rows).len() as f64 / rows.len() as f64;
        assert!(bytes_per_row(&temperatures) < 3.0, "{}", bytes_per_row(&temperatures));
        assert!(bytes_per_row(&meters) < 2.0, "{}", bytes_per_row(&meters));
        there_and_back(&temperatures);
        there_and_back(&meters);
    }

    #[test]
    fn chunks_are_bounded_by_what_their_readings_say() {
        let text = |at: i64| Said::Whole(format!("{at:0>10000}").as_str().into());
        let rows: Vec<Row> = (0..1_000).map(|at| row(at, text(at))).collect();
        let cut = parts(&rows);
        assert_eq!(cut.iter().map(|part| part.len()).sum::<usize>(), rows.len());
        assert!(
            cut.iter().all(|part| part.len() <= CHUNK_TEXT_BYTES_MAX / 10_000),
            "{}",
            cut.len()
        );
        // What they have in common takes room once.
        let alike: Vec<Row> = (0..1_000).map(|at| row(at, text(1))).collect();
        assert_eq!(parts(&alike).len(), 1);
        let large = Said::Whole("x".repeat(2 * CHUNK_TEXT_BYTES_MAX).as_str().into());
        let large: Vec<Row> = (0..2).map(|at| Row { at, ..row(at, large.clone()) }).collect();
        assert_eq!(parts(&large).len(), 1, "one text, however long");
        assert!(parts(&[]).is_empty());
    }

    fn any_said() -> impl Strategy<Value = Said> {
        prop_oneof![
            (-1_000_000_000_000_000_i64..1_000_000_000_000_000, 0_u8..=14).prop_map(
                |(digits, scale)| Said::Number("\u{0}\u{0}".into(), Decimal { digits, scale })
            ),
            "[a-c]{0,2}".prop_map(|text| Said::Whole(text.as_str().into())),
            Just(Said::Deleted(Kind::GeoProperty)),
        ]
    }

    proptest! {
        #[test]
        fn every_chunk_reads_back(parts in proptest::collection::btree_map(any::<i32>(), any_said(), 1..200)) {
            let rows: Vec<Row> = parts.into_iter().map(|(at, said)| row(at.into(), said)).collect();
            there_and_back(&rows);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(chunk) = Chunk::open(&bytes) { let _ = chunk.rows(Span::ALL); }
            if let Ok(chunk) = Chunk::open(&bytes) { let _ = chunk.numbers(); }
        }
    }
}
