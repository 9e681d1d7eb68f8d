//! Random work, compared with an ordered map.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Ingest(bool, BTreeMap<Vec<u8>, Option<Vec<u8>>>),
    Commit(BTreeMap<Vec<u8>, Option<Vec<u8>>>, BTreeMap<Vec<u8>, Option<Vec<u8>>>),
    Snapshot,
    Range(Vec<u8>, Vec<u8>, Vec<bool>),
    Merge,
    Reopen,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    let first = prop::sample::select(vec![b'a', b'b', b'c', b'd', b'e']);
    let rest = prop::collection::vec(prop::sample::select(vec![0, b'x', b'y', 255]), 0..5);
    (first, rest, any::<bool>()).prop_map(|(first, rest, is_long)| {
        let mut key = [vec![first], rest].concat();
        if is_long {
            key.splice(1..1, *b"a prefix that many share ");
        }
        key
    })
}

fn values() -> impl Strategy<Value = BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
    let value = (any::<u8>(), prop_oneof![4 => 0..40_usize, 1 => 400..3_000_usize])
        .prop_map(|(byte, len)| vec![byte; len]);
    prop::collection::btree_map(key(), prop::option::weighted(0.7, value), 0..25)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), values()).prop_map(|(table, values)| Step::Ingest(table, values)),
        2 => (values(), values()).prop_map(|(words, rows)| Step::Commit(words, rows)),
        1 => Just(Step::Snapshot),
        6 => (key(), key(), prop::collection::vec(any::<bool>(), 0..60))
            .prop_map(|(from, to, ends)| Step::Range(from, to, ends)),
        2 => Just(Step::Merge),
        1 => Just(Step::Reopen),
    ]
}

fn check_range(snapshot: &Snapshot, model: &Model, from: &[u8], to: &[u8], ends: &[bool]) {
    let mut expected = model
        .iter()
        .filter(|(key, _)| from <= key.as_slice() && key.as_slice() < to)
        .collect::<Vec<_>>()
        .into_iter();
    let mut range = snapshot.range(ROWS, from, to);
    for is_front in ends.iter().chain(std::iter::repeat_n(&true, model.len() + 1)) {
        let (found, expected) = match is_front {
            true => (range.next(), expected.next()),
            false => (range.next_back(), expected.next_back()),
        };
        let found = found.map(|found| found.unwrap());
        let found = found.as_ref().map(|(key, value)| (&**key, &**value));
        assert_eq!(found, expected.map(|(key, value)| (key.as_slice(), value.as_slice())));
    }
}

fn run(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let mut engine = open_with(directory.path(), &cipher).unwrap();
    let mut models = [Model::new(), Model::new()];
    let mut snapshots = Vec::new();
    for step in steps {
        match step {
            Step::Ingest(table, values) => {
                let table = TableId(usize::from(table));
                let values: Vec<_> = values.into_iter().collect();
                let mut ingestion = engine.ingest(table).unwrap();
                for (key, value) in &values {
                    match value {
                        Some(value) => ingestion.write(key, value).unwrap(),
                        None => ingestion.tombstone(key).unwrap(),
                    }
                }
                ingestion.finish().unwrap();
                apply(&mut models[table.0], &values);
            }
            Step::Commit(words, rows) => {
                let values = [words, rows].map(|values| values.into_iter().collect::<Vec<_>>());
                for (model, values) in models.iter_mut().zip(&values) {
                    apply(model, values);
                }
                engine.commit([WORDS, ROWS].into_iter().zip(values)).unwrap();
            }
            Step::Snapshot => snapshots.push((engine.snapshot(), models.clone())),
            Step::Range(from, to, ends) => {
                check_range(&engine.snapshot(), &models[1], &from, &to, &ends);
            }
            Step::Merge => engine.wait_for_merging().unwrap(),
            Step::Reopen => {
                snapshots.clear();
                drop(engine);
                engine = open_with(directory.path(), &cipher).unwrap();
            }
        }
        for table in [WORDS, ROWS] {
            check(&engine.snapshot(), table, &models[table.0]);
        }
    }
    for (snapshot, models) in &snapshots {
        for table in [WORDS, ROWS] {
            check(snapshot, table, &models[table.0]);
        }
    }
    drop(snapshots);
    engine.wait_for_merging().unwrap();
    assert_eq!(engine.damage(), []);
    let files: usize = [WORDS, ROWS].map(|table| engine.shape(table).unwrap().files).iter().sum();
    let on_disk = std::fs::read_dir(directory.path()).unwrap();
    let on_disk = on_disk.filter(|it| it.as_ref().unwrap().path().extension().is_some());
    assert_eq!(on_disk.count(), files, "files that nobody needs are gone");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_engine_is_an_ordered_map(steps in prop::collection::vec(step(), 1..40)) {
        run(steps);
    }
}

#[test]
fn runs_do_not_pile_up() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    let mut model = Model::new();
    for seed in 0..150 {
        let entries = entries(seed, 60, 20);
        apply(&mut model, &entries);
        engine.commit([(WORDS, entries)]).unwrap();
    }
    engine.wait_for_merging().unwrap();
    check(&engine.snapshot(), WORDS, &model);
    let shape = engine.shape(WORDS).unwrap();
    assert!(shape.runs <= 8 && 5 < shape.files, "{shape:?}");
    // Removing everything leaves nothing, once there are runs enough to be merged.
    let removed: Vec<Write> = model.keys().map(|key| (key.clone(), None)).collect();
    for part in removed.chunks(removed.len().div_ceil(4)) {
        engine.commit([(WORDS, part.to_vec())]).unwrap();
    }
    for _ in 0..8 {
        engine.commit([(WORDS, vec![(b"a".to_vec(), None)])]).unwrap();
        engine.wait_for_merging().unwrap();
    }
    check(&engine.snapshot(), WORDS, &Model::new());
}
