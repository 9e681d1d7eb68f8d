//! Attributes in the simplified form: what they say, and nothing about it (clause 4.5.4).

use model::{Attribute, Instance, Value};

use super::projection::Projection;
use super::text::{array, member, plain};
use super::writer::{Writer, uri};

impl<'a> Writer<'a> {
    pub(super) fn simplified(
        &mut self,
        out: &mut String,
        instance: &'a Instance,
        linked: Option<Projection<'a>>,
    ) {
        if let Some((_, text)) = self.translated(instance) {
            out.push_str(text.as_str());
            return;
        }
        let wrapper = match &instance.value {
            Value::LanguageProperty(_) => "languageMap",
            Value::JsonProperty(_) => "json",
            Value::VocabProperty { .. } => "vocab",
            _ => return self.value(out, instance, linked),
        };
        out.push('{');
        member(out, wrapper);
        self.value(out, instance, None);
        out.push('}');
    }

    /// The value alone; lists of targets are plain.
    pub(super) fn bare_value(&mut self, out: &mut String, instance: &'a Instance) {
        match &instance.value {
            Value::ListRelationship(objects) => array(out, objects, uri),
            _ => self.value(out, instance, None),
        }
    }

    /// Several instances, by their datasets.
    pub(super) fn simplified_datasets(
        &mut self,
        out: &mut String,
        attribute: &'a Attribute,
        linked: Option<Projection<'a>>,
    ) {
        out.push_str("{\"dataset\":{");
        for instance in self.visible(attribute) {
            if !out.ends_with('{') {
                out.push(',');
            }
            match &instance.dataset_id {
                Some(dataset_id) => plain(out, dataset_id.as_str()),
                None => plain(out, "@none"),
            }
            out.push(':');
            self.simplified(out, instance, linked);
        }
        out.push_str("}}");
    }
}
