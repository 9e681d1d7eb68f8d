//! Torn ends are repaired and said so; other damage is named and never served.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use model::{Change, Operation, Tenant, Timestamp};
use policy::{Policy, role};
use store::{CommitError, Retrieve, Store, StoreError};
use store_embedded::{EmbeddedSettings, EmbeddedStore, OpenError, verify};
use testkit::{caller, notation};

fn settings(directory: &Path) -> EmbeddedSettings {
    EmbeddedSettings { disk_reserve_bytes: 0, ..EmbeddedSettings::new(directory) }
}

async fn create(store: &EmbeddedStore, id: &str) -> Result<(), CommitError> {
    let change = Change {
        tenant: Tenant::default(),
        id: notation::id(id),
        types: None,
        operation: Operation::Create(notation::draft("Lamp size=1")),
    };
    let permitted = Policy::default().permit(&caller(role::ADMIN), change).unwrap();
    store.commit(vec![permitted], Timestamp(1)).await.pop().unwrap().map(drop)
}

async fn exists(store: &EmbeddedStore, id: &str) -> bool {
    let request = Retrieve { tenant: Tenant::default(), id: notation::id(id) };
    let permitted = Policy::default().permit(&caller(role::ADMIN), request).unwrap();
    store.retrieve(permitted, Timestamp(1)).await.unwrap().is_some()
}

/// A directory with three entities that are in the journal and nowhere else, as after a kill.
async fn killed() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    for id in ["urn:a", "urn:b", "urn:c"] {
        create(&store, id).await.unwrap();
    }
    copy_all(directory.path(), copy.path());
    let journal = copy.path().join("journal").join("0000000001.journal");
    (copy, journal)
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Where the last frame ends: what follows is room for frames to come.
fn written(journal: &Path) -> usize {
    fs::read(journal).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[tokio::test]
async fn a_torn_last_record_is_cut_off_and_said_so() {
    let (directory, journal) = killed().await;
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..written(&journal) - 3]).unwrap();
    let (store, opening) = EmbeddedStore::open(settings(directory.path())).unwrap();
    assert_eq!(opening.events_recovered, 2);
    assert!(opening.torn_bytes > 0);
    assert!(exists(&store, "urn:a").await && exists(&store, "urn:b").await);
    assert!(!exists(&store, "urn:c").await);
    create(&store, "urn:c").await.unwrap();
    drop(store);
    let (store, opening) = EmbeddedStore::open(settings(directory.path())).unwrap();
    assert_eq!(opening.torn_bytes, 0);
    assert!(exists(&store, "urn:c").await);
}

#[tokio::test]
async fn a_flipped_byte_before_the_last_record_is_reported_with_its_place() {
    let (directory, journal) = killed().await;
    let mut bytes = fs::read(&journal).unwrap();
    bytes[60] ^= 1;
    fs::write(&journal, bytes).unwrap();
    let error = EmbeddedStore::open(settings(directory.path())).unwrap_err();
    assert!(matches!(&error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("0000000001.journal, byte 24"), "{error}");
    let verified = verify(settings(directory.path()), |_| {});
    assert!(verified.is_err());
}

#[tokio::test]
async fn a_missing_segment_is_named() {
    let (directory, journal) = killed().await;
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    store.close();
    drop(store);
    fs::remove_file(journal).unwrap();
    let error = EmbeddedStore::open(settings(directory.path())).unwrap_err();
    assert!(matches!(error, OpenError::MissingSegment(1)), "{error}");
}

#[tokio::test]
async fn a_directory_is_used_by_one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = EmbeddedStore::open(settings(directory.path())).unwrap();
    let second = EmbeddedStore::open(settings(directory.path()));
    assert!(matches!(second.unwrap_err(), OpenError::InUse(_)));
    drop(first);
    assert!(EmbeddedStore::open(settings(directory.path())).is_ok());
}

#[tokio::test]
async fn another_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(settings(directory.path())).unwrap());
    let format = directory.path().join("FORMAT");
    OpenOptions::new().write(true).open(&format).unwrap().write_all(b"comity data dir 9").unwrap();
    let error = EmbeddedStore::open(settings(directory.path())).unwrap_err();
    assert!(matches!(error, OpenError::OtherFormat { .. }), "{error}");
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_recovers_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(settings(directory.path())).map(|(store, _)| store).unwrap());
    // More than any disk has: as if it were full.
    let full = EmbeddedSettings { disk_reserve_bytes: u64::MAX, ..settings(directory.path()) };
    let (store, _) = EmbeddedStore::open(full).unwrap();
    let error = create(&store, "urn:a").await.unwrap_err();
    assert!(matches!(error, CommitError::Store(StoreError::DiskFull { .. })), "{error}");
    assert!(error.to_string().contains("disk_reserve_bytes"), "{error}");
    assert!(!exists(&store, "urn:a").await);
    drop(store);
    let (store, _) = EmbeddedStore::open(settings(directory.path())).unwrap();
    create(&store, "urn:a").await.unwrap();
}
