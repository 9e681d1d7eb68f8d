//! What one subscription is still to be told.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use model::{EntityId, Event, Timestamp};
use store::Position;

use super::backoff::after;
use super::state::State;
use crate::account::Account;
use crate::settings::Settings;
use crate::subscription::{Schedule, Subscription};

/// How far into a queue a notification may overtake those of other entities that wait.
const LOOKAHEAD: usize = 256;

#[derive(Debug)]
pub(super) struct Outbox {
    pub subscription: Arc<Subscription>,
    queue: VecDeque<Entry>,
    /// How many are due that are not in the queue.
    beyond: u64,
    /// Were some of these cut off the journal before they were read again?
    has_lost: bool,
    /// The queue holds all that is due up to here.
    pub queued_to: Position,
    /// What is up to here concerned it before; of what comes later, those in `done` as well.
    start: Position,
    done: BTreeSet<Position>,
    /// What is up to here was found to be due under earlier terms.
    checked_to: Position,
    pub account: Account,
    /// How many of those that wait were counted before a stop, and are not yet read again. They
    /// lie before `owed_to`.
    owed: u64,
    pub owed_to: Position,
    /// Was the journal cut off before all of those were read?
    is_cut: bool,
    /// When it was last told something.
    sent_at: Option<Timestamp>,
    next_period: Option<Timestamp>,
    /// The last of those that are told together, until they are told.
    batch_to: Position,
    /// How many deliveries are under way.
    pub under_way: usize,
    pub dead_letters: usize,
    /// Has anything changed that is not written down?
    pub is_dirty: bool,
}

#[derive(Debug)]
struct Entry {
    position: Position,
    event: Arc<Event>,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting { refusals: u32, not_before: Timestamp },
    UnderWay { refusals: u32 },
    Done,
}

/// What is told in one delivery.
#[derive(Clone, Debug)]
pub enum News {
    /// Changes of different entities. Where an entity changed several times, the last change.
    Changes(Vec<Arc<Event>>),
    /// The moment of a subscription that is told again and again.
    Period(Timestamp),
}

/// What an outbox has to send.
#[derive(Debug)]
pub(super) enum Ready {
    Now { positions: Vec<Position>, news: News },
    At(Timestamp),
    No,
}

impl Outbox {
    pub fn new(subscription: Arc<Subscription>, state: State, now: Timestamp) -> Outbox {
        let next_period = first_period(&subscription, state.next_period, now);
        Outbox {
            subscription,
            queue: VecDeque::new(),
            beyond: 0,
            has_lost: false,
            queued_to: state.cursor,
            start: state.cursor,
            done: state.done,
            checked_to: Position::default(),
            account: state.account,
            owed: state.account.waiting,
            owed_to: state.counted_to,
            is_cut: state.is_cut,
            sent_at: state.sent_at,
            next_period,
            batch_to: Position::default(),
            under_way: 0,
            dead_letters: state.dead_letters,
            is_dirty: false,
        }
    }

    /// The same outbox under new terms. What happened while it was paused concerns nobody, and what
    /// waits is of no use to one that is told again and again.
    pub fn replace(&mut self, subscription: Arc<Subscription>, read_to: Position, now: Timestamp) {
        let rests = |one: &Subscription| one.status(now) != crate::Status::Active;
        let resumes = rests(&self.subscription) && !rests(&subscription);
        if resumes || matches!(subscription.schedule, Schedule::Every(_)) {
            self.expire_all();
            self.start = self.start.max(read_to);
        }
        self.checked_to = read_to;
        let same = self.subscription.schedule == subscription.schedule;
        self.next_period = first_period(&subscription, self.next_period.filter(|_| same), now);
        self.subscription = subscription;
        self.is_dirty = true;
    }

    /// Is the event at this position news?
    pub fn is_new(&self, position: Position) -> bool {
        self.start < position && !self.done.contains(&position)
    }

