//! What the readings of each period come to.

use query::{AggregatedSeries, Aggregation, ReadingSelection, TimeProperty};

use super::super::Home;
use super::super::notation::{at, name};
use super::values::{series, value};
use super::{Trial, everything, window};
use crate::{HistoryError, Told};

fn aggregation(methods: &str, period: Option<&str>) -> ReadingSelection {
    let aggregation = Aggregation::read(methods, period).expect("an aggregation");
    ReadingSelection { aggregation: Some(aggregation), ..everything() }
}

pub(in crate::contract) async fn thousands_of_numbers_are_summed_up(home: &dyn Home) {
    let trial = series(home).await;
    for (from, until, seconds) in
        [(0, 5_000, 60), (0, 5_000, 5_000), (13, 4_900, 1), (250, 750, 100), (0, 5_000, 1_000)]
    {
        let methods = "totalCount,min,max,sum,sumsq,avg";
        let selection = ReadingSelection {
            window: window(TimeProperty::ObservedAt, Some(from), Some(until)),
            ..aggregation(methods, Some(&format!("PT{seconds}S")))
        };
        let told = told(&trial, selection).await.expect("aggregates");
        assert_eq!(
            told,
            ["a", &expected(from, until, seconds)].join(": "),
            "{from} {until} {seconds}"
        );
    }
    let distinct = aggregation("distinctCount", None);
    let told = told(&trial, distinct).await.expect("aggregates");
    let all: std::collections::BTreeSet<String> =
        (0..5_000).map(|nth| number(nth).to_string()).collect();
    assert_eq!(told, format!("a: distinctCount {}@0..4999", all.len()));
}

/// What [`shown`] tells of the series.
fn expected(from: i64, until: i64, seconds: i64) -> String {
    let mut methods = vec![String::new(); 6];
    let mut start = from;
    while start < until {
        let end = start + seconds;
        let numbers: Vec<f64> = (start..end.min(until)).map(number).collect();
        let sum: f64 = numbers.iter().sum();
        let results = [
            numbers.len() as f64,
            numbers.iter().copied().fold(f64::INFINITY, f64::min),
            numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            sum,
            numbers.iter().map(|number| number * number).sum(),
            sum / numbers.len() as f64,
        ];
        for (method, result) in methods.iter_mut().zip(results) {
            // Fifteen digits do not depend on the order in which numbers are added.
            let result: f64 = format!("{result:.14e}").parse().expect("a number");
            method.push_str(&format!(" {result}@{start}..{end}"));
        }
        start = end;
    }
    let names = ["totalCount", "min", "max", "sum", "sumsq", "avg"];
    let methods: Vec<String> =
        names.iter().zip(methods).map(|(name, values)| format!("{name}{values}")).collect();
    methods.join(" ")
}

fn number(nth: i64) -> f64 {
    value(nth).parse().expect("a number")
}

pub(in crate::contract) async fn periods_begin_where_the_window_does(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.tell("tell urn:a Lamp a=1(t=-25) a=2(t=-24) a=5(t=-11) a=7(t=-3)").await;
    let in_window = |from, until, period| ReadingSelection {
        window: window(TimeProperty::ObservedAt, from, until),
        ..aggregation("sum", period)
    };
    for (from, until, period, expected) in [
        (Some(-30), None, Some("PT10S"), "3@-30..-20 5@-20..-10 7@-10..0"),
        (None, None, Some("PT10S"), "3@-25..-15 5@-15..-5 7@-5..5"),
        (Some(-24), Some(-3), Some("PT20S"), "7@-24..-4"),
        (Some(-30), Some(30), None, "15@-30..30"),
        (Some(-30), None, None, "15@-30..-3"),
        (None, None, None, "15@-25..-3"),
    ] {
        let told = told(&trial, in_window(from, until, period)).await.expect("aggregates");
        assert_eq!(told, format!("a: sum {expected}"), "{from:?} {until:?} {period:?}");
    }
}

