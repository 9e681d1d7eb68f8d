use super::*;
use crate::temporal::{Period, TimeProperty};
use model::Instance;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    DateTime::parse(text).unwrap().instant()
}

fn aggregation(methods: &[Method], period: &str) -> Aggregation {
    let period = Period::parse("aggrPeriodDuration", period).unwrap();
    Aggregation { methods: methods.to_vec(), period }
}

fn said(json: &str) -> Reading {
    Reading::Said(Instance::new(Value::Property(Json::parse(json).unwrap())))
}

/// What values a minute apart come to, by method.
fn outcome(methods: &[Method], values: &[&str]) -> Result<Vec<String>, Unfit> {
    let aggregation = aggregation(methods, "PT0S");
    let mut aggregator = Aggregator::new(&aggregation, None, 10, 1_000);
    for (minute, value) in (0..).zip(values) {
        aggregator.push(Timestamp(minute * 60_000_000), &said(value));
    }
    let methods = aggregator.finish()?.into_iter();
    Ok(methods.map(|(_, values)| values[0].value.as_str().to_owned()).collect())
}

use Method::*;

#[test]
fn numbers_have_every_method() {
    let all = [
        Average,
        DistinctCount,
        Maximum,
        Minimum,
        StandardDeviation,
        Sum,
        SumOfSquares,
        TotalCount,
    ];
    let found = outcome(&all, &["2", "4", "4", "4", "5", "5", "7", "9"]).unwrap();
    assert_eq!(found, ["5", "5", "9", "2", "2", "40", "232", "8"]);
    assert_eq!(outcome(&[Average], &["0.1", "0.2"]).unwrap(), ["0.15"]);
    assert_eq!(outcome(&[Sum], &["true", "false", "true"]).unwrap(), ["2"]);
}

#[test]
fn other_values_have_the_methods_of_the_tables() {
    let text = ["\"b\"", "\"a\"", "\"b\""];
    assert_eq!(
        outcome(&[Maximum, Minimum, DistinctCount, TotalCount], &text).unwrap(),
        ["\"b\"", "\"a\"", "2", "3"]
    );
    for method in [Average, StandardDeviation, Sum, SumOfSquares] {
        assert_eq!(outcome(&[method], &text), Err(Unfit::Method(method)));
    }
    let arrays = ["[1,2,3]", "[]", "[1,2,3]"];
    assert_eq!(
        outcome(&[Average, Maximum, Minimum, Sum, DistinctCount], &arrays).unwrap(),
        ["2", "3", "0", "6", "2"]
    );
    assert_eq!(outcome(&[SumOfSquares], &arrays), Err(Unfit::Method(SumOfSquares)));
    let objects = ["{\"a\":1}", "{\"a\":2}"];
    assert_eq!(outcome(&[DistinctCount, TotalCount], &objects).unwrap(), ["2", "2"]);
    assert_eq!(outcome(&[Maximum], &objects), Err(Unfit::Method(Maximum)));
    assert_eq!(outcome(&[Maximum], &["1", "\"a\""]), Err(Unfit::Method(Maximum)));
    let times = ["\"10:00:00Z\"", "\"12:00:00Z\""];
    assert_eq!(outcome(&[Average, Maximum], &times).unwrap(), ["\"11:00:00Z\"", "\"12:00:00Z\""]);
    let moments = ["\"2026-01-01T00:00:00.5Z\"", "\"2026-01-01T00:00:00Z\""];
    assert_eq!(outcome(&[Minimum], &moments).unwrap(), ["\"2026-01-01T00:00:00Z\""]);
}

#[test]
fn values_that_are_equal_count_once() {
    let distinct = |values: &[&str]| outcome(&[DistinctCount], values).unwrap().remove(0);
    assert_eq!(distinct(&["1", "true", "\"1\"", "1.0"]), "3");
    assert_eq!(distinct(&["0", "-0"]), "1");
    assert_eq!(distinct(&["{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1}"]), "1");
}

#[test]
fn numbers_too_large_to_tell_are_the_largest() {
    let largest = Json::number(f64::MAX).as_str().to_owned();
    for method in [Sum, Average, SumOfSquares] {
        assert_eq!(outcome(&[method], &["1e308", "1e308"]).unwrap()[0], largest);
    }
    let uri = r#"{"@type":"URI","@value":"urn:a"}"#;
    assert_eq!(outcome(&[Maximum], &[uri]), Err(Unfit::Method(Maximum)));
}

