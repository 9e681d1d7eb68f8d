//! What a commit answers, and what it leaves behind.

use std::sync::Arc;

use model::{Attributes, Change, Json, Name, Operation, Refused, TypeSelector};
use query::Filter;

use super::Home;
use super::notation::{change, draft, entity, id, name, show};
use super::trial::Trial;
use crate::CommitError;

pub(super) async fn a_created_entity_is_there_at_once(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let committed = trial.done("create urn:a Lamp brightness=60").await;
    assert!(committed.created);
    assert_eq!(committed.updated, [name("brightness")]);
    assert_eq!(committed.not_updated, []);
    let entity = trial.entity("urn:a").await.expect("the entity just created");
    assert_eq!(show(&entity), "urn:a Lamp brightness=60");
    assert_eq!(committed.event.after, Some(entity.clone()));
    assert_eq!((entity.created_at, entity.modified_at), (trial.now, trial.now));
    assert_eq!(trial.ids(Filter::Everything).await, "a");
}

pub(super) async fn creating_twice_is_refused(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp brightness=60").await;
    let error = trial.refused("create urn:a Lamp brightness=70").await;
    assert!(matches!(error, CommitError::Refused(Refused::Exists(_))), "{error}");
    assert_eq!(trial.shown("urn:a").await, "urn:a Lamp brightness=60");
}

pub(super) async fn a_replacement_keeps_only_the_moment_of_creation(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp /Kallio brightness=60 state=on").await;
    for (seconds, verb) in [(10, "replace"), (20, "put")] {
        let later = trial.later(seconds);
        let committed = later.done(&format!("{verb} urn:a Device state={verb}")).await;
        assert!(!committed.created);
        let entity = later.entity("urn:a").await.expect("the entity just replaced");
        assert_eq!(show(&entity), format!("urn:a Device state={verb}"));
        assert_eq!((entity.created_at, entity.modified_at), (trial.now, later.now));
    }
}

pub(super) async fn what_may_create_creates(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    assert!(trial.done("put urn:a Lamp brightness=60").await.created);
    assert!(trial.done("upsert urn:b Lamp brightness=60").await.created);
    let committed = trial.done("upsert urn:b Lamp state=on").await;
    assert!(!committed.created);
    assert_eq!(trial.shown("urn:a").await, "urn:a Lamp brightness=60");
    assert_eq!(trial.shown("urn:b").await, "urn:b Lamp brightness=60 state=on");
}

pub(super) async fn what_may_not_create_needs_an_entity(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for change in [
        "replace urn:a Lamp brightness=60",
        "append urn:a brightness=60",
        "update urn:a brightness=60",
        "merge urn:a brightness=60",
        "patch urn:a brightness=60",
        "set urn:a brightness=60",
        "delete-attribute urn:a brightness",
        "delete urn:a",
    ] {
        let error = trial.refused(change).await;
        assert!(matches!(error, CommitError::Refused(Refused::Unknown(_))), "{change}: {error}");
    }
    assert_eq!(trial.shown("urn:a").await, "-");
    assert_eq!(trial.ids(Filter::Everything).await, "");
}

/// Before, a change to it, and after.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("a=1 b=2", "append # b=3 c=4", "a=1 b=3 c=4"),
    ("a=1 b=2", "append-new # b=3 c=4", "a=1 b=2 c=4"),
    ("a=1 b=2", "update # b=3 -a", "b=3"),
    ("a=1 b=2", "merge # b=3", "a=1 b=3"),
    (r#"a={"x":1,"y":2}"#, r#"merge # a={"y":3}"#, r#"a={"x":1,"y":3}"#),
    ("a=1(unitCode=LX)", "patch # a=2", "a=2(unitCode=LX)"),
    ("a=1(unitCode=LX)", "replace-attribute # a=2", "a=2"),
    ("a=1(unitCode=LX)", "set # a=2", "a=2(unitCode=LX)"),
    ("a=1 b=2", "delete-attribute # a", "b=2"),
    ("a=1(datasetId=urn:d) a=2 b=3", "delete-attribute # a", "a=1(datasetId=urn:d) b=3"),
    ("a=1(datasetId=urn:d) a=2 b=3", "delete-attribute # a*", "b=3"),
    ("/Kallio a=1", "delete-scope #", "a=1"),
    ("a=1 b=2 c=3", "drop # a c", "b=2"),
    ("a=1 b=2 c=3", "retain # a c", "a=1 c=3"),
    ("a=1", "append # Device /Kallio", "Device /Kallio a=1"),
];

