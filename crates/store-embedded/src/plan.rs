//! Choosing what drives a query: the index that leaves the fewest entities to look at.

use std::collections::BTreeSet;

use model::{EntityId, Name, TypeSelector};
use query::{
    CellId, Comparison, Condition, Direction, Filter, GeoCondition, Operand, OrderBy, OrderKey,
    PreparedGeo, Range, ScopeCondition, SystemMember, Target, Test, covering,
};

use crate::counts::Counts;
use crate::index::{BELOW, INDEXED_DEPTH_MAX, INSIDE};
use crate::keys::{self, IndexValue, Key, Space, moment_of};
use crate::names::{NameId, Names, path_below};
use crate::tables::after_prefix;

/// Where the candidates of a query come from. Every entity that matches is among them.
#[derive(Clone, Debug)]
pub struct Drive {
    /// For people: `type Building`.
    pub name: String,
    pub source: Source,
    /// About how many candidates there are.
    estimate: u64,
}

#[derive(Clone, Debug)]
pub enum Source {
    /// Those with these ids, and those that these ranges of the index name; some perhaps more than
    /// once. Where cells are ranged over, `only` tells which of them can be passed by.
    Found { ids: Vec<EntityId>, ranges: Vec<KeyRange>, only: Option<Box<CellTest>> },
    /// All of the tenant in the order of their ids, or those after one.
    ById { after: Option<EntityId> },
}

/// Which entries of cells are worth a look at their entities.
#[derive(Clone, Debug)]
pub struct CellTest {
    geo: PreparedGeo,
    /// All that the filters say of types.
    types: Vec<TypeTest>,
}

impl CellTest {
    /// `types` are the numbers of an entity's types, four bytes each.
    pub fn may_match(&self, cell: CellId, types: &[u8]) -> bool {
        self.types.iter().all(|test| test.matches(types)) && self.geo.may_match_in(cell)
    }
}

/// A selector of types, with names as numbers.
#[derive(Clone, Debug)]
enum TypeTest {
    Any,
    /// Nothing where no entity ever had the type.
    Is(Option<NameId>),
    AllOf(Vec<TypeTest>),
    OneOf(Vec<TypeTest>),
}

impl TypeTest {
    fn matches(&self, types: &[u8]) -> bool {
        match self {
            TypeTest::Any => true,
            TypeTest::Is(id) => {
                let has = |id: NameId| types.as_chunks().0.contains(&id.0.to_be_bytes());
                id.is_some_and(has)
            }
            TypeTest::AllOf(all) => all.iter().all(|one| one.matches(types)),
            TypeTest::OneOf(any) => any.iter().any(|one| one.matches(types)),
        }
    }
}

/// From a key (included) to a key (excluded).
pub type KeyRange = (Vec<u8>, Vec<u8>);

/// What a planner knows.
pub struct Planner<'a> {
    pub names: &'a Names,
    pub counts: &'a Counts,
    pub tenant: NameId,
    /// Are evolutions sought, which have what their entities had?
    pub past: bool,
}

/// The share of an attribute's entities that a comparison leaves, for want of better knowledge.
const EQUAL: u64 = 50;
const BETWEEN: u64 = 8;
const ONE_SIDED: u64 = 3;
const NEARBY: u64 = 20;
const SCOPED: u64 = 10;

/// Who reads on by id has so many looked at and sorted again for each page, at most.
const SORTED_AGAIN_MAX: u64 = 2_000;

