//! Entities, fragments and attributes: what was read can be written and read again (4.5.2, 4.5.3).

use jsonld::Context;
use model::{
    Attribute, Attributes, Bare, DateTime, Entity, Fragment, Instance, Name, Operation, Timestamp,
};
use ngsi_ld::read::{self, Form};
use ngsi_ld::write::{self, Format, GeoShape, Shape};

use crate::sample::{CONTEXT, ENTITIES, LIMITS, is_shallow};

const NOW: Timestamp = Timestamp(2_000_000);

/// A body as Create Entity takes it.
pub fn entity(data: &[u8]) {
    let Some(text) = shallow(data) else { return };
    entity_in(text, &CONTEXT);
}

pub fn entity_in(text: &str, context: &Context) {
    let Ok((id, draft)) = read::entity(text, context, &LIMITS) else { return };
    let entity = draft.into_entity(id, Timestamp(0), Timestamp(0));
    survives(&entity, context);
}

/// A body as Append, Update and Merge take it, applied to an entity that is there.
pub fn fragment(data: &[u8]) {
    let Some(text) = shallow(data) else { return };
    let forms = [
        Form::Append,
        Form::Update,
        Form::Merge { simplified: false, language: None },
        Form::Merge { simplified: true, language: Some("fi") },
    ];
    for form in forms {
        let Ok((_, fragment)) = read::fragment(text, &CONTEXT, form, &LIMITS) else { continue };
        for operation in operations(form, fragment) {
            ENTITIES.iter().for_each(|before| applied(before, &operation));
        }
    }
}

fn operations(form: Form<'_>, fragment: Fragment) -> Vec<Operation> {
    match form {
        Form::Append => [true, false]
            .map(|overwrite| Operation::Append { fragment: fragment.clone(), overwrite })
            .into(),
        Form::Update => vec![Operation::Update(fragment)],
        Form::Merge { .. } => [None, Some(DateTime::new(NOW, 3))]
            .map(|observed_at| Operation::Merge { fragment: fragment.clone(), observed_at })
            .into(),
    }
}

/// The name of an attribute, and on the lines below a body as the operations on one take it.
pub fn attribute(data: &[u8]) {
    let Some((name, text)) = crate::with_first_line(data) else { return };
    if !is_shallow(text) {
        return;
    }
    let Ok(name) = read::attribute_name(name, &CONTEXT) else { return };
    if let Ok(patch) = read::attribute_fragment(text, &CONTEXT, &name, &LIMITS) {
        let operation = Operation::UpdateAttribute { name: name.clone(), patch };
        ENTITIES.iter().for_each(|before| applied(before, &operation));
    }
    if let Ok(attribute) = read::attribute(text, &CONTEXT, &name, &LIMITS) {
        reads_back(&attribute);
        let operation = Operation::ReplaceAttribute(attribute);
        ENTITIES.iter().for_each(|before| applied(before, &operation));
    }
    if let Ok(value) = read::value(text, &CONTEXT, &LIMITS) {
        set(&name, &value);
    }
}

fn set(name: &Name, value: &Bare) {
    let (name, value) = (name.clone(), value.clone());
    let operation = Operation::SetValue { name, dataset_id: None, value, observed_at: None };
    ENTITIES.iter().for_each(|before| applied(before, &operation));
}

fn reads_back(attribute: &Attribute) {
    for format in [Format::Normalized, Format::Concise] {
        let shape = Shape { format, sys_attrs: true, ..Shape::default() };
        let mut text = String::new();
        assert!(write::attribute(&mut text, attribute, &CONTEXT, &shape), "nothing was written");
        let found = read::attribute(&text, &CONTEXT, &attribute.name, &LIMITS);
        let mut found = found.unwrap_or_else(|error| panic!("{error}, of {text}"));
        found.instances.iter_mut().for_each(without_times);
        let mut expected = attribute.clone();
        expected.instances.iter_mut().for_each(without_times);
        assert_eq!(found, expected, "{text}");
    }
}

