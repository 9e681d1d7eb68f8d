//! What has expired is not seen, and a sweep takes it away.

use model::Refused;
use query::Filter;

use super::Home;
use super::filters::exists;
use super::trial::Trial;
use crate::CommitError;

/// Ten seconds after the start of a trial.
const SOON: &str = "expiresAt=2026-04-01T12:00:10Z";

pub(super) async fn what_has_expired_is_not_seen(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done(&format!("create urn:a Lamp {SOON} a=1")).await;
    trial.done(&format!("create urn:b Lamp a=1({SOON}) b=2({SOON}) b=3(datasetId=urn:d)")).await;
    trial.done(&format!("create urn:c Lamp c=1(d=2({SOON}) e=3)")).await;
    let (before, after) = (trial.later(9), trial.later(10));
    assert_eq!(before.ids(Filter::Everything).await, "a b c");
    assert_eq!(before.ids(exists("a")).await, "a b");
    assert_eq!(after.shown("urn:a").await, "-");
    assert_eq!(after.shown("urn:b").await, "urn:b Lamp b=3(datasetId=urn:d)");
    assert_eq!(after.shown("urn:c").await, "urn:c Lamp c=1(e=3)");
    assert_eq!(after.ids(Filter::Everything).await, "b c");
    assert_eq!(after.ids(exists("a")).await, "");
    assert_eq!(after.ids(exists("b")).await, "b");
    let counted = query::Query { count: true, ..after.question(Filter::Everything) };
    assert_eq!(after.ask(counted).await.total, Some(2));
}

pub(super) async fn what_has_expired_is_as_good_as_gone_for_changes(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done(&format!("create urn:a Lamp {SOON} a=1")).await;
    trial.done(&format!("create urn:b Lamp a=1({SOON}) b=2")).await;
    let after = trial.later(10);
    for change in ["append urn:a b=1", "replace urn:a Lamp", "delete urn:a"] {
        let error = after.refused(change).await;
        assert!(matches!(error, CommitError::Refused(Refused::Unknown(_))), "{change}: {error}");
    }
    let error = after.refused("patch urn:b a=2").await;
    assert!(matches!(error, CommitError::Refused(Refused::NoAttribute(_))), "{error}");
    assert!(after.done("create urn:a Meter b=1").await.created);
    assert_eq!(after.shown("urn:a").await, "urn:a Meter b=1");
    assert_eq!(after.ids(exists("a")).await, "");
    after.done("append urn:b c=3").await;
    assert_eq!(after.shown("urn:b").await, "urn:b Lamp b=2 c=3");
    assert_eq!(
        after.census().await,
        "Lamp=1 Meter=1 Lamp.b:Property=1 Meter.b:Property=1 Lamp.c:Property=1"
    );
}

pub(super) async fn a_sweep_takes_away_what_has_expired(home: &dyn Home) {
    let trial = Trial::new(home.open().await).within("north");
    trial.done(&format!("create urn:a Lamp {SOON} a=1")).await;
    trial.done(&format!("create urn:b Meter a=1({SOON}) b=2")).await;
    trial.done(&format!("create urn:c Lamp a=1(b=2({SOON}))")).await;
    trial.done("create urn:d Lamp expiresAt=2026-04-01T12:00:11Z").await;
    assert_eq!(trial.later(9).sweep(100).await, 0);
    assert_eq!(trial.history().await.len(), 4);
    let after = trial.later(10);
    assert_eq!(after.sweep(100).await, 3);
    let mut events: Vec<String> = after.history().await.split_off(4);
    events.iter_mut().for_each(|event| drop(event.drain(..3)));
    events.sort();
    assert_eq!(
        events,
        [
            "urn:a Lamp expiresAt=2026-04-01T12:00:10Z a=1 => -".to_owned(),
            format!("urn:b Meter a=1({SOON}) => urn:b Meter b=2"),
            format!("urn:c Lamp a=1(b=2({SOON})) => urn:c Lamp a=1"),
        ]
    );
    assert_eq!(after.census().await, "Lamp=2 Meter=1 Lamp.a:Property=1 Meter.b:Property=1");
    assert_eq!(after.sweep(100).await, 0, "what is gone is not swept again");
    // At an earlier moment it would be seen again, were it still there.
    assert_eq!(trial.shown("urn:a").await, "-");
    assert_eq!(trial.ids(exists("a")).await, "c");
}

pub(super) async fn two_parts_may_expire_at_one_moment(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done(&format!("create urn:a Lamp a=1({SOON}) b=2({SOON}) c=3")).await;
    trial.done("update urn:a a=4").await;
    assert_eq!(trial.later(10).sweep(100).await, 1);
    assert_eq!(trial.shown("urn:a").await, "urn:a Lamp a=4 c=3");
}

pub(super) async fn a_sweep_has_a_limit(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for nth in 0..10 {
        trial.done(&format!("create urn:{nth} Lamp {SOON}")).await;
    }
    let after = trial.later(10);
    let swept = [after.sweep(4).await, after.sweep(4).await, after.sweep(4).await];
    assert_eq!(swept, [4, 4, 2]);
    assert_eq!(after.census().await, "");
}

pub(super) async fn a_moment_put_off_is_put_off(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done(&format!("create urn:a Lamp {SOON} a=1({SOON})")).await;
    trial.done(&format!("create urn:b Lamp {SOON}")).await;
    trial
        .done("merge urn:a expiresAt=2026-04-01T12:01:00Z a(expiresAt=2026-04-01T12:02:00Z)")
        .await;
    trial.done("merge urn:b -expiresAt").await;
    let after = trial.later(10);
    assert_eq!(after.ids(Filter::Everything).await, "a b");
    assert_eq!(after.sweep(100).await, 0);
    assert_eq!(trial.later(60).sweep(100).await, 1);
    assert_eq!(trial.later(60).ids(Filter::Everything).await, "b");
}