pub(super) async fn every_operation_does_what_the_model_says(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for (nth, (before, change, after)) in OPERATIONS.iter().enumerate() {
        let id = format!("urn:{nth}");
        trial.done(&format!("create {id} Lamp {before}")).await;
        let committed = trial.later(1).done(&change.replace('#', &id)).await;
        let expected = format!("{id} Lamp {after}");
        assert_eq!(trial.shown(&id).await, expected, "{change}");
        assert_eq!(committed.event.after.as_deref().map(show), Some(expected), "{change}");
    }
}

pub(super) async fn an_append_tells_what_it_left_alone(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1").await;
    let committed = trial.done("append-new urn:a a=2 b=3").await;
    assert_eq!(committed.updated, [name("b")]);
    assert_eq!(committed.not_updated, [name("a")]);
}

pub(super) async fn a_deleted_entity_is_gone_and_may_come_again(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp brightness=60").await;
    let committed = trial.done("delete urn:a").await;
    assert!(!committed.created);
    assert_eq!(committed.event.after, None);
    assert_eq!(trial.shown("urn:a").await, "-");
    assert_eq!(trial.ids(Filter::Types(TypeSelector::Is(name("Lamp")))).await, "");
    assert_eq!(trial.census().await, "");
    let later = trial.later(60);
    assert!(later.done("create urn:a Meter").await.created);
    let entity = later.entity("urn:a").await.expect("the entity created again");
    assert_eq!((show(&entity).as_str(), entity.created_at), ("urn:a Meter", later.now));
}

pub(super) async fn an_entity_of_other_types_is_left_alone(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp brightness=60").await;
    let delete = |wanted: &str| Change {
        types: Some(TypeSelector::Is(name(wanted))),
        ..change("delete urn:a")
    };
    let error = trial.make(vec![delete("Meter")]).await.remove(0).expect_err("another type");
    assert!(matches!(error, CommitError::OtherType(_)), "{error}");
    assert_eq!(trial.shown("urn:a").await, "urn:a Lamp brightness=60");
    trial.make(vec![delete("Lamp")]).await.remove(0).expect("its own type");
    assert_eq!(trial.shown("urn:a").await, "-");
}

pub(super) async fn later_changes_of_one_call_see_earlier_ones(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let outcomes = trial
        .commit(&[
            "create urn:a Lamp brightness=1",
            "append urn:a state=on",
            "create urn:a Lamp",
            "delete urn:a",
            "append urn:a state=off",
            "create urn:a Meter",
        ])
        .await;
    let done: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, true, false, true, false, true]);
    let append = outcomes[1].as_ref().expect("an append");
    assert_eq!(
        append.event.after.as_deref().map(show),
        Some("urn:a Lamp brightness=1 state=on".into())
    );
    assert_eq!(trial.shown("urn:a").await, "urn:a Meter");
    assert_eq!(trial.history().await.len(), 4);
}

pub(super) async fn a_change_that_fails_leaves_the_others_alone(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let outcomes =
        trial.commit(&["create urn:a Lamp", "append urn:none state=on", "create urn:b Lamp"]).await;
    let ids: Vec<String> =
        outcomes.iter().flatten().map(|committed| committed.event.id.to_string()).collect();
    assert_eq!(ids, ["urn:a", "urn:b"]);
    assert!(outcomes[1].is_err(), "answers stand in the order of the changes");
    assert_eq!(trial.ids(Filter::Everything).await, "a b");
}

pub(super) async fn no_changes_are_nothing(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    assert!(trial.commit(&[]).await.is_empty());
    assert_eq!(trial.history().await, [""; 0]);
}

