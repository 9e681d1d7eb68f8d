//! What is sent when: decides, and does nothing itself. Time, chance and outcomes are told to it.

mod agenda;
mod backoff;
mod books;
mod line;
mod outbox;
mod receiver;
mod refill;
mod send;
mod state;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::{Event, Tenant, Timestamp};
use store::Position;

use crate::account::Account;
use crate::index::{Index, Slot};
use crate::settings::Settings;
use crate::subscription::{Endpoint, Key, Schedule, Status, Subscription};

use agenda::Agenda;
use line::Line;
use outbox::Outbox;
use receiver::Receiver;

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
    agenda: Agenda<Slot>,
    /// When receivers take those who wait in line.
    calls: Agenda<String>,
    under_way: BTreeMap<Ticket, UnderWay>,
    /// How many of these go to receivers that are not quick, and who waits to send to one.
    slow_under_way: usize,
    slow_line: Line,
    /// Outboxes with room for what they only count.
    hungry: BTreeSet<Slot>,
    dirty: BTreeSet<Slot>,
    buried: Vec<DeadLetter>,
    /// How far the journal has been read.
    read_to: Position,
    /// When the journal has been read up to a position, what these were still to be told is known.
    debts: BTreeMap<Position, Vec<Slot>>,
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
    /// The terms have changed since this was found to be due: does it still concern them?
    pub must_check: bool,
}

/// What an outbox misses, after a position of the journal.
#[derive(Clone, Debug)]
pub struct Missing {
    pub after: Position,
    pub subscription: Arc<Subscription>,
    slot: Slot,
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
    since: Timestamp,
    is_quick: bool,
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
            calls: Agenda::default(),
            under_way: BTreeMap::new(),
            slow_under_way: 0,
            slow_line: Line::default(),
            hungry: BTreeSet::new(),
            dirty: BTreeSet::new(),
            buried: Vec::new(),
            read_to: Position::default(),
            debts: BTreeMap::new(),
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
            None => {
                if state.account.waiting > 0 {
                    self.debts.entry(state.counted_to).or_default().push(slot);
                }
                self.outboxes.insert(slot, Outbox::new(subscription, state, now));
            }
        }
        self.dirty.insert(slot);
        self.agenda.add(slot, now);
    }

    /// Forgets a subscription. Answers the deliveries that are to be broken off.
    pub fn remove(&mut self, key: &Key, now: Timestamp) -> Vec<Ticket> {
        let Some(slot) = self.slots.remove(key) else { return Vec::new() };
        self.agenda.remove(&slot);
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
            self.land(*ticket, now);
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

    /// Is this where notifications of that subscription go already?
    pub fn has_endpoint(&self, key: &Key, uri: &str) -> bool {
        let outbox = self.slots.get(key).and_then(|slot| self.outboxes.get(slot));
        outbox.is_some_and(|outbox| outbox.subscription.endpoint.uri == uri)
    }

    /// The endpoints of a tenant, one for each subscription.
    pub fn endpoints(&self, tenant: &Tenant) -> Vec<Endpoint> {
        let all = self.outboxes.values().map(|outbox| &outbox.subscription);
        let ours = all.filter(|one| one.key.tenant == *tenant);
        ours.map(|subscription| subscription.endpoint.clone()).collect()
    }

    /// How far the journal has been read.
    pub fn read_to(&self) -> Position {
        self.read_to
    }

    pub fn set_read_to(&mut self, position: Position) {
        self.read_to = position;
        while let Some(entry) = self.debts.first_entry().filter(|one| *one.key() <= position) {
            for slot in entry.remove() {
                let Some(outbox) = self.outboxes.get_mut(&slot) else { continue };
                outbox.settle_debt();
                self.dirty.insert(slot);
            }
        }
    }

    /// The journal begins after a position: what came before and was not read is lost.
    pub fn cut_off(&mut self, first: Position) {
        for (slot, outbox) in &mut self.outboxes {
            if outbox.cut_off(first) {
                self.dirty.insert(*slot);
            }
        }
        self.set_read_to(first);
    }

    /// All that was up to this position has been considered.
    pub fn reach(&mut self, position: Position) {
        if self.read_to < position {
            self.set_read_to(position);
        }
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
