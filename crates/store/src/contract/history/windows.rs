//! Which readings are meant, and how many of them an answer holds.

use query::{ReadingSelection, TimeProperty};

use super::super::Home;
use super::super::notation::{id, name};
use super::{Trial, everything, window};

pub(in crate::contract) async fn readings_are_chosen_by_each_of_their_moments(home: &dyn Home) {
    use TimeProperty::{CreatedAt, DeletedAt, ModifiedAt, ObservedAt};
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0) b=1").await;
    trial.later(10).done("append urn:a a=2(t=5) b=2").await;
    trial.later(20).done("delete-attribute urn:a b").await;
    trial.later(30).tell("add urn:a a=0(t=-5)").await;
    for (property, from, until, expected) in [
        (ObservedAt, None, None, "a=0(t=-5) a=1(t=0) a=2(t=5)"),
        (ObservedAt, Some(0), None, "a=1(t=0) a=2(t=5)"),
        (ObservedAt, None, Some(0), "a=0(t=-5)"),
        (ObservedAt, Some(0), Some(5), "a=1(t=0)"),
        (ObservedAt, Some(5), Some(5), ""),
        (ObservedAt, Some(6), None, ""),
        (CreatedAt, None, None, "a=1(t=0) a=2(t=5) a=0(t=-5) b=1(r=0) b=2(r=10) -b(r=20)"),
        (CreatedAt, Some(1), None, "a=0(t=-5)"),
        (CreatedAt, None, Some(30), "a=1(t=0) a=2(t=5) b=1(r=0) b=2(r=10) -b(r=20)"),
        (ModifiedAt, None, Some(10), "a=1(t=0) b=1(r=0)"),
        (ModifiedAt, Some(10), None, "a=2(t=5) a=0(t=-5) b=2(r=10) -b(r=20)"),
        (ModifiedAt, Some(20), Some(30), "-b(r=20)"),
        (DeletedAt, None, None, "-b(r=20)"),
        (DeletedAt, Some(21), None, ""),
        (DeletedAt, Some(20), Some(21), "-b(r=20)"),
    ] {
        let selection = ReadingSelection { window: window(property, from, until), ..everything() };
        let told = trial.selected("urn:a", selection).await;
        let expected = format!("Lamp {expected}");
        assert_eq!(told, expected.trim_end(), "{property:?} {from:?} {until:?}");
    }
}

pub(in crate::contract) async fn windows_take_readings_before_the_epoch(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let long_ago = "observedAt=1950-01-01T00:00:00Z";
    trial.tell(&format!("tell urn:a Lamp a=1({long_ago}) a=2(t=0)")).await;
    let selection = |from, until| ReadingSelection {
        window: window(TimeProperty::ObservedAt, from, until),
        ..everything()
    };
    assert_eq!(trial.selected("urn:a", selection(Some(-10), None)).await, "Lamp a=2(t=0)");
    let told = trial.selected("urn:a", selection(None, Some(-10))).await;
    assert!(told.starts_with("Lamp a=1(t=-") && !told.contains("a=2"), "{told}");
}

pub(in crate::contract) async fn attributes_are_picked_and_omitted(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp a=1(t=0) b=2(t=0) ab=3(t=0)").await;
    let names = |terms: &str| terms.split_whitespace().map(name).collect::<Vec<_>>();
    for (picked, omitted, expected) in [
        (Some("a"), "", "Lamp a=1(t=0)"),
        (Some("b a c"), "", "Lamp a=1(t=0) b=2(t=0)"),
        (Some("c"), "", "Lamp"),
        (Some(""), "", "Lamp"),
        (None, "a c", "Lamp ab=3(t=0) b=2(t=0)"),
        (Some("a b"), "a", "Lamp b=2(t=0)"),
    ] {
        let selection = ReadingSelection {
            attributes: picked.map(names),
            omitted: names(omitted),
            ..everything()
        };
        assert_eq!(trial.selected("urn:a", selection).await, expected, "{picked:?} {omitted}");
    }
}

