//! The thread that writes the record: what waits is written together, and one sync is for all.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ::audit::{Anchor, Entry, PublicKey, UNSIGNED_LINES_MAX};
use broker::Clock;
use model::Timestamp;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::disk::Disk;
use super::folds::{FOLD_INTERVAL, Folds};
use super::ledger::NotRecorded;
use super::open;
use super::retention;
use super::settings::LedgerSettings;
use super::status::Shared;
use super::tail::Tail;
use crate::clock::moment;
use crate::settings::OnAuditFailure;

/// How many entries are written together.
const GROUP_MAX: usize = 1_000;
/// After how many lines a head is due, whatever the time.
const HEAD_LINES: u64 = 1_000;

// A gap, and what opens a segment, may stand between.
const _: () = assert!(HEAD_LINES + GROUP_MAX as u64 + 8 <= UNSIGNED_LINES_MAX);

/// How much may wait for the disk, whatever the time: a loss of power leaves no more than that, and
/// a group, to be set aside.
const UNSYNCED_BYTES_MAX: u64 = 8 << 20;
/// How long until it is tried again to write what could not be.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked for what retention keeps no longer.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3600);
/// The same where there is more to remove than is at a time.
const RETENTION_AGAIN: Duration = Duration::from_secs(60);

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
    /// The end of the record, and what keeps other processes from writing; nothing as long as it
    /// could not be opened.
    open: Option<(Tail, File)>,
    disk: Arc<dyn Disk>,
    settings: LedgerSettings,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    folds: Folds,
    /// Promised entries that were lost before it could be opened.
    lost: u64,
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
        open: Option<(Tail, File)>,
        disk: Arc<dyn Disk>,
        (settings, clock, shared, folds): (LedgerSettings, Arc<dyn Clock>, Arc<Shared>, Folds),
    ) -> Writer {
        if let Some((tail, _)) = &open {
            shared.settle(Some(tail.last_kept()), Some(tail.public_key()), None);
        }
        let retry_due = open.is_none().then(moment);
        Writer {
            failing: open.is_none(),
            open,
            disk,
            settings,
            clock,
            shared,
            folds,
            lost: 0,
            closing: None,
            sync_due: None,
            head_due: None,
            retry_due,
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
        let now = self.clock.now();
        self.tell_folds(now, true);
        let signed = self.sign(now);
        if let Err(problem) = &signed {
            warn!(%problem, "the end of the audit record is not signed");
        }
        // Whoever is told may open the record again.
        self.open = None;
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
                    let _ =
                        done.send(self.sign(at).and_then(|()| self.with(|tail| tail.last_kept())));
                }
                Asked::Rotate { at, done } => {
                    self.write(std::mem::take(&mut entries));
                    let rotated = self.on_tail(|tail| tail.rotate_key(at));
                    let rotated = self.settle(rotated);
                    let _ = done.send(rotated.and_then(|()| self.with(|tail| tail.public_key())));
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
        let failing = self.failing;
        if self.open.is_none() {
            self.lost += promised;
            self.shared.add_lost(promised);
        }
        self.on_tail(|tail| {
            tail.append(at, entries, promised)?;
            if tail.unsigned() >= HEAD_LINES {
                tail.append_head(at)?;
            }
            // Only what is on disk shows that a disk that failed takes something again.
            let is_much = tail.unsynced_bytes() >= UNSYNCED_BYTES_MAX;
            if durable || is_much || failing { tail.sync() } else { Ok(()) }
        })
    }

    fn on_tail<T>(&mut self, work: impl FnOnce(&mut Tail) -> io::Result<T>) -> io::Result<T> {
        match &mut self.open {
            Some((tail, _)) => work(tail),
            None => {
                let why = self.shared.failing();
                Err(io::Error::other(why.unwrap_or_else(|| "it is not open".to_owned())))
            }
        }
    }

    fn with<T>(&mut self, told: impl FnOnce(&Tail) -> T) -> Result<T, NotRecorded> {
        self.on_tail(|tail| Ok(told(tail))).map_err(|error| NotRecorded(error.to_string()))
    }

    /// Tries again to open what could not be.
    fn open_again(&mut self, at: Timestamp) -> Result<(), NotRecorded> {
        match open::open(&self.settings, self.disk.clone(), at) {
            Ok((mut tail, lock)) => {
                tail.add_lost(std::mem::take(&mut self.lost));
                self.open = Some((tail, lock));
                self.sign(at)
            }
            Err(error) => self.settle(Err(io::Error::other(error.to_string()))),
        }
    }

    /// What was the same as before is told together.
    fn tell_folds(&mut self, at: Timestamp, all: bool) {
        let entries = self.folds.due(at, all);
        self.write(Group { entries, waiting: Vec::new() });
    }

    /// What never came to the queue is told as lost.
    fn tell_unqueued(&mut self, at: Timestamp) {
        let lost = self.shared.take_unqueued();
        match &mut self.open {
            Some((tail, _)) => tail.add_lost(lost),
            None => self.lost += lost,
        }
        if lost > 0 {
            // What it comes to is in the status.
            let _ = self.sign(at);
        }
    }

    /// Signs everything up to here, on disk when this returns.
    fn sign(&mut self, at: Timestamp) -> Result<(), NotRecorded> {
        let failing = self.failing;
        let signed = self.on_tail(|tail| {
            let is_signed = tail.unsigned() == 0 && tail.is_synced() && !tail.owes_gap();
            if is_signed && !failing {
                return Ok(());
            }
            tail.append_head(at)?;
            tail.sync()
        });
        self.settle(signed)
    }

    /// What is due by now.
    fn tend(&mut self) {
        let now = moment();
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let at = self.clock.now();
        self.tell_unqueued(at);
        self.tell_folds(at, false);
        if is_due(self.retry_due) && self.open.is_none() {
            let _ = self.open_again(at);
        } else if is_due(self.retry_due) || (is_due(self.head_due) && !self.failing) {
            // What it comes to is in the status.
            let _ = self.sign(at);
        } else if is_due(self.sync_due) {
            let synced = self.on_tail(Tail::sync);
            let _ = self.settle(synced);
        }
        if self.retention_due <= now && !self.failing {
            self.retention_due = now + RETENTION_INTERVAL;
            let settings = self.settings.clone();
            let swept = self.on_tail(|tail| retention::sweep(tail, &settings, at));
            if matches!(swept, Ok(true)) {
                self.retention_due = now + RETENTION_AGAIN;
            }
            let _ = self.settle(swept.map(drop));
        }
    }

    fn until_due(&self) -> Duration {
        let due = [self.sync_due, self.head_due, self.retry_due, Some(self.retention_due)];
        let due = due.into_iter().flatten().min();
        let wait = due.map(|due| due.saturating_duration_since(moment()));
        wait.unwrap_or(RETENTION_INTERVAL).min(FOLD_INTERVAL)
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
            let tail = self.open.as_ref().map(|(tail, _)| tail);
            let unsynced = tail.is_some_and(|tail| !tail.is_synced());
            let unsigned = tail.is_some_and(|tail| tail.unsigned() > 0);
            (
                unsynced.then(|| within(self.sync_due, settings.sync_interval)).flatten(),
                unsigned.then(|| within(self.head_due, settings.head_interval)).flatten(),
                None,
            )
        };
        let tail = self.open.as_ref().map(|(tail, _)| tail);
        let (last, key) = (tail.map(Tail::last_kept), tail.map(Tail::public_key));
        self.shared.settle(last, key, result.as_ref().err().map(|problem| problem.0.clone()));
        result
    }

    fn failed(&mut self, error: &io::Error) -> NotRecorded {
        let lost = self.open.as_mut().map_or(0, |(tail, _)| tail.take_back());
        let lost = self.shared.add_lost(lost);
        if self.shared.is_alarm_due() {
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
