//! The members of entities and attributes that have a meaning of their own.

use std::sync::Arc;

use jsonld::{Context, check_name};
use model::{Kind, Name};

use super::error::Problem;

/// Where the terms of NGSI-LD itself expand to.
pub(crate) const NGSI_LD: &str = "https://uri.etsi.org/ngsi-ld/";

/// A member that holds what an attribute says (clause 4.5.2 and its siblings).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Value,
    Object,
    LanguageMap,
    Vocab,
    Json,
    ValueList,
    ObjectList,
}

impl Holder {
    pub(crate) const ALL: [Holder; 7] = [
        Holder::Value,
        Holder::Object,
        Holder::LanguageMap,
        Holder::Vocab,
        Holder::Json,
        Holder::ValueList,
        Holder::ObjectList,
    ];

    pub(crate) fn of(kind: Kind) -> Holder {
        match kind {
            Kind::Property | Kind::GeoProperty => Holder::Value,
            Kind::Relationship => Holder::Object,
            Kind::LanguageProperty => Holder::LanguageMap,
            Kind::JsonProperty => Holder::Json,
            Kind::VocabProperty => Holder::Vocab,
            Kind::ListProperty => Holder::ValueList,
            Kind::ListRelationship => Holder::ObjectList,
        }
    }

    pub(crate) fn term(self) -> &'static str {
        match self {
            Holder::Value => "value",
            Holder::Object => "object",
            Holder::LanguageMap => "languageMap",
            Holder::Vocab => "vocab",
            Holder::Json => "json",
            Holder::ValueList => "valueList",
            Holder::ObjectList => "objectList",
        }
    }

    /// What holds the values over time in the simplified form (4.5.9).
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Holder::Value => "values",
            Holder::Object => "objects",
            Holder::LanguageMap => "languageMaps",
            Holder::Vocab => "vocabs",
            Holder::Json => "jsons",
            Holder::ValueList => "valueLists",
            Holder::ObjectList => "objectLists",
        }
    }

    /// In the simplified forms, such a value stands in an object of its own (4.5.4, 4.5.9).
    pub(crate) fn is_wrapped(self) -> bool {
        matches!(self, Holder::LanguageMap | Holder::Vocab | Holder::Json)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Id,
    Type,
    Context,
    Scope,
    /// What the system writes, and ignores where a client does (clause 5.2.2).
    Generated,
    InstanceId,
    Holder(Holder),
    /// What an attribute said before a change; ignored from clients (clause 5.2.5).
    Previous(Holder),
    /// Where linked entities go; ignored from clients (clause 5.2.6).
    Entity,
    EntityList,
    DatasetId,
    UnitCode,
    ValueType,
    ObjectType,
    ObservedAt,
    ExpiresAt,
    EntityIdSealed,
    EntityTypeSealed,
}

impl Word {
    /// The word that this member is, as far as its spelling tells.
    pub(crate) fn named(member: &str) -> Option<Word> {
        Some(match member {
            "id" | "@id" => Word::Id,
            "type" | "@type" => Word::Type,
            "@context" => Word::Context,
            "scope" => Word::Scope,
            "createdAt" | "modifiedAt" | "deletedAt" => Word::Generated,
            "instanceId" => Word::InstanceId,
            "value" => Word::Holder(Holder::Value),
            "object" => Word::Holder(Holder::Object),
            "languageMap" => Word::Holder(Holder::LanguageMap),
            "vocab" => Word::Holder(Holder::Vocab),
            "json" => Word::Holder(Holder::Json),
            "valueList" => Word::Holder(Holder::ValueList),
            "objectList" => Word::Holder(Holder::ObjectList),
            "previousValue" => Word::Previous(Holder::Value),
            "previousObject" => Word::Previous(Holder::Object),
            "previousLanguageMap" => Word::Previous(Holder::LanguageMap),
            "previousVocab" => Word::Previous(Holder::Vocab),
            "previousJson" => Word::Previous(Holder::Json),
            "previousValueList" => Word::Previous(Holder::ValueList),
            "previousObjectList" => Word::Previous(Holder::ObjectList),
            "entity" => Word::Entity,
            "entityList" => Word::EntityList,
            "datasetId" => Word::DatasetId,
            "unitCode" => Word::UnitCode,
            "valueType" => Word::ValueType,
            "objectType" => Word::ObjectType,
            "observedAt" => Word::ObservedAt,
            "expiresAt" => Word::ExpiresAt,
            "entityIdSealed" => Word::EntityIdSealed,
            "entityTypeSealed" => Word::EntityTypeSealed,
            _ => return None,
        })
    }

