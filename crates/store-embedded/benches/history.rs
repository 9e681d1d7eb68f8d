//! What the engine of history takes: `cargo bench -p store-embedded --bench history`.
//!
//! `COMITY_READINGS` and `COMITY_SERIES` ask for other sizes. CPU is that of the whole process,
//! background work included; the disk is that of the working directory.

#![expect(clippy::unwrap_used, reason = "a measurement may panic")]
#![expect(clippy::disallowed_methods, reason = "this is a measurement")]

use std::path::Path;
use std::time::{Duration, Instant};

use model::{
    DateTime, HistoryChange, HistoryOperation, Instance, Json, Name, Reading, Readings, Tenant,
    Timestamp, Uri, Value,
};
use policy::{Caller, Permitted, Policy, role};
use query::{Aggregation, ReadingSelection, TimeProperty, Window};
use store::{HistoryAnswer, RetrieveHistory, Store};
use store_embedded::{EmbeddedSettings, EmbeddedStore};

const MINUTE: i64 = 60_000_000;
const QUARTER: i64 = 15 * MINUTE;
const START: i64 = 1_767_225_600_000_000;
/// Readings of one commit.
const COMMIT: usize = 10_000;

fn main() {
    let readings = number("COMITY_READINGS", 5_000_000);
    let series = number("COMITY_SERIES", 10_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("{readings} readings of {series} series, {COMMIT} in a commit");
    for (name, run) in [("100 of a series at a time", 100), ("one of each series in turn", 1)] {
        runtime.block_on(ingest(name, readings, series, run));
    }
    runtime.block_on(read());
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

async fn ingest(name: &str, readings: usize, series: usize, run: usize) {
    let directory = tempfile::tempdir_in(".").unwrap();
    let store = open(directory.path());
    let mut next = 0_usize;
    let (started, cpu) = (Instant::now(), cpu_time());
    while next < readings {
        let mut changes = Vec::with_capacity(COMMIT / run);
        while changes.len() < COMMIT / run {
            let round = next / (series * run);
            let (place, at) = (next / run % series, round * run);
            changes.push(upsert(place, (at..at + run).map(|at| meter(place, at))));
            next += run;
        }
        let now = Timestamp(START + next as i64 / series as i64 * QUARTER);
        let outcomes = store.chronicle(changes, now).await;
        assert!(outcomes.iter().all(Result::is_ok), "{:?}", outcomes.first());
    }
    let elapsed = started.elapsed();
    store.close();
    let spent = cpu_time() - cpu;
    let per_second = next as f64 / elapsed.as_secs_f64();
    let [tables, journal] =
        ["tables", "journal"].map(|part| bytes(&directory.path().join(part)) as f64 / next as f64);
    println!(
        "{name}: {:.0} readings/s durable, {:.2} us CPU each; {tables:.1} bytes each in tables, \
         {journal:.1} in the journal; memory {} MB",
        per_second,
        spent.as_secs_f64() * 1e6 / next as f64,
        memory_mb(),
    );
}

/// One series of many readings, among others.
async fn read() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let store = open(directory.path());
    for at in (0..100_000).step_by(1_000) {
        let changes = vec![upsert(7, (at..at + 1_000).map(|at| meter(7, at)))];
        let now = Timestamp(START + (at as i64 + 1_000) * QUARTER);
        store.chronicle(changes, now).await.pop().unwrap().unwrap();
    }
    for merged in [false, true] {
        if merged {
            store.settle().await.unwrap();
        }
        let state = if merged { "in chunks" } else { "recent" };
        let month = Window {
            property: TimeProperty::ObservedAt,
            from: Some(Timestamp(START + 30_000 * QUARTER)),
            until: Some(Timestamp(START + 32_880 * QUARTER)),
        };
        let answer = time(&store, &format!("a month of one series, {state}"), month, None).await;
        assert_eq!(answer.evolutions[0].attributes.len(), 1);
        let hourly = Aggregation::read("avg", Some("PT1H")).unwrap();
        let all = Window { from: Some(Timestamp(START)), until: None, ..month };
        let what = format!("hourly averages of 100,000 readings, {state}");
        time(&store, &what, all, Some(hourly)).await;
        let monthly = Aggregation::read("avg,max", Some("P1M")).unwrap();
        let what = format!("monthly averages of 100,000 readings, {state}");
        time(&store, &what, all, Some(monthly)).await;
    }
    store.close();
}

async fn time(
    store: &EmbeddedStore,
    what: &str,
    window: Window,
    aggregation: Option<Aggregation>,
) -> HistoryAnswer {
    let readings = ReadingSelection {
        window: Some(window),
        attributes: None,
        omitted: Vec::new(),
        datasets: None,
        last_n: None,
        aggregation,
        limit: 1_000_000,
    };
    let request = RetrieveHistory { tenant: Tenant::default(), id: id(7), readings };
    let ask = async || store.evolution(permitted(request.clone()), Timestamp(0)).await;
    let mut answer = ask().await.unwrap().unwrap();
    let cpu = cpu_time();
    let rounds = 50;
    for _ in 0..rounds {
        answer = ask().await.unwrap().unwrap();
    }
    let spent = (cpu_time() - cpu).as_secs_f64() * 1e3 / f64::from(rounds);
    println!("{what}: {spent:.2} ms CPU");
    answer
}

fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(EmbeddedSettings::new(directory)).unwrap().0
}

fn id(place: usize) -> Uri {
    Uri::parse(&format!("urn:ngsi-ld:Meter:{place}")).unwrap()
}

fn upsert(place: usize, readings: impl Iterator<Item = Reading>) -> Permitted<HistoryChange> {
    let attributes = vec![(Name::new("https://example.org/energy"), readings.collect())];
    let types = vec![Name::new("https://example.org/Meter")];
    let operation = HistoryOperation::Upsert(Readings { types, attributes });
    permitted(HistoryChange { tenant: Tenant::default(), id: id(place), operation })
}

/// A meter that counts up, read every quarter of an hour.
fn meter(place: usize, at: usize) -> Reading {
    let consumed = (at * 37 + (at * at * 7 + place * 13) % 29) as f64 / 10.0;
    let value = Value::Property(Json::from_compact(format!("{consumed:.1}")));
    let observed_at = Some(DateTime::new(Timestamp(START + at as i64 * QUARTER), 0));
    let unit_code = Some(Json::text("KWH"));
    Reading::Said(Instance { observed_at, unit_code, ..Instance::new(value) })
}

fn permitted<T: policy::Request>(request: T) -> Permitted<T> {
    let caller = Caller::with_role("bench".to_owned(), role::ADMIN);
    Policy::default().permit(&caller, request).unwrap()
}

fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let fields = after_name.split(' ').skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

fn bytes(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return path.metadata().map_or(0, |metadata| metadata.len());
    };
    entries.flatten().map(|entry| bytes(&entry.path())).sum()
}
