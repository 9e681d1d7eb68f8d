//! What the store does with history beside its promises: merging, retention, roll-ups.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use model::{
    Change, DateTime, HistoryChange, HistoryOperation, Instance, Instances, Json, Operation,
    Reading, Readings, Tenant, Timestamp, Value,
};
use policy::{Permitted, Policy, role};
use query::{Aggregation, ReadingSelection, TimeProperty, Window};
use store::{Kept, Retention, RetentionRule, RetrieveHistory, Store, Told};
use store_embedded::{EmbeddedSettings, EmbeddedStore, verify};
use testkit::{caller, notation};

const DAY: i64 = 86_400_000_000;
const QUARTER: i64 = DAY / 96;
const START: i64 = 1_767_225_600_000_000;
const DAYS: i64 = 100;

fn settings(directory: &std::path::Path) -> EmbeddedSettings {
    EmbeddedSettings { disk_reserve_bytes: 0, ..EmbeddedSettings::new(directory) }
}

fn permitted<T: policy::Request>(request: T) -> Permitted<T> {
    Policy::default().permit(&caller(role::ADMIN), request).unwrap()
}

fn change(operation: HistoryOperation) -> Permitted<HistoryChange> {
    let id = notation::id("urn:meter:1");
    permitted(HistoryChange { tenant: Tenant::default(), id, operation })
}

fn reading(at: i64) -> Reading {
    let value = Value::Property(Json::from_compact(format!("{}.5", at / QUARTER % 50)));
    let observed_at = Some(DateTime::new(Timestamp(at), 0));
    Reading::Said(Instance { observed_at, ..Instance::new(value) })
}

async fn add(store: &EmbeddedStore, attribute: &str, moments: impl Iterator<Item = i64>) {
    add_to(store, "urn:meter:1", attribute, moments).await;
}

async fn add_to(
    store: &EmbeddedStore,
    id: &str,
    attribute: &str,
    moments: impl Iterator<Item = i64>,
) {
    add_at(store, TOLD, id, attribute, moments).await;
}

async fn add_at(
    store: &EmbeddedStore,
    now: Timestamp,
    id: &str,
    attribute: &str,
    moments: impl Iterator<Item = i64>,
) {
    let readings = moments.map(reading).collect();
    let attributes = vec![(notation::name(attribute), readings)];
    let readings = Readings { types: vec![notation::name("Meter")], attributes };
    let (id, operation) = (notation::id(id), HistoryOperation::Upsert(readings));
    let change = permitted(HistoryChange { tenant: Tenant::default(), id, operation });
    let outcome = store.chronicle(vec![change], now).await;
    outcome.into_iter().for_each(|one| drop(one.unwrap()));
}

const NOW: Timestamp = Timestamp(START + DAYS * DAY);

/// When everything is told: so long ago that nobody waits for more.
const TOLD: Timestamp = Timestamp(NOW.0 - 2 * DAY);

/// Periods, each with its value.
async fn sums(store: &EmbeddedStore, attribute: &str, period: &str) -> Vec<(i64, String)> {
    let aggregation = Aggregation::read("sum", Some(period)).unwrap();
    let told = tell(store, attribute, Some(aggregation)).await;
    let [Told::Aggregates(series)] = told.as_slice() else { return Vec::new() };
    let [(_, values)] = series[0].methods.as_slice() else { panic!("{series:?}") };
    values.iter().map(|value| (value.start.0, value.value.as_str().to_owned())).collect()
}

async fn moments(store: &EmbeddedStore, attribute: &str) -> Vec<i64> {
    let told = tell(store, attribute, None).await;
    let [Told::Readings(readings)] = told.as_slice() else { return Vec::new() };
    readings.iter().map(|reading| reading.observed_at().unwrap().instant().0).collect()
}

async fn tell(
    store: &EmbeddedStore,
    attribute: &str,
    aggregation: Option<Aggregation>,
) -> Vec<Told> {
    let (property, from) = (TimeProperty::ObservedAt, Some(Timestamp(START)));
    tell_within(store, attribute, aggregation, Some(Window { property, from, until: None })).await
}

