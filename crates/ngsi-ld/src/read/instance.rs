//! One instance of an attribute in the normalized or concise form: its members, in any order.

use std::borrow::Cow;

use serde_json::value::RawValue;

use model::{DateTime, Field, Geometry, InstancePatch, Json, Kind, Name, Uri, Value, ValuePatch};

use super::attribute::{Level, Reader};
use super::concise;
use super::error::{InvalidEntity, Problem};
use super::members::{Members, is_json_null, is_object, is_removal, is_text, text, texts};
use super::rules::Missing;
use super::value::{no_removal_among, shortened, wanted};
use super::word::{Holder, Key, NGSI_LD, Word, is_geo, is_proof};

const LANG_STRING: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString";

/// What the members said, before it is known whether they may stand together.
#[derive(Default)]
struct Parts<'a> {
    patch: InstancePatch,
    kind: Option<Kind>,
    dataset_named: bool,
    holder: Option<(Holder, &'a RawValue)>,
    /// Members that some kinds of attribute may not have.
    choosy: Vec<(Word, Cow<'a, str>)>,
    members: usize,
}

impl Reader<'_> {
    pub(super) fn instance(
        &mut self,
        name: &Name,
        raw: &RawValue,
        level: Level,
    ) -> Result<InstancePatch, InvalidEntity> {
        Ok(self.instance_and_kind(name, raw, level)?.0)
    }

    /// The instance, and what kind of attribute it says it is of, if it says more than its value.
    pub(super) fn instance_and_kind(
        &mut self,
        name: &Name,
        raw: &RawValue,
        level: Level,
    ) -> Result<(InstancePatch, Option<Kind>), InvalidEntity> {
        if is_json_null(raw) {
            return Err(Problem::JsonNull.into());
        }
        let Some(members) = Members::of(raw) else { return Ok((self.bare(name, raw)?, None)) };
        let is_fragment = level == Level::Payload && self.rules.missing == Missing::AtTheTop;
        let is_instance = if is_fragment {
            !concise::is_value(raw, &members)
        } else {
            concise::is_instance(raw, &members)
        };
        if !is_instance {
            return Ok((self.bare(name, raw)?, None));
        }
        let mut parts = Parts::default();
        for (member, raw) in members.0 {
            self.member(&mut parts, name, member, raw, level)?;
        }
        if is_fragment && parts.members == 0 {
            return Err(Problem::Nothing.into());
        }
        self.check_names(&parts.patch.attributes)?;
        Ok(self.finish(parts, name, level)?)
    }

    fn member<'m>(
        &mut self,
        parts: &mut Parts<'m>,
        name: &Name,
        member: Cow<'m, str>,
        raw: &'m RawValue,
        level: Level,
    ) -> Result<(), InvalidEntity> {
        match Key::read(&member, self.context)? {
            Key::Word(Word::Context) if level == Level::Payload => return Ok(()),
            Key::Word(word) => self.word(parts, name, word, member, raw)?,
            Key::Attribute(below) if is_lang(&below) && is_text(raw) => {
                parts.patch.extras.push((below, Json::from_raw(raw)));
            }
            Key::Attribute(below) => {
                let patch = self.attribute(&below, raw, Level::Attribute);
                let patch = patch.map_err(|error| error.inside(&member))?;
                parts.patch.attributes.push((below, patch));
            }
        }
        parts.members += 1;
        Ok(())
    }

    fn word<'m>(
        &self,
        parts: &mut Parts<'m>,
        name: &Name,
        word: Word,
        member: Cow<'m, str>,
        raw: &'m RawValue,
    ) -> Result<(), Problem> {
        let patch = &mut parts.patch;
        match word {
            Word::Type if parts.kind.is_some() => return Err(Problem::Twice(member.into_owned())),
            Word::Type => parts.kind = Some(self.kind(raw)?),
            Word::Holder(holder) => match parts.holder.replace((holder, raw)) {
                Some((other, _)) if other == holder => {
                    return Err(Problem::Twice(member.into_owned()));
                }
                Some((other, _)) => return Err(Problem::TwoHolders(other.term(), holder.term())),
                None => {}
            },
            Word::DatasetId if parts.dataset_named => {
                return Err(Problem::Twice(member.into_owned()));
            }
            Word::DatasetId => {
                parts.dataset_named = true;
                patch.dataset_id = dataset_id(raw)?;
            }
            Word::UnitCode => once(&mut patch.unit_code, &member, self.unit_code(raw)?)?,
            Word::ValueType => once(&mut patch.value_type, &member, self.value_type(raw)?)?,
            Word::ObjectType => once(&mut patch.object_type, &member, self.object_type(raw)?)?,
            Word::ObservedAt => {
                once(&mut patch.observed_at, &member, self.date_time("observedAt", raw)?)?;
            }
            Word::ExpiresAt => {
                once(&mut patch.expires_at, &member, self.date_time("expiresAt", raw)?)?;
            }
            Word::EntityIdSealed | Word::EntityTypeSealed if is_proof(name) => {
                patch.extras.push(self.seal(word, &member, raw)?);
            }
            Word::Context => return Err(Problem::EmbeddedContext),
            Word::Id | Word::Scope | Word::EntityIdSealed | Word::EntityTypeSealed => {
                return Err(Problem::Reserved(member.into_owned()));
            }
            Word::Generated
            | Word::InstanceId
            | Word::Previous(_)
            | Word::Entity
            | Word::EntityList => {}
        }
        if matches!(
            word,
            Word::UnitCode
                | Word::ValueType
                | Word::ObjectType
                | Word::Previous(_)
                | Word::Entity
                | Word::EntityList
        ) {
            parts.choosy.push((word, member));
        }
        Ok(())
    }

    /// Tells the kind of the attribute, reads its value, and checks that all members fit.
    fn finish(
        &self,
        parts: Parts<'_>,
        name: &Name,
        level: Level,
    ) -> Result<(InstancePatch, Option<Kind>), Problem> {
        let mut patch = parts.patch;
        let kind = parts
            .kind
            .or_else(|| parts.holder.map(|(holder, raw)| inferred(holder, raw, is_geo(name))));
        patch.value = match (kind, parts.holder) {
            (Some(kind), Some((holder, _))) if holder != Holder::of(kind) => {
                return Err(Problem::Misplaced { member: holder.term().to_owned(), kind });
            }
            (Some(kind), Some((_, raw))) => self.value(kind, raw)?,
            (_, None) if !self.may_lack_value(level) => {
                let holder = kind.map(|kind| Holder::of(kind).term());
                return Err(holder.map_or(Problem::NoHolder, Problem::NoValue));
            }
            (Some(kind), None) => ValuePatch::KeepKind(kind),
            (None, _) => ValuePatch::Keep,
        };
        if let Some(kind) = kind {
            check_fit(kind, &parts.choosy, &patch)?;
            check_special(name, kind, &patch.value)?;
        }
        Ok((patch, kind))
    }

    fn may_lack_value(&self, level: Level) -> bool {
        match self.rules.missing {
            Missing::Nowhere => false,
            Missing::AtTheTop => level == Level::Payload,
            Missing::Anywhere => true,
        }
    }

    pub(super) fn kind(&self, raw: &RawValue) -> Result<Kind, Problem> {
        let written = text(raw).ok_or_else(|| wanted("type", "the name of a kind of attribute"))?;
        Kind::from_term(&written)
            .or_else(|| Kind::from_term(self.context.expand_term(&written).strip_prefix(NGSI_LD)?))
            .ok_or_else(|| Problem::UnknownKind(shortened(&written)))
    }

    /// A member that the NGSI-LD Null may remove, where anything may be removed.
    fn field<T>(
        &self,
        member: &'static str,
        raw: &RawValue,
        read: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<Field<T>, Problem> {
        if is_removal(raw) {
            self.allow_removal(member)?;
            return Ok(Field::Remove);
        }
        if is_json_null(raw) {
            return Err(Problem::JsonNullMember(member.to_owned()));
        }
        read().map(Field::Set)
    }

    fn unit_code(&self, raw: &RawValue) -> Result<Field<Json>, Problem> {
        self.field("unitCode", raw, || match is_text(raw) {
            true => Ok(Json::from_raw(raw)),
            false => Err(wanted("unitCode", "a text such as `CEL`")),
        })
    }

    fn value_type(&self, raw: &RawValue) -> Result<Field<Name>, Problem> {
        self.field("valueType", raw, || {
            let written = text(raw).ok_or_else(|| wanted("valueType", "the name of a datatype"))?;
            Ok(self.vocab_term(&written))
        })
    }

    fn object_type(&self, raw: &RawValue) -> Result<Field<Vec<Name>>, Problem> {
        self.field("objectType", raw, || {
            let written = texts(raw).filter(|names| !names.is_empty());
            let written = written.ok_or_else(|| {
                wanted("objectType", "an entity type or an array of entity types")
            })?;
            no_removal_among(&written)?;
            Ok(written.iter().map(|name| self.vocab_term(name)).collect())
        })
    }

    pub(super) fn date_time(
        &self,
        member: &'static str,
        raw: &RawValue,
    ) -> Result<Field<DateTime>, Problem> {
        self.field(member, raw, || {
            let written =
                text(raw).ok_or_else(|| wanted(member, "a text such as 2026-04-01T12:00:00Z"))?;
            DateTime::parse(&written).map_err(|problem| Problem::DateTime { member, problem })
        })
    }

    /// What a proof was made for: plain members of an `ngsildproof` (clause 4.5.2.2).
    fn seal(&self, word: Word, member: &str, raw: &RawValue) -> Result<(Name, Json), Problem> {
        let written = text(raw).ok_or_else(|| wanted(member, "a text"))?;
        Ok(match word {
            Word::EntityTypeSealed => {
                let name = self.vocab_term(&written);
                (sealed("entityTypeSealed"), Json::text(name.as_str()))
            }
            _ => (sealed("entityIdSealed"), Json::text(&written)),
        })
    }
}

