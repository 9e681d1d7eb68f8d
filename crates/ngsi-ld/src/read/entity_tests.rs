//! Whole entities: what is read from each form, and what is refused in which words.

use std::collections::HashMap;

use jsonld::{Context, ContextRef};
use model::Timestamp;

use super::{InvalidEntity, Limits};
use crate::write::{self, Shape};

pub(super) const LIMITS: Limits = Limits { attributes_max: 50, instances_max: 3, readings_max: 8 };

/// `ex:` is a prefix, `speed` a term with an IRI of its own, `kind` an alias of `@type`.
pub(super) fn context() -> Context {
    let named = serde_json::json!({
        "ex": "https://example.org/",
        "speed": "https://example.org/speed",
        "Male": "https://example.org/gender#male",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "kind": "@type",
    });
    let named = ContextRef::parse(&named).unwrap();
    jsonld::compile(&named, &HashMap::new(), &jsonld::Limits::default()).unwrap()
}

fn read(members: &str) -> Result<String, InvalidEntity> {
    let text = format!(r#"{{"id":"urn:ngsi-ld:T:1","type":"T",{members}}}"#);
    let (id, draft) = super::entity(&text, &context(), &LIMITS)?;
    let entity = draft.into_entity(id, Timestamp(0), Timestamp(0));
    let mut out = String::new();
    write::entity(&mut out, &entity, &context(), &Shape::default());
    Ok(out)
}

/// What the members say, in the normalized form.
fn check(members: &str, expected: &str) {
    let expected = format!(r#"{{"id":"urn:ngsi-ld:T:1","type":"T",{expected}}}"#);
    assert_eq!(read(members).unwrap(), expected, "{members}");
}

fn refuse(members: &str, expected: &str) {
    assert_eq!(read(members).unwrap_err().to_string(), expected, "{members}");
}

fn refuse_body(body: &str, expected: &str) {
    let error = super::entity(body, &context(), &LIMITS).unwrap_err();
    assert!(error.to_string().starts_with(expected), "{body}: {error}");
}

#[test]
fn a_name_has_a_limit_once_it_is_expanded() {
    let long = format!("https://example.org/{}", "a".repeat(model::Name::BYTES_MAX));
    for body in [
        format!(r#"{{"id":"urn:a:1","type":"{long}"}}"#),
        format!(r#"{{"id":"urn:a:1","type":"T","{long}":1}}"#),
    ] {
        let error = super::entity(&body, &Context::core(), &LIMITS).unwrap_err().to_string();
        assert!(error.contains("at most 4096"), "{error}");
    }
}

#[test]
fn every_kind_is_read_from_its_normalized_form() {
    for attribute in [
        r#""a":{"type":"Property","value":{"x":[1,null,1.50]},"unitCode":"CEL"}"#,
        r#""a":{"type":"Relationship","object":"urn:a:1","objectType":"T"}"#,
        r#""a":{"type":"Relationship","object":["urn:a:1"],"objectType":["T","U"]}"#,
        r#""a":{"type":"GeoProperty","value":{"type":"Point","coordinates":[1,2]}}"#,
        r#""a":{"type":"LanguageProperty","languageMap":{"fr-CH":"x","@none":["y","z"]}}"#,
        r#""a":{"type":"JsonProperty","json":{"id":null,"value":1}}"#,
        r#""a":{"type":"VocabProperty","vocab":"Male"}"#,
        r#""a":{"type":"VocabProperty","vocab":["Male","non-commercial"]}"#,
        r#""a":{"type":"ListProperty","valueList":[1,"x"],"unitCode":"MMT","valueType":"Integer"}"#,
        r#""a":{"type":"ListRelationship","objectList":[{"object":"urn:a:1"}]}"#,
        r#""a":{"type":"Property","value":1,"valueType":"xsd:double","observedAt":"2026-04-01T12:00:00.50Z"}"#,
    ] {
        check(attribute, attribute);
    }
}

#[test]
fn the_kind_is_inferred_in_the_concise_form() {
    check(r#""a":5"#, r#""a":{"type":"Property","value":5}"#);
    check(r#""a":{"value":5}"#, r#""a":{"type":"Property","value":5}"#);
    check(r#""a":{"b":5}"#, r#""a":{"type":"Property","value":{"b":5}}"#);
    check(r#""a":[1,{"b":2}]"#, r#""a":{"type":"Property","value":[1,{"b":2}]}"#);
    check(r#""a":[]"#, r#""a":{"type":"Property","value":[]}"#);
    let point = r#"{"type":"Point","coordinates":[1,2]}"#;
    let geo = format!(r#""a":{{"type":"GeoProperty","value":{point}}}"#);
    check(&format!(r#""a":{point}"#), &geo);
    check(&format!(r#""a":{{"value":{point}}}"#), &geo);
    check(r#""a":{"object":"urn:a:1"}"#, r#""a":{"type":"Relationship","object":"urn:a:1"}"#);
    check(r#""a":{"vocab":"Male"}"#, r#""a":{"type":"VocabProperty","vocab":"Male"}"#);
    check(r#""a":{"json":[1]}"#, r#""a":{"type":"JsonProperty","json":[1]}"#);
    check(r#""a":{"valueList":[]}"#, r#""a":{"type":"ListProperty","valueList":[]}"#);
    check(
        r#""a":{"objectList":["urn:a:1",{"object":"urn:a:2"}]}"#,
        r#""a":{"type":"ListRelationship","objectList":[{"object":"urn:a:1"},{"object":"urn:a:2"}]}"#,
    );
    check(
        r#""a":{"languageMap":{"en":"x"}}"#,
        r#""a":{"type":"LanguageProperty","languageMap":{"en":"x"}}"#,
    );
    check(
        r#""a":{"@type":"DateTime","@value":"2026-04-01T12:00:00Z"}"#,
        r#""a":{"type":"Property","value":{"@type":"DateTime","@value":"2026-04-01T12:00:00Z"}}"#,
    );
}

#[test]
fn attributes_of_attributes_are_read_at_any_depth() {
    check(
        r#""a":{"value":1,"b":{"value":2,"c":{"object":"urn:c:1","d":"x"}}}"#,
        r#""a":{"type":"Property","value":1,"b":{"type":"Property","value":2,"c":{"type":"Relationship","object":"urn:c:1","d":{"type":"Property","value":"x"}}}}"#,
    );
}

#[test]
fn instances_are_told_apart_by_their_dataset() {
    check(
        r#""a":[{"value":1,"datasetId":"@none"},{"value":2,"datasetId":"urn:d:1"}]"#,
        r#""a":[{"type":"Property","value":1},{"type":"Property","value":2,"datasetId":"urn:d:1"}]"#,
    );
    refuse(
        r#""a":[{"value":1},{"value":2,"datasetId":"@none"}]"#,
        "attribute `a`: two instances have no datasetId; only one can be the default instance",
    );
    refuse(
        r#""a":[{"value":1,"datasetId":"urn:d:1"},{"value":2,"datasetId":"urn:d:1"}]"#,
        "attribute `a`: two instances have the datasetId `urn:d:1`",
    );
    refuse(
        r#""a":[{"value":1},{"value":2,"datasetId":"d 1"}]"#,
        "attribute `a[1]`: `datasetId` `d 1` is not a valid URI",
    );
}

#[test]
fn keywords_and_their_aliases_are_accepted() {
    let body = r#"{"@context":"x","@id":"urn:a:1","kind":["T","ex:U"],"ex:a":{"@type":"ngsi-ld:Property","ngsi-ld:hasValue":1}}"#;
    let (id, draft) = super::entity(body, &context(), &LIMITS).unwrap();
    let entity = draft.into_entity(id, Timestamp(0), Timestamp(0));
    let mut out = String::new();
    write::entity(&mut out, &entity, &context(), &Shape::default());
    assert_eq!(out, r#"{"id":"urn:a:1","type":["T","ex:U"],"ex:a":{"type":"Property","value":1}}"#);
}

#[test]
fn what_the_system_writes_is_ignored() {
    let ignored = r#""createdAt":"x","modifiedAt":1,"deletedAt":{}"#;
    check(
        &format!(r#"{ignored},"a":{{"value":1,{ignored},"instanceId":"x","previousValue":0}}"#),
        r#""a":{"type":"Property","value":1}"#,
    );
    check(
        r#""a":{"object":"urn:a:1","entity":{"id":"urn:a:1"},"previousObject":"x"}"#,
        r#""a":{"type":"Relationship","object":"urn:a:1"}"#,
    );
}

#[test]
fn a_proof_has_plain_members() {
    let proof = r#""a":{"type":"Property","value":1,"ngsildproof":{"type":"Property","value":{"type":"DataIntegrityProof"},"entityIdSealed":"urn:a:1","entityTypeSealed":"T"}}"#;
    check(proof, proof);
    refuse(
        r#""a":{"value":1,"entityIdSealed":"urn:a:1"}"#,
        "attribute `a`: `entityIdSealed` has a meaning of its own in NGSI-LD and cannot name an attribute",
    );
    refuse(
        r#""ngsildproof":{"value":"x"}"#,
        "attribute `ngsildproof`: `value` must be an object, the proof, in an `ngsildproof`",
    );
    refuse(
        r#""ngsildproof":{"value":{},"entityTypeSealed":42}"#,
        "attribute `ngsildproof`: `entityTypeSealed` must be a text",
    );
}

#[test]
fn a_text_in_one_language_reads_back() {
    let text = r#""a":{"type":"Property","value":"x","lang":"fr"}"#;
    check(text, text);
}

#[test]
fn scopes_and_types_are_one_or_several() {
    check(r#""scope":"/a""#, r#""scope":"/a""#);
    check(r#""scope":["/a"]"#, r#""scope":"/a""#);
    check(r#""scope":["/a","b/c"]"#, r#""scope":["/a","b/c"]"#);
    refuse(
        r#""scope":["/a","9"]"#,
        "`9` is not a scope; it must look like /Madrid/Gardens, each level opening with a letter, and have at most 1024 bytes",
    );
    refuse_body(r#"{"id":"urn:a:1","type":["T",5]}"#, "`type` must be a name or an array of names");
    refuse_body(
        r#"{"id":"urn:a:1","type":"9"}"#,
        "`9` is not a name: it starts with `9`, not with a letter",
    );
    refuse_body(r#"{"id":"urn:a:1","type":"type"}"#, "`type` has a meaning of its own");
}

#[test]
fn an_entity_has_an_id_and_a_type() {
    refuse_body("[]", "the body is not a JSON object");
    refuse_body("{", "the body is not valid JSON: ");
    refuse_body(r#"{"id":"urn:a:1",}"#, "the body is not valid JSON: ");
    refuse_body(r#"{"type":"T"}"#, "an entity needs an `id`");
    refuse_body(r#"{"id":"urn:a:1"}"#, "an entity needs a `type`");
    refuse_body(r#"{"id":"a b","type":"T"}"#, "`id` `a b` is not a valid URI");
    refuse_body(r#"{"id":5,"type":"T"}"#, "`id` must be a URI");
    refuse_body(r#"{"id":"urn:a:1","@id":"urn:a:1","type":"T"}"#, "`id` is named twice");
    refuse_body(r#"{"id":"urn:ngsi-ld:null","type":"T"}"#, "`id`: urn:ngsi-ld:null is only");
}

#[test]
fn names_follow_the_grammar_and_stand_once() {
    refuse(r#""my attr":1"#, "`my attr` is not a name: after letters, digits and `_` it holds ` `");
    refuse(
        r#""a":{"value":1,"b-c":2}"#,
        "attribute `a`: `b-c` is not a name: after letters, digits and `_` it holds `-`",
    );
    refuse(r#""speed":1,"https://example.org/speed":2"#, "`speed` is named twice");
    refuse(r#""a":{"value":1,"b":2,"b":3}"#, "attribute `a`: `b` is named twice");
    refuse(r#""a":{"value":1,"value":2}"#, "attribute `a`: `value` is named twice");
    for member in ["datasetId", "instanceId", "observedAt", "unitCode"] {
        let reserved =
            format!("`{member}` has a meaning of its own in NGSI-LD and cannot name an attribute");
        refuse(&format!(r#""{member}":{{"value":1}}"#), &reserved);
    }
    refuse(
        r#""a":{"value":1,"@context":{}}"#,
        "attribute `a`: a context can only stand at the top of the payload",
    );
}

#[test]
fn members_of_other_kinds_shall_never_be_present() {
    let misplaced =
        |member: &str, kind: &str| format!("attribute `a`: `{member}` cannot stand in a {kind}");
    for (attribute, member, kind) in [
        (r#"{"type":"Property","object":"urn:a:1"}"#, "object", "Property"),
        (r#"{"type":"Relationship","value":1}"#, "value", "Relationship"),
        (r#"{"object":"urn:a:1","unitCode":"MTR"}"#, "unitCode", "Relationship"),
        (r#"{"json":{},"unitCode":"MTR"}"#, "unitCode", "JsonProperty"),
        (r#"{"languageMap":{},"unitCode":"MTR"}"#, "unitCode", "LanguageProperty"),
        (r#"{"vocab":"x","unitCode":"MTR"}"#, "unitCode", "VocabProperty"),
        (r#"{"value":1,"objectType":"T"}"#, "objectType", "Property"),
        (r#"{"object":"urn:a:1","valueType":"T"}"#, "valueType", "Relationship"),
        (r#"{"value":1,"entity":{}}"#, "entity", "Property"),
        (r#"{"object":"urn:a:1","entityList":[]}"#, "entityList", "Relationship"),
        (r#"{"value":1,"previousObject":"urn:a:1"}"#, "previousObject", "Property"),
    ] {
        refuse(&format!(r#""a":{attribute}"#), &misplaced(member, kind));
    }
    refuse(
        r#""a":{"type":"ListProperty","valueList":[1],"value":3}"#,
        "attribute `a`: both `valueList` and `value` are given; an attribute has one kind of value",
    );
}

#[test]
fn values_have_the_form_of_their_kind() {
    refuse(r#""a":{"type":"Property"}"#, "attribute `a`: `value` is missing");
    refuse(r#""a":{"type":"LanguageProperty"}"#, "attribute `a`: `languageMap` is missing");
    refuse(
        r#""a":{"unitCode":"CEL"}"#,
        "attribute `a`: there is no value; give one as `value`, `object` or another member that holds one",
    );
    refuse(r#""a":{"object":5}"#, "attribute `a`: `object` must be a URI or an array of URIs");
    refuse(r#""a":{"object":[]}"#, "attribute `a`: `object` must be a URI or an array of URIs");
    refuse(r#""a":{"object":"x y"}"#, "attribute `a`: `object` `x y` is not a valid URI");
    refuse(
        r#""a":{"objectList":[5]}"#,
        "attribute `a`: `objectList` must be an array of URIs or of objects with one `object`",
    );
    refuse(r#""a":{"json":5}"#, "attribute `a`: `json` must be a JSON object or array");
    refuse(r#""a":{"valueList":5}"#, "attribute `a`: `valueList` must be an array");
    refuse(r#""a":{"vocab":5}"#, "attribute `a`: `vocab` must be a term or an array of terms");
    refuse(
        r#""a":{"languageMap":{"":"x"}}"#,
        "attribute `a`: `` is not a language tag; use one such as `en`, `fr-CH` or `@none`",
    );
    refuse(
        r#""a":{"languageMap":{"en":["x",5]}}"#,
        "attribute `a`: `languageMap` must be an object with a text, or an array of texts, for each language",
    );
    refuse(
        r#""a":{"languageMap":{"en":"x"},"valueType":"xsd:string"}"#,
        "attribute `a`: the `valueType` of a LanguageProperty is `langString`",
    );
    check(
        r#""a":{"languageMap":{"en":"x"},"valueType":"langString"}"#,
        r#""a":{"type":"LanguageProperty","languageMap":{"en":"x"},"valueType":"langString"}"#,
    );
    refuse(
        r#""a":{"type":"GeoProperty","value":{"type":"Point","coordinates":[1]}}"#,
        "attribute `a`: the coordinates of a Point are numbers: longitude, latitude and, if known, altitude",
    );
    refuse(
        r#""a":{"type":"PostalAddress","street":"x"}"#,
        "attribute `a`: `type` `PostalAddress` is not a kind of attribute; use Property, Relationship, GeoProperty, LanguageProperty, JsonProperty, VocabProperty, ListProperty or ListRelationship",
    );
}

#[test]
fn moments_are_in_utc() {
    for (written, member) in
        [("yesterday", "observedAt"), ("2026-08-10T12:00:00+02:00", "expiresAt")]
    {
        refuse(
            &format!(r#""speed":{{"value":1,"{member}":"{written}"}}"#),
            &format!(
                "attribute `speed`: `{member}` `{written}` is not a DateTime; it must look like 2026-04-01T12:00:00Z, in UTC"
            ),
        );
    }
    refuse(
        r#""speed":{"value":1,"observedAt":{"value":"2026-04-01T12:00:00Z"}}"#,
        "attribute `speed`: `observedAt` must be a text such as 2026-04-01T12:00:00Z",
    );
    refuse(r#""expiresAt":1"#, "`expiresAt` must be a text such as 2026-04-01T12:00:00Z");
}

#[test]
fn the_geoproperties_of_the_standard_are_geoproperties() {
    let point = r#"{"type":"Point","coordinates":[1,2]}"#;
    let geo = format!(r#""location":{{"type":"GeoProperty","value":{point}}}"#);
    check(&format!(r#""location":{point}"#), &geo);
    let text = r#""{\"type\":\"Point\",\"coordinates\":[1,2]}""#;
    check(&format!(r#""location":{{"value":{text}}}"#), &geo);
    check(&format!(r#""location":{text}"#), &geo);
    refuse(
        r#""location":{"type":"Property","value":7}"#,
        "attribute `location`: an attribute of this name is a GeoProperty",
    );
}

#[test]
fn nothing_is_removed_where_nothing_is_there_yet() {
    let only = "urn:ngsi-ld:null is only allowed where a change may remove something";
    refuse(r#""a":"urn:ngsi-ld:null""#, &format!("attribute `a`: {only}"));
    refuse(r#""scope":"urn:ngsi-ld:null""#, &format!("`scope`: {only}"));
    refuse(r#""a":{"value":"urn:ngsi-ld:null"}"#, &format!("attribute `a`: `value`: {only}"));
    refuse(
        r#""a":{"value":1,"b":{"object":"urn:ngsi-ld:null"}}"#,
        &format!("attribute `a.b`: `object`: {only}"),
    );
    refuse(
        r#""a":{"languageMap":{"@none":"urn:ngsi-ld:null"}}"#,
        &format!("attribute `a`: `languageMap`: {only}"),
    );
    refuse(
        r#""a":{"value":{"b":{"c":"urn:ngsi-ld:null"}}}"#,
        "attribute `a`: a value may hold urn:ngsi-ld:null inside only where it is merged into another",
    );
    for body in [
        r#""a":{"value":[{"b":"urn:ngsi-ld:null"}]}"#,
        r#""a":{"value":{"b":"urn:ngsi-ld\u003anull"}}"#,
    ] {
        refuse(
            body,
            "attribute `a`: a value may hold urn:ngsi-ld:null inside only where it is merged into another",
        );
    }
    refuse(
        r#""a":{"languageMap":{"en":["x","urn:ngsi-ld:null"]}}"#,
        &format!("attribute `a`: `languageMap`: {only}"),
    );
    refuse_body(
        r#"{"id":"urn:x:1","type":["T","urn:ngsi-ld:null"]}"#,
        "`type`: urn:ngsi-ld:null is only",
    );
    refuse(
        r#""a":{"value":null}"#,
        "attribute `a`: `value` is null, which is not a value in NGSI-LD; write urn:ngsi-ld:null to remove one",
    );
    refuse(
        r#""a":null"#,
        "attribute `a`: it is null, which is not a value in NGSI-LD; write urn:ngsi-ld:null to remove one",
    );
}

#[test]
fn attributes_and_instances_are_limited() {
    let many: Vec<String> = (0..51).map(|n| format!(r#""a{n}":1"#)).collect();
    refuse(
        &many.join(","),
        "attribute `a50`: more than 50 attributes in one entity (setting `attributes_max`)",
    );
    let nested = format!(r#""a":{{"value":1,{}}}"#, many[..50].join(","));
    assert!(read(&nested).is_err());
    let instances: Vec<String> =
        (0..4).map(|n| format!(r#"{{"value":1,"datasetId":"urn:d:{n}"}}"#)).collect();
    refuse(
        &format!(r#""a":[{}]"#, instances.join(",")),
        "attribute `a`: more than 3 instances of one attribute (setting `instances_max`)",
    );
}
