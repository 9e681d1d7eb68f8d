//! The one thread that writes: it takes what callers want, commits it together, and answers.

mod chronicle;
mod group;
mod historian;
mod keeper;

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use model::{Change, EntityId, HistoryChange, Tenant, Timestamp};
use policy::Permitted;
use store::{Chronicled, CommitError, Committed, DocumentKey, Position, StoreError};
use tokio::sync::oneshot;

use crate::checkpoint::Checkpoint;
use crate::disk;
use crate::encryption::domain_of_tenant;
use crate::journal::JournalWriter;
use crate::names::{InternMemo, Interner, NameId};
use crate::shared::Shared;

pub use group::GROUP_BYTES_MAX;
use group::Group;
use historian::Historian;
use keeper::Keeper;

/// What a caller wants done.
#[derive(Debug)]
pub enum Job {
    Commit {
        changes: Vec<Permitted<Change>>,
        now: Timestamp,
        answer: oneshot::Sender<Vec<Result<Committed, CommitError>>>,
    },
    Chronicle {
        changes: Vec<Permitted<HistoryChange>>,
        now: Timestamp,
        answer: oneshot::Sender<Vec<Result<Chronicled, CommitError>>>,
    },
    Document {
        key: DocumentKey,
        document: Option<Vec<u8>>,
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Write everything to the tables now.
    WriteOut { answer: oneshot::Sender<Result<(), StoreError>> },
    /// Destroy the keys of a tenant, and forget it; answers whether there was one.
    Shred { tenant: Tenant, answer: oneshot::Sender<Result<bool, StoreError>> },
    /// Remove what has expired of these entities; answers how many it touched.
    Expire {
        entities: Vec<(NameId, EntityId)>,
        now: Timestamp,
        answer: oneshot::Sender<Result<usize, StoreError>>,
    },
}

/// Callers that wait for the committer, at most.
const JOBS_WAITING_MAX: usize = 1_024;
/// Changes that share one sync; a batch of a single caller may be larger.
const GROUP_CHANGES_MAX: usize = 256;

/// The way to the committer.
#[derive(Debug)]
pub struct Committer {
    shared: Arc<Shared>,
    jobs: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    pub fn start(
        shared: Arc<Shared>,
        journal: JournalWriter,
        recovered: Checkpoint,
    ) -> std::io::Result<Committer> {
        let (jobs, inbox) = sync_channel(JOBS_WAITING_MAX);
        let (historian, written_out) = Historian::start(shared.clone())?;
        let keeper = Keeper::start(shared.clone(), written_out)?;
        let worker = Worker {
            shared: shared.clone(),
            journal,
            next_position: recovered.next_position,
            next_entity: recovered.next_entity,
            memo: InternMemo::default(),
        };
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || worker.run(&inbox, keeper, historian))?;
        Ok(Committer { shared, jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Hands a job over; waits while too many are waiting.
    pub async fn send(&self, mut job: Job) -> Result<(), StoreError> {
        let stopped = || std::io::Error::other("the store is closed");
        loop {
            let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match jobs.ok_or_else(stopped)?.try_send(job) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(stopped().into()),
                Err(TrySendError::Full(returned)) => job = returned,
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Finishes what was handed over, writes everything to the tables, and stops.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the committer of the store panicked");
        }
    }
}

/// Who has had nothing to do for so long puts things in order.
const IDLE: Duration = Duration::from_secs(5);

struct Worker {
    shared: Arc<Shared>,
    journal: JournalWriter,
    next_position: u64,
    next_entity: u64,
    memo: InternMemo,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Job>, mut keeper: Keeper, historian: Historian) {
        loop {
            let first = match inbox.recv_timeout(IDLE) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    keeper.tidy(|| self.checkpoint());
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut weight = first.weight();
            let mut jobs = vec![first];
            while weight < GROUP_CHANGES_MAX
                && let Ok(job) = inbox.try_recv()
            {
                weight += job.weight();
                jobs.push(job);
            }
            let is_apart = |job: &mut Job| matches!(job, Job::WriteOut { .. } | Job::Shred { .. });
            let apart: Vec<Job> = jobs.extract_if(.., is_apart).collect();
            match keeper.make_room().and_then(|()| disk::check(&self.shared.settings)) {
                Ok(()) => self.commit(jobs),
                Err(error) => jobs.into_iter().for_each(|job| job.refuse(&error)),
            }
            for job in apart {
                match job {
                    Job::WriteOut { answer } => {
                        drop(answer.send(keeper.write_out_now(|| self.checkpoint())));
                    }
                    Job::Shred { tenant, answer } => {
                        drop(answer.send(self.shred(&tenant, &mut keeper)));
                    }
                    _ => {}
                }
            }
            keeper.tend(|| self.checkpoint());
        }
        keeper.stop(|| self.checkpoint());
        historian.stop();
    }

    /// The key goes first: after a stop in the middle, opening forgets the rest.
    fn shred(&self, tenant: &Tenant, keeper: &mut Keeper) -> Result<bool, StoreError> {
        let encryption = &self.shared.encryption;
        let Some(keyring) = encryption.keyring().filter(|_| encryption.is_on()) else {
            let problem = "encryption at rest is off: there is no key to destroy";
            return Err(std::io::Error::other(problem).into());
        };
        if tenant.is_default() {
            let problem = "the tenant without a name has what is kept for all tenants, and cannot \
                           be shredded by itself; destroy the master key to shred everything";
            return Err(std::io::Error::other(problem).into());
        }
        let Some(tenant) = self.shared.tenant(tenant) else { return Ok(false) };
        keyring.shred(domain_of_tenant(tenant)).map_err(std::io::Error::other)?;
        // The checkpoint before has its counts.
        let forgotten = self.shared.forget(tenant);
        let forgotten = forgotten.and_then(|()| keeper.checkpoint_now(|| self.checkpoint()));
        if let Err(error) = forgotten {
            // The keys are gone all the same; the next start forgets the rest.
            tracing::error!(%error, "a tenant was shredded, and not all of it is forgotten yet");
        }
        Ok(true)
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            place: self.journal.end(),
            next_position: self.next_position,
            next_entity: self.next_entity,
            names: self.shared.names.len(),
            counts: self.shared.counts.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Applies the jobs, appends what they did as one frame, and answers them all.
    fn commit(&mut self, jobs: Vec<Job>) {
        let names_before = self.shared.names.len();
        let mut group = Group::new(&self.shared, &mut self.memo, self.next_entity);
        let answers: Vec<Answer> = jobs.into_iter().map(|job| group.apply(job)).collect();
        let finished = group.finish(names_before);
        if !finished.records.is_empty() {
            let events = finished.events.len() as u32;
            let appended = self.journal.append(self.next_position, events, &finished.records);
            if let Err(error) = appended {
                tracing::error!(%error, "could not write to the journal; the changes are refused");
                self.shared.names.forget_since(names_before);
                self.memo.clear();
                let error = StoreError::from(error);
                answers.into_iter().for_each(|answer| answer.fail(&error));
                return;
            }
            self.next_position += u64::from(events);
            self.next_entity = finished.next_entity;
            let mut names = Interner::new(&self.shared.names, &mut self.memo);
            self.shared.publish(finished.writes, finished.events, &mut names);
            self.shared.set_end(self.journal.end(), Position(self.next_position - 1));
        }
        answers.into_iter().for_each(Answer::send);
    }
}

impl Job {
    fn weight(&self) -> usize {
        match self {
            Job::Commit { changes, .. } => changes.len(),
            Job::Chronicle { changes, .. } => changes.len(),
            Job::Document { .. } | Job::WriteOut { .. } | Job::Shred { .. } => 1,
            Job::Expire { entities, .. } => entities.len(),
        }
    }

    /// Answers without having done anything. A caller that has gone away needs no answer.
    fn refuse(self, error: &StoreError) {
        let answer = match self {
            Job::Commit { changes, answer, .. } => {
                let outcomes = changes.iter().map(|_| Err(error.clone().into())).collect();
                Answer::Commit(answer, outcomes)
            }
            Job::Chronicle { changes, answer, .. } => {
                let outcomes = changes.iter().map(|_| Err(error.clone().into())).collect();
                Answer::Chronicle(answer, outcomes)
            }
            Job::Document { answer, .. } | Job::WriteOut { answer } => {
                Answer::Document(answer, Ok(()))
            }
            Job::Expire { answer, .. } => Answer::Expire(answer, 0),
            Job::Shred { answer, .. } => Answer::Shred(answer),
        };
        answer.fail(error);
    }
}

type Outcomes<T> = oneshot::Sender<Vec<Result<T, CommitError>>>;

/// An answer that waits for the disk.
#[derive(Debug)]
enum Answer {
    Commit(Outcomes<Committed>, Vec<Result<Committed, CommitError>>),
    Chronicle(Outcomes<Chronicled>, Vec<Result<Chronicled, CommitError>>),
    Document(oneshot::Sender<Result<(), StoreError>>, Result<(), StoreError>),
    Expire(oneshot::Sender<Result<usize, StoreError>>, usize),
    /// That nothing was done.
    Shred(oneshot::Sender<Result<bool, StoreError>>),
}

impl Answer {
    fn send(self) {
        match self {
            Answer::Commit(to, outcomes) => drop(to.send(outcomes)),
            Answer::Chronicle(to, outcomes) => drop(to.send(outcomes)),
            Answer::Document(to, outcome) => drop(to.send(outcome)),
            Answer::Expire(to, touched) => drop(to.send(Ok(touched))),
            Answer::Shred(to) => drop(to.send(Ok(false))),
        }
    }

    /// Nothing was written: changes that would have been made are refused as well.
    fn fail(self, error: &StoreError) {
        match self {
            Answer::Commit(to, outcomes) => drop(to.send(failed(outcomes, error))),
            Answer::Chronicle(to, outcomes) => drop(to.send(failed(outcomes, error))),
            Answer::Document(to, _) => drop(to.send(Err(error.clone()))),
            Answer::Expire(to, _) => drop(to.send(Err(error.clone()))),
            Answer::Shred(to) => drop(to.send(Err(error.clone()))),
        }
    }
}

fn failed<T>(
    outcomes: Vec<Result<T, CommitError>>,
    error: &StoreError,
) -> Vec<Result<T, CommitError>> {
    let failed = |outcome| match outcome {
        Err(refused) if !matches!(refused, CommitError::Store(_)) => Err(refused),
        _ => Err(CommitError::Store(error.clone())),
    };
    outcomes.into_iter().map(failed).collect()
}
