//! What is sent when: decides, and does nothing itself. Time, chance and outcomes are told to it.

mod agenda;
mod backoff;
mod books;
mod outbox;
mod receiver;
mod state;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::{Event, Timestamp};
use store::Position;

use crate::account::Account;
use crate::index::{Index, Slot};
use crate::settings::Settings;
use crate::subscription::{Key, Schedule, Status, Subscription};

use agenda::Agenda;
use backoff::{after, backoff};
use outbox::{Outbox, Ready};
use receiver::{Receiver, Room};

pub use outbox::News;
pub use state::State;

/// All subscriptions, and what each is still to be told.
#[derive(Debug)]
pub struct Post {
    settings: Settings,
    index: Index,
    slots: HashMap<Key, Slot>,
    outboxes: HashMap<Slot, Outbox>,
    receivers: HashMap<String, Receiver>,
    agenda: Agenda,
    under_way: HashMap<Ticket, UnderWay>,
    /// Outboxes with room for what they only count.
    hungry: BTreeSet<Slot>,
    dirty: BTreeSet<Slot>,
    buried: Vec<DeadLetter>,
    /// How far the journal has been read.
    read_to: Position,
    queued: usize,
    next_slot: Slot,
    next_ticket: u64,
    /// What became of the notifications of subscriptions that are no more.
    gone: Account,
}

/// Names one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// Something to be sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub ticket: Ticket,
    pub subscription: Arc<Subscription>,
    /// The first event it tells of, and the last; nothing for a period.
    pub positions: Option<(Position, Position)>,
    pub news: News,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// There was nothing to tell.
    Nothing,
    /// It could not be written as it must be; that may change.
    Held(String),
    /// The endpoint answered, but did not take it.
    Refused(String),
    /// The endpoint is not there, or not able to take anything now.
    Failed(String),
}

/// A notification that was given up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub subscription: Arc<Subscription>,
    pub position: Position,
    pub event: Arc<Event>,
    pub at: Timestamp,
    pub reason: String,
}

/// What must be written down: first the dead letters, then the states, then how far the journal
/// was read.
#[derive(Debug)]
pub struct Snapshot {
    pub buried: Vec<DeadLetter>,
    pub states: Vec<(Key, State)>,
    pub read_to: Position,
}

#[derive(Debug)]
struct UnderWay {
    slot: Slot,
    uri: String,
    positions: Vec<Position>,
}

impl Post {
    pub fn new(settings: Settings) -> Post {
        Post {
            settings,
            index: Index::default(),
            slots: HashMap::new(),
            outboxes: HashMap::new(),
            receivers: HashMap::new(),
            agenda: Agenda::default(),
            under_way: HashMap::new(),
            hungry: BTreeSet::new(),
            dirty: BTreeSet::new(),
            buried: Vec::new(),
            read_to: Position::default(),
            queued: 0,
            next_slot: 0,
            next_ticket: 0,
            gone: Account::default(),
        }
    }

    /// Takes in a subscription, or new terms for one that is there; `state` is where it begins.
    pub fn put(&mut self, subscription: Arc<Subscription>, state: State, now: Timestamp) {
        let known = self.slots.get(&subscription.key).copied();
        let slot = known.unwrap_or_else(|| {
            self.next_slot += 1;
            self.slots.insert(subscription.key.clone(), self.next_slot);
            self.next_slot
        });
        self.index.insert_new(slot, self.outboxes.get(&slot), &subscription);
        let uri = receiver_of(&subscription);
        self.receivers.entry(uri).or_default().subscriptions += 1;
        match self.outboxes.get_mut(&slot) {
            Some(outbox) => {
                let old = receiver_of(&outbox.subscription);
                let queued = outbox.queued();
                outbox.replace(subscription, self.read_to, now);
                self.queued -= queued - outbox.queued();
                self.leave_receiver(&old);
            }
            None => drop(self.outboxes.insert(slot, Outbox::new(subscription, state, now))),
        }
        self.dirty.insert(slot);
        self.agenda.add(slot, now);
    }

