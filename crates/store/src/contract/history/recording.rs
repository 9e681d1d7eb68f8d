//! Every change of an entity is recorded.

use model::Timestamp;

use super::super::Home;
use super::super::notation::at;
use super::Trial;

pub(in crate::contract) async fn what_changes_is_recorded(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0) b=on").await;
    assert_eq!(trial.past("urn:a").await, "Lamp a=1(t=0) b=on(r=0)");
    trial.later(5).done("append urn:a a=2(t=4) c=3").await;
    trial.later(6).done("patch urn:a b=off").await;
    let all = "Lamp a=1(t=0) a=2(t=4) b=on(r=0) b=off(r=6) c=3(r=5)";
    assert_eq!(trial.past("urn:a").await, all);
    assert_eq!(trial.past("urn:b").await, "-");
    let header = header(&trial, "urn:a").await;
    assert_eq!(header, (at(0).instant(), at(6).instant()));
}

pub(in crate::contract) async fn what_stays_as_it_was_is_not_recorded_again(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1 a=2(datasetId=urn:d:1) b=3").await;
    trial.later(5).done("append urn:a a=9(datasetId=urn:d:1)").await;
    let all = "Lamp a=1(r=0) a=2(datasetId=urn:d:1 r=0) a=9(datasetId=urn:d:1 r=5) b=3(r=0)";
    assert_eq!(trial.past("urn:a").await, all);
}

pub(in crate::contract) async fn a_later_reading_of_the_same_moment_takes_the_place(
    home: &dyn Home,
) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0)").await;
    trial.later(5).done("append urn:a a=2(t=0)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp a=2(t=0)");
    trial.later(6).done("append urn:a a=3(t=0 datasetId=urn:d:1)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp a=2(t=0) a=3(datasetId=urn:d:1 t=0)");
    // Observed then is not recorded then.
    trial.later(10).done("append urn:a b=1(t=10)").await;
    trial.later(11).done("append urn:a b=2").await;
    let all = "Lamp a=2(t=0) a=3(datasetId=urn:d:1 t=0) b=1(t=10) b=2(r=11)";
    assert_eq!(trial.past("urn:a").await, all);
}

pub(in crate::contract) async fn changes_at_one_moment_are_told_apart(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for value in 1..=3 {
        trial.done(&format!("put urn:a Lamp a={value}")).await;
    }
    trial.done("delete urn:a").await;
    trial.done("create urn:a Lamp a=4").await;
    let all = "Lamp a=1(r=0) a=2(r=0+1) a=3(r=0+2) -a(r=0+3) a=4(r=0+4)";
    assert_eq!(trial.past("urn:a").await, all);
}

pub(in crate::contract) async fn what_is_deleted_leaves_a_tombstone(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0) a=2(datasetId=urn:d:1) b=3").await;
    trial.later(5).done("delete-attribute urn:a a(datasetId=urn:d:1)").await;
    trial.later(6).done("delete-attribute urn:a b").await;
    trial.later(7).done("append urn:a b=4").await;
    let all = "Lamp a=1(t=0) a=2(datasetId=urn:d:1 r=0) -a(datasetId=urn:d:1 r=5) \
               b=3(r=0) -b(r=6) b=4(r=7)";
    assert_eq!(trial.past("urn:a").await, all);
    trial.later(8).done("replace urn:a Lamp b=5").await;
    let all = "Lamp a=1(t=0) a=2(datasetId=urn:d:1 r=0) -a(datasetId=urn:d:1 r=5) -a(r=8) \
               b=3(r=0) -b(r=6) b=4(r=7) b=5(r=8)";
    assert_eq!(trial.past("urn:a").await, all);
}

pub(in crate::contract) async fn scopes_are_recorded(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp /A").await;
    assert_eq!(trial.past("urn:a").await, r#"Lamp scope="/A"(t=0)"#);
    trial.later(5).done("append urn:a /B /C").await;
    trial.later(6).done("append urn:a a=1").await;
    trial.later(7).done("delete-scope urn:a").await;
    let all = r#"Lamp a=1(r=6) scope="/A"(t=0) scope=["/B","/C"](t=5) -scope(r=7)"#;
    assert_eq!(trial.past("urn:a").await, all);
}

pub(in crate::contract) async fn a_deleted_entity_keeps_its_evolution(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0) b=2").await;
    trial.later(5).done("delete urn:a").await;
    assert_eq!(trial.shown("urn:a").await, "-");
    let all = "Lamp gone=5 a=1(t=0) -a(r=5) b=2(r=0) -b(r=5)";
    assert_eq!(trial.past("urn:a").await, all);
    assert_eq!(header(&trial, "urn:a").await, (at(0).instant(), at(5).instant()));
}

