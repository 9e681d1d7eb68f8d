//! What a query asks, as a tree.

use std::sync::Arc;

use model::{Entity, EntityId, Geometry, Name, Tenant, Timestamp, TypeSelector};

use crate::collation::Collation;
use crate::pattern::{IdPattern, Pattern};
use crate::system::SystemMember;

/// A question to a store: which entities, in which order, which page of them.
#[derive(Clone, Debug)]
pub struct Query {
    pub tenant: Tenant,
    pub filter: Filter,
    /// Empty: an order of the store's own, the same from page to page.
    pub order: Vec<OrderBy>,
    /// How texts stand among each other in that order.
    pub collation: Collation,
    pub page: Page,
    /// Also count all that match.
    pub count: bool,
}

impl Query {
    /// The first page of all that match, in the store's own order, not counted.
    pub fn of(tenant: Tenant, filter: Filter) -> Query {
        let page = Page { offset: 0, limit: Page::LIMIT_DEFAULT };
        let collation = Collation::default();
        Query { tenant, filter, order: Vec::new(), collation, page, count: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub offset: usize,
    pub limit: usize,
}

impl Page {
    pub const LIMIT_DEFAULT: usize = 20;
}

/// Which entities are meant.
#[derive(Clone, Debug)]
pub enum Filter {
    Everything,
    Ids(Vec<EntityId>),
    IdPattern(IdPattern),
    /// Ids that stand after this one, by the order of their characters: with an order by id, the
    /// way to read on where another answer ended, at the same cost wherever that is.
    IdsAfter(EntityId),
    Types(TypeSelector),
    /// Has at least one of these attributes.
    Attributes(Vec<Name>),
    /// `q` (clause 4.9).
    Condition(Condition),
    /// `georel` (clause 4.10).
    Geo(GeoCondition),
    /// `scopeQ` (clause 4.19).
    Scope(ScopeCondition),
    /// All of them; of none: everything.
    All(Vec<Filter>),
    /// At least one of them; of none: nothing.
    Any(Vec<Filter>),
    /// All but these. No client can ask for that: rules do, where they take something away.
    Not(Box<Filter>),
}

/// `q` as a tree.
#[derive(Clone, Debug)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Test(Test),
}

/// One comparison of `q`.
#[derive(Clone, Debug)]
pub struct Test {
    pub target: Target,
    pub comparison: Comparison,
}

/// What is compared: an attribute, perhaps of a linked entity, perhaps something inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Relationships to follow first, `rel{Type:attr}` (clause 4.9, linked entities).
    pub links: Vec<Link>,
    /// An attribute, then attributes of attributes; at least one. Expanded names; system members
    /// such as `observedAt` are their core names.
    pub attributes: Vec<Name>,
    /// Member names inside the value: `address[city.name]`. In a LanguageProperty, a language;
    /// `[*]`, any of them, leaves it empty.
    pub inside: Vec<String>,
}

impl Target {
    /// Is it nothing but a member that the standard defines, such as `createdAt`?
    pub fn is_system(&self) -> bool {
        self.links.is_empty()
            && self.attributes.first().is_some_and(|name| SystemMember::of(name).is_some())
    }
}

/// A relationship to follow, to entities of these types where they are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub relationship: Name,
    pub types: Option<TypeSelector>,
}

/// How a target is compared (clause 4.9). All but `Absent` want it to be there, `NotEquals` and
/// `NotMatches` too; one instance of an attribute for which the comparison holds is enough.
#[derive(Clone, Debug)]
pub enum Comparison {
    Exists,
    /// `!heading`, not in the grammar of clause 4.9 but in use: holds for an entity that lacks
    /// the target, and for no other.
    Absent,
    /// Equal to one of these, or within one of these.
    Equals(Vec<Range>),
    NotEquals(Vec<Range>),
    Less(Operand),
    LessOrEqual(Operand),
    Greater(Operand),
    GreaterOrEqual(Operand),
    Matches(Pattern),
    NotMatches(Pattern),
}

/// One operand, or a range from one to another, both included.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    Only(Operand),
    Between(Operand, Operand),
}

/// A literal of `q`.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Number(f64),
    Boolean(bool),
    /// A text in quotes, or a bare word. Equals the object of a Relationship too.
    Text(String),
    DateTime(Timestamp),
    /// `2026-04-01`.
    Date(String),
    /// `12:00:00Z`, perhaps with a fraction of a second; compares as a time, not as a text.
    Time(String),
    /// A URI without quotes, or what a word was expanded to where `expandValues` names the
    /// attribute. Equals a text with the same characters too.
    Uri(String),
}

/// A geo-query (clause 4.10).
#[derive(Clone, Debug)]
pub struct GeoCondition {
    /// Which GeoProperty: `location` unless named.
    pub property: Name,
    pub relation: GeoRelation,
    pub geometry: Geometry,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GeoRelation {
    /// At most this many metres away.
    NearMax(f64),
    /// At least this many metres away.
    NearMin(f64),
    Within,
    Contains,
    Intersects,
    Disjoint,
    Overlaps,
    Equals,
}

/// `scopeQ` as a tree (clause 4.19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeCondition {
    All(Vec<ScopeCondition>),
    Any(Vec<ScopeCondition>),
    /// Levels from the root; `None` stands for `+`, any one level. With `below`, all scopes
    /// under it too (`/#`); without levels, any scope at all.
    Matches {
        levels: Vec<Option<String>>,
        below: bool,
    },
}

/// One key of `orderBy` (clause 4.23).
#[derive(Clone, Debug)]
pub struct OrderBy {
    pub key: OrderKey,
    pub direction: Direction,
}

#[derive(Clone, Debug)]
pub enum OrderKey {
    Id,
    Type,
    /// By value: `links` of the target are empty.
    Value(Target),
    /// By distance in metres from a geometry.
    Distance {
        property: Name,
        from: Geometry,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// Finds entities that others point to, for conditions on linked entities.
pub trait Links {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>>;
}

/// Where no links are to be followed: every link leads nowhere.
#[derive(Clone, Copy, Debug)]
pub struct NoLinks;

impl Links for NoLinks {
    fn entity(&self, _: &EntityId) -> Option<Arc<Entity>> {
        None
    }
}
