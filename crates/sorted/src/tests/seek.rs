//! Places in a run that are sought, with domains gone and keys that stand twice.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::cursor::{Cursor, Direction};
use crate::file::Fetch;
use crate::shared::Shared;
use crate::version::Run;
use crate::writer::RunWriter;

const FIRSTS: std::ops::RangeInclusive<u8> = b'a'..=b'h';

/// One file of eight stretches, each key a domain of its own by its first byte.
fn options(file_bytes: u64, cipher: Arc<Xor>) -> Options {
    let mut tables = tables();
    tables.iter_mut().for_each(|table| table.domain = |key| u32::from(key[0]));
    let sizes = Sizes { file_bytes, ..Sizes::default() };
    Options { tables, block_cache_bytes: 1 << 20, cipher, sizes }
}

fn run(directory: &Path, cipher: &Arc<Xor>, entries: &Model) -> Arc<Run> {
    let options = options(8 << 20, cipher.clone());
    let shared = Shared::new(directory, options.tables, options.cipher, 1 << 20);
    let mut writer = RunWriter::new(&Arc::new(shared), 0, &Arc::default(), 8 << 20);
    for (key, value) in entries {
        writer.push(key, Some(value)).unwrap();
    }
    let run = Run::new(writer.finish().unwrap());
    assert_eq!(run.files.len(), 1);
    Arc::new(run)
}

fn model() -> Model {
    let keys = FIRSTS.flat_map(|first| (0..12_u8).map(move |nth| vec![first, nth * 2]));
    keys.map(|key| (key.clone(), [&*key, &[7; 150]].concat())).collect()
}

fn sought(run: &Arc<Run>, direction: Direction, key: &[u8]) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(run.clone(), direction, Fetch::Cached);
    cursor.seek(key).unwrap().then(|| cursor.key().to_vec())
}

#[test]
fn a_cursor_finds_its_place_whichever_domains_are_gone() {
    let whole = model();
    for gone in 0..1_u32 << 8 {
        let directory = tempfile::tempdir().unwrap();
        let cipher = Arc::new(Xor::default());
        let run = run(directory.path(), &cipher, &whole);
        let is_gone = |first: u8| gone & (1 << (first - b'a')) != 0;
        FIRSTS.filter(|first| is_gone(*first)).for_each(|first| cipher.destroy(first.into()));
        let left = whole.keys().filter(|key| !is_gone(key[0]));
        let left: BTreeSet<Vec<u8>> = left.cloned().collect();
        for key in whole.keys().step_by(3) {
            for near in [key.clone(), vec![key[0], key[1] + 1]] {
                let next = left.range(near.clone()..).next().cloned();
                assert_eq!(sought(&run, Direction::Ascending, &near), next, "{gone:b} {near:?}");
                let last = left.range(..near.clone()).next_back().cloned();
                assert_eq!(sought(&run, Direction::Descending, &near), last, "{gone:b} {near:?}");
            }
        }
    }
}

#[test]
fn ranges_keep_their_bounds_with_a_domain_gone_anywhere() {
    let whole = model();
    for gone in FIRSTS {
        let directory = tempfile::tempdir().unwrap();
        let cipher = Arc::new(Xor::default());
        let engine = Engine::open(directory.path(), options(8 << 20, cipher.clone())).unwrap();
        let entries = whole.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
        engine.commit([(WORDS, entries.collect())]).unwrap();
        engine.wait_for_merging().unwrap();
        let snapshot = engine.snapshot();
        cipher.destroy(gone.into());
        let left: Vec<_> = whole.keys().filter(|key| key[0] != gone).cloned().collect();
        for from in whole.keys() {
            for to in whole.keys().filter(|to| from < to).step_by(7) {
                let expected = left.iter().filter(|key| from <= key && *key < to);
                let expected: Vec<_> = expected.cloned().collect();
                let keys = |entries: Vec<(Vec<u8>, Vec<u8>)>| -> Vec<Vec<u8>> {
                    entries.into_iter().map(|(key, _)| key).collect()
                };
                assert_eq!(keys(all(snapshot.range(WORDS, from, to))), expected);
                let mut back = keys(all(snapshot.range(WORDS, from, to).rev()));
                back.reverse();
                assert_eq!(back, expected);
            }
        }
    }
}

#[test]
fn the_end_of_a_range_is_not_in_it_where_a_last_part_holds_only_that() {
    // Each value has a block of its own; 256 of them are a part.
    for count in [1_u32, 257, 513, 769, 1_025, 1_281] {
        let key = |nth: u32| [&b"k"[..], &nth.to_be_bytes()].concat();
        let entries: Model = (0..count).map(|nth| (key(nth), vec![7; 600])).collect();
        let directory = tempfile::tempdir().unwrap();
        let run = run(directory.path(), &Arc::default(), &entries);
        let last = sought(&run, Direction::Descending, &key(count - 1));
        assert_eq!(last, (count - 1).checked_sub(1).map(key), "of {count}");
        let after = sought(&run, Direction::Descending, &key(count));
        assert_eq!(after, Some(key(count - 1)), "of {count}");
    }
}
