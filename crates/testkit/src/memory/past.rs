//! Questions about the past: filter, cut, and tell.

use std::collections::BTreeMap;

use model::{Name, Reading, SCOPE, Timestamp, Uri};
use policy::cedar::AttributeSet;
use query::{
    AggregatedSeries, Aggregation, Aggregator, Direction, Filter, Gathering, NoLinks,
    ReadingSelection, ScopeCondition, ScopeTimes, Unfit, evolution_as_entity, scopes_shown,
};
use store::{Evolution, HistoryAnswer, HistoryError, Plan, QueryHistory, Told};

use super::evolutions::Past;

/// The evolution that was asked for, whatever readings it has.
pub(super) fn of_one(
    past: &Past,
    selection: &ReadingSelection,
) -> Result<HistoryAnswer, HistoryError> {
    told(&[past], selection)
}

/// `pasts` stand by id.
pub(super) fn of_many(
    pasts: impl Iterator<Item = Past>,
    request: &QueryHistory,
) -> Result<HistoryAnswer, HistoryError> {
    let QueryHistory { filter, scope, by_id, page, count, readings: selection, .. } = request;
    let matches = |past: &Past| {
        past.has_wanted(selection) && past.matches(filter, |reading| in_window(selection, reading))
    };
    let mut found: Vec<Past> = Vec::new();
    for past in pasts {
        let Some(scope) = scope else {
            found.extend(matches(&past).then_some(past));
            continue;
        };
        let (within, shown) = past.at_times_of(scope, selection);
        if matches(&within) {
            found.push(if selection.aggregation.is_some() { within } else { shown });
        }
    }
    if *by_id == Some(Direction::Descending) {
        found.reverse();
    }
    let total = count.then_some(found.len());
    let on_page: Vec<&Past> = found.iter().skip(page.offset).take(page.limit).collect();
    let more = page.offset.saturating_add(on_page.len()) < found.len();
    Ok(HistoryAnswer { total, more, ..told(&on_page, selection)? })
}

fn in_window(selection: &ReadingSelection, reading: &Reading) -> bool {
    selection.window.is_none_or(|window| window.holds(reading))
}

impl Past {
    /// Without what has expired (4.22).
    pub fn alive(&self, now: Timestamp) -> Past {
        let mut alive = self.clone();
        alive.readings.retain(|_, reading| !reading.is_expired(now));
        alive
    }

    /// Without what a reader does not see.
    pub fn without(mut self, hidden: &[AttributeSet]) -> Past {
        self.readings.retain(|(name, ..), _| !AttributeSet::hide(hidden, name));
        self
    }

    /// Does the filter hold for the evolution, reduced to some readings?
    pub fn matches(&self, filter: &Filter, meant: impl Fn(&Reading) -> bool) -> bool {
        let mut attributes: BTreeMap<Name, Vec<Reading>> = BTreeMap::new();
        for ((name, ..), reading) in self.readings.iter().filter(|(_, reading)| meant(reading)) {
            attributes.entry(name.clone()).or_default().push(reading.clone());
        }
        let attributes: Vec<_> = attributes.into_iter().collect();
        filter.matches(&evolution_as_entity(&self.header, &attributes), &NoLinks)
    }

    /// The past at those times at which its scopes were such; and what is shown of it, for scopes
    /// are told from when they began to hold.
    fn at_times_of(&self, scope: &ScopeCondition, selection: &ReadingSelection) -> (Past, Past) {
        let is_scope = |name: &Name| name.as_str() == SCOPE;
        let (property, window) = (selection.property(), selection.window);
        let scopes = self.readings.iter().filter(|((name, ..), _)| is_scope(name));
        let scopes: Vec<Reading> = scopes.map(|(_, reading)| reading.clone()).collect();
        let times = ScopeTimes::of(&scopes, scope, property, window);
        let moment = |r: &Reading| property.of(r).unwrap_or_else(|| r.modified_at());
        let mut within = self.clone();
        within.readings.retain(|_, reading| times.contains(moment(reading)));
        let mut shown = within.clone();
        shown.readings.retain(|(name, ..), _| !is_scope(name));
        for reading in scopes_shown(scopes, property, window) {
            let key = (Name::new(SCOPE), None, reading.moment());
            shown.readings.insert(key.clone(), reading);
            shown.told_anyway.push(key);
        }
        (within, shown)
    }

