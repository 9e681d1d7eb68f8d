//! Keeps memory and journal within their limits: writes layers out, cuts the journal back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use store::StoreError;

use crate::checkpoint::Checkpoint;
use crate::journal::{Place, segments};
use crate::settings::EmbeddedSettings;
use crate::shared::Shared;
use crate::tables::Layer;

/// A closed layer, and the checkpoint that holds once it is written out.
type Order = (Arc<Layer>, Checkpoint);

/// Has layers written out on a thread of its own, one at a time.
pub struct Keeper {
    shared: Arc<Shared>,
    orders: Option<SyncSender<Order>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    busy: bool,
}

/// A layer that is worth writing out although it is not full.
const GROWN_BYTES: usize = 1 << 20;

/// How long commits wait for room before they are refused.
const WAIT_MAX: Duration = Duration::from_secs(5);

impl Keeper {
    /// `written_out` is told of each layer that is on disk.
    pub fn start(shared: Arc<Shared>, written_out: SyncSender<()>) -> std::io::Result<Keeper> {
        let (orders, inbox) = sync_channel::<Order>(1);
        let (report, done) = sync_channel(1);
        let worker = shared.clone();
        let thread = std::thread::Builder::new().name("keeper".into()).spawn(move || {
            for (layer, checkpoint) in inbox {
                // Without a report nothing further is ordered: a later layer on disk, with its
                // checkpoint, would hide that this one is not.
                if !write_out(&worker, &layer, &checkpoint) || report.send(()).is_err() {
                    return;
                }
                // Where it is busy it has heard enough.
                let _ = written_out.try_send(());
            }
        })?;
        let (orders, thread) = (Some(orders), Some(thread));
        Ok(Keeper { shared, orders, done, thread, busy: false })
    }

    /// Called before a commit: waits where the next layer is full before the last one is out.
    /// Refuses where that takes too long, for memory is bounded.
    pub fn make_room(&mut self) -> Result<(), StoreError> {
        let full = 2 * self.shared.settings.delta_bytes();
        if self.busy && self.shared.tables.active_bytes() >= full {
            if self.done.recv_timeout(WAIT_MAX).is_ok() {
                self.busy = false;
                return Ok(());
            }
            let problem = "the tables cannot be written; writes are refused until they can";
            return Err(std::io::Error::other(problem).into());
        }
        Ok(())
    }

    /// Called after a commit: has a full layer written out, one at a time.
    pub fn tend(&mut self, checkpoint: impl FnOnce() -> Checkpoint) {
        if self.busy && self.done.try_recv().is_ok() {
            self.busy = false;
        }
        if !self.busy && self.shared.tables.active_bytes() >= self.shared.settings.delta_bytes() {
            self.order(checkpoint());
        }
    }

    /// Called when nobody asks for anything: has a layer written out that has grown, so that what is
    /// recent can be merged, and a start has little to read again.
    pub fn tidy(&mut self, checkpoint: impl FnOnce() -> Checkpoint) {
        if self.busy && self.done.try_recv().is_ok() {
            self.busy = false;
        }
        if !self.busy && self.shared.tables.active_bytes() >= GROWN_BYTES {
            self.order(checkpoint());
        }
    }

    /// Has the layer written out, full or not, and waits for it.
    pub fn write_out_now(
        &mut self,
        checkpoint: impl FnOnce() -> Checkpoint,
    ) -> Result<(), StoreError> {
        if self.shared.tables.active_bytes() > 0 {
            return self.checkpoint_now(checkpoint);
        }
        self.wait();
        self.written()
    }

    /// The same, where there is nothing to write but the checkpoint, too.
    pub fn checkpoint_now(
        &mut self,
        checkpoint: impl FnOnce() -> Checkpoint,
    ) -> Result<(), StoreError> {
        self.wait();
        if !self.busy {
            self.order(checkpoint());
            self.wait();
        }
        self.written()
    }

    fn written(&self) -> Result<(), StoreError> {
        if self.busy {
            let problem = "the tables cannot be written";
            return Err(std::io::Error::other(problem).into());
        }
        Ok(())
    }

    fn order(&mut self, checkpoint: Checkpoint) {
        let layer = self.shared.tables.freeze();
        if let Some(orders) = &self.orders
            && orders.send((layer, checkpoint)).is_ok()
        {
            self.busy = true;
        }
    }

    fn wait(&mut self) {
        if self.busy {
            self.busy = self.done.recv().is_err();
        }
    }

    /// Writes everything out and stops. Where that fails, the journal keeps it for the next time.
    pub fn stop(mut self, checkpoint: impl FnOnce() -> Checkpoint) {
        self.wait();
        if !self.busy && self.shared.tables.active_bytes() > 0 {
            self.order(checkpoint());
            self.wait();
        }
        self.orders.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper of the store panicked");
        }
    }
}

/// Grows with the journal.
fn sequence(checkpoint: &Checkpoint) -> u64 {
    let Place { segment, offset } = checkpoint.place;
    segment << SEGMENT_SHIFT | offset
}

/// No segment has 1 TiB.
const SEGMENT_SHIFT: u32 = 40;

/// Tries until it succeeds or the store stops: until then the layer stays in memory, and the
/// journal keeps it. Tells whether it succeeded.
fn write_out(shared: &Shared, layer: &Layer, checkpoint: &Checkpoint) -> bool {
    let mut wait = Duration::from_millis(100);
    loop {
        let written =
            shared.tables.write_out(layer, sequence(checkpoint)).map_err(|error| error.to_string());
        let directory = &shared.settings.directory;
        let result = written.and_then(|()| {
            checkpoint.write(directory, &shared.encryption).map_err(|error| error.to_string())
        });
        match result {
            Ok(()) => break,
            Err(error) if shared.stopping.load(Ordering::Relaxed) => {
                tracing::error!(%error, "could not write to the tables; the journal keeps it");
                return false;
            }
            Err(error) => {
                let wait_ms = wait.as_millis() as u64;
                tracing::error!(%error, wait_ms, "could not write to the tables; trying again");
            }
        }
        std::thread::sleep(wait);
        wait = (wait * 2).min(Duration::from_secs(10));
    }
    shared.tables.thaw();
    cut_back(&shared.settings, checkpoint);
    true
}

/// Removes the oldest segments that the settings no longer ask for and no recovery needs.
#[expect(clippy::disallowed_methods, reason = "the age of a file is told by the machine's clock")]
pub fn cut_back(settings: &EmbeddedSettings, checkpoint: &Checkpoint) {
    let files = match segments(&settings.journal_directory()) {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(%error, "could not list the journal to cut it back");
            return;
        }
    };
    let mut total: u64 = files.iter().map(|file| file.bytes).sum();
    let now = SystemTime::now();
    for file in files.iter().filter(|file| file.number < checkpoint.place.segment) {
        let age = now.duration_since(file.modified).unwrap_or_default();
        if total <= settings.journal_bytes_max && age <= settings.journal_age_max {
            return;
        }
        if let Err(error) = std::fs::remove_file(&file.path) {
            tracing::warn!(%error, "could not remove `{}`", file.path.display());
            return;
        }
        total -= file.bytes;
    }
}
