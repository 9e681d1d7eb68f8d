//! What was said over time: the normalized, concise and simplified representations.

use std::fmt::Write;

use expect_test::{Expect, expect};
use model::{Name, Reading, Readings};

use super::entity_tests::{LIMITS, context};
use super::{evolution, reading};

fn check(body: &str, expected: Expect) {
    let body = format!(r#"{{"id": "urn:x:1", "type": "A", {body}}}"#);
    expected.assert_eq(&match evolution(&body, &context(), &LIMITS) {
        Ok((_, readings)) => shown(&readings),
        Err(error) => error.to_string(),
    });
}

/// `attribute dataset kind@moment=value`, a line for each.
fn shown(readings: &Readings) -> String {
    let mut text = String::new();
    for (name, readings) in &readings.attributes {
        for reading in readings {
            let short = name.as_str().rsplit(['/', '#']).next().unwrap_or_default();
            text.push_str(short);
            if let Some(dataset) = reading.dataset_id() {
                write!(text, " {dataset}").unwrap();
            }
            text.push_str(&format!(" {}", one(reading)));
            text.push('\n');
        }
    }
    text
}

fn one(reading: &Reading) -> String {
    let at = reading.observed_at().map(|at| format!("@{at}")).unwrap_or_default();
    let kind = reading.kind().term();
    match reading {
        Reading::Said(instance) => format!("{kind}{at} {:?}", instance.value),
        Reading::Deleted(_) => format!("{kind}{at} deleted"),
    }
}

#[test]
fn an_attribute_is_an_instance_or_an_array_of_them() {
    check(
        r#""a": {"type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00Z"},
           "b": [{"value": 1, "observedAt": "2026-01-01T00:00:00Z"}, {"object": "urn:x:2"}, 5],
           "c": "bare", "d": [], "e": [1, 2]"#,
        expect![[r#"
            a Property@2026-01-01T00:00:00Z Property(1)
            b Property@2026-01-01T00:00:00Z Property(1)
            b Relationship Relationship { objects: [<urn:x:2>], array: false }
            b Property Property(5)
            c Property Property("bare")
            e Property Property([1,2])
        "#]],
    );
}

#[test]
fn datasets_may_repeat_over_time_and_attributes_count_by_instance() {
    let inner: Vec<String> = (0..20).map(|n| format!(r#""s{n}": 1"#)).collect();
    let inner = inner.join(",");
    check(
        &format!(
            r#""a": [{{"value": 1, "datasetId": "urn:d:1", {inner}}},
                     {{"value": 2, "datasetId": "urn:d:1", {inner}}},
                     {{"value": 3, {inner}}}, {{"value": 4, {inner}}}]"#
        ),
        expect![[r#"
            a urn:d:1 Property Property(1)
            a urn:d:1 Property Property(2)
            a Property Property(3)
            a Property Property(4)
        "#]],
    );
}

#[test]
fn the_null_as_a_value_is_a_deletion() {
    check(
        r#""a": [{"type": "Property", "value": "urn:ngsi-ld:null", "observedAt": "2026-01-01T00:00:00Z",
                  "deletedAt": "2026-01-01T00:00:00Z", "instanceId": "urn:x:9"}],
           "b": {"object": "urn:ngsi-ld:null"}, "c": {"languageMap": {"@none": "urn:ngsi-ld:null"}},
           "d": {"objectList": ["urn:ngsi-ld:null"]}, "e": {"json": "urn:ngsi-ld:null"},
           "location": {"value": "urn:ngsi-ld:null"}"#,
        expect![[r#"
            a Property@2026-01-01T00:00:00Z deleted
            b Relationship deleted
            c LanguageProperty deleted
            d ListRelationship deleted
            e JsonProperty deleted
            location GeoProperty deleted
        "#]],
    );
}

#[test]
fn the_null_elsewhere_is_refused() {
    check(
        r#""a": "urn:ngsi-ld:null""#,
        expect![
            "attribute `a`: urn:ngsi-ld:null is only allowed where a change may remove something"
        ],
    );
    check(
        r#""a": [{"value": 1}, "urn:ngsi-ld:null"]"#,
        expect![
            "attribute `a[1]`: urn:ngsi-ld:null is only allowed where a change may remove something"
        ],
    );
    check(
        r#""a": {"value": {"b": "urn:ngsi-ld:null"}}"#,
        expect![
            "attribute `a`: a value may hold urn:ngsi-ld:null inside only where it is merged into another"
        ],
    );
    check(
        r#""a": {"value": 1, "b": {"value": "urn:ngsi-ld:null"}}"#,
        expect![
            "attribute `a`: attribute `https://uri.etsi.org/ngsi-ld/default-context/b`: urn:ngsi-ld:null is only allowed where a change may remove something"
        ],
    );
    check(
        r#""expiresAt": "urn:ngsi-ld:null", "a": 1"#,
        expect![
            "`expiresAt`: urn:ngsi-ld:null is only allowed where a change may remove something"
        ],
    );
    check(
        r#""scope": "urn:ngsi-ld:null""#,
        expect![
            "attribute `scope`: urn:ngsi-ld:null is only allowed where a change may remove something"
        ],
    );
    check(
        r#""a": {"value": 1, "unitCode": "urn:ngsi-ld:null"}"#,
        expect![
            "attribute `a`: `unitCode`: urn:ngsi-ld:null is only allowed where a change may remove something"
        ],
    );
}

#[test]
fn a_scope_is_plain_or_a_property_over_time() {
    check(
        r#""scope": ["/A", "/B"]"#,
        expect![[r#"
        scope Property Property(["/A","/B"])
    "#]],
    );
    check(
        r#""scope": "/A""#,
        expect![[r#"
        scope Property Property("/A")
    "#]],
    );
    check(
        r#""scope": [{"type": "Property", "value": "/A", "observedAt": "2026-01-01T00:00:00Z"},
                     {"type": "Property", "value": ["/B", "/C"], "createdAt": "2026-01-01T00:00:00Z"},
                     {"type": "Property", "value": "urn:ngsi-ld:null"}, {"value": []}]"#,
        expect![[r#"
            scope Property@2026-01-01T00:00:00Z Property("/A")
            scope Property Property(["/B","/C"])
            scope Property deleted
            scope Property deleted
        "#]],
    );
    check(
        r#""scope": {"value": "/A", "unitCode": "CEL"}"#,
        expect![
            "attribute `scope`: a scope of a temporal evolution has a value and temporal properties, nothing else"
        ],
    );
    check(
        r#""scope": {"object": "urn:x:1"}"#,
        expect![
            "attribute `scope`: a scope of a temporal evolution has a value and temporal properties, nothing else"
        ],
    );
    check(
        r#""scope": {"value": "not a scope"}"#,
        expect![
            "attribute `scope`: `not a scope` is not a scope; it must look like /Madrid/Gardens, each level opening with a letter, and have at most 1024 bytes"
        ],
    );
}

#[test]
fn the_simplified_form_is_read_too() {
    check(
        r#""a": {"type": "Property", "values": [[1, "2026-01-01T00:00:00Z"], ["urn:ngsi-ld:null", "2026-01-02T00:00:00Z"]]},
           "b": [{"type": "LanguageProperty", "datasetId": "urn:d:1",
                  "languageMaps": [[{"languageMap": {"en": "x"}}, "2026-01-01T00:00:00Z"]]},
                 {"type": "LanguageProperty", "languageMaps": []}],
           "c": {"type": "ListRelationship", "objectLists": [[["urn:x:1"], "2026-01-01T00:00:00Z"]]}"#,
        expect![[r#"
            a Property@2026-01-01T00:00:00Z Property(1)
            a Property@2026-01-02T00:00:00Z deleted
            b urn:d:1 LanguageProperty@2026-01-01T00:00:00Z LanguageProperty({"en":"x"})
            c ListRelationship@2026-01-01T00:00:00Z ListRelationship([<urn:x:1>])
        "#]],
    );
    check(
        r#""a": {"type": "Property", "values": [[1]]}"#,
        expect![
            "attribute `a[0]`: `values` must be an array of pairs, each of a value and a DateTime"
        ],
    );
    check(
        r#""a": {"type": "Property", "values": [[1, "x"]]}"#,
        expect![
            "attribute `a[0]`: `observedAt` `x` is not a DateTime; it must look like 2026-04-01T12:00:00Z, in UTC"
        ],
    );
    check(
        r#""a": {"type": "Property", "values": [], "unitCode": "x"}"#,
        expect!["attribute `a`: `unitCode` cannot stand in a Property"],
    );
}

#[test]
fn readings_of_one_request_have_a_limit() {
    let nine = [r#"{"value": 1}"#; 9].join(",");
    check(
        &format!(r#""a": [{nine}]"#),
        expect![
            "attribute `a[8]`: more than 8 instances over time in one request (setting `history_change_readings_max`)"
        ],
    );
}

#[test]
fn one_reading_may_stand_alone_in_an_array_or_in_an_evolution() {
    let name = Name::new(context().expand_term("speed"));
    let check = |body: &str, expected: &str| {
        let found = match reading(body, &context(), &name, &LIMITS) {
            Ok(reading) => one(&reading),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{body}");
    };
    const NOT_ONE: &str = "attribute `speed`: the body must hold one instance of the attribute in \
                           the path, and nothing else";
    check(r#"{"type": "Property", "value": 1, "speed": 2}"#, "Property Property(1)");
    check(r#"[{"value": 1}]"#, "Property Property(1)");
    check(r#"{"speed": [{"value": 1}], "id": "urn:x:1", "type": "A"}"#, "Property Property(1)");
    check(r#"{"speed": {"value": 1}, "@context": []}"#, "Property Property(1)");
    check(r#"{"value": 1, "@context": []}"#, "Property Property(1)");
    check(r#"{"speed": {"value": 1}, "heading": {"value": 1}}"#, NOT_ONE);
    check(r#"{"heading": {"value": 1}}"#, NOT_ONE);
    check(r#"[{"value": 1}, {"value": 2}]"#, NOT_ONE);
    check(r#"{"type": "Property"}"#, "attribute `speed`: `value` is missing");
    check("[]", NOT_ONE);
    check("5", NOT_ONE);
    check("{", "the body is not valid JSON: EOF while parsing an object at line 1 column 1");
}
