//! Those who listen to what happens now.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use store::{Position, Recorded};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::index::{Index, Slot};
use crate::subscription::Subscription;

#[derive(Debug, Default)]
pub(super) struct Hub {
    /// All that are open, those that are still catching up as well.
    open: usize,
    last: Slot,
    index: Index,
    listeners: HashMap<Slot, Listener>,
    /// The listeners have what concerns them up to here.
    read_to: Position,
}

#[derive(Debug)]
struct Listener {
    subscription: Arc<Subscription>,
    sender: Sender<Recorded>,
    missed: Missed,
}

/// Tells a stream that was let go after which position it has to read by itself.
pub(super) type Missed = Arc<AtomicU64>;

impl Hub {
    /// A number for a stream, if there may be one more.
    pub fn enter(&mut self, streams_max: usize) -> Option<Slot> {
        if self.open >= streams_max {
            return None;
        }
        self.open += 1;
        self.last += 1;
        Some(self.last)
    }

    pub fn leave(&mut self, slot: Slot) {
        self.open -= 1;
        self.detach(slot);
    }

    /// From now on a stream that is at `position` is told what may concern it; nothing where it
    /// has to catch up first. What it knows already may come again.
    pub fn attach(
        &mut self,
        slot: Slot,
        subscription: &Arc<Subscription>,
        position: Position,
        queue_max: usize,
    ) -> Option<(Receiver<Recorded>, Missed)> {
        if self.listeners.is_empty() {
            // Nobody was told anything, and the journal was not followed.
            self.read_to = position;
        }
        if position < self.read_to {
            return None;
        }
        let (sender, receiver) = mpsc::channel(queue_max.max(1));
        let missed = Missed::default();
        self.index.insert(slot, subscription);
        let listener =
            Listener { subscription: subscription.clone(), sender, missed: missed.clone() };
        self.listeners.insert(slot, listener);
        Some((receiver, missed))
    }

    fn detach(&mut self, slot: Slot) {
        if let Some(listener) = self.listeners.remove(&slot) {
            self.index.remove(slot, &listener.subscription);
        }
    }

    /// From where the journal is to be read on, if anyone listens and there is more.
    pub fn behind(&self, end: Position) -> Option<Position> {
        (!self.listeners.is_empty() && self.read_to < end).then_some(self.read_to)
    }

    /// Up to where a listener has all that concerns it, once nothing waits for it.
    pub fn read_to(&self) -> Position {
        self.read_to
    }

    /// Tells each event to those it may concern. Whoever has no room is let go.
    pub fn tell(&mut self, events: &[Recorded]) {
        for recorded in events {
            // They were read for listeners that have gone, and there may be others now.
            if recorded.position <= self.read_to {
                continue;
            }
            for slot in self.index.candidates(&recorded.event) {
                let Some(listener) = self.listeners.get(&slot) else { continue };
                if listener.sender.try_send(recorded.clone()).is_err() {
                    listener.missed.store(recorded.position.0 - 1, Ordering::Release);
                    self.detach(slot);
                }
            }
            self.read_to = recorded.position;
        }
    }

    /// The journal was cut off after `first`, before all was read.
    pub fn let_all_go(&mut self, first: Position) {
        for (slot, listener) in std::mem::take(&mut self.listeners) {
            listener.missed.store(self.read_to.0, Ordering::Release);
            self.index.remove(slot, &listener.subscription);
        }
        self.read_to = first;
    }
}
