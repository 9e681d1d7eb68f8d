//! The journal: every change, in order, without gaps.

use model::Tenant;

use super::Home;
use super::notation::{name, show};
use super::trial::Trial;
use crate::Position;

pub(super) async fn the_journal_tells_before_and_after(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp /Kallio a=1 b=2").await;
    trial.later(1).done("append urn:a b=3 c=4").await;
    trial.later(2).done("append urn:a Device").await;
    trial.later(3).done("delete-attribute urn:a a").await;
    trial.later(4).done("delete urn:a").await;
    assert_eq!(
        trial.history().await,
        [
            "1: - => urn:a Lamp /Kallio a=1 b=2",
            "2: urn:a Lamp /Kallio b=2 => urn:a Lamp /Kallio a=1 b=3 c=4",
            "3: urn:a Lamp /Kallio a=1 b=3 c=4 => urn:a Lamp Device /Kallio a=1 b=3 c=4",
            "4: urn:a Lamp Device /Kallio a=1 => urn:a Lamp Device /Kallio b=3 c=4",
            "5: urn:a Lamp Device /Kallio b=3 c=4 => -",
        ]
    );
}

pub(super) async fn an_event_says_where_when_and_what(home: &dyn Home) {
    let trial = Trial::new(home.open().await).within("north");
    trial.done("create urn:a Lamp a=1 b=2").await;
    let committed = trial.later(1).done("append urn:a b=3 c=4").await;
    let recorded = trial.journal(1, 10).await.remove(0);
    assert_eq!(recorded.event, committed.event, "the answer to a commit is what the journal keeps");
    let event = recorded.event;
    assert_eq!((&event.tenant, event.at), (&trial.tenant, trial.later(1).now));
    assert_eq!(event.id.as_str(), "urn:a");
    assert_ne!(event.tenant, Tenant::default());
    let mut changed = event.changed.clone();
    changed.sort();
    assert_eq!(changed, [name("b"), name("c")]);
}

pub(super) async fn positions_have_no_gaps(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for nth in 0..30 {
        let (tenant, nth) = (if nth % 3 == 0 { "north" } else { "south" }, nth / 2);
        let _ = trial.within(tenant).commit(&[&format!("create urn:{nth} Lamp")]).await;
        trial.within(tenant).commit(&["create urn:x Lamp", "delete urn:x"]).await;
    }
    let all = trial.journal(0, 1_000).await;
    let positions: Vec<u64> = all.iter().map(|recorded| recorded.position.0).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>());
    assert!(positions.len() > 60);
}

pub(super) async fn a_reader_takes_the_journal_in_steps(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for nth in 0..25 {
        trial.done(&format!("create urn:{nth} Lamp")).await;
    }
    for step in [1, 2, 7, 24, 25, 26] {
        let mut seen = Vec::new();
        let mut position = Position::default();
        loop {
            let events = trial.journal(position.0, step).await;
            assert!(events.len() <= step, "at most {step}, not {}", events.len());
            let Some(last) = events.last() else { break };
            position = last.position;
            seen.extend(events.iter().map(|recorded| recorded.event.id.to_string()));
        }
        let expected: Vec<String> = (0..25).map(|nth| format!("urn:{nth}")).collect();
        assert_eq!(seen, expected, "in steps of {step}");
    }
    assert!(trial.journal(25, 10).await.is_empty());
    assert!(trial.journal(1_000, 10).await.is_empty());
    assert!(trial.journal(0, 0).await.is_empty());
}

pub(super) async fn a_reader_sees_what_came_since(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp").await;
    assert_eq!(trial.journal(0, 10).await.len(), 1);
    assert!(trial.journal(1, 10).await.is_empty());
    trial.done("create urn:b Lamp").await;
    let since = trial.journal(1, 10).await;
    let shown: Vec<String> =
        since.iter().filter_map(|recorded| recorded.event.after.as_deref().map(show)).collect();
    assert_eq!(shown, ["urn:b Lamp"]);
}

pub(super) async fn a_follower_hears_where_the_journal_ends(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let mut end = trial.store.journal_end();
    assert_eq!(*end.borrow_and_update(), Position(0));
    trial.put_document("context", "a", Some("1")).await;
    assert!(!end.has_changed().expect("the store is open"), "a document is no event");
    trial.done("create urn:a Lamp").await;
    end.changed().await.expect("the store is open");
    assert_eq!(*end.borrow_and_update(), Position(1));
    trial.commit(&["create urn:b Lamp", "create urn:a Lamp", "delete urn:b"]).await;
    end.wait_for(|end| *end == Position(3)).await.expect("the store is open");
    assert_eq!(trial.journal(2, 10).await.len(), 1, "what is up to the end can be read");
}
