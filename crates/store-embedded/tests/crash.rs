//! `kill -9` under load, many times: nothing acknowledged is lost, no index entry dangles.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::{
    Change, DateTime, HistoryChange, HistoryOperation, Instance, Json, Operation, Reading,
    Readings, Tenant, Timestamp, Value,
};
use policy::{Permitted, Policy, role};
use query::ReadingSelection;
use store::{Retrieve, RetrieveHistory, Store, Told};
use store_embedded::{EmbeddedSettings, EmbeddedStore, verify};
use testkit::{Chance, caller, notation};

/// Names the directory, and so makes this program the writer that will be killed.
const VICTIM: &str = "COMITY_CRASH_VICTIM";
const ROUNDS: usize = 25;
const WRITERS: u64 = 8;
const ENTITIES: u64 = 40;

fn settings(directory: &Path) -> EmbeddedSettings {
    EmbeddedSettings {
        // Layers are written out often, so that kills hit that too.
        memory_bytes: 300_000,
        disk_reserve_bytes: 0,
        ..EmbeddedSettings::new(directory)
    }
}

fn permitted(id: u64, operation: Operation) -> Permitted<Change> {
    let id = notation::id(&format!("urn:lamp:{id}"));
    let change = Change { tenant: Tenant::default(), id, types: None, operation };
    Policy::default().permit(&caller(role::ADMIN), change).unwrap()
}

fn write_of(count: u64) -> Operation {
    let text = format!(
        "Lamp /Kallio brightness={count} label=n{count} location@24.{:02},60.17 street->urn:s:{}",
        count % 100,
        count % 7
    );
    Operation::CreateOrReplace(notation::draft(&text))
}

/// A reading of a meter, in no order of time.
fn reading_of(writer: u64, count: u64) -> Permitted<HistoryChange> {
    let value = Value::Property(Json::from_compact(count.to_string()));
    let at = Timestamp((count ^ 5) as i64 * 60_000_000);
    let observed_at = Some(DateTime::new(at, 0));
    let reading = Reading::Said(Instance { observed_at, ..Instance::new(value) });
    let attributes = vec![(notation::name("energy"), vec![reading])];
    let readings = Readings { types: vec![notation::name("Meter")], attributes };
    let id = notation::id(&format!("urn:meter:{writer}"));
    let operation = HistoryOperation::Upsert(readings);
    let change = HistoryChange { tenant: Tenant::default(), id, operation };
    Policy::default().permit(&caller(role::ADMIN), change).unwrap()
}

/// Not a test of its own: the writer that [`nothing_acknowledged_is_lost`] starts and kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let Ok(directory) = std::env::var(VICTIM) else { return };
    let start: u64 = std::env::var("COMITY_CRASH_START").unwrap().parse().unwrap();
    let (store, _) = EmbeddedStore::open(settings(Path::new(&directory))).unwrap();
    let store = Arc::new(store);
    let write = |writer: u64| {
        let store = store.clone();
        tokio::spawn(async move {
            for count in start.. {
                let id = (count * WRITERS + writer) % ENTITIES;
                let now = Timestamp(1_700_000_000_000_000 + count as i64);
                let outcome = store.commit(vec![permitted(id, write_of(count))], now).await;
                outcome.into_iter().for_each(|one| drop(one.unwrap()));
                // One line, one write: whole or not at all.
                println!("ack {id} {count}");
                let outcome = store.chronicle(vec![reading_of(writer, count)], now).await;
                outcome.into_iter().for_each(|one| drop(one.unwrap()));
                println!("read {writer} {count}");
            }
        })
    };
    let writers: Vec<_> = (0..WRITERS).map(write).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut chance = Chance::new(7);
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    let mut readings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut start = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--nocapture", "--test-threads=1"])
            .env(VICTIM, directory.path())
            .env("COMITY_CRASH_START", start.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(60 + chance.below(180) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            let [what, id, count] = *line.split(' ').collect::<Vec<_>>() else { continue };
            if what == "read" {
                let meter = format!("urn:meter:{id}");
                readings.entry(meter).or_default().insert(count.to_owned());
                continue;
            }
            let (Ok(id), Ok(count)) = (id.parse(), count.parse()) else { continue };
            let lamp = format!("urn:lamp:{id}");
            readings.entry(lamp).or_default().insert(format!("{count}"));
            let last: &mut u64 = acknowledged.entry(id).or_default();
            *last = (*last).max(count);
            start = start.max(count + 1);
        }
        let verified = verify(settings(directory.path()), |_| {}).unwrap();
        assert_eq!(verified.problems, Vec::<String>::new(), "round {round}");
        check_acknowledged(directory.path(), &acknowledged).await;
        if round % 8 == 0 || round + 1 == ROUNDS {
            check_history(directory.path(), &readings).await;
        }
    }
    assert!(start > 100, "the writers hardly got to write: {start}");
}

async fn check_acknowledged(directory: &Path, acknowledged: &BTreeMap<u64, u64>) {
    let (store, _) = EmbeddedStore::open(settings(directory)).unwrap();
    for (id, count) in acknowledged {
        let request =
            Retrieve { tenant: Tenant::default(), id: notation::id(&format!("urn:lamp:{id}")) };
        let permitted = Policy::default().permit(&caller(role::READER), request).unwrap();
        let entity = store.retrieve(permitted, Timestamp(i64::MAX / 2)).await.unwrap();
        let entity = entity.unwrap_or_else(|| panic!("urn:lamp:{id} is lost"));
        let written = entity.modified_at.0 - 1_700_000_000_000_000;
        // What was not acknowledged any more may be there as well.
        assert!(written >= *count as i64, "urn:lamp:{id}: {written} is older than {count}");
    }
}

/// History has every value that an acknowledged commit gave to the brightness of a lamp, and
/// every reading of a meter.
async fn check_history(directory: &Path, readings: &BTreeMap<String, BTreeSet<String>>) {
    let (store, _) = EmbeddedStore::open(settings(directory)).unwrap();
    for (id, values) in readings {
        let selection = ReadingSelection {
            window: None,
            attributes: Some(vec![notation::name("brightness"), notation::name("energy")]),
            omitted: Vec::new(),
            datasets: None,
            last_n: None,
            aggregation: None,
            limit: usize::MAX,
        };
        let tenant = Tenant::default();
        let request = RetrieveHistory { tenant, id: notation::id(id), readings: selection };
        let permitted = Policy::default().permit(&caller(role::READER), request).unwrap();
        let answer = store.evolution(permitted, Timestamp(0)).await.unwrap().unwrap();
        let mut kept = BTreeSet::new();
        for (_, told) in &answer.evolutions[0].attributes {
            let Told::Readings(told) = told else { panic!("{told:?}") };
            kept.extend(told.iter().filter_map(|reading| match reading {
                Reading::Said(Instance { value: Value::Property(json), .. }) => {
                    Some(json.as_str().to_owned())
                }
                _ => None,
            }));
        }
        let lost: Vec<_> = values.difference(&kept).collect();
        assert!(lost.is_empty(), "{id} lost {lost:?}");
    }
}
