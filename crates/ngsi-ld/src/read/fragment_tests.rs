//! Parts of entities and attributes: what they leave out, and what they remove.

use std::fmt::Write;

use model::{AttributePatch, Field, InstancePatch, Json, Name, Value, ValuePatch};

use super::Form;
use super::entity_tests::{LIMITS, context};

const MERGE: Form<'static> = Form::Merge { simplified: false, language: None };
const SIMPLIFIED: Form<'static> = Form::Merge { simplified: true, language: Some("fr") };

fn check(form: Form<'_>, members: &str, expected: &str) {
    let found = match super::fragment(&format!("{{{members}}}"), &context(), form, &LIMITS) {
        Ok((_, fragment)) => {
            let mut out = String::new();
            for (name, patch) in &fragment.attributes {
                show(&mut out, name, patch);
            }
            match fragment.scopes {
                Field::Keep => {}
                Field::Remove => out.push_str("-scope "),
                Field::Set(scopes) => write!(out, "scope={scopes:?} ").unwrap(),
            }
            match fragment.expires_at {
                Field::Keep => {}
                Field::Remove => out.push_str("-expiresAt "),
                Field::Set(at) => write!(out, "expiresAt={at} ").unwrap(),
            }
            out.trim_end().to_owned()
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{members}");
}

fn check_attribute(body: &str, expected: &str) {
    let name = Name::new("https://example.org/speed");
    let found = match super::attribute_fragment(body, &context(), &name, &LIMITS) {
        Ok(patch) => {
            let mut out = String::new();
            show(&mut out, &name, &patch);
            out.trim_end().to_owned()
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{body}");
}

/// `name@dataset=value(members)`; a minus before what is removed.
fn show(out: &mut String, name: &Name, patch: &AttributePatch) {
    let name = context().compact_iri(name.as_str()).into_owned();
    match patch {
        AttributePatch::Remove => write!(out, "-{name} ").unwrap(),
        AttributePatch::Instances(instances) => {
            for instance in instances {
                show_instance(out, &name, instance);
            }
        }
    }
}

fn show_instance(out: &mut String, name: &str, patch: &InstancePatch) {
    if patch.value == ValuePatch::Remove {
        out.push('-');
    }
    out.push_str(name);
    if let Some(dataset_id) = &patch.dataset_id {
        write!(out, "@{dataset_id}").unwrap();
    }
    match &patch.value {
        ValuePatch::Keep | ValuePatch::Remove => {}
        ValuePatch::KeepKind(kind) => write!(out, ":{}", kind.term()).unwrap(),
        ValuePatch::Set(value) => show_value(out, value),
        ValuePatch::Simplified { bare, fallback, language } => {
            write!(out, "~{}", bare.json).unwrap();
            show_value(out, fallback);
            language.iter().for_each(|language| write!(out, "/{language}").unwrap());
        }
    }
    let mut members = String::new();
    show_field(&mut members, "unitCode", &patch.unit_code);
    show_field(&mut members, "observedAt", &patch.observed_at);
    for (name, patch) in &patch.attributes {
        show(&mut members, name, patch);
    }
    if !members.is_empty() {
        write!(out, "({})", members.trim_end()).unwrap();
    }
    out.push(' ');
}

fn show_field<T: std::fmt::Debug>(out: &mut String, name: &str, field: &Field<T>) {
    match field {
        Field::Keep => {}
        Field::Remove => write!(out, "-{name} ").unwrap(),
        Field::Set(_) => write!(out, "{name} ").unwrap(),
    }
}

fn show_value(out: &mut String, value: &Value) {
    match value {
        Value::Property(json) => write!(out, "={json}").unwrap(),
        value => write!(out, "={}", value.kind().term()).unwrap(),
    }
}

const IN_AN_ARRAY: &str = "urn:ngsi-ld:null cannot stand in an array, which a change replaces as a \
                           whole; leave the element out, or write it in place of the array";
const ONLY: &str = "urn:ngsi-ld:null is only allowed where a change may remove something";

#[test]
fn an_append_removes_nothing_and_takes_whole_attributes() {
    check(Form::Append, r#""a":1,"b":{"value":2}"#, "a=1 b=2");
    check(Form::Append, r#""a":"urn:ngsi-ld:null""#, &format!("attribute `a`: {ONLY}"));
    check(Form::Append, r#""a":{"type":"Property"}"#, "attribute `a`: `value` is missing");
    check(Form::Append, r#""type":"T","scope":"/a""#, r#"scope=[Scope("/a")]"#);
}

#[test]
fn an_update_removes_attributes_and_takes_whole_ones() {
    check(Form::Update, r#""a":"urn:ngsi-ld:null""#, "-a");
    check(Form::Update, r#""a":{"type":"Property","value":"urn:ngsi-ld:null"}"#, "-a");
    check(
        Form::Update,
        r#""a":{"type":"GeoProperty","value":"urn:ngsi-ld:null","datasetId":"urn:d:1"}"#,
        "-a@urn:d:1",
    );
    check(Form::Update, r#""a":{"type":"Relationship","object":"urn:ngsi-ld:null"}"#, "-a");
    check(Form::Update, r#""a":{"languageMap":{"@none":"urn:ngsi-ld:null"}}"#, "-a");
    check(Form::Update, r#""a":{"valueList":["urn:ngsi-ld:null"]}"#, "-a");
    check(Form::Update, r#""a":{"objectList":["urn:ngsi-ld:null"]}"#, "-a");
    check(Form::Update, r#""a":{"vocab":"urn:ngsi-ld:null"}"#, "-a");
    check(Form::Update, r#""a":{"json":"urn:ngsi-ld:null"}"#, "-a");
    check(Form::Update, r#""scope":"urn:ngsi-ld:null""#, "-scope");
    check(Form::Update, r#""scope":["urn:ngsi-ld:null"]"#, "-scope");
    check(Form::Update, r#""expiresAt":"urn:ngsi-ld:null""#, "-expiresAt");
    check(Form::Update, r#""type":"urn:ngsi-ld:null""#, &format!("`type`: {ONLY}"));
    check(Form::Update, r#""a":{"type":"Property"}"#, "attribute `a`: `value` is missing");
    check(
        Form::Update,
        r#""a":{"value":{"b":"urn:ngsi-ld:null"}}"#,
        "attribute `a`: a value may hold urn:ngsi-ld:null inside only where it is merged into another",
    );
}

#[test]
fn a_merge_may_name_any_part_of_an_attribute() {
    check(
        MERGE,
        r#""a":{"type":"Property","observedAt":"urn:ngsi-ld:null"}"#,
        "a:Property(-observedAt)",
    );
    check(
        MERGE,
        r#""a":{"type":"Property","value":7,"b":"urn:ngsi-ld:null","unitCode":"CEL"}"#,
        "a=7(unitCode -b)",
    );
    check(MERGE, r#""a":{"unitCode":"CEL"}"#, "a(unitCode)");
    check(MERGE, r#""a":{"value":{"b":"urn:ngsi-ld:null"}}"#, r#"a={"b":"urn:ngsi-ld:null"}"#);
    check(MERGE, r#""a":{"languageMap":{"fr":"urn:ngsi-ld:null","en":"x"}}"#, "a=LanguageProperty");
    for body in [
        r#""a":{"value":["urn:ngsi-ld:null"]}"#,
        r#""a":{"value":{"b":[1,{"c":"urn:ngsi-ld:null"}],"d":"urn:ngsi-ld:null"}}"#,
        r#""a":["urn:ngsi-ld:null",{"b":1}]"#,
        r#""a":{"valueList":[1,"urn:ngsi-ld:null"]}"#,
        r#""a":{"languageMap":{"en":["urn:ngsi-ld:null"]}}"#,
        r#""a":{"languageMap":{"en":["x","urn:ngsi-ld:nul\u006c"]}}"#,
        r#""a":{"vocab":["x","urn:ngsi-ld:null"]}"#,
        r#""a":{"object":"urn:x","objectType":["T","urn:ngsi-ld:null"]}"#,
    ] {
        check(MERGE, body, &format!("attribute `a`: {IN_AN_ARRAY}"));
    }
    check(
        MERGE,
        r#""a":{"datasetId":"urn:ngsi-ld:null"}"#,
        "attribute `a`: a datasetId cannot be removed; remove the instance by giving it the value urn:ngsi-ld:null",
    );
}

#[test]
fn a_bare_value_takes_the_kind_there_is_when_it_is_merged() {
    check(MERGE, r#""a":5"#, "a~5=5");
    check(
        MERGE,
        r#""a":{"b":"urn:ngsi-ld:null","c":1}"#,
        r#"a~{"b":"urn:ngsi-ld:null","c":1}={"c":1}"#,
    );
    check(
        Form::Merge { simplified: false, language: Some("fr") },
        r#""a":"oui""#,
        r#"a~"oui"="oui"/fr"#,
    );
}

#[test]
fn the_simplified_form_holds_values_alone() {
    check(SIMPLIFIED, r#""a":"x""#, r#"a~"x"="x"/fr"#);
    check(SIMPLIFIED, r#""a":"urn:ngsi-ld:null""#, "-a");
    check(
        SIMPLIFIED,
        r#""a":{"value":1,"type":"x"}"#,
        r#"a~{"value":1,"type":"x"}={"value":1,"type":"x"}/fr"#,
    );
    check(SIMPLIFIED, r#""a":{"vocab":"Male"}"#, r#"a~{"vocab":"Male"}=VocabProperty/fr"#);
    check(SIMPLIFIED, r#""a":{"json":{"b":1}}"#, r#"a~{"json":{"b":1}}=JsonProperty/fr"#);
    check(
        SIMPLIFIED,
        r#""a":{"languageMap":{"en":"x"}}"#,
        r#"a~{"languageMap":{"en":"x"}}=LanguageProperty/fr"#,
    );
    check(SIMPLIFIED, r#""a":{"languageMap":{"@none":"urn:ngsi-ld:null"}}"#, "-a");
    let (_, fragment) = super::fragment(
        r#"{"a":{"languageMap":{"fr":"x","en":"urn:ngsi-ld:null"}}}"#,
        &context(),
        SIMPLIFIED,
        &LIMITS,
    )
    .unwrap();
    let AttributePatch::Instances(patches) = &fragment.attributes[0].1 else { panic!() };
    let ValuePatch::Simplified { fallback, .. } = &patches[0].value else { panic!() };
    let map = Json::parse(r#"{"fr":"x"}"#).unwrap();
    assert_eq!(*fallback, Value::LanguageProperty(map), "nothing is there to remove");
    check(
        SIMPLIFIED,
        r#""location":{"type":"Point","coordinates":[1,2]}"#,
        r#"location~{"type":"Point","coordinates":[1,2]}=GeoProperty/fr"#,
    );
    check(
        SIMPLIFIED,
        r#""a":{"dataset":{"@none":1,"urn:d:1":"urn:ngsi-ld:null"}}"#,
        "a~1=1/fr -a@urn:d:1",
    );
}

#[test]
fn a_part_of_an_attribute_may_lack_value_and_type() {
    check_attribute(r#"{"@context":"x","value":60}"#, "speed=60");
    check_attribute(
        r#"{"type":"Property","observedAt":"2026-04-01T12:00:00Z"}"#,
        "speed:Property(observedAt)",
    );
    check_attribute(
        r#"{"b":"urn:ngsi-ld:null","unitCode":"urn:ngsi-ld:null"}"#,
        "speed(-unitCode -b)",
    );
    check_attribute(r#"{"b":{"type":"Property"}}"#, "attribute `speed.b`: `value` is missing");
    check_attribute(r#"{"type":"Property","value":"urn:ngsi-ld:null"}"#, "-speed");
    check_attribute(r#"{"value":"urn:ngsi-ld:null","datasetId":"urn:d:1"}"#, "-speed@urn:d:1");
    check_attribute(r#""urn:ngsi-ld:null""#, "-speed");
    check_attribute("60", "speed~60=60");
    check_attribute(
        r#"[{"value":1},{"value":2,"datasetId":"urn:d:1"}]"#,
        "speed=1 speed@urn:d:1=2",
    );
    check_attribute(r#"{"@context":"x"}"#, "attribute `speed`: there is nothing in it to change");
    check_attribute(
        r#"{"value":{"b":"urn:ngsi-ld:null"}}"#,
        "attribute `speed`: a value may hold urn:ngsi-ld:null inside only where it is merged into another",
    );
    check_attribute(
        r#"{"datasetId":"urn:ngsi-ld:null"}"#,
        "attribute `speed`: a datasetId cannot be removed; remove the instance by giving it the value urn:ngsi-ld:null",
    );
}

#[test]
fn a_whole_attribute_has_a_value() {
    let name = Name::new("https://example.org/speed");
    let read = |body: &str| super::attribute(body, &context(), &name, &LIMITS);
    assert_eq!(read(r#"{"value":1,"@context":"x"}"#).unwrap().instances.len(), 1);
    assert_eq!(
        read(r#"{"type":"Relationship"}"#).unwrap_err().to_string(),
        "attribute `speed`: `object` is missing"
    );
    assert!(read("{").is_err());
}

#[test]
fn the_name_of_an_attribute_is_checked_and_expanded() {
    let read = |written: &str| super::attribute_name(written, &context());
    assert_eq!(read("speed").unwrap().as_str(), "https://example.org/speed");
    for bad in ["@invalid", "scope", "type", "kind", "value", "a b", ""] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
