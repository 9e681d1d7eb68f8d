//! Sending: who is next, and what became of it.

use model::Timestamp;
use store::Position;

use super::backoff::{after, backoff};
use super::outbox::Ready;
use super::receiver::Room;
use super::{DeadLetter, Delivery, Outcome, Post, Ticket, UnderWay, receiver_of};
use crate::index::Slot;
use crate::subscription::Status;

impl Post {
    /// What is to be sent now. Those who wait for room come before others.
    pub fn next(&mut self, now: Timestamp) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while self.under_way.len() < self.settings.deliveries_max {
            if let Some(uri) = self.calls.pop(now) {
                self.call(&uri, now, &mut deliveries);
            } else if let Some(slot) = self.next_slow().or_else(|| self.agenda.pop(now)) {
                self.visit(slot, now, &mut deliveries);
            } else {
                break;
            }
        }
        deliveries
    }

    fn next_slow(&mut self) -> Option<Slot> {
        let has_room = self.slow_under_way < self.settings.slow_deliveries_max();
        if has_room { self.slow_line.next() } else { None }
    }

    /// When to ask again, if nothing happens before.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let has_room = self.under_way.len() < self.settings.deliveries_max;
        let moments = [self.agenda.first(), self.calls.first()];
        moments.into_iter().flatten().min().filter(|_| has_room)
    }

    /// A receiver may have room for those who wait in its line.
    fn call(&mut self, uri: &str, now: Timestamp, deliveries: &mut Vec<Delivery>) {
        while let Some(receiver) = self.receivers.get_mut(uri).filter(|one| one.line.has_any()) {
            match receiver.room(now, &self.settings) {
                Room::Full => return,
                Room::Closed(until) => return self.calls.add(uri.to_owned(), until),
                Room::Yes if self.under_way.len() >= self.settings.deliveries_max => {
                    return self.calls.add(uri.to_owned(), now);
                }
                Room::Yes => {}
            }
            if let Some(slot) = receiver.line.next() {
                self.visit(slot, now, deliveries);
            }
        }
    }

    /// Sends what a subscription has to send.
    fn visit(&mut self, slot: Slot, now: Timestamp, deliveries: &mut Vec<Delivery>) {
        let Some(outbox) = self.outboxes.get(&slot) else { return };
        let uri = receiver_of(&outbox.subscription);
        if self.tidy(slot, now) {
            self.send(slot, &uri, now, deliveries);
        }
    }

    fn send(&mut self, slot: Slot, uri: &str, now: Timestamp, deliveries: &mut Vec<Delivery>) {
        let mut has_sent = false;
        while let Some(outbox) = self.outboxes.get_mut(&slot) {
            let (positions, news) = match outbox.ready(now, &self.settings) {
                Ready::Now { positions, news } => (positions, news),
                Ready::At(at) => return self.agenda.add(slot, at),
                Ready::No => return,
            };
            let receiver = self.receivers.entry(uri.to_owned()).or_default();
            match receiver.room(now, &self.settings) {
                // One after the other, where others wait too.
                Room::Yes if !(has_sent && receiver.line.has_any()) => {}
                Room::Yes | Room::Full => return receiver.line.join(slot),
                Room::Closed(until) => {
                    let overdue_at = outbox.overdue_at(&self.settings).filter(|at| now < *at);
                    let look_at = overdue_at.map_or(until, |at| at.min(until));
                    return self.agenda.add(slot, look_at);
                }
            }
            if self.under_way.len() >= self.settings.deliveries_max {
                return self.agenda.add(slot, now);
            }
            let is_quick = receiver.is_quick;
            if !is_quick && has_sent {
                return self.agenda.add(slot, now);
            }
            if !is_quick && self.slow_under_way >= self.settings.slow_deliveries_max() {
                return self.slow_line.join(slot);
            }
            self.slow_under_way += usize::from(!is_quick);
            receiver.under_way += 1;
            outbox.begin(&positions, now);
            self.dirty.insert(slot);
            self.next_ticket += 1;
            let ticket = Ticket(self.next_ticket);
            deliveries.push(Delivery {
                ticket,
                subscription: outbox.subscription.clone(),
                positions: positions.first().copied().zip(positions.last().copied()),
                news,
                must_check: outbox.must_check(&positions),
            });
            let uri = uri.to_owned();
            has_sent = true;
            self.under_way.insert(ticket, UnderWay { slot, uri, positions, since: now, is_quick });
        }
    }

    /// Clears away what is no longer to be sent; tells whether anything may be sent at all.
    fn tidy(&mut self, slot: Slot, now: Timestamp) -> bool {
        let Some(outbox) = self.outboxes.get_mut(&slot) else { return false };
        if outbox.subscription.status(now) != Status::Active {
            self.queued -= outbox.queued();
            outbox.expire_all();
            self.hungry.remove(&slot);
            self.dirty.insert(slot);
            return false;
        }
        if let Some(at) = outbox.subscription.expires_at {
            self.agenda.add(slot, at);
        }
        let overdue = outbox.overdue(now, &self.settings);
        if !overdue.is_empty() {
            self.bury(slot, &overdue, now, "it could not be delivered in time");
        }
        true
    }

    /// The message of a delivery is about to leave; `false` where it must not any more.
    pub fn leaves(&mut self, ticket: Ticket, now: Timestamp) -> bool {
        let Some(under_way) = self.under_way.get(&ticket) else { return false };
        let Some(outbox) = self.outboxes.get_mut(&under_way.slot) else { return false };
        let may_leave = outbox.subscription.status(now) == Status::Active;
        if may_leave {
            outbox.leave(now);
            self.dirty.insert(under_way.slot);
        }
        may_leave
    }

    /// A delivery has ended. `chance` is any number.
    pub fn record(&mut self, ticket: Ticket, outcome: &Outcome, now: Timestamp, chance: u64) {
        let Some(landed) = self.land(ticket, now) else { return };
        self.judge_receiver(&landed, outcome, now, chance);
        let UnderWay { slot, positions, .. } = landed;
        let settings = &self.settings;
        let Some(outbox) = self.outboxes.get_mut(&slot) else { return };
        let queued = outbox.queued();
        let is_period = positions.is_empty();
        if is_period && *outcome != Outcome::Nothing {
            // A period is due when there is something to tell, and settled at once.
            let count = match outcome {
                Outcome::Delivered => &mut outbox.account.delivered,
                _ => &mut outbox.account.expired,
            };
            *count += 1;
        }
        let mut given_up = Vec::new();
        match outcome {
            Outcome::Delivered => {
                outbox.account.last_success = Some(now);
                outbox.settle(&positions, |account, settled| account.delivered += settled);
            }
            Outcome::Nothing => {
                outbox.settle(&positions, |account, settled| account.expired += settled);
            }
            Outcome::Refused(_) => {
                outbox.failed(now);
                let failures = outbox.refusals(&positions) + 1;
                let wait = backoff(failures, settings.retry_first, settings.retry_max, chance);
                let not_before = after(now, wait);
                given_up = outbox.postpone(&positions, true, not_before, settings.refusals_max);
            }
            Outcome::Held(_) => {
                let wait = backoff(1, settings.hold, settings.hold, chance);
                outbox.postpone(&positions, false, after(now, wait), settings.refusals_max);
            }
            Outcome::Failed(_) => {
                outbox.failed(now);
                outbox.postpone(&positions, false, now, settings.refusals_max);
            }
        }
        self.queued -= queued - outbox.queued();
        if let Outcome::Refused(reason) = outcome
            && !given_up.is_empty()
        {
            self.bury(slot, &given_up, now, reason);
        }
        self.look_again(slot, now);
    }

    /// Takes a delivery off the list.
    pub(super) fn land(&mut self, ticket: Ticket, now: Timestamp) -> Option<UnderWay> {
        let landed = self.under_way.remove(&ticket)?;
        self.slow_under_way -= usize::from(!landed.is_quick);
        self.calls.add(landed.uri.clone(), now);
        if let Some(outbox) = self.outboxes.get_mut(&landed.slot) {
            outbox.under_way -= 1;
        }
        if let Some(receiver) = self.receivers.get_mut(&landed.uri) {
            receiver.under_way -= 1;
            if receiver.is_forgettable() {
                self.receivers.remove(&landed.uri);
            }
        }
        Some(landed)
    }

    fn judge_receiver(
        &mut self,
        landed: &UnderWay,
        outcome: &Outcome,
        now: Timestamp,
        chance: u64,
    ) {
        let Some(receiver) = self.receivers.get_mut(&landed.uri) else { return };
        let outbox = self.outboxes.get(&landed.slot);
        let cooldown = outbox.and_then(|outbox| outbox.subscription.endpoint.cooldown);
        match (outcome, cooldown) {
            (Outcome::Nothing | Outcome::Held(_), _) => {}
            (Outcome::Delivered | Outcome::Refused(_), None) | (Outcome::Delivered, Some(_)) => {
                receiver.answered(landed.since, now);
            }
            (Outcome::Refused(_) | Outcome::Failed(_), _) => {
                // What waits longer than that is dead anyway.
                let cooldown = cooldown.map(|cooldown| cooldown.min(self.settings.lifetime));
                receiver.failed(now, cooldown, &self.settings, chance);
            }
        }
    }

    fn bury(&mut self, slot: Slot, positions: &[Position], now: Timestamp, reason: &str) {
        let Some(outbox) = self.outboxes.get_mut(&slot) else { return };
        for position in positions {
            // Beyond that they are counted only.
            if outbox.dead_letters >= self.settings.dead_letters_max {
                break;
            }
            let Some(event) = outbox.event(*position) else { continue };
            outbox.dead_letters += 1;
            let subscription = outbox.subscription.clone();
            let (position, reason) = (*position, reason.to_owned());
            self.buried.push(DeadLetter { subscription, position, event, at: now, reason });
        }
        let queued = outbox.queued();
        outbox.settle(positions, |account, settled| account.dead += settled);
        self.queued -= queued - outbox.queued();
        self.look_again(slot, now);
    }
}
