//! What is told later is what was said, to the letter.

use model::Reading;
use query::{ReadingSelection, TimeProperty};

use super::super::Home;
use super::super::notation::{at, id, name, readings};
use super::{Trial, everything, window};
use crate::Told;

pub(in crate::contract) async fn numbers_are_told_letter_by_letter(home: &dyn Home) {
    const NUMBERS: [&str; 22] = [
        "21.50",
        "21.5",
        "21",
        "-0",
        "0",
        "-0.0",
        "0.10",
        "1e2",
        "1E2",
        "1e+2",
        "100",
        "-7",
        "1e400",
        "9007199254740993",
        "123456789012345678901234567890",
        "0.1234567890123456789",
        "1e-300",
        "1.0",
        "-21.50",
        "5e-324",
        "99999999999999999.99",
        "0.000",
    ];
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp").await;
    let mut written = Vec::new();
    for (nth, number) in NUMBERS.iter().cycle().take(1_000).enumerate() {
        written.push(format!("a={number}(t={})", nth as i64 - 2_000));
    }
    for part in written.chunks(150) {
        trial.tell(&format!("add urn:a {}", part.join(" "))).await;
    }
    assert_eq!(trial.past("urn:a").await, format!("Lamp {}", written.join(" ")));
}

pub(in crate::contract) async fn every_kind_of_value_is_told_as_it_was_said(home: &dyn Home) {
    const VALUES: [&str; 24] = [
        "=1.50",
        "=on",
        r#"="on fire""#,
        r#"="""#,
        "=true",
        "=null",
        "=[1,2.0,[]]",
        "->urn:x",
        r#"={"b":1,"a":[2,{"c":"d"}]}"#,
        "->[urn:x,urn:y]",
        "=>[urn:x,urn:y]",
        "#[1,2]",
        "@24.940,60.17",
        "@Polygon[[[0,0],[1,0],[1,1],[0,0]]]",
        r#"~{"fi":"katu","sv":"gata"}"#,
        r#":={"a":[1]}"#,
        "^Red",
        "^[Red,Blue]",
        r#"="ä \" \\ 中""#,
        r#"="2026-04-01T00:00:00Z""#,
        "=9(unitCode=LX)",
        "=9(unitCode=LX valueType=Integer)",
        "=9(by->urn:p(sure=true) acc=0.50)",
        "->urn:x(objectType=[Street,Road])",
    ];
    let trial = Trial::new(home.open().await);
    let mut written = Vec::new();
    for (nth, value) in VALUES.iter().cycle().take(3 * VALUES.len()).enumerate() {
        let moment = nth as i64 - 500;
        let word = match value.strip_suffix(')') {
            Some(open) => format!("a{open} t={moment})"),
            None => format!("a{value}(t={moment})"),
        };
        written.push(word);
    }
    trial.tell(&format!("tell urn:a Lamp {}", written.join(" "))).await;
    let said = readings(&written.join(" ")).attributes.remove(0).1;
    let told = told(&trial, "a").await;
    assert_eq!(told.len(), said.len());
    for ((mut said, told), nth) in said.into_iter().zip(told).zip(0..) {
        said.stamp(trial.now, trial.now);
        // Like the instance, what stands below it is new with it.
        assert_eq!(told, said, "{}", written[nth]);
    }
}

