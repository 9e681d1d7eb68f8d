//! Readings come in other ways than as changes of an entity: late, in bulk, of entities unknown.

use super::super::Home;
use super::Trial;

pub(in crate::contract) async fn readings_make_an_entity(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let told = trial.tell("tell urn:a Lamp a=1(t=-20) a=2(t=-10) b=on /A(t=-5)").await;
    assert!(told.created && told.event.is_some());
    assert_eq!(trial.shown("urn:a").await, observed("urn:a Lamp /A a=2(t=-10) b=on"));
    let past = trial.past("urn:a").await;
    assert!(past.starts_with("Lamp a=1(t=-20) a=2(t=-10) b=on(r=0) "), "{past}");
    assert!(past.contains(r#"scope="/A"(t=-5)"#), "{past}");
    let journal = trial.journal(0, 10).await;
    assert_eq!(journal.len(), 1);
    assert_eq!(Some(&journal[0].event), told.event.as_ref());
}

pub(in crate::contract) async fn readings_are_added_to_an_evolution(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0)").await;
    let later = trial.later(20);
    assert!(!later.tell("tell urn:a a=0(t=-5) c=1(t=-5) -c(t=-4)").await.created);
    assert!(!later.tell("add urn:a a=0.5(t=-2)").await.created);
    let all = "Lamp a=0(t=-5) a=0.5(t=-2) a=1(t=0) c=1(t=-5) -c(t=-4)";
    assert_eq!(trial.past("urn:a").await, all);
    assert_eq!(trial.shown("urn:a").await, observed("urn:a Lamp a=1(t=0)"));
    assert_eq!(trial.journal(0, 10).await.len(), 1, "nothing of the entity changed");
}

pub(in crate::contract) async fn what_is_newer_becomes_what_the_entity_says(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0) b=on").await;
    let later = trial.later(20);
    let told = later.tell("tell urn:a a=3(t=15) a=2(t=10) c=7(t=12) b=off(t=-1)").await;
    assert!(!told.created);
    let now = observed("urn:a Lamp a=3(t=15) b=on c=7(t=12)");
    assert_eq!(later.shown("urn:a").await, now);
    assert_eq!(later.entity("urn:a").await.expect("the entity").modified_at, later.now);
    let all = "Lamp a=1(t=0) a=2(t=10) a=3(t=15) b=off(t=-1) b=on(r=0) c=7(t=12)";
    assert_eq!(trial.past("urn:a").await, all);
    let journal = trial.journal(1, 10).await;
    assert_eq!(journal.len(), 1);
    assert_eq!(Some(&journal[0].event), told.event.as_ref());
}

pub(in crate::contract) async fn readings_of_the_future_are_only_recorded(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0)").await;
    assert!(trial.later(20).tell("add urn:a a=9(t=500)").await.event.is_none());
    assert_eq!(trial.shown("urn:a").await, observed("urn:a Lamp a=1(t=0)"));
    assert_eq!(trial.past("urn:a").await, "Lamp a=1(t=0) a=9(t=500)");
    trial.later(30).tell("tell urn:b Lamp a=9(t=500)").await;
    assert_eq!(trial.shown("urn:b").await, "urn:b Lamp");
    assert_eq!(trial.past("urn:b").await, "Lamp a=9(t=500)");
}

pub(in crate::contract) async fn readings_without_a_moment_are_all_kept(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.tell("tell urn:a Lamp a=1 a=2 a=3(t=-1) a=4 b=5").await;
    let all = "Lamp a=3(t=-1) a=1(r=0) a=2(r=0+1) a=4(r=0+2) b=5(r=0)";
    assert_eq!(trial.past("urn:a").await, all);
    trial.tell("add urn:a a=6").await;
    trial.tell("add urn:a a=7").await;
    let all = all.replace(" b=", " a=6(r=0+3) a=7(r=0+4) b=");
    assert_eq!(trial.past("urn:a").await, all);
}