pub(in crate::contract) async fn an_entity_that_comes_back_goes_on(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0)").await;
    trial.later(5).done("delete urn:a").await;
    trial.later(9).done("create urn:a Device a=2(t=9)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp Device a=1(t=0) -a(r=5) a=2(t=9)");
    assert_eq!(header(&trial, "urn:a").await, (at(0).instant(), at(9).instant()));
}

pub(in crate::contract) async fn an_evolution_has_all_types_there_were(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp Device").await;
    assert_eq!(trial.past("urn:a").await, "Lamp Device");
    trial.later(5).done("replace urn:a Street").await;
    trial.later(6).done("append urn:a Device Meter").await;
    assert_eq!(trial.past("urn:a").await, "Lamp Device Street Meter");
}

/// What expires was not deleted by anyone. What was said to expire is forgotten with it (4.22); an
/// entity that expires leaves its past behind.
pub(in crate::contract) async fn what_has_expired_is_forgotten(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let soon = "2026-04-01T12:00:05Z";
    trial.done(&format!("create urn:a Lamp a=1(expiresAt={soon}) b=2")).await;
    trial.done(&format!("create urn:b Lamp expiresAt={soon} a=1")).await;
    let said = format!("Lamp a=1(expiresAt={soon} r=0) b=2(r=0)");
    assert_eq!(trial.past("urn:a").await, said);
    let later = trial.later(9);
    assert_eq!(later.past("urn:a").await, "Lamp b=2(r=0)");
    assert_eq!(later.sweep(10).await, 2);
    assert_eq!(later.past("urn:a").await, "Lamp b=2(r=0)");
    assert_eq!(later.past("urn:b").await, "Lamp gone=9 a=1(r=0)");
}

pub(in crate::contract) async fn evolutions_of_one_tenant_are_hidden_from_another(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let north = trial.within("north");
    trial.done("create urn:a Lamp a=1(t=0)").await;
    north.tell("tell urn:a Meter a=2(t=0)").await;
    north.tell("tell urn:b Meter a=2(t=0)").await;
    assert_eq!(trial.past("urn:a").await, "Lamp a=1(t=0)");
    assert_eq!(north.past("urn:a").await, "Meter a=2(t=0)");
    assert_eq!(trial.past("urn:b").await, "-");
    assert_eq!(trial.within("nor").past("urn:a").await, "-");
    let all = |trial: &Trial| trial.history_question(query::Filter::Everything);
    assert_eq!(super::ids(&trial.ask_history(all(&trial)).await), "a");
    assert_eq!(super::ids(&north.ask_history(all(&north)).await), "a b");
    let south = trial.within("south");
    assert_eq!(super::ids(&south.ask_history(all(&south)).await), "");
    trial.tell("forget urn:a").await;
    assert_eq!(north.past("urn:a").await, "Meter a=2(t=0)");
}

pub(in crate::contract) async fn the_past_survives_a_restart(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for nth in 0..30 {
        trial.later(nth).done(&format!("put urn:a Lamp a={nth}(t={nth}) b={nth}")).await;
        trial.later(nth).tell(&format!("tell urn:b Meter a={nth}(t=-{nth})")).await;
    }
    trial.later(40).done("delete urn:a").await;
    trial.later(41).tell("forget-attribute urn:b a").await;
    trial.later(42).tell("tell urn:b a=7.50(t=41)").await;
    let told = (trial.past("urn:a").await, trial.past("urn:b").await);
    assert_eq!(told.1, "Meter a=7.50(t=41)");
    let headers = (header(&trial, "urn:a").await, header(&trial, "urn:b").await);
    drop(trial);
    let trial = Trial::new(home.open().await).later(50);
    assert_eq!((trial.past("urn:a").await, trial.past("urn:b").await), told);
    assert_eq!((header(&trial, "urn:a").await, header(&trial, "urn:b").await), headers);
    trial.tell("add urn:a a=100(t=100)").await;
    assert!(trial.past("urn:a").await.contains("a=29(t=29) -a(r=40) a=100(t=100)"));
}

/// When the evolution was created, and when its entity changed last.
async fn header(trial: &Trial, id: &str) -> (Timestamp, Timestamp) {
    let answer = trial.recall(id, super::everything()).await.expect("an answer");
    let header = answer.expect("an evolution").evolutions.remove(0).header;
    (header.created_at, header.modified_at)
}