pub(in crate::contract) async fn datasets_are_chosen(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let d = |nth| format!("datasetId=urn:d:{nth}");
    trial
        .done(&format!("create urn:a Lamp a=1(t=0) a=2(t=1 {}) a=3(t=2 {}) b=4(t=0)", d(1), d(2)))
        .await;
    let (one, two) = (format!("a=2({} t=1)", d(1)), format!("a=3({} t=2)", d(2)));
    for (datasets, expected) in [
        (vec![None], "Lamp a=1(t=0) b=4(t=0)".to_owned()),
        (vec![Some("urn:d:1")], format!("Lamp {one}")),
        (vec![Some("urn:d:2"), None], format!("Lamp a=1(t=0) {two} b=4(t=0)")),
        (vec![Some("urn:d:3")], "Lamp".to_owned()),
    ] {
        let datasets = datasets.into_iter().map(|dataset| dataset.map(id)).collect();
        let selection = ReadingSelection { datasets: Some(datasets), ..everything() };
        assert_eq!(trial.selected("urn:a", selection).await, expected);
    }
}

pub(in crate::contract) async fn the_last_readings_are_told(home: &dyn Home) {
    let trial = many(home).await;
    let last = |last_n, until| ReadingSelection {
        last_n: Some(last_n),
        window: window(TimeProperty::ObservedAt, None, until),
        ..everything()
    };
    let two = "Lamp a=8(t=8) a=9(t=9) b=8(t=8) b=9(t=9)";
    assert_eq!(trial.selected("urn:a", last(2, None)).await, two);
    let before = "Lamp a=3(t=3) a=4(t=4) b=4(t=4)";
    assert_eq!(trial.selected("urn:a", last(2, Some(5))).await, before);
    let all = trial.past("urn:a").await;
    assert_eq!(trial.selected("urn:a", last(1_000, None)).await, all);
}

pub(in crate::contract) async fn an_answer_ends_where_it_is_full(home: &dyn Home) {
    let trial = many(home).await;
    let first = |limit| ReadingSelection { limit, ..everything() };
    for (limit, expected) in [
        (
            16,
            "Lamp a=0(t=0) a=1(t=1) a=2(t=2) a=3(t=3) a=4(t=4) a=5(t=5) a=6(t=6) a=7(t=7) \
              a=8(t=8) a=9(t=9) b=4(t=4) b=5(t=5) b=6(t=6) b=7(t=7) b=8(t=8) b=9(t=9)",
        ),
        (6, "Lamp a=0(t=0) a=1(t=1) a=2(t=2) a=3(t=3) a=4(t=4) b=4(t=4) .."),
        (5, "Lamp a=0(t=0) a=1(t=1) a=2(t=2) a=3(t=3) b=.. .."),
        (2, "Lamp a=0(t=0) a=1(t=1) b=.. .."),
    ] {
        assert_eq!(trial.selected("urn:a", first(limit)).await, expected, "{limit}");
    }
}

pub(in crate::contract) async fn an_answer_of_the_last_ends_at_the_same_moment(home: &dyn Home) {
    let trial = many(home).await;
    let last = |last_n, limit| ReadingSelection { last_n: Some(last_n), limit, ..everything() };
    for (last_n, limit, expected) in [
        (3, 6, "Lamp a=7(t=7) a=8(t=8) a=9(t=9) b=7(t=7) b=8(t=8) b=9(t=9)"),
        (3, 5, "Lamp a=8(t=8) a=9(t=9) b=8(t=8) b=9(t=9) .."),
        (9, 2, "Lamp a=9(t=9) b=9(t=9) .."),
        (9, 1, "Lamp a=9(t=9) b=9(t=9) .."),
    ] {
        assert_eq!(
            trial.selected("urn:a", last(last_n, limit)).await,
            expected,
            "{last_n} {limit}"
        );
    }
}

/// Out of order: `a` at the seconds 0 to 9, `b` at 4 to 9.
async fn many(home: &dyn Home) -> Trial {
    let trial = Trial::new(home.open().await);
    trial.tell("tell urn:a Lamp a=3(t=3) a=0(t=0) b=4(t=4) b=5(t=5)").await;
    trial.later(50).tell("add urn:a b=9(t=9) a=9(t=9) a=1(t=1) a=2(t=2) a=4(t=4)").await;
    trial.later(60).tell("add urn:a b=6(t=6) b=7(t=7) a=8(t=8) a=5(t=5)").await;
    trial.later(60).tell("add urn:a b=8(t=8) a=6(t=6) a=7(t=7)").await;
    trial
}
