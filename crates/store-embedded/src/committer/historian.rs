//! Merges recent history into chunks, on a thread of its own, so that commits never wait for it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::history::{Merged, merge};
use crate::shared::Shared;

/// Layers are merged when so many of them have been written out: few enough that a reader finds
/// what it seeks among them, many enough that a series has something to merge.
pub const LAYERS_MERGED: usize = 8;

/// Or when no further one has been for so long: then there is time.
const IDLE: Duration = Duration::from_secs(5);

pub struct Historian {
    thread: Option<JoinHandle<()>>,
}

impl Historian {
    /// Starts it; a message tells that a layer was written out, and the end of messages that the
    /// store is being closed.
    pub fn start(shared: Arc<Shared>) -> std::io::Result<(Historian, SyncSender<()>)> {
        let (written_out, inbox) = sync_channel(LAYERS_MERGED);
        let work = move || follow(&shared, &inbox);
        let thread = std::thread::Builder::new().name("historian".into()).spawn(work)?;
        Ok((Historian { thread: Some(thread) }, written_out))
    }

    /// Waits for its end; what is not merged then is merged the next time.
    pub fn stop(mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the historian of the store panicked");
        }
    }
}

fn follow(shared: &Shared, inbox: &Receiver<()>) {
    // What was written out before the last stop may not be merged.
    let mut layers = 1;
    loop {
        let is_idle = match inbox.recv_timeout(IDLE) {
            Ok(()) => {
                layers += 1 + inbox.try_iter().count();
                false
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if layers < LAYERS_MERGED && !(is_idle && layers > 0) {
            continue;
        }
        let stopping = || shared.stopping.load(Ordering::Relaxed);
        let go_on = || if stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        match merge(shared, go_on) {
            Ok(merged) => {
                let Merged { fragments, chunks, damaged } = merged;
                tracing::debug!(fragments, chunks, damaged, "merged recent history");
                layers = 0;
            }
            // Tried again when the next layer has been written out, or later.
            Err(error) => tracing::error!(%error, "could not merge recent history"),
        }
    }
}
