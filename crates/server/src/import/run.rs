//! The import itself: records to changes, changes to the store, a batch at a time.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use broker::{Broker, BrokerError};
use model::{Change, EntityId, HistoryChange, HistoryOperation, Operation, Readings, Tenant};
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
    /// The file has what was said of entities over time; that is added to their history.
    History,
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

/// How many readings are written at a time.
const READINGS: usize = 50_000;

/// How many refused records are told at the end; the report has all.
const REFUSED_SHOWN_MAX: usize = 20;

/// Records on their way into the store.
struct Batch {
    /// Each with the line where it begins.
    entities: Vec<(u64, Change)>,
    evolutions: Vec<(u64, EntityId, Readings)>,
    /// Where in the batch the evolution of an entity is: its readings go into one change, wherever
    /// they stand.
    known: HashMap<EntityId, usize>,
    readings: usize,
    /// How many records they were.
    records: u64,
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
            if batch.is_empty() {
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
        let mut batch = Batch::new(records.place());
        while !self.is_full(&batch) {
            let Some(Record { line, entity }) = records.read()? else { break };
            let added = match entity {
                Ok(text) => self.add(&mut batch, line, &text).await,
                Err(problem) => Err(problem),
            };
            if let Err(problem) = added {
                batch.refused.push((line, problem));
            }
            batch.next = records.place();
        }
        Ok(batch)
    }

    fn is_full(&self, batch: &Batch) -> bool {
        let records = batch.entities.len() + batch.refused.len();
        match self.mode {
            Mode::History => batch.readings + batch.refused.len() >= READINGS,
            Mode::Replace | Mode::Append => records >= self.batch.max(1),
        }
    }

    async fn add(&mut self, batch: &mut Batch, line: u64, text: &str) -> Result<(), String> {
        let context = self.contexts.of(text).await?;
        let operation = match self.mode {
            Mode::History => {
                let read = read::evolution(text, &context, &self.limits);
                let (id, readings) = read.map_err(|error| error.to_string())?;
                batch.add_readings(line, id, readings);
                return Ok(());
            }
            Mode::Replace => Operation::CreateOrReplace,
            Mode::Append => Operation::CreateOrAppend,
        };
        let read = read::entity(text, &context, &self.limits);
        let (id, draft) = read.map_err(|error| error.to_string())?;
        let (tenant, operation) = (self.tenant.clone(), operation(draft));
        batch.entities.push((line, Change { tenant, id, types: None, operation }));
        Ok(())
    }

    /// A store that does not take changes ends the import; an entity that is refused does not.
    async fn commit(&self, batch: &mut Batch, progress: &mut Progress) -> Result<(), ImportError> {
        let (lines, changes): (Vec<u64>, Vec<Change>) = batch.entities.drain(..).unzip();
        if !changes.is_empty() {
            let outcomes = self.broker.change_all(&self.caller, changes).await;
            for created in judged(&lines, outcomes, &mut batch.refused)? {
                let count =
                    if created.created { &mut progress.created } else { &mut progress.updated };
                *count += 1;
            }
        }
        let evolutions = batch.evolutions.drain(..).map(|(line, id, readings)| {
            let operation = HistoryOperation::Upsert(readings);
            (line, HistoryChange { tenant: self.tenant.clone(), id, operation })
        });
        let (lines, changes): (Vec<u64>, Vec<HistoryChange>) = evolutions.unzip();
        if !changes.is_empty() {
            let outcomes = self.broker.chronicle_all(&self.caller, changes).await;
            judged(&lines, outcomes, &mut batch.refused)?;
            // An entity has many records.
            progress.updated += batch.records;
        }
        Ok(())
    }
}

/// What was done. What was refused is noted with the line where it begins.
fn judged<T>(
    lines: &[u64],
    outcomes: Result<Vec<Result<T, CommitError>>, BrokerError>,
    refused: &mut Vec<(u64, String)>,
) -> Result<Vec<T>, ImportError> {
    let failed = |line, source| ImportError::Broker { line, source };
    let first = lines.first().copied().unwrap_or_default();
    let mut done = Vec::new();
    for (line, outcome) in lines.iter().copied().zip(outcomes.map_err(|e| failed(first, e))?) {
        match outcome {
            Ok(committed) => done.push(committed),
            Err(CommitError::Store(error)) => return Err(failed(line, BrokerError::Store(error))),
            Err(problem) => refused.push((line, problem.to_string())),
        }
    }
    Ok(done)
}

impl Batch {
    fn new(next: Place) -> Batch {
        Batch {
            entities: Vec::new(),
            evolutions: Vec::new(),
            known: HashMap::new(),
            readings: 0,
            records: 0,
            refused: Vec::new(),
            next,
        }
    }

    fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.evolutions.is_empty() && self.refused.is_empty()
    }

    fn add_readings(&mut self, line: u64, id: EntityId, readings: Readings) {
        // A record without readings takes its place as well.
        self.readings += readings.count().max(1);
        self.records += 1;
        match self.known.get(&id).and_then(|at| self.evolutions.get_mut(*at)) {
            Some((_, _, known)) => known.extend(readings),
            None => {
                self.known.insert(id.clone(), self.evolutions.len());
                self.evolutions.push((line, id, readings));
            }
        }
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