    /// Takes what is due into the queue, or counts it where the queue has no room.
    pub fn due(&mut self, position: Position, event: &Arc<Event>, has_room: bool) -> bool {
        let is_counted = position <= self.owed_to && self.owed > 0;
        if is_counted {
            self.owed -= 1;
        } else {
            self.account.waiting += 1;
        }
        self.is_dirty = true;
        if self.beyond > 0 || !has_room {
            if self.beyond == 0 {
                self.queued_to = Position(position.0 - 1);
            }
            self.beyond += 1;
            return false;
        }
        self.push(position, event);
        true
    }

    /// All that was owed has been read again, or was cut off the journal. What is missing then is
    /// lost, or else it is no longer due under the terms of now.
    pub fn settle_debt(&mut self) {
        let is_lost = std::mem::take(&mut self.is_cut);
        let count = if is_lost { &mut self.account.dead } else { &mut self.account.expired };
        *count += self.owed;
        self.account.waiting -= self.owed;
        self.owed = 0;
        self.is_dirty = true;
    }

    /// The journal was cut off: it begins after a position. Tells whether something is missing that
    /// concerns this one.
    pub fn cut_off(&mut self, first: Position) -> bool {
        let misses = self.owed > 0 && self.start < first;
        self.is_cut |= misses;
        self.is_dirty |= misses;
        misses
    }

    /// Were these found to be due under terms that have changed since?
    pub fn must_check(&self, positions: &[Position]) -> bool {
        positions.first().is_some_and(|first| *first <= self.checked_to)
    }

    fn push(&mut self, position: Position, event: &Arc<Event>) {
        let progress = Progress::Waiting { refusals: 0, not_before: Timestamp(i64::MIN) };
        self.queue.push_back(Entry { position, event: event.clone(), progress });
    }

    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Is what was read from the journal after this position still what is missing here?
    pub fn awaits(&self, after: Position, terms: &Arc<Subscription>) -> bool {
        self.beyond > 0 && self.queued_to == after && Arc::ptr_eq(terms, &self.subscription)
    }

    /// Is there room in the queue for what is only counted?
    pub fn is_hungry(&self, queue_max: usize) -> bool {
        self.beyond > 0 && self.queue.len() <= queue_max / 2
    }

    /// Takes from what was only counted, and has been read again from the journal up to `to`.
    pub fn refill(
        &mut self,
        to: Position,
        read_to: Position,
        events: &[(Position, Arc<Event>)],
        queue_max: usize,
    ) {
        for (position, event) in events {
            // Some of what comes later may have been delivered before a stop.
            if !self.is_new(*position) {
                continue;
            }
            if self.queue.len() >= queue_max {
                self.queued_to = Position(position.0 - 1);
                return;
            }
            self.push(*position, event);
            // The terms may have changed since it was counted.
            match self.beyond.checked_sub(1) {
                Some(rest) => self.beyond = rest,
                None => self.account.waiting += 1,
            }
        }
        self.queued_to = to;
        if read_to <= to {
            // What was counted and is not there could not be read any more, or is no longer due
            // under the terms of now.
            let missing = std::mem::take(&mut self.beyond);
            self.account.waiting -= missing;
            match std::mem::take(&mut self.has_lost) {
                true => self.account.dead += missing,
                false => self.account.expired += missing,
            }
        }
        self.is_dirty = true;
    }

    /// What was only counted and can no longer be read is lost.
    pub fn lost(&mut self, to: Position) {
        self.queued_to = self.queued_to.max(to);
        self.has_lost = true;
    }

    /// What can be sent now, or when to ask again.
    pub fn ready(&mut self, now: Timestamp, settings: &Settings) -> Ready {
        match self.subscription.schedule {
            Schedule::Every(_) => self.ready_period(now),
            Schedule::OnChange { throttling: None } => self.ready_change(now),
            Schedule::OnChange { throttling: Some(_) } if self.under_way > 0 => Ready::No,
            Schedule::OnChange { throttling: Some(pause) } => {
                let open = self.sent_at.map(|at| after(at, pause)).filter(|open| now < *open);
                match open {
                    Some(open) if self.account.waiting > 0 => Ready::At(open),
                    Some(_) => Ready::No,
                    None => self.ready_changes(now, settings.entities_max),
                }
            }
        }
    }

    fn ready_period(&self, now: Timestamp) -> Ready {
        match self.next_period {
            _ if self.under_way > 0 => Ready::No,
            Some(at) if at <= now => Ready::Now { positions: Vec::new(), news: News::Period(at) },
            Some(at) => Ready::At(at),
            None => Ready::No,
        }
    }

