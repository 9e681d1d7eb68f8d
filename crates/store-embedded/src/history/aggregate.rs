//! What readings come to by period: from summaries where they tell, from readings elsewhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::iter::Peekable;
use std::vec::IntoIter;

use model::{Kind, Name, Reading, Timestamp, Uri};
use query::{
    AggregatedSeries, Aggregation, Aggregator, Method, NumberSummary, PeriodValue, ScopeTimes,
    TimeProperty, Unfit,
};
use store::{HistoryError, StoreError};

use super::answer::AnswerOf;
use super::chunk::Chunk;
use super::read::{Direction, Goon, Piece, Weave, bad_record, damaged};
use super::rollup::{DAY, Level, day_of};
use super::row::{Revival, Row, Said};
use super::series::{Axis, SeriesKey, Span};

impl<'a> AnswerOf<'a> {
    /// Are the roll-ups of a series part of the answer?
    fn uses_roll_ups(&self, weave: &Weave<'a>, series: &SeriesKey) -> bool {
        self.selection.aggregation.is_some()
            && self.selection.property() == TimeProperty::ObservedAt
            && series.axis() == Axis::Observed
            && !weave.has_cleared(series)
    }

    pub(super) fn has_roll_ups(
        &self,
        weave: &Weave<'a>,
        series: &SeriesKey,
    ) -> Result<bool, StoreError> {
        if !self.uses_roll_ups(weave, series) {
            return Ok(false);
        }
        Ok(!self.rolled_up(weave, series)?.periods.is_empty())
    }

    /// What is kept of numbers whose readings are gone: by the hour, and where that is gone too, by
    /// the day. A period that lies across the ends of two that were asked for counts for the one in
    /// which it begins.
    fn rolled_up(&self, weave: &Weave<'a>, series: &SeriesKey) -> Result<RolledUp, StoreError> {
        let span = self.span();
        let last_day = day_of(span.until.saturating_sub(1));
        let whole = Span { from: day_of(span.from), until: last_day.saturating_add(DAY) };
        let mut hours = weave.periods(series, Level::Hourly, whole)?;
        let mut days = weave.periods(series, Level::Daily, whole)?;
        let closed = hours.iter().chain(&days).map(|(start, _)| day_of(*start)).collect();
        let is_asked = |start: i64| {
            let at = Timestamp(start);
            span.contains(start) && self.times.as_ref().is_none_or(|times| times.contains(at))
        };
        hours.retain(|(start, _)| is_asked(*start));
        days.retain(|(start, _)| is_asked(*start));
        Ok(RolledUp { periods: finest(hours, days, span).into(), closed })
    }

    pub(super) fn aggregate(
        &mut self,
        place: usize,
        name: Name,
        aggregation: &Aggregation,
        weave: &mut Weave<'a>,
        axes: &[SeriesKey],
    ) -> Result<(), HistoryError> {
        let Some(series) = axes.first() else { return Ok(()) };
        let property = self.selection.property();
        let window = self.selection.window;
        let values_max = self.shared.settings.query_readings_max;
        let aggregator = Aggregator::new(aggregation, window, self.selection.limit, values_max);
        let ordered = axes.iter().all(|series| self.in_order(series.axis()));
        // Readings without a moment of their own are few beside others: ends of instances, mostly.
        let apart = if ordered { &axes[1..] } else { axes };
        let mut between = Vec::new();
        for series in apart {
            self.all_readings(weave, series, between.len(), &mut between)?;
        }
        let dated = |reading: Reading| (self.moment(&reading), reading);
        let mut between: Vec<(Timestamp, Reading)> = between.into_iter().map(dated).collect();
        between.sort_by_key(|(moment, _)| *moment);
        let mut course = Course {
            property,
            aggregator,
            kind: None,
            between: between.into_iter().peekable(),
            rolled_up: RolledUp::default(),
            revival: weave.revival(series),
        };
        if ordered {
            self.run(series, weave, &mut course)?;
        }
        course.reach(i64::MAX);
        let Course { kind, aggregator, .. } = course;
        let Some(kind) = kind else { return Ok(()) };
        self.put_aggregates(place, name, kind, series.dataset(), aggregator.finish())
    }

    /// Takes in a series that stands in the order asked for.
    fn run(
        &self,
        series: &SeriesKey,
        weave: &mut Weave<'a>,
        course: &mut Course<'_>,
    ) -> Result<(), StoreError> {
        let is_observed =
            course.property == TimeProperty::ObservedAt && series.axis() == Axis::Observed;
        if self.uses_roll_ups(weave, series) {
            course.rolled_up = self.rolled_up(weave, series)?;
        }
        weave.scan(series, self.span(), Direction::Forwards, |piece| {
            if course.aggregator.is_unfit() {
                return Ok(Goon::No);
            }
            if self.passes_over(&piece) {
                return Ok(Goon::Yes);
            }
            if let Piece::Chunk(overview, bytes) = &piece
                && let Some(summary) = &overview.numbers
                && is_observed
                && self.all_at_once(overview.first, overview.last)
            {
                course.numbers(overview.first, overview.last, summary, bytes)?;
                return Ok(Goon::Yes);
            }
            for row in piece.rows()? {
                if self.wants(&row, series.axis()) {
                    course.row(&row)?;
                }
            }
            Ok(Goon::Yes)
        })
    }

