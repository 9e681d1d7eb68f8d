//! Which entities are meant: the query languages, and their meaning.
//!
//! [`Filter::matches`] is the reference. A store may answer faster; it may not answer otherwise.

mod clock;
mod collation;
mod filter;
mod geo;
mod invalid;
mod language;
mod limits;
mod meaning;
mod order;
mod parse;
mod pattern;
mod plan;
mod projection;
mod raw;
mod reads;
mod system;
mod temporal;

pub use collation::{COLLATION_BYTES_MAX, Collation};
pub use filter::{
    Comparison, Condition, Direction, Filter, GeoCondition, GeoRelation, Link, Links, NoLinks,
    Operand, OrderBy, OrderKey, Page, Query, Range, ScopeCondition, Target, Test,
};
pub use geo::{
    CELLS_PER_SHAPE_MAX, COVERING_CELLS_MAX, CellId, DistanceOrigin, PreparedGeo, cells_of,
    covering, distance_metres,
};
pub use invalid::Invalid;
pub use language::LanguageRanges;
pub use limits::Limits;
pub use order::{SortKey, Sorter, compare};
pub use parse::{Expand, Parser, QOptions};
pub use pattern::{IdPattern, PATTERN_DEPTH_MAX, Pattern};
pub use plan::{Conjunct, PreparedFilter};
pub use projection::{Member, Projected, Projection};
pub use system::SystemMember;
pub use temporal::{
    AggregatedSeries, Aggregation, Aggregator, Gathering, Method, NumberSummary, Period,
    PeriodValue, ReadingSelection, ScopeTimes, TemporalText, TimeProperty, Unfit, Window,
    evolution_as_entity, scopes_shown,
};
