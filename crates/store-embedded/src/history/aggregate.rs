//! What readings come to by period: from summaries where they tell, from readings elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use model::{Kind, Name, Reading, Timestamp, Uri};
use query::{
    AggregatedSeries, Aggregation, Aggregator, Method, NumberSummary, PeriodValue, TimeProperty,
    Unfit,
};
use store::{HistoryError, StoreError};

use super::answer::AnswerOf;
use super::chunk::Chunk;
use super::read::{Direction, Goon, Piece, Weave, bad_record, damaged};
use super::rollup::{self, DAY, Level};
use super::row::Said;
use super::series::{Axis, SeriesKey, Span};
use crate::keys::EntityNumber;

impl<'a> AnswerOf<'a> {
    pub(super) fn has_roll_ups(
        &self,
        number: EntityNumber,
        series: &SeriesKey,
    ) -> Result<bool, StoreError> {
        for level in [Level::Hourly, Level::Daily] {
            if !rollup::periods(self.shared, number, series, level, self.span())?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes in what is kept of numbers whose readings are gone: by the hour, and where that is
    /// gone too, by the day; among them readings that came late. A period that lies across the
    /// ends of two that were asked for counts for the one in which it begins. Tells up to which
    /// moment all is taken in, if there was anything.
    fn roll_ups(
        &self,
        number: EntityNumber,
        series: &SeriesKey,
        weave: &mut Weave<'a>,
        aggregator: &mut Aggregator<'_>,
    ) -> Result<Option<i64>, StoreError> {
        let span = self.span();
        let hours = rollup::periods(self.shared, number, series, Level::Hourly, span)?;
        let days = rollup::periods(self.shared, number, series, Level::Daily, span)?;
        let periods = finest(hours, days, span);
        let Some(end) = periods.last().map(|(start, length, _)| start + length) else {
            return Ok(None);
        };
        let late = weave.readings(series, Span { from: span.from, until: span.until.min(end) })?;
        let mut late = late.into_iter().peekable();
        for (start, length, summary) in periods {
            let before = |reading: &Reading| self.moment(reading).0 < start;
            while let Some(reading) = late.next_if(before) {
                aggregator.push(self.moment(&reading), &reading);
            }
            let (first, last) = (Timestamp(start), Timestamp(start + length - 1));
            aggregator.push_rolled_up(first, last, &summary);
        }
        late.for_each(|reading| aggregator.push(self.moment(&reading), &reading));
        Ok(Some(end))
    }

    pub(super) fn aggregate(
        &mut self,
        place: usize,
        number: EntityNumber,
        name: Name,
        aggregation: &Aggregation,
        weave: &mut Weave<'a>,
        axes: &[SeriesKey],
    ) -> Result<(), HistoryError> {
        let limit = self.selection.limit;
        let mut aggregator = Aggregator::new(aggregation, self.selection.window, limit);
        let mut kind = None;
        let ordered = axes.iter().all(|series| self.in_order(series.axis())) && axes.len() == 1;
        let mut span = self.span();
        if let [series] = axes
            && ordered
            && self.selection.property() == TimeProperty::ObservedAt
            && !weave.has_cleared(series)
            && self.times.is_none()
            && let Some(end) = self.roll_ups(number, series, weave, &mut aggregator)?
        {
            kind = Some(Kind::Property);
            span.from = span.from.max(end);
        }
        for series in axes {
            if !ordered {
                break;
            }
            let mut revival = weave.revival(series);
            weave.scan(series, span, Direction::Forwards, |piece| {
                if self.passes_over(&piece) {
                    return Ok(Goon::Yes);
                }
                if let Piece::Chunk(overview, bytes) = &piece
                    && let Some(summary) = &overview.numbers
                    && series.axis() == Axis::Observed
                    && self.selection.property() == TimeProperty::ObservedAt
                    && self.times.is_none()
                {
                    kind = Some(Kind::Property);
                    let (first, last) = (Timestamp(overview.first), Timestamp(overview.last));
                    if !aggregator.push_summary(first, last, summary) {
                        let chunk = Chunk::open(bytes).map_err(|bad| damaged(&bad))?;
                        let (times, values) = chunk.numbers().map_err(|bad| damaged(&bad))?;
                        for (at, value) in times.into_iter().zip(values) {
                            aggregator.push_number(Timestamp(at), value);
                        }
                    }
                    return Ok(Goon::Yes);
                }
                for row in piece.rows()? {
                    if !self.wants(&row, series.axis()) {
                        continue;
                    }
                    match (&row.said, self.selection.property()) {
                        (Said::Number(_, decimal), TimeProperty::ObservedAt) => {
                            kind = Some(Kind::Property);
                            aggregator.push_number(Timestamp(row.at), decimal.value());
                        }
                        _ => {
                            let reading = revival.reading(&row).map_err(|bad| bad_record(&bad))?;
                            kind = Some(reading.kind());
                            aggregator.push(self.moment(&reading), &reading);
                        }
                    }
                }
                Ok(Goon::Yes)
            })?;
        }
        if !ordered {
            let mut readings = Vec::new();
            for series in axes {
                self.readings(weave, series, self.span(), usize::MAX, &mut readings)?;
            }
            readings.sort_by_key(|reading| self.moment(reading));
            for reading in &readings {
                kind = Some(reading.kind());
                aggregator.push(self.moment(reading), reading);
            }
        }
        let Some(kind) = kind else { return Ok(()) };
        let dataset_id = axes.first().and_then(SeriesKey::dataset);
        self.put_aggregates(place, name, kind, dataset_id, aggregator.finish())
    }

    /// Readings in the order of their moments, all of one series.
    pub(super) fn aggregate_these(
        &mut self,
        place: usize,
        name: Name,
        aggregation: &Aggregation,
        readings: &[Reading],
    ) -> Result<(), HistoryError> {
        let Some(kind) = readings.last().map(Reading::kind) else { return Ok(()) };
        let (window, limit) = (self.selection.window, self.selection.limit);
        let mut aggregator = Aggregator::new(aggregation, window, limit);
        readings.iter().for_each(|reading| aggregator.push(self.moment(reading), reading));
        self.put_aggregates(place, name, kind, None, aggregator.finish())
    }

    fn put_aggregates(
        &mut self,
        place: usize,
        name: Name,
        kind: Kind,
        dataset_id: Option<Uri>,
        outcome: Result<Vec<(Method, Vec<PeriodValue>)>, Unfit>,
    ) -> Result<(), HistoryError> {
        match outcome {
            Ok(methods) => {
                let series = AggregatedSeries { kind, dataset_id, methods };
                self.aggregates.push((place, name, series));
                Ok(())
            }
            Err(Unfit::TooManyPeriods) => {
                let limit = self.selection.limit;
                Err(HistoryError::TooManyPeriods { attribute: name, limit })
            }
            // Who asks for all attributes means those for which the methods have a meaning.
            Err(Unfit::Method(_)) if self.selection.attributes.is_none() => Ok(()),
            Err(Unfit::Method(method)) => {
                Err(HistoryError::NotEligible { attribute: name, method })
            }
        }
    }
}

/// For each day its hours, or the day as a whole where some of them are not kept; each with its
/// length.
fn finest(
    hours: Vec<(i64, NumberSummary)>,
    days: Vec<(i64, NumberSummary)>,
    span: Span,
) -> Vec<(i64, i64, NumberSummary)> {
    let day_of = |start: i64| start - start.rem_euclid(DAY);
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for (start, summary) in &hours {
        *counts.entry(day_of(*start)).or_default() += summary.count;
    }
    let is_whole = |(start, day): &(i64, NumberSummary)| match counts.get(start) {
        // Of a day that is asked for in part, hours tell more.
        Some(count) => *count < day.count && start.saturating_add(DAY) <= span.until,
        None => true,
    };
    let days: Vec<(i64, NumberSummary)> = days.into_iter().filter(is_whole).collect();
    let whole: BTreeSet<i64> = days.iter().map(|(start, _)| *start).collect();
    let hours = hours.into_iter().filter(|(start, _)| !whole.contains(&day_of(*start)));
    let lasting = |level: Level| move |(start, summary)| (start, level.micros(), summary);
    let hours = hours.map(lasting(Level::Hourly));
    let mut all: Vec<_> = days.into_iter().map(lasting(Level::Daily)).chain(hours).collect();
    all.sort_unstable_by_key(|(start, ..)| *start);
    all
}
