//! A machine that stops in the middle of a commit.

use std::sync::{Arc, Mutex};

use super::*;

/// Copies the directory at every step of `work`, opens each copy, and looks at it.
fn at_every_step(before: &[Write], work: impl Fn(&Engine), look: impl Fn(&Engine, &str)) {
    let directory = tempfile::tempdir().unwrap();
    let copies = Arc::new(Mutex::new(Vec::new()));
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    engine.commit([(WORDS, before.to_vec()), (ROWS, before.to_vec())]).unwrap();
    engine.wait_for_merging().unwrap();
    let (noted, path) = (copies.clone(), directory.path().to_owned());
    *engine.inner().hook.0.lock().unwrap() = Some(Box::new(move |step| {
        let to = tempfile::tempdir().unwrap();
        copy(&path, to.path());
        noted.lock().unwrap().push((step.to_owned(), to));
    }));
    work(&engine);
    engine.wait_for_merging().unwrap();
    *engine.inner().hook.0.lock().unwrap() = None;
    let copies = copies.lock().unwrap();
    assert!(6 <= copies.len(), "{copies:?}");
    for (step, copy) in &*copies {
        let engine = open_with(copy.path(), &cipher).unwrap();
        assert_eq!(engine.damage(), [], "after {step}");
        look(&engine, step);
        engine.wait_for_merging().unwrap();
        look(&engine, step);
        let files: usize =
            [WORDS, ROWS].map(|table| engine.shape(table).unwrap().files).iter().sum();
        let left = std::fs::read_dir(copy.path()).unwrap();
        let left = left.filter(|it| it.as_ref().unwrap().path().extension().is_some());
        assert_eq!(left.count(), files, "after {step}: what was not finished is removed");
    }
}

#[test]
fn a_commit_is_whole_or_absent() {
    let (before, more) = (entries(1, 200, 30), entries(2, 200, 30));
    let mut old = Model::new();
    apply(&mut old, &before);
    let mut new = old.clone();
    apply(&mut new, &more);
    let (seen_old, seen_new) = (Mutex::new(0), Mutex::new(0));
    at_every_step(
        &before,
        |engine| engine.commit([(WORDS, more.clone()), (ROWS, more.clone())]).unwrap(),
        |engine, step| {
            let snapshot = engine.snapshot();
            let found: Model = all(snapshot.range_from(WORDS, b"")).into_iter().collect();
            let is_new = found == new;
            let expected = if is_new { &new } else { &old };
            for table in [WORDS, ROWS] {
                check(&snapshot, table, expected);
            }
            match step {
                "manifest renamed" | "visible" => assert!(is_new, "{step}"),
                _ => assert!(!is_new, "{step}"),
            }
            *if is_new { seen_new.lock() } else { seen_old.lock() }.unwrap() += 1;
        },
    );
    assert!(0 < *seen_old.lock().unwrap() && 0 < *seen_new.lock().unwrap());
}

#[test]
fn a_merge_changes_nothing_wherever_it_stops() {
    let before = entries(1, 200, 30);
    let mut model = Model::new();
    apply(&mut model, &before);
    at_every_step(
        &before,
        // The same again: whatever is on disk, the answer is the same.
        |engine| {
            for _ in 0..8 {
                engine.commit([(WORDS, before.clone())]).unwrap();
            }
        },
        |engine, _| {
            for table in [WORDS, ROWS] {
                check(&engine.snapshot(), table, &model);
            }
        },
    );
}

#[test]
fn what_was_not_finished_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    let mut ingestion = engine.ingest(WORDS).unwrap();
    for (key, _) in entries(1, 500, 0) {
        ingestion.write(&key, &[7; 100]).unwrap();
    }
    assert!(!bytes_on_disk(directory.path()).is_empty());
    drop(ingestion);
    assert!(bytes_on_disk(directory.path()).is_empty());
    assert_eq!(all(engine.snapshot().range_from(WORDS, b"")), []);
}

#[test]
fn a_directory_serves_one_engine() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    assert!(matches!(open_with(directory.path(), &cipher), Err(Error::InUse(_))));
    engine.commit([(WORDS, entries(1, 10, 1))]).unwrap();
    drop(engine);
    std::fs::remove_file(directory.path().join("MANIFEST")).unwrap();
    // Tables that nothing names are not taken for leftovers.
    assert!(matches!(open_with(directory.path(), &cipher), Err(Error::Damaged(_))));
    assert!(!bytes_on_disk(directory.path()).is_empty());
}
