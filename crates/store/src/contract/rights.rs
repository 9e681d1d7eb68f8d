//! What a caller may not see is not there for it, whatever it asks; and what it may not change stays.

use query::Direction::{Ascending, Descending};
use query::{
    Comparison, Condition, Filter, GeoCondition, GeoRelation, Link, OrderBy, Page, Query, Target,
    Test,
};

use super::Home;
use super::filters::{by_id, by_value, equals, exists, greater, number, of_type, only, text};
use super::notation::{geometry, id, name};
use super::trial::Trial;

/// Lamps alone, without what is secret of them, and without how bright the sealed ones are.
const POLICIES: &str = r#"
    permit (principal in Role::"admin", action, resource);
    permit (principal in Role::"guest", action in [Action::"read", Action::"write"],
        resource in EntityType::"Lamp");
    forbid (principal in Role::"guest", action in [Action::"read", Action::"write"], resource)
        when { ["secret", "hideout"].contains(context.attribute) };
    forbid (principal in Role::"guest", action == Action::"read",
        resource in Query::"state==\"sealed\"")
        when { context.attribute == "brightness" };
    permit (principal in Role::"looker", action == Action::"read", resource);
    permit (principal in Role::"looker", action == Action::"update", resource)
        when { context.attribute == "state" };
"#;

const CITY: &[&str] = &[
    "urn:a Lamp brightness=10 secret=7 state=on place@24.94,60.17 next->urn:b",
    "urn:b Lamp brightness=20 secret=8 state=sealed next->urn:a",
    "urn:c Lamp Box brightness=30 secret=9 state=on hideout@24.94,60.17 next->urn:s",
    "urn:s Street brightness=40 secret=1 state=on place@24.94,60.17",
];

async fn city(home: &dyn Home) -> (Trial, Trial) {
    let all = Trial::new(home.open().await);
    all.create_all(CITY).await;
    let guest = all.under(POLICIES, "guest");
    (all, guest)
}

pub(super) async fn what_is_hidden_is_not_shown(home: &dyn Home) {
    let (all, guest) = city(home).await;
    assert_eq!(all.shown("urn:a").await, format!("{}", CITY[0]));
    let shown = "urn:a Lamp brightness=10 state=on place@24.94,60.17 next->urn:b";
    assert_eq!(guest.shown("urn:a").await, shown);
    assert_eq!(guest.shown("urn:b").await, "urn:b Lamp state=sealed next->urn:a");
    assert_eq!(guest.shown("urn:s").await, "-");
    // What a query finds is shown as it is alone.
    for found in guest.ask(guest.question(Filter::Everything)).await.entities {
        let alone = guest.entity(found.id.as_str()).await;
        assert_eq!(alone.as_deref(), Some(&*found));
    }
    // As soon as it is not sealed any more, and as soon as it is.
    all.done("update urn:b state=on").await;
    all.done("update urn:a state=sealed").await;
    assert_eq!(guest.shown("urn:b").await, "urn:b Lamp brightness=20 state=on next->urn:a");
    assert_eq!(guest.ids(exists("brightness")).await, "b c");
}

