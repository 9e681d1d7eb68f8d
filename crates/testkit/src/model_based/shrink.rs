//! The shortest work that still shows a difference.

use model::{
    Attribute, Attributes, Change, Draft, Fragment, HistoryChange, HistoryOperation, InstanceList,
    Operation, Readings,
};
use query::{Condition, Filter, Query};
use store::contract::Home;

use super::run;
use super::steps::Step;

/// How often a failing case is tried again with something left out.
const RUNS_MAX: usize = 600;

/// Leaves out steps, then parts of steps, while what is left still fails.
pub async fn shrink<H: Home>(
    make: &impl AsyncFn() -> H,
    steps: Vec<Step>,
    difference: String,
) -> (Vec<Step>, String) {
    let mut shrinking = Shrinking { make, steps, difference, runs: 0 };
    // Often the difference does not need changes to come in one call.
    shrinking.attempt(finer(&shrinking.steps)).await;
    shrinking.leave_out_steps().await;
    shrinking.simplify_steps().await;
    (shrinking.steps, shrinking.difference)
}

struct Shrinking<'a, F> {
    make: &'a F,
    steps: Vec<Step>,
    difference: String,
    runs: usize,
}

impl<H: Home, F: AsyncFn() -> H> Shrinking<'_, F> {
    /// Keeps these steps if they fail too.
    async fn attempt(&mut self, steps: Vec<Step>) -> bool {
        if self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        match run(self.make, &steps).await {
            Ok(()) => false,
            Err(difference) => {
                (self.steps, self.difference) = (steps, difference);
                true
            }
        }
    }

    /// Ever smaller runs of steps; one by one until no single one can go.
    async fn leave_out_steps(&mut self) {
        let mut size = self.steps.len().div_ceil(2);
        while size > 0 && self.runs < RUNS_MAX {
            let before = self.steps.len();
            let mut at = 0;
            while at < self.steps.len() {
                let mut rest = self.steps.clone();
                rest.drain(at..(at + size).min(rest.len()));
                if !self.attempt(rest).await {
                    at += size;
                }
            }
            if size > 1 || self.steps.len() == before {
                size /= 2;
            }
        }
    }

    async fn simplify_steps(&mut self) {
        for at in 0..self.steps.len() {
            while self.simplify_step(at).await {}
        }
    }

    async fn simplify_step(&mut self, at: usize) -> bool {
        for simpler in simpler(&self.steps[at]) {
            let mut steps = self.steps.clone();
            steps[at] = simpler;
            if self.attempt(steps).await {
                return true;
            }
        }
        false
    }
}

/// Each change in a commit of its own, so that it can be left out alone.
fn finer(steps: &[Step]) -> Vec<Step> {
    let finer = steps.iter().flat_map(|step| match step {
        Step::Commit(changes) => {
            changes.iter().map(|change| Step::Commit(vec![change.clone()])).collect()
        }
        Step::Chronicle(changes) => {
            changes.iter().map(|change| Step::Chronicle(vec![change.clone()])).collect()
        }
        other => vec![other.clone()],
    });
    finer.collect()
}

/// The step with one thing left out, in each way there is.
fn simpler(step: &Step) -> Vec<Step> {
    match step {
        Step::Commit(changes) if changes.len() > 1 => {
            without_one(changes).map(Step::Commit).collect()
        }
        Step::Commit(changes) => {
            let one = changes.iter().flat_map(|change| {
                let simpler = simpler_operations(&change.operation).into_iter();
                simpler.map(|operation| Change { operation, ..change.clone() })
            });
            one.map(|change| Step::Commit(vec![change])).collect()
        }
        Step::Chronicle(changes) if changes.len() > 1 => {
            without_one(changes).map(Step::Chronicle).collect()
        }
        Step::Chronicle(changes) => changes
            .iter()
            .flat_map(|change| {
                let simpler = simpler_histories(&change.operation).into_iter();
                simpler.map(|operation| HistoryChange { operation, ..change.clone() })
            })
            .map(|change| Step::Chronicle(vec![change]))
            .collect(),
        Step::Ask(query) => simpler_queries(query).into_iter().map(Step::Ask).collect(),
        _ => Vec::new(),
    }
}

