//! Answering a query: candidates from an index, the filter on each, cut off at the page.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError};

use model::{Entity, EntityId, Timestamp};
use policy::Rights;
use policy::cedar::OrderInView;
use query::{Filter, Links, OrderBy, PreparedFilter, Query, SortKey, Sorter, SystemMember};
use rustc_hash::FxHashSet;
use store::{Answer, Plan, StoreError};

use crate::codec::Wanted;
use crate::keys::{EVERY_TENANT, EntityNumber, Key, Space, cell_of, number_of};
use crate::names::NameId;
use crate::plan::{CellTest, Drive, KeyRange, Planner, Source, is_by_id};
use crate::shared::{Shared, Stored, id_key, number_from, unreadable};
use crate::tables::{Table, after_prefix};

/// One query on its way.
struct Run<'a> {
    shared: &'a Shared,
    tenant: NameId,
    now: Timestamp,
    plan: Plan,
    rights: &'a Rights,
    filter: PreparedFilter<'a>,
    /// The attributes that the filter and the order look at.
    wanted: Wanted,
}

pub fn run(
    shared: &Shared,
    query: &Query,
    rights: &Rights,
    now: Timestamp,
) -> Result<Answer, StoreError> {
    let Some(tenant) = shared.tenant(&query.tenant) else { return Ok(nothing(query)) };
    // What the caller asks, asked of what it sees.
    let filter = match rights.are_all() {
        true => Cow::Borrowed(&query.filter),
        false => Cow::Owned(rights.narrow(&query.filter)),
    };
    let order = rights.order(&query.order);
    let drive = shared.drive(tenant, &[&filter], &order.keys);
    let in_order = order.keys.is_empty()
        || is_by_id(&order.keys) && matches!(drive.source, Source::ById { .. });
    let plan = Plan { index: drive.name.clone(), sorted: !in_order, ..Plan::default() };
    let wanted = shared.wanted(&filter, &order, rights);
    let filter_prepared = filter.prepared();
    let mut run = Run { shared, tenant, now, plan, rights, filter: filter_prepared, wanted };
    let maintained = if query.count { run.maintained_count(&filter)? } else { None };
    let mut page = PageOf::new(query, &order, in_order, maintained, shared.settings.query_sort_max);
    run.candidates(drive, &mut page)?;
    page.into_answer(run)
}

fn nothing(query: &Query) -> Answer {
    let total = query.count.then_some(0);
    Answer { entities: Vec::new(), total, more: false, plan: Plan::default() }
}

/// Should the search go on?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goon {
    Yes,
    No,
}

impl Shared {
    fn drive(&self, tenant: NameId, filters: &[&Filter], order: &[OrderBy]) -> Drive {
        let counts = self.counts.read().unwrap_or_else(PoisonError::into_inner);
        Planner { names: &self.names, counts: &counts, tenant, past: false }.drive(filters, order)
    }

    /// What has to be read of an entity to know whether it matches, and where it stands.
    fn wanted(&self, filter: &Filter, order: &OrderInView, rights: &Rights) -> Wanted {
        let ordered = order.keys.iter().filter_map(|by| by.attribute_read());
        let views = if order.of_views { rights.attributes_read() } else { Vec::new() };
        let names = filter.attributes_read().into_iter().chain(ordered).chain(views);
        let names = names.filter(|name| SystemMember::of(name).is_none());
        // A name that has no number yet may get one before the search is over.
        let numbers: Option<_> = names.map(|name| self.names.get(name.as_str())).collect();
        numbers.map_or(Wanted::All, Wanted::Only)
    }
}