    /// Were the scopes such as are asked for from one moment to another?
    fn all_at_once(&self, first: i64, last: i64) -> bool {
        let covers = |times: &ScopeTimes| times.covers(Timestamp(first), Timestamp(last));
        self.times.as_ref().is_none_or(covers)
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
            Err(Unfit::TooManyValues) => {
                let (things, setting) = ("different values", "query_readings_max");
                let limit = self.shared.settings.query_readings_max;
                Err(StoreError::TooComplex { limit, things, setting }.into())
            }
            // Who asks for all attributes means those for which the methods have a meaning.
            Err(Unfit::Method(_)) if self.selection.attributes.is_none() => Ok(()),
            Err(Unfit::Method(method)) => {
                Err(HistoryError::NotEligible { attribute: name, method })
            }
        }
    }
}

/// The roll-ups of a series.
#[derive(Default)]
struct RolledUp {
    /// Start, length and numbers, in order.
    periods: VecDeque<(i64, i64, NumberSummary)>,
    /// The days that they are of. What came late for one of those may be in it, and does not count.
    closed: BTreeSet<i64>,
}

/// Readings of a series on their way into an aggregator, in the order of their moments.
struct Course<'a> {
    property: TimeProperty,
    aggregator: Aggregator<'a>,
    /// Of the last reading.
    kind: Option<Kind>,
    /// Readings from elsewhere that have their place among these.
    between: Peekable<IntoIter<(Timestamp, Reading)>>,
    rolled_up: RolledUp,
    revival: Revival<'a>,
}

impl Course<'_> {
    fn moment(&self, reading: &Reading) -> Timestamp {
        self.property.of(reading).unwrap_or_else(|| reading.modified_at())
    }

    /// Takes in what stands before a moment, and periods that begin with it.
    fn reach(&mut self, at: i64) {
        loop {
            let period = self.rolled_up.periods.front().map(|(start, ..)| *start);
            let reading = self.between.peek().map(|(moment, _)| moment.0);
            match (period.filter(|start| *start <= at), reading.filter(|moment| *moment < at)) {
                (None, None) => return,
                (Some(start), other) if other.is_none_or(|moment| start <= moment) => {
                    self.period();
                }
                _ => {
                    if let Some((_, reading)) = self.between.next() {
                        self.reading(&reading);
                    }
                }
            }
        }
    }

    fn period(&mut self) {
        let Some((start, length, summary)) = self.rolled_up.periods.pop_front() else { return };
        self.kind = Some(Kind::Property);
        let last = start.saturating_add(length - 1);
        self.aggregator.push_rolled_up(Timestamp(start), Timestamp(last), &summary);
    }

    fn reading(&mut self, reading: &Reading) {
        self.kind = Some(reading.kind());
        self.aggregator.push(self.moment(reading), reading);
    }

    fn row(&mut self, row: &Row) -> Result<(), StoreError> {
        if let (Said::Number(_, decimal), TimeProperty::ObservedAt) = (&row.said, self.property) {
            self.number(row.at, decimal.value());
            return Ok(());
        }
        let reading = self.revival.reading(row).map_err(|bad| bad_record(&bad))?;
        let moment = self.moment(&reading).0;
        self.reach(moment);
        if !self.rolled_up.closed.contains(&day_of(moment)) {
            self.reading(&reading);
        }
        Ok(())
    }

    fn number(&mut self, at: i64, number: f64) {
        self.reach(at);
        if !self.rolled_up.closed.contains(&day_of(at)) {
            self.kind = Some(Kind::Property);
            self.aggregator.push_number(Timestamp(at), number);
        }
    }

    /// Takes the numbers of a chunk: by their summary where it tells enough.
    fn numbers(
        &mut self,
        first: i64,
        last: i64,
        summary: &NumberSummary,
        chunk: &[u8],
    ) -> Result<(), StoreError> {
        self.reach(first);
        let is_alone = self.between.peek().is_none_or(|(moment, _)| last < moment.0)
            && self.rolled_up.closed.range(day_of(first)..=last).next().is_none();
        if is_alone && self.aggregator.push_summary(Timestamp(first), Timestamp(last), summary) {
            self.kind = Some(Kind::Property);
            return Ok(());
        }
        let chunk = Chunk::open(chunk).map_err(|bad| damaged(&bad))?;
        let (times, values) = chunk.numbers().map_err(|bad| damaged(&bad))?;
        let numbers = times.into_iter().zip(values);
        if !is_alone {
            numbers.for_each(|(at, value)| self.number(at, value));
            return Ok(());
        }
        self.kind = Some(Kind::Property);
        numbers.for_each(|(at, value)| self.aggregator.push_number(Timestamp(at), value));
        Ok(())
    }
}

/// For each day its hours, or the day as a whole where some of them are not kept; each with its
/// length.
fn finest(
    hours: Vec<(i64, NumberSummary)>,
    days: Vec<(i64, NumberSummary)>,
    span: Span,
) -> Vec<(i64, i64, NumberSummary)> {
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