pub(super) async fn what_is_refused_leaves_nothing_behind(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp brightness=60").await;
    let before = (trial.history().await, trial.census().await);
    for change in [
        "create urn:a Meter state=on",
        "append urn:none state=on",
        "patch urn:a nothing=1",
        "patch urn:a brightness->urn:b",
        "delete-attribute urn:a nothing",
        "delete-scope urn:a",
        "delete urn:none",
    ] {
        trial.later(1).refused(change).await;
    }
    assert_eq!((trial.history().await, trial.census().await), before);
    assert_eq!(trial.shown("urn:a").await, "urn:a Lamp brightness=60");
    assert_eq!(trial.ids(Filter::Everything).await, "a");
    let entity = trial.entity("urn:a").await.expect("the entity");
    assert_eq!(entity.modified_at, trial.now);
}

/// One entity each.
const VALUES: &[&str] = &[
    r#"a=1.00000000000000000001 b=-0.0 c=1e400 d="\u00e4\n\"x\"" e={"z":[1,{}],"a":null} f=true"#,
    r#"a="" b=[] c={} d=null e="urn:x:y" f="2026-04-01T12:00:00Z" g="12:00:00Z""#,
    "a->urn:x b->[urn:x] c->[urn:x,urn:y] d=>[urn:y,urn:x] e^Red f^[Red] g^[Red,Blue]",
    r#"a~{"fi":"katu","sv":["gata","väg"]} b:={"a":{"b":[1]}} c#[1,"x",[2]] d:=5"#,
    "a@24.94,60.17 b@24.94,60.17,3.5 c@-180,-90 d@LineString[[0,0],[1.5,1]]",
    "a@Polygon[[[0,0],[1,0],[1,1],[0,0]]] b@MultiPoint[[1,2],[3,4]]",
    "a=1(datasetId=urn:d:1) a=2 a->urn:x(datasetId=urn:d:2)",
    "a=1(observedAt=2026-04-01T12:00:00.500Z) b=1(observedAt=1969-12-31T23:59:59.1Z)",
    "a=1(unitCode=LX valueType=Integer) b->urn:x(objectType=[Street,Road])",
    r#"a=1(expiresAt=2036-01-01T00:00:00Z by->urn:p(since="x (y)" at@1,2(of=z)))"#,
    "a=1(by->urn:p by->urn:q(datasetId=urn:d))",
    "/Kallio /Kallio/North expiresAt=2036-01-01T00:00:00.25Z a=1",
];

/// All that the model can hold reads back, down to digits and the order of members.
pub(super) async fn every_value_comes_back_as_it_was(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for (nth, attributes) in VALUES.iter().enumerate() {
        let text = format!("urn:{nth} Lamp {attributes}");
        trial.done(&format!("create {text}")).await;
        let found = trial.entity(&format!("urn:{nth}")).await;
        assert_eq!(found.as_deref(), Some(&entity(&text, trial.now)), "{text}");
    }
}

pub(super) async fn members_without_a_meaning_come_back_too(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let mut create = change("create urn:a Lamp");
    let mut whole = draft("Lamp proof=1");
    let mut attributes: Vec<_> = whole.attributes.into_iter().collect();
    let extra: (Name, Json) = (name("entityIdSealed"), Json::text("urn:a"));
    attributes[0].instances[0].extras.push(extra.clone());
    whole.attributes = Attributes::new(attributes);
    create.operation = Operation::Create(whole);
    trial.make(vec![create]).await.remove(0).expect("a create");
    let entity = trial.entity("urn:a").await.expect("the entity");
    let instance = entity.attributes.iter().flat_map(|attribute| &attribute.instances).next();
    assert_eq!(instance.map(|instance| instance.extras.clone()), Some(vec![extra]));
}

pub(super) async fn an_id_may_be_any_uri(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let long = format!("urn:{}", "x".repeat(1_000));
    let ids = ["urn:a", "urn:a:", "urn:a:b", "URN:A", "http://x.org/a?b#c", "urn:städte:ü", &long];
    for text in ids {
        trial.done(&format!("create {text} Lamp of={}", text.len())).await;
    }
    for text in ids {
        let entity: Option<Arc<_>> = trial.entity(text).await;
        assert_eq!(entity.map(|entity| entity.id.clone()), Some(id(text)));
    }
    let all = trial.ask(trial.question(Filter::Everything)).await;
    assert_eq!(all.entities.len(), ids.len());
}
