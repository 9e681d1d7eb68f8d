//! An answer about history, as entities come in.

use model::{EvolutionHeader, Name, Reading, Timestamp};
use policy::cedar::AttributeSet;
use query::{
    AggregatedSeries, Filter, Gathering, NoLinks, ReadingSelection, ScopeCondition, ScopeTimes,
    TimeProperty, evolution_as_entity, scopes_shown,
};
use store::{Evolution, HistoryAnswer, HistoryError, Plan, StoreError, Told};

use super::read::{Direction, Goon, Piece, Weave, bad_record};
use super::row::{Row, Said};
use super::series::{Axis, SeriesKey, Span};
use crate::keys::EntityNumber;
use crate::shared::Shared;

/// An answer as entities come in.
pub struct AnswerOf<'a> {
    pub(super) shared: &'a Shared,
    pub(super) selection: &'a ReadingSelection,
    now: Timestamp,
    headers: Vec<EvolutionHeader>,
    /// When the scopes of the entity at hand were such as were asked for.
    pub times: Option<ScopeTimes>,
    /// Attributes of the entity at hand of which the reader must not be told; they are not read.
    pub hidden: Vec<AttributeSet>,
    gathering: Gathering<'a>,
    pub(super) aggregates: Vec<(usize, Name, AggregatedSeries)>,
}

