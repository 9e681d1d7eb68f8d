//! The ledger as the rest of the server sees it: entries in, and how it stands.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::audit::{Anchor, Entry, Event, Outcome, PublicKey, Who};
use broker::Clock;
use tokio::sync::{mpsc, oneshot};

use super::disk::{Disk, SystemDisk};
use super::files;
use super::open::{self, LedgerError};
use super::writer::{Asked, Writer};
use crate::settings::{OnAuditFailure, Settings};

/// What a ledger is made from.
#[derive(Clone, Debug)]
pub struct LedgerSettings {
    pub directory: PathBuf,
    pub on_failure: OnAuditFailure,
    /// Are reads recorded? Are writes?
    pub reads: bool,
    pub writes: bool,
    /// Nothing younger is removed.
    pub age_min: Duration,
    /// What is older is removed; nothing is, where there is none.
    pub age_max: Option<Duration>,
    pub segment_bytes_max: u64,
    pub head_interval: Duration,
    pub sync_interval: Duration,
    pub queue_max: usize,
}

impl LedgerSettings {
    pub fn of(settings: &Settings) -> Result<LedgerSettings, LedgerError> {
        let age_max = Some(settings.audit_age_max).filter(|age| !age.is_zero());
        if age_max.is_some_and(|age_max| age_max < settings.audit_age_min) {
            let problem = "`audit_age_max` is less than `audit_age_min`";
            return Err(LedgerError::Settings(problem.to_owned()));
        }
        Ok(LedgerSettings {
            directory: files::directory(&settings.data),
            on_failure: settings.audit_on_failure,
            reads: settings.audit_reads,
            writes: settings.audit_writes,
            age_min: settings.audit_age_min,
            age_max,
            segment_bytes_max: settings.audit_segment_bytes_max.0,
            head_interval: settings.audit_head_interval,
            sync_interval: settings.audit_sync_interval,
            queue_max: settings.audit_queue_max.max(1),
        })
    }
}

/// The record of who did what. Every call may be made from any task.
pub struct Ledger {
    settings: LedgerSettings,
    clock: Arc<dyn Clock>,
    asked: mpsc::Sender<Asked>,
    status: Arc<Mutex<Status>>,
}

/// How the ledger stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// The last line that is on disk: worth keeping elsewhere, as an anchor.
    pub last: Anchor,
    /// The key that signs.
    pub key: PublicKey,
    /// Why nothing can be recorded at this time.
    pub failing: Option<String>,
    /// How many entries were lost since the start.
    pub lost: u64,
}

/// What was to be recorded is not, so it must not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit record cannot be written ({0}); what would have to be recorded is refused")]
pub struct NotRecorded(pub String);

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("settings", &self.settings).finish_non_exhaustive()
    }
}

pub(super) const ENDED: &str = "recording has ended";

impl Ledger {
    /// Opens the record of a data directory, or begins one, and records that the platform started.
    pub fn open(settings: LedgerSettings, clock: Arc<dyn Clock>) -> Result<Ledger, LedgerError> {
        Ledger::open_on(Arc::new(SystemDisk), settings, clock)
    }