pub(in crate::contract) async fn moments_are_told_to_the_microsecond(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let moments = [
        "1950-06-01T00:00:00.000001Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "2026-04-01T11:00:00.1Z",
        "2026-04-01T11:00:00.10001Z",
        "2026-04-01T11:00:00.100010Z",
        "2026-04-01T11:00:00.100011Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    let words = |m: &&str| format!("a=1(observedAt={m}) b=on(observedAt={m})");
    let words: Vec<String> = moments.iter().map(words).collect();
    trial.tell(&format!("tell urn:a Lamp {}", words.join(" "))).await;
    for attribute in ["a", "b"] {
        let told = told(&trial, attribute).await;
        let told: Vec<String> =
            told.iter().filter_map(|r| r.observed_at().map(|at| at.to_string())).collect();
        // The two that are the same moment are one reading.
        let expected = moments.iter().filter(|moment| !moment.ends_with(".10001Z"));
        assert_eq!(told, expected.copied().collect::<Vec<_>>(), "{attribute}");
    }
}

pub(in crate::contract) async fn thousands_of_readings_are_told(home: &dyn Home) {
    let trial = series(home).await;
    let values = |from: i64, until: i64| -> Vec<String> {
        (from..until).map(|nth| format!("a={}(t={nth})", value(nth))).collect()
    };
    for (from, until) in [(0, 5_000), (0, 1), (4_999, 5_000), (1_200, 1_300), (2_499, 4_001)] {
        let window = window(TimeProperty::ObservedAt, Some(from), Some(until));
        let told = trial.selected("urn:a", ReadingSelection { window, ..everything() }).await;
        assert_eq!(told, format!("Lamp {}", values(from, until).join(" ")), "{from} {until}");
    }
    let last = ReadingSelection { last_n: Some(70), ..everything() };
    let expected = format!("Lamp {}", values(4_930, 5_000).join(" "));
    assert_eq!(trial.selected("urn:a", last).await, expected);
    let first = ReadingSelection { limit: 70, ..everything() };
    let expected = format!("Lamp {} ..", values(0, 70).join(" "));
    assert_eq!(trial.selected("urn:a", first).await, expected);
}

/// Quarters, so that sums of them are exact.
pub(super) fn value(nth: i64) -> String {
    match nth % 7 {
        0 => format!("{}.50", nth % 100),
        1 => format!("-{}.25", nth % 30),
        _ => (nth % 500).to_string(),
    }
}

/// The seconds 0 to 4,999 of one attribute: written in pieces and out of order, some of them
/// twice, some wrong at first, some forgotten in between.
pub(super) async fn series(home: &dyn Home) -> Trial {
    let trial = Trial::new(home.open().await);
    let mut now = trial.later(10_000);
    now.tell("tell urn:a Lamp").await;
    let pieces: Vec<i64> = (0..25).map(|piece| piece * 7 % 25).collect();
    for (nth, piece) in pieces.into_iter().enumerate() {
        let range = piece * 200..(piece + 1) * 200;
        let wrong = |nth: i64| match nth % 11 {
            0 => format!("a=wrong(t={nth})"),
            1 => format!("a=1e9(t={nth})"),
            _ => format!("a={}(t={nth})", value(nth)),
        };
        let words: Vec<String> = range.clone().rev().map(wrong).collect();
        now = now.later(1);
        now.tell(&format!("add urn:a {}", words.join(" "))).await;
        let right = |nth: i64| format!("a={}(t={nth})", value(nth));
        let wrong = range.clone().filter(|nth| nth % 11 < 3);
        let words: Vec<String> = wrong.map(right).collect();
        now = now.later(1);
        now.tell(&format!("add urn:a {}", words.join(" "))).await;
        if nth % 4 == 0 {
            correct(&now, range.start + 5).await;
        }
    }
    now
}

/// Forgets one reading and says it again; corrects another to what it was.
async fn correct(trial: &Trial, second: i64) {
    let instance = |second: i64| {
        let moment = model::Moment::Observed(at(second).instant());
        model::InstanceId::new(&id("urn:a"), &name("a"), None, moment)
    };
    trial.tell(&format!("forget-reading urn:a a {}", instance(second))).await;
    trial.tell(&format!("add urn:a a={}(t={second})", value(second))).await;
    let next = second + 1;
    trial.tell(&format!("correct urn:a {} a={}", instance(next), value(next))).await;
}

async fn told(trial: &Trial, attribute: &str) -> Vec<Reading> {
    let answer = trial.recall("urn:a", everything()).await.expect("an answer");
    let attributes = answer.expect("an evolution").evolutions.remove(0).attributes;
    match attributes.into_iter().find(|(known, _)| *known == name(attribute)) {
        Some((_, Told::Readings(readings))) => readings,
        other => panic!("no readings: {other:?}"),
    }
}
