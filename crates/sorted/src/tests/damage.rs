//! Disks that change bytes.

use std::sync::Arc;

use super::*;

fn is_damage<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Damaged(_)))
}

/// Every answer is right, or that something is damaged; gives how many were the latter.
fn right_or_damaged(engine: &Engine, table: TableId, model: &Model) -> usize {
    let mut damaged = 0;
    for first in b'a'..=b'f' {
        for number in (0..2_000).step_by(7) {
            let key = format!("{}{number:04}", first as char).into_bytes();
            match engine.get(table, &key) {
                Err(Error::Damaged(_)) => damaged += 1,
                found => {
                    let expected = model.get(&key).map(|value| &**value);
                    assert_eq!(found.unwrap().as_deref(), expected);
                }
            }
        }
    }
    let mut expected = model.iter();
    let mut range = engine.snapshot().range_from(table, b"");
    for entry in &mut range {
        if is_damage(&entry) {
            damaged += 1;
            break;
        }
        let (key, value) = entry.unwrap();
        let (expected_key, expected_value) = expected.next().unwrap();
        assert_eq!((&*key, &*value), (&**expected_key, &**expected_value));
    }
    if damaged == 0 {
        assert_eq!(expected.next(), None);
    }
    assert!(range.next().is_none(), "a range ends after an error");
    let expected = model.iter().rev();
    for (entry, (key, value)) in engine.snapshot().range_from(table, b"").rev().zip(expected) {
        if is_damage(&entry) {
            damaged += 1;
            break;
        }
        let entry = entry.unwrap();
        assert_eq!((&*entry.0, &*entry.1), (&**key, &**value));
    }
    damaged
}

#[test]
fn a_changed_byte_is_never_another_answer() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    let mut model = Model::new();
    for seed in 0..9 {
        let entries = entries(seed, 100, 40);
        apply(&mut model, &entries);
        engine.commit([(WORDS, entries.clone()), (ROWS, entries)]).unwrap();
    }
    engine.wait_for_merging().unwrap();
    assert!(30 < engine.verify(|damage| panic!("{damage}")).unwrap());
    drop(engine);
    let mut told = 0;
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    let mut names: Vec<_> = names.into_iter().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for (nth, name) in names.iter().filter(|name| *name != "LOCK").enumerate() {
        let whole = std::fs::read(directory.path().join(name)).unwrap();
        let from_the_end = whole.len() - (nth * 13) % 60.min(whole.len()) - 1;
        for at in [(nth * 37) % whole.len(), (nth * 997) % whole.len(), from_the_end] {
            let copied = tempfile::tempdir().unwrap();
            copy(directory.path(), copied.path());
            let mut bytes = whole.clone();
            match at % 3 {
                0 => bytes.truncate(at),
                _ => bytes[at] ^= 1 << (nth % 8),
            }
            std::fs::write(copied.path().join(name), bytes).unwrap();
            let engine = match open_with(copied.path(), &cipher) {
                Err(Error::Damaged(damage)) => {
                    assert_eq!(damage.file, "MANIFEST");
                    continue;
                }
                engine => engine.unwrap(),
            };
            let mut noted = Vec::new();
            engine.verify(|damage| noted.push(damage)).unwrap();
            assert!(!noted.is_empty(), "{name:?} at {at}");
            assert!(noted.iter().all(|damage| *damage.file == **name), "{noted:?}");
            let damaged =
                right_or_damaged(&engine, WORDS, &model) + right_or_damaged(&engine, ROWS, &model);
            told += damaged;
            assert!(engine.damage().iter().any(|damage| *damage.file == **name));
            if at % 4 != 0 {
                continue;
            }
            // Life goes on: what comes in is there, and merging goes around.
            let mut newer = model.clone();
            for seed in 100..112 {
                let entries = entries(seed, 30, 5);
                apply(&mut newer, &entries);
                engine.commit([(WORDS, entries.clone()), (ROWS, entries)]).unwrap();
            }
            engine.wait_for_merging().unwrap();
            right_or_damaged(&engine, WORDS, &newer);
            right_or_damaged(&engine, ROWS, &newer);
            assert!(copied.path().join(name).exists(), "a damaged file is kept");
            for table in [WORDS, ROWS] {
                let shape = engine.shape(table).unwrap();
                assert!(shape.runs <= 14, "{shape:?}");
            }
        }
    }
    assert!(100 < told, "{told}");
}

#[test]
fn a_block_in_another_place_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    for value in [b"1", b"2"] {
        engine.commit([(WORDS, vec![(b"a".to_vec(), Some(value.to_vec()))])]).unwrap();
    }
    drop(engine);
    let names: Vec<_> = ["0000000000000001.run", "0000000000000002.run"]
        .map(|name| directory.path().join(name))
        .into();
    std::fs::copy(&names[0], &names[1]).unwrap();
    let engine = open_with(directory.path(), &cipher).unwrap();
    assert!(is_damage(&engine.get(WORDS, b"a")));
    assert_eq!(engine.damage().len(), 1);
    // A newer entry hides what is damaged.
    engine.commit([(WORDS, vec![(b"a".to_vec(), Some(b"3".to_vec()))])]).unwrap();
    assert_eq!(engine.get(WORDS, b"a").unwrap().as_deref(), Some(&b"3"[..]));
}

#[test]
fn a_missing_file_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Xor::default());
    let engine = open_with(directory.path(), &cipher).unwrap();
    engine.commit([(WORDS, entries(1, 10, 1)), (ROWS, entries(1, 10, 1))]).unwrap();
    drop(engine);
    std::fs::remove_file(directory.path().join("0000000000000001.run")).unwrap();
    let engine = open_with(directory.path(), &cipher).unwrap();
    assert!(is_damage(&engine.get(WORDS, b"a")));
    let mut model = Model::new();
    apply(&mut model, &entries(1, 10, 1));
    check(&engine.snapshot(), ROWS, &model);
}
