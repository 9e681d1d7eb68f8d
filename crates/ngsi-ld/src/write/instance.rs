//! Attributes in the normalized and concise forms: an instance, its value and its members.

use model::{Attribute, Instance, Json, Kind, Name, Uri, Value};

use super::language;
use super::projection::Projection;
use super::shape::Format;
use super::text::{array, member, moment_member, named_member, one_or_many, plain_member, string};
use super::writer::{Writer, uri};
use crate::read::concise::{is_geometry_value, reads_as_property};
use crate::read::{Holder, NGSI_LD};

impl<'a> Writer<'a> {
    /// An attribute: its one instance, or an array of several; `false`, and nothing written,
    /// where none goes out. The `context` is written into each instance.
    pub(super) fn attribute(
        &mut self,
        out: &mut String,
        attribute: &'a Attribute,
        linked: Option<Projection<'a>>,
        context: Option<&str>,
    ) -> bool {
        let mut visible = self.visible(attribute);
        let Some(first) = visible.next() else { return false };
        let is_single = visible.next().is_none();
        match (self.shape.format, is_single) {
            (Format::Simplified, true) => self.simplified(out, first, linked),
            (Format::Simplified, false) => self.simplified_datasets(out, attribute, linked),
            (_, true) if context.is_none() && self.is_bare(first) => {
                self.value(out, first, None);
            }
            (_, true) => self.instance(out, first, linked, context),
            (_, false) => {
                let visible = self.visible(attribute);
                array(out, visible, |out, one| self.instance(out, one, linked, context));
            }
        }
        true
    }

    /// Does the concise form need no more than the value (clauses 4.5.2.3 and 4.7.3)?
    fn is_bare(&self, instance: &Instance) -> bool {
        let stands_alone = self.shape.format == Format::Concise
            && !self.shape.sys_attrs
            && instance.dataset_id.is_none()
            && instance.unit_code.is_none()
            && instance.value_type.is_none()
            && instance.observed_at.is_none()
            && instance.extras.is_empty()
            && instance.attributes.is_empty();
        stands_alone
            && match &instance.value {
                Value::Property(value) => reads_as_property(value),
                Value::GeoProperty(_) => true,
                _ => false,
            }
    }

    fn instance(
        &mut self,
        out: &mut String,
        instance: &'a Instance,
        linked: Option<Projection<'a>>,
        context: Option<&str>,
    ) {
        out.push('{');
        self.said(out, instance, linked);
        if let Some(context) = context {
            member(out, "@context");
            out.push_str(context);
        }
        out.push('}');
    }

    /// The members of an instance.
    pub(super) fn said(
        &mut self,
        out: &mut String,
        instance: &'a Instance,
        linked: Option<Projection<'a>>,
    ) {
        match self.translated(instance) {
            Some((tag, text)) => {
                self.kind(out, Kind::Property, false);
                member(out, "value");
                out.push_str(text.as_str());
                member(out, "lang");
                string(out, &tag);
            }
            None => self.kind_and_value(out, instance, linked),
        }
        self.members(out, instance);
        for (name, value) in &instance.extras {
            self.extra(out, name, value);
        }
        for attribute in &instance.attributes {
            self.attribute_member(out, attribute, None);
        }
    }

    /// What a LanguageProperty says in the language asked for (clause 4.15).
    pub(super) fn translated(&self, instance: &Instance) -> Option<(String, Json)> {
        let languages = self.shape.languages?;
        let Value::LanguageProperty(map) = &instance.value else { return None };
        language::best(map, languages)
    }

    fn kind_and_value(
        &mut self,
        out: &mut String,
        instance: &'a Instance,
        linked: Option<Projection<'a>>,
    ) {
        let kind = instance.value.kind();
        let misread = matches!(&instance.value, Value::Property(json) if is_geometry_value(json));
        self.kind(out, kind, misread);
        member(out, Holder::of(kind).term());
        self.value(out, instance, None);
        if let Some(projection) = linked {
            self.linked_member(out, &instance.value, projection);
        }
    }

    /// The kind, which the concise form leaves out where it is not `needed` (clause 6.3.7).
    pub(super) fn kind(&self, out: &mut String, kind: Kind, needed: bool) {
        if needed || self.shape.format != Format::Concise {
            plain_member(out, "type", kind.term());
        }
    }

