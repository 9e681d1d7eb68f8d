//! What is written in a lossless form reads back as it was (clauses 4.5.2.1 and 4.5.3.1).

use jsonld::Context;
use model::{
    Attribute, Attributes, DateTime, Draft, Entity, Geometry, Instance, Json, Name, Scope,
    Timestamp, Uri, Value,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::entity_tests::context;
use super::{Format, Shape};
use crate::read::{self, Limits};

const LIMITS: Limits = Limits { attributes_max: 10_000, instances_max: 100, readings_max: 100 };

/// JSON with the member names that the concise form must not stumble over.
fn json() -> impl Strategy<Value = String> {
    let leaf = select(vec!["1", "-0.50", "true", "\"x\"", "\"a \\\" {\\u0041}\"", "\"Property\""])
        .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = select(vec![
            "a",
            "type",
            "value",
            "object",
            "json",
            "unitCode",
            "@type",
            "@value",
            "coordinates",
            "dataset",
        ]);
        let members = vec((name, inner.clone()), 0..3).prop_map(|mut members| {
            members.sort_by_key(|(name, _)| *name);
            members.dedup_by_key(|(name, _)| *name);
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        prop_oneof![members, vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(",")))]
    })
    .boxed()
}

fn value() -> impl Strategy<Value = Value> {
    let parsed = |text: String| Json::parse(&text).unwrap();
    let array = |all: Vec<String>| Json::parse(&format!("[{}]", all.join(","))).unwrap();
    let point = Json::parse(r#"{"type":"Point","coordinates":[1.0,2],"value":3}"#).unwrap();
    let geometry = Geometry::parse(&point).unwrap();
    prop_oneof![
        4 => json().prop_map(move |text| Value::Property(parsed(text))),
        1 => Just(Value::Property(point)),
        1 => Just(Value::GeoProperty(geometry)),
        2 => (vec(uri(), 1..3), any::<bool>()).prop_map(|(objects, array)| Value::Relationship {
            array: array || objects.len() > 1,
            objects,
        }),
        1 => select(vec![r#"{"en":"x"}"#, r#"{"fr-CH":["a","b"],"@none":"c"}"#, "{}"])
            .prop_map(move |text| Value::LanguageProperty(parsed(text.to_owned()))),
        1 => vec(json(), 0..3).prop_map(move |all| Value::JsonProperty(array(all))),
        1 => (vec(select(vec!["Male", "non-commercial", "ex:a b", "urn:x:1"]), 1..3), any::<bool>())
            .prop_map(|(terms, array)| Value::VocabProperty {
                array: array || terms.len() > 1,
                terms: terms.into_iter().map(|term| name(&context(), term)).collect(),
            }),
        1 => vec(json(), 0..3).prop_map(move |all| Value::ListProperty(array(all))),
        1 => vec(uri(), 0..3).prop_map(Value::ListRelationship),
    ]
}

fn name(context: &Context, term: &str) -> Name {
    Name::new(context.expand_term(term).into_owned())
}

fn uri() -> impl Strategy<Value = Uri> {
    select(vec!["urn:a:1", "urn:ä:2", "https://example.org/x?y#z"])
        .prop_map(|text| Uri::parse(text).unwrap())
}

fn moment() -> impl Strategy<Value = DateTime> {
    (0..4_000_000_000_000_000_i64, 6..=6_u8)
        .prop_map(|(micros, digits)| DateTime::new(Timestamp(micros), digits))
}

fn instance(below: BoxedStrategy<Attributes>) -> impl Strategy<Value = Instance> {
    let parts = (value(), any::<(bool, bool)>(), option::of(moment()), option::of(moment()), below);
    parts.prop_map(|(value, (has_unit, has_type), observed_at, expires_at, attributes)| {
        let context = context();
        let mut instance = Instance { observed_at, expires_at, attributes, ..Instance::new(value) };
        match &instance.value {
            Value::Property(_) | Value::ListProperty(_) => {
                instance.unit_code = has_unit.then(|| Json::text("CEL"));
                instance.value_type = has_type.then(|| name(&context, "ex:double"));
            }
            Value::Relationship { .. } | Value::ListRelationship(_) if has_type => {
                instance.object_type = vec![name(&context, "T"), name(&context, "ex:U")];
            }
            _ => {}
        }
        instance
    })
}

fn attributes(depth: u32) -> BoxedStrategy<Attributes> {
    if depth == 0 {
        return Just(Attributes::default()).boxed();
    }
    let names = select(vec!["a", "speed", "ex:b", "https://other.example/c", "ngsi-ld:d"]);
    let instances = vec(instance(attributes(depth - 1)), 1..3);
    vec((names, instances, any::<bool>()), 0..4)
        .prop_map(|all| {
            let context = context();
            Attributes::new(all.into_iter().map(|(term, mut instances, has_default)| {
                for (index, instance) in instances.iter_mut().enumerate() {
                    if index > 0 || !has_default {
                        instance.dataset_id = Some(Uri::parse(&format!("urn:d:{index}")).unwrap());
                    }
                }
                Attribute { name: name(&context, term), instances: instances.into() }
            }))
        })
        .boxed()
}

fn entity() -> impl Strategy<Value = Entity> {
    let scopes = vec(select(vec!["/a", "b/c", "/ä"]), 0..3);
    (uri(), vec(select(vec!["T", "ex:U"]), 1..3), scopes, option::of(moment()), attributes(3))
        .prop_map(|(id, types, scopes, expires_at, attributes)| {
            let context = context();
            let draft = Draft {
                types: types.into_iter().map(|term| name(&context, term)).collect(),
                scopes: scopes.into_iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
                expires_at,
                attributes,
            };
            draft.into_entity(id, Timestamp(0), Timestamp(0))
        })
}

fn reads_back(entity: &Entity, shape: &Shape<'_>) -> Result<(), TestCaseError> {
    let mut text = String::new();
    super::entity(&mut text, entity, &context(), shape);
    let (id, draft) = read::entity(&text, &context(), &LIMITS)
        .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
    let found = draft.into_entity(id, Timestamp(0), Timestamp(0));
    prop_assert_eq!(&found, entity, "{}", text);
    Ok(())
}

/// `expiresAt` goes out with the system attributes only (clause 6.3.11).
fn without_expiry(entity: &Entity) -> Entity {
    fn all(attributes: &Attributes) -> Attributes {
        Attributes::new(attributes.iter().map(|attribute| {
            Attribute {
                name: attribute.name.clone(),
                instances: attribute
                    .instances
                    .iter()
                    .map(|one| Instance {
                        expires_at: None,
                        attributes: all(&one.attributes),
                        ..one.clone()
                    })
                    .collect(),
            }
        }))
    }
    Entity { expires_at: None, attributes: all(&entity.attributes), ..entity.clone() }
}

proptest! {
    #[test]
    fn the_lossless_forms_read_back(entity in entity()) {
        for format in [Format::Normalized, Format::Concise] {
            reads_back(&entity, &Shape { format, sys_attrs: true, ..Shape::default() })?;
            reads_back(&without_expiry(&entity), &Shape { format, ..Shape::default() })?;
        }
    }

    #[test]
    fn every_form_is_json(entity in entity()) {
        for format in [Format::Normalized, Format::Concise, Format::Simplified] {
            let mut text = String::new();
            super::entity(&mut text, &entity, &context(), &Shape { format, ..Shape::default() });
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[ \\[\\]{}\":,@a0ntuple\\\\]{0,60}") {
        let _ = read::entity(&text, &context(), &LIMITS);
        let name = name(&context(), "a");
        let _ = read::attribute_fragment(&text, &context(), &name, &LIMITS);
        let body = format!("{{\"id\":\"urn:a:1\",\"type\":\"T\",\"a\":{text}}}");
        let form = read::Form::Merge { simplified: text.len() % 2 == 0, language: None };
        let _ = read::fragment(&body, &context(), form, &LIMITS);
    }
}
