//! What names mean in a context, by clause.

use super::*;
use crate::{ContextRef, Limits, compile};
use serde_json::{Value, json};
use std::collections::HashMap;

fn context(written: Value) -> Context {
    let named = ContextRef::parse(&written).unwrap();
    compile(&named, &HashMap::new(), &Limits::default()).unwrap()
}

/// Each name expands to the IRI beside it, and that IRI compacts to the name again.
fn check(written: Value, names: &[(&str, &str)]) {
    let context = context(written);
    for (name, iri) in names {
        assert_eq!(context.expand_term(name), *iri, "expanding `{name}`");
        assert_eq!(context.compact_iri(iri), *name, "compacting <{iri}>");
    }
}

#[test]
fn a_name_without_definition_belongs_to_the_default_context() {
    check(
        json!([]),
        &[
            ("speed", "https://uri.etsi.org/ngsi-ld/default-context/speed"),
            ("Geschwindigkeit_ä", "https://uri.etsi.org/ngsi-ld/default-context/Geschwindigkeit_ä"),
        ],
    );
}

#[test]
fn the_core_context_is_always_there() {
    check(
        json!({}),
        &[
            ("value", "https://uri.etsi.org/ngsi-ld/hasValue"),
            ("description", "http://purl.org/dc/terms/description"),
            ("observedAt", "https://uri.etsi.org/ngsi-ld/observedAt"),
            ("Point", "https://purl.org/geojson/vocab#Point"),
            ("type", "@type"),
            ("id", "@id"),
        ],
    );
}

#[test]
fn a_user_context_cannot_redefine_a_core_term() {
    let evil = json!([{
        "value": "http://evil/value", "type": "http://evil/type", "ngsi-ld": "http://evil/",
        "location": null, "other": "ngsi-ld:other"
    }]);
    check(
        evil,
        &[
            ("value", "https://uri.etsi.org/ngsi-ld/hasValue"),
            ("type", "@type"),
            ("location", "https://uri.etsi.org/ngsi-ld/location"),
            ("other", "https://uri.etsi.org/ngsi-ld/other"),
            ("ngsi-ld:another", "https://uri.etsi.org/ngsi-ld/another"),
        ],
    );
}

#[test]
fn naming_an_older_core_context_is_naming_the_one_in_force() {
    let old = json!("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.0.jsonld");
    check(old, &[("name", "https://uri.etsi.org/ngsi-ld/default-context/name")]);
}

#[test]
fn a_users_term_is_expanded_and_compacted() {
    check(
        json!({"Lamp": "ex:Lamp", "ex": "https://example.org/", "on": {"@id": "ex:on", "@type": "@id"}}),
        &[
            ("Lamp", "https://example.org/Lamp"),
            ("on", "https://example.org/on"),
            ("ex:off", "https://example.org/off"),
            ("urn:x:y", "urn:x:y"),
            ("https://elsewhere.org/a", "https://elsewhere.org/a"),
        ],
    );
}

#[test]
fn the_shortest_term_wins_and_then_the_first() {
    let aliases = context(
        json!({"long": "urn:x:a", "b": "urn:x:a", "a": "urn:x:a", "wert": "ngsi-ld:hasValue"}),
    );
    assert_eq!(aliases.compact_iri("urn:x:a"), "a");
    assert_eq!(aliases.compact_iri("https://uri.etsi.org/ngsi-ld/hasValue"), "value");
    let prefixes = context(json!({"e": "http://e/", "ef": "http://e/f/", "b": "http://e/"}));
    assert_eq!(prefixes.compact_iri("http://e/x"), "b:x");
    assert_eq!(prefixes.compact_iri("http://e/f/x"), "ef:x");
}

#[test]
fn a_name_that_would_read_otherwise_is_not_shortened() {
    let context = context(json!({"speed": "http://e/speed", "ex": "http://e/"}));
    for rest in ["speed", "ex:a", "value", "@type", "urn:a", "http://a"] {
        let iri = format!("{}{rest}", core_context::DEFAULT_VOCAB);
        let compact = context.compact_iri(&iri);
        assert_eq!(compact, format!("ngsi-ld:default-context/{rest}"));
        assert_eq!(context.expand_term(&compact), iri);
    }
}

