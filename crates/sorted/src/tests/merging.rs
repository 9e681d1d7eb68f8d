//! Merging that cannot go on with one file, and goes on with others.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::*;

/// What waits for ever is a failure.
fn within<T: Send + 'static>(seconds: u64, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = sync_channel(1);
    std::thread::spawn(move || done.send(work()));
    wait.recv_timeout(Duration::from_secs(seconds)).unwrap()
}

/// Makes one file unreadable, and shows that the other table is merged nevertheless.
fn goes_around(lose: impl Fn(&Path, &Xor), is_reopened: bool) {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let mut engine = open_with(directory.path(), &cipher).unwrap();
    engine.commit([(WORDS, entries(1, 10, 1)), (ROWS, entries(1, 10, 1))]).unwrap();
    lose(directory.path(), &cipher);
    if is_reopened {
        drop(engine);
        engine = open_with(directory.path(), &cipher).unwrap();
    } else {
        engine.inner().shared.close_files();
    }
    let mut model = Model::new();
    apply(&mut model, &entries(1, 10, 1));
    for seed in 2..20 {
        let entries = entries(seed, 20, 10);
        apply(&mut model, &entries);
        engine.commit([(WORDS, entries.clone()), (ROWS, entries)]).unwrap();
    }
    engine.wait_for_merging().unwrap();
    let damaged: Vec<_> = engine.damage().into_iter().map(|damage| damage.file).collect();
    assert_eq!(damaged, ["0000000000000001.run"]);
    check(&engine.snapshot(), ROWS, &model);
    for table in [WORDS, ROWS] {
        assert!(engine.shape(table).unwrap().runs <= 9);
    }
}

fn path(directory: &Path) -> std::path::PathBuf {
    directory.join("0000000000000001.run")
}

#[test]
fn an_unreadable_sector_stops_nothing_else() {
    for is_reopened in [false, true] {
        // The first page of a process is never mapped: to read it gives EIO.
        let lose = |directory: &Path, _: &Xor| {
            std::fs::remove_file(path(directory)).unwrap();
            std::os::unix::fs::symlink("/proc/self/mem", path(directory)).unwrap();
        };
        goes_around(lose, is_reopened);
    }
}

#[test]
fn a_file_that_goes_missing_stops_nothing_else() {
    for is_reopened in [false, true] {
        let lose = |directory: &Path, _: &Xor| std::fs::remove_file(path(directory)).unwrap();
        goes_around(lose, is_reopened);
    }
}

#[test]
fn a_file_that_its_cipher_does_not_open_stops_nothing_else() {
    for is_reopened in [false, true] {
        let lose = |_: &Path, cipher: &Xor| {
            cipher.refused.lock().unwrap().insert(1);
        };
        goes_around(lose, is_reopened);
    }
}

#[test]
fn a_merge_that_panics_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open_with(directory.path(), &Arc::default()).unwrap();
    engine.wait_for_merging().unwrap();
    *engine.inner().hook.0.lock().unwrap() = Some(Box::new(|_| {
        let thread = std::thread::current();
        assert_ne!(thread.name(), Some("sorted-merge"), "on purpose");
    }));
    for seed in 0..6 {
        engine.commit([(WORDS, entries(seed, 20, 10))]).unwrap();
    }
    let failure = within(20, move || engine.wait_for_merging()).unwrap_err();
    assert!(failure.contains("panicked"), "{failure}");
}

#[test]
fn nobody_waits_for_merging_that_fails() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open_with(directory.path(), &Arc::default()).unwrap();
    engine.wait_for_merging().unwrap();
    *engine.inner().hook.0.lock().unwrap() = Some(Box::new(|_| {
        assert_ne!(std::thread::current().name(), Some("sorted-merge"), "on purpose");
    }));
    within(25, move || {
        for seed in 0..24 {
            engine.commit([(WORDS, entries(seed, 3, 1)), (ROWS, entries(seed, 3, 1))]).unwrap();
        }
    });
}

#[test]
fn the_top_is_merged_before_what_is_stale() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open_with(directory.path(), &Arc::default()).unwrap();
    let inner = engine.inner();
    let mut table = crate::version::TableVersion::default();
    for _ in 0..crate::plan::TOP_RUNS {
        let mut writer = crate::writer::RunWriter::new(&inner.shared, 0, &inner.ids, 1_000);
        writer.push(b"b", Some(b"1")).unwrap();
        table = table.with_run(writer.finish().unwrap());
    }
    table.files().for_each(|file| file.note_stale(2));
    let merge = crate::plan::next(&table, SMALL).unwrap();
    assert_eq!(merge.output, crate::plan::Output::Level(1));
}

#[test]
fn an_ingestion_holds_the_lock_and_is_refused_once_its_engine_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    let mut ingestion = engine.ingest(WORDS).unwrap();
    ingestion.write(b"a", b"1").unwrap();
    drop(engine);
    assert!(matches!(open_with(directory.path(), &cipher), Err(Error::InUse(_))));
    assert!(matches!(ingestion.finish(), Err(Error::Closed)));
    let engine = open_with(directory.path(), &cipher).unwrap();
    assert_eq!(engine.get(WORDS, b"a").unwrap(), None);
}