/// System times are not read, and an attribute that was never in an entity has none.
fn without_times(instance: &mut Instance) {
    (instance.created_at, instance.modified_at) = (Timestamp(0), Timestamp(0));
}

/// What an operation makes of an entity can be written, and reads as the same entity.
///
/// Or it does not read: a merge may leave what Create Entity would refuse, such as a `unitCode`
/// of what is no Property any more.
fn applied(before: &Entity, operation: &Operation) {
    let outcome = model::apply(&before.id, Some(before), operation.clone(), NOW);
    let Some(after) = outcome.ok().and_then(|applied| applied.after) else { return };
    all_forms_are_json(&after, &CONTEXT);
    for format in [Format::Normalized, Format::Concise] {
        let shape = Shape { format, sys_attrs: true, ..Shape::default() };
        let text = written(&after, &CONTEXT, &shape);
        if let Ok((id, draft)) = read::entity(&text, &CONTEXT, &LIMITS) {
            let found = draft.into_entity(id, Timestamp(0), Timestamp(0));
            assert_eq!(untimed(&found), untimed(&after), "{text}");
        }
    }
}

/// The lossless forms read back as the entity they were written from; every form is JSON.
fn survives(entity: &Entity, context: &Context) {
    for format in [Format::Normalized, Format::Concise] {
        let shape = Shape { format, sys_attrs: true, ..Shape::default() };
        let text = written(entity, context, &shape);
        same(&text, context, entity);
        let shape = Shape { format, ..Shape::default() };
        same(&written(entity, context, &shape), context, &without_expiry(entity));
    }
    all_forms_are_json(entity, context);
}

fn all_forms_are_json(entity: &Entity, context: &Context) {
    let simplified = Shape { format: Format::Simplified, ..Shape::default() };
    let mut texts = vec![written(entity, context, &simplified)];
    let geometry_property = Name::new(context.expand_term("location"));
    let geo = GeoShape { geometry_property: &geometry_property };
    for format in [Format::Normalized, Format::Simplified] {
        let mut text = String::new();
        let shape = Shape { format, ..Shape::default() };
        write::feature(&mut text, entity, context, &shape, &geo);
        texts.push(text);
    }
    for text in texts {
        assert!(model::Json::parse(&text).is_ok(), "not JSON: {text}");
    }
}

fn written(entity: &Entity, context: &Context, shape: &Shape<'_>) -> String {
    let mut text = String::new();
    write::entity(&mut text, entity, context, shape);
    text
}

fn same(text: &str, context: &Context, expected: &Entity) {
    let (id, draft) = read::entity(text, context, &LIMITS)
        .unwrap_or_else(|error| panic!("what was written does not read: {error}\n{text}"));
    let found = untimed(&draft.into_entity(id, Timestamp(0), Timestamp(0)));
    assert_eq!(found, untimed(expected), "{text}");
}

fn untimed(entity: &Entity) -> Entity {
    let attributes = each_instance(&entity.attributes, &without_times);
    Entity { attributes, created_at: Timestamp(0), modified_at: Timestamp(0), ..entity.clone() }
}

/// `expiresAt` goes out with the system attributes only (clause 6.3.11).
fn without_expiry(entity: &Entity) -> Entity {
    let attributes = each_instance(&entity.attributes, &|instance| instance.expires_at = None);
    Entity { attributes, expires_at: None, ..entity.clone() }
}

fn each_instance(attributes: &Attributes, change: &dyn Fn(&mut Instance)) -> Attributes {
    Attributes::new(attributes.iter().map(|attribute| {
        let changed = |instance: &Instance| {
            let attributes = each_instance(&instance.attributes, change);
            let mut instance = Instance { attributes, ..instance.clone() };
            change(&mut instance);
            instance
        };
        let instances = attribute.instances.iter().map(changed).collect();
        Attribute { name: attribute.name.clone(), instances }
    }))
}

fn shallow(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok().filter(|text| is_shallow(text))
}
