//! Answers stand in the order asked for.

use query::Direction::{Ascending, Descending};
use query::{Filter, OrderBy, OrderKey};

use super::Home;
use super::filters::{by_id, by_value, of_type};
use super::notation::{geometry, name};
use super::trial::Trial;

async fn things(home: &dyn Home) -> Trial {
    let trial = Trial::new(home.open().await);
    trial
        .create_all(&[
            "urn:d Lamp size=10 label=birch location@24.94,60.17",
            "urn:a Meter size=9 label=alder location@24.96,60.17",
            "urn:c Lamp size=-1.5 label=cedar location@24.95,60.17",
            "urn:b Lamp size=100 label=Aspen location@24.99,60.17",
        ])
        .await;
    trial
}

pub(super) async fn answers_stand_in_the_order_asked_for(home: &dyn Home) {
    let trial = things(home).await;
    for (order, expected) in [
        (by_id(Ascending), "a b c d"),
        (by_id(Descending), "d c b a"),
        (by_value("size", Ascending), "c a d b"),
        (by_value("size", Descending), "b d a c"),
        (by_distance("24.90,60.17", Ascending), "d c a b"),
        (by_distance("24.90,60.17", Descending), "b a c d"),
    ] {
        let shown = format!("{order:?}");
        assert_eq!(trial.ordered(Filter::Everything, vec![order]).await, expected, "{shown}");
    }
}

pub(super) async fn a_later_key_decides_what_an_earlier_one_leaves_open(home: &dyn Home) {
    let trial = things(home).await;
    let by_type = OrderBy { key: OrderKey::Type, direction: Ascending };
    let order = vec![by_type, by_value("size", Descending)];
    assert_eq!(trial.ordered(Filter::Everything, order).await, "b d c a");
}

pub(super) async fn an_order_does_not_change_who_is_meant(home: &dyn Home) {
    let trial = things(home).await;
    trial.done("create urn:e Lamp").await;
    trial.done("create urn:f Lamp size=big").await;
    for direction in [Ascending, Descending] {
        for order in [by_value("size", direction), by_distance("24.90,60.17", direction)] {
            let found = trial.ordered(of_type("Lamp"), vec![order]).await;
            let mut ids: Vec<&str> = found.split(' ').collect();
            ids.sort_unstable();
            assert_eq!(ids, ["b", "c", "d", "e", "f"]);
        }
    }
}

fn by_distance(from: &str, direction: query::Direction) -> OrderBy {
    let key = OrderKey::Distance { property: name("location"), from: geometry(from) };
    OrderBy { key, direction }
}