fn sealed(term: &str) -> Name {
    Name::new(format!("{NGSI_LD}{term}"))
}

/// The language of a text taken from a LanguageProperty: a plain member (clause 4.15).
fn is_lang(name: &Name) -> bool {
    name.as_str().strip_prefix(NGSI_LD) == Some("lang")
}

fn once<T>(field: &mut Field<T>, member: &str, value: Field<T>) -> Result<(), Problem> {
    if !field.is_keep() {
        return Err(Problem::Twice(member.to_owned()));
    }
    *field = value;
    Ok(())
}

/// Nothing for the default instance, which `@none` names too (clause 4.5.5.1).
pub(super) fn dataset_id(raw: &RawValue) -> Result<Option<Uri>, Problem> {
    let written = text(raw).ok_or_else(|| wanted("datasetId", "a URI"))?;
    dataset_uri(&written)
}

pub(super) fn dataset_uri(written: &str) -> Result<Option<Uri>, Problem> {
    match written {
        "@none" => Ok(None),
        model::NULL => Err(Problem::DatasetRemoval),
        uri => Uri::parse(uri)
            .map(Some)
            .map_err(|problem| Problem::Uri { member: "datasetId", problem }),
    }
}

/// The kind of an attribute that does not tell it (the concise forms of clause 4.5).
fn inferred(holder: Holder, raw: &RawValue, is_geo: bool) -> Kind {
    match holder {
        Holder::Value if is_geo => Kind::GeoProperty,
        Holder::Value if is_object(raw) && Geometry::resembles(&Json::from_raw(raw)) => {
            Kind::GeoProperty
        }
        Holder::Value => Kind::Property,
        Holder::Object => Kind::Relationship,
        Holder::LanguageMap => Kind::LanguageProperty,
        Holder::Vocab => Kind::VocabProperty,
        Holder::Json => Kind::JsonProperty,
        Holder::ValueList => Kind::ListProperty,
        Holder::ObjectList => Kind::ListRelationship,
    }
}

