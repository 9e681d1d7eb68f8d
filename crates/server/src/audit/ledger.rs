//! The ledger as the rest of the server sees it: entries in, and how it stands.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::audit::{Anchor, Entry, Event, Outcome, PublicKey, Who};
use broker::Clock;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::disk::{Disk, SystemDisk};
use super::folds::Folds;
use super::open::{self, LedgerError};
use super::settings::LedgerSettings;
use super::status::{Shared, Status};
use super::writer::{Asked, Writer};
use crate::settings::OnAuditFailure;

/// The record of who did what. Every call may be made from any task.
pub struct Ledger {
    settings: LedgerSettings,
    clock: Arc<dyn Clock>,
    asked: mpsc::Sender<Asked>,
    shared: Arc<Shared>,
    folds: Folds,
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
const STALLED: &str = "the disk does not answer";

impl Ledger {
    /// Opens the record of a data directory, or begins one, and records that the platform started.
    ///
    /// Where the settings ask for an alert and the disk does not let the record be opened, it is
    /// tried again and again, and the record says later how much is missing.
    pub fn open(settings: LedgerSettings, clock: Arc<dyn Clock>) -> Result<Ledger, LedgerError> {
        Ledger::open_on(Arc::new(SystemDisk), settings, clock)
    }

    pub(super) fn open_on(
        disk: Arc<dyn Disk>,
        settings: LedgerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Ledger, LedgerError> {
        let shared = Arc::new(Shared::default());
        let opened = match open::open(&settings, disk.clone(), clock.now()) {
            Ok(opened) => Some(opened),
            Err(error @ LedgerError::Io { .. }) if settings.on_failure == OnAuditFailure::Alert => {
                error!(%error, "the audit record cannot be opened; nothing is recorded; trying again");
                shared.fail(error.to_string());
                None
            }
            Err(error) => return Err(error),
        };
        let (asked, queue) = mpsc::channel(settings.queue_max);
        let start = Entry::new(Event::Start, Who::system(), Outcome::Allowed)
            .detail("version", env!("CARGO_PKG_VERSION"));
        let start = Asked::Record { at: clock.now(), entry: Box::new(start), durable: None };
        // The queue is empty and has room for one.
        let _ = asked.try_send(start);
        let folds = Folds::default();
        let own = (settings.clone(), clock.clone(), shared.clone(), folds.clone());
        let writer = Writer::new(opened, disk, own);
        writer.spawn(queue).map_err(LedgerError::io(&settings.directory))?;
        Ok(Ledger { settings, clock, asked, shared, folds })
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
    /// full, but not for ever. An error means that the settings ask to refuse what cannot be
    /// recorded.
    pub async fn record(&self, entry: Entry) -> Result<(), NotRecorded> {
        if !self.records(entry.event) {
            return Ok(());
        }
        self.ready()?;
        self.send(entry, None).await
    }

    /// The same, and the entry is on disk when this returns: for what must not happen unrecorded.
    pub async fn record_durably(&self, entry: Entry) -> Result<(), NotRecorded> {
        if !self.records(entry.event) {
            return Ok(());
        }
        let (durable, is_durable) = oneshot::channel();
        self.send(entry, Some(durable)).await?;
        match tokio::time::timeout(self.wait(self.settings.disk_wait_max), is_durable).await {
            Ok(Ok(answer)) => answer,
            // It was taken, and not written.
            Ok(Err(_)) => self.lost(ENDED, 1),
            // It is not lost yet; the writer counts it if it is.
            Err(_) => self.lost(STALLED, 0),
        }
    }

    /// The same as [`Ledger::record`], but what is the same again within an interval is counted
    /// and recorded together.
    pub async fn record_folded(
        &self,
        entry: Entry,
        route: &str,
        outcome: &str,
    ) -> Result<(), NotRecorded> {
        self.ready()?;
        match self.folds.take(self.clock.now(), entry, route, outcome) {
            Some(entry) => self.send(entry, None).await,
            None => Ok(()),
        }
    }

    /// The same, for what has happened and where nobody may wait. Where it cannot be recorded, it is
    /// counted.
    pub fn note_folded(&self, entry: Entry, route: &str, outcome: &str) {
        let Some(entry) = self.folds.take(self.clock.now(), entry, route, outcome) else { return };
        let asked = Asked::Record { at: self.clock.now(), entry: Box::new(entry), durable: None };
        if let Err(problem) = self.asked.try_send(asked) {
            let is_full = matches!(problem, mpsc::error::TrySendError::Full(_));
            // Whom it concerns was refused anyway.
            let _ = self.lost(if is_full { STALLED } else { ENDED }, 1);
            self.shared.add_unqueued(1);
        }
    }

    /// A key that was made just now signs from here on. The one before it signs that.
    pub async fn rotate_key(&self) -> Result<PublicKey, NotRecorded> {
        let (done, is_done) = oneshot::channel();
        self.ask(Asked::Rotate { at: self.clock.now(), done }).await?;
        self.answer(is_done).await
    }

    /// Signs everything up to here, and says how far that is.
    pub async fn sign(&self) -> Result<Anchor, NotRecorded> {
        let (done, is_done) = oneshot::channel();
        self.ask(Asked::Sign { at: self.clock.now(), done }).await?;
        self.answer(is_done).await
    }

    /// Records that the platform stops; then nothing is recorded any more.
    pub async fn close(&self) -> Result<(), NotRecorded> {
        let stop = Entry::new(Event::Stop, Who::system(), Outcome::Allowed);
        let stopped = self.record_durably(stop).await;
        self.shared.close();
        let (done, is_done) = oneshot::channel();
        self.ask(Asked::Close { done }).await?;
        let closed = self.answer(is_done).await;
        stopped.and(closed)
    }

    pub fn status(&self) -> Status {
        let mut status = self.shared.status();
        if self.asked.is_closed() && !self.shared.is_closed() {
            status.failing = Some(ENDED.to_owned());
        }
        status
    }

    /// The directory in which [`super::search`] and [`super::export`] read.
    pub fn directory(&self) -> &Path {
        &self.settings.directory
    }

    /// An error where what must be recorded cannot be, as far as is known, and must not be done.
    pub fn ready(&self) -> Result<(), NotRecorded> {
        if self.settings.on_failure == OnAuditFailure::Alert {
            return Ok(());
        }
        self.shared.failing().map_or(Ok(()), |why| Err(NotRecorded(why)))
    }

    /// Who comes while the disk does not answer need not find that out again.
    fn wait(&self, most: Duration) -> Duration {
        if self.shared.is_stalled() { Duration::ZERO } else { most }
    }

    async fn send(
        &self,
        entry: Entry,
        durable: Option<oneshot::Sender<Result<(), NotRecorded>>>,
    ) -> Result<(), NotRecorded> {
        let asked = Asked::Record { at: self.clock.now(), entry: Box::new(entry), durable };
        match self.queue(asked).await {
            Ok(()) => Ok(()),
            Err(why) => {
                if self.settings.on_failure == OnAuditFailure::Alert {
                    self.shared.add_unqueued(1);
                }
                self.lost(why, 1)
            }
        }
    }

    async fn ask(&self, asked: Asked) -> Result<(), NotRecorded> {
        self.queue(asked).await.map_err(|why| NotRecorded(why.to_owned()))
    }

    async fn queue(&self, asked: Asked) -> Result<(), &'static str> {
        let wait = self.wait(self.settings.queue_wait_max);
        match tokio::time::timeout(wait, self.asked.send(asked)).await {
            Ok(sent) => sent.map_err(|_| ENDED),
            Err(_) => Err(STALLED),
        }
    }

    async fn answer<T>(
        &self,
        is_done: oneshot::Receiver<Result<T, NotRecorded>>,
    ) -> Result<T, NotRecorded> {
        match tokio::time::timeout(self.wait(self.settings.disk_wait_max), is_done).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(NotRecorded(ENDED.to_owned())),
            Err(_) => Err(NotRecorded(STALLED.to_owned())),
        }
    }

    /// What the settings say of entries that were not recorded.
    fn lost(&self, why: &'static str, entries: u64) -> Result<(), NotRecorded> {
        let alert = self.settings.on_failure == OnAuditFailure::Alert;
        if why == STALLED {
            self.shared.stall(why);
        }
        let lost = self.shared.add_lost(if alert { entries } else { 0 });
        if !self.shared.is_closed() && self.shared.is_alarm_due() {
            error!(why, lost, refuses = !alert, "the audit record is not written");
        }
        if alert { Ok(()) } else { Err(NotRecorded(why.to_owned())) }
    }
}
