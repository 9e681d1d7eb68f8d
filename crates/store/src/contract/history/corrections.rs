//! What was recorded can be corrected, and forgotten.

use model::InstanceId;

use super::super::Home;
use super::super::notation::{id, name};
use super::Trial;

const NO_READING: &str = "has no instance";

pub(in crate::contract) async fn a_reading_is_corrected(home: &dyn Home) {
    let trial = told(home).await;
    let second = instance_id(&trial, "a", 2).await;
    trial.later(50).tell(&format!("correct urn:a {second} a=20")).await;
    assert_eq!(trial.past("urn:a").await, PAST.replace("a=2(", "a=20("));
    assert_eq!(trial.shown("urn:a").await, NOW, "the entity stays as it is");
    let reading = &readings(&trial, "a").await[2];
    assert_eq!((reading.created_at(), reading.modified_at()), (trial.now, trial.later(50).now));
}

pub(in crate::contract) async fn a_corrected_reading_may_move(home: &dyn Home) {
    let trial = told(home).await;
    let second = instance_id(&trial, "a", 2).await;
    trial.later(50).tell(&format!("correct urn:a {second} a=20(t=-1)")).await;
    let all = "Lamp a=1(t=-30) a=9(datasetId=urn:d:1 t=-30) a=20(t=-1) b=on(r=0)";
    assert_eq!(trial.past("urn:a").await, all);
    assert!(trial.not_told(&format!("correct urn:a {second} a=1")).await.contains(NO_READING));
    // Onto the moment of another.
    let moved = instance_id(&trial, "a", 2).await;
    trial.later(60).tell(&format!("correct urn:a {moved} a=21(t=-30)")).await;
    let all = "Lamp a=21(t=-30) a=9(datasetId=urn:d:1 t=-30) b=on(r=0)";
    assert_eq!(trial.past("urn:a").await, all);
    // Into another dataset.
    let moved = instance_id(&trial, "a", 0).await;
    trial.later(70).tell(&format!("correct urn:a {moved} a=22(datasetId=urn:d:2)")).await;
    let all = "Lamp a=9(datasetId=urn:d:1 t=-30) a=22(datasetId=urn:d:2 t=-30) b=on(r=0)";
    assert_eq!(trial.past("urn:a").await, all);
    // Without a moment of its own, it was made when it was recorded.
    let undated = instance_id(&trial, "b", 0).await;
    trial.later(80).tell(&format!("correct urn:a {undated} b=off")).await;
    assert_eq!(trial.past("urn:a").await, all.replace("b=on(r=0)", "b=off(r=80)"));
}

pub(in crate::contract) async fn a_corrected_reading_may_be_a_deletion(home: &dyn Home) {
    let trial = told(home).await;
    let second = instance_id(&trial, "a", 2).await;
    trial.later(50).tell(&format!("correct urn:a {second} -a")).await;
    assert_eq!(trial.past("urn:a").await, PAST.replace("a=2(", "-a("));
    let reading = &readings(&trial, "a").await[2];
    assert_eq!(reading.deleted_at(), Some(trial.later(50).now));
}

pub(in crate::contract) async fn a_reading_is_forgotten(home: &dyn Home) {
    let trial = told(home).await;
    for (attribute, nth) in [("a", 0), ("b", 0), ("a", 0)] {
        let one = instance_id(&trial, attribute, nth).await;
        trial.later(50).tell(&format!("forget-reading urn:a {attribute} {one}")).await;
    }
    assert_eq!(trial.past("urn:a").await, "Lamp a=2(t=-20)");
    assert_eq!(trial.shown("urn:a").await, NOW, "the entity stays as it is");
    let last = instance_id(&trial, "a", 0).await;
    trial.later(50).tell(&format!("forget-reading urn:a a {last}")).await;
    assert_eq!(trial.past("urn:a").await, "Lamp", "an evolution stays without readings");
    trial.later(50).tell("add urn:a a=3(t=-20)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp a=3(t=-20)");
}

pub(in crate::contract) async fn a_reading_must_be_there(home: &dyn Home) {
    let trial = told(home).await;
    let first = instance_id(&trial, "a", 0).await;
    let of_b = instance_id(&trial, "b", 0).await;
    let elsewhere =
        InstanceId::new(&id("urn:b"), &name("a"), None, readings(&trial, "a").await[0].moment());
    for (wrong, problem) in [
        (format!("c {first}"), "the entity has no attribute"),
        (format!("b {first}"), NO_READING),
        (format!("a {of_b}"), NO_READING),
        (format!("a {elsewhere}"), NO_READING),
        ("a urn:x".to_owned(), NO_READING),
    ] {
        let told = trial.not_told(&format!("forget-reading urn:a {wrong}")).await;
        assert!(told.contains(problem), "{told}");
        let (attribute, instance) = wrong.split_once(' ').expect("two words");
        let told = trial.not_told(&format!("correct urn:a {instance} {attribute}=1")).await;
        assert!(told.contains(problem), "{told}");
    }
    assert_eq!(trial.past("urn:a").await, PAST);
}

