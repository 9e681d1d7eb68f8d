//! What is refused, and what is held in bounds.

use std::sync::Arc;

use super::*;
use crate::shared::Shared;

fn shared(engine: &Engine) -> &Shared {
    &engine.inner().shared
}

#[test]
fn what_is_too_long_or_out_of_order_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open_with(directory.path(), &Arc::default()).unwrap();
    let mut ingestion = engine.ingest(WORDS).unwrap();
    let longest = vec![b'k'; KEY_BYTES_MAX];
    ingestion.write(&longest, b"1").unwrap();
    let longer = vec![b'k'; KEY_BYTES_MAX + 1];
    assert!(matches!(ingestion.write(&longer, b""), Err(Error::KeyTooLong { .. })));
    assert!(matches!(ingestion.write(&longest, b"2"), Err(Error::OutOfOrder(_))));
    assert!(matches!(ingestion.tombstone(b"a"), Err(Error::OutOfOrder(_))));
    let huge = vec![0; VALUE_BYTES_MAX + 1];
    assert!(matches!(ingestion.write(b"l", &huge), Err(Error::ValueTooLong { .. })));
    ingestion.write(b"l", &huge[..3_000_000]).unwrap();
    ingestion.finish().unwrap();
    assert_eq!(engine.get(WORDS, &longest).unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(engine.get(WORDS, b"l").unwrap().unwrap().len(), 3_000_000);
    assert_eq!(engine.get(WORDS, &longer).unwrap(), None);
    assert!(matches!(engine.get(TableId(2), b""), Err(Error::UnknownTable(2))));
    assert!(matches!(engine.ingest(TableId(2)), Err(Error::UnknownTable(2))));
}

#[test]
fn the_empty_key_is_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open_with(directory.path(), &Arc::default()).unwrap();
    let entries = vec![(Vec::new(), Some(b"1".to_vec())), (b"\0".to_vec(), Some(Vec::new()))];
    engine.commit([(ROWS, entries.clone())]).unwrap();
    let mut model = Model::new();
    apply(&mut model, &entries);
    check(&engine.snapshot(), ROWS, &model);
    assert!(engine.range(ROWS, b"b", b"a").next_back().is_none());
}

#[test]
fn memory_and_open_files_stay_in_bounds() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = Options {
        tables: tables(),
        block_cache_bytes: 50_000,
        cipher: Arc::new(Plain),
        sizes: Sizes { file_bytes: 100, level_bytes: 1 << 30, level_ratio: 10 },
    };
    options.tables[0].filter = true;
    let engine = Engine::open(directory.path(), options).unwrap();
    let mut ingestion = engine.ingest(WORDS).unwrap();
    for number in 0..3_000_u32 {
        ingestion.write(&number.to_be_bytes(), &[7; 200]).unwrap();
    }
    ingestion.finish().unwrap();
    assert!(OPEN_FILES_MAX < engine.shape(WORDS).unwrap().files);
    for number in 0..3_000_u32 {
        assert!(engine.get(WORDS, &number.to_be_bytes()).unwrap().is_some());
    }
    assert!(shared(&engine).cached_bytes() <= 50_000);
    assert!(shared(&engine).open_files() <= OPEN_FILES_MAX);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let open = |tables: Vec<TableOptions>| {
        let cipher = Arc::new(Plain);
        let options = Options { tables, block_cache_bytes: 1_000, cipher, sizes: Sizes::default() };
        Engine::open(directory.path(), options)
    };
    let [words, rows] = tables().try_into().unwrap();
    let twice = TableOptions { name: "words", ..rows };
    assert!(matches!(open(vec![words, twice]), Err(Error::Options { .. })));
    let tiny = TableOptions { block_bytes: 1, ..words };
    assert!(matches!(open(vec![tiny]), Err(Error::Options { .. })));
    let engine = open(vec![words, rows]).unwrap();
    engine.commit([(ROWS, vec![(b"a".to_vec(), Some(b"1".to_vec()))])]).unwrap();
    drop(engine);
    assert!(matches!(open(vec![words]), Err(Error::ForeignTable(name)) if name == "rows"));
    // Tables are told apart by their names.
    let engine = open(vec![rows, words]).unwrap();
    assert_eq!(engine.get(TableId(0), b"a").unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn another_cipher_is_not_taken_for_damage() {
    let directory = tempfile::tempdir().unwrap();
    drop(open_with(directory.path(), &Arc::default()).map(|engine| {
        engine.commit([(ROWS, vec![(b"a".to_vec(), None)])]).unwrap();
    }));
    let options = Options {
        tables: tables(),
        block_cache_bytes: 1_000,
        cipher: Arc::new(Plain),
        sizes: SMALL,
    };
    let opened = Engine::open(directory.path(), options);
    assert!(matches!(opened, Err(Error::Cipher { .. })), "{opened:?}");
}
