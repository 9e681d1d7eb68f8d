//! The evolution of entities: what is recorded of them, what can be told of them later, and what
//! is answered.

pub(super) mod aggregates;
pub(super) mod chronicle;
pub(super) mod corrections;
pub(super) mod questions;
pub(super) mod recording;
pub(super) mod values;
pub(super) mod windows;

use query::{Page, ReadingSelection, TimeProperty, Window};

use super::notation::{at, history_change, id, show_evolution};
use super::trial::Trial;
use crate::{Chronicled, CommitError, HistoryAnswer, HistoryError, QueryHistory, RetrieveHistory};

/// More readings than any promise writes.
const ALL: usize = 1_000_000;

/// All readings there are.
fn everything() -> ReadingSelection {
    ReadingSelection {
        window: None,
        attributes: None,
        omitted: Vec::new(),
        datasets: None,
        last_n: None,
        aggregation: None,
        limit: ALL,
    }
}

/// Seconds after the start of the trial.
fn window(property: TimeProperty, from: Option<i64>, until: Option<i64>) -> Option<Window> {
    let instant = |seconds: i64| at(seconds).instant();
    Some(Window { property, from: from.map(instant), until: until.map(instant) })
}

impl Trial {
    pub async fn chronicle(&self, changes: &[&str]) -> Vec<Result<Chronicled, CommitError>> {
        let ours = |text: &&str| {
            let change = history_change(text);
            self.permitted(model::HistoryChange { tenant: self.tenant.clone(), ..change })
        };
        let outcomes = self.store.chronicle(changes.iter().map(ours).collect(), self.now).await;
        assert_eq!(outcomes.len(), changes.len(), "one answer for each change");
        outcomes
    }

    pub async fn tell(&self, change: &str) -> Chronicled {
        let outcome = self.chronicle(&[change]).await.remove(0);
        outcome.unwrap_or_else(|error| panic!("{error}: {change}"))
    }

    /// Why a change of an evolution was refused.
    pub async fn not_told(&self, change: &str) -> String {
        match self.chronicle(&[change]).await.remove(0) {
            Ok(_) => panic!("was not refused: {change}"),
            Err(error) => error.to_string(),
        }
    }

    pub async fn recall(
        &self,
        text: &str,
        readings: ReadingSelection,
    ) -> Result<Option<HistoryAnswer>, HistoryError> {
        let request = RetrieveHistory { tenant: self.tenant.clone(), id: id(text), readings };
        self.store.evolution(self.permitted(request), self.now).await
    }

    /// What is told of an evolution in the notation, `-` where there is none; ` ..` at its end
    /// where there is more than the answer holds.
    pub async fn selected(&self, text: &str, readings: ReadingSelection) -> String {
        let answer = self.recall(text, readings).await.expect("an evolution");
        let Some(answer) = answer else { return "-".to_owned() };
        assert_eq!(answer.evolutions.len(), 1);
        assert_eq!(answer.evolutions[0].header.id, id(text));
        format!("{}{}", show_evolution(&answer.evolutions[0]), if answer.cut { " .." } else { "" })
    }

    pub async fn past(&self, text: &str) -> String {
        self.selected(text, everything()).await
    }

    pub fn history_question(&self, filter: query::Filter) -> QueryHistory {
        QueryHistory {
            tenant: self.tenant.clone(),
            filter,
            scope: None,
            by_id: Some(query::Direction::Ascending),
            page: Page { offset: 0, limit: ALL },
            count: false,
            readings: everything(),
        }
    }

    pub async fn ask_history(&self, request: QueryHistory) -> HistoryAnswer {
        let question = format!("{request:?}");
        let answer = self.store.history(self.permitted(request), self.now).await;
        answer.unwrap_or_else(|error| panic!("{error}: {question}"))
    }
}

/// The ids of the evolutions, without `urn:`.
fn ids(answer: &HistoryAnswer) -> String {
    let ids = answer.evolutions.iter().map(|evolution| evolution.header.id.as_str());
    let ids: Vec<&str> = ids.map(|id| id.strip_prefix("urn:").unwrap_or(id)).collect();
    ids.join(" ")
}