fn check_fit(
    kind: Kind,
    members: &[(Word, Cow<'_, str>)],
    patch: &InstancePatch,
) -> Result<(), Problem> {
    if let Some((_, member)) = members.iter().find(|(word, _)| !word.fits(kind)) {
        return Err(Problem::Misplaced { member: shortened(member), kind });
    }
    match &patch.value_type {
        Field::Set(name) if kind == Kind::LanguageProperty && name.as_str() != LANG_STRING => {
            Err(Problem::NotLangString)
        }
        _ => Ok(()),
    }
}

/// Names that the standard gives a kind: its GeoProperties (4.7.1) and proofs (4.5.2.2).
pub(super) fn check_special(name: &Name, kind: Kind, value: &ValuePatch) -> Result<(), Problem> {
    if is_geo(name) && kind != Kind::GeoProperty {
        return Err(Problem::NotGeo);
    }
    match value {
        ValuePatch::Set(Value::Property(proof)) if is_proof(name) => {
            if proof.kind() == model::JsonKind::Object {
                Ok(())
            } else {
                Err(wanted("value", "an object, the proof, in an `ngsildproof`"))
            }
        }
        _ if is_proof(name) && kind != Kind::Property => {
            Err(Problem::Misplaced { member: "ngsildproof".to_owned(), kind })
        }
        _ => Ok(()),
    }
}