impl Run<'_> {
    /// How many match, where the counts already tell: all entities of one type, while none of
    /// them waits to be swept.
    fn maintained_count(&self, filter: &Filter) -> Result<Option<usize>, StoreError> {
        let Some(name) = only_type(filter) else { return Ok(None) };
        if self.shared.any_expired(self.now)? {
            return Ok(None);
        }
        let counts = self.shared.counts.read().unwrap_or_else(PoisonError::into_inner);
        let id = self.shared.names.get(name.as_str());
        Ok(Some(id.map_or(0, |id| counts.of_type(self.tenant, id)) as usize))
    }

    fn candidates(&mut self, drive: Drive, page: &mut PageOf<'_>) -> Result<(), StoreError> {
        match drive.source {
            Source::Found { ids, ranges, only } => self.found(ids, ranges, only.as_deref(), page),
            Source::ById { after } => {
                let prefix = self.tenant.0.to_be_bytes();
                let from = match &after {
                    Some(id) => [&*id_key(self.tenant, id), &[0]].concat(),
                    None => prefix.to_vec(),
                };
                for entry in self.shared.tables.scan(Table::Ids, from, after_prefix(&prefix)) {
                    self.plan.index_entries_read += 1;
                    let (_, value) = entry.map_err(unreadable)?;
                    if self.visit(number_from(&value), page)? == Goon::No {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    fn found(
        &mut self,
        ids: Vec<EntityId>,
        ranges: Vec<KeyRange>,
        only: Option<&CellTest>,
        page: &mut PageOf<'_>,
    ) -> Result<(), StoreError> {
        let mut seen = FxHashSet::default();
        for id in ids {
            if let Some(number) = self.shared.number(self.tenant, &id)?
                && seen.insert(number)
                && self.visit(number, page)? == Goon::No
            {
                return Ok(());
            }
        }
        for (from, to) in ranges {
            for entry in self.shared.tables.scan(Table::Index, from, to) {
                self.plan.index_entries_read += 1;
                let (key, types) = entry.map_err(unreadable)?;
                let passed_by = |only: &CellTest| {
                    cell_of(&key).is_some_and(|cell| !only.may_match(cell, &types))
                };
                if only.is_some_and(passed_by) {
                    continue;
                }
                let number = number_of(&key);
                if seen.insert(number) && self.visit(number, page)? == Goon::No {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn visit(&mut self, number: EntityNumber, page: &mut PageOf<'_>) -> Result<Goon, StoreError> {
        let limit = self.shared.settings.query_entities_max;
        if self.plan.entities_read >= limit {
            return Err(StoreError::TooComplex {
                limit,
                things: "entities",
                setting: "query_entities_max",
            });
        }
        self.plan.entities_read += 1;
        // It may have been deleted since the index was read.
        let Some(stored) = self.shared.stored(number)? else { return Ok(Goon::Yes) };
        let glimpse = stored.glimpse(self.tenant, self.now, &self.shared.names, &self.wanted)?;
        let links = LinksOf { shared: self.shared, tenant: self.tenant, now: self.now };
        match glimpse {
            Some(entity) if self.filter.matches(&entity, &self.rights.links(&links)) => {
                self.take(entity, stored, page)
            }
            _ => Ok(Goon::Yes),
        }
    }

    /// A match takes its place by what the caller sees of it.
    fn take(
        &self,
        entity: Entity,
        stored: Stored,
        page: &mut PageOf<'_>,
    ) -> Result<Goon, StoreError> {
        if !page.order.of_views {
            return page.take(&entity, stored);
        }
        match self.rights.view(Arc::new(entity)) {
            Some(seen) => page.take(&seen, stored),
            None => Ok(Goon::Yes),
        }
    }

    /// What the caller sees of the whole of what was found. It matched as a whole, whatever became
    /// of it since.
    fn read(&self, found: Stored) -> Result<Option<Arc<Entity>>, StoreError> {
        let entity = found.alive(self.now, &self.shared.names)?;
        Ok(entity.and_then(|entity| self.rights.view(entity)))
    }
}

impl Shared {
    /// Does anything wait to be swept?
    pub fn any_expired(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.expired(now, 1)?.is_empty())
    }

    /// Entities in which something has expired, at most `limit`.
    pub fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<EntityNumber>, StoreError> {
        let from = Key::new(Space::Expiry, EVERY_TENANT).into_bytes();
        let to = Key::new(Space::Expiry, EVERY_TENANT).moment(Timestamp(now.0 + 1)).into_bytes();
        let entries = self.tables.scan(Table::Index, from, to);
        let numbers = entries.map(|entry| Ok(number_of(&entry.map_err(unreadable)?.0)));
        let is_kept = |number: &Result<EntityNumber, StoreError>| match number {
            Ok(number) => !self.encryption.is_gone(number.domain()),
            Err(_) => true,
        };
        numbers.filter(is_kept).take(limit).collect()
    }
}

fn only_type(filter: &Filter) -> Option<&model::Name> {
    match filter {
        Filter::Types(model::TypeSelector::Is(name)) => Some(name),
        Filter::All(all) => match all.as_slice() {
            [one] => only_type(one),
            _ => None,
        },
        _ => None,
    }
}

struct LinksOf<'a> {
    shared: &'a Shared,
    tenant: NameId,
    now: Timestamp,
}

impl Links for LinksOf<'_> {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        let number = self.shared.number(self.tenant, id).ok()??;
        let stored = self.shared.stored(number).ok()??;
        stored.alive(self.now, &self.shared.names).ok()?
    }
}

/// The page that a query asks for, as matches come in.
struct PageOf<'q> {
    query: &'q Query,
    order: &'q OrderInView,
    sorter: Sorter<'q>,
    /// Does what comes in stand in the order asked for?
    in_order: bool,
    /// If so: the page itself.
    found: Vec<Stored>,
    /// If not: the best so far.
    ordered: Vec<(SortKey, EntityId, Stored)>,
    matched: usize,
    maintained: Option<usize>,
    sort_max: usize,
}

impl<'q> PageOf<'q> {
    fn new(
        query: &'q Query,
        order: &'q OrderInView,
        in_order: bool,
        maintained: Option<usize>,
        sort_max: usize,
    ) -> PageOf<'q> {
        let sorter = Sorter::new(&order.keys, &query.collation);
        let (found, ordered) = (Vec::new(), Vec::new());
        PageOf { query, order, sorter, in_order, found, ordered, matched: 0, maintained, sort_max }
    }

    fn end(&self) -> usize {
        self.query.page.offset.saturating_add(self.query.page.limit)
    }

    /// Takes a match: what was read of it, and its record.
    fn take(&mut self, entity: &Entity, stored: Stored) -> Result<Goon, StoreError> {
        self.matched += 1;
        if !self.in_order {
            return self.take_ordered(entity, stored);
        }
        if self.matched > self.query.page.offset && self.matched <= self.end() {
            self.found.push(stored);
        }
        // One more than the page tells that there is more.
        let enough = self.matched > self.end();
        let counted = !self.query.count || self.maintained.is_some();
        Ok(if enough && counted { Goon::No } else { Goon::Yes })
    }

    /// Keeps no more than twice what can still be on the page or before it.
    fn take_ordered(&mut self, entity: &Entity, stored: Stored) -> Result<Goon, StoreError> {
        let limit = self.sort_max;
        if self.end() > limit {
            return Err(StoreError::TooComplex {
                limit,
                things: "entities",
                setting: "query_sort_max",
            });
        }
        self.ordered.push((self.sorter.key(entity), entity.id.clone(), stored));
        if self.ordered.len() >= 2 * self.end() + 64 {
            self.sort();
            self.ordered.truncate(self.end());
        }
        Ok(Goon::Yes)
    }

    /// What the order leaves open, the id decides, so that pages fit together.
    fn sort(&mut self) {
        self.ordered.sort_by(|(left_key, left, _), (right_key, right, _)| {
            left_key.cmp(right_key).then_with(|| left.cmp(right))
        });
    }

    fn into_answer(mut self, run: Run<'_>) -> Result<Answer, StoreError> {
        if !self.in_order {
            self.sort();
            let ordered = std::mem::take(&mut self.ordered).into_iter().map(|(_, _, found)| found);
            let page = &self.query.page;
            self.found = ordered.skip(page.offset).take(page.limit).collect();
        }
        let more = self.matched > self.end();
        let total = self.query.count.then(|| self.maintained.unwrap_or(self.matched));
        let read = self.found.into_iter().filter_map(|found| run.read(found).transpose());
        Ok(Answer { more, entities: read.collect::<Result<_, _>>()?, total, plan: run.plan })
    }
}
