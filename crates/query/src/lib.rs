//! Which entities are meant: the query languages, and their meaning.
//!
//! [`Filter::matches`] is the reference. A store may answer faster; it may not answer otherwise.

mod clock;
mod collation;
mod filter;
mod geo;
mod invalid;
mod language;
mod meaning;
mod order;
mod parse;
mod pattern;
mod plan;
mod projection;
mod raw;
mod reads;
mod system;

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
pub use language::{LANG_BYTES_MAX, LanguageRanges};
pub use order::{SortKey, Sorter, compare};
pub use parse::{
    Expand, LINKS_MAX, NAMES_MAX, ORDER_KEYS_MAX, PATH_NAMES_MAX, Q_BYTES_MAX, Q_DEPTH_MAX,
    Q_TERMS_MAX, Q_VALUES_MAX, QOptions, SCOPE_Q_BYTES_MAX, SCOPE_Q_TERMS_MAX, TYPES_BYTES_MAX,
    TYPES_TERMS_MAX, parse_names, parse_order_by, parse_order_from, parse_q, parse_scope_q,
    parse_types,
};
pub use pattern::{IdPattern, PATTERN_BYTES_MAX, PATTERN_COMPILED_BYTES_MAX, Pattern};
pub use plan::{Conjunct, PreparedFilter};
pub use projection::{
    Member, PROJECTION_BYTES_MAX, PROJECTION_DEPTH_MAX, PROJECTION_MEMBERS_MAX, Projected,
    Projection,
};
pub use system::SystemMember;