    /// Whether a user's object with this member is an attribute rather than a bare value (4.5.2.3).
    pub(crate) fn marks_an_attribute(self) -> bool {
        matches!(
            self,
            Word::Type
                | Word::Holder(_)
                | Word::DatasetId
                | Word::UnitCode
                | Word::ValueType
                | Word::ObjectType
                | Word::ObservedAt
                | Word::ExpiresAt
        )
    }

    /// Whether an attribute of this kind may have this member, after the lists of what shall
    /// never be present (clauses 4.5.2, 4.5.3, 4.5.18, 4.5.20, 4.5.21, 4.5.22, 4.5.24).
    pub(crate) fn fits(self, kind: Kind) -> bool {
        let targets = matches!(kind, Kind::Relationship | Kind::ListRelationship);
        match self {
            Word::Holder(holder) | Word::Previous(holder) => holder == Holder::of(kind),
            Word::Entity => kind == Kind::Relationship,
            Word::EntityList => kind == Kind::ListRelationship,
            Word::UnitCode => {
                matches!(kind, Kind::Property | Kind::GeoProperty | Kind::ListProperty)
            }
            Word::ValueType => !targets,
            Word::ObjectType => targets,
            _ => true,
        }
    }
}

/// What a member name stands for.
#[derive(Debug)]
pub(super) enum Key {
    Word(Word),
    Attribute(Name),
}

impl Key {
    /// Looks behind prefixes and a user's aliases of keywords; checks the names of attributes
    /// (clause 4.6.2).
    pub(super) fn read(member: &str, context: &Context) -> Result<Key, Problem> {
        if let Some(word) = Word::named(member) {
            return Ok(Key::Word(word));
        }
        check_name(member)?;
        let iri = context.expanded(member);
        let spelled = match &*iri {
            keyword if keyword.starts_with('@') => {
                let known = Word::named(keyword).ok_or_else(|| Problem::Reserved(member.into()))?;
                Some(known)
            }
            core if core.starts_with(NGSI_LD) && member.contains(':') => {
                Word::named(&context.compact_iri(core))
            }
            _ => None,
        };
        match spelled {
            Some(word) => Ok(Key::Word(word)),
            None => name(iri).map(Key::Attribute),
        }
    }
}

fn name(iri: Arc<str>) -> Result<Name, Problem> {
    let bytes = iri.len();
    if bytes <= Name::BYTES_MAX { Ok(Name::new(iri)) } else { Err(Problem::NameTooLong(bytes)) }
}

/// The expanded name of an entity type (clause 4.6.2).
pub(super) fn type_name(written: &str, context: &Context) -> Result<Name, Problem> {
    check_name(written)?;
    let iri = context.expanded(written);
    if iri.starts_with('@') {
        return Err(Problem::Reserved(written.to_owned()));
    }
    name(iri)
}

/// Whether a name is one of the GeoProperties that the standard defines (clause 4.7.1).
pub(super) fn is_geo(name: &Name) -> bool {
    matches!(
        name.as_str().strip_prefix(NGSI_LD),
        Some("location" | "observationSpace" | "operationSpace")
    )
}

/// Whether a name is that of a cryptographic proof (clause 4.5.2.2).
pub(super) fn is_proof(name: &Name) -> bool {
    name.as_str().strip_prefix(NGSI_LD) == Some("ngsildproof")
}
