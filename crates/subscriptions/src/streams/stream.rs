//! One stream, as its listener has it.

use std::collections::VecDeque;
use std::sync::Arc;

use model::Event;
use policy::Release;
use store::{JournalError, Position, Recorded, StoreError};
use tracing::warn;

use super::hub::{Live, may_concern};
use super::{Gone, STORE_PAUSE, Streams};
use crate::changes::Changes;
use crate::concern::Judge;
use crate::index::Slot;
use crate::notifier::named;
use crate::subscription::Subscription;
use crate::wire::{About, Message, Told, Wire};

/// How many events a stream reads at a time. Those that may concern it are held until its listener
/// has taken them.
const EVENTS_AT_ONCE: usize = 64;

/// Tells of changes in the order of the journal, each once. It ends when it is dropped.
#[derive(Debug)]
pub struct Stream {
    streams: Arc<Streams>,
    slot: Slot,
    subscription: Arc<Subscription>,
    /// All up to here was told, or concerned nobody.
    position: Position,
    /// What may concern the subscription up to here was told, or is ahead.
    read_to: Position,
    /// What is to be looked at next.
    ahead: VecDeque<Recorded>,
    live: Option<Live>,
}

impl Stream {
    pub(super) fn new(
        streams: Arc<Streams>,
        slot: Slot,
        subscription: Arc<Subscription>,
        position: Position,
    ) -> Stream {
        let (read_to, ahead) = (position, VecDeque::new());
        Stream { streams, slot, subscription, position, read_to, ahead, live: None }
    }

    pub fn subscription(&self) -> &Arc<Subscription> {
        &self.subscription
    }

    /// A change that [`Stream::next`] gave, as the stream tells of it: the notification that a subscriber would get.
    pub async fn written(&self, wire: &dyn Wire, recorded: &Recorded) -> Result<Message, String> {
        let told = Told {
            id: named(&self.subscription.key, &recorded.position.0.to_string()),
            subscription: self.subscription.clone(),
            at: (self.streams.now)(),
            about: About::Changes(vec![recorded.event.clone()]),
            // Whoever listens asked for it, so nothing leaves by itself.
            release: Release::default(),
        };
        wire.write(&told).await
    }

    /// How far the stream is: nothing up to this position is still to be told.
    pub fn position(&mut self) -> Position {
        if let Some(live) = &self.live
            && self.ahead.is_empty()
            && live.from <= self.read_to
        {
            // While the hub is locked, nothing can arrive.
            let hub = self.streams.hub();
            if live.receiver.is_empty() && !live.receiver.is_closed() {
                self.position = self.position.max(hub.read_to());
            }
        }
        self.position
    }

    /// The next change that concerns the subscription, as its maker sees it. Nothing is lost where this is given up
    /// while it waits.
    pub async fn next(&mut self) -> Result<Recorded, Gone> {
        loop {
            if let Some(recorded) = self.next_ahead().await {
                return Ok(recorded);
            }
            match &mut self.live {
                None => self.catch_up().await?,
                Some(live) if self.read_to < live.from => {
                    let from = live.from;
                    self.read_on(from).await?;
                }
                Some(live) => match live.receiver.recv().await {
                    Some(recorded) if recorded.position <= self.read_to => {}
                    Some(recorded) => {
                        self.read_to = recorded.position;
                        self.ahead.push_back(recorded);
                    }
                    None => {
                        self.read_to = self.read_to.max(live.missed());
                        self.live = None;
                    }
                },
            }
        }
    }

    /// The next of those ahead that concerns the subscription; the others are passed over.
    async fn next_ahead(&mut self) -> Option<Recorded> {
        while let Some(recorded) = self.ahead.front() {
            let recorded = recorded.clone();
            let concerned = self.concerned(&recorded).await;
            self.ahead.pop_front();
            self.position = recorded.position;
            if let Some(event) = concerned {
                return Some(Recorded { event, ..recorded });
            }
        }
        self.position = self.position.max(self.read_to);
        None
    }

    /// Listens, where what is missing is little; else reads on in the journal.
    async fn catch_up(&mut self) -> Result<(), Gone> {
        let end = *self.streams.store.journal_end().borrow();
        let queue_max = self.streams.settings.queue_max;
        let reached = (self.read_to, end);
        let near = EVENTS_AT_ONCE as u64;
        self.live =
            self.streams.hub().attach(self.slot, &self.subscription, reached, near, queue_max);
        if self.live.is_some() {
            self.streams.attached.notify_one();
            return Ok(());
        }
        self.read_on(end).await
    }

    /// Reads on in the journal, but not further than `to`.
    async fn read_on(&mut self, to: Position) -> Result<(), Gone> {
        let events = match self.streams.store.journal(self.read_to, EVENTS_AT_ONCE).await {
            Ok(events) => events,
            Err(JournalError::Gone { first }) => return Err(Gone { first }),
            Err(JournalError::Store(error)) => {
                pause(&error).await;
                return Ok(());
            }
        };
        let are_all = events.len() < EVENTS_AT_ONCE;
        for recorded in events.into_iter().take_while(|one| one.position <= to) {
            self.read_to = recorded.position;
            let changes = Changes::of(&recorded.event);
            if may_concern(&self.streams.policy, &self.subscription, &changes) {
                self.ahead.push_back(recorded);
            }
        }
        if are_all {
            self.read_to = self.read_to.max(to);
        }
        // Where there is much to read of which nothing concerns anybody, others have their turn.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn concerned(&self, recorded: &Recorded) -> Option<Arc<Event>> {
        let Streams { store, policy, now, .. } = &*self.streams;
        let changes = Changes::of(&recorded.event);
        loop {
            let release = &Release::default();
            let judge = Judge { store: &**store, policy, now: now(), release };
            match judge.concerned(&self.subscription, &recorded.event, &changes).await {
                Ok(concerned) => return concerned,
                Err(error) => pause(&error).await,
            }
        }
    }
}

async fn pause(error: &StoreError) {
    warn!(%error, "could not read for a stream; trying again");
    tokio::time::sleep(STORE_PAUSE).await;
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.streams.hub().leave(self.slot);
        self.streams.tenants().leave(&self.subscription.key.tenant);
    }
}