pub(super) async fn what_is_hidden_is_not_found(home: &dyn Home) {
    let (all, guest) = city(home).await;
    let not = |filter| Filter::Not(Box::new(filter));
    let near = |property: &str| {
        let relation = GeoRelation::NearMax(10.0);
        let (property, geometry) = (name(property), geometry("24.94,60.17"));
        Filter::Geo(GeoCondition { property, relation, geometry })
    };
    for (filter, of_all, of_guest) in [
        (Filter::Everything, "a b c s", "a b c"),
        (Filter::Ids(["urn:a", "urn:s"].map(id).into()), "a s", "a"),
        (of_type("Street"), "s", ""),
        (not(of_type("Lamp")), "s", ""),
        (exists("secret"), "a b c s", ""),
        (not(exists("secret")), "", "a b c"),
        (absent("secret"), "", "a b c"),
        (equals("secret", number(7.0)), "a", ""),
        (not(equals("secret", number(7.0))), "b c s", "a b c"),
        (greater("brightness", number(15.0)), "b c s", "c"),
        (absent("brightness"), "", "b"),
        (Filter::Attributes(vec![name("secret"), name("brightness")]), "a b c s", "a c"),
        (near("place"), "a s", "a"),
        (near("hideout"), "c", ""),
        (next("brightness", only(number(20.0))), "a", ""),
        (next("state", only(text("sealed"))), "a", "a"),
        (next("state", only(text("on"))), "b c", "b"),
        (next("secret", Comparison::Exists), "a b c", ""),
    ] {
        let shown = format!("{filter:?}");
        assert_eq!(all.ids(filter.clone()).await, of_all, "{shown}");
        assert_eq!(guest.ids(filter).await, of_guest, "{shown}");
    }
}

pub(super) async fn what_is_hidden_is_not_counted(home: &dyn Home) {
    let (all, guest) = city(home).await;
    let count = async |trial: &Trial, filter| {
        let page = Page { offset: 0, limit: 1 };
        let answer = trial.ask(Query { page, count: true, ..trial.question(filter) }).await;
        (answer.total, answer.more)
    };
    assert_eq!(count(&all, Filter::Everything).await, (Some(4), true));
    assert_eq!(count(&guest, Filter::Everything).await, (Some(3), true));
    assert_eq!(count(&guest, of_type("Street")).await, (Some(0), false));
    assert_eq!(count(&guest, exists("secret")).await, (Some(0), false));
    assert_eq!(count(&guest, exists("brightness")).await, (Some(2), true));
    assert_eq!(
        guest.census().await,
        "Box=1 Lamp=3 Box.brightness:Property=1 Lamp.brightness:Property=2 \
         Box.next:Relationship=1 Lamp.next:Relationship=3 Lamp.place:GeoProperty=1 \
         Box.state:Property=1 Lamp.state:Property=3"
    );
}

pub(super) async fn what_is_hidden_tells_no_order(home: &dyn Home) {
    let (all, guest) = city(home).await;
    let order = async |trial: &Trial, first: OrderBy| {
        trial.ordered(Filter::Everything, vec![first, by_id(Ascending)]).await
    };
    assert_eq!(order(&all, by_value("secret", Ascending)).await, "s a b c");
    assert_eq!(order(&guest, by_value("secret", Ascending)).await, "a b c");
    assert_eq!(order(&guest, by_value("secret", Descending)).await, "a b c");
    // A sealed lamp stands where lamps without brightness stand.
    all.done("create urn:d Lamp state=off").await;
    all.done("create urn:e Lamp brightness=5 state=sealed").await;
    for direction in [Ascending, Descending] {
        let stands = order(&guest, by_value("brightness", direction)).await;
        assert!(stands.contains("b d e"), "{stands}");
    }
}

pub(super) async fn what_is_hidden_has_no_past(home: &dyn Home) {
    let (all, guest) = city(home).await;
    let hour = all.later(3600);
    hour.done("update urn:a brightness=11 secret=6").await;
    let guest = guest.later(7200);
    let past = guest.past("urn:a").await;
    assert!(past.contains("brightness") && !past.contains("secret"), "{past}");
    let past = guest.past("urn:b").await;
    assert!(past.contains("state") && !past.contains("brightness"), "{past}");
    assert_eq!(guest.past("urn:s").await, "-");
    let found = async |trial: &Trial, filter| {
        let question = trial.history_question(filter);
        let answer = trial.ask_history(crate::QueryHistory { count: true, ..question }).await;
        let ids: Vec<_> = answer.evolutions.iter().map(|one| one.header.id.to_string()).collect();
        (ids.join(" "), answer.total)
    };
    let none = (String::new(), Some(0));
    assert_eq!(found(&guest, Filter::Everything).await, ("urn:a urn:b urn:c".into(), Some(3)));
    assert_eq!(found(&guest, exists("secret")).await, none);
    assert_eq!(found(&guest, of_type("Street")).await, none);
    let bright = greater("brightness", number(15.0));
    assert_eq!(found(&guest, bright.clone()).await, ("urn:c".into(), Some(1)));
    // Of what is gone, nothing is told that depends on what it said.
    for gone in ["urn:a", "urn:b", "urn:c", "urn:s"] {
        all.later(7200).done(&format!("delete {gone}")).await;
    }
    let guest = guest.later(7200);
    assert_eq!(found(&guest, Filter::Everything).await, ("urn:a urn:b urn:c".into(), Some(3)));
    assert_eq!(found(&guest, bright).await, none);
    let past = guest.past("urn:b").await;
    assert!(past.contains("state") && !past.contains("brightness"), "{past}");
}

