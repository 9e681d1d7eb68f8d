//! The thread that writes the record: what waits is written together, and one sync is for all.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ::audit::{Anchor, Entry, PublicKey};
use broker::Clock;
use model::Timestamp;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::ledger::{LedgerSettings, NotRecorded, Status};
use super::retention;
use super::tail::Tail;
use crate::clock::moment;
use crate::settings::OnAuditFailure;

/// How many entries are written together.
const GROUP_MAX: usize = 1_000;
/// After how many lines a head is due, whatever the time.
const HEAD_LINES: u64 = 1_000;
/// How much may wait for the disk, whatever the time: a loss of power leaves no more than that, and
/// a group, to be set aside.
const UNSYNCED_BYTES_MAX: u64 = 8 << 20;
/// How long until it is tried again to write what could not be.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked for what retention keeps no longer.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3600);

/// What the writer is asked for.
#[derive(Debug)]
pub enum Asked {
    Record {
        at: Timestamp,
        entry: Box<Entry>,
        durable: Option<oneshot::Sender<Result<(), NotRecorded>>>,
    },
    Sign {
        at: Timestamp,
        done: oneshot::Sender<Result<Anchor, NotRecorded>>,
    },
    Rotate {
        at: Timestamp,
        done: oneshot::Sender<Result<PublicKey, NotRecorded>>,
    },
    Close {
        done: oneshot::Sender<Result<(), NotRecorded>>,
    },
}

type Waiting = oneshot::Sender<Result<(), NotRecorded>>;

pub struct Writer {
    tail: Tail,
    settings: LedgerSettings,
    clock: Arc<dyn Clock>,
    status: Arc<Mutex<Status>>,
    /// Keeps other processes from writing.
    lock: Option<File>,
    /// Who asked for the end, and waits for it.
    closing: Option<Waiting>,
    failing: bool,
    sync_due: Option<Instant>,
    head_due: Option<Instant>,
    retry_due: Option<Instant>,
    retention_due: Instant,
}

impl Writer {
    pub fn new(
        (tail, lock): (Tail, File),
        settings: LedgerSettings,
        clock: Arc<dyn Clock>,
        status: Arc<Mutex<Status>>,
    ) -> Writer {
        Writer {
            tail,
            settings,
            clock,
            status,
            lock: Some(lock),
            closing: None,
            failing: false,
            sync_due: None,
            head_due: None,
            retry_due: None,
            retention_due: moment(),
        }
    }

