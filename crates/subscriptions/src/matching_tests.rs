use query::NoLinks;

use crate::changes::Changes;
use crate::notation::{event, subscription, term};

/// What a subscription is told of the last change: the attributes that count, `entity` before them
/// where it is the entity that counts, `-` where it is told nothing.
fn check(about: &str, changes: &[&str], expected: &str) {
    let event = event(changes);
    let subscription = subscription(&format!("s {about}"));
    let found = subscription.matches(&Changes::of(&event), &NoLinks);
    let shown = found.map_or("-".to_owned(), |found| {
        let entity = found.by_entity.then_some("entity");
        let words = entity.into_iter().chain(found.attributes.iter().map(term));
        words.collect::<Vec<_>>().join(" ")
    });
    assert_eq!(shown, expected, "{about}: {changes:?}");
}

const LAMP: &str = "create urn:lamp:1 Lamp a=1 b=2";

#[test]
fn by_default_what_comes_and_changes_counts() {
    check("type=Lamp", &[LAMP], "a b");
    check("type=Lamp", &[LAMP, "append urn:lamp:1 a=2"], "a");
    check("type=Lamp", &[LAMP, "append urn:lamp:1 c=2"], "c");
    check("type=Lamp", &[LAMP, "delete-attribute urn:lamp:1 a"], "-");
    check("type=Lamp", &[LAMP, "delete urn:lamp:1"], "-");
    check("type=Lamp", &["create urn:lamp:1 Lamp"], "-");
}

#[test]
fn an_attribute_that_says_the_same_again_has_not_changed() {
    check("type=Lamp", &[LAMP, "append urn:lamp:1 a=1"], "-");
    check("type=Lamp", &[LAMP, "append urn:lamp:1 a=1.0"], "-");
    check("type=Lamp", &[LAMP, "append urn:lamp:1 a=1(unitCode=LX)"], "a");
    check("type=Lamp", &[LAMP, "append urn:lamp:1 a=1(observedAt=2026-04-01T00:00:00Z)"], "a");
    check("type=Lamp", &[LAMP, "append urn:lamp:1 a=1(accuracy=2)"], "a");
}

#[test]
fn each_trigger_tells_of_its_own_kind_of_change() {
    let all = [
        (vec![LAMP], "entity", "-", "a b", "-", "-"),
        (vec![LAMP, "append urn:lamp:1 a=3 c=4"], "-", "-", "c", "a", "-"),
        (vec![LAMP, "delete-attribute urn:lamp:1 a"], "-", "-", "-", "-", "a"),
        (vec![LAMP, "delete urn:lamp:1"], "-", "entity", "-", "-", "a b"),
    ];
    for (changes, created, deleted, new, updated, gone) in all {
        check("on=entityCreated", &changes, created);
        check("on=entityDeleted", &changes, deleted);
        check("on=attributeCreated", &changes, new);
        check("on=attributeUpdated", &changes, updated);
        check("on=attributeDeleted", &changes, gone);
    }
    check("on=entityUpdated", &[LAMP, "append urn:lamp:1 a=3 c=4"], "a c");
    check("on=entityUpdated", &[LAMP, "delete-attribute urn:lamp:1 a"], "a");
}

#[test]
fn instances_come_and_go_each_for_itself() {
    let lamp = "create urn:lamp:1 Lamp a=1 a=2(datasetId=urn:d:1)";
    let gone = "delete-attribute urn:lamp:1 a(datasetId=urn:d:1)";
    check("on=attributeDeleted", &[lamp, gone], "a");
    check("on=attributeUpdated", &[lamp, gone], "-");
    check("on=attributeCreated", &[LAMP, "append urn:lamp:1 a=2(datasetId=urn:d:1)"], "a");
    check("on=attributeUpdated", &[LAMP, "append urn:lamp:1 a=2(datasetId=urn:d:1)"], "-");
}

#[test]
fn only_watched_attributes_count() {
    check("watch=a", &[LAMP], "a");
    check("watch=c", &[LAMP], "-");
    check("watch=a", &[LAMP, "append urn:lamp:1 b=3"], "-");
    check("watch=b,c", &[LAMP, "append urn:lamp:1 b=3"], "b");
    check("watch=a on=entityDeleted", &[LAMP, "delete urn:lamp:1"], "entity");
    check("watch=c on=entityDeleted", &[LAMP, "delete urn:lamp:1"], "-");
}

#[test]
fn entities_are_selected_by_type_id_and_pattern() {
    check("type=Lamp", &[LAMP], "a b");
    check("type=Bench", &[LAMP], "-");
    check("type=Bench type=Lamp", &[LAMP], "a b");
    check("type=(Bench|Lamp)", &[LAMP], "a b");
    check("type=*", &[LAMP], "a b");
    check("id=urn:lamp:1", &[LAMP], "a b");
    check("id=urn:lamp:2", &[LAMP], "-");
    check("pattern=^urn:lamp", &[LAMP], "a b");
    check("pattern=^urn:bench", &[LAMP], "-");
}

#[test]
fn a_condition_is_asked_of_the_entity_as_it_is_now() {
    check("q=a>1", &[LAMP], "-");
    check("q=a>1", &[LAMP, "append urn:lamp:1 a=2"], "a");
    check("q=a>1", &[LAMP, "append urn:lamp:1 a=2", "append urn:lamp:1 a=1"], "-");
    // Of one that was deleted, what it said last.
    check("q=a>0 on=entityDeleted", &[LAMP, "delete urn:lamp:1"], "entity");
    check("q=a>1 on=entityDeleted", &[LAMP, "delete urn:lamp:1"], "-");
}

#[test]
fn what_comes_after_an_expiry_is_new() {
    let expiring = "create urn:lamp:1 Lamp a=1 expiresAt=2026-04-01T11:59:59Z";
    check("on=entityCreated", &[expiring, "append urn:lamp:1 b=2"], "entity");
}
