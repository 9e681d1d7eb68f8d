//! The journal is cut back to its limits, and says so to a reader that fell behind.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use model::{Change, Operation, Tenant, Timestamp};
use policy::{Policy, role};
use store::{JournalError, Position, Store};
use store_embedded::{EmbeddedSettings, EmbeddedStore, verify};
use testkit::{caller, notation};

async fn create(store: &EmbeddedStore, nth: usize) {
    let change = Change {
        tenant: Tenant::default(),
        id: notation::id(&format!("urn:lamp:{nth}")),
        types: None,
        operation: Operation::Create(notation::draft("Lamp size=1 label=long-enough-to-count")),
    };
    let permitted = Policy::default().permit(&caller(role::ADMIN), change).unwrap();
    store.commit(vec![permitted], Timestamp(1)).await.pop().unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_that_fell_behind_is_told_where_the_journal_begins() {
    let directory = tempfile::tempdir().unwrap();
    let settings = EmbeddedSettings {
        memory_bytes: 60_000,
        disk_reserve_bytes: 0,
        journal_segment_bytes: 8 * 1024,
        journal_bytes_max: 32 * 1024,
        ..EmbeddedSettings::new(directory.path())
    };
    let (store, _) = EmbeddedStore::open(settings.clone()).unwrap();
    let mut follower = Position(0);
    for nth in 0..1_000 {
        create(&store, nth).await;
        // One that keeps up misses nothing.
        let events = store.journal(follower, 10).await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].position, Position(follower.0 + 1));
        follower = events[0].position;
    }
    drop(store);
    let (store, _) = EmbeddedStore::open(settings.clone()).unwrap();
    let Err(JournalError::Gone { first }) = store.journal(Position(0), 10).await else {
        panic!("the journal was not cut back");
    };
    assert!(first > Position(0));
    let rest = store.journal(first, 10_000).await.unwrap();
    let positions: Vec<u64> = rest.iter().map(|recorded| recorded.position.0).collect();
    assert_eq!(positions, (first.0 + 1..=1_000).collect::<Vec<u64>>());
    drop(store);
    assert_eq!(verify(settings, |_| {}).unwrap().problems, Vec::<String>::new());
}
