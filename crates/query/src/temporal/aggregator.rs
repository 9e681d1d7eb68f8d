//! What the readings of each period come to (clause 4.5.19).

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use model::{DateTime, Json, JsonKind, Reading, Timestamp, Value};

use super::{Aggregation, Method, PeriodValue, Window};
use crate::clock;

/// Numbers, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberSummary {
    /// At least one.
    pub count: u64,
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    pub sum_of_squares: f64,
}

/// Why readings cannot be aggregated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The method has no meaning for a value that was there.
    Method(Method),
    /// There are more periods than asked for at most.
    TooManyPeriods,
    /// A period has more different values than may be held to count them.
    TooManyValues,
}

/// Takes the readings of one attribute and dataset in the order of their moments.
#[derive(Debug)]
pub struct Aggregator<'a> {
    aggregation: &'a Aggregation,
    window: Option<Window>,
    periods_max: usize,
    values_max: usize,
    /// Where the first period begins.
    origin: Option<Timestamp>,
    last: Timestamp,
    period: Option<Accumulator>,
    done: Vec<(Method, Vec<PeriodValue>)>,
    periods: usize,
    unfit: Option<Unfit>,
}

impl<'a> Aggregator<'a> {
    /// Tells of so many periods at most, and holds so many different values of one at most.
    pub fn new(
        aggregation: &'a Aggregation,
        window: Option<Window>,
        periods_max: usize,
        values_max: usize,
    ) -> Aggregator<'a> {
        let done = aggregation.methods.iter().map(|method| (*method, Vec::new())).collect();
        let origin = window.and_then(|window| window.from);
        Aggregator {
            aggregation,
            window,
            periods_max,
            values_max,
            origin,
            last: Timestamp(i64::MIN),
            period: None,
            done,
            periods: 0,
            unfit: None,
        }
    }

    /// Deletions are no values.
    pub fn push(&mut self, at: Timestamp, reading: &Reading) {
        if let Reading::Said(instance) = reading {
            self.enter(at).value(&instance.value);
        }
    }

    pub fn push_number(&mut self, at: Timestamp, number: f64) {
        self.enter(at).number(number);
    }

    /// Takes numbers from a first moment to a last one at once. Tells whether it could: they must
    /// be of one period, and the methods must do without the single numbers.
    pub fn push_summary(
        &mut self,
        first: Timestamp,
        last: Timestamp,
        summary: &NumberSummary,
    ) -> bool {
        if self.aggregation.methods.iter().any(|method| method.needs_each()) {
            return false;
        }
        if !self.aggregation.period.is_zero() {
            let origin = self.origin.unwrap_or(first);
            let (_, end) = self.aggregation.period.around(origin, first);
            if end <= last {
                return false;
            }
        }
        self.enter(first).summary(summary);
        self.last = self.last.max(last);
        true
    }

    /// Takes numbers of a span that nobody has any more, at once and in any case: they count for the
    /// period in which the span begins. What cannot be told without them has no value for that.
    pub fn push_rolled_up(&mut self, first: Timestamp, last: Timestamp, summary: &NumberSummary) {
        let period = self.enter(first);
        period.summary(summary);
        period.is_rolled_up = true;
        self.last = self.last.max(last);
    }

    /// Is it known that nothing comes of it?
    pub fn is_unfit(&self) -> bool {
        self.unfit.is_some()
    }

    /// By method, in the order asked for: the periods that have values.
    pub fn finish(mut self) -> Result<Vec<(Method, Vec<PeriodValue>)>, Unfit> {
        self.close();
        match self.unfit {
            Some(unfit) => Err(unfit),
            None => Ok(self.done),
        }
    }

    /// The period of a moment.
    fn enter(&mut self, at: Timestamp) -> &mut Accumulator {
        let origin = *self.origin.get_or_insert(at);
        if self.period.as_ref().is_some_and(|period| period.end.is_some_and(|end| end <= at)) {
            self.close();
        }
        let distinct = self.period.as_mut().and_then(|period| period.distinct.as_mut());
        if let Some(values) = distinct.filter(|values| values.len() > self.values_max) {
            values.clear();
            self.unfit.get_or_insert(Unfit::TooManyValues);
        }
        self.last = self.last.max(at);
        let aggregation = self.aggregation;
        self.period.get_or_insert_with(|| {
            if aggregation.period.is_zero() {
                return Accumulator::new(aggregation, origin, None);
            }
            let (start, end) = aggregation.period.around(origin, at);
            Accumulator::new(aggregation, start, Some(end))
        })
    }

    fn close(&mut self) {
        let Some(period) = self.period.take() else { return };
        if self.periods == self.periods_max {
            self.unfit.get_or_insert(Unfit::TooManyPeriods);
            return;
        }
        self.periods += 1;
        // The whole time range ends where the question does, or with the last reading.
        let until = self.window.and_then(|window| window.until);
        let (start, end) = (period.start, period.end.or(until).unwrap_or(self.last));
        for (method, values) in &mut self.done {
            if period.is_rolled_up && method.needs_each() {
                continue;
            }
            match period.result(*method) {
                Some(value) => values.push(PeriodValue { value, start, end }),
                None => {
                    self.unfit.get_or_insert(Unfit::Method(*method));
                }
            }
        }
    }
}

