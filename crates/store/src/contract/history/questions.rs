//! Which evolutions are meant, and a page of them.

use query::{
    Direction, Filter, GeoCondition, GeoRelation, Page, ReadingSelection, ScopeCondition,
    TimeProperty,
};

use super::super::Home;
use super::super::filters::{equals, exists, greater, number, of_type, text};
use super::super::notation::{geometry, id, name};
use super::{Trial, everything, ids, window};
use crate::{HistoryAnswer, QueryHistory};

pub(in crate::contract) async fn evolutions_are_found_by_what_they_are(home: &dyn Home) {
    let trial = city(home).await;
    for (filter, expected) in [
        (Filter::Everything, "a b c d"),
        (Filter::Ids(["urn:c", "urn:none", "urn:a"].map(id).into()), "a c"),
        (of_type("Lamp"), "a b d"),
        (of_type("Meter"), "b c"),
        (of_type("Nothing"), ""),
        (Filter::Attributes(vec![name("colour"), name("b")]), "b c"),
        (Filter::All(vec![of_type("Lamp"), of_type("Meter")]), "b"),
    ] {
        check(&trial, everything(), filter, expected).await;
    }
}

pub(in crate::contract) async fn evolutions_are_found_by_any_of_their_readings(home: &dyn Home) {
    let trial = city(home).await;
    let near = |property: &str, x| {
        let geometry = geometry(&format!("{x},60.17"));
        let relation = GeoRelation::NearMax(500.0);
        Filter::Geo(GeoCondition { property: name(property), relation, geometry })
    };
    let scope = |below, levels: &[&str]| {
        let levels = levels.iter().map(|level| Some((*level).to_owned())).collect();
        Filter::Scope(ScopeCondition::Matches { levels, below })
    };
    for (filter, expected) in [
        (equals("a", number(1.0)), "a d"),
        (equals("a", number(2.0)), "a b"),
        (greater("a", number(1.5)), "a b"),
        (Filter::All(vec![equals("a", number(1.0)), equals("a", number(2.0))]), "a"),
        (equals("colour", text("red")), "c"),
        (exists("location"), "b"),
        (near("location", 24.94), "b"),
        (near("location", 25.94), "b"),
        (near("location", 26.94), ""),
        (scope(false, &["Kallio"]), "a"),
        (scope(false, &["Toolo"]), "a"),
        (scope(true, &[]), "a"),
    ] {
        check(&trial, everything(), filter, expected).await;
    }
}

pub(in crate::contract) async fn filters_are_asked_of_the_readings_in_the_window(home: &dyn Home) {
    let trial = city(home).await;
    let within = |from, until| ReadingSelection {
        window: window(TimeProperty::ObservedAt, from, until),
        ..everything()
    };
    check(&trial, within(Some(10), None), Filter::Everything, "a b").await;
    check(&trial, within(Some(10), Some(15)), Filter::Everything, "b").await;
    check(&trial, within(Some(1_000), None), Filter::Everything, "").await;
    check(&trial, within(None, Some(10)), equals("a", number(1.0)), "a d").await;
    check(&trial, within(Some(10), None), equals("a", number(1.0)), "").await;
    // A condition may be on what is not told.
    let told = ReadingSelection { attributes: Some(vec![name("b")]), ..within(None, None) };
    check(&trial, told.clone(), equals("a", number(2.0)), "b").await;
    check(&trial, ReadingSelection { omitted: vec![name("b")], ..told }, Filter::Everything, "")
        .await;
}

pub(in crate::contract) async fn deleted_entities_are_found_by_their_past(home: &dyn Home) {
    let trial = city(home).await;
    trial.later(100).done("delete urn:a").await;
    check(&trial, everything(), equals("a", number(1.0)), "a d").await;
    let deleted =
        ReadingSelection { window: window(TimeProperty::DeletedAt, None, None), ..everything() };
    check(&trial, deleted.clone(), Filter::Everything, "a").await;
    // A deletion has no value.
    check(&trial, deleted, exists("a"), "").await;
    trial.later(101).tell("forget urn:a").await;
    check(&trial, everything(), equals("a", number(1.0)), "d").await;
}

