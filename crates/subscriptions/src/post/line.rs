//! Those who wait for their turn, each once, first come first served.

use std::collections::{HashSet, VecDeque};

use crate::index::Slot;

#[derive(Debug, Default)]
pub(super) struct Line {
    order: VecDeque<Slot>,
    members: HashSet<Slot>,
}

impl Line {
    pub fn join(&mut self, slot: Slot) {
        if self.members.insert(slot) {
            self.order.push_back(slot);
        }
    }

    pub fn has_any(&self) -> bool {
        !self.order.is_empty()
    }

    pub fn next(&mut self) -> Option<Slot> {
        let slot = self.order.pop_front()?;
        self.members.remove(&slot);
        Some(slot)
    }
}