    /// Forgets a subscription. Answers the deliveries that are to be broken off.
    pub fn remove(&mut self, key: &Key) -> Vec<Ticket> {
        let Some(slot) = self.slots.remove(key) else { return Vec::new() };
        self.agenda.remove(slot);
        self.hungry.remove(&slot);
        self.dirty.remove(&slot);
        if let Some(mut outbox) = self.outboxes.remove(&slot) {
            self.queued -= outbox.queued();
            outbox.expire_all();
            self.gone = self.gone.plus(&outbox.account);
            self.index.remove(slot, &outbox.subscription);
            let uri = receiver_of(&outbox.subscription);
            self.leave_receiver(&uri);
        }
        let ours = self.under_way.iter().filter(|(_, one)| one.slot == slot);
        let tickets: Vec<Ticket> = ours.map(|(ticket, _)| *ticket).collect();
        for ticket in &tickets {
            self.land(*ticket);
        }
        tickets
    }

    fn leave_receiver(&mut self, uri: &str) {
        if let Some(receiver) = self.receivers.get_mut(uri) {
            receiver.subscriptions -= 1;
            if receiver.is_forgettable() {
                self.receivers.remove(uri);
            }
        }
    }

    /// How far the journal has been read.
    pub fn read_to(&self) -> Position {
        self.read_to
    }

    pub fn set_read_to(&mut self, position: Position) {
        self.read_to = position;
    }

    /// Subscriptions that the event at this position may concern, and that were not told before.
    pub fn candidates(
        &self,
        position: Position,
        event: &Event,
        now: Timestamp,
    ) -> Vec<(Slot, Arc<Subscription>)> {
        let slots = self.index.candidates(event).into_iter();
        let found = slots.filter_map(|slot| {
            let outbox = self.outboxes.get(&slot)?;
            let subscription = &outbox.subscription;
            let listens = matches!(subscription.schedule, Schedule::OnChange { .. })
                && subscription.status(now) == Status::Active
                && outbox.is_new(position);
            listens.then(|| (slot, subscription.clone()))
        });
        found.collect()
    }

    /// A subscription is to be told of the event at a position.
    pub fn due(&mut self, slot: Slot, position: Position, event: &Arc<Event>, now: Timestamp) {
        let Some(outbox) = self.outboxes.get_mut(&slot) else { return };
        let has_room = outbox.queued() < self.settings.queue_max
            && (self.queued < self.settings.queued_max || outbox.queued() == 0);
        if outbox.due(position, event, has_room) {
            self.queued += 1;
            self.agenda.add(slot, now);
        }
        self.dirty.insert(slot);
        self.note_hunger(slot);
    }