pub(in crate::contract) async fn an_attribute_is_forgotten(home: &dyn Home) {
    let trial = told(home).await;
    let refused = trial.not_told("forget-attribute urn:a c*").await;
    assert!(refused.contains("the entity has no attribute"), "{refused}");
    let refused = trial.not_told("forget-attribute urn:a a(datasetId=urn:d:2)").await;
    assert!(refused.contains("no instance with datasetId `urn:d:2`"), "{refused}");
    trial.tell("forget-attribute urn:a a").await;
    assert_eq!(trial.past("urn:a").await, "Lamp a=9(datasetId=urn:d:1 t=-30) b=on(r=0)");
    let refused = trial.not_told("forget-attribute urn:a a").await;
    assert!(refused.contains("has no default instance"), "{refused}");
    trial.tell("forget-attribute urn:a a(datasetId=urn:d:1)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp b=on(r=0)");
    trial.tell("forget-attribute urn:a b*").await;
    assert_eq!(trial.past("urn:a").await, "Lamp");
    assert_eq!(trial.shown("urn:a").await, NOW, "the entity stays as it is");
    trial.tell("add urn:a a=1(t=-40) b=2(t=-40)").await;
    trial.tell("forget-attribute urn:a a*").await;
    assert_eq!(trial.past("urn:a").await, "Lamp b=2(t=-40)");
}

pub(in crate::contract) async fn an_evolution_is_forgotten(home: &dyn Home) {
    let trial = told(home).await;
    trial.tell("forget urn:a").await;
    assert_eq!(trial.past("urn:a").await, "-");
    assert_eq!(trial.shown("urn:a").await, NOW, "the entity stays as it is");
    let everything = trial.history_question(query::Filter::Everything);
    assert_eq!(super::ids(&trial.ask_history(everything).await), "");
    assert_eq!(trial.not_told("forget urn:a").await, "entity `urn:a` does not exist");
    trial.later(5).done("append urn:a c=1(t=5)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp c=1(t=5)");
    trial.tell("forget urn:a").await;
    trial.later(7).tell("add urn:a a=1(t=-50)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp a=1(t=-50)");
}

pub(in crate::contract) async fn a_forgotten_evolution_of_a_deleted_entity_is_gone(
    home: &dyn Home,
) {
    let trial = told(home).await;
    trial.later(5).done("delete urn:a").await;
    trial.later(6).tell("forget urn:a").await;
    assert_eq!(trial.past("urn:a").await, "-");
    let unknown = "entity `urn:a` does not exist";
    assert_eq!(trial.later(7).not_told("add urn:a Lamp a=1(t=0)").await, unknown);
    assert!(trial.later(7).tell("tell urn:a Meter a=5(t=0)").await.created);
    assert_eq!(trial.past("urn:a").await, "Meter a=5(t=0)");
}

const PAST: &str = "Lamp a=1(t=-30) a=9(datasetId=urn:d:1 t=-30) a=2(t=-20) b=on(r=0)";
const NOW: &str = "urn:a Lamp a=2(observedAt=2026-04-01T11:59:40Z) \
                   a=9(datasetId=urn:d:1 observedAt=2026-04-01T11:59:30Z) b=on";

async fn told(home: &dyn Home) -> Trial {
    let trial = Trial::new(home.open().await);
    trial.tell("tell urn:a Lamp a=1(t=-30) a=2(t=-20) a=9(t=-30 datasetId=urn:d:1) b=on").await;
    assert_eq!(trial.shown("urn:a").await, NOW);
    trial
}

async fn readings(trial: &Trial, attribute: &str) -> Vec<model::Reading> {
    let answer = trial.recall("urn:a", super::everything()).await.expect("an answer");
    let attributes = answer.expect("an evolution").evolutions.remove(0).attributes;
    let found = attributes.into_iter().find(|(known, _)| *known == name(attribute));
    match found {
        Some((_, crate::Told::Readings(readings))) => readings,
        other => panic!("no readings: {other:?}"),
    }
}

async fn instance_id(trial: &Trial, attribute: &str, nth: usize) -> InstanceId {
    let reading = &readings(trial, attribute).await[nth];
    InstanceId::new(&id("urn:a"), &name(attribute), reading.dataset_id(), reading.moment())
}