/// One period.
#[derive(Debug)]
struct Accumulator {
    start: Timestamp,
    /// Nothing: the whole time range.
    end: Option<Timestamp>,
    values: u64,
    /// Digests of the values, so that long ones take no more room than short ones.
    distinct: Option<HashSet<u128>>,
    numbers: Numbers,
    /// Numbers, and what counts as one: truth values, and sizes of arrays.
    countable: u64,
    arrays: u64,
    /// Texts, with the one that stands first and the one that stands last.
    texts: Option<(Ordered, Ordered)>,
    text_count: u64,
    times: u64,
    /// Values that cannot be put in an order.
    unordered: u64,
    /// Some of the numbers are known by their summary alone.
    is_rolled_up: bool,
}

impl Method {
    /// Does it need each value by itself?
    fn needs_each(self) -> bool {
        matches!(self, Method::DistinctCount | Method::StandardDeviation)
    }
}

#[derive(Clone, Copy, Debug)]
struct Numbers {
    min: f64,
    max: f64,
    sum: Sum,
    squares: Sum,
    count: u64,
    /// Where a deviation is asked for.
    spread: Option<Spread>,
}

/// Distances from the mean, updated number by number (Welford).
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    mean: f64,
    /// The sum of their squares.
    squares: f64,
}

/// A text, and its place among others: moments stand in time.
#[derive(Clone, Debug, PartialEq)]
struct Ordered {
    instant: Option<i64>,
    text: String,
}

impl Ordered {
    fn before(&self, other: &Ordered) -> bool {
        match (self.instant, other.instant) {
            (Some(this), Some(other)) => this < other,
            _ => self.text < other.text,
        }
    }
}

/// Two values have one digest about as often as a coin falls on its edge a hundred times in a row.
fn digest(text: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, text).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

impl Accumulator {
    fn new(aggregation: &Aggregation, start: Timestamp, end: Option<Timestamp>) -> Accumulator {
        let distinct = aggregation.methods.contains(&Method::DistinctCount).then(HashSet::new);
        let numbers = Numbers {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: Sum::default(),
            squares: Sum::default(),
            count: 0,
            spread: aggregation.methods.contains(&Method::StandardDeviation).then(Spread::default),
        };
        Accumulator {
            start,
            end,
            values: 0,
            distinct,
            numbers,
            countable: 0,
            arrays: 0,
            texts: None,
            text_count: 0,
            times: 0,
            unordered: 0,
            is_rolled_up: false,
        }
    }

    fn number(&mut self, number: f64) {
        let number = number.clamp(f64::MIN, f64::MAX);
        if let Some(distinct) = &mut self.distinct {
            // 0 and -0 are one number.
            distinct.insert(digest(&(number + 0.0).to_string()));
        }
        self.values += 1;
        self.countable += 1;
        self.numbers.add(number);
    }

