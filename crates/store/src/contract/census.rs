//! Counts are what counting would give.

use super::Home;
use super::trial::Trial;
use crate::CommitError;

pub(super) async fn the_census_is_what_counting_would_give(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for (change, census) in [
        ("create urn:a Lamp a=1", "Lamp=1 Lamp.a:Property=1"),
        ("create urn:b Lamp Device a=1", "Device=1 Lamp=2 Device.a:Property=1 Lamp.a:Property=2"),
        ("delete urn:a", "Device=1 Lamp=1 Device.a:Property=1 Lamp.a:Property=1"),
        ("replace urn:b Lamp a->urn:x", "Lamp=1 Lamp.a:Relationship=1"),
        // An attribute whose instances differ in kind counts once for each kind.
        (
            "append urn:b a=1(datasetId=urn:d:1) a=2(datasetId=urn:d:2)",
            "Lamp=1 Lamp.a:Property=1 Lamp.a:Relationship=1",
        ),
        ("delete-attribute urn:b a", "Lamp=1 Lamp.a:Property=1"),
        ("append urn:b Device", "Device=1 Lamp=1 Device.a:Property=1 Lamp.a:Property=1"),
        (
            "append urn:b a=3(datasetId=urn:d:1)",
            "Device=1 Lamp=1 Device.a:Property=1 Lamp.a:Property=1",
        ),
        ("delete-attribute urn:b a*", "Device=1 Lamp=1"),
        // Attributes of attributes do not count.
        ("append urn:b b=1(c=2)", "Device=1 Lamp=1 Device.b:Property=1 Lamp.b:Property=1"),
        ("delete urn:b", ""),
    ] {
        trial.done(change).await;
        assert_eq!(trial.census().await, census, "{change}");
    }
}

pub(super) async fn a_census_is_of_many(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for nth in 0..200 {
        let kind = if nth % 2 == 0 { "Lamp" } else { "Meter" };
        trial.done(&format!("create urn:{nth} {kind} a={nth}")).await;
    }
    for nth in 0..200 {
        if nth % 5 == 0 {
            trial.done(&format!("delete urn:{nth}")).await;
        }
    }
    assert_eq!(trial.census().await, "Lamp=80 Meter=80 Lamp.a:Property=80 Meter.a:Property=80");
}

pub(super) async fn a_tenant_has_no_more_entities_than_it_may(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let others = trial.within("others");
    trial.done("create urn:a Lamp Device a=1").await;
    trial.store.limit_entities(&trial.tenant, Some(2));
    let told = |outcomes: Vec<Result<_, CommitError>>| -> Vec<String> {
        let words = |error| match error {
            CommitError::OverQuota { entities, max } => format!("{entities} of {max}"),
            other => other.to_string(),
        };
        outcomes.into_iter().map(|outcome| outcome.err().map(words).unwrap_or_default()).collect()
    };
    let outcomes = trial
        .commit(&[
            "create urn:b Lamp",
            "create urn:c Lamp",
            // What is there may change, and go to make room.
            "append urn:a b=2",
            "delete urn:a",
            "put urn:c Lamp",
            "upsert urn:d Lamp",
        ])
        .await;
    let outcomes = told(outcomes.into_iter().map(|outcome| outcome.map(drop)).collect());
    assert_eq!(outcomes, ["", "2 of 2", "", "", "", "2 of 2"]);
    let outcomes = trial.chronicle(&["tell urn:e Lamp a=1(t=-9)", "tell urn:b Lamp a=1(t=-9)"]);
    let outcomes = outcomes.await.into_iter().map(|outcome| outcome.map(drop)).collect();
    assert_eq!(told(outcomes), ["2 of 2", ""]);
    assert_eq!(trial.counted().await, 2);
    // A limit below what is there removes nothing, and others have their own.
    trial.store.limit_entities(&trial.tenant, Some(1));
    assert_eq!(trial.counted().await, 2);
    for nth in 0..3 {
        others.done(&format!("create urn:{nth} Lamp")).await;
    }
    trial.store.limit_entities(&trial.tenant, None);
    trial.done("create urn:e Lamp").await;
    assert_eq!((trial.counted().await, others.counted().await), (3, 3));
}
