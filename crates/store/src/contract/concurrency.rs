//! Many callers at once lose nothing.

use query::Filter;
use tokio::task::JoinSet;

use super::Home;
use super::filters::exists;
use super::notation::name;
use super::trial::Trial;

const CALLERS: usize = 32;
const ROUNDS: usize = 8;

pub(super) async fn changes_of_one_entity_at_once_lose_nothing(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.done("create urn:a Lamp").await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let trial = trial.clone();
        callers.spawn(async move {
            for round in 0..ROUNDS {
                trial.done(&format!("append urn:a of_{caller}_{round}={round}")).await;
            }
        });
    }
    finish(callers).await;
    let entity = trial.entity("urn:a").await.expect("the entity");
    for (caller, round) in (0..CALLERS).flat_map(|caller| (0..ROUNDS).map(move |r| (caller, r))) {
        let attribute = name(&format!("of_{caller}_{round}"));
        assert!(entity.attributes.get(&attribute).is_some(), "lost {attribute}");
    }
    let journal = trial.journal(0, 10_000).await;
    assert_eq!(journal.len(), 1 + CALLERS * ROUNDS);
    for (nth, recorded) in journal.iter().enumerate() {
        let after = recorded.event.after.as_ref().expect("an entity after an append");
        assert_eq!(after.attributes.len(), nth, "each event builds on the one before");
        assert_eq!(recorded.position.0, nth as u64 + 1);
    }
}

pub(super) async fn of_creates_at_once_one_wins(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let trial = trial.clone();
        callers.spawn(async move {
            let outcomes = trial.commit(&[&format!("create urn:a Lamp of={caller}")]).await;
            assert!(outcomes.iter().flatten().all(|committed| committed.created));
            outcomes.iter().flatten().count()
        });
    }
    assert_eq!(finish(callers).await.iter().sum::<usize>(), 1);
    assert_eq!(trial.census().await, "Lamp=1 Lamp.of:Property=1");
}

pub(super) async fn changes_of_many_entities_at_once_are_all_found(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let trial = trial.clone();
        callers.spawn(async move {
            for round in 0..ROUNDS {
                let id = format!("urn:{caller}:{round}");
                trial.done(&format!("create {id} Lamp a=1")).await;
                // What one caller wrote, it reads.
                assert_eq!(trial.shown(&id).await, format!("{id} Lamp a=1"));
                if round % 2 == 0 {
                    trial.done(&format!("delete {id}")).await;
                    assert_eq!(trial.shown(&id).await, "-");
                }
            }
        });
    }
    finish(callers).await;
    let left = CALLERS * ROUNDS / 2;
    for filter in [Filter::Everything, exists("a")] {
        assert_eq!(trial.ask(trial.question(filter)).await.entities.len(), left);
    }
    assert_eq!(trial.census().await, format!("Lamp={left} Lamp.a:Property={left}"));
    let journal = trial.journal(0, 10_000).await;
    let positions: Vec<u64> = journal.iter().map(|recorded| recorded.position.0).collect();
    assert_eq!(positions, (1..=(left * 3) as u64).collect::<Vec<_>>());
}

async fn finish<T: 'static>(mut callers: JoinSet<T>) -> Vec<T> {
    let mut results = Vec::new();
    while let Some(result) = callers.join_next().await {
        results.push(result.expect("a caller that got its answers"));
    }
    results
}