    /// The linked entities of a relationship, beside their ids (clause 4.5.23.2).
    fn linked_member(&mut self, out: &mut String, value: &'a Value, projection: Projection<'a>) {
        let found: Vec<&Uri> =
            value.targets().iter().filter(|id| self.inlinable(id).is_some()).collect();
        match (value, &*found) {
            (_, []) => {}
            (Value::Relationship { array: false, .. }, [one]) => {
                member(out, "entity");
                self.linked(out, one, projection);
            }
            (Value::ListRelationship(_), _) => {
                member(out, "entityList");
                self.linked_all(out, &found, projection);
            }
            _ => {
                member(out, "entity");
                self.linked_all(out, &found, projection);
            }
        }
    }

    fn linked_all(&mut self, out: &mut String, ids: &[&Uri], projection: Projection<'a>) {
        array(out, ids, |out, id| {
            // One that no longer fits, because the answer has grown too large, stays a link.
            if !self.linked(out, id, projection) {
                uri(out, id);
            }
        });
    }

    fn members(&self, out: &mut String, instance: &Instance) {
        if let Some(unit_code) = &instance.unit_code {
            member(out, "unitCode");
            out.push_str(unit_code.as_str());
        }
        if let Some(value_type) = &instance.value_type {
            member(out, "valueType");
            self.name(out, value_type);
        }
        if !instance.object_type.is_empty() {
            member(out, "objectType");
            one_or_many(out, &instance.object_type, false, |out, name| self.name(out, name));
        }
        if let Some(at) = instance.observed_at {
            moment_member(out, "observedAt", at);
        }
        if let Some(dataset_id) = &instance.dataset_id {
            plain_member(out, "datasetId", dataset_id.as_str());
        }
        if self.shape.sys_attrs {
            moment_member(out, "createdAt", instance.created_at.date_time());
            moment_member(out, "modifiedAt", instance.modified_at.date_time());
            if let Some(at) = instance.expires_at {
                moment_member(out, "expiresAt", at);
            }
        }
    }

    /// A plain member. The seals of a proof have terms in a context of their own (4.5.2.2), and
    /// what a notification adds has terms whose IRIs differ from them (5.8.6).
    fn extra(&self, out: &mut String, name: &Name, value: &Json) {
        match (name.as_str().strip_prefix(NGSI_LD), value.as_text()) {
            (Some(term @ "entityTypeSealed"), Some(sealed)) => {
                member(out, term);
                string(out, &self.context.compact_iri(&sealed));
            }
            (Some(term), _)
                if matches!(term, "entityIdSealed" | "entityTypeSealed" | "deletedAt")
                    || term.starts_with("previous") =>
            {
                member(out, term);
                out.push_str(value.as_str());
            }
            _ => {
                named_member(out, &self.context.compact_iri(name.as_str()));
                out.push_str(value.as_str());
            }
        }
    }

    /// The value of an instance in its kind's form. Targets of relationships come along as
    /// entities where a projection tells what of them.
    pub(super) fn value(
        &mut self,
        out: &mut String,
        instance: &'a Instance,
        linked: Option<Projection<'a>>,
    ) {
        match &instance.value {
            Value::Property(json)
            | Value::LanguageProperty(json)
            | Value::JsonProperty(json)
            | Value::ListProperty(json) => out.push_str(json.as_str()),
            Value::GeoProperty(geometry) => out.push_str(geometry.json().as_str()),
            Value::VocabProperty { terms, array } => {
                one_or_many(out, terms, *array, |out, term| self.name(out, term));
            }
            Value::Relationship { objects, array } => {
                one_or_many(out, objects, *array, |out, id| self.target(out, id, linked));
            }
            Value::ListRelationship(objects) => self.object_list(out, objects, linked),
        }
    }

    fn object_list(
        &mut self,
        out: &mut String,
        objects: &'a [Uri],
        linked: Option<Projection<'a>>,
    ) {
        let is_wrapped = self.shape.format == Format::Normalized;
        array(out, objects, |out, id| {
            if is_wrapped {
                out.push_str("{\"object\":");
                uri(out, id);
                out.push('}');
            } else {
                self.target(out, id, linked);
            }
        });
    }

    /// The entity that a relationship leads to, or its id where it does not come along.
    fn target(&mut self, out: &mut String, id: &Uri, linked: Option<Projection<'a>>) {
        let inlined = linked.is_some_and(|projection| self.linked(out, id, projection));
        if !inlined {
            uri(out, id);
        }
    }
}
