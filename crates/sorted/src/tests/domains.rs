//! Keys that are destroyed.

use std::sync::Arc;

use super::*;

/// Domain 2 of the keys that begin with a to f: b (98) and f (102).
const LOST: u32 = 2;

fn filled(directory: &Path, cipher: &Arc<Xor>) -> (Engine, Model) {
    let engine = open_with(directory, cipher).unwrap();
    let mut model = Model::new();
    for seed in 0..7 {
        let entries = entries(seed, 120, 40);
        apply(&mut model, &entries);
        engine.commit([(WORDS, entries.clone()), (ROWS, entries)]).unwrap();
    }
    (engine, model)
}

fn without_lost(model: &Model) -> Model {
    let mut left = model.clone();
    left.retain(|key, _| domain(key) != LOST);
    assert!(left.len() < model.len() && !left.is_empty());
    left
}

fn check_lost(engine: &Engine, model: &Model) {
    let left = without_lost(model);
    for table in [WORDS, ROWS] {
        check(&engine.snapshot(), table, &left);
        for key in model.keys().filter(|key| domain(key) == LOST) {
            assert_eq!(engine.get(table, key).unwrap(), None);
            // From there on, what is left follows.
            let found = engine.snapshot().range_from(table, key).next();
            let found = found.map(|entry| entry.unwrap().0.to_vec());
            assert_eq!(found, left.range(key.clone()..).next().map(|(key, _)| key.clone()));
            let before = engine.snapshot().range(table, b"", key).next_back();
            let before = before.map(|entry| entry.unwrap().0.to_vec());
            assert_eq!(before, left.range(..key.clone()).next_back().map(|(key, _)| key.clone()));
        }
    }
}

#[test]
fn a_destroyed_domain_is_absent_and_then_gone() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let (engine, model) = filled(directory.path(), &cipher);
    check(&engine.snapshot(), WORDS, &model);
    assert!(holds(&bytes_on_disk(directory.path()), &Xor::mark(LOST)));
    let snapshot = engine.snapshot();
    cipher.destroy(LOST);
    check_lost(&engine, &model);
    engine.forget(LOST);
    engine.wait_for_merging().unwrap();
    check_lost(&engine, &model);
    for table in [WORDS, ROWS] {
        check(&snapshot, table, &without_lost(&model));
    }
    assert!(holds(&bytes_on_disk(directory.path()), &Xor::mark(LOST)), "a snapshot needs them");
    drop(snapshot);
    let bytes = bytes_on_disk(directory.path());
    assert!(!holds(&bytes, &Xor::mark(LOST)));
    assert!(holds(&bytes, &Xor::mark(3)));
    assert_eq!(engine.damage(), []);
}

#[test]
fn what_was_destroyed_while_nobody_looked_goes_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let (engine, model) = filled(directory.path(), &cipher);
    drop(engine);
    cipher.destroy(LOST);
    let engine = open_with(directory.path(), &cipher).unwrap();
    check_lost(&engine, &model);
    engine.wait_for_merging().unwrap();
    check_lost(&engine, &model);
    assert!(!holds(&bytes_on_disk(directory.path()), &Xor::mark(LOST)));
    // What is destroyed takes nothing in.
    let refused = engine.commit([(WORDS, vec![(b"b".to_vec(), Some(Vec::new()))])]);
    assert!(matches!(refused, Err(Error::Cipher { .. })));
    check_lost(&engine, &model);
}

#[test]
fn a_file_of_nothing_else_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    engine.commit([(WORDS, vec![(b"b".to_vec(), Some(b"1".to_vec()))])]).unwrap();
    engine.commit([(ROWS, vec![(b"b".to_vec(), Some(b"1".to_vec()))])]).unwrap();
    let rewritten = cipher.sealed.load(Ordering::Relaxed);
    engine.rewrite(LOST);
    engine.wait_for_merging().unwrap();
    assert!(rewritten < cipher.sealed.load(Ordering::Relaxed), "sealed anew when asked");
    assert_eq!(engine.get(WORDS, b"b").unwrap().as_deref(), Some(&b"1"[..]));
    cipher.destroy(LOST);
    engine.forget(LOST);
    engine.wait_for_merging().unwrap();
    assert!(bytes_on_disk(directory.path()).is_empty());
    drop(engine);
    let engine = open_with(directory.path(), &cipher).unwrap();
    assert_eq!(all(engine.snapshot().range_from(WORDS, b"")), []);
}

#[test]
fn neither_keys_nor_values_stand_in_files() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    let key = b"a key that tells a lot".to_vec();
    engine.commit([(WORDS, vec![(key, Some(b"a value that tells more".to_vec()))])]).unwrap();
    let bytes = bytes_on_disk(directory.path());
    assert!(!holds(&bytes, b"tells a lot") && !holds(&bytes, b"tells more"));
    let manifest = std::fs::read(directory.path().join("MANIFEST")).unwrap();
    assert!(!holds(&manifest, b"tells a lot"));
}