impl Planner<'_> {
    /// The cheapest drive for entities for which all of `filters` hold; where someone reads on by
    /// id in order to read everything, the ids themselves.
    pub fn drive(&self, filters: &[&Filter], order: &[OrderBy]) -> Drive {
        let after = filters.iter().find_map(|filter| ids_after(filter)).cloned();
        let name = match &after {
            Some(_) => "ids from one on".to_owned(),
            None => "all entities".to_owned(),
        };
        let reads_on = after.is_some() && is_by_id(order);
        let by_id = Drive { name, source: Source::ById { after }, estimate: u64::MAX };
        let drives = filters.iter().filter_map(|filter| self.filter(filter));
        let cheapest = drives.min_by_key(|drive| drive.estimate);
        let few = |drive: &Drive| !reads_on || drive.estimate <= SORTED_AGAIN_MAX;
        let mut drive = cheapest.filter(few).unwrap_or(by_id);
        if let Source::Found { only: Some(test), .. } = &mut drive.source {
            for filter in filters {
                self.type_tests(filter, &mut test.types);
            }
        }
        drive
    }

    /// What a filter says of types, whatever else it says.
    fn type_tests(&self, filter: &Filter, tests: &mut Vec<TypeTest>) {
        match filter {
            Filter::Types(selector) => tests.push(self.type_test(selector)),
            Filter::All(all) => all.iter().for_each(|one| self.type_tests(one, tests)),
            _ => {}
        }
    }

    fn type_test(&self, selector: &TypeSelector) -> TypeTest {
        let tests = |all: &[TypeSelector]| all.iter().map(|one| self.type_test(one)).collect();
        match selector {
            TypeSelector::Any => TypeTest::Any,
            TypeSelector::Is(name) => TypeTest::Is(self.names.get(name.as_str())),
            TypeSelector::AllOf(all) => TypeTest::AllOf(tests(all)),
            TypeSelector::OneOf(any) => TypeTest::OneOf(tests(any)),
        }
    }

    fn filter(&self, filter: &Filter) -> Option<Drive> {
        match filter {
            Filter::Everything | Filter::IdPattern(_) | Filter::IdsAfter(_) | Filter::Not(_) => {
                None
            }
            Filter::Ids(ids) => Some(Drive {
                name: format!("{} ids", ids.len()),
                estimate: ids.len() as u64,
                source: Source::Found { ids: ids.clone(), ranges: Vec::new(), only: None },
            }),
            Filter::Types(selector) => self.types(selector),
            Filter::Attributes(names) => {
                union("attributes", names.iter().map(|name| Some(self.attribute(name))))
            }
            Filter::Condition(condition) => self.condition(condition),
            Filter::Geo(geo) => self.geo(geo),
            Filter::Scope(scope) => self.scope(scope),
            Filter::All(all) => cheapest(all.iter().map(|one| self.filter(one))),
            Filter::Any(any) => union("one of", any.iter().map(|one| self.filter(one))),
        }
    }

    fn types(&self, selector: &TypeSelector) -> Option<Drive> {
        match selector {
            TypeSelector::Any => None,
            TypeSelector::Is(name) => {
                let id = self.names.get(name.as_str());
                let estimate = id.map_or(0, |id| self.counts.of_type(self.tenant, id));
                let spaces = self.spaces(&[Space::Type], Space::PastType);
                Some(index(format!("type {name}"), self.ranges(&spaces, id), estimate))
            }
            TypeSelector::AllOf(all) => cheapest(all.iter().map(|one| self.types(one))),
            TypeSelector::OneOf(any) => union("types", any.iter().map(|one| self.types(one))),
        }
    }

    fn attribute(&self, name: &Name) -> Drive {
        let now = [Space::Attribute, Space::Value, Space::Cell];
        let spaces = self.spaces(&now, Space::PastAttribute);
        let ranges = self.ranges(&spaces, self.names.get(name.as_str()));
        index(format!("attribute {name}"), ranges, self.total(name))
    }

    fn spaces(&self, now: &[Space], past: Space) -> Vec<Space> {
        now.iter().copied().chain(self.past.then_some(past)).collect()
    }

    fn ranges(&self, spaces: &[Space], id: Option<NameId>) -> Vec<KeyRange> {
        let range = |id| spaces.iter().map(move |space| self.prefix(self.key(*space).name(id)));
        id.into_iter().flat_map(range).collect()
    }

    /// About how many entities have an attribute.
    fn total(&self, attribute: &Name) -> u64 {
        let id = self.names.get(attribute.as_str());
        id.map_or(0, |id| self.counts.of_attribute(self.tenant, id))
    }

    fn condition(&self, condition: &Condition) -> Option<Drive> {
        match condition {
            Condition::All(all) => cheapest(all.iter().map(|one| self.condition(one))),
            Condition::Any(any) => union("one of", any.iter().map(|one| self.condition(one))),
            Condition::Test(test) => self.test(test),
        }
    }

    fn test(&self, test: &Test) -> Option<Drive> {
        let Target { links, attributes, inside } = &test.target;
        // Every other comparison asks for what is compared to be there (clause 4.9).
        if matches!(test.comparison, Comparison::Absent) {
            return None;
        }
        if let Some(link) = links.first() {
            return Some(self.attribute(&link.relationship));
        }
        let attribute = attributes.first()?;
        if SystemMember::of(attribute).is_some() {
            return None;
        }
        let depth = attributes.len() + inside.len();
        let indexed = depth <= INDEXED_DEPTH_MAX
            && attributes.iter().skip(1).all(is_indexed)
            && !inside.iter().any(|name| name.contains([BELOW, INSIDE]));
        // These hold for values that the index does not tell apart, or does not have.
        let any_value = matches!(
            test.comparison,
            Comparison::Exists | Comparison::NotEquals(_) | Comparison::NotMatches(_)
        );
        if !indexed || any_value {
            return Some(self.attribute(attribute));
        }
        let (ranges, share) = match self.names.get(&path_of(attributes, inside)) {
            Some(path) => self.comparison(path, &test.comparison),
            None => (Vec::new(), 1),
        };
        let mut ranges = ranges;
        // Entities that hold more than the index took must be looked at.
        let attribute_id = self.names.get(attribute.as_str());
        ranges.extend(attribute_id.map(|id| self.prefix(self.key(Space::Unindexed).name(id))));
        let estimate = self.total(attribute) / share + 1;
        Some(index(format!("values of {attribute}"), ranges, estimate))
    }

    /// The ranges under a path that can satisfy a comparison, and the inverse of the share of
    /// entities that may.
    fn comparison(&self, path: NameId, comparison: &Comparison) -> (Vec<KeyRange>, u64) {
        let whole = || vec![self.prefix(self.value_key(path))];
        let of = |ranges: Option<Vec<KeyRange>>, share| match ranges {
            Some(ranges) => (ranges, share),
            None => (whole(), 1),
        };
        match comparison {
            Comparison::Exists
            | Comparison::Absent
            | Comparison::Matches(_)
            | Comparison::NotMatches(_)
            | Comparison::NotEquals(_) => (whole(), 1),
            Comparison::Equals(alternatives) => {
                let only = alternatives.iter().all(|one| matches!(one, Range::Only(_)));
                let ranges = alternatives.iter().map(|one| self.range(path, one)).collect();
                of(ranges, if only { EQUAL } else { BETWEEN })
            }
            Comparison::Less(operand) | Comparison::LessOrEqual(operand) => {
                of(self.up_to(path, operand).map(|range| vec![range]), ONE_SIDED)
            }
            Comparison::Greater(operand) | Comparison::GreaterOrEqual(operand) => {
                of(self.from(path, operand).map(|range| vec![range]), ONE_SIDED)
            }
        }
    }

    fn range(&self, path: NameId, range: &Range) -> Option<KeyRange> {
        match range {
            Range::Only(operand) => {
                let value = index_value(operand)?;
                Some(self.prefix(self.value_key(path).value(&value)))
            }
            Range::Between(low, high) => {
                let (from, _) = self.from(path, low)?;
                let (start, to) = self.up_to(path, high)?;
                // Bounds of different kinds meet nowhere.
                (from >= start).then_some((from, to))
            }
        }
    }

    fn from(&self, path: NameId, operand: &Operand) -> Option<KeyRange> {
        let (tag, key) = self.bound(path, operand)?;
        Some((key.into_bytes(), after_prefix(&self.value_key(path).tag(tag).into_bytes())))
    }

    fn up_to(&self, path: NameId, operand: &Operand) -> Option<KeyRange> {
        let (tag, key) = self.bound(path, operand)?;
        Some((self.value_key(path).tag(tag).into_bytes(), after_prefix(&key.into_bytes())))
    }

    /// The kind of a bound, and the key at which values equal to it begin. Nothing where the
    /// index does not keep the order that is asked for.
    fn bound(&self, path: NameId, operand: &Operand) -> Option<(u8, Key)> {
        let key = self.value_key(path);
        match operand {
            Operand::Number(number) => {
                Some((keys::NUMBER, key.value(&IndexValue::Number(*number))))
            }
            Operand::DateTime(moment) => {
                Some((keys::MOMENT, key.value(&IndexValue::Moment(*moment))))
            }
            Operand::Text(text) if moment_of(text).is_none() => {
                Some((keys::TEXT, key.text_start(text)))
            }
            _ => None,
        }
    }

    /// Cells that are all inside come first: what lies there matches, so that a page fills soonest.
    fn geo(&self, geo: &GeoCondition) -> Option<Drive> {
        let cells = covering(geo)?;
        let name = format!("{} in {} cells", geo.property, cells.len());
        let estimate = self.total(&geo.property) / NEARBY + 1;
        let Some(property) = self.names.get(geo.property.as_str()) else {
            return Some(index(name, Vec::new(), estimate));
        };
        let prepared = PreparedGeo::new(geo);
        let levels = self.counts.levels(self.tenant, property);
        let around: BTreeSet<CellId> = cells
            .iter()
            .flat_map(|cell| cell.ancestors())
            .filter(|cell| levels.contains(cell.level()))
            .collect();
        let around = around.into_iter().map(|cell| (cell.as_u64(), cell.as_u64()));
        let (inside, rim): (Vec<CellId>, Vec<CellId>) =
            cells.iter().partition(|cell| prepared.holds(**cell));
        let rim = rim.into_iter().map(CellId::range).chain(around);
        let inside = joined(inside.into_iter().map(CellId::range).collect());
        let key = |cell: u64| self.key(Space::Cell).name(property).cell(cell).into_bytes();
        let range = |(from, to): (u64, u64)| (key(from), after_prefix(&key(to)));
        let ranges = inside.into_iter().chain(joined(rim.collect())).map(range).collect();
        let only = Some(Box::new(CellTest { geo: prepared, types: Vec::new() }));
        Some(Drive { name, source: Source::Found { ids: Vec::new(), ranges, only }, estimate })
    }

    fn scope(&self, scope: &ScopeCondition) -> Option<Drive> {
        match scope {
            ScopeCondition::All(all) => cheapest(all.iter().map(|one| self.scope(one))),
            ScopeCondition::Any(any) => union("scopes", any.iter().map(|one| self.scope(one))),
            ScopeCondition::Matches { levels, below } => {
                let known: Vec<&str> = levels.iter().map_while(|level| level.as_deref()).collect();
                let exact = known.len() == levels.len() && !below;
                let key = self.key(Space::Scope).scope(known.iter().copied());
                let key = if exact { key.end_of_scope() } else { key };
                let estimate = u64::from(u32::MAX) / SCOPED.pow(known.len() as u32 + 1);
                Some(index(format!("scope /{}", known.join("/")), vec![self.prefix(key)], estimate))
            }
        }
    }

    fn key(&self, space: Space) -> Key {
        Key::new(space, self.tenant)
    }

    fn value_key(&self, path: NameId) -> Key {
        self.key(Space::Value).name(path)
    }

    fn prefix(&self, key: Key) -> KeyRange {
        let from = key.into_bytes();
        let to = after_prefix(&from);
        (from, to)
    }
}