    /// The first change of an entity of which no earlier one waits.
    fn ready_change(&self, now: Timestamp) -> Ready {
        let mut earliest: Option<Timestamp> = None;
        let mut held: Vec<&EntityId> = Vec::new();
        for entry in self.queue.iter().take(LOOKAHEAD) {
            match entry.progress {
                Progress::Done => continue,
                _ if held.contains(&&entry.event.id) => continue,
                Progress::Waiting { not_before, .. } if not_before <= now => {
                    let news = News::Changes(vec![entry.event.clone()]);
                    return Ready::Now { positions: vec![entry.position], news };
                }
                Progress::Waiting { not_before, .. } => {
                    earliest = Some(earliest.map_or(not_before, |at| at.min(not_before)));
                }
                Progress::UnderWay { .. } => {}
            }
            held.push(&entry.event.id);
        }
        earliest.map_or(Ready::No, Ready::At)
    }

    /// All changes that wait, told at once; of each entity the last. What could not be told the
    /// last time is told again without what came later, so that it has the same id.
    fn ready_changes(&self, now: Timestamp, entities_max: usize) -> Ready {
        let mut positions = Vec::new();
        let mut last: Vec<Arc<Event>> = Vec::new();
        let mut places: HashMap<&EntityId, usize> = HashMap::new();
        for entry in &self.queue {
            match entry.progress {
                Progress::Waiting { not_before, .. } if not_before <= now => {}
                Progress::Waiting { not_before, .. } if positions.is_empty() => {
                    return Ready::At(not_before);
                }
                Progress::Waiting { .. } => break,
                Progress::UnderWay { .. } | Progress::Done => continue,
            }
            let is_of_batch = positions.last().is_some_and(|last| *last <= self.batch_to);
            if is_of_batch && self.batch_to < entry.position {
                break;
            }
            match places.get(&entry.event.id) {
                Some(at) => last[*at] = entry.event.clone(),
                None if last.len() >= entities_max => break,
                None => {
                    places.insert(&entry.event.id, last.len());
                    last.push(entry.event.clone());
                }
            }
            positions.push(entry.position);
        }
        match positions.is_empty() {
            true => Ready::No,
            false => Ready::Now { positions, news: News::Changes(last) },
        }
    }

    /// A delivery begins.
    pub fn begin(&mut self, positions: &[Position], now: Timestamp) {
        self.under_way += 1;
        self.is_dirty = true;
        if let (Schedule::Every(span), Some(at)) = (self.subscription.schedule, self.next_period) {
            self.next_period = Some(next_period(at, span, now));
        }
        self.batch_to = positions.last().copied().unwrap_or(self.batch_to);
        self.each(positions, |progress| match *progress {
            Progress::Waiting { refusals, .. } => *progress = Progress::UnderWay { refusals },
            Progress::UnderWay { .. } | Progress::Done => {}
        });
    }

    /// The message leaves.
    pub fn leave(&mut self, now: Timestamp) {
        self.sent_at = Some(now);
        self.account.times_sent += 1;
        self.account.last_notification = Some(now);
        self.is_dirty = true;
    }

    pub fn failed(&mut self, now: Timestamp) {
        self.account.times_failed += 1;
        self.account.last_failure = Some(now);
    }

    /// These are no longer waiting; how they count is told of their number.
    pub fn settle(&mut self, positions: &[Position], count: impl FnOnce(&mut Account, u64)) {
        let mut settled = 0;
        self.each(positions, |progress| {
            if *progress != Progress::Done {
                settled += 1;
                *progress = Progress::Done;
            }
        });
        self.account.waiting -= settled;
        count(&mut self.account, settled);
        self.trim();
    }

    /// To be tried again, each not before its moment. Answers those that were refused too often.
    pub fn postpone(
        &mut self,
        positions: &[Position],
        is_refused: bool,
        not_before: Timestamp,
        refusals_max: u32,
    ) -> Vec<Position> {
        let mut given_up = Vec::new();
        for position in positions {
            let Some(entry) = self.entry_mut(*position) else { continue };
            if let Progress::UnderWay { refusals } = entry.progress {
                let refusals = refusals + u32::from(is_refused);
                entry.progress = Progress::Waiting { refusals, not_before };
                if is_refused && refusals_max <= refusals {
                    given_up.push(*position);
                }
            }
        }
        self.is_dirty = true;
        given_up
    }

