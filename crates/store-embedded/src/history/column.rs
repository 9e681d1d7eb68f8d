//! Columns of numbers, each in the form that suits it.

use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress_into};

use crate::bytes::{Malformed, Reader, put_signed, put_varint};

/// All are the same.
const CONSTANT: u8 = 0;
/// Each is as far from the one before.
const REGULAR: u8 = 1;
/// The distances between them, one by one: the shortest for a few.
const DISTANCES: u8 = 2;
/// Compressed by `pco`.
const COMPRESSED: u8 = 3;

/// Fewer than this are not worth the header of a compressed column.
const COMPRESSED_FROM: usize = 24;

pub fn put(out: &mut Vec<u8>, numbers: &[i64]) {
    let first = numbers.first().copied().unwrap_or_default();
    let step = numbers.get(1).map_or(0, |second| second.wrapping_sub(first));
    let regular = numbers.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step);
    if regular && step == 0 {
        out.push(CONSTANT);
        put_signed(out, first);
    } else if regular {
        out.push(REGULAR);
        put_signed(out, first);
        put_signed(out, step);
    } else if let Some(compressed) = compress(numbers) {
        out.push(COMPRESSED);
        put_varint(out, compressed.len() as u64);
        out.extend_from_slice(&compressed);
    } else {
        out.push(DISTANCES);
        let mut last = 0_i64;
        for number in numbers {
            put_signed(out, number.wrapping_sub(last));
            last = *number;
        }
    }
}

fn compress(numbers: &[i64]) -> Option<Vec<u8>> {
    if numbers.len() < COMPRESSED_FROM {
        return None;
    }
    simple_compress(numbers, &ChunkConfig::default().with_compression_level(LEVEL)).ok()
}

/// Higher levels take longer and gain little on readings.
const LEVEL: usize = 6;

/// Reads a column of `count` numbers.
pub fn read(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, Malformed> {
    match reader.byte()? {
        CONSTANT => Ok(vec![reader.signed()?; count]),
        REGULAR => {
            let (first, step) = (reader.signed()?, reader.signed()?);
            Ok((0..count as i64).map(|at| first.wrapping_add(step.wrapping_mul(at))).collect())
        }
        DISTANCES => {
            let mut last = 0_i64;
            let mut next = || {
                last = last.wrapping_add(reader.signed()?);
                Ok(last)
            };
            (0..count).map(|_| next()).collect()
        }
        COMPRESSED => {
            let length = reader.count()?;
            let compressed = reader.take(length)?;
            let mut numbers = vec![0; count];
            let progress = simple_decompress_into(compressed, &mut numbers);
            let whole = progress.is_ok_and(|p| p.n_processed == count && p.finished);
            if whole { Ok(numbers) } else { Err(reader.malformed("a column is damaged")) }
        }
        _ => Err(reader.malformed("no such form of a column")),
    }
}

/// Steps over a column of `count` numbers.
pub fn skip(reader: &mut Reader<'_>, count: usize) -> Result<(), Malformed> {
    match reader.byte()? {
        CONSTANT => reader.signed().map(drop),
        REGULAR => reader.signed().and(reader.signed()).map(drop),
        DISTANCES => (0..count).try_for_each(|_| reader.signed().map(drop)),
        COMPRESSED => {
            let length = reader.count()?;
            reader.take(length).map(drop)
        }
        _ => Err(reader.malformed("no such form of a column")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(numbers: &[i64]) {
        let mut out = Vec::new();
        put(&mut out, numbers);
        let mut reader = Reader::new(&out);
        assert_eq!(read(&mut reader, numbers.len()).unwrap(), numbers);
        assert!(reader.is_at_end());
        let mut reader = Reader::new(&out);
        skip(&mut reader, numbers.len()).unwrap();
        assert!(reader.is_at_end());
    }

    #[test]
    fn regular_columns_take_next_to_nothing() {
        let times: Vec<i64> =
            (0..2_000).map(|at| 1_700_000_000_000_000 + at * 900_000_000).collect();
        there_and_back(&times);
        let mut out = Vec::new();
        put(&mut out, &times);
        assert!(out.len() < 16, "{}", out.len());
        there_and_back(&[7; 100]);
    }

    proptest! {
        #[test]
        fn every_column_reads_back(numbers in proptest::collection::vec(any::<i64>(), 0..100)) {
            there_and_back(&numbers);
        }

        #[test]
        fn near_columns_read_back(start: i32, steps in proptest::collection::vec(-50_i64..50, 0..300)) {
            let mut at = i64::from(start);
            let numbers: Vec<i64> = steps.iter().map(|step| { at += step; at }).collect();
            there_and_back(&numbers);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), count in 0_usize..300) {
            let _ = read(&mut Reader::new(&bytes), count);
            let _ = skip(&mut Reader::new(&bytes), count);
        }
    }
}