impl<'a> AnswerOf<'a> {
    pub fn new(
        shared: &'a Shared,
        selection: &'a ReadingSelection,
        now: Timestamp,
    ) -> AnswerOf<'a> {
        AnswerOf {
            shared,
            selection,
            now,
            headers: Vec::new(),
            times: None,
            hidden: Vec::new(),
            gathering: Gathering::new(selection),
            aggregates: Vec::new(),
        }
    }

    fn weave(&self, number: EntityNumber, names: Option<&[Name]>) -> Result<Weave<'a>, StoreError> {
        Weave::load(self.shared, number, names, self.span(), None)
    }

    /// When the readings that are meant were observed.
    pub(super) fn span(&self) -> Span {
        match self.selection.window {
            Some(window) if window.property == TimeProperty::ObservedAt => {
                Span::between(window.from, window.until)
            }
            _ => Span::ALL,
        }
    }

    /// The series of an entity that may hold readings that are meant.
    fn series(&self, weave: &Weave<'_>) -> Result<Vec<(Name, SeriesKey)>, StoreError> {
        let mut all = Vec::new();
        let mut known = weave.known_series()?;
        if self.selection.aggregation.is_some() {
            known.extend(weave.rolled_up()?);
        }
        for series in known {
            if self.observed_only() && series.axis() == Axis::Recorded {
                continue;
            }
            let Some(name) = self.shared.names.name(series.attribute()) else { continue };
            let dataset = series.dataset();
            if self.selection.wants_attribute(&name)
                && !AttributeSet::hide(&self.hidden, &name)
                && self.selection.wants_dataset(dataset.as_ref())
            {
                all.push((name, series));
            }
        }
        Ok(all)
    }

    fn observed_only(&self) -> bool {
        self.selection.window.is_some_and(|window| window.property == TimeProperty::ObservedAt)
    }

    /// Is a row one of those that are meant? Its span is looked at elsewhere.
    pub(super) fn wants(&self, row: &Row, axis: Axis) -> bool {
        if let Some(times) = &self.times {
            let at = match self.selection.property() {
                TimeProperty::ObservedAt => row.at,
                TimeProperty::CreatedAt => row.created_at,
                TimeProperty::ModifiedAt | TimeProperty::DeletedAt => row.modified_at,
            };
            if !times.contains(Timestamp(at)) {
                return false;
            }
        }
        // Damage is told of where the row is read.
        if row.is_expired(self.now, &self.shared.names).unwrap_or(false) {
            return false;
        }
        let Some(window) = self.selection.window else { return true };
        let at = match window.property {
            TimeProperty::ObservedAt => return axis == Axis::Observed,
            TimeProperty::CreatedAt => row.created_at,
            TimeProperty::ModifiedAt => row.modified_at,
            TimeProperty::DeletedAt if matches!(row.said, Said::Deleted(_)) => row.modified_at,
            TimeProperty::DeletedAt => return false,
        };
        window.contains(Timestamp(at))
    }

    /// Can none of a chunk's readings be meant?
    pub(super) fn passes_over(&self, piece: &Piece<'_>) -> bool {
        let (Piece::Chunk(overview, _), Some(window)) = (piece, self.selection.window) else {
            return false;
        };
        let (earliest, latest) = overview.modified;
        match window.property {
            TimeProperty::ObservedAt => false,
            // What was created was recorded then, or later again.
            TimeProperty::CreatedAt => window.from.is_some_and(|from| latest < from.0),
            TimeProperty::DeletedAt if overview.numbers.is_some() => true,
            TimeProperty::ModifiedAt | TimeProperty::DeletedAt => {
                window.from.is_some_and(|from| latest < from.0)
                    || window.until.is_some_and(|until| until.0 <= earliest)
            }
        }
    }

    /// When the scopes of an entity were such as are asked for, within the window.
    pub fn scope_times(
        &self,
        number: EntityNumber,
        scope: &ScopeCondition,
    ) -> Result<ScopeTimes, StoreError> {
        let scopes = self.scopes(number)?;
        let window = self.selection.window;
        Ok(ScopeTimes::of(&scopes, scope, self.selection.property(), window))
    }

    /// All that is known of the scopes of an entity.
    fn scopes(&self, number: EntityNumber) -> Result<Vec<Reading>, StoreError> {
        let name = Name::new(model::SCOPE);
        let names = std::slice::from_ref(&name);
        let mut weave = Weave::load(self.shared, number, Some(names), Span::ALL, None)?;
        let mut scopes = Vec::new();
        for series in weave.known_series()? {
            scopes.append(&mut weave.readings(&series, Span::ALL)?);
            self.check_held(scopes.len())?;
        }
        Ok(scopes)
    }

    pub fn has_readings(&self, number: EntityNumber) -> Result<bool, StoreError> {
        let mut weave = self.weave(number, self.selection.attributes.as_deref())?;
        let mut any = false;
        for (_, series) in self.series(&weave)? {
            if self.has_roll_ups(&weave, &series)? {
                return Ok(true);
            }
            weave.scan(&series, self.span(), Direction::Forwards, |piece| {
                if !self.passes_over(&piece) {
                    let whole = matches!(&piece, Piece::Chunk(o, _) if o.numbers.is_some())
                        && self.observed_only()
                        && self.times.is_none();
                    any = whole || piece.rows()?.iter().any(|row| self.wants(row, series.axis()));
                }
                Ok(if any { Goon::No } else { Goon::Yes })
            })?;
            if any {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Does the filter hold for the readings in the window?
    pub fn matches(
        &self,
        number: EntityNumber,
        header: &EvolutionHeader,
        filter: &Filter,
    ) -> Result<bool, StoreError> {
        let mut names: Vec<Name> = filter.attributes_read().into_iter().cloned().collect();
        names.push(Name::new(model::SCOPE));
        let mut weave = self.weave(number, Some(&names))?;
        let mut attributes: Vec<(Name, Vec<Reading>)> = Vec::new();
        let mut held = 0;
        for series in weave.known_series()? {
            let Some(name) = self.shared.names.name(series.attribute()) else { continue };
            if AttributeSet::hide(&self.hidden, &name) {
                continue;
            }
            let mut readings = Vec::new();
            self.all_readings(&mut weave, &series, held, &mut readings)?;
            held += readings.len();
            match attributes.last_mut() {
                Some((last, all)) if *last == name => all.append(&mut readings),
                _ => attributes.push((name, readings)),
            }
        }
        attributes.retain(|(_, readings)| !readings.is_empty());
        Ok(filter.matches(&evolution_as_entity(header, &attributes), &NoLinks))
    }

    /// All readings of a series that are meant, beside so many that are held already.
    pub(super) fn all_readings(
        &self,
        weave: &mut Weave<'a>,
        series: &SeriesKey,
        held: usize,
        out: &mut Vec<Reading>,
    ) -> Result<(), StoreError> {
        let limit = self.shared.settings.query_readings_max;
        let most = limit.saturating_sub(held).saturating_add(1);
        let before = out.len();
        self.readings(weave, series, self.span(), most, out)?;
        self.check_held(held + out.len() - before)
    }

    /// May a query hold so many readings of one entity?
    fn check_held(&self, readings: usize) -> Result<(), StoreError> {
        let limit = self.shared.settings.query_readings_max;
        if readings <= limit {
            return Ok(());
        }
        let (things, setting) = ("readings of one entity", "query_readings_max");
        Err(StoreError::TooComplex { limit, things, setting })
    }

    /// Readings of a series that are meant, at most so many: the first, or the last where the
    /// last are asked for. In the order of their moments in the series.
    pub(super) fn readings(
        &self,
        weave: &mut Weave<'a>,
        series: &SeriesKey,
        span: Span,
        most: usize,
        out: &mut Vec<Reading>,
    ) -> Result<(), StoreError> {
        let backwards = self.selection.last_n.is_some();
        let direction = if backwards { Direction::Backwards } else { Direction::Forwards };
        let mut revival = weave.revival(series);
        let mut rows: Vec<Row> = Vec::new();
        let ordered = self.in_order(series.axis());
        weave.scan(series, span, direction, |piece| {
            if self.passes_over(&piece) {
                return Ok(Goon::Yes);
            }
            let mut piece = piece.rows()?;
            piece.retain(|row| self.wants(row, series.axis()));
            if !ordered {
                // By other moments than those of the series, any of them may be the first.
                rows.append(&mut piece);
                if rows.len() > most.saturating_mul(2) {
                    self.cut(&mut rows, series.axis(), most);
                    // All of one moment stay, however many.
                    self.check_held(rows.len())?;
                }
                return Ok(Goon::Yes);
            }
            let left = most - rows.len();
            if backwards {
                piece.reverse();
            }
            rows.extend(piece.into_iter().take(left));
            Ok(if rows.len() >= most { Goon::No } else { Goon::Yes })
        })?;
        if !ordered {
            self.cut(&mut rows, series.axis(), most);
        } else if backwards {
            rows.reverse();
        }
        revival.readings(&rows, out).map_err(|bad| bad_record(&bad))
    }

    /// Leaves so many rows, the first, or the last where the last are asked for, by the moments
    /// asked about.
    fn cut(&self, rows: &mut Vec<Row>, axis: Axis, most: usize) {
        let moment = |row: &Row| match self.selection.property() {
            TimeProperty::ObservedAt if axis == Axis::Observed => row.at,
            TimeProperty::CreatedAt => row.created_at,
            TimeProperty::ObservedAt | TimeProperty::ModifiedAt | TimeProperty::DeletedAt => {
                row.modified_at
            }
        };
        rows.sort_by_key(moment);
        // Rows of one moment stay together: an answer ends between moments.
        if self.selection.last_n.is_some() {
            let first = rows.len().checked_sub(most).and_then(|at| rows.get(at)).map(moment);
            if let Some(first) = first {
                rows.drain(..rows.partition_point(|row| moment(row) < first));
            }
        } else if let Some(last) = most.checked_sub(1).and_then(|at| rows.get(at)).map(moment) {
            rows.truncate(rows.partition_point(|row| moment(row) <= last));
        }
    }

    /// Do rows of a series stand in the order of the moments asked about?
    pub(super) fn in_order(&self, axis: Axis) -> bool {
        match self.selection.property() {
            TimeProperty::ObservedAt => axis == Axis::Observed || self.selection.window.is_none(),
            TimeProperty::ModifiedAt => axis == Axis::Recorded,
            // What is corrected is recorded anew, and was created when it was.
            TimeProperty::CreatedAt | TimeProperty::DeletedAt => false,
        }
    }

    /// Takes an entity into the answer, with its readings.
    pub fn take(
        &mut self,
        number: EntityNumber,
        header: EvolutionHeader,
    ) -> Result<(), HistoryError> {
        let place = self.headers.len();
        self.headers.push(header);
        let scope = Name::new(model::SCOPE);
        let carried = self.times.is_some() && self.selection.aggregation.is_none();
        if carried && self.selection.wants_attribute(&scope) {
            let (property, window) = (self.selection.property(), self.selection.window);
            let shown = scopes_shown(self.scopes(number)?, property, window);
            if !shown.is_empty() {
                self.gathering.add(place, scope, shown);
            }
        }
        let mut weave = self.weave(number, self.selection.attributes.as_deref())?;
        let mut all = self.series(&weave)?.into_iter().peekable();
        while let Some((name, series)) = all.next() {
            let mut axes = vec![series];
            let first = axes[0].clone();
            let is_same = |other: &SeriesKey| {
                (other.attribute(), other.dataset()) == (first.attribute(), first.dataset())
            };
            while let Some((_, other)) = all.next_if(|(_, other)| is_same(other)) {
                axes.push(other);
            }
            if carried && name.as_str() == model::SCOPE {
                continue;
            }
            if let Some(aggregation) = &self.selection.aggregation {
                self.aggregate(place, name, aggregation, &mut weave, &axes)?;
            } else {
                self.gather(place, name, &mut weave, &axes)?;
            }
        }
        Ok(())
    }

    /// Takes the readings of one attribute and dataset, observed and not.
    fn gather(
        &mut self,
        place: usize,
        name: Name,
        weave: &mut Weave<'a>,
        axes: &[SeriesKey],
    ) -> Result<(), StoreError> {
        let cut = self.gathering.bound().is_some() && self.has_any(weave, axes)?;
        let mut readings = Vec::new();
        for series in axes {
            let most = self.selection.limit.saturating_add(1);
            let most = self.selection.last_n.map_or(most, |n| n.min(most));
            let span = self.bounded(series.axis());
            self.readings(weave, series, span, most, &mut readings)?;
        }
        let by = |reading: &Reading| {
            let property = self.selection.property().of(reading);
            property.unwrap_or_else(|| reading.modified_at())
        };
        readings.sort_by_key(by);
        // One whose readings all lie beyond the end of the answer is told without any.
        if cut || !readings.is_empty() {
            self.gathering.add(place, name, readings);
        }
        Ok(())
    }

    /// Has any of these series a reading that is meant, wherever the answer ends?
    fn has_any(&self, weave: &mut Weave<'a>, axes: &[SeriesKey]) -> Result<bool, StoreError> {
        for series in axes {
            let found = weave.readings_while(series, self.span(), |row| {
                if self.wants(row, series.axis()) { Goon::No } else { Goon::Yes }
            })?;
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The span in which readings can still be in the answer.
    fn bounded(&self, axis: Axis) -> Span {
        let mut span = self.span();
        if self.in_order(axis)
            && self.selection.property() == TimeProperty::ObservedAt
            && let Some(bound) = self.gathering.bound()
        {
            if self.selection.last_n.is_some() {
                span.from = span.from.max(bound.0);
            } else {
                span.until = span.until.min(bound.0.saturating_add(1));
            }
        }
        span
    }

    pub(super) fn moment(&self, reading: &Reading) -> Timestamp {
        self.selection.property().of(reading).unwrap_or_else(|| reading.modified_at())
    }

    pub fn finish(self, plan: Plan) -> HistoryAnswer {
        let evolution = |header| Evolution { header, attributes: Vec::new() };
        let mut evolutions: Vec<Evolution> = self.headers.into_iter().map(evolution).collect();
        let (gathered, cut) = self.gathering.finish();
        for (place, name, readings) in gathered {
            evolutions[place].attributes.push((name, Told::Readings(readings)));
        }
        for (place, name, series) in self.aggregates {
            let attributes = &mut evolutions[place].attributes;
            match attributes.last_mut() {
                Some((last, Told::Aggregates(all))) if *last == name => all.push(series),
                _ => attributes.push((name, Told::Aggregates(vec![series]))),
            }
        }
        for evolution in &mut evolutions {
            evolution.attributes.sort_by(|(left, _), (right, _)| left.cmp(right));
        }
        HistoryAnswer { evolutions, total: None, more: false, cut, plan }
    }
}
