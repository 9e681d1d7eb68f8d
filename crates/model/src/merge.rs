//! How one attribute instance takes in a patch: overwriting (5.5.8) or merging deeply (5.5.12).

use crate::apply::Refused;
use crate::attribute::{Attributes, Instance, Kind, Value};
use crate::geometry::Geometry;
use crate::identifier::{Name, Uri};
use crate::json::{Json, JsonKind};
use crate::patch::{AttributePatch, Bare, Field, InstancePatch, ValuePatch};
use crate::time::{DateTime, Timestamp};

/// Merges a patch into the attribute `name`; what is not there yet is added.
pub(crate) fn attribute(
    attributes: &mut Attributes,
    name: &Name,
    patch: AttributePatch,
    observed_at: Option<DateTime>,
    now: Timestamp,
) -> Result<(), Refused> {
    let patches = match patch {
        AttributePatch::Remove => {
            attributes.remove(name);
            return Ok(());
        }
        AttributePatch::Instances(patches) => patches,
    };
    for patch in patches {
        let dataset_id = patch.dataset_id.clone();
        if patch.value == ValuePatch::Remove {
            attributes.take(name, dataset_id.as_ref());
            continue;
        }
        match instance_of(attributes, name, dataset_id.as_ref()) {
            Some(instance) => merge_instance(name, instance, patch, observed_at, now)?,
            None => {
                let instance = fresh(name, patch, now)?;
                attributes.put(name, instance);
            }
        }
    }
    Ok(())
}

fn instance_of<'a>(
    attributes: &'a mut Attributes,
    name: &Name,
    dataset_id: Option<&Uri>,
) -> Option<&'a mut Instance> {
    let instances = &mut attributes.get_mut(name)?.instances;
    instances.iter_mut().find(|instance| instance.dataset_id.as_ref() == dataset_id)
}

/// A new instance from a patch that must name a value; removals inside it have nothing to remove.
pub(crate) fn fresh(
    name: &Name,
    mut patch: InstancePatch,
    now: Timestamp,
) -> Result<Instance, Refused> {
    forget_removals(&mut patch);
    if let ValuePatch::Set(Value::Property(value) | Value::LanguageProperty(value)) =
        &mut patch.value
        && value.holds_removal()
    {
        *value = Json::from_compact("{}").merged_with(value);
    }
    let mut instance = patch.into_instance(name)?;
    instance.stamp(now, now);
    Ok(instance)
}

fn forget_removals(patch: &mut InstancePatch) {
    fn forget<T>(field: &mut Field<T>) {
        if matches!(field, Field::Remove) {
            *field = Field::Keep;
        }
    }
    forget(&mut patch.unit_code);
    forget(&mut patch.value_type);
    forget(&mut patch.object_type);
    forget(&mut patch.observed_at);
    forget(&mut patch.expires_at);
    patch.attributes.retain_mut(|(_, attribute)| match attribute {
        AttributePatch::Remove => false,
        AttributePatch::Instances(patches) => {
            patches.retain(|patch| patch.value != ValuePatch::Remove);
            patches.iter_mut().for_each(forget_removals);
            !patches.is_empty()
        }
    });
}

/// 5.5.8 within one attribute: each member named replaces its namesake.
pub(crate) fn overwrite(
    name: &Name,
    instance: &mut Instance,
    patch: InstancePatch,
    now: Timestamp,
) -> Result<(), Refused> {
    check_kind(name, instance, &patch.value)?;
    check_unit_code(name, instance, &patch.unit_code)?;
    match patch.value {
        ValuePatch::Set(value) => instance.value = value,
        ValuePatch::Simplified { bare, .. } => set_value(name, instance, &bare)?,
        ValuePatch::Keep | ValuePatch::KeepKind(_) | ValuePatch::Remove => {}
    }
    let members = Members::of(patch.unit_code, patch.value_type, patch.object_type, patch.extras);
    members.put_into(instance);
    instance.observed_at = patch.observed_at.over(instance.observed_at);
    instance.expires_at = patch.expires_at.over(instance.expires_at);
    for (name, patch) in patch.attributes {
        match patch {
            AttributePatch::Remove => drop(instance.attributes.remove(&name)),
            AttributePatch::Instances(patches) => {
                for patch in patches {
                    overwrite_below(&mut instance.attributes, &name, patch, now)?;
                }
            }
        }
    }
    instance.modified_at = now;
    Ok(())
}