    /// On a thread of its own, which waits for the disk and keeps nobody else from working. It
    /// ends when it is told to close, or nobody is left to ask.
    pub fn spawn(mut self, mut queue: mpsc::Receiver<Asked>) -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        let run = move || runtime.block_on(self.run(&mut queue));
        thread::Builder::new().name("audit".to_owned()).spawn(run).map(drop)
    }

    async fn run(&mut self, queue: &mut mpsc::Receiver<Asked>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        loop {
            let wait = self.until_due();
            match tokio::time::timeout(wait, queue.recv_many(&mut group, GROUP_MAX)).await {
                Ok(0) => return self.end(),
                Ok(_) => self.answer(group.drain(..)),
                Err(_) => {}
            }
            if self.closing.is_some() {
                // What was asked for before is still answered; nothing is any more after that.
                queue.close();
            }
            self.tend();
        }
    }

    /// Nobody asks for anything any more.
    fn end(&mut self) {
        let signed = self.sign(self.clock.now());
        if let Err(problem) = &signed {
            warn!(%problem, "the end of the audit record is not signed");
        }
        // Whoever is told may open the record again.
        self.lock = None;
        if let Some(closing) = self.closing.take() {
            let _ = closing.send(signed);
        }
    }

    /// Entries that follow each other are written together; what else is asked stands between.
    fn answer(&mut self, group: impl Iterator<Item = Asked>) {
        let mut entries = Group::default();
        for asked in group {
            match asked {
                Asked::Record { at, entry, durable } => {
                    entries.entries.push((at, *entry));
                    entries.waiting.extend(durable);
                }
                Asked::Sign { at, done } => {
                    self.write(std::mem::take(&mut entries));
                    let _ = done.send(self.sign(at).map(|()| self.tail.last_kept()));
                }
                Asked::Rotate { at, done } => {
                    self.write(std::mem::take(&mut entries));
                    let rotated = self.tail.rotate_key(at);
                    let _ = done.send(self.settle(rotated).map(|()| self.tail.public_key()));
                }
                Asked::Close { done } => self.closing = Some(done),
            }
        }
        self.write(entries);
    }

    /// Whoever waits is answered when all of the group is on disk, or cannot be.
    fn write(&mut self, Group { entries, waiting }: Group) {
        let Some((at, _)) = entries.last() else { return };
        let at = *at;
        // Who is told that it was refused has lost nothing.
        let told = match self.settings.on_failure {
            OnAuditFailure::Refuse => waiting.len(),
            OnAuditFailure::Alert => 0,
        };
        let promised = entries.len().saturating_sub(told) as u64;
        let written = self.put(at, entries, promised, !waiting.is_empty());
        let answer = match (self.settle(written), self.settings.on_failure) {
            (_, OnAuditFailure::Alert) => Ok(()),
            (settled, OnAuditFailure::Refuse) => settled,
        };
        for waiting in waiting {
            // Fails only where nobody waits any more.
            let _ = waiting.send(answer.clone());
        }
    }

    fn put(
        &mut self,
        at: Timestamp,
        entries: Vec<(Timestamp, Entry)>,
        promised: u64,
        durable: bool,
    ) -> io::Result<()> {
        self.tail.append(at, entries, promised)?;
        if self.tail.unsigned() >= HEAD_LINES {
            self.tail.append_head(at)?;
        }
        // Only what is on disk shows that a disk that failed takes something again.
        let is_much = self.tail.unsynced_bytes() >= UNSYNCED_BYTES_MAX;
        if durable || is_much || self.failing { self.tail.sync() } else { Ok(()) }
    }

    /// Signs everything up to here, on disk when this returns.
    fn sign(&mut self, at: Timestamp) -> Result<(), NotRecorded> {
        if self.tail.unsigned() == 0 && self.tail.is_synced() && !self.failing {
            return Ok(());
        }
        let signed = self.tail.append_head(at).and_then(|()| self.tail.sync());
        self.settle(signed)
    }

    /// What is due by now.
    fn tend(&mut self) {
        let now = moment();
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let at = self.clock.now();
        if is_due(self.retry_due) || (is_due(self.head_due) && !self.failing) {
            // What it comes to is in the status.
            let _ = self.sign(at);
        } else if is_due(self.sync_due) {
            let synced = self.tail.sync();
            let _ = self.settle(synced);
        }
        if self.retention_due <= now && !self.failing {
            self.retention_due = now + RETENTION_INTERVAL;
            let swept = retention::sweep(&mut self.tail, &self.settings, at);
            let _ = self.settle(swept);
        }
    }

    fn until_due(&self) -> Duration {
        let due = [self.sync_due, self.head_due, self.retry_due, Some(self.retention_due)];
        let due = due.into_iter().flatten().min();
        due.map_or(RETENTION_INTERVAL, |due| due.saturating_duration_since(moment()))
    }

    /// Notes how an attempt ended, and when the next one is due.
    fn settle(&mut self, attempt: io::Result<()>) -> Result<(), NotRecorded> {
        let now = moment();
        let result = attempt.map_err(|error| self.failed(&error));
        if result.is_ok() && self.failing {
            info!("the audit record can be written again");
        }
        self.failing = result.is_err();
        let within = |due: Option<Instant>, interval| Some(due.unwrap_or(now + interval));
        let settings = &self.settings;
        (self.sync_due, self.head_due, self.retry_due) = if self.failing {
            (None, None, Some(now + RETRY_INTERVAL))
        } else {
            let unsynced = !self.tail.is_synced();
            let unsigned = self.tail.unsigned() > 0;
            (
                unsynced.then(|| within(self.sync_due, settings.sync_interval)).flatten(),
                unsigned.then(|| within(self.head_due, settings.head_interval)).flatten(),
                None,
            )
        };
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.last = self.tail.last_kept();
        status.key = self.tail.public_key();
        status.failing = result.as_ref().err().map(|problem| problem.0.clone());
        result
    }

    fn failed(&mut self, error: &io::Error) -> NotRecorded {
        let lost = self.tail.take_back();
        self.status.lock().unwrap_or_else(PoisonError::into_inner).lost += lost;
        if !self.failing || lost > 0 {
            error!(%error, lost, "the audit record cannot be written; trying again");
        }
        NotRecorded(error.to_string())
    }
}

/// Entries that are written together, and who waits for them.
#[derive(Debug, Default)]
struct Group {
    entries: Vec<(Timestamp, Entry)>,
    waiting: Vec<Waiting>,
}
