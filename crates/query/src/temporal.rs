//! Questions about the evolution of entities: which readings are meant, and what is made of them
//! (clauses 4.11 and 4.5.19).

mod aggregator;
mod evolution;
mod gathering;
mod period;
mod read;
mod scope;

use model::{Json, Kind, Name, Reading, Timestamp, Uri};

pub use aggregator::{Aggregator, NumberSummary, Unfit};
pub use evolution::evolution_as_entity;
pub use gathering::Gathering;
pub use period::Period;
pub use read::TemporalText;
pub use scope::{ScopeTimes, scopes_shown};

/// By which of its moments a reading is chosen (4.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeProperty {
    #[default]
    ObservedAt,
    CreatedAt,
    ModifiedAt,
    DeletedAt,
}

impl TimeProperty {
    /// The moment of a reading, if it has one of this kind.
    pub fn of(self, reading: &Reading) -> Option<Timestamp> {
        match self {
            TimeProperty::ObservedAt => reading.observed_at().map(|at| at.instant()),
            TimeProperty::CreatedAt => Some(reading.created_at()),
            TimeProperty::ModifiedAt => Some(reading.modified_at()),
            TimeProperty::DeletedAt => reading.deleted_at(),
        }
    }
}

/// From one moment (included) to another (excluded); open where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub property: TimeProperty,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Window {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Is it about this reading? A reading that lacks the moment asked about never is.
    pub fn holds(&self, reading: &Reading) -> bool {
        self.property.of(reading).is_some_and(|at| self.contains(at))
    }
}

/// Which readings of an entity are meant, and what is made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadingSelection {
    /// Nothing: readings of any moment, and those that lack the moment too.
    pub window: Option<Window>,
    /// Only these attributes; nothing: all of them.
    pub attributes: Option<Vec<Name>>,
    /// Not these attributes.
    pub omitted: Vec<Name>,
    /// Only readings of these datasets; nothing in the list stands for the default instance.
    pub datasets: Option<Vec<Option<Uri>>>,
    /// Only so many of each attribute, of all its datasets together, the last ones (5.2.21).
    pub last_n: Option<usize>,
    /// Instead of readings, what they come to by period.
    pub aggregation: Option<Aggregation>,
    /// How many readings one answer holds, of all its entities and attributes together. An
    /// answer ends where it is full: at the same moment for all of them (6.3.10).
    pub limit: usize,
}

impl ReadingSelection {
    /// The moment by which readings stand in order.
    pub fn property(&self) -> TimeProperty {
        self.window.map_or(TimeProperty::default(), |window| window.property)
    }

    pub fn wants_attribute(&self, name: &Name) -> bool {
        self.attributes.as_ref().is_none_or(|names| names.contains(name))
            && !self.omitted.contains(name)
    }

    pub fn wants_dataset(&self, dataset: Option<&Uri>) -> bool {
        let same = |wanted: &Option<Uri>| wanted.as_ref() == dataset;
        self.datasets.as_ref().is_none_or(|wanted| wanted.iter().any(same))
    }

    pub fn wants(&self, reading: &Reading) -> bool {
        self.wants_dataset(reading.dataset_id())
            && self.window.is_none_or(|window| window.holds(reading))
    }
}

/// What is computed of the readings of each period (4.5.19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// At least one, none twice; in the order asked for.
    pub methods: Vec<Method>,
    pub period: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Average,
    DistinctCount,
    Maximum,
    Minimum,
    StandardDeviation,
    Sum,
    SumOfSquares,
    TotalCount,
}

/// What the readings of one attribute and dataset come to.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregatedSeries {
    pub kind: Kind,
    pub dataset_id: Option<Uri>,
    /// By method, in the order asked for: the periods that have readings.
    pub methods: Vec<(Method, Vec<PeriodValue>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PeriodValue {
    pub value: Json,
    pub start: Timestamp,
    pub end: Timestamp,
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Method {
    pub const ALL: [Method; 8] = [
        Method::Average,
        Method::DistinctCount,
        Method::Maximum,
        Method::Minimum,
        Method::StandardDeviation,
        Method::Sum,
        Method::SumOfSquares,
        Method::TotalCount,
    ];

    /// As `aggrMethods` has it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Average => "avg",
            Method::DistinctCount => "distinctCount",
            Method::Maximum => "max",
            Method::Minimum => "min",
            Method::StandardDeviation => "stddev",
            Method::Sum => "sum",
            Method::SumOfSquares => "sumsq",
            Method::TotalCount => "totalCount",
        }
    }
}
