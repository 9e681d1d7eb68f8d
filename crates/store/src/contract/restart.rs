//! What was answered survives a restart.

use std::sync::Arc;

use query::Filter;

use super::Home;
use super::filters::{exists, greater, number};
use super::trial::Trial;

pub(super) async fn what_was_answered_survives_a_restart(home: &dyn Home) {
    let before = written(home).await;
    assert_eq!(told(&Trial::new(home.open().await)).await, before);
}

pub(super) async fn work_goes_on_after_a_restart(home: &dyn Home) {
    written(home).await;
    let trial = Trial::new(home.open().await).later(60);
    let positions = trial.journal(0, 1_000).await.len();
    trial.refused("create urn:3 Lamp").await;
    trial.done("append urn:3 size=1000").await;
    trial.done("create urn:new Lamp size=2000").await;
    assert_eq!(trial.ids(greater("size", number(500.0))).await, "3 new");
    let journal = trial.journal(positions as u64, 10).await;
    let places: Vec<u64> = journal.iter().map(|recorded| recorded.position.0).collect();
    assert_eq!(places, [positions as u64 + 1, positions as u64 + 2]);
}

pub(super) async fn an_expiry_survives_a_restart(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp expiresAt=2026-04-01T12:00:10Z").await;
    close(trial);
    let trial = Trial::new(home.open().await);
    assert_eq!(trial.later(10).sweep(10).await, 1);
    assert_eq!(trial.census().await, "");
}

pub(super) async fn the_end_of_the_journal_survives_a_restart(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.commit(&["create urn:a Lamp", "create urn:b Lamp"]).await;
    close(trial);
    let trial = Trial::new(home.open().await);
    assert_eq!(trial.store.journal_end().borrow().0, 2);
}

/// Writes some of everything, tells what is there, and closes the store.
async fn written(home: &dyn Home) -> Vec<String> {
    let trial = Trial::new(home.open().await);
    for nth in 0..40 {
        trial.done(&format!("create urn:{nth} Lamp size={nth} label=n{nth}")).await;
    }
    for nth in (0..39).step_by(3) {
        trial.later(1).done(&format!("append urn:{nth} Device size={}", nth + 100)).await;
        trial.later(2).done(&format!("delete urn:{}", nth + 1)).await;
    }
    trial.within("north").done("create urn:a Lamp /Kallio location@24.94,60.17").await;
    trial.put_document("context", "a", Some("1")).await;
    trial.put_document("context", "b", Some("2")).await;
    trial.put_document("context", "b", None).await;
    let told = told(&trial).await;
    close(trial);
    told
}

async fn told(trial: &Trial) -> Vec<String> {
    let north = trial.within("north");
    let mut told = trial.history().await;
    told.push(trial.census().await);
    told.push(trial.ids(Filter::Everything).await);
    told.push(trial.ids(greater("size", number(50.0))).await);
    told.push(trial.shown("urn:3").await);
    told.push(trial.shown("urn:4").await);
    told.push(format!("{:?}", trial.entity("urn:3").await));
    told.push(north.ids(exists("location")).await);
    told.push(format!("{:?}", trial.document("context", "a").await));
    told.push(format!("{:?}", trial.document("context", "b").await));
    told.push(format!("{:?}", trial.store.has_tenant(&north.tenant).await));
    told
}

/// The trial holds the last handle of its store.
fn close(trial: Trial) {
    assert_eq!(Arc::strong_count(&trial.store), 1, "a store is opened again only when let go");
}
