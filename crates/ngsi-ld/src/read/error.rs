//! What is wrong with an entity or an attribute that a client sent, and where.

use std::fmt;

use jsonld::NameError;
use model::{Incomplete, InvalidGeometry, Kind, NotADateTime, NotAScope, NotAUri};

/// Why a payload does not describe what it should.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEntity {
    /// Not a JSON document at all (clause 5.5.4: InvalidRequest).
    #[error("the body is not valid JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but not an object (clause 5.5.4: InvalidRequest, as there is nothing to look into).
    #[error("the body is not a JSON object, as an {0} is")]
    NotAnObject(&'static str),
    /// JSON, but not what the data types ask for (clause 5.5.4: BadRequestData).
    #[error("{place}{problem}")]
    Invalid { place: Place, problem: Problem },
}

impl InvalidEntity {
    pub(super) fn inside(self, name: &str) -> InvalidEntity {
        self.below(|place| place.0.push(Step::Attribute(name.chars().take(100).collect())))
    }

    pub(super) fn at_instance(self, index: usize) -> InvalidEntity {
        self.below(|place| place.0.push(Step::Instance(index)))
    }

    fn below(mut self, step: impl FnOnce(&mut Place)) -> InvalidEntity {
        if let InvalidEntity::Invalid { place, .. } = &mut self {
            step(place);
        }
        self
    }
}

impl<P: Into<Problem>> From<P> for InvalidEntity {
    fn from(problem: P) -> InvalidEntity {
        InvalidEntity::Invalid { place: Place::default(), problem: problem.into() }
    }
}

/// The way from the entity to what is wrong, innermost step first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<Step>);

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Attribute(String),
    Instance(usize),
}

impl fmt::Display for Place {
    /// "attribute `speed[1].source`: ", or nothing for the entity itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str("attribute `")?;
        for (depth, step) in self.0.iter().rev().enumerate() {
            match step {
                Step::Attribute(name) if depth == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Instance(index) => write!(f, "[{index}]")?,
            }
        }
        f.write_str("`: ")
    }
}

/// What is wrong, in the words of the one who wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("a name expands to {0} bytes; it takes at most {max}", max = model::Name::BYTES_MAX)]
    NameTooLong(usize),
    #[error("an entity needs an `id`")]
    NoId,
    #[error("an entity needs a `type`")]
    NoType,
    #[error("`{0}` is missing")]
    NoValue(&'static str),
    #[error("there is no value; give one as `value`, `object` or another member that holds one")]
    NoHolder,
    #[error("there is nothing in it to change")]
    Nothing,
    #[error("`{member}` must be {wanted}")]
    Wanted { member: String, wanted: &'static str },
    #[error("it is null, which is not a value in NGSI-LD; write urn:ngsi-ld:null to remove one")]
    JsonNull,
    #[error("`{0}` is null, which is not a value in NGSI-LD; write urn:ngsi-ld:null to remove one")]
    JsonNullMember(String),
    #[error("urn:ngsi-ld:null is only allowed where a change may remove something")]
    Removal,
    #[error("`{0}`: urn:ngsi-ld:null is only allowed where a change may remove something")]
    MemberRemoval(String),
    #[error("a value may hold urn:ngsi-ld:null inside only where it is merged into another")]
    InnerRemoval,
    #[error(
        "urn:ngsi-ld:null cannot stand in an array, which a change replaces as a whole; leave the \
         element out, or write it in place of the array"
    )]
    ArrayRemoval,
    #[error(
        "a datasetId cannot be removed; remove the instance by giving it the value urn:ngsi-ld:null"
    )]
    DatasetRemoval,
    #[error("`{0}` is named twice")]
    Twice(String),
    #[error("two instances have the datasetId `{0}`")]
    SameDataset(String),
    #[error("two instances have no datasetId; only one can be the default instance")]
    TwoDefaults,
    #[error("`{member}` cannot stand in a {}", kind.term())]
    Misplaced { member: String, kind: Kind },
    #[error("both `{0}` and `{1}` are given; an attribute has one kind of value")]
    TwoHolders(&'static str, &'static str),
    #[error(
        "`type` `{0}` is not a kind of attribute; use Property, Relationship, GeoProperty, \
         LanguageProperty, JsonProperty, VocabProperty, ListProperty or ListRelationship"
    )]
    UnknownKind(String),
    #[error("an attribute of this name is a GeoProperty")]
    NotGeo,
    #[error("the `valueType` of a LanguageProperty is `langString`")]
    NotLangString,
    #[error("`{0}` has a meaning of its own in NGSI-LD and cannot name an attribute")]
    Reserved(String),
    #[error("a context can only stand at the top of the payload")]
    EmbeddedContext,
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("`{member}` {problem}")]
    DateTime { member: &'static str, problem: NotADateTime },
    #[error("`{member}` {problem}")]
    Uri { member: &'static str, problem: NotAUri },
    #[error(transparent)]
    Scope(#[from] NotAScope),
    #[error(transparent)]
    Geometry(#[from] InvalidGeometry),
    #[error("`{0}` is not a language tag; use one such as `en`, `fr-CH` or `@none`")]
    LanguageTag(String),
    #[error("more than {0} attributes in one entity (setting `attributes_max`)")]
    TooManyAttributes(usize),
    #[error("more than {0} instances of one attribute (setting `instances_max`)")]
    TooManyInstances(usize),
    #[error(
        "more than {0} instances over time in one request (setting `history_change_readings_max`)"
    )]
    TooManyReadings(usize),
    #[error("the body must hold one instance of the attribute in the path, and nothing else")]
    NotOneReading,
    #[error("a scope of a temporal evolution has a value and temporal properties, nothing else")]
    NotPlainScope,
    #[error("`{0}` must be an array of pairs, each of a value and a DateTime")]
    NotPairs(&'static str),
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
}