pub(in crate::contract) async fn of_two_readings_of_one_moment_the_later_stays(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.tell("tell urn:a Lamp a=1(t=-1) a=2(t=-1) a=3(t=-1 datasetId=urn:d:1)").await;
    trial.later(5).tell("tell urn:a a=x(t=-1 unitCode=LX)").await;
    let all = "Lamp a=x(unitCode=LX t=-1) a=3(datasetId=urn:d:1 t=-1)";
    assert_eq!(trial.past("urn:a").await, all);
    trial.later(6).tell("tell urn:a -a(t=-1)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp -a(t=-1) a=3(datasetId=urn:d:1 t=-1)");
}

pub(in crate::contract) async fn readings_do_not_bring_an_entity_back(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0)").await;
    trial.later(5).done("delete urn:a").await;
    for verb in ["tell urn:a Device", "add urn:a"] {
        let told = trial.later(9).tell(&format!("{verb} a=2(t=8)")).await;
        assert!(!told.created && told.event.is_none());
    }
    assert_eq!(trial.later(9).shown("urn:a").await, "-");
    assert_eq!(trial.past("urn:a").await, "Lamp Device gone=5 a=1(t=0) -a(r=5) a=2(t=8)");
}

pub(in crate::contract) async fn types_of_readings_are_those_of_the_evolution(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0)").await;
    trial.later(5).tell("tell urn:a Device a=2(t=4)").await;
    trial.later(5).tell("add urn:a Device Meter a=3(t=-4)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp Device Meter a=3(t=-4) a=1(t=0) a=2(t=4)");
    assert_eq!(trial.shown("urn:a").await, observed("urn:a Lamp a=2(t=4)"));
}

pub(in crate::contract) async fn an_evolution_needs_an_entity_or_types(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let unknown = "entity `urn:a` does not exist";
    let untyped = "entity `urn:a` has no temporal evolution, and cannot get one without a type";
    for tenant in ["", "north"] {
        let trial = trial.within(tenant);
        assert_eq!(trial.not_told("tell urn:a a=1(t=0)").await, untyped);
        for change in [
            "add urn:a Lamp a=1(t=0)",
            "forget urn:a",
            "forget-attribute urn:a a*",
            "forget-reading urn:a a urn:x",
            "correct urn:a urn:x a=1",
        ] {
            assert_eq!(trial.not_told(change).await, unknown, "{change}");
        }
        assert_eq!(trial.past("urn:a").await, "-");
    }
    let north = trial.within("north").tenant;
    assert!(!trial.store.has_tenant(&north).await.expect("an answer"), "refusals create nothing");
    trial.within("north").tell("tell urn:a Lamp").await;
    assert!(trial.store.has_tenant(&north).await.expect("an answer"));
    assert_eq!(trial.within("north").past("urn:a").await, "Lamp");
}

pub(in crate::contract) async fn later_chronicles_of_one_call_see_earlier_ones(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let outcomes = trial
        .chronicle(&[
            "add urn:a a=1(t=-9)",
            "tell urn:a Lamp a=1(t=-9)",
            "add urn:a a=2(t=-5)",
            "forget-attribute urn:a b",
            "add urn:a a=3(t=-5)",
            "forget-attribute urn:a a",
            "add urn:a a=4(t=-4)",
        ])
        .await;
    let told: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(told, [false, true, true, false, true, true, true]);
    assert_eq!(trial.past("urn:a").await, "Lamp a=4(t=-4)");
}

/// What an entity shows of a moment in the notation.
fn observed(text: &str) -> String {
    let at = super::at;
    let seconds = |text: &str| text.parse().expect("seconds");
    let words: Vec<String> = text
        .split("t=")
        .enumerate()
        .map(|(nth, part)| match part.split_once(')') {
            Some((number, rest)) if nth > 0 => format!("observedAt={}){rest}", at(seconds(number))),
            _ => part.to_owned(),
        })
        .collect();
    words.concat()
}
