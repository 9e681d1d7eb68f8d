//! Which changes are allowed, by what is before and after.

use expect_test::{Expect, expect};
use model::{Name, Tenant, Timestamp};
use policy::Caller;
use policy::cedar::{Policies, Source, Sources};
use testkit::notation::{entity, name};

const POLICIES: &str = r#"
    permit (principal in Role::"dimmer", action == Action::"update", resource)
    when { context.attribute == "brightness" };

    permit (principal in Role::"gardener", action in Action::"write", resource in Scope::"/Park");

    permit (principal in Role::"clerk", action in [Action::"create", Action::"update"], resource);
    forbid (principal in Role::"clerk", action in Action::"write", resource in EntityType::"Person")
    when { ["scope", "expiresAt", "email"].contains(context.attribute) };
"#;

fn expand(term: &str) -> Result<Name, String> {
    Ok(name(term))
}

/// `-` stands for no entity.
fn check(role: &str, before: &str, after: &str, expected: Expect) {
    let policies = vec![Source::new("changes.cedar", POLICIES)];
    let policies = Policies::load(&Sources { policies, areas: Vec::new() }, &expand);
    let policies = policies.expect("policies");
    let principal = Caller { roles: [role.to_owned()].into(), ..Caller::default() };
    let read = |text: &str| (text != "-").then(|| entity(text, Timestamp(0)));
    let (before, after) = (read(before), read(after));
    let found =
        policies.allow_change(&principal, &Tenant::default(), before.as_ref(), after.as_ref());
    expected.assert_eq(&found.map_or_else(|refusal| refusal.to_string(), |()| "allowed".into()));
}

#[test]
fn who_may_write_one_attribute_writes_no_other() {
    let lamp = "urn:a Lamp brightness=1 state=on";
    check("dimmer", lamp, "urn:a Lamp brightness=2 state=on", expect!["allowed"]);
    check("dimmer", lamp, "urn:a Lamp state=on", expect!["allowed"]);
    check("dimmer", lamp, lamp, expect!["allowed"]);
    check(
        "dimmer",
        lamp,
        "urn:a Lamp brightness=2 state=off",
        expect![
            "may not update `https://uri.etsi.org/ngsi-ld/default-context/state` of this entity"
        ],
    );
    check(
        "dimmer",
        lamp,
        "urn:a Lamp brightness=1",
        expect![
            "may not update `https://uri.etsi.org/ngsi-ld/default-context/state` of this entity"
        ],
    );
    check(
        "dimmer",
        lamp,
        "urn:a Lamp Device brightness=1 state=on",
        expect!["may not update `@type` of this entity"],
    );
    check(
        "dimmer",
        lamp,
        "urn:a Lamp /Park brightness=1 state=on",
        expect!["may not update `https://uri.etsi.org/ngsi-ld/scope` of this entity"],
    );
    check("dimmer", lamp, "-", expect!["may not delete this entity"]);
    check("dimmer", "-", lamp, expect!["may not create this entity"]);
}

#[test]
fn nobody_moves_an_entity_out_of_reach_or_into_it() {
    check("gardener", "urn:a Tree /Park", "urn:a Tree /Park height=3", expect!["allowed"]);
    check("gardener", "urn:a Tree /Park", "urn:a Tree /Park/North", expect!["allowed"]);
    check(
        "gardener",
        "urn:a Tree /Park",
        "urn:a Tree /Street",
        expect!["may not update this entity so that it becomes such a one"],
    );
    check(
        "gardener",
        "urn:a Tree /Street",
        "urn:a Tree /Park",
        expect!["may not update this entity"],
    );
    check("gardener", "-", "urn:a Tree /Park height=3", expect!["allowed"]);
    check("gardener", "-", "urn:a Tree height=3", expect!["may not create this entity"]);
    check("gardener", "urn:a Tree /Park", "-", expect!["allowed"]);
    check("gardener", "urn:a Tree", "-", expect!["may not delete this entity"]);
}

#[test]
fn attributes_withheld_before_or_after_are_left_alone() {
    check("clerk", "-", "urn:p Person name=x", expect!["allowed"]);
    check(
        "clerk",
        "-",
        "urn:p Person name=x email=y",
        expect![
            "may not create `https://uri.etsi.org/ngsi-ld/default-context/email` of this entity"
        ],
    );
    check(
        "clerk",
        "-",
        "urn:p Person /Park name=x",
        expect!["may not create `https://uri.etsi.org/ngsi-ld/scope` of this entity"],
    );
    check(
        "clerk",
        "urn:p Person email=y",
        "urn:p Person email=z",
        expect![
            "may not update `https://uri.etsi.org/ngsi-ld/default-context/email` of this entity"
        ],
    );
    check(
        "clerk",
        "urn:p Person email=y",
        "urn:p Person",
        expect![
            "may not update `https://uri.etsi.org/ngsi-ld/default-context/email` of this entity"
        ],
    );
    check("clerk", "urn:p Person email=y", "urn:p Person email=y name=x", expect!["allowed"]);
    check("clerk", "urn:p Thing email=y", "urn:p Thing email=z", expect!["allowed"]);
    check(
        "clerk",
        "urn:p Thing email=y",
        "urn:p Thing Person email=z",
        expect![
            "may not update `https://uri.etsi.org/ngsi-ld/default-context/email` of this entity"
        ],
    );
    check(
        "clerk",
        "urn:p Person name=x",
        "urn:p Person name=x expiresAt=2026-05-01T00:00:00Z",
        expect!["may not update `https://uri.etsi.org/ngsi-ld/expiresAt` of this entity"],
    );
}