pub(in crate::contract) async fn evolutions_are_told_in_pages(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for nth in 0..23 {
        trial.tell(&format!("tell urn:{nth:02} Lamp a={nth}(t=-{nth})")).await;
    }
    trial.tell("tell urn:none Meter").await;
    for (limit, by_id) in [
        (1, None),
        (5, None),
        (5, Some(Direction::Ascending)),
        (7, Some(Direction::Descending)),
        (100, None),
    ] {
        let ask = |offset| QueryHistory {
            by_id,
            page: Page { offset, limit },
            count: true,
            ..trial.history_question(Filter::Everything)
        };
        let mut found: Vec<String> = Vec::new();
        loop {
            let answer = trial.ask_history(ask(found.len())).await;
            assert_eq!(answer.total, Some(23), "an evolution without readings is not found");
            found.extend(ids(&answer).split_whitespace().map(str::to_owned));
            assert_eq!(answer.more, found.len() < 23);
            if !answer.more {
                break;
            }
        }
        match by_id {
            None => found.sort(),
            Some(Direction::Descending) => found.reverse(),
            Some(Direction::Ascending) => {}
        }
        let all: Vec<String> = (0..23).map(|nth| format!("{nth:02}")).collect();
        assert_eq!(found, all, "{limit} {by_id:?}");
    }
    let beyond = QueryHistory {
        page: Page { offset: 40, limit: 5 },
        ..trial.history_question(Filter::Everything)
    };
    let answer = trial.ask_history(beyond).await;
    assert_eq!((ids(&answer).as_str(), answer.total, answer.more), ("", None, false));
}

pub(in crate::contract) async fn one_limit_holds_for_all_evolutions_of_an_answer(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.tell("tell urn:a Lamp a=1(t=-9) a=2(t=-7) a=3(t=-5)").await;
    trial.tell("tell urn:b Lamp a=4(t=-8) a=5(t=-6) a=6(t=-4)").await;
    trial.tell("tell urn:c Lamp a=7(t=-3)").await;
    let ask = |limit, last_n| QueryHistory {
        readings: ReadingSelection { limit, last_n, ..everything() },
        ..trial.history_question(Filter::Everything)
    };
    for (limit, last_n, expected) in [
        (
            7,
            None,
            "Lamp a=1(t=-9) a=2(t=-7) a=3(t=-5); Lamp a=4(t=-8) a=5(t=-6) a=6(t=-4); Lamp a=7(t=-3)",
        ),
        (3, None, "Lamp a=1(t=-9) a=2(t=-7); Lamp a=4(t=-8); Lamp a=.. .."),
        (2, Some(5), "Lamp a=..; Lamp a=6(t=-4); Lamp a=7(t=-3) .."),
        (5, Some(1), "Lamp a=3(t=-5); Lamp a=6(t=-4); Lamp a=7(t=-3)"),
    ] {
        let answer = trial.ask_history(ask(limit, last_n)).await;
        assert_eq!(shown(&answer), expected, "{limit} {last_n:?}");
    }
}

async fn check(trial: &Trial, readings: ReadingSelection, filter: Filter, expected: &str) {
    let shown = format!("{filter:?} {readings:?}");
    let ask = |by_id| QueryHistory {
        by_id,
        readings: readings.clone(),
        ..trial.history_question(filter.clone())
    };
    let answer = trial.ask_history(ask(Some(Direction::Ascending))).await;
    assert_eq!(ids(&answer), expected, "{shown}");
    let any = ids(&trial.ask_history(ask(None)).await);
    let mut any: Vec<&str> = any.split_whitespace().collect();
    any.sort_unstable();
    assert_eq!(any.join(" "), expected, "in any order: {shown}");
}

/// `urn:a`: two values of `a`, two scopes. `urn:b`: has been in two places, and of two types.
/// `urn:c`: without moments. `urn:d`: one reading.
async fn city(home: &dyn Home) -> Trial {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp /Kallio a=1(t=0)").await;
    trial.later(20).done("append urn:a /Toolo a=2(t=20)").await;
    trial.done("create urn:b Meter location@24.94,60.17(t=0) a=2(t=0) b=1(t=0)").await;
    trial.later(20).done("replace urn:b Lamp location@25.94,60.17(t=12) a=2(t=0) b=1(t=0)").await;
    trial.done("create urn:c Meter colour=red").await;
    trial.done("create urn:d Lamp a=1(t=5)").await;
    trial
}

fn shown(answer: &HistoryAnswer) -> String {
    let evolutions: Vec<String> =
        answer.evolutions.iter().map(super::super::notation::show_evolution).collect();
    format!("{}{}", evolutions.join("; "), if answer.cut { " .." } else { "" })
}
