//! Each representation of an entity, by clause.

use std::collections::HashMap;

use jsonld::{Context, ContextRef};
use model::{DateTime, Entity, Name, Timestamp, Uri};

use super::{Format, GeoShape, Member, Projected, Projection, Shape};
use crate::read::{self, Limits};

pub(super) const LIMITS: Limits =
    Limits { attributes_max: 1000, instances_max: 1000, readings_max: 100 };

pub(super) fn context() -> Context {
    let named = serde_json::json!({ "ex": "https://example.org/", "Male": "ex:gender#male" });
    let named = ContextRef::parse(&named).unwrap();
    jsonld::compile(&named, &HashMap::new(), &jsonld::Limits::default()).unwrap()
}

/// The entity that a body describes, created in 1970.
pub(super) fn stored(body: &str) -> Entity {
    let (id, draft) = read::entity(body, &context(), &LIMITS).unwrap();
    draft.into_entity(id, Timestamp(0), Timestamp(1_000_000))
}

fn described(members: &str) -> Entity {
    stored(&format!(r#"{{"id":"urn:a:1","type":"T",{members}}}"#))
}

fn check(members: &str, shape: Shape<'_>, expected: &str) {
    let mut out = String::new();
    super::entity(&mut out, &described(members), &context(), &shape);
    assert_eq!(out, format!(r#"{{"id":"urn:a:1","type":"T",{expected}}}"#), "{members}");
}

const NORMALIZED: Shape<'static> = Shape {
    format: Format::Normalized,
    sys_attrs: false,
    projection: Projection { pick: None, omit: None },
    dataset_ids: &[],
    languages: None,
    context_in_body: None,
    linked: super::Linked::None,
    deleted_at: None,
};
const CONCISE: Shape<'static> = Shape { format: Format::Concise, ..NORMALIZED };
const SIMPLIFIED: Shape<'static> = Shape { format: Format::Simplified, ..NORMALIZED };

const POINT: &str = r#"{"type":"Point","coordinates":[1,2]}"#;

#[test]
fn the_concise_form_leaves_out_what_can_be_inferred() {
    let same = |members: &str| check(members, CONCISE, members);
    same(r#""a":5"#);
    same(r#""a":{"b":[1,{"c":2}]}"#);
    same(r#""a":[1,{"b":2}]"#);
    same(&format!(r#""a":{POINT}"#));
    same(r#""a":{"languageMap":{"en":"x"}}"#);
    same(r#""a":{"object":"urn:b:1","objectType":"T","observedAt":"2026-04-01T12:00:00Z"}"#);
    same(r#""a":{"objectList":["urn:b:1","urn:b:2"]}"#);
    same(r#""a":{"vocab":"Male"}"#);
    same(r#""a":{"json":{"b":1}}"#);
    same(r#""a":{"valueList":[1,2],"unitCode":"MMT"}"#);
    same(r#""a":{"value":5,"unitCode":"CEL","b":6}"#);
    same(&format!(r#""a":{{"value":{POINT},"b":6}}"#));
    same(r#""a":[{"value":1},{"value":2,"datasetId":"urn:d:1"}]"#);
}

#[test]
fn the_concise_form_says_more_where_it_would_be_misread() {
    let same = |members: &str| check(members, CONCISE, members);
    same(r#""a":{"value":{"type":"x"}}"#);
    same(r#""a":{"value":{"unitCode":"x"}}"#);
    same(r#""a":{"value":[{"value":1}]}"#);
    same(&format!(r#""a":{{"type":"Property","value":{POINT}}}"#));
    same(r#""a":{"@type":"DateTime","@value":"x"}"#);
}

#[test]
fn the_simplified_form_holds_values_alone() {
    check(r#""a":{"value":5,"b":6,"unitCode":"CEL"}"#, SIMPLIFIED, r#""a":5"#);
    check(&format!(r#""a":{POINT}"#), SIMPLIFIED, &format!(r#""a":{POINT}"#));
    check(r#""a":{"languageMap":{"en":"x"}}"#, SIMPLIFIED, r#""a":{"languageMap":{"en":"x"}}"#);
    check(r#""a":{"json":{"b":1}}"#, SIMPLIFIED, r#""a":{"json":{"b":1}}"#);
    check(r#""a":{"vocab":["Male"]}"#, SIMPLIFIED, r#""a":{"vocab":["Male"]}"#);
    check(r#""a":{"object":"urn:b:1"}"#, SIMPLIFIED, r#""a":"urn:b:1""#);
    check(r#""a":{"object":["urn:b:1"]}"#, SIMPLIFIED, r#""a":["urn:b:1"]"#);
    check(r#""a":{"valueList":[1,2]}"#, SIMPLIFIED, r#""a":[1,2]"#);
    check(r#""a":{"objectList":["urn:b:1"]}"#, SIMPLIFIED, r#""a":["urn:b:1"]"#);
    check(
        r#""a":[{"value":1},{"value":2,"datasetId":"urn:d:1"}]"#,
        SIMPLIFIED,
        r#""a":{"dataset":{"@none":1,"urn:d:1":2}}"#,
    );
    check(r#""a":{"value":2,"datasetId":"urn:d:1"}"#, SIMPLIFIED, r#""a":2"#);
}

#[test]
fn system_attributes_go_out_when_they_are_asked_for() {
    let expiring =
        r#""expiresAt":"2100-01-01T00:00:00Z","a":{"value":5,"expiresAt":"2100-01-01T00:00:00Z"}"#;
    check(expiring, NORMALIZED, r#""a":{"type":"Property","value":5}"#);
    let times = r#""modifiedAt":"1970-01-01T00:00:01.000Z""#;
    check(
        expiring,
        Shape { sys_attrs: true, ..CONCISE },
        &format!(
            r#""createdAt":"1970-01-01T00:00:00.000Z",{times},"expiresAt":"2100-01-01T00:00:00Z","a":{{"value":5,"createdAt":"1970-01-01T00:00:01.000Z",{times},"expiresAt":"2100-01-01T00:00:00Z"}}"#
        ),
    );
}

#[test]
fn only_instances_of_the_datasets_asked_for_go_out() {
    let dataset = Uri::parse("urn:d:1").unwrap();
    let members = r#""a":[{"value":1},{"value":2,"datasetId":"urn:d:1"}],"b":3"#;
    let shape = Shape { dataset_ids: &[Some(dataset.clone())], ..CONCISE };
    check(members, shape, r#""a":{"value":2,"datasetId":"urn:d:1"}"#);
    check(members, Shape { dataset_ids: &[None], ..CONCISE }, r#""a":1,"b":3"#);
    let both = [None, Some(dataset)];
    check(
        members,
        Shape { dataset_ids: &both, ..SIMPLIFIED },
        r#""a":{"dataset":{"@none":1,"urn:d:1":2}},"b":3"#,
    );
}

#[test]
fn a_language_property_goes_out_in_the_language_asked_for() {
    let street = r#""a":{"languageMap":{"fr":"Grand Place","nl":["Grote","Markt"]}}"#;
    let check = |language: &str, format, expected: &str| {
        let languages = query::LanguageRanges::parse(language).unwrap();
        check(street, Shape { languages: Some(&languages), format, ..NORMALIZED }, expected);
    };
    check("fr", Format::Normalized, r#""a":{"type":"Property","value":"Grand Place","lang":"fr"}"#);
    check("nl", Format::Concise, r#""a":{"value":["Grote","Markt"],"lang":"nl"}"#);
    check("fr", Format::Simplified, r#""a":"Grand Place""#);
    check("*", Format::Simplified, r#""a":"Grand Place""#);
    check("sk", Format::Simplified, r#""a":"Grand Place""#);
}

#[test]
fn names_are_compacted_and_the_context_goes_into_the_body() {
    let entity = stored(
        r#"{"id":"urn:a:1","type":["https://example.org/T","U"],"scope":["/a","/b"],"ex:a":{"vocab":"Male"}}"#,
    );
    let mut out = String::new();
    let shape = Shape { context_in_body: Some(r#"["x"]"#), ..NORMALIZED };
    super::entity(&mut out, &entity, &context(), &shape);
    assert_eq!(
        out,
        r#"{"id":"urn:a:1","type":["ex:T","U"],"scope":["/a","/b"],"ex:a":{"type":"VocabProperty","vocab":"Male"},"@context":["x"]}"#
    );
    out.clear();
    super::entity(&mut out, &entity, &Context::core(), &SIMPLIFIED);
    assert_eq!(
        out,
        r#"{"id":"urn:a:1","type":["https://example.org/T","U"],"scope":["/a","/b"],"https://example.org/a":{"vocab":"https://example.org/gender#male"}}"#
    );
}

#[test]
fn a_projection_picks_and_omits_members() {
    let entity = described(r#""scope":"/a","a":1,"b":2"#);
    let name = Name::new(context().expand_term("a").into_owned());
    let list: Vec<Projected> = [Member::Id, Member::Attribute(name)]
        .map(|member| Projected { member, below: Vec::new() })
        .into();
    let check = |projection: Projection<'_>, expected: &str| {
        let mut out = String::new();
        super::entity(&mut out, &entity, &context(), &Shape { projection, ..CONCISE });
        assert_eq!(out, expected);
    };
    check(Projection { pick: Some(&list), omit: None }, r#"{"id":"urn:a:1","a":1}"#);
    check(Projection { pick: None, omit: Some(&list) }, r#"{"type":"T","scope":"/a","b":2}"#);
}

#[test]
fn a_feature_has_the_geometry_that_was_asked_for() {
    let entity = described(&format!(
        r#""a":5,"location":{POINT},"area":[{{"value":{POINT},"datasetId":"urn:d:1"}},{{"value":{POINT},"datasetId":"urn:d:2"}}]"#
    ));
    let properties = format!(
        r#""properties":{{"type":"T","a":5,"location":{POINT},"area":{{"dataset":{{"urn:d:1":{POINT},"urn:d:2":{POINT}}}}}}}"#
    );
    let check = |geometry_property: &str, geometry: &str| {
        let context = context();
        let name = Name::new(context.expand_term(geometry_property).into_owned());
        let mut out = String::new();
        let geo = GeoShape { geometry_property: &name };
        let shape = Shape { context_in_body: Some(r#""x""#), ..SIMPLIFIED };
        super::feature(&mut out, &entity, &context, &shape, &geo);
        assert_eq!(
            out,
            format!(
                r#"{{"id":"urn:a:1","type":"Feature","geometry":{geometry},{properties},"@context":"x"}}"#
            )
        );
    };
    check("location", POINT);
    check("area", "null");
    check("a", "null");
    check("nowhere", "null");
}

#[test]
fn features_share_one_context() {
    let context = context();
    let name = Name::new(context.expand_term("location").into_owned());
    let entities = [described(r#""a":5"#).into(), described(r#""a":6"#).into()];
    let feature = |a: &str| {
        format!(
            r#"{{"id":"urn:a:1","type":"Feature","geometry":null,"properties":{{"type":"T","a":{{"type":"Property","value":{a}}}}}}}"#
        )
    };
    let mut out = String::new();
    let shape = Shape { context_in_body: Some(r#""x""#), ..NORMALIZED };
    let geo = GeoShape { geometry_property: &name };
    super::feature_collection(&mut out, &entities, &context, &shape, &geo);
    let (five, six) = (feature("5"), feature("6"));
    assert_eq!(
        out,
        format!(r#"{{"type":"FeatureCollection","features":[{five},{six}],"@context":"x"}}"#)
    );
}

#[test]
fn one_attribute_goes_out_alone() {
    let entity = described(r#""a":5,"b":[{"vocab":"Male"},{"vocab":"x","datasetId":"urn:d:1"}]"#);
    let mut all = entity.attributes.iter();
    let (a, b) = (all.next().unwrap(), all.next().unwrap());
    let write = |attribute, shape: Shape<'_>| {
        let mut out = String::new();
        let written = super::attribute(&mut out, attribute, &context(), &shape);
        assert_eq!(written, !out.is_empty());
        out
    };
    assert_eq!(write(a, NORMALIZED), r#"{"type":"Property","value":5}"#);
    assert_eq!(write(a, CONCISE), "5");
    let in_body = Shape { context_in_body: Some(r#""x""#), ..CONCISE };
    assert_eq!(write(a, in_body), r#"{"value":5,"@context":"x"}"#);
    assert_eq!(write(b, CONCISE), r#"[{"vocab":"Male"},{"vocab":"x","datasetId":"urn:d:1"}]"#);
    let other = [Some(Uri::parse("urn:d:2").unwrap())];
    assert_eq!(write(b, Shape { dataset_ids: &other, ..CONCISE }), "");
    let mut out = String::new();
    super::value(&mut out, &b.instances[0], &context());
    assert_eq!(out, r#""Male""#);
}

#[test]
fn moments_keep_the_digits_they_were_written_with() {
    let mut entity = described(r#""a":{"value":1,"observedAt":"2026-04-01T12:00:00,50Z"}"#);
    entity.expires_at = Some(DateTime::new(Timestamp(0), 0));
    let mut out = String::new();
    super::entity(&mut out, &entity, &context(), &CONCISE);
    assert!(out.contains(r#""observedAt":"2026-04-01T12:00:00.50Z""#), "{out}");
}
