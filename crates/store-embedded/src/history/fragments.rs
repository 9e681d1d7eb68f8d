//! What is recent of an entity's history: entries, sorted into series.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{Cleared, Entry, read_entries};
use super::row::Row;
use super::series::{Axis, SeriesKey, Span};
use crate::codec::Wanted;
use crate::names::Names;
use crate::record::BadRecord;

/// Entries of one entity, applied in the order in which they were written.
#[derive(Debug, Default)]
pub struct Fragments {
    series: BTreeMap<SeriesKey, Recent>,
    cleared: Vec<Cleared>,
}

/// What is recent of one series.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// As they came; nothing where the reading at a moment was taken out.
    rows: Vec<(i64, Option<Row>)>,
    in_order: bool,
}

impl Fragments {
    /// Adds what a later fragment says. Readings that are observed outside the span are left out.
    pub fn add(
        &mut self,
        fragment: &Arc<str>,
        names: &Names,
        wanted: &Wanted,
        observed: Span,
    ) -> Result<(), BadRecord> {
        read_entries(fragment, names, wanted, |entry| self.take(entry, observed))
    }

    fn take(&mut self, entry: Entry, observed: Span) {
        let outside = |axis: Axis, at: i64| axis == Axis::Observed && !observed.contains(at);
        match entry {
            Entry::Row(_, _, axis, row) if outside(axis, row.at) => {}
            Entry::Row(name, dataset, axis, row) => {
                let series = SeriesKey::new(name, dataset.as_ref(), axis);
                self.series.entry(series).or_default().push(row.at, Some(row));
            }
            Entry::Removed(name, dataset, axis, at) => {
                let series = SeriesKey::new(name, dataset.as_ref(), axis);
                self.series.entry(series).or_default().push(at, None);
            }
            Entry::Cleared(cleared) => {
                self.series.retain(|series, _| !cleared.covers(series));
                if !self.cleared.contains(&cleared) {
                    self.cleared.push(cleared);
                }
            }
        }
    }

    /// Was the series emptied, so that nothing counts that is older than these entries?
    pub fn has_cleared(&self, series: &SeriesKey) -> bool {
        self.cleared.iter().any(|cleared| cleared.covers(series))
    }

    /// The earliest of what is here of a series.
    pub fn first(&self, series: &SeriesKey) -> Option<i64> {
        self.series.get(series)?.rows.iter().map(|(at, _)| *at).min()
    }

    pub fn clears(&self) -> bool {
        !self.cleared.is_empty()
    }

    pub fn series(&self) -> impl Iterator<Item = &SeriesKey> {
        self.series.keys()
    }

    /// The rows of a series by their moments, each moment once.
    pub fn rows(&self, series: &SeriesKey) -> Vec<(i64, Option<Row>)> {
        self.series.get(series).cloned().unwrap_or_default().sorted()
    }

    /// The same, and they are no longer here.
    pub fn take_rows(&mut self, series: &SeriesKey) -> Vec<(i64, Option<Row>)> {
        self.series.remove(series).unwrap_or_default().sorted()
    }
}

impl Recent {
    fn push(&mut self, at: i64, row: Option<Row>) {
        self.in_order = self.rows.last().is_none_or(|(last, _)| self.in_order && *last < at);
        self.rows.push((at, row));
    }

    fn sorted(mut self) -> Vec<(i64, Option<Row>)> {
        if !self.in_order {
            self.rows.sort_by_key(|(at, _)| *at);
            // Of rows with one moment the last one counts: it takes the place of those before.
            let mut kept: Vec<(i64, Option<Row>)> = Vec::with_capacity(self.rows.len());
            for (at, row) in self.rows {
                match kept.last_mut() {
                    Some(last) if last.0 == at => last.1 = row,
                    _ => kept.push((at, row)),
                }
            }
            return kept;
        }
        self.rows
    }
}

impl Cleared {
    fn covers(&self, series: &SeriesKey) -> bool {
        match self {
            Cleared::All => true,
            Cleared::Attribute(name) => *name == series.attribute(),
            Cleared::Dataset(name, dataset) => {
                *name == series.attribute() && *dataset == series.dataset()
            }
        }
    }
}

/// Puts recent rows among older ones; both stand in time order, each moment once.
pub fn join(older: Vec<Row>, recent: Vec<(i64, Option<Row>)>) -> Vec<Row> {
    if recent.is_empty() {
        return older;
    }
    let mut joined = Vec::with_capacity(older.len() + recent.len());
    let mut older = older.into_iter().peekable();
    for (at, row) in recent {
        while let Some(row) = older.next_if(|row| row.at < at) {
            joined.push(row);
        }
        older.next_if(|row| row.at == at);
        joined.extend(row);
    }
    joined.extend(older);
    joined
}