    fn boolean(&mut self, boolean: bool) {
        self.distinct(if boolean { "true" } else { "false" });
        self.values += 1;
        self.countable += 1;
        self.numbers.add(f64::from(u8::from(boolean)));
    }

    fn summary(&mut self, summary: &NumberSummary) {
        self.values += summary.count;
        self.countable += summary.count;
        self.numbers.join(summary);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Property(json) => self.json(json),
            Value::Relationship { objects, .. } | Value::ListRelationship(objects) => {
                let distinct = self.distinct.iter_mut();
                distinct.for_each(|set| set.extend(objects.iter().map(|o| digest(o.as_str()))));
                self.values += 1;
                self.unordered += 1;
            }
            Value::ListProperty(json) => self.json(json),
            Value::LanguageProperty(json) | Value::JsonProperty(json) => {
                self.other(json.as_str());
            }
            Value::GeoProperty(geometry) => self.other(geometry.json().as_str()),
            Value::VocabProperty { terms, .. } => {
                let text: Vec<&str> = terms.iter().map(|term| term.as_str()).collect();
                self.other(&text.join(" "));
            }
        }
    }

    fn json(&mut self, json: &Json) {
        match json.kind() {
            JsonKind::Number => match json.as_number() {
                Some(number) => self.number(number),
                None => self.other(json.as_str()),
            },
            JsonKind::Boolean => self.boolean(json.as_boolean() == Some(true)),
            JsonKind::Array => {
                self.distinct(&canonical(json));
                self.values += 1;
                self.countable += 1;
                self.arrays += 1;
                self.numbers.add(json.elements().map_or(0, |elements| elements.len()) as f64);
            }
            JsonKind::Text => {
                let text = json.as_text().map(|text| text.into_owned()).unwrap_or_default();
                self.text(text);
            }
            JsonKind::Object => match typed_text(json) {
                Some(text) => self.text(text),
                None => self.other(&canonical(json)),
            },
            JsonKind::Null => self.other(json.as_str()),
        }
    }

    fn text(&mut self, text: String) {
        self.distinct(Json::text(&text).as_str());
        self.values += 1;
        self.text_count += 1;
        let time = clock::time_of_day(&text);
        if let Some(time) = time {
            self.times += 1;
            self.numbers.add(time as f64);
        }
        let instant = DateTime::parse(&text).ok().map(|moment| moment.instant().0);
        let ordered = Ordered { instant: time.map(|time| time as i64).or(instant), text };
        match &mut self.texts {
            None => self.texts = Some((ordered.clone(), ordered)),
            Some((first, last)) => {
                if ordered.before(first) {
                    *first = ordered;
                } else if last.before(&ordered) {
                    *last = ordered;
                }
            }
        }
    }

    fn other(&mut self, text: &str) {
        self.distinct(text);
        self.values += 1;
        self.unordered += 1;
    }

    fn distinct(&mut self, text: &str) {
        if let Some(distinct) = &mut self.distinct {
            distinct.insert(digest(text));
        }
    }

    /// Nothing where the method has no meaning for one of the values (tables 4.5.19.1-1 to 3).
    fn result(&self, method: Method) -> Option<Json> {
        let all_countable = self.countable == self.values;
        let all_numbers = all_countable && self.arrays == 0;
        let all_times = self.times == self.values;
        let count = self.numbers.count as f64;
        match method {
            Method::TotalCount => Some(number(self.values as f64)),
            Method::DistinctCount => {
                Some(number(self.distinct.as_ref().map_or(0, HashSet::len) as f64))
            }
            Method::Average if all_countable => Some(rounded(self.numbers.sum.value() / count)),
            Method::Average if all_times => {
                Some(Json::text(&time_text(self.numbers.sum.value() / count)))
            }
            Method::Maximum if all_countable => Some(number(self.numbers.max)),
            Method::Minimum if all_countable => Some(number(self.numbers.min)),
            Method::Maximum | Method::Minimum if self.text_count == self.values => {
                let (first, last) = self.texts.as_ref()?;
                Some(Json::text(&if method == Method::Maximum { last } else { first }.text))
            }
            Method::Sum if all_countable => Some(rounded(self.numbers.sum.value())),
            Method::SumOfSquares if all_numbers => Some(rounded(self.numbers.squares.value())),
            // Of the values that were there, not of a sample of others.
            Method::StandardDeviation if all_numbers => {
                let squares = self.numbers.spread.map_or(0.0, |spread| spread.squares);
                Some(rounded((squares / count).max(0.0).sqrt()))
            }
            _ => None,
        }
    }
}

