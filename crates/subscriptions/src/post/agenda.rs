//! Which subscription is looked at when.

use std::collections::{BTreeSet, HashMap};

use model::Timestamp;

use crate::index::Slot;

#[derive(Debug, Default)]
pub(super) struct Agenda {
    order: BTreeSet<(Timestamp, Slot)>,
    moments: HashMap<Slot, Timestamp>,
}

impl Agenda {
    /// Looks at it then, unless it is looked at earlier anyway.
    pub fn add(&mut self, slot: Slot, at: Timestamp) {
        match self.moments.get(&slot) {
            Some(known) if *known <= at => return,
            Some(known) => drop(self.order.remove(&(*known, slot))),
            None => {}
        }
        self.moments.insert(slot, at);
        self.order.insert((at, slot));
    }

    pub fn remove(&mut self, slot: Slot) {
        if let Some(at) = self.moments.remove(&slot) {
            self.order.remove(&(at, slot));
        }
    }

    /// Takes out the first one whose moment has come.
    pub fn pop(&mut self, now: Timestamp) -> Option<Slot> {
        let (at, slot) = *self.order.first()?;
        if now < at {
            return None;
        }
        self.order.pop_first();
        self.moments.remove(&slot);
        Some(slot)
    }

    pub fn first(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }
}
