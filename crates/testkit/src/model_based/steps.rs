//! What can be done with a store, one step after another.

use model::{Change, HistoryChange};
use query::Query;
use store::{DocumentKey, QueryHistory};

use super::rules::Who;
use super::vocabulary::tenant;
use super::{changes, histories, questions};
use crate::chance::Chance;

#[derive(Clone, Debug)]
pub enum Step {
    /// Somebody else goes on.
    As(Who),
    Commit(Vec<Change>),
    Ask(Query),
    Chronicle(Vec<HistoryChange>),
    AskHistory(QueryHistory),
    /// Time passes: so many microseconds.
    Wait(i64),
    Sweep,
    PutDocument(DocumentKey, Option<Vec<u8>>),
    Restart,
}

/// First some entities, then anything.
pub fn random(chance: &mut Chance, count: usize) -> Vec<Step> {
    let mut steps = vec![Step::Commit(chance.list(0, 12, changes::creation))];
    steps.extend((1..count).map(|_| step(chance)));
    steps
}

fn step(chance: &mut Chance) -> Step {
    match chance.below(62) {
        0..16 => Step::Commit(chance.list(1, 4, changes::change)),
        16..34 => Step::Ask(questions::query(chance)),
        34..36 => Step::Wait(chance.pick(&[1, 1_000_000, 5_000_000])),
        36 => Step::Sweep,
        37..39 => document(chance),
        39 => Step::Restart,
        40..50 => Step::Chronicle(chance.list(1, 3, histories::change)),
        50..54 => Step::As(Who::random(chance)),
        _ => Step::AskHistory(histories::question(chance)),
    }
}

fn document(chance: &mut Chance) -> Step {
    let kind = chance.pick(&["context", "key"]);
    let name = chance.pick(&["a", "b"]).to_owned();
    let bytes = (!chance.once_in(3)).then(|| chance.list(0, 3, |chance| chance.bits() as u8));
    Step::PutDocument(DocumentKey { kind, tenant: tenant(chance), name }, bytes)
}