    /// What is to be sent now.
    pub fn next(&mut self, now: Timestamp) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while self.under_way.len() < self.settings.deliveries_max {
            let Some(slot) = self.agenda.pop(now) else { break };
            self.visit(slot, now, &mut deliveries);
        }
        deliveries
    }

    /// When to ask again, if nothing happens before.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let has_room = self.under_way.len() < self.settings.deliveries_max;
        self.agenda.first().filter(|_| has_room)
    }

    fn visit(&mut self, slot: Slot, now: Timestamp, deliveries: &mut Vec<Delivery>) {
        if !self.tidy(slot, now) {
            return;
        }
        while let Some(outbox) = self.outboxes.get_mut(&slot) {
            let (positions, news) = match outbox.ready(now, &self.settings) {
                Ready::Now { positions, news } => (positions, news),
                Ready::At(at) => return self.agenda.add(slot, at),
                Ready::No => return,
            };
            let uri = receiver_of(&outbox.subscription);
            let receiver = self.receivers.entry(uri.clone()).or_default();
            match receiver.room(now, &self.settings) {
                Room::Yes => {}
                Room::Full => {
                    receiver.parked.insert(slot);
                    return;
                }
                Room::Closed(until) => return self.agenda.add(slot, until),
            }
            if self.under_way.len() >= self.settings.deliveries_max {
                return self.agenda.add(slot, now);
            }
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
            });
            self.under_way.insert(ticket, UnderWay { slot, uri, positions });
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
        let Some(UnderWay { slot, uri, positions }) = self.land(ticket) else { return };
        self.judge_receiver(slot, &uri, outcome, now, chance);
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

    fn look_again(&mut self, slot: Slot, now: Timestamp) {
        self.dirty.insert(slot);
        self.agenda.add(slot, now);
        self.note_hunger(slot);
    }

    /// Where memory is full, only an outbox that has nothing is filled, so that it goes on.
    fn note_hunger(&mut self, slot: Slot) {
        let room = self.queued < self.settings.queued_max;
        let is_hungry =
            |one: &Outbox| one.is_hungry(self.settings.queue_max) && (room || one.queued() == 0);
        if self.outboxes.get(&slot).is_some_and(is_hungry) {
            self.hungry.insert(slot);
        }
    }

    /// Takes a delivery off the list, and lets those look who waited for it.
    fn land(&mut self, ticket: Ticket) -> Option<UnderWay> {
        let landed = self.under_way.remove(&ticket)?;
        if let Some(outbox) = self.outboxes.get_mut(&landed.slot) {
            outbox.under_way -= 1;
        }
        if let Some(receiver) = self.receivers.get_mut(&landed.uri) {
            receiver.under_way -= 1;
            for slot in std::mem::take(&mut receiver.parked) {
                self.agenda.add(slot, Timestamp(i64::MIN));
            }
            if receiver.is_forgettable() {
                self.receivers.remove(&landed.uri);
            }
        }
        Some(landed)
    }

    fn judge_receiver(
        &mut self,
        slot: Slot,
        uri: &str,
        outcome: &Outcome,
        now: Timestamp,
        chance: u64,
    ) {
        let Some(receiver) = self.receivers.get_mut(uri) else { return };
        let outbox = self.outboxes.get(&slot);
        let cooldown = outbox.and_then(|outbox| outbox.subscription.endpoint.cooldown);
        match (outcome, cooldown) {
            (Outcome::Nothing | Outcome::Held(_), _) => {}
            (Outcome::Delivered | Outcome::Refused(_), None) | (Outcome::Delivered, Some(_)) => {
                receiver.answered();
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

    /// Outboxes that are to be filled from the journal, each after a position.
    pub fn hungry(&self) -> Vec<(Slot, Position, Arc<Subscription>)> {
        let hungry = self.hungry.iter().filter_map(|slot| {
            let outbox = self.outboxes.get(slot)?;
            Some((*slot, outbox.queued_to, outbox.subscription.clone()))
        });
        hungry.collect()
    }

    /// What of the journal up to `to` concerns an outbox that only counted it.
    pub fn refill(
        &mut self,
        slot: Slot,
        to: Position,
        events: &[(Position, Arc<Event>)],
        now: Timestamp,
    ) {
        let Some(outbox) = self.outboxes.get_mut(&slot) else { return };
        let queued = outbox.queued();
        let room = self.settings.queued_max.saturating_sub(self.queued).max(1);
        let queue_max = self.settings.queue_max.min(queued.saturating_add(room));
        outbox.refill(to, self.read_to, events, queue_max);
        self.queued += outbox.queued() - queued;
        self.hungry.remove(&slot);
        self.look_again(slot, now);
    }

    /// The journal begins after `first`: what was to be read before that is gone.
    pub fn lost(&mut self, slot: Slot, first: Position) {
        if let Some(outbox) = self.outboxes.get_mut(&slot) {
            outbox.lost(first);
        }
    }
}

/// Names the endpoint of a subscription. What one tenant makes of an endpoint is nothing to others.
fn receiver_of(subscription: &Subscription) -> String {
    format!("{}\n{}", subscription.key.tenant.as_str(), subscription.endpoint.uri)
}

impl Index {
    /// Puts in a subscription in the place of the one that stood in its slot.
    fn insert_new(&mut self, slot: Slot, old: Option<&Outbox>, new: &Subscription) {
        if let Some(old) = old {
            self.remove(slot, &old.subscription);
        }
        self.insert(slot, new);
    }
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
