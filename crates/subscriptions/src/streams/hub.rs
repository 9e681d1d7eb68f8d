//! Those who listen to what happens now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use policy::Policy;
use query::NoLinks;
use store::{Position, Recorded};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::changes::Changes;
use crate::concern::rights;
use crate::index::{Index, Slot};
use crate::subscription::Subscription;

#[derive(Debug, Default)]
pub(super) struct Hub {
    /// All that are open, those that are still catching up as well.
    open: usize,
    last: Slot,
    index: Index,
    /// In an order that does not depend on chance, so that a seed tells the same story again.
    listeners: BTreeMap<Slot, Listener>,
    /// The listeners have what concerns them up to here.
    read_to: Position,
    policy: Policy,
}

#[derive(Debug)]
struct Listener {
    subscription: Arc<Subscription>,
    sender: Sender<Recorded>,
    missed: Arc<AtomicU64>,
}

/// What a stream has of the hub.
#[derive(Debug)]
pub(super) struct Live {
    /// What may concern it and comes after `from`, and some before that perhaps.
    pub receiver: Receiver<Recorded>,
    /// What comes up to here it reads by itself, first.
    pub from: Position,
    missed: Arc<AtomicU64>,
}

impl Live {
    /// After which position a stream that was let go has to read by itself, once nothing is left
    /// in `receiver`.
    pub fn missed(&self) -> Position {
        Position(self.missed.load(Ordering::Acquire))
    }
}

impl Hub {
    pub fn new(policy: Policy) -> Hub {
        Hub { policy, ..Hub::default() }
    }

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

    /// From now on a stream that has read up to `position` is told what may concern it. Nothing
    /// where it is more than `near` events behind, and has to catch up first. It need not be at
    /// the very end: where changes come quickly, it might never get there.
    pub fn attach(
        &mut self,
        slot: Slot,
        subscription: &Arc<Subscription>,
        (position, end): (Position, Position),
        near: u64,
        queue_max: usize,
    ) -> Option<Live> {
        // Where nobody listens, the journal is not followed.
        let from = if self.listeners.is_empty() { end } else { self.read_to };
        if position.0 + near < from.0 {
            return None;
        }
        self.read_to = from;
        let (sender, receiver) = mpsc::channel(queue_max.max(1));
        let missed = Arc::<AtomicU64>::default();
        self.index.insert(slot, subscription);
        let listener =
            Listener { subscription: subscription.clone(), sender, missed: missed.clone() };
        self.listeners.insert(slot, listener);
        Some(Live { receiver, from, missed })
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

    /// Tells each of the events after `after` to those it may concern. Whoever has no room is let
    /// go.
    pub fn tell(&mut self, after: Position, events: &[Recorded]) {
        // They were read for listeners that have gone; those there are now lack what lies between.
        if self.read_to < after {
            return;
        }
        for recorded in events {
            if recorded.position <= self.read_to {
                continue;
            }
            self.tell_one(recorded);
            self.read_to = recorded.position;
        }
    }

    /// There is nothing more to tell up to `end` than what was told after `after`.
    pub fn reach(&mut self, after: Position, end: Position) {
        if after <= self.read_to {
            self.read_to = self.read_to.max(end);
        }
    }

    fn tell_one(&mut self, recorded: &Recorded) {
        let candidates = self.index.candidates(&recorded.event);
        if candidates.is_empty() {
            return;
        }
        let changes = Changes::of(&recorded.event);
        for slot in candidates {
            let Some(listener) = self.listeners.get(&slot) else { continue };
            if !may_concern(&self.policy, &listener.subscription, &changes) {
                continue;
            }
            if listener.sender.try_send(recorded.clone()).is_err() {
                listener.missed.store(recorded.position.0 - 1, Ordering::Release);
                self.detach(slot);
            }
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

/// Nobody is woken for what can be ruled out at once; rights and linked entities are looked at
/// later.
pub(super) fn may_concern(
    policy: &Policy,
    subscription: &Subscription,
    changes: &Changes<'_>,
) -> bool {
    if changes.event.tenant != subscription.key.tenant {
        return false;
    }
    // Of what is not seen as it is, these changes tell nothing.
    match rights(policy, subscription) {
        None => return false,
        Some(rights) if !rights.are_all() => return true,
        Some(_) => {}
    }
    if subscription.link_depth == 0 {
        return subscription.matches(changes, &NoLinks).is_some();
    }
    let is_selected = changes.entity().is_some_and(|entity| subscription.selects(entity));
    is_selected && subscription.reason(changes).is_some()
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
