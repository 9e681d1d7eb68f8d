//! What a store answers.

use std::fmt;
use std::io;
use std::sync::Arc;

use model::{Entity, EntityId, Event, EvolutionHeader, Kind, Name, Reading, Refused};
use policy::{Declined, Denied};
use query::{AggregatedSeries, Method};

/// A change that is on disk.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Was the entity created by it?
    pub created: bool,
    pub event: Arc<Event>,
    pub updated: Vec<Name>,
    /// Attributes left alone because they exist and overwriting was not allowed (5.6.3).
    pub not_updated: Vec<Name>,
}

/// A change of an evolution that is on disk.
#[derive(Clone, Debug)]
pub struct Chronicled {
    /// Was the evolution created by it?
    pub created: bool,
    /// What it did to the entity as it is now, if anything.
    pub event: Option<Arc<Event>>,
}

/// Evolutions, or the one asked for.
#[derive(Clone, Debug, Default)]
pub struct HistoryAnswer {
    pub evolutions: Vec<Evolution>,
    /// How many match in all, where that was asked.
    pub total: Option<usize>,
    /// Are there entities after this page?
    pub more: bool,
    /// Are there readings beyond those told, because an answer holds only so many?
    pub cut: bool,
    pub plan: Plan,
}

/// What is told of one entity and its past.
#[derive(Clone, Debug, PartialEq)]
pub struct Evolution {
    pub header: EvolutionHeader,
    /// Attributes with readings that were asked for, by name. Where an answer is cut, those whose
    /// readings all lie beyond it stand here empty.
    pub attributes: Vec<(Name, Told)>,
}

/// What is told of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// By their moments, the first first.
    Readings(Vec<Reading>),
    /// One for each dataset.
    Aggregates(Vec<AggregatedSeries>),
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum HistoryError {
    /// 4.5.19.1: not every method has a meaning for every value.
    #[error("`{method}` has no meaning for the values of attribute `{attribute}`")]
    NotEligible { attribute: Name, method: Method },
    #[error("the answer would have more than {limit} periods for attribute `{attribute}`")]
    TooManyPeriods { attribute: Name, limit: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One page of an answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub entities: Vec<Arc<Entity>>,
    /// How many match in all, where that was asked.
    pub total: Option<usize>,
    /// Are there entities after this page?
    pub more: bool,
    pub plan: Plan,
}

/// How a query was answered, for people who ask why it is slow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What drove it, such as `type Building` or `location within 14 cells`.
    pub index: String,
    pub index_entries_read: usize,
    pub entities_read: usize,
    /// Did it have to sort all that match before it could cut a page?
    pub sorted: bool,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { index, index_entries_read, entities_read, sorted } = self;
        write!(
            f,
            "index={index}; index-entries={index_entries_read}; entities={entities_read}; \
             sorted={sorted}"
        )
    }
}

/// Counts by type and attribute, maintained, not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Entities of any type; one of several types counts once.
    pub entities: u64,
    /// Entity types, by name, with their number of entities.
    pub types: Vec<(Name, u64)>,
    /// By attribute name, then type.
    pub attributes: Vec<AttributeCount>,
}

/// How many entities of a type have an attribute of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeCount {
    pub attribute: Name,
    pub entity_type: Name,
    pub kind: Kind,
    pub entities: u64,
}

/// A place in the journal: the number of the last event seen; 0 before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// An event in its place.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub position: Position,
    pub event: Arc<Event>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The entity exists, but not with a type that was asked for.
    #[error("entity `{0}` is not of the types asked for")]
    OtherType(EntityId),
    /// See [`Store::limit_entities`](crate::Store::limit_entities).
    #[error(
        "the tenant has {entities} entities; it may not have more than {max} (quota `entities`)"
    )]
    OverQuota { entities: u64, max: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Declined> for CommitError {
    fn from(declined: Declined) -> CommitError {
        match declined {
            Declined::Denied(denied) => CommitError::Denied(denied),
            Declined::Refused(refused) => CommitError::Refused(refused),
            Declined::OtherType(id) => CommitError::OtherType(id),
        }
    }
}

/// Nothing was written; what to do next depends on the variant.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Try again when there is room.
    #[error(
        "the disk is almost full ({free_bytes} bytes left); writes are refused until {needed_bytes} \
         bytes are free (setting `disk_reserve_bytes`); reads go on"
    )]
    DiskFull { free_bytes: u64, needed_bytes: u64 },
    /// Try again later.
    #[error("the store did not answer: {0}")]
    Unavailable(Arc<io::Error>),
    /// Do not try again: part of the data is damaged.
    #[error("the data directory is damaged at {place}: {problem}")]
    Damaged { place: String, problem: String },
    #[error("the query would read more than {limit} {things} (setting `{setting}`)")]
    TooComplex { limit: usize, things: &'static str, setting: &'static str },
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        StoreError::Unavailable(Arc::new(error))
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The reader fell behind the retention; it must start again from the entities themselves.
    #[error("the journal begins after position {}; events before it are gone", first.0)]
    Gone { first: Position },
    #[error(transparent)]
    Store(#[from] StoreError),
}