pub(in crate::contract) async fn texts_and_deletions_are_aggregated_as_far_as_they_can(
    home: &dyn Home,
) {
    let trial = Trial::new(home.open().await);
    trial.tell("tell urn:a Lamp a=b(t=-9) a=a(t=-8) -a(t=-7) a=b(t=-6) n=1(t=-9) -d(t=-9)").await;
    let one = |methods, term: &str| ReadingSelection {
        attributes: Some(vec![name(term)]),
        ..aggregation(methods, None)
    };
    let text =
        told(&trial, one("totalCount,distinctCount,min,max", "a")).await.expect("aggregates");
    let expected = r#"a: totalCount 3@-9..-6 distinctCount 2@-9..-6 min "a"@-9..-6 max "b"@-9..-6"#;
    assert_eq!(text, expected);
    assert_eq!(told(&trial, one("sum", "d")).await.expect("aggregates"), "d: sum");
    let unfit = told(&trial, one("totalCount,sum", "a")).await.expect_err("no sum");
    let HistoryError::NotEligible { attribute, method } = unfit else { panic!("{unfit}") };
    assert_eq!((attribute, method.name()), (name("a"), "sum"));
    // Where no attribute was asked for, what does not fit is left out.
    let all = told(&trial, aggregation("sum", None)).await.expect("aggregates");
    assert_eq!(all, "d: sum n: sum 1@-9..-9");
}

pub(in crate::contract) async fn each_dataset_is_aggregated_alone(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let one = "datasetId=urn:d:1";
    trial
        .tell(&format!("tell urn:a Lamp a=1(t=-9) a=2(t=-8) a=10(t=-9 {one}) a=30(t=-8 {one})"))
        .await;
    let told = told(&trial, aggregation("avg", None)).await.expect("aggregates");
    assert_eq!(told, "a: avg 1.5@-9..-8 a(urn:d:1): avg 20@-9..-8");
}

pub(in crate::contract) async fn an_answer_has_only_so_many_periods(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.tell("tell urn:a Lamp a=1(t=-20) a=2(t=-19) a=3(t=-17)").await;
    let limited = |limit| ReadingSelection { limit, ..aggregation("sum", Some("PT1S")) };
    let all = told(&trial, limited(3)).await.expect("aggregates");
    assert_eq!(all, "a: sum 1@-20..-19 2@-19..-18 3@-17..-16");
    match told(&trial, limited(2)).await {
        Err(HistoryError::TooManyPeriods { attribute, limit: 2 }) => {
            assert_eq!(attribute, name("a"));
        }
        other => panic!("{other:?}"),
    }
}

async fn told(trial: &Trial, selection: ReadingSelection) -> Result<String, HistoryError> {
    let answer = trial.recall("urn:a", selection).await?;
    let attributes = answer.expect("an evolution").evolutions.remove(0).attributes;
    let mut shown = Vec::new();
    for (attribute, told) in attributes {
        let Told::Aggregates(series) = told else { panic!("readings of {attribute}") };
        let term = attribute.as_str().rsplit('/').next().unwrap_or_default();
        shown.extend(series.iter().map(|series| show(term, series)));
    }
    Ok(shown.join(" "))
}

/// `a: sum 3@-30..-20 5@-20..-10`
fn show(term: &str, series: &AggregatedSeries) -> String {
    let seconds = |moment: model::Timestamp| (moment.0 - at(0).instant().0) / 1_000_000;
    let dataset = series.dataset_id.as_ref().map(|id| format!("({id})")).unwrap_or_default();
    let mut words = vec![format!("{term}{dataset}:")];
    for (method, values) in &series.methods {
        words.push(method.to_string());
        words.extend(values.iter().map(|period| {
            let number = period.value.as_number().map(|number| number.to_string());
            let value = number.unwrap_or_else(|| period.value.to_string());
            format!("{value}@{}..{}", seconds(period.start), seconds(period.end))
        }));
    }
    words.join(" ")
}
