//! What each operation makes of an entity (`model::apply`), by clause: text in, text out.

use model::{Timestamp, apply};
use testkit::notation::{change, entity, show};

/// The entity `urn:a` after a change, or why it was refused.
#[track_caller]
fn check(before: &str, verb: &str, words: &str, expected: &str) {
    let before = (!before.is_empty()).then(|| entity(&format!("urn:a {before}"), Timestamp(1)));
    let change = change(&format!("{verb} urn:a {words}"));
    let told = match apply(&change.id, before.as_ref(), change.operation, Timestamp(2)) {
        Ok(applied) => applied.after.map_or("gone".to_owned(), |after| show(&after)),
        Err(refused) => refused.to_string(),
    };
    let expected = expected
        .strip_prefix("= ")
        .map_or(expected.to_owned(), |rest| show(&entity(&format!("urn:a {rest}"), Timestamp(1))));
    assert_eq!(told, expected, "{verb} {words}");
}

#[test]
fn c5_6_1_an_entity_is_created_once() {
    check("", "create", "Lamp a=1", "= Lamp a=1");
    check("Lamp a=1", "create", "Lamp a=2", "entity `urn:a` already exists");
    check("", "replace", "Lamp a=2", "entity `urn:a` does not exist");
}

#[test]
fn c5_6_2_an_update_replaces_whole_instances_and_adds_what_is_new() {
    check("Lamp a=1(unitCode=LX) b=2", "update", "a=5 c=3", "= Lamp a=5 b=2 c=3");
    check("Lamp a=1 b=2", "update", "-a", "= Lamp b=2");
    let both = "Lamp a=1 a=2(datasetId=urn:d:1)";
    check(both, "update", "a=9(datasetId=urn:d:1)", "= Lamp a=1 a=9(datasetId=urn:d:1)");
    check(both, "update", "-a(datasetId=urn:d:1)", "= Lamp a=1");
    check("Lamp a=1", "update", "Device a=2", "= Lamp Device a=2");
    check("Lamp /A a=1", "update", "/B", "= Lamp /B a=1");
    check("Lamp a=1", "update", "/B", "= Lamp a=1");
}

#[test]
fn c5_6_3_an_append_adds_and_overwrites_only_where_it_may() {
    check("Lamp a=1", "append", "a=2 b=3", "= Lamp a=2 b=3");
    check("Lamp a=1", "append-new", "a=2 b=3", "= Lamp a=1 b=3");
    check("Lamp /A a=1", "append-new", "/B", "= Lamp /A /B a=1");
    check("Lamp /A a=1", "append", "/B", "= Lamp /B a=1");
}

#[test]
fn c5_6_4_a_partial_update_keeps_the_members_it_does_not_name() {
    check("Lamp a=1(unitCode=LX)", "patch", "a=2", "= Lamp a=2(unitCode=LX)");
    check("Lamp a=1(sub=5)", "patch", "a=2(-sub)", "= Lamp a=2");
    check("Lamp b=1", "patch", "a=2", &missing("a"));
}

fn missing(term: &str) -> String {
    format!("the entity has no attribute `{}`", testkit::notation::name(term))
}

#[test]
fn c5_6_5_an_attribute_goes_by_instance_or_as_a_whole() {
    let both = "Lamp a=1 a=2(datasetId=urn:d:1)";
    check(both, "delete-attribute", "a", "= Lamp a=2(datasetId=urn:d:1)");
    check(both, "delete-attribute", "a(datasetId=urn:d:1)", "= Lamp a=1");
    check(both, "delete-attribute", "a*", "= Lamp");
    check("Lamp", "delete-attribute", "a", &missing("a"));
    check("Lamp /A", "delete-scope", "", "= Lamp");
}

#[test]
fn c5_6_6_a_deleted_entity_is_gone() {
    check("Lamp a=1", "delete", "", "gone");
    check("", "delete", "", "entity `urn:a` does not exist");
}

#[test]
fn c5_5_12_a_merge_goes_into_values_and_members() {
    check("Lamp a=1(unitCode=LX)", "merge", "a=2", "= Lamp a=2(unitCode=LX)");
    check(
        r#"Lamp a={"x":1,"y":2}"#,
        "merge",
        r#"a={"y":"urn:ngsi-ld:null","z":3}"#,
        r#"= Lamp a={"x":1,"z":3}"#,
    );
    check(r#"Lamp l~{"fi":"a"}"#, "merge", r#"l~{"sv":"b"}"#, r#"= Lamp l~{"fi":"a","sv":"b"}"#);
    check("Lamp a=1 b=2", "merge", "-a", "= Lamp b=2");
    check("Lamp a=1(unitCode=LX)", "merge", "a->urn:b", "= Lamp a->urn:b");
}

#[test]
fn c5_6_19_a_replaced_attribute_must_be_there() {
    check("Lamp a=1(unitCode=LX)", "replace-attribute", "a=2", "= Lamp a=2");
    check("Lamp", "replace-attribute", "a=2", &missing("a"));
}

#[test]
fn c5_6_21_attributes_are_dropped_or_retained() {
    check("Lamp a=1 b=2 c=3", "drop", "a c", "= Lamp b=2");
    check("Lamp a=1 b=2 c=3", "retain", "a", "= Lamp a=1");
}
