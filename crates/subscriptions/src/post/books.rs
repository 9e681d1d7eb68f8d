//! How far things are: what is to be written down, and what became of all that was due.

use model::Timestamp;

use super::{Post, Snapshot, State};
use crate::account::Account;
use crate::subscription::Key;

impl Post {
    /// What has changed since the last time.
    pub fn snapshot(&mut self) -> Snapshot {
        let dirty = std::mem::take(&mut self.dirty);
        let states = dirty.iter().filter_map(|slot| {
            let outbox = self.outboxes.get_mut(slot)?;
            let changed = std::mem::take(&mut outbox.is_dirty);
            changed.then(|| (outbox.subscription.key.clone(), outbox.state(self.read_to)))
        });
        let states = states.collect();
        Snapshot { buried: std::mem::take(&mut self.buried), states, read_to: self.read_to }
    }

    /// Could not be written down; to be tried again.
    pub fn restore(&mut self, snapshot: Snapshot) {
        self.buried.extend(snapshot.buried);
        for (key, _) in snapshot.states {
            if let Some(slot) = self.slots.get(&key)
                && let Some(outbox) = self.outboxes.get_mut(slot)
            {
                outbox.is_dirty = true;
                self.dirty.insert(*slot);
            }
        }
    }

    /// A dead letter is no more: it was delivered after all, or thrown away.
    pub fn exhume(&mut self, key: &Key, is_delivered: bool, now: Timestamp) {
        let Some(slot) = self.slots.get(key) else { return };
        let Some(outbox) = self.outboxes.get_mut(slot) else { return };
        outbox.dead_letters = outbox.dead_letters.saturating_sub(1);
        if is_delivered {
            outbox.account.dead = outbox.account.dead.saturating_sub(1);
            outbox.account.delivered += 1;
            outbox.account.times_sent += 1;
            outbox.account.last_notification = Some(now);
            outbox.account.last_success = Some(now);
        }
        outbox.is_dirty = true;
        self.dirty.insert(*slot);
    }

    /// Where a subscription is now.
    pub fn state(&self, key: &Key) -> Option<State> {
        let outbox = self.outboxes.get(self.slots.get(key)?)?;
        Some(outbox.state(self.read_to))
    }

    pub fn account(&self, key: &Key) -> Option<Account> {
        Some(self.outboxes.get(self.slots.get(key)?)?.account)
    }

    /// Of all subscriptions together, those that are no more included.
    pub fn total(&self) -> Account {
        self.outboxes.values().fold(self.gone, |total, outbox| total.plus(&outbox.account))
    }

    pub fn subscriptions(&self) -> usize {
        self.outboxes.len()
    }
}