fn overwrite_below(
    attributes: &mut Attributes,
    name: &Name,
    patch: InstancePatch,
    now: Timestamp,
) -> Result<(), Refused> {
    if patch.value == ValuePatch::Remove {
        attributes.take(name, patch.dataset_id.as_ref());
        return Ok(());
    }
    let known = instance_of(attributes, name, patch.dataset_id.as_ref());
    let created_at = known.map_or(now, |known| known.created_at);
    let mut instance = fresh(name, patch, now)?;
    instance.created_at = created_at;
    attributes.put(name, instance);
    Ok(())
}

fn merge_instance(
    name: &Name,
    instance: &mut Instance,
    patch: InstancePatch,
    observed_at: Option<DateTime>,
    now: Timestamp,
) -> Result<(), Refused> {
    if let ValuePatch::KeepKind(_) = &patch.value {
        check_kind(name, instance, &patch.value)?;
    }
    let kind_before = instance.value.kind();
    merge_value(name, &mut instance.value, patch.value)?;
    if instance.value.kind() != kind_before {
        // These said something of a value that is gone.
        (instance.unit_code, instance.value_type) = (None, None);
        instance.object_type.clear();
    }
    check_unit_code(name, instance, &patch.unit_code)?;
    let members = Members::of(patch.unit_code, patch.value_type, patch.object_type, patch.extras);
    members.put_into(instance);
    let common = instance.observed_at.and(observed_at).map_or(Field::Keep, Field::Set);
    let named = if patch.observed_at.is_keep() { common } else { patch.observed_at };
    instance.observed_at = named.over(instance.observed_at);
    instance.expires_at = patch.expires_at.over(instance.expires_at);
    for (below, patch) in patch.attributes {
        attribute(&mut instance.attributes, &below, patch, observed_at, now)?;
    }
    instance.modified_at = now;
    Ok(())
}

fn merge_value(name: &Name, value: &mut Value, patch: ValuePatch) -> Result<(), Refused> {
    let merged = match (&*value, patch) {
        (_, ValuePatch::Keep | ValuePatch::KeepKind(_) | ValuePatch::Remove) => return Ok(()),
        (Value::Property(old), ValuePatch::Set(Value::Property(new))) => {
            Value::Property(old.merged_with(&new))
        }
        (Value::LanguageProperty(old), ValuePatch::Set(Value::LanguageProperty(new))) => {
            Value::LanguageProperty(old.merged_with(&new))
        }
        (_, ValuePatch::Set(new)) => new,
        (Value::LanguageProperty(old), ValuePatch::Simplified { bare, language, .. })
            if bare.json.kind() == JsonKind::Text =>
        {
            let language = language.as_deref().unwrap_or("@none");
            Value::LanguageProperty(old.merged_with(&Json::object([(language, &bare.json)])))
        }
        (Value::Property(old), ValuePatch::Simplified { bare, .. }) => {
            Value::Property(old.merged_with(&bare.json))
        }
        (Value::LanguageProperty(old), ValuePatch::Simplified { bare, .. }) => {
            Value::LanguageProperty(old.merged_with(&unwrapped(&bare.json, "languageMap")))
        }
        (old, ValuePatch::Simplified { bare, .. }) => simplified(name, old, &bare)?,
    };
    check_value(name, &merged)?;
    *value = merged;
    Ok(())
}

fn check_value(name: &Name, value: &Value) -> Result<(), Refused> {
    match value.problem() {
        None => Ok(()),
        Some(problem) => Err(Refused::InvalidValue(name.clone(), problem.to_owned())),
    }
}

/// Only these kinds have a unit (clause 4.5.2).
fn check_unit_code(name: &Name, instance: &Instance, patch: &Field<Json>) -> Result<(), Refused> {
    let kind = instance.value.kind();
    let may_have = matches!(kind, Kind::Property | Kind::GeoProperty | Kind::ListProperty);
    if may_have || !matches!(patch, Field::Set(_)) {
        return Ok(());
    }
    let problem = format!("a {} has no unitCode", kind.term());
    Err(Refused::InvalidValue(name.clone(), problem))
}

