//! Answering a query: candidates from an index, the filter on each, cut off at the page.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use model::{Entity, EntityId, Timestamp};
use query::{Filter, Links, Query, SortKey, Sorter};
use store::{Answer, Plan, StoreError};

use crate::keys::{EntityNumber, Key, Space, number_of};
use crate::names::NameId;
use crate::plan::{Drive, Planner, Source};
use crate::shared::{Shared, number_from, unreadable};
use crate::tables::Table;

/// One query on its way.
struct Run<'a> {
    shared: &'a Shared,
    tenant: NameId,
    now: Timestamp,
    plan: Plan,
}

pub fn run(
    shared: &Shared,
    query: &Query,
    within: &Filter,
    now: Timestamp,
) -> Result<Answer, StoreError> {
    let Some(tenant) = shared.tenant(&query.tenant) else { return Ok(nothing(query)) };
    let mut run = Run { shared, tenant, now, plan: Plan::default() };
    let drive = run.drive(&[&query.filter, within]);
    let filters = [query.filter.prepared(), within.prepared()];
    run.plan.index.clone_from(&drive.name);
    let maintained = if query.count { run.maintained_count(query, within)? } else { None };
    let mut page = PageOf::new(query, maintained, shared.settings.query_sort_max);
    run.plan.sorted = !query.order.is_empty();
    run.candidates(drive, &mut |run, entity| {
        let links = LinksOf { shared: run.shared, tenant: run.tenant, now: run.now };
        if filters.iter().all(|filter| filter.matches(&entity, &links)) {
            page.take(entity)
        } else {
            Ok(Goon::Yes)
        }
    })?;
    Ok(page.into_answer(run.plan))
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

type Visit<'v> = &'v mut dyn FnMut(&Run<'_>, Arc<Entity>) -> Result<Goon, StoreError>;

impl Run<'_> {
    fn drive(&self, filters: &[&Filter]) -> Drive {
        let counts = self.shared.counts.read().unwrap_or_else(PoisonError::into_inner);
        let names = &self.shared.names;
        Planner { names, counts: &counts, tenant: self.tenant }.drive(filters)
    }

    /// How many match, where the counts already tell: all entities of one type, while none of
    /// them waits to be swept.
    fn maintained_count(
        &self,
        query: &Query,
        within: &Filter,
    ) -> Result<Option<usize>, StoreError> {
        let Filter::Everything = within else { return Ok(None) };
        let Some(name) = only_type(&query.filter) else { return Ok(None) };
        if self.shared.any_expired(self.now)? {
            return Ok(None);
        }
        let counts = self.shared.counts.read().unwrap_or_else(PoisonError::into_inner);
        let id = self.shared.names.get(name.as_str());
        Ok(Some(id.map_or(0, |id| counts.of_type(self.tenant, id)) as usize))
    }

    fn candidates(&mut self, drive: Drive, visit: Visit<'_>) -> Result<(), StoreError> {
        match drive.source {
            Source::Found { ids, ranges } => self.found(ids, ranges, visit),
            Source::Everything => {
                let prefix = self.tenant.0.to_be_bytes();
                for entry in self.shared.tables.scan_prefix(Table::Ids, &prefix) {
                    self.plan.index_entries_read += 1;
                    let (_, value) = entry.map_err(unreadable)?;
                    if self.visit(number_from(&value), visit)? == Goon::No {
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
        ranges: Vec<(Vec<u8>, Vec<u8>)>,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut seen = HashSet::new();
        for id in ids {
            if let Some(number) = self.shared.number(self.tenant, &id)?
                && seen.insert(number)
                && self.visit(number, visit)? == Goon::No
            {
                return Ok(());
            }
        }
        for (from, to) in ranges {
            for entry in self.shared.tables.scan(Table::Index, from, to) {
                self.plan.index_entries_read += 1;
                let (key, _) = entry.map_err(unreadable)?;
                let number = number_of(&key);
                if seen.insert(number) && self.visit(number, visit)? == Goon::No {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn visit(&mut self, number: EntityNumber, visit: Visit<'_>) -> Result<Goon, StoreError> {
        let limit = self.shared.settings.query_entities_max;
        if self.plan.entities_read >= limit {
            return Err(StoreError::TooComplex { limit, setting: "query_entities_max" });
        }
        self.plan.entities_read += 1;
        // It may have been deleted since the index was read.
        let Some(stored) = self.shared.stored(number)? else { return Ok(Goon::Yes) };
        match stored.alive(self.now) {
            Some(entity) if stored.tenant == self.tenant => visit(self, entity),
            _ => Ok(Goon::Yes),
        }
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
        let entries = self.tables.scan(Table::Index, from, to).take(limit);
        entries.map(|entry| Ok(number_of(&entry.map_err(unreadable)?.0))).collect()
    }
}

/// Expiries of all tenants lie together, so that one look finds what is due.
pub const EVERY_TENANT: NameId = NameId(u32::MAX);

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
        stored.alive(self.now)
    }
}

/// The page that a query asks for, as matches come in.
struct PageOf<'q> {
    query: &'q Query,
    sorter: Sorter<'q>,
    /// Without an order: the page itself.
    entities: Vec<Arc<Entity>>,
    /// With an order: the best so far.
    ordered: Vec<(SortKey, Arc<Entity>)>,
    matched: usize,
    maintained: Option<usize>,
    sort_max: usize,
}

impl<'q> PageOf<'q> {
    fn new(query: &'q Query, maintained: Option<usize>, sort_max: usize) -> PageOf<'q> {
        let sorter = Sorter::new(&query.order, &query.collation);
        let (entities, ordered) = (Vec::new(), Vec::new());
        PageOf { query, sorter, entities, ordered, matched: 0, maintained, sort_max }
    }

    fn end(&self) -> usize {
        self.query.page.offset.saturating_add(self.query.page.limit)
    }

    fn take(&mut self, entity: Arc<Entity>) -> Result<Goon, StoreError> {
        self.matched += 1;
        if !self.query.order.is_empty() {
            return self.take_ordered(entity);
        }
        if self.matched > self.query.page.offset && self.matched <= self.end() {
            self.entities.push(entity);
        }
        // One more than the page tells that there is more.
        let enough = self.matched > self.end();
        let counted = !self.query.count || self.maintained.is_some();
        Ok(if enough && counted { Goon::No } else { Goon::Yes })
    }

    /// Keeps no more than twice what can still be on the page or before it.
    fn take_ordered(&mut self, entity: Arc<Entity>) -> Result<Goon, StoreError> {
        let limit = self.sort_max;
        if self.end() > limit {
            return Err(StoreError::TooComplex { limit, setting: "query_sort_max" });
        }
        self.ordered.push((self.sorter.key(&entity), entity));
        if self.ordered.len() >= 2 * self.end() + 64 {
            self.sort();
            self.ordered.truncate(self.end());
        }
        Ok(Goon::Yes)
    }

    /// What the order leaves open, the id decides, so that pages fit together.
    fn sort(&mut self) {
        self.ordered.sort_by(|(left_key, left), (right_key, right)| {
            left_key.cmp(right_key).then_with(|| left.id.cmp(&right.id))
        });
    }

    fn into_answer(mut self, plan: Plan) -> Answer {
        if !self.query.order.is_empty() {
            self.sort();
            let entities = std::mem::take(&mut self.ordered).into_iter().map(|(_, one)| one);
            let page = &self.query.page;
            self.entities = entities.skip(page.offset).take(page.limit).collect();
        }
        let total = self.query.count.then(|| self.maintained.unwrap_or(self.matched));
        Answer { more: self.matched > self.end(), entities: self.entities, total, plan }
    }
}
