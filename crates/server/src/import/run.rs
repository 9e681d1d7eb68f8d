//! The import itself: records to changes, changes to the store, a batch at a time.

use std::io;
use std::sync::Arc;

use broker::{Broker, BrokerError};
use model::{Change, Operation, Tenant};
use ngsi_ld::read;
use policy::Caller;
use store::{CommitError, StoreError};

use super::bar::Bar;
use super::contexts::Contexts;
use super::input::{Place, SourceError};
use super::progress::{Progress, ProgressFile};
use super::records::{Record, Records};
use super::report::Report;

/// What happens to entities that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are replaced by what the file says.
    Replace,
    /// Attributes of the file are written over theirs; others stay.
    Append,
}

#[derive(Debug)]
pub struct Import {
    pub broker: Arc<Broker>,
    pub caller: Caller,
    pub tenant: Tenant,
    pub mode: Mode,
    pub contexts: Contexts,
    pub limits: read::Limits,
    /// How many entities are written at a time; at least one is.
    pub batch: usize,
}

/// What an import came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub progress: Progress,
    /// The first refused records: line and reason.
    pub refused: Vec<(u64, String)>,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the progress of the import could not be kept: {0}")]
    Progress(#[from] io::Error),
    #[error("line {line}: {source}")]
    Broker { line: u64, source: BrokerError },
}

/// How many refused records are told at the end; the report has all.
const REFUSED_SHOWN_MAX: usize = 20;

/// Records on their way into the store.
struct Batch {
    changes: Vec<Change>,
    lines: Vec<u64>,
    refused: Vec<(u64, String)>,
    /// Where the record after the batch begins.
    next: Place,
}

impl Import {
    /// Imports what follows, and keeps account in `file` where one is given.
    pub async fn run(
        mut self,
        mut records: Records,
        file: Option<&ProgressFile>,
        bar: &mut Bar,
    ) -> Result<Outcome, ImportError> {
        let mut progress = file.and_then(ProgressFile::read).unwrap_or_default();
        if progress.place != Place::START {
            records.seek(progress.place)?;
        }
        let mut report = match file {
            Some(file) => Some(Report::open(file.report.clone(), progress.report_bytes)?),
            None => None,
        };
        let mut shown = Vec::new();
        loop {
            let mut batch = self.collect(&mut records).await?;
            if batch.changes.is_empty() && batch.refused.is_empty() {
                break;
            }
            self.commit(&mut batch, &mut progress).await?;
            progress.place = batch.next;
            progress.refused += batch.refused.len() as u64;
            batch.refused.sort();
            if let Some(report) = &mut report {
                for (line, problem) in &batch.refused {
                    report.note(*line, problem)?;
                }
                progress.report_bytes = report.flush()?;
            }
            let room = REFUSED_SHOWN_MAX - shown.len();
            shown.extend(batch.refused.into_iter().take(room));
            if let Some(file) = file {
                file.write(&progress)?;
            }
            bar.show(progress.place.offset, progress.done(), self.broker.now());
        }
        if let Some(file) = file {
            file.remove()?;
        }
        bar.finish(progress.done(), self.broker.now());
        Ok(Outcome { progress, refused: shown })
    }

    async fn collect(&mut self, records: &mut Records) -> Result<Batch, SourceError> {
        let mut batch = Batch {
            changes: Vec::new(),
            lines: Vec::new(),
            refused: Vec::new(),
            next: records.place(),
        };
        while batch.changes.len() + batch.refused.len() < self.batch.max(1) {
            let Some(Record { line, entity }) = records.read()? else { break };
            let change = match entity {
                Ok(text) => self.change(&text).await,
                Err(problem) => Err(problem),
            };
            match change {
                Ok(change) => {
                    batch.changes.push(change);
                    batch.lines.push(line);
                }
                Err(problem) => batch.refused.push((line, problem)),
            }
            batch.next = records.place();
        }
        Ok(batch)
    }

    async fn change(&mut self, text: &str) -> Result<Change, String> {
        let context = self.contexts.of(text).await?;
        let read = read::entity(text, &context, &self.limits);
        let (id, draft) = read.map_err(|error| error.to_string())?;
        let operation = match self.mode {
            Mode::Replace => Operation::CreateOrReplace(draft),
            Mode::Append => Operation::CreateOrAppend(draft),
        };
        Ok(Change { tenant: self.tenant.clone(), id, types: None, operation })
    }

    /// A store that does not take changes ends the import; an entity that is refused does not.
    async fn commit(&self, batch: &mut Batch, progress: &mut Progress) -> Result<(), ImportError> {
        if batch.changes.is_empty() {
            return Ok(());
        }
        let first = batch.lines.first().copied().unwrap_or_default();
        let failed = |line, source| ImportError::Broker { line, source };
        let outcomes = self.broker.change_all(&self.caller, std::mem::take(&mut batch.changes));
        let outcomes = outcomes.await.map_err(|error| failed(first, error))?;
        for (line, outcome) in batch.lines.iter().copied().zip(outcomes) {
            match outcome {
                Ok(committed) if committed.created => progress.created += 1,
                Ok(_) => progress.updated += 1,
                Err(CommitError::Store(error)) => {
                    return Err(failed(line, BrokerError::Store(error)));
                }
                Err(refused) => batch.refused.push((line, refused.to_string())),
            }
        }
        Ok(())
    }
}

impl ImportError {
    /// Can the same import go on later?
    pub fn is_resumable(&self) -> bool {
        match self {
            ImportError::Broker { source: BrokerError::Store(error), .. } => {
                !matches!(error, StoreError::Damaged { .. })
            }
            ImportError::Broker { .. } | ImportError::Progress(_) => false,
            ImportError::Source(error) => matches!(error, SourceError::Io(_)),
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