pub(super) async fn what_may_not_be_changed_stays(home: &dyn Home) {
    let (all, guest) = city(home).await;
    let looker = all.under(POLICIES, "looker");
    let before = all.history().await;
    for (trial, change, why) in [
        // What is not seen does not exist.
        (&guest, "update urn:s state=off", "entity `urn:s` does not exist"),
        (&guest, "delete urn:s", "entity `urn:s` does not exist"),
        (&guest, "delete-attribute urn:a secret", "the entity has no attribute `secret`"),
        // What is seen is refused in words.
        (&guest, "replace urn:a Street", "may not update this entity"),
        (&guest, "create urn:n Street", "may not create this entity"),
        (&guest, "append urn:a secret=1", "may not update `secret` of this entity"),
        (&looker, "update urn:a brightness=1", "may not update `brightness` of this entity"),
        (&looker, "append urn:a fresh=1", "may not update `fresh` of this entity"),
    ] {
        let told = trial.refused(change).await.to_string().replace(DEFAULT_CONTEXT, "");
        assert!(told.contains(why), "{change}: {told}");
    }
    assert_eq!(all.history().await, before);
    guest.done("update urn:b brightness=1").await;
    looker.done("update urn:a state=off").await;
    assert_eq!(all.history().await.len(), before.len() + 2);
    // A reader gets no chance to ask.
    let create = super::notation::change("create urn:n Lamp");
    let denied = looker.policy.permit(&looker.caller, create).expect_err("no creating");
    assert!(denied.to_string().contains("may not create anything"), "{denied}");
}

pub(super) async fn what_may_not_be_chronicled_is_refused(home: &dyn Home) {
    let (all, guest) = city(home).await;
    let looker = all.under(POLICIES, "looker");
    let before = (all.past("urn:a").await, all.past("urn:s").await);
    for (trial, change, why) in [
        (&guest, "add urn:s state=off(t=1)", "does not exist"),
        (&guest, "add urn:a secret=1(t=1)", "may not update `secret`"),
        (&looker, "add urn:a brightness=1(t=1)", "may not update `brightness`"),
    ] {
        let told = trial.not_told(change).await.replace(DEFAULT_CONTEXT, "");
        assert!(told.contains(why), "{change}: {told}");
    }
    assert_eq!((all.past("urn:a").await, all.past("urn:s").await), before);
    looker.tell("add urn:a state=off(t=1)").await;
    assert_ne!(all.past("urn:a").await, before.0);
}

const DEFAULT_CONTEXT: &str = "https://uri.etsi.org/ngsi-ld/default-context/";

fn absent(term: &str) -> Filter {
    let target = Target { links: Vec::new(), attributes: vec![name(term)], inside: Vec::new() };
    Filter::Condition(Condition::Test(Test { target, comparison: Comparison::Absent }))
}

/// About the entity that `next` leads to.
fn next(term: &str, comparison: Comparison) -> Filter {
    let link = Link { relationship: name("next"), types: None };
    let target = Target { links: vec![link], attributes: vec![name(term)], inside: Vec::new() };
    Filter::Condition(Condition::Test(Test { target, comparison }))
}