#[test]
fn a_users_vocabulary_takes_the_place_of_the_default() {
    check(
        json!({"@vocab": "https://example.org/"}),
        &[
            ("speed", "https://example.org/speed"),
            ("ngsi-ld:default-context/speed", "https://uri.etsi.org/ngsi-ld/default-context/speed"),
            ("value", "https://uri.etsi.org/ngsi-ld/hasValue"),
        ],
    );
    check(
        json!([{"@vocab": "https://example.org/"}, {"@vocab": null}]),
        &[("speed", "https://uri.etsi.org/ngsi-ld/default-context/speed")],
    );
}

#[test]
fn a_term_mapped_to_null_is_not_defined() {
    check(
        json!([{"a": "http://e/a", "b": "http://e/b"}, {"a": null, "b": {"@id": null}}]),
        &[
            ("a", "https://uri.etsi.org/ngsi-ld/default-context/a"),
            ("b", "https://uri.etsi.org/ngsi-ld/default-context/b"),
            ("http://e/a", "http://e/a"),
        ],
    );
}

#[test]
fn a_later_context_wins_over_an_earlier_one() {
    check(
        json!([{"a": "http://e/1"}, [{"a": "http://e/2"}]]),
        &[("a", "http://e/2"), ("http://e/1", "http://e/1")],
    );
}

#[test]
fn only_a_term_that_says_or_looks_so_is_a_prefix() {
    let written = json!({
        "a": "http://e/a", "b": {"@id": "http://e/b/"}, "c": {"@id": "http://e/c", "@prefix": true}
    });
    check(written, &[("a:x", "a:x"), ("b:x", "b:x"), ("c:x", "http://e/cx")]);
}

#[test]
fn a_terms_type_is_its_coercion() {
    let context = context(json!({
        "id1": {"@id": "http://e/1", "@type": "@id"}, "vocab1": {"@id": "http://e/2", "@type": "@vocab"},
        "json1": {"@type": "@json"}, "at": {"@id": "http://e/4", "@type": "DateTime"},
        "n": {"@id": "http://e/5", "@type": "xsd:int"}, "xsd": "http://www.w3.org/2001/XMLSchema#"
    }));
    let int = Coercion::Datatype("http://www.w3.org/2001/XMLSchema#int".into());
    let expected = [
        ("id1", Coercion::Id),
        ("vocab1", Coercion::Vocab),
        ("json1", Coercion::Json),
        ("at", Coercion::DateTime),
        ("n", int),
        ("observedAt", Coercion::DateTime),
        ("unknown", Coercion::None),
    ];
    for (term, coercion) in expected {
        assert_eq!(*context.coercion(term), coercion, "{term}");
    }
}

#[test]
fn a_member_may_stand_for_a_keyword() {
    let context = context(json!({"kind": "@type"}));
    for (member, keyword) in [
        ("id", Some("@id")),
        ("@type", Some("@type")),
        ("kind", Some("@type")),
        ("value", None),
        ("speed", None),
    ] {
        assert_eq!(context.keyword(member), keyword, "{member}");
    }
}

#[test]
fn an_identifier_is_expanded_by_prefix_only() {
    let context = context(json!({"ex": "http://e/", "red": "http://e/red"}));
    for (text, iri) in
        [("ex:1", "http://e/1"), ("red", "red"), ("urn:ngsi-ld:Lamp:7", "urn:ngsi-ld:Lamp:7")]
    {
        assert_eq!(context.expand_id(text), iri);
    }
    assert_eq!(context.expand_vocab("red"), "http://e/red");
}

#[test]
fn what_the_vocabulary_leaves_of_an_iri_may_be_no_name() {
    let context = context(json!({"@vocab": "http://e/", "ex": "http://e/lamps/"}));
    for (iri, compact, name) in [
        ("http://e/Lamp", "Lamp", "Lamp"),
        ("http://e/lamps/Lamp", "lamps/Lamp", "ex:Lamp"),
        ("http://e/my-lamp", "my-lamp", "http://e/my-lamp"),
    ] {
        assert_eq!(context.compact_iri(iri), compact);
        assert_eq!(context.compact_name(iri), name);
        assert_eq!(context.expand_term(name), iri);
    }
}

#[test]
fn common_names_are_borrowed() {
    let context = Context::core();
    let iri = "https://uri.etsi.org/ngsi-ld/default-context/speed";
    assert!(matches!(context.compact_iri(iri), Cow::Borrowed("speed")));
    assert!(matches!(context.expand_term("value"), Cow::Borrowed(_)));
    assert!(matches!(context.expand_term(iri), Cow::Borrowed(_)));
}