/// Gives an instance a bare value of the kind it has.
pub(crate) fn set_value(name: &Name, instance: &mut Instance, bare: &Bare) -> Result<(), Refused> {
    let value = simplified(name, &instance.value, bare)?;
    check_value(name, &value)?;
    instance.value = value;
    Ok(())
}

/// A bare value read as the kind of `like` (the simplified forms of clause 4.5.4).
fn simplified(name: &Name, like: &Value, bare: &Bare) -> Result<Value, Refused> {
    let Bare { json: bare, terms } = bare;
    let invalid = |problem: String| Refused::InvalidValue(name.clone(), problem);
    let uri = |json: &Json| {
        let text = json.as_text().ok_or_else(|| invalid(format!("`{json}` is not a URI")))?;
        Uri::parse(&text).map_err(|error| invalid(error.to_string()))
    };
    let uris = |json: &Json| match json.elements() {
        Some(elements) => elements.iter().map(uri).collect::<Result<Vec<Uri>, Refused>>(),
        None => Ok(vec![uri(json)?]),
    };
    Ok(match like {
        Value::Property(_) => Value::Property(bare.clone()),
        Value::JsonProperty(_) => Value::JsonProperty(unwrapped(bare, "json")),
        Value::ListProperty(_) => {
            let list = unwrapped(bare, "valueList");
            if list.kind() != JsonKind::Array {
                return Err(invalid("a ListProperty takes an array".to_owned()));
            }
            Value::ListProperty(list)
        }
        Value::Relationship { .. } => {
            let array = bare.kind() == JsonKind::Array;
            Value::Relationship { objects: uris(bare)?, array }
        }
        Value::ListRelationship(_) => {
            Value::ListRelationship(uris(&unwrapped(bare, "objectList"))?)
        }
        Value::GeoProperty(_) => {
            Value::GeoProperty(Geometry::parse(bare).map_err(|error| invalid(error.to_string()))?)
        }
        Value::LanguageProperty(_) => {
            let map = unwrapped(bare, "languageMap");
            if map.kind() != JsonKind::Object {
                return Err(invalid("a LanguageProperty takes a map of languages".to_owned()));
            }
            Value::LanguageProperty(map)
        }
        Value::VocabProperty { .. } if terms.is_empty() => {
            return Err(invalid("a VocabProperty takes a term or a list of terms".to_owned()));
        }
        Value::VocabProperty { .. } => {
            let array = unwrapped(bare, "vocab").kind() == JsonKind::Array;
            Value::VocabProperty { terms: terms.clone(), array }
        }
    })
}

/// `{"json": x}` is x: the simplified forms that name their kind.
fn unwrapped(bare: &Json, member: &str) -> Json {
    match bare.members().as_deref() {
        Some([(name, value)]) if name == member => value.clone(),
        _ => bare.clone(),
    }
}

fn check_kind(name: &Name, instance: &Instance, patch: &ValuePatch) -> Result<(), Refused> {
    let found = instance.value.kind();
    let wanted = match patch {
        ValuePatch::Set(value) => value.kind(),
        ValuePatch::KeepKind(kind) => *kind,
        ValuePatch::Keep | ValuePatch::Remove | ValuePatch::Simplified { .. } => found,
    };
    if found == wanted {
        Ok(())
    } else {
        Err(Refused::KindChanged { name: name.clone(), found, wanted })
    }
}

/// The members beside the value, which overwriting and merging treat alike.
struct Members {
    unit_code: Field<Json>,
    value_type: Field<Name>,
    object_type: Field<Vec<Name>>,
    extras: Vec<(Name, Json)>,
}

impl Members {
    fn of(
        unit_code: Field<Json>,
        value_type: Field<Name>,
        object_type: Field<Vec<Name>>,
        extras: Vec<(Name, Json)>,
    ) -> Members {
        Members { unit_code, value_type, object_type, extras }
    }

    fn put_into(self, instance: &mut Instance) {
        instance.unit_code = self.unit_code.over(instance.unit_code.take());
        instance.value_type = self.value_type.over(instance.value_type.take());
        let object_type = std::mem::take(&mut instance.object_type);
        instance.object_type = self.object_type.over(Some(object_type)).unwrap_or_default();
        for (name, value) in self.extras {
            instance.extras.retain(|(known, _)| *known != name);
            instance.extras.push((name, value));
        }
    }
}