fn simpler_operations(operation: &Operation) -> Vec<Operation> {
    match operation {
        Operation::Create(draft) => simpler_drafts(draft).map(Operation::Create).collect(),
        Operation::Replace(draft) => simpler_drafts(draft).map(Operation::Replace).collect(),
        Operation::CreateOrReplace(draft) => {
            simpler_drafts(draft).map(Operation::CreateOrReplace).collect()
        }
        Operation::CreateOrAppend(draft) => {
            simpler_drafts(draft).map(Operation::CreateOrAppend).collect()
        }
        Operation::Update(fragment) => simpler_fragments(fragment).map(Operation::Update).collect(),
        Operation::Append { fragment, overwrite } => simpler_fragments(fragment)
            .map(|fragment| Operation::Append { fragment, overwrite: *overwrite })
            .collect(),
        Operation::Merge { fragment, observed_at } => simpler_fragments(fragment)
            .map(|fragment| Operation::Merge { fragment, observed_at: *observed_at })
            .collect(),
        _ => Vec::new(),
    }
}

fn simpler_histories(operation: &HistoryOperation) -> Vec<HistoryOperation> {
    match operation {
        HistoryOperation::Upsert(readings) => {
            simpler_readings(readings).into_iter().map(HistoryOperation::Upsert).collect()
        }
        HistoryOperation::Add(readings) => {
            simpler_readings(readings).into_iter().map(HistoryOperation::Add).collect()
        }
        _ => Vec::new(),
    }
}

fn simpler_readings(readings: &Readings) -> Vec<Readings> {
    let mut simpler: Vec<Readings> = without_one(&readings.attributes)
        .map(|attributes| Readings { attributes, ..readings.clone() })
        .collect();
    for (at, (_, all)) in readings.attributes.iter().enumerate() {
        if all.len() > 1 {
            let halves = [all[..all.len() / 2].to_vec(), all[all.len() / 2..].to_vec()];
            for fewer in halves.into_iter().chain(without_one(all)) {
                let mut attributes = readings.attributes.clone();
                attributes[at].1 = fewer;
                simpler.push(Readings { attributes, ..readings.clone() });
            }
        }
    }
    simpler
}

fn simpler_drafts(draft: &Draft) -> impl Iterator<Item = Draft> {
    let attributes: Vec<Attribute> = draft.attributes.iter().cloned().collect();
    let singly = attributes.iter().enumerate().filter(|(_, one)| one.instances.len() > 1);
    let of_one = singly.map(|(at, one)| {
        let mut attributes = attributes.clone();
        attributes[at].instances = InstanceList::from([one.instances[0].clone()]);
        attributes
    });
    let fewer: Vec<_> = without_one(&attributes).chain(of_one).collect();
    let bare = Draft { scopes: Vec::new(), expires_at: None, ..draft.clone() };
    let bare = (bare != *draft).then_some(bare);
    let fewer = fewer.into_iter().map(Attributes::new);
    bare.into_iter().chain(fewer.map(|attributes| Draft { attributes, ..draft.clone() }))
}

fn simpler_fragments(fragment: &Fragment) -> impl Iterator<Item = Fragment> {
    without_one(&fragment.attributes).map(|attributes| Fragment { attributes, ..fragment.clone() })
}

fn simpler_queries(query: &Query) -> Vec<Query> {
    let orders = without_one(&query.order).map(|order| Query { order, ..query.clone() });
    let filters = match &query.filter {
        Filter::All(filters) | Filter::Any(filters) => filters.clone(),
        Filter::Not(inner) => vec![(**inner).clone()],
        Filter::Condition(Condition::All(conditions) | Condition::Any(conditions)) => {
            conditions.iter().cloned().map(Filter::Condition).collect()
        }
        _ => Vec::new(),
    };
    let filters = filters.into_iter().map(|filter| Query { filter, ..query.clone() });
    orders.chain(filters).collect()
}

fn without_one<T: Clone>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    (0..items.len()).map(|at| {
        let mut rest = items.to_vec();
        rest.remove(at);
        rest
    })
}
