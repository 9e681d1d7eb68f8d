//! Counts are what counting would give.

use super::Home;
use super::trial::Trial;

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
