//! A store and the reference, asked about the past.

use model::HistoryChange;
use query::{Page, ReadingSelection};
use store::contract::{Home, notation};
use store::{
    Chronicled, CommitError, Evolution, HistoryAnswer, HistoryError, QueryHistory, RetrieveHistory,
    Store,
};

use super::pair::{Pair, Same, same};
use super::vocabulary::{IDS, TENANTS};

const EVERYTHING: ReadingSelection = ReadingSelection {
    window: None,
    attributes: None,
    omitted: Vec::new(),
    datasets: None,
    last_n: None,
    aggregation: None,
    limit: usize::MAX,
};

impl<H: Home> Pair<H> {
    pub(super) async fn chronicle(&self, changes: &[HistoryChange]) -> Same {
        let permitted = || changes.iter().cloned().filter_map(|one| self.permit(one)).collect();
        let ours = self.store().chronicle(permitted(), self.now).await;
        let theirs = self.reference.chronicle(permitted(), self.now).await;
        let told = |outcomes: &[_]| outcomes.iter().map(outcome).collect::<Vec<_>>();
        same("the answer to a chronicle", &told(&ours), &told(&theirs))
    }

    /// Every evolution, with all of its readings.
    pub(super) async fn evolutions(&self) -> Same {
        for tenant in TENANTS.map(notation::tenant) {
            for id in IDS.map(notation::id) {
                let readings = EVERYTHING;
                let request = RetrieveHistory { tenant: tenant.clone(), id: id.clone(), readings };
                let Some(request) = self.permit(request) else { continue };
                let ours = self.store().evolution(request.clone(), self.now).await;
                let theirs = self.reference.evolution(request, self.now).await;
                let told = |answer: Result<Option<HistoryAnswer>, _>| {
                    answer.map(|answer| answer.map(told)).map_err(|error| failure(&error))
                };
                same(&format!("the evolution of {id} of {tenant}"), &told(ours), &told(theirs))?;
            }
        }
        Ok(())
    }

    /// In the order asked for, a page is the same; where none is, all of them are.
    pub(super) async fn ask_history(&self, query: &QueryHistory) -> Same {
        let page = Page { offset: 0, limit: usize::MAX };
        let any_order = QueryHistory { by_id: None, page, ..query.clone() };
        for query in [query.clone(), any_order] {
            let sorted = query.by_id.is_none();
            let ours = history(self.store(), query.clone(), sorted, self).await;
            let theirs = history(&self.reference, query, sorted, self).await;
            same("an answer about the past", &ours, &theirs)?;
        }
        Ok(())
    }
}

async fn history<H: Home>(
    store: &dyn Store,
    query: QueryHistory,
    sorted: bool,
    pair: &Pair<H>,
) -> Result<(Vec<Evolution>, Option<usize>, bool, bool), String> {
    let Some(query) = pair.permit(query) else { return Err("may not be asked".to_owned()) };
    let answer = store.history(query, pair.now).await;
    let mut answer = answer.map(told).map_err(|error| failure(&error))?;
    if sorted {
        answer.0.sort_by(|left, right| left.header.id.cmp(&right.header.id));
    }
    Ok(answer)
}

/// In which order types stand is the store's own; so is which of several attributes is refused.
fn told(mut answer: HistoryAnswer) -> (Vec<Evolution>, Option<usize>, bool, bool) {
    for evolution in &mut answer.evolutions {
        evolution.header.types.sort();
    }
    (answer.evolutions, answer.total, answer.more, answer.cut)
}

fn failure(error: &HistoryError) -> String {
    match error {
        HistoryError::NotEligible { .. } | HistoryError::TooManyPeriods { .. } => {
            "cannot be aggregated".to_owned()
        }
        HistoryError::Store(error) => format!("the store fails: {error}"),
    }
}

fn outcome(outcome: &Result<Chronicled, CommitError>) -> String {
    match outcome {
        Err(error) => format!("refused: {error}"),
        Ok(Chronicled { created, event }) => format!("created={created} {event:?}"),
    }
}