#[test]
fn periods_begin_with_the_question_or_with_the_first_reading() {
    let aggregation = aggregation(&[Average], "PT1H");
    let values = |window| {
        let mut aggregator = Aggregator::new(&aggregation, window, 10, 1_000);
        aggregator.push_number(at("2020-08-01T12:03:00Z"), 67.0);
        aggregator.push_number(at("2020-08-01T13:05:00Z"), 53.0);
        aggregator.push_number(at("2020-08-01T15:01:00Z"), 40.0);
        let (_, values) = aggregator.finish().unwrap().remove(0);
        let starts = values.iter().map(|v| (v.value.as_str().to_owned(), v.start, v.end));
        starts.collect::<Vec<_>>()
    };
    let expected = |value: &str, start, end| (value.to_owned(), at(start), at(end));
    assert_eq!(
        values(None),
        [
            expected("67", "2020-08-01T12:03:00Z", "2020-08-01T13:03:00Z"),
            expected("53", "2020-08-01T13:03:00Z", "2020-08-01T14:03:00Z"),
            expected("40", "2020-08-01T14:03:00Z", "2020-08-01T15:03:00Z"),
        ]
    );
    let window = Window {
        property: TimeProperty::ObservedAt,
        from: Some(at("2020-08-01T12:00:00Z")),
        until: None,
    };
    assert_eq!(
        values(Some(window))[2],
        expected("40", "2020-08-01T15:00:00Z", "2020-08-01T16:00:00Z")
    );
}

#[test]
fn too_many_periods_are_refused() {
    let aggregation = aggregation(&[TotalCount], "PT1S");
    let mut aggregator = Aggregator::new(&aggregation, None, 2, 1_000);
    (0..3).for_each(|second| aggregator.push_number(Timestamp(second * 1_000_000), 1.0));
    assert_eq!(aggregator.finish(), Err(Unfit::TooManyPeriods));
}

#[test]
fn too_many_different_values_are_refused() {
    for (different, fits) in [(3, true), (5, false)] {
        let aggregation = aggregation(&[DistinctCount], "PT0S");
        let mut aggregator = Aggregator::new(&aggregation, None, 2, 3);
        (0..100).for_each(|at| aggregator.push_number(Timestamp(at), (at % different) as f64));
        assert_eq!(aggregator.is_unfit(), !fits);
        assert_eq!(aggregator.finish().is_ok(), fits);
    }
}

proptest! {
    #[test]
    fn a_summary_comes_to_what_its_numbers_come_to(parts in proptest::collection::vec(proptest::collection::vec(-1_000_i32..1_000, 1..20), 1..10), minutes in 1_i64..200) {
        let aggregation = aggregation(&[Average, Maximum, Minimum, Sum, SumOfSquares, TotalCount], &format!("PT{minutes}M"));
        let mut singly = Aggregator::new(&aggregation, None, 1_000, 1_000);
        let mut summed = Aggregator::new(&aggregation, None, 1_000, 1_000);
        let mut minute = 0;
        for part in parts {
            let first = minute;
            let numbers: Vec<f64> = part.into_iter().map(f64::from).collect();
            let moments: Vec<Timestamp> = numbers.iter().map(|_| { minute += 1; Timestamp(minute * 60_000_000) }).collect();
            let summary = NumberSummary {
                count: numbers.len() as u64,
                min: numbers.iter().copied().fold(f64::INFINITY, f64::min),
                max: numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                sum: numbers.iter().sum(),
                sum_of_squares: numbers.iter().map(|n| n * n).sum(),
            };
            prop_assert!(first < minute);
            if !summed.push_summary(moments[0], moments[moments.len() - 1], &summary) {
                moments.iter().zip(&numbers).for_each(|(at, n)| summed.push_number(*at, *n));
            }
            moments.iter().zip(&numbers).for_each(|(at, n)| singly.push_number(*at, *n));
        }
        prop_assert_eq!(summed.finish(), singly.finish());
    }
}