    fn has_wanted(&self, selection: &ReadingSelection) -> bool {
        !self.wanted(selection).is_empty()
    }

    /// What was asked for: by attribute and dataset, readings by their moments.
    fn wanted(&self, selection: &ReadingSelection) -> BTreeMap<(Name, Option<Uri>), Vec<Reading>> {
        let mut wanted: BTreeMap<_, Vec<Reading>> = BTreeMap::new();
        for (key, reading) in &self.readings {
            let (name, dataset, _) = key;
            let meant = selection.wants(reading) || self.told_anyway.contains(key);
            if selection.wants_attribute(name) && meant {
                wanted.entry((name.clone(), dataset.clone())).or_default().push(reading.clone());
            }
        }
        wanted
    }
}

fn told(pasts: &[&Past], selection: &ReadingSelection) -> Result<HistoryAnswer, HistoryError> {
    let evolution =
        |past: &&Past| Evolution { header: past.header.clone(), attributes: Vec::new() };
    let mut evolutions: Vec<Evolution> = pasts.iter().map(evolution).collect();
    let mut cut = false;
    match &selection.aggregation {
        None => cut = tell_readings(pasts, selection, &mut evolutions),
        Some(aggregation) => {
            for (past, evolution) in pasts.iter().zip(&mut evolutions) {
                evolution.attributes = aggregates(past, selection, aggregation)?;
            }
        }
    }
    let plan = Plan { index: "everything".to_owned(), ..Plan::default() };
    Ok(HistoryAnswer { evolutions, total: None, more: false, cut, plan })
}

/// Tells whether there are more than an answer holds.
fn tell_readings(
    pasts: &[&Past],
    selection: &ReadingSelection,
    evolutions: &mut [Evolution],
) -> bool {
    let mut gathering = Gathering::new(selection);
    for (nth, past) in pasts.iter().enumerate() {
        for ((name, _), readings) in past.wanted(selection) {
            gathering.add(nth, name, readings);
        }
    }
    let (series, cut) = gathering.finish();
    for (nth, name, readings) in series {
        evolutions[nth].attributes.push((name, Told::Readings(readings)));
    }
    cut
}

fn aggregates(
    past: &Past,
    selection: &ReadingSelection,
    aggregation: &Aggregation,
) -> Result<Vec<(Name, Told)>, HistoryError> {
    let mut attributes: BTreeMap<Name, Vec<AggregatedSeries>> = BTreeMap::new();
    for ((attribute, dataset_id), readings) in past.wanted(selection) {
        match aggregated(dataset_id, readings, selection, aggregation) {
            Ok(series) => attributes.entry(attribute).or_default().push(series),
            Err(Unfit::TooManyPeriods | Unfit::TooManyValues) => {
                return Err(HistoryError::TooManyPeriods { attribute, limit: selection.limit });
            }
            Err(Unfit::Method(method)) if selection.attributes.is_some() => {
                return Err(HistoryError::NotEligible { attribute, method });
            }
            // Who asks for whatever there is gets what the methods have a meaning for.
            Err(Unfit::Method(_)) => {}
        }
    }
    let told = attributes.into_iter().map(|(name, series)| (name, Told::Aggregates(series)));
    Ok(told.collect())
}

/// Of one attribute and dataset; it has at least one reading.
fn aggregated(
    dataset_id: Option<Uri>,
    mut readings: Vec<Reading>,
    selection: &ReadingSelection,
    aggregation: &Aggregation,
) -> Result<AggregatedSeries, Unfit> {
    let at = |reading: &Reading| {
        selection.property().of(reading).unwrap_or_else(|| reading.modified_at())
    };
    readings.sort_by_key(at);
    let mut aggregator =
        Aggregator::new(aggregation, selection.window, selection.limit, usize::MAX);
    readings.iter().for_each(|reading| aggregator.push(at(reading), reading));
    let kind = readings.last().map(Reading::kind).expect("no series is empty");
    Ok(AggregatedSeries { kind, dataset_id, methods: aggregator.finish()? })
}
