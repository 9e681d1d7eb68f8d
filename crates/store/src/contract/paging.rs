//! Pages joined are the whole, in any size and any order.

use query::{Direction, Filter, Page, Query};

use super::Home;
use super::filters::{by_id, by_value, equals, greater, number, text};
use super::trial::{Trial, ids};

const ENTITIES: usize = 53;

async fn streets(home: &dyn Home) -> Trial {
    let trial = Trial::new(home.open().await);
    for nth in 0..ENTITIES {
        let (kind, lanes) = (["Street", "Road"][nth % 2], nth % 7);
        let at = format!("location@{}.5,60.1", 20 + nth % 5);
        trial.done(&format!("create urn:{nth:02} {kind} lanes={lanes} name=n{nth} {at}")).await;
    }
    trial
}

pub(super) async fn pages_of_any_size_join_to_the_whole(home: &dyn Home) {
    let trial = streets(home).await;
    let orders = [
        vec![],
        vec![by_id(Direction::Descending)],
        vec![by_value("lanes", Direction::Ascending)],
        vec![by_value("lanes", Direction::Descending), by_id(Direction::Ascending)],
        vec![by_value("nothing", Direction::Ascending)],
    ];
    let filters = [Filter::Everything, greater("lanes", number(2.0)), equals("name", text("n7"))];
    for filter in &filters {
        for order in &orders {
            let whole =
                Query { order: order.clone(), count: true, ..trial.question(filter.clone()) };
            for limit in [1, 2, 7, 20, ENTITIES - 1, ENTITIES, ENTITIES + 1] {
                pages_join(&trial, &whole, limit).await;
            }
        }
    }
}

pub(super) async fn reading_on_by_id_joins_to_the_whole(home: &dyn Home) {
    let trial = streets(home).await;
    let order = vec![by_id(Direction::Ascending)];
    for filter in [Filter::Everything, greater("lanes", number(2.0))] {
        let expected = trial.ask(Query { order: order.clone(), ..trial.question(filter.clone()) });
        let expected = ids(&expected.await);
        for limit in [1, 7, ENTITIES] {
            let (mut joined, mut after) = (Vec::new(), None);
            loop {
                let filters = after.take().map(Filter::IdsAfter).into_iter();
                let filter = Filter::All(filters.chain([filter.clone()]).collect());
                let page = Page { offset: 0, limit };
                let query = Query { page, order: order.clone(), ..trial.question(filter) };
                let answer = trial.ask(query).await;
                joined.extend(ids(&answer));
                after = answer.entities.last().map(|entity| entity.id.clone());
                assert_eq!(answer.more, joined.len() < expected.len(), "pages of {limit}");
                if !answer.more {
                    break;
                }
            }
            assert_eq!(joined, expected, "pages of {limit}");
        }
    }
}

async fn pages_join(trial: &Trial, whole: &Query, limit: usize) {
    let all = trial.ask(whole.clone()).await;
    assert_eq!((all.total, all.more), (Some(all.entities.len()), false), "{whole:?}");
    let expected = ids(&all);
    let mut joined = Vec::new();
    loop {
        let page = Page { offset: joined.len(), limit };
        let answer = trial.ask(Query { page, ..whole.clone() }).await;
        assert!(answer.entities.len() <= limit);
        assert_eq!(answer.total, Some(expected.len()), "the total does not depend on the page");
        joined.extend(ids(&answer));
        assert_eq!(answer.more, joined.len() < expected.len(), "{page:?} of {whole:?}");
        if !answer.more {
            break;
        }
        assert!(!answer.entities.is_empty(), "a page with more behind it is not empty");
    }
    assert_eq!(joined, expected, "in pages of {limit}: {whole:?}");
}

pub(super) async fn a_page_beyond_the_end_is_empty(home: &dyn Home) {
    let trial = streets(home).await;
    for offset in [ENTITIES, ENTITIES + 1, 1_000_000] {
        let page = Page { offset, limit: 10 };
        let query = Query { page, count: true, ..trial.question(Filter::Everything) };
        let answer = trial.ask(query).await;
        assert_eq!((ids(&answer).len(), answer.more), (0, false));
        assert_eq!(answer.total, Some(ENTITIES));
    }
}

pub(super) async fn a_page_of_none_counts(home: &dyn Home) {
    let trial = streets(home).await;
    let page = Page { offset: 0, limit: 0 };
    let query = Query { page, count: true, ..trial.question(greater("lanes", number(2.0))) };
    let answer = trial.ask(query).await;
    let expected = (0..ENTITIES).filter(|nth| nth % 7 > 2).count();
    assert_eq!((ids(&answer).len(), answer.total), (0, Some(expected)));
    assert!(answer.more);
}

pub(super) async fn what_was_not_asked_is_not_counted(home: &dyn Home) {
    let trial = streets(home).await;
    let answer = trial.ask(trial.question(Filter::Everything)).await;
    assert_eq!(answer.total, None);
}
