//! Readings on their way into an answer, which holds only so many (clauses 5.7.3 and 6.3.10).

use std::collections::BinaryHeap;

use model::{Name, Reading, Timestamp};

use super::ReadingSelection;

/// What is held beyond that before it is looked through.
const SPARE: usize = 16;

/// Takes readings, series by series, and keeps what an answer can hold: going forwards in time
/// the first ones, or, where the last are asked for, going backwards, the last.
#[derive(Debug)]
pub struct Gathering<'a> {
    selection: &'a ReadingSelection,
    series: Vec<(usize, Name, Vec<Reading>)>,
    /// How many readings they hold.
    held: usize,
    /// Moments of the readings that can be in the answer, the one that would go first on top;
    /// going backwards, negative.
    kept: BinaryHeap<i64>,
    /// An attribute has readings of several datasets, of which only the last together count: then
    /// more is kept than can be in the answer, and it tells nothing.
    datasets: bool,
}

impl<'a> Gathering<'a> {
    pub fn new(selection: &'a ReadingSelection) -> Gathering<'a> {
        Gathering {
            selection,
            series: Vec::new(),
            held: 0,
            kept: BinaryHeap::new(),
            datasets: false,
        }
    }

    fn backwards(&self) -> bool {
        self.selection.last_n.is_some()
    }

    /// By what a reading stands in order.
    pub fn moment(&self, reading: &Reading) -> Timestamp {
        let moment = self.selection.property().of(reading);
        moment.unwrap_or_else(|| reading.modified_at())
    }

    fn key(&self, moment: Timestamp) -> i64 {
        if self.backwards() { moment.0.saturating_neg() } else { moment.0 }
    }

    /// Readings after this moment, going backwards those before it, can no longer be in the answer.
    pub fn bound(&self) -> Option<Timestamp> {
        if self.datasets && self.backwards() {
            return None;
        }
        let full = self.kept.len() > self.selection.limit;
        let last = self.kept.peek().filter(|_| full)?;
        // The first moment is told even where it does not fit: what follows it tells of a cut.
        if self.kept.iter().all(|key| key == last) {
            return None;
        }
        Some(Timestamp(if self.backwards() { last.saturating_neg() } else { *last }))
    }

    /// Takes readings of one attribute of an entity; those of another dataset may follow. Of each
    /// series it is enough to know one reading more than the answer holds, the first or last ones.
    pub fn add(&mut self, entity: usize, attribute: Name, mut readings: Vec<Reading>) {
        if let Some(last) = self.selection.last_n {
            // Nearly always they stand so already.
            readings.sort_by_key(|reading| self.moment(reading));
            readings.drain(..readings.len().saturating_sub(last));
        }
        let keys: Vec<i64> = readings.iter().map(|r| self.key(self.moment(r))).collect();
        self.kept.extend(keys);
        // One more than fits is kept: it tells where the answer is cut.
        while self.kept.len() > self.selection.limit.saturating_add(1) {
            self.kept.pop();
        }
        self.held += readings.len();
        match self.series.last_mut() {
            Some((last, name, known)) if *last == entity && *name == attribute => {
                known.extend(readings);
                self.datasets = true;
            }
            _ => self.series.push((entity, attribute, readings)),
        }
        if self.held > self.selection.limit.saturating_mul(2).saturating_add(SPARE) {
            self.trim();
        }
    }

    /// Lets go of what can no longer be in the answer, so that no more than twice of what it holds
    /// is in memory.
    fn trim(&mut self) {
        let Some(bound) = self.bound().map(|bound| self.key(bound)) else { return };
        let mut series = std::mem::take(&mut self.series);
        for (_, _, readings) in &mut series {
            readings.retain(|reading| self.key(self.moment(reading)) <= bound);
        }
        self.held = series.iter().map(|(_, _, readings)| readings.len()).sum();
        self.series = series;
    }

    /// By entity and attribute, in the order in which they came: readings by their moments. Tells
    /// whether some were left out. An attribute all of whose readings were stands there empty.
    pub fn finish(mut self) -> (Vec<(usize, Name, Vec<Reading>)>, bool) {
        let mut series = std::mem::take(&mut self.series);
        for (_, _, readings) in &mut series {
            // Stable: what came first stays first.
            readings.sort_by_key(|reading| self.moment(reading));
            if let Some(last) = self.selection.last_n {
                readings.drain(..readings.len().saturating_sub(last));
            }
        }
        let moments = series.iter().flat_map(|(_, _, readings)| readings);
        let mut keys: Vec<i64> = moments.map(|r| self.key(self.moment(r))).collect();
        let limit = self.selection.limit;
        if keys.len() <= limit {
            return (series, false);
        }
        keys.sort_unstable();
        let last = last_key(&keys, limit);
        for (_, _, readings) in &mut series {
            readings.retain(|reading| self.key(self.moment(reading)) <= last);
        }
        let left: usize = series.iter().map(|(_, _, readings)| readings.len()).sum();
        (series, left < keys.len())
    }
}

/// The last moment that fits as a whole, or, if not even the first does, the first.
fn last_key(sorted: &[i64], limit: usize) -> i64 {
    let Some(beyond) = sorted.get(limit) else { return i64::MAX };
    let whole = sorted.partition_point(|key| key < beyond);
    let last = whole.checked_sub(1).or(Some(0)).and_then(|at| sorted.get(at));
    last.copied().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporal::Window;
    use model::{DateTime, Instance, Json, Value};
    use proptest::prelude::*;

    fn selection(limit: usize, last_n: Option<usize>) -> ReadingSelection {
        ReadingSelection {
            window: Some(Window::default()),
            attributes: None,
            omitted: Vec::new(),
            datasets: None,
            last_n,
            aggregation: None,
            limit,
        }
    }

    fn reading(at: i64) -> Reading {
        let observed_at = Some(DateTime::new(Timestamp(at), 6));
        Reading::Said(Instance { observed_at, ..Instance::new(Value::Property(Json::number(1.0))) })
    }

    fn moments(series: &[(usize, Name, Vec<Reading>)]) -> Vec<Vec<i64>> {
        let at = |reading: &Reading| reading.observed_at().unwrap().instant().0;
        series.iter().map(|(_, _, readings)| readings.iter().map(at).collect()).collect()
    }

    fn gathered(selection: &ReadingSelection, series: &[&[i64]]) -> (Vec<Vec<i64>>, bool) {
        let mut gathering = Gathering::new(selection);
        for (place, times) in series.iter().enumerate() {
            gathering.add(
                0,
                Name::new(format!("a{place}")),
                times.iter().copied().map(reading).collect(),
            );
        }
        let (series, cut) = gathering.finish();
        (moments(&series), cut)
    }

    #[test]
    fn an_answer_ends_at_one_moment_for_all_attributes() {
        let series: [&[i64]; 2] = [&[1, 2, 3, 4], &[3, 5, 6]];
        assert_eq!(
            gathered(&selection(7, None), &series),
            (vec![vec![1, 2, 3, 4], vec![3, 5, 6]], false)
        );
        assert_eq!(gathered(&selection(5, None), &series), (vec![vec![1, 2, 3, 4], vec![3]], true));
        assert_eq!(gathered(&selection(3, None), &series), (vec![vec![1, 2], vec![]], true));
        assert_eq!(gathered(&selection(4, Some(9)), &series), (vec![vec![4], vec![5, 6]], true));
        assert_eq!(gathered(&selection(1, None), &[&[7, 8], &[7]]), (vec![vec![7], vec![7]], true));
    }

    #[test]
    fn a_bound_leaves_something_out() {
        let selection = selection(1, None);
        let mut gathering = Gathering::new(&selection);
        let mut add = |name: &str, at| {
            gathering.add(0, Name::new(name), vec![reading(at)]);
            gathering.bound().map(|at| at.0)
        };
        assert_eq!(add("a", 7), None);
        assert_eq!(add("b", 7), None, "both are told, so a third one is needed to see a cut");
        assert_eq!(add("c", 9), None);
        assert_eq!(add("d", 3), Some(7));
        assert!(gathering.finish().1);
    }

    #[test]
    fn the_last_are_those_of_each_attribute() {
        assert_eq!(
            gathered(&selection(100, Some(2)), &[&[1, 2, 3], &[9]]),
            (vec![vec![2, 3], vec![9]], false)
        );
    }

    proptest! {
        #[test]
        fn nothing_within_bounds_is_missed(
            series in proptest::collection::vec(proptest::collection::btree_set(0_i64..100, 0..20), 1..6),
            limit in 1_usize..30,
            last_n in proptest::option::of(1_usize..30),
        ) {
            let all: Vec<Vec<i64>> = series.into_iter().map(|set| set.into_iter().collect()).collect();
            let whole: Vec<&[i64]> = all.iter().map(Vec::as_slice).collect();
            let selection = selection(limit, last_n);
            let expected = gathered(&selection, &whole);
            let mut gathering = Gathering::new(&selection);
            for (place, times) in all.iter().enumerate() {
                let bound = gathering.bound();
                let within = |at: &&i64| bound.is_none_or(|bound| match last_n {
                    None => **at <= bound.0,
                    Some(_) => **at >= bound.0,
                });
                let mut kept: Vec<i64> = times.iter().filter(within).copied().collect();
                match last_n {
                    None => kept.truncate(limit + 1),
                    Some(n) => { kept.drain(..kept.len().saturating_sub(n.min(limit + 1))); }
                }
                gathering.add(0, Name::new(format!("a{place}")), kept.into_iter().map(reading).collect());
            }
            let (series, cut) = gathering.finish();
            prop_assert_eq!((moments(&series), cut), expected);
        }
    }
}