impl Numbers {
    fn add(&mut self, number: f64) {
        self.count += 1;
        (self.min, self.max) = (self.min.min(number), self.max.max(number));
        self.sum.add(number);
        self.squares.add(number * number);
        if let Some(Spread { mean, squares }) = &mut self.spread {
            let distance = number - *mean;
            *mean += distance / self.count as f64;
            *squares += distance * (number - *mean);
        }
    }

    fn join(&mut self, summary: &NumberSummary) {
        self.count += summary.count;
        (self.min, self.max) = (self.min.min(summary.min), self.max.max(summary.max));
        self.sum.add(summary.sum);
        self.squares.add(summary.sum_of_squares);
    }
}

/// A sum that keeps what addition rounds off (Neumaier).
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: f64,
    rounded_off: f64,
}

impl Sum {
    fn add(&mut self, number: f64) {
        let sum = self.sum + number;
        self.rounded_off += if self.sum.abs() >= number.abs() {
            (self.sum - sum) + number
        } else {
            (number - sum) + self.sum
        };
        self.sum = sum;
    }

    fn value(&self) -> f64 {
        // Beyond what can be told, what was rounded off is no number.
        if self.sum.is_finite() { self.sum + self.rounded_off } else { self.sum }
    }
}

/// `{"@type": "DateTime", "@value": ".."}` and its like.
fn typed_text(json: &Json) -> Option<String> {
    let members = json.members()?;
    let value = |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, json)| json);
    // URIs have no order (table 4.5.19.1-2).
    let kind = value("@type")?.as_text()?;
    if matches!(&*kind, "URI" | "@id") || kind.ends_with("#anyURI") {
        return None;
    }
    value("@value")?.as_text().map(|text| text.into_owned())
}

/// Equal values have equal texts: members stand in order, numbers in one form.
fn canonical(json: &Json) -> String {
    if let Some(mut members) = json.members() {
        members.sort_by(|(left, _), (right, _)| left.cmp(right));
        let members = members
            .iter()
            .map(|(name, value)| format!("{}:{}", Json::text(name).as_str(), canonical(value)));
        return format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    }
    if let Some(elements) = json.elements() {
        return format!("[{}]", elements.iter().map(canonical).collect::<Vec<_>>().join(","));
    }
    match json.as_number() {
        Some(number) => (number + 0.0).to_string(),
        None => json.as_str().to_owned(),
    }
}

/// Computed numbers, with the digits that do not depend on the order of computing.
fn rounded(computed: f64) -> Json {
    const DIGITS: i32 = 15;
    let magnitude = computed.abs().log10().floor();
    // Powers of ten are exact up to here, so that the quotient is the nearest number with these
    // digits. Zero has no magnitude.
    if (-8.0..DIGITS.into()).contains(&magnitude) {
        let scale = 10_f64.powi(DIGITS - 1 - magnitude as i32);
        return number((computed * scale).round() / scale);
    }
    number(format!("{computed:.14e}").parse().unwrap_or(computed))
}

/// Whole numbers without a point, as far as they are exact.
fn number(number: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = number.clamp(f64::MIN, f64::MAX);
    if number.fract() == 0.0 && number.abs() < EXACT {
        Json::from_compact((number as i64).to_string())
    } else {
        Json::number(number)
    }
}

fn time_text(micros: f64) -> String {
    let micros = micros.round() as i64;
    let seconds = micros / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match micros % 1_000_000 {
        0 => format!("{hours:02}:{minutes:02}:{seconds:02}Z"),
        rest => format!("{hours:02}:{minutes:02}:{seconds:02}.{rest:06}Z"),
    }
}

#[cfg(test)]
#[path = "aggregator_tests.rs"]
mod tests;
