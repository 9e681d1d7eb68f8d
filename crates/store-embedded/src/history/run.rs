//! Answering questions about evolutions.

use model::{Entity, EvolutionHeader, Timestamp};
use policy::cedar::AttributeSet;
use policy::{Rights, Subject};
use query::{
    Direction as Order, Filter, NoLinks, ReadingSelection, ScopeTimes, evolution_as_entity,
};
use rustc_hash::FxHashSet;
use store::{HistoryAnswer, HistoryError, Plan, QueryHistory, StoreError};

use super::answer::AnswerOf;
use super::header::Header;
use super::plan::{is_of_header, of_header, of_names};
use super::read::{Goon, Weave};
use super::series::Span;
use crate::codec::Wanted;
use crate::keys::{EntityNumber, number_of};
use crate::names::NameId;
use crate::plan::{Planner, Source};
use crate::shared::{Shared, id_key, number_from, unreadable};
use crate::tables::{Table, after_prefix};

/// The evolution of one entity.
pub fn evolution(
    shared: &Shared,
    tenant: NameId,
    id: &model::EntityId,
    selection: &ReadingSelection,
    rights: &Rights,
    now: Timestamp,
) -> Result<Option<HistoryAnswer>, HistoryError> {
    let Some(number) = shared.number(tenant, id)? else { return Ok(None) };
    let Some(header) = shared.evolution(tenant, number)? else { return Ok(None) };
    let mut answer = AnswerOf::new(shared, selection, now);
    let Some(hidden) = shared.hidden_of(number, &header, rights, now)? else { return Ok(None) };
    answer.hidden = hidden;
    answer.take(number, header)?;
    Ok(Some(answer.finish(Plan::default())))
}

/// The evolutions that match.
pub fn query(
    shared: &Shared,
    tenant: NameId,
    query: &QueryHistory,
    rights: &Rights,
    now: Timestamp,
) -> Result<HistoryAnswer, HistoryError> {
    let filter = &query.filter;
    let mut run = Run {
        shared,
        tenant,
        query,
        rights,
        now,
        of_header: of_header(filter),
        whole: (!is_of_header(filter)).then_some(filter),
        answer: AnswerOf::new(shared, &query.readings, now),
        is_ordered: false,
        matched: Vec::new(),
        count: 0,
        plan: Plan::default(),
    };
    run.candidates(filter)?;
    run.finish()
}

struct Run<'a> {
    shared: &'a Shared,
    tenant: NameId,
    query: &'a QueryHistory,
    rights: &'a Rights,
    now: Timestamp,
    of_header: Filter,
    /// Where readings have a say.
    whole: Option<&'a Filter>,
    answer: AnswerOf<'a>,
    /// They come in the order that was asked for.
    is_ordered: bool,
    /// Where another order was asked for: what matches, as far as it may be on the page.
    matched: Vec<Matched>,
    count: usize,
    plan: Plan,
}

/// An evolution that matches, and what of it is told.
struct Matched {
    header: EvolutionHeader,
    number: EntityNumber,
    times: Option<ScopeTimes>,
    hidden: Vec<AttributeSet>,
}

/// Fewer than this are not sorted before all are there.
const MATCHED_KEPT: usize = 1_000;

