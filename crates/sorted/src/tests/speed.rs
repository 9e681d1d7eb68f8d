//! What it costs: `cargo test --release -p sorted speed -- --ignored --nocapture`.

use std::hint::black_box;
use std::sync::Arc;

use super::*;

const ENTRIES: u64 = 1_000_000;
const READS: u64 = 500_000;
const RANGES: u64 = 1_000;

/// How long all threads of the process that are there have computed, as Linux counts it.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanoseconds = tasks.map(|task| {
        let told = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        told.split(' ').next().unwrap().parse::<f64>().unwrap()
    });
    nanoseconds.sum::<f64>() / 1e9
}

fn timed(what: &str, times: u64, work: impl FnOnce()) {
    let begin = cpu_seconds();
    work();
    println!("{what}: {:.3} us of CPU each", (cpu_seconds() - begin) * 1e6 / times as f64);
}

fn key(number: u64) -> [u8; 24] {
    let mut key = *b"tenant-1/entity/........";
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

fn chance(number: u64) -> u64 {
    xxh3_64_with_seed(&number.to_le_bytes(), 7)
}

#[test]
#[ignore = "measures, and is to be read by a person"]
fn speed() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = Options {
        tables: tables(),
        block_cache_bytes: 512 << 20,
        cipher: Arc::new(Plain),
        sizes: Sizes::default(),
    };
    options.tables[0].block_bytes = 4096;
    options.tables[0].domain = |_| 1;
    let engine = Engine::open(directory.path(), options).unwrap();
    let mut value = [7; 100];
    timed("ingested", ENTRIES, || {
        let mut ingestion = engine.ingest(WORDS).unwrap();
        for number in 0..ENTRIES {
            value[..8].copy_from_slice(&chance(number).to_le_bytes());
            ingestion.write(&key(number * 2), &value).unwrap();
        }
        ingestion.finish().unwrap();
    });
    for part in 0..3 {
        let mut ingestion = engine.ingest(WORDS).unwrap();
        for number in (part..ENTRIES).step_by(100) {
            ingestion.write(&key(number * 2), &value).unwrap();
        }
        ingestion.finish().unwrap();
    }
    let runs = engine.shape(WORDS).unwrap().runs;
    let warm = || engine.snapshot().range_from(WORDS, b"").count() as u64;
    assert_eq!(warm(), ENTRIES);
    let get = |number| black_box(engine.get(WORDS, &key(number)).unwrap()).is_some();
    assert!((0..READS).all(|number| get(chance(number) % ENTRIES * 2)));
    timed(&format!("found, {runs} runs"), READS, || {
        assert!((0..READS).all(|number| get(chance(number) % ENTRIES * 2)));
    });
    timed("found, of 1,000 keys", READS, || {
        assert!((0..READS).all(|number| get(chance(number % 1_000) % ENTRIES * 2)));
    });
    timed("not found", READS, || {
        assert!((0..READS).all(|number| !get(chance(number) % ENTRIES * 2 + 1)));
    });
    timed("range of 1,000", RANGES, || {
        for number in 0..RANGES {
            let from = key(chance(number) % (ENTRIES - 1_000) * 2);
            let range = engine.snapshot().range_from(WORDS, &from);
            assert_eq!(range.take(1_000).map(|it| it.unwrap().1.len()).sum::<usize>(), 100_000);
        }
    });
    timed("range of 1,000 backwards", RANGES, || {
        for number in 0..RANGES {
            let to = key((chance(number) % (ENTRIES - 1_000) + 1_000) * 2);
            let range = engine.range(WORDS, b"", &to).rev();
            assert_eq!(range.take(1_000).map(|it| it.unwrap().1.len()).sum::<usize>(), 100_000);
        }
    });
    timed("merged", ENTRIES, || {
        engine.rewrite(1);
        engine.wait_for_merging().unwrap();
    });
}
