//! Filling outboxes from the journal that had no room before.

use std::sync::Arc;

use model::{Event, Timestamp};
use store::Position;

use super::{Missing, Post};
use crate::index::Slot;

impl Post {
    /// Outboxes that are to be filled from the journal.
    pub fn hungry(&self) -> Vec<Missing> {
        let hungry = self.hungry.iter().filter_map(|slot| {
            let outbox = self.outboxes.get(slot)?;
            let subscription = outbox.subscription.clone();
            Some(Missing { after: outbox.queued_to, subscription, slot: *slot })
        });
        hungry.collect()
    }

    /// What of the journal up to `to` concerns an outbox that only counted it.
    pub fn refill(
        &mut self,
        missing: &Missing,
        to: Position,
        events: &[(Position, Arc<Event>)],
        now: Timestamp,
    ) {
        let slot = missing.slot;
        self.hungry.remove(&slot);
        let Some(outbox) = self.outboxes.get_mut(&slot) else { return };
        if outbox.awaits(missing.after, &missing.subscription) {
            let queued = outbox.queued();
            let room = self.settings.queued_max.saturating_sub(self.queued).max(1);
            let queue_max = self.settings.queue_max.min(queued.saturating_add(room));
            outbox.refill(to, self.read_to, events, queue_max);
            self.queued += outbox.queued() - queued;
        }
        self.look_again(slot, now);
    }

    /// The journal begins after `first`: what was to be read before that is gone.
    pub fn lost(&mut self, missing: &Missing, first: Position) {
        if let Some(outbox) = self.outboxes.get_mut(&missing.slot) {
            outbox.lost(first);
        }
    }

    pub(super) fn look_again(&mut self, slot: Slot, now: Timestamp) {
        self.dirty.insert(slot);
        self.agenda.add(slot, now);
        self.note_hunger(slot);
    }

    /// Where memory is full, only an outbox that has nothing is filled, so that it goes on.
    pub(super) fn note_hunger(&mut self, slot: Slot) {
        let room = self.queued < self.settings.queued_max;
        let is_hungry = |one: &super::Outbox| {
            one.is_hungry(self.settings.queue_max) && (room || one.queued() == 0)
        };
        if self.outboxes.get(&slot).is_some_and(is_hungry) {
            self.hungry.insert(slot);
        }
    }
}