impl Run<'_> {
    fn candidates(&mut self, filter: &Filter) -> Result<(), HistoryError> {
        let names = of_names(filter);
        let drive = {
            let counts = self.shared.counts.read();
            let counts = counts.unwrap_or_else(std::sync::PoisonError::into_inner);
            let (names_of, tenant) = (&self.shared.names, self.tenant);
            Planner { names: names_of, counts: &counts, tenant, past: true }.drive(&[&names], &[])
        };
        self.plan.index = drive.name;
        let limit = self.shared.settings.query_sort_max;
        self.is_ordered = match self.query.by_id {
            None => true,
            Some(Order::Ascending) => matches!(drive.source, Source::ById { .. }),
            Some(Order::Descending) => false,
        };
        if !self.is_ordered && self.page_end() > limit {
            let (things, setting) = ("entities", "query_sort_max");
            return Err(StoreError::TooComplex { limit, things, setting }.into());
        }
        let mut seen = FxHashSet::default();
        match drive.source {
            Source::Found { ids, ranges, only: _ } => {
                for id in ids {
                    if let Some(number) = self.shared.number(self.tenant, &id)?
                        && seen.insert(number)
                        && self.visit(number)? == Goon::No
                    {
                        return Ok(());
                    }
                }
                for (from, to) in ranges {
                    for entry in self.shared.tables.scan(Table::Index, from, to) {
                        self.plan.index_entries_read += 1;
                        let number = number_of(&entry.map_err(unreadable)?.0);
                        if seen.insert(number) && self.visit(number)? == Goon::No {
                            return Ok(());
                        }
                    }
                }
            }
            Source::ById { after } => {
                let prefix = self.tenant.0.to_be_bytes();
                let from = match &after {
                    Some(id) => [&*id_key(self.tenant, id), &[0]].concat(),
                    None => prefix.to_vec(),
                };
                for entry in self.shared.tables.scan(Table::Ids, from, after_prefix(&prefix)) {
                    self.plan.index_entries_read += 1;
                    let number = number_from(&entry.map_err(unreadable)?.1);
                    if self.visit(number)? == Goon::No {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn visit(&mut self, number: EntityNumber) -> Result<Goon, HistoryError> {
        let limit = self.shared.settings.query_entities_max;
        if self.plan.entities_read >= limit {
            let (things, setting) = ("entities", "query_entities_max");
            return Err(StoreError::TooComplex { limit, things, setting }.into());
        }
        self.plan.entities_read += 1;
        let Some(header) = self.shared.evolution(self.tenant, number)? else {
            return Ok(Goon::Yes);
        };
        if !self.of_header.matches(&evolution_as_entity(&header, &[]), &NoLinks) {
            return Ok(Goon::Yes);
        }
        let hidden = self.shared.hidden_of(number, &header, self.rights, self.now)?;
        let Some(hidden) = hidden else { return Ok(Goon::Yes) };
        self.answer.hidden = hidden;
        let scope = self.query.scope.as_ref();
        let times = scope.map(|scope| self.answer.scope_times(number, scope)).transpose()?;
        if times.as_ref().is_some_and(ScopeTimes::is_never) {
            return Ok(Goon::Yes);
        }
        self.answer.times = times;
        if !self.answer.has_readings(number)? {
            return Ok(Goon::Yes);
        }
        if let Some(whole) = self.whole
            && !self.answer.matches(number, &header, whole)?
        {
            return Ok(Goon::Yes);
        }
        self.count += 1;
        let (page, end) = (self.query.page, self.page_end());
        if !self.is_ordered {
            let times = self.answer.times.take();
            let hidden = std::mem::take(&mut self.answer.hidden);
            self.matched.push(Matched { header, number, times, hidden });
            if self.matched.len() >= end.saturating_mul(2).max(MATCHED_KEPT) {
                self.sort();
                self.matched.truncate(end);
            }
            return Ok(Goon::Yes);
        }
        if self.count > page.offset && self.count <= end {
            self.answer.take(number, header)?;
        }
        Ok(if self.count > end && !self.query.count { Goon::No } else { Goon::Yes })
    }

    fn page_end(&self) -> usize {
        self.query.page.offset.saturating_add(self.query.page.limit)
    }

    fn sort(&mut self) {
        let descending = self.query.by_id == Some(Order::Descending);
        self.matched.sort_by(|left, right| {
            let order = left.header.id.cmp(&right.header.id);
            if descending { order.reverse() } else { order }
        });
    }

    fn finish(mut self) -> Result<HistoryAnswer, HistoryError> {
        let page = self.query.page;
        let more = self.count > self.page_end();
        self.sort();
        let on_page = self.matched.into_iter().skip(page.offset).take(page.limit);
        for Matched { header, number, times, hidden } in on_page {
            (self.answer.times, self.answer.hidden) = (times, hidden);
            self.answer.take(number, header)?;
        }
        let total = self.query.count.then_some(self.count);
        Ok(HistoryAnswer { total, more, ..self.answer.finish(self.plan) })
    }
}

impl Shared {
    /// The evolution with a number, if it is of the tenant and there is any.
    pub fn evolution(
        &self,
        tenant: NameId,
        number: EntityNumber,
    ) -> Result<Option<EvolutionHeader>, StoreError> {
        let past = self.header(number)?;
        let entity = match self.stored(number)? {
            Some(stored) if stored.tenant()? == tenant => Some(stored.header_of(&self.names)?),
            _ => None,
        };
        let elsewhere = past.as_ref().is_some_and(|past| past.tenant != tenant);
        let forgotten = past.as_ref().is_some_and(|past| past.forgotten);
        let is_empty = || {
            let series = Weave::load(self, number, None, Span::ALL, None)?.series()?;
            Ok::<_, StoreError>(series.is_empty())
        };
        if elsewhere || forgotten && is_empty()? {
            return Ok(None);
        }
        Ok(Header::seen(past, entity.as_ref()))
    }
}

impl Shared {
    /// What of an evolution a reader does not see, by the entity as it is now, or by its header
    /// where it is gone; nothing where it sees nothing of it.
    fn hidden_of(
        &self,
        number: EntityNumber,
        header: &EvolutionHeader,
        rights: &Rights,
        now: Timestamp,
    ) -> Result<Option<Vec<AttributeSet>>, StoreError> {
        if rights.are_all() {
            return Ok(Some(Vec::new()));
        }
        let visible = match self.stored(number)? {
            Some(stored) => stored.alive(now, &self.names)?,
            None => None,
        };
        let left = || Subject::Gone(Box::new(evolution_as_entity(header, &[])));
        Ok(rights.withheld_of(&visible.map_or_else(left, Subject::Now)))
    }
}

impl crate::shared::Stored {
    /// The entity without its attributes.
    fn header_of(&self, names: &crate::names::Names) -> Result<Entity, StoreError> {
        self.part(names, &Wanted::Only(Vec::new()))
    }
}
