//! Values that stand alone: in the concise form (4.5.2.3), and all of the simplified form (4.5.4).

use serde_json::value::RawValue;

use model::{AttributePatch, Geometry, InstancePatch, Json, Kind, Name, Value, ValuePatch};

use super::attribute::Reader;
use super::error::{InvalidEntity, Problem};
use super::instance::{check_special, dataset_uri};
use super::members::{Members, is_json_null, is_object};
use super::rules::Bare;
use super::word::is_geo;

impl Reader<'_> {
    /// An attribute in the simplified form; several instances stand in a `dataset`.
    pub(super) fn simplified(
        &self,
        name: &Name,
        raw: &RawValue,
    ) -> Result<AttributePatch, InvalidEntity> {
        let members = Members::of(raw);
        let instances = match members.as_ref().map(|members| &*members.0) {
            Some([(only, datasets)]) if only == "dataset" => Members::of(datasets),
            _ => None,
        };
        let Some(instances) = instances else {
            return Ok(AttributePatch::Instances(vec![self.bare(name, raw)?]));
        };
        self.check_count(instances.0.len())?;
        let patches = instances.0.iter().map(|(dataset_id, raw)| {
            Ok(InstancePatch { dataset_id: dataset_uri(dataset_id)?, ..self.bare(name, raw)? })
        });
        Ok(AttributePatch::Instances(patches.collect::<Result<_, Problem>>()?))
    }

    /// A value that takes the kind of the attribute there is, whichever that will be.
    pub(super) fn bare_value(&self, raw: &RawValue) -> model::Bare {
        let json = Json::from_raw(raw);
        let texts = match json.members().as_deref() {
            Some([(only, vocab)]) if only == "vocab" => vocab.clone(),
            _ => json.clone(),
        };
        let texts = texts.elements().unwrap_or_else(|| vec![texts]);
        let term = |text: &Json| Some(Name::new(self.context.expand_vocab(&text.as_text()?)));
        let terms = texts.iter().map(term).collect::<Option<_>>().unwrap_or_default();
        model::Bare { json, terms }
    }

    /// An instance of which only the value is given.
    pub(super) fn bare(&self, name: &Name, raw: &RawValue) -> Result<InstancePatch, Problem> {
        if is_json_null(raw) {
            return Err(Problem::JsonNull);
        }
        let (kind, holder) = bare_kind(raw, is_geo(name), self.rules.simplified);
        let value = self.value(kind, holder.unwrap_or(raw))?;
        check_special(name, kind, &value)?;
        let value = match (value, self.rules.bare) {
            (ValuePatch::Set(fallback), Bare::TakesKind { language }) => ValuePatch::Simplified {
                bare: self.bare_value(raw),
                fallback: without_removals(fallback),
                language: language.map(str::to_owned),
            },
            (value, _) => value,
        };
        Ok(InstancePatch { value, ..InstancePatch::default() })
    }
}

/// What kind of attribute a value alone makes, and the value inside it, where it is wrapped.
fn bare_kind(raw: &RawValue, is_geo: bool, simplified: bool) -> (Kind, Option<&RawValue>) {
    let resembles = || is_object(raw) && Geometry::resembles(&Json::from_raw(raw));
    if is_geo || resembles() {
        return (Kind::GeoProperty, None);
    }
    let members = if simplified { Members::of(raw) } else { None };
    let wrapped = match members.as_ref().map(|members| &*members.0) {
        Some([(name, inner)]) => match &**name {
            "languageMap" => Some((Kind::LanguageProperty, *inner)),
            "json" => Some((Kind::JsonProperty, *inner)),
            "vocab" => Some((Kind::VocabProperty, *inner)),
            _ => None,
        },
        _ => None,
    };
    wrapped.map_or((Kind::Property, None), |(kind, inner)| (kind, Some(inner)))
}

/// A new value has nothing that could be removed from it (clause 5.5.12).
fn without_removals(value: Value) -> Value {
    match value {
        Value::Property(json) if json.holds_removal() => {
            Value::Property(Json::from_compact("{}").merged_with(&json))
        }
        Value::LanguageProperty(map) if map.holds_removal() => {
            Value::LanguageProperty(Json::from_compact("{}").merged_with(&map))
        }
        value => value,
    }
}
