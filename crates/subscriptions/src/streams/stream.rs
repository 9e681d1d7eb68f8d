//! One stream, as its listener has it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use store::{JournalError, Position, Recorded, StoreError};
use tokio::sync::mpsc::Receiver;
use tracing::warn;

use super::hub::Missed;
use super::{EVENTS_AT_ONCE, Gone, STORE_PAUSE, Streams};
use crate::changes::Changes;
use crate::concern::Judge;
use crate::index::Slot;
use crate::notifier::named;
use crate::subscription::Subscription;
use crate::wire::{About, Message, Told, Wire};

/// Tells of changes in the order of the journal, each once. It ends when it is dropped.
#[derive(Debug)]
pub struct Stream {
    streams: Arc<Streams>,
    slot: Slot,
    subscription: Arc<Subscription>,
    /// All up to here was told, or concerned nobody.
    position: Position,
    /// What is to be looked at next.
    ahead: VecDeque<Recorded>,
    live: Option<(Receiver<Recorded>, Missed)>,
}

impl Stream {
    pub(super) fn new(
        streams: Arc<Streams>,
        slot: Slot,
        subscription: Arc<Subscription>,
        position: Position,
    ) -> Stream {
        let (ahead, live) = (VecDeque::new(), None);
        Stream { streams, slot, subscription, position, ahead, live }
    }

    pub fn subscription(&self) -> &Arc<Subscription> {
        &self.subscription
    }

    /// A change as the stream tells of it: the notification that a subscriber would get.
    pub async fn written(&self, wire: &dyn Wire, recorded: &Recorded) -> Result<Message, String> {
        let told = Told {
            id: named(&self.subscription.key, &recorded.position.0.to_string()),
            subscription: self.subscription.clone(),
            at: (self.streams.now)(),
            about: About::Changes(vec![recorded.event.clone()]),
        };
        wire.write(&told).await
    }

    /// How far the stream is: nothing up to this position is still to be told.
    pub fn position(&mut self) -> Position {
        if let Some((receiver, _)) = &self.live
            && self.ahead.is_empty()
        {
            // While the hub is locked, nothing can arrive.
            let hub = self.streams.hub();
            if receiver.is_empty() && !receiver.is_closed() {
                self.position = self.position.max(hub.read_to());
            }
        }
        self.position
    }

    /// The next change that concerns the subscription. Nothing is lost where this is given up
    /// while it waits.
    pub async fn next(&mut self) -> Result<Recorded, Gone> {
        loop {
            while let Some(recorded) = self.ahead.front() {
                let recorded = recorded.clone();
                let concerns = self.concerns(&recorded).await;
                self.ahead.pop_front();
                self.position = recorded.position;
                if concerns {
                    return Ok(recorded);
                }
            }
            match &mut self.live {
                Some((receiver, missed)) => match receiver.recv().await {
                    Some(recorded) if recorded.position <= self.position => {}
                    Some(recorded) => self.ahead.push_back(recorded),
                    None => {
                        let missed = Position(missed.load(Ordering::Acquire));
                        self.position = self.position.max(missed);
                        self.live = None;
                    }
                },
                None => self.catch_up().await?,
            }
        }
    }

    /// Reads on in the journal, or listens where there is no more.
    async fn catch_up(&mut self) -> Result<(), Gone> {
        match self.streams.store.journal(self.position, EVENTS_AT_ONCE).await {
            Ok(events) if events.is_empty() => self.attach(),
            Ok(events) => self.ahead.extend(events),
            Err(JournalError::Gone { first }) => return Err(Gone { first }),
            Err(JournalError::Store(error)) => pause(&error).await,
        }
        Ok(())
    }

    fn attach(&mut self) {
        let queue_max = self.streams.settings.queue_max;
        let mut hub = self.streams.hub();
        self.live = hub.attach(self.slot, &self.subscription, self.position, queue_max);
        drop(hub);
        if self.live.is_some() {
            self.streams.attached.notify_one();
        }
    }

    async fn concerns(&self, recorded: &Recorded) -> bool {
        if recorded.event.tenant != self.subscription.key.tenant {
            return false;
        }
        let Streams { store, policy, now, .. } = &*self.streams;
        let changes = Changes::of(&recorded.event);
        loop {
            let judge = Judge { store: &**store, policy, now: now() };
            match judge.concerns(&self.subscription, &changes).await {
                Ok(concerns) => return concerns,
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
    }
}