async fn tell_within(
    store: &EmbeddedStore,
    attribute: &str,
    aggregation: Option<Aggregation>,
    window: Option<Window>,
) -> Vec<Told> {
    let readings = ReadingSelection {
        window,
        attributes: Some(vec![notation::name(attribute)]),
        omitted: Vec::new(),
        datasets: None,
        last_n: None,
        aggregation,
        limit: usize::MAX,
    };
    let id = notation::id("urn:meter:1");
    let request = permitted(RetrieveHistory { tenant: Tenant::default(), id, readings });
    let answer = store.evolution(request, NOW).await.unwrap().unwrap();
    answer.evolutions.into_iter().flat_map(|e| e.attributes).map(|(_, told)| told).collect()
}

fn days(days: u64) -> Option<Duration> {
    Some(Duration::from_secs(days * 86_400))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roll_ups_outlive_their_readings() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    let all = || (0..DAYS * 96).map(|count| START + count * QUARTER);
    for attribute in ["energy", "power"] {
        add(&store, attribute, all()).await;
    }
    store.settle().await.unwrap();
    let (daily, hourly) =
        (sums(&store, "energy", "P1D").await, sums(&store, "energy", "PT1H").await);
    assert_eq!((daily.len(), hourly.len()), (100, 2_400));
    let rule = RetentionRule {
        attribute: Some(notation::name("energy")),
        kept: Kept { raw: days(30), hourly: days(60), daily: None },
        ..RetentionRule::default()
    };
    let keep_days = Kept { daily: days(1_000), ..rule.kept };
    let retention = Retention {
        rules: vec![RetentionRule { kept: keep_days, ..rule }],
        otherwise: Kept::default(),
    };
    let retained = store.retain(retention.clone(), NOW).await.unwrap();
    assert_eq!(retained.readings, 70 * 96);
    let again = store.retain(retention.clone(), NOW).await.unwrap();
    assert_eq!(again.readings, 0, "done twice, it comes to the same");
    let left = moments(&store, "energy").await;
    assert_eq!((left.len(), left[0]), (30 * 96, START + 70 * DAY));
    assert_eq!(moments(&store, "power").await.len(), 9_600, "no rule is about it");
    assert_eq!(sums(&store, "energy", "P1D").await, daily);
    let hours = sums(&store, "energy", "PT1H").await;
    let from = hours.iter().position(|(start, _)| *start >= START + 41 * DAY).unwrap();
    assert!(hourly.ends_with(&hours[from..]), "hours of the last sixty days are there");

    // Few readings lie otherwise, and go as well.
    add(&store, "water", [START, START + 99 * DAY].into_iter()).await;
    store.settle().await.unwrap();
    let month = Kept { raw: days(30), ..Kept::default() };
    let other = Retention { rules: retention.rules.clone(), otherwise: month };
    let power = moments(&store, "power").await.len() as u64;
    assert_eq!(store.retain(other, NOW).await.unwrap().readings, power - 30 * 96 + 1);
    assert_eq!(moments(&store, "water").await, [START + 99 * DAY]);

    // What comes for a day that is rolled up may be in it already: it does not count, now or later.
    let counted = sums(&store, "energy", "P1D").await;
    add(&store, "energy", all()).await;
    add(&store, "energy", [START + 5 * DAY + 7].into_iter()).await;
    assert_eq!(sums(&store, "energy", "P1D").await, counted);
    let again = store.retain(retention, NOW).await.unwrap();
    assert_eq!((again.readings, again.periods, again.late), (70 * 96 + 1, 0, 70 * 96 + 1));
    assert_eq!(sums(&store, "energy", "P1D").await, counted);

    store.close();
    drop(store);
    let verified = verify(settings(directory.path()), |_| {}).unwrap();
    assert_eq!(verified.problems, Vec::<String>::new());
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    assert_eq!(sums(&store, "energy", "P1D").await, counted);

    let name = notation::name("energy");
    let delete = HistoryOperation::DeleteAttribute { name, instances: Instances::All };
    store.chronicle(vec![change(delete)], NOW).await.pop().unwrap().unwrap();
    assert_eq!(sums(&store, "energy", "P1D").await, []);
    store.settle().await.unwrap();
    assert_eq!(sums(&store, "energy", "P1D").await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roll_ups_count_what_was_there_and_that_once() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    let say = async |said: Vec<(i64, &str)>| {
        let readings = said.into_iter().map(|(at, number)| {
            let value = Value::Property(Json::from_compact(number.to_owned()));
            let observed_at = Some(DateTime::new(Timestamp(at), 0));
            Reading::Said(Instance { observed_at, ..Instance::new(value) })
        });
        let attributes = vec![(notation::name("energy"), readings.collect())];
        let readings = Readings { types: vec![notation::name("Meter")], attributes };
        let said = store.chronicle(vec![change(HistoryOperation::Upsert(readings))], TOLD).await;
        said.into_iter().for_each(|one| drop(one.unwrap()));
    };
    // Twenty days; half of the numbers have more digits than are counted in decimals.
    let hours = (0..20 * 24).map(|hour| {
        let number = if hour % 2 == 0 { "1" } else { "1.0000000000000000000" };
        (START + hour * 4 * QUARTER, number)
    });
    say(hours.collect()).await;
    store.settle().await.unwrap();
    // Corrected, and not yet merged, when retention passes by.
    say(vec![(START + 7 * 4 * QUARTER, "101")]).await;
    let kept = Kept { raw: days(10), hourly: days(85), daily: days(1_000) };
    let retention = |kept| Retention { rules: Vec::new(), otherwise: kept };
    store.retain(retention(kept), NOW).await.unwrap();
    assert!(moments(&store, "energy").await.is_empty());
    let whole = sums(&store, "energy", "PT0S").await;
    assert_eq!(whole, [(START, "580".to_owned())], "480 hours, one of which was corrected");

    // A day that was not rolled up before is, and hours that no rule asks for any more go.
    let kept = Kept { hourly: None, ..kept };
    say(vec![(START + 21 * DAY + 1, "1")]).await;
    assert_eq!(sums(&store, "energy", "PT0S").await, [(START, "581".to_owned())]);
    store.retain(retention(kept), NOW).await.unwrap();
    assert_eq!(sums(&store, "energy", "PT0S").await, [(START, "581".to_owned())]);
    assert_eq!(sums(&store, "energy", "PT1H").await.len(), 21);

    // The end of the attribute is told at another moment than its numbers, and hides none of them.
    let id = notation::id("urn:meter:1");
    let name = notation::name("energy");
    let operation = Operation::DeleteAttribute { name, instances: Instances::All };
    let end = Change { tenant: Tenant::default(), id, types: None, operation };
    store.commit(vec![permitted(end)], NOW).await.pop().unwrap().unwrap();
    let sum = Aggregation::read("sum", Some("PT0S")).unwrap();
    let told = tell_within(&store, "energy", Some(sum), None).await;
    let [Told::Aggregates(series)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(series[0].methods[0].1[0].value.as_str(), "581");

    // What needs each number has no value; everything else has.
    let aggregation = Aggregation::read("sum,stddev,distinctCount", Some("PT0S")).unwrap();
    let told = tell(&store, "energy", Some(aggregation)).await;
    let [Told::Aggregates(series)] = told.as_slice() else { panic!("{told:?}") };
    let values: Vec<usize> = series[0].methods.iter().map(|(_, values)| values.len()).collect();
    assert_eq!(values, [1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_is_still_coming_in_is_not_closed() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    let morning = |day: i64| (0..48).map(move |count| START + day * DAY + count * QUARTER);
    let afternoon = |day: i64| (48..96).map(move |count| START + day * DAY + count * QUARTER);
    let kept = Kept { raw: days(30), hourly: None, daily: days(1_000) };
    let retention = Retention { rules: Vec::new(), otherwise: kept };
    // Three days were told long ago; of the one between two more, half comes now.
    for day in [1, 2, 4] {
        add(&store, "energy", morning(day).chain(afternoon(day))).await;
    }
    add_at(&store, NOW, "urn:meter:1", "energy", morning(3)).await;
    store.settle().await.unwrap();
    let retained = store.retain(retention.clone(), NOW).await.unwrap();
    assert_eq!((retained.readings, retained.periods, retained.late), (3 * 96, 3, 0));
    // What is told meanwhile, of today, keeps nothing back.
    add_at(&store, NOW, "urn:meter:1", "energy", [NOW.0].into_iter()).await;
    add_at(&store, NOW, "urn:meter:1", "energy", afternoon(3)).await;
    store.settle().await.unwrap();
    add_at(&store, NOW, "urn:meter:1", "energy", [NOW.0 + 1].into_iter()).await;
    let later = Timestamp(NOW.0 + 2 * DAY);
    let retained = store.retain(retention, later).await.unwrap();
    assert_eq!((retained.readings, retained.periods, retained.late), (96, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_meanwhile_sees_readings_or_what_they_came_to() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    let store = Arc::new(store);
    add(&store, "energy", (0..DAYS * 96).map(|count| START + count * QUARTER)).await;
    store.settle().await.unwrap();
    let whole = sums(&store, "energy", "PT0S").await;
    let cleaning = tokio::spawn({
        let store = store.clone();
        async move {
            for age in (0..DAYS as u64).rev() {
                let kept = Kept { raw: days(age), hourly: days(age + 10), daily: days(1_000) };
                let retention = Retention { rules: Vec::new(), otherwise: kept };
                store.retain(retention, NOW).await.unwrap();
            }
        }
    });
    let mut asked = 0;
    while !cleaning.is_finished() {
        assert_eq!(sums(&store, "energy", "PT0S").await, whole, "asked {asked} times before");
        asked += 1;
    }
    cleaning.await.unwrap();
    assert!(moments(&store, "energy").await.is_empty());
    assert_eq!(sums(&store, "energy", "PT0S").await, whole);

    // Nothing but roll-ups is left, and they too grow too old.
    let kept = Kept { raw: days(0), hourly: None, daily: days(30) };
    let retention = Retention { rules: Vec::new(), otherwise: kept };
    store.retain(retention.clone(), NOW).await.unwrap();
    let days_left = sums(&store, "energy", "P1D").await.len();
    assert!((30..65).contains(&days_left), "{days_left}");
    store.retain(retention, Timestamp(NOW.0 + 100 * DAY)).await.unwrap();
    assert_eq!(sums(&store, "energy", "P1D").await, []);
}

/// Writes something else in the place of the first entry of a table.
fn spoil(directory: &std::path::Path, table: &str) {
    let names = [
        "names",
        "ids",
        "entities",
        "documents",
        "evolutions",
        "recent",
        "chunks",
        "rollups",
        "index",
    ];
    let options = |name| sorted::TableOptions {
        name,
        block_bytes: 4096,
        compression: sorted::Compression::None,
        filter: false,
        domain: |_| 0,
    };
    let engine = sorted::Engine::open(
        &directory.join("tables"),
        sorted::Options {
            tables: names.map(options).to_vec(),
            block_cache_bytes: 1024 * 1024,
            cipher: std::sync::Arc::new(sorted::Plain),
            sizes: sorted::Sizes::default(),
        },
    )
    .unwrap();
    let table = sorted::TableId(names.iter().position(|name| *name == table).unwrap());
    let (key, _) = engine.snapshot().range_from(table, b"").next().unwrap().unwrap();
    engine.commit([(table, vec![(key.to_vec(), Some(b"spoilt".to_vec()))])]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_history_holds_up_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let all = || (0..DAYS * 96).map(|count| START + count * QUARTER);
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    let (bad, good) = ("urn:meter:1", "urn:meter:2");
    for id in [bad, good] {
        add_to(&store, id, "energy", all()).await;
    }
    store.settle().await.unwrap();
    store.close();
    drop(store);
    spoil(directory.path(), "chunks");

    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    // Both are told something late; it can be merged into the history of one of them.
    for id in [bad, good] {
        add_to(&store, id, "energy", [START + 1].into_iter()).await;
    }
    store.settle().await.unwrap();
    let kept = Kept { raw: days(30), ..Kept::default() };
    let retention = Retention { rules: Vec::new(), otherwise: kept };
    let retained = store.retain(retention, NOW).await.unwrap();
    assert_eq!(retained.readings, 70 * 96 + 1, "those of the one that can be read");
    store.close();
    drop(store);
    let problems = verify(settings(directory.path()), |_| {}).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_readings_find_their_place_among_chunks() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    let count = 10_000;
    // Every residue on its own, so that each comes late to all chunks before it.
    for residue in [3, 0, 6, 1, 5, 2, 4] {
        let moments = (0..count).filter(|at| at % 7 == residue).map(|at| START + at * QUARTER);
        add(&store, "energy", moments).await;
        store.settle().await.unwrap();
    }
    let expected: Vec<i64> = (0..count).map(|at| START + at * QUARTER).collect();
    assert_eq!(moments(&store, "energy").await, expected);
    add(&store, "energy", expected.iter().copied()).await;
    assert_eq!(moments(&store, "energy").await, expected, "the same readings are stored once");
    store.close();
    drop(store);
    let verified = verify(settings(directory.path()), |_| {}).unwrap();
    assert_eq!(verified.problems, Vec::<String>::new());
}