    pub(super) fn open_on(
        disk: Arc<dyn Disk>,
        settings: LedgerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Ledger, LedgerError> {
        let (tail, lock) = open::open(&settings, disk, clock.now())?;
        let (last, key) = (tail.last_kept(), tail.public_key());
        let status = Arc::new(Mutex::new(Status { last, key, failing: None, lost: 0 }));
        let (asked, queue) = mpsc::channel(settings.queue_max);
        let start = Entry::new(Event::Start, Who::system(), Outcome::Allowed)
            .detail("version", env!("CARGO_PKG_VERSION"));
        let start = Asked::Record { at: clock.now(), entry: Box::new(start), durable: None };
        // The queue is empty and has room for one.
        let _ = asked.try_send(start);
        let writer = Writer::new((tail, lock), settings.clone(), clock.clone(), status.clone());
        writer.spawn(queue).map_err(LedgerError::io(&settings.directory))?;
        Ok(Ledger { settings, clock, asked, status })
    }

    /// Are such events recorded at all? Where they are not, an entry need not be made.
    pub fn records(&self, event: Event) -> bool {
        match event {
            Event::Read => self.settings.reads,
            Event::Write => self.settings.writes,
            _ => true,
        }
    }

    /// Records an entry without waiting for the disk. It waits for room in the queue, if that is
    /// full. An error means that the settings ask to refuse what cannot be recorded.
    pub async fn record(&self, entry: Entry) -> Result<(), NotRecorded> {
        if !self.records(entry.event) {
            return Ok(());
        }
        if let Some(problem) = self.refusal() {
            return Err(problem);
        }
        self.send(entry, None).await
    }

    /// The same, and the entry is on disk when this returns: for what must not happen unrecorded.
    pub async fn record_durably(&self, entry: Entry) -> Result<(), NotRecorded> {
        if !self.records(entry.event) {
            return Ok(());
        }
        let (durable, is_durable) = oneshot::channel();
        self.send(entry, Some(durable)).await?;
        is_durable.await.unwrap_or_else(|_| self.ended())
    }

    /// A key that was made just now signs from here on. The one before it signs that.
    pub async fn rotate_key(&self) -> Result<PublicKey, NotRecorded> {
        let (done, is_done) = oneshot::channel();
        self.ask(Asked::Rotate { at: self.clock.now(), done }).await?;
        is_done.await.unwrap_or_else(|_| Err(NotRecorded(ENDED.to_owned())))
    }

    /// Signs everything up to here, and says how far that is.
    pub async fn sign(&self) -> Result<Anchor, NotRecorded> {
        let (done, is_done) = oneshot::channel();
        self.ask(Asked::Sign { at: self.clock.now(), done }).await?;
        is_done.await.unwrap_or_else(|_| Err(NotRecorded(ENDED.to_owned())))
    }

    /// Records that the platform stops; then nothing is recorded any more.
    pub async fn close(&self) -> Result<(), NotRecorded> {
        let stop = Entry::new(Event::Stop, Who::system(), Outcome::Allowed);
        let stopped = self.record_durably(stop).await;
        let (done, is_done) = oneshot::channel();
        self.ask(Asked::Close { done }).await?;
        let closed = is_done.await.unwrap_or_else(|_| Err(NotRecorded(ENDED.to_owned())));
        stopped.and(closed)
    }

    pub fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The directory in which [`super::search`] and [`super::export`] read.
    pub fn directory(&self) -> &Path {
        &self.settings.directory
    }

    /// An error where what must be recorded cannot be, as far as is known, and must not be done.
    pub fn ready(&self) -> Result<(), NotRecorded> {
        self.refusal().map_or(Ok(()), Err)
    }

    /// Whether there is no use in asking.
    fn refusal(&self) -> Option<NotRecorded> {
        if self.settings.on_failure == OnAuditFailure::Alert {
            return None;
        }
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.failing.clone().map(NotRecorded)
    }

    fn ended(&self) -> Result<(), NotRecorded> {
        match self.settings.on_failure {
            OnAuditFailure::Alert => Ok(()),
            OnAuditFailure::Refuse => Err(NotRecorded(ENDED.to_owned())),
        }
    }

    async fn send(
        &self,
        entry: Entry,
        durable: Option<oneshot::Sender<Result<(), NotRecorded>>>,
    ) -> Result<(), NotRecorded> {
        let asked = Asked::Record { at: self.clock.now(), entry: Box::new(entry), durable };
        self.ask(asked).await.or_else(|_| self.ended())
    }

    async fn ask(&self, asked: Asked) -> Result<(), NotRecorded> {
        let sent = self.asked.send(asked).await;
        sent.map_err(|_| NotRecorded(ENDED.to_owned()))
    }
}