    /// How often the first of these was refused.
    pub fn refusals(&self, positions: &[Position]) -> u32 {
        let first = positions.iter().find_map(|position| self.entry(*position));
        match first.map(|entry| entry.progress) {
            Some(Progress::Waiting { refusals, .. } | Progress::UnderWay { refusals }) => refusals,
            _ => 0,
        }
    }

    /// Those that wait for longer than they may.
    pub fn overdue(&self, now: Timestamp, settings: &Settings) -> Vec<Position> {
        let is_old = |entry: &&Entry| after(entry.event.at, settings.lifetime) <= now;
        let old = self.queue.iter().take_while(is_old);
        let waits = |entry: &&Entry| matches!(entry.progress, Progress::Waiting { .. });
        old.filter(waits).map(|entry| entry.position).collect()
    }

    /// When the first of them will have waited for too long.
    pub fn overdue_at(&self, settings: &Settings) -> Option<Timestamp> {
        self.queue.front().map(|entry| after(entry.event.at, settings.lifetime))
    }

    pub fn event(&self, position: Position) -> Option<Arc<Event>> {
        self.entry(position).map(|entry| entry.event.clone())
    }

    /// Nobody wants any of it any more.
    pub fn expire_all(&mut self) {
        self.account.expired += self.account.waiting;
        self.account.waiting = 0;
        (self.beyond, self.has_lost, self.owed) = (0, false, 0);
        self.queue.clear();
        self.is_dirty = true;
    }

    fn each(&mut self, positions: &[Position], mut what: impl FnMut(&mut Progress)) {
        for position in positions {
            if let Some(entry) = self.entry_mut(*position) {
                what(&mut entry.progress);
            }
        }
    }

    fn entry(&self, position: Position) -> Option<&Entry> {
        let at = self.queue.binary_search_by_key(&position, |entry| entry.position).ok()?;
        self.queue.get(at)
    }

    fn entry_mut(&mut self, position: Position) -> Option<&mut Entry> {
        let at = self.queue.binary_search_by_key(&position, |entry| entry.position).ok()?;
        self.queue.get_mut(at)
    }

    fn trim(&mut self) {
        while self.queue.front().is_some_and(|entry| entry.progress == Progress::Done) {
            self.queue.pop_front();
        }
        self.is_dirty = true;
    }

    /// What must be written down to go on from here after a stop.
    pub fn state(&self, read_to: Position) -> State {
        let is_idle = self.account.waiting == 0;
        let cursor = match self.queue.front() {
            Some(front) => Position(front.position.0 - 1),
            None if self.beyond > 0 => self.queued_to,
            None => self.start.max(read_to),
        };
        let settled = self.queue.iter().filter(|entry| entry.progress == Progress::Done);
        let mut done: BTreeSet<Position> = settled.map(|entry| entry.position).collect();
        done.extend(self.done.range(Position(cursor.0 + 1)..));
        State {
            cursor,
            counted_to: read_to.max(self.owed_to),
            is_idle,
            is_cut: self.is_cut,
            done,
            account: self.account,
            sent_at: self.sent_at,
            next_period: self.next_period,
            dead_letters: self.dead_letters,
        }
    }
}

/// Periods that passed while nobody was there are not made up for.
fn first_period(
    subscription: &Subscription,
    known: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let Schedule::Every(span) = subscription.schedule else { return None };
    Some(match known {
        Some(at) if now < at => at,
        Some(at) => next_period(at, span, now),
        None => after(now, span),
    })
}

/// The first moment after `now` that is a number of spans after `at`.
fn next_period(at: Timestamp, span: std::time::Duration, now: Timestamp) -> Timestamp {
    let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX).max(1);
    let passed = (now.0 - at.0).max(0) / span;
    Timestamp(at.0.saturating_add(span.saturating_mul(passed + 1)))
}