/// Does the order follow the ids alone?
pub fn is_by_id(order: &[OrderBy]) -> bool {
    matches!(order, [OrderBy { key: OrderKey::Id, direction: Direction::Ascending }])
}

/// The id after which all that matches stands, where a filter says so of everything.
fn ids_after(filter: &Filter) -> Option<&EntityId> {
    match filter {
        Filter::IdsAfter(id) => Some(id),
        Filter::All(all) => all.iter().filter_map(ids_after).max(),
        _ => None,
    }
}

fn index(name: String, ranges: Vec<KeyRange>, estimate: u64) -> Drive {
    Drive { name, source: Source::Found { ids: Vec::new(), ranges, only: None }, estimate }
}

/// The same numbers in fewer ranges: those that touch are one. Cells beside each other leave a
/// gap of one number, which is that of a cell around both.
fn joined(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1 + 2 => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

fn cheapest(drives: impl Iterator<Item = Option<Drive>>) -> Option<Drive> {
    drives.flatten().min_by_key(|drive| drive.estimate)
}

/// All of the drives, if every one of them is there.
fn union(name: &str, drives: impl Iterator<Item = Option<Drive>>) -> Option<Drive> {
    let mut names = Vec::new();
    let (mut all_ids, mut all_ranges) = (Vec::new(), Vec::new());
    let mut estimate = 0_u64;
    for drive in drives {
        let drive = drive?;
        let Source::Found { ids, ranges, .. } = drive.source else { return None };
        names.push(drive.name);
        all_ids.extend(ids);
        all_ranges.extend(ranges);
        estimate = estimate.saturating_add(drive.estimate);
    }
    let name = format!("{name} ({})", names.join(", "));
    let source = Source::Found { ids: all_ids, ranges: all_ranges, only: None };
    Some(Drive { name, source, estimate })
}

/// The name under which the index knows a path.
fn path_of(attributes: &[Name], inside: &[String]) -> String {
    let Some((first, below)) = attributes.split_first() else { return String::new() };
    let below = below.iter().map(|name| (BELOW, name.as_str()));
    let inside = inside.iter().map(|name| (INSIDE, name.as_str()));
    let path = first.as_str().to_owned();
    below.chain(inside).fold(path, |path, (mark, name)| path_below(&path, mark, name))
}

fn index_value(operand: &Operand) -> Option<IndexValue<'_>> {
    match operand {
        Operand::Number(number) => Some(IndexValue::Number(*number)),
        Operand::Boolean(boolean) => Some(IndexValue::Boolean(*boolean)),
        // A text that reads as a moment may be compared as one, where the target is one.
        Operand::Text(text) if moment_of(text).is_some() => None,
        Operand::Text(text) | Operand::Uri(text) => Some(IndexValue::Text(text)),
        Operand::DateTime(moment) => Some(IndexValue::Moment(*moment)),
        Operand::Date(_) | Operand::Time(_) => None,
    }
}

/// Members of an attribute that the index takes like attributes of it. The others are not in it.
fn is_indexed(name: &Name) -> bool {
    matches!(SystemMember::of(name), None | Some(SystemMember::ObservedAt | SystemMember::UnitCode))
}
