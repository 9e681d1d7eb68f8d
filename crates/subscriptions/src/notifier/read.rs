//! From the journal to outboxes.

use std::sync::Arc;

use model::Event;
use policy::Release;
use store::{JournalError, Position, Recorded, StoreError};
use tracing::warn;

use super::Notifier;
use crate::changes::Changes;
use crate::concern::Judge;
use crate::post::Missing;
use crate::subscription::Subscription;

/// How many events are read at a time.
const EVENTS_AT_ONCE: usize = 256;

impl Notifier {
    /// Reads on a little; tells whether there is more.
    pub(super) async fn read(&self) -> Result<bool, StoreError> {
        let office = &self.subscriptions;
        let after = office.post().read_to();
        if after < office.journal_end() {
            self.read_events(after).await?;
        }
        let is_hungry = self.refill().await?;
        Ok(is_hungry || office.post().read_to() < office.journal_end())
    }

    async fn read_events(&self, after: Position) -> Result<(), StoreError> {
        let office = &self.subscriptions;
        let end = office.journal_end();
        let events = match office.store.journal(after, EVENTS_AT_ONCE).await {
            Ok(events) => events,
            Err(JournalError::Gone { first }) => {
                warn!(
                    from = after.0,
                    to = first.0,
                    "changes were cut off the journal before subscribers were told of them"
                );
                office.post().cut_off(first);
                return Ok(());
            }
            Err(JournalError::Store(error)) => return Err(error),
        };
        // What lies between them and the end, if anything, are events of shredded tenants.
        let are_all = events.len() < EVENTS_AT_ONCE;
        for recorded in events {
            self.consider(&recorded).await?;
        }
        if are_all {
            office.post().reach(end);
        }
        Ok(())
    }

    /// Puts an event into the outboxes of those it concerns: of all of them, or of none where the
    /// store fails.
    async fn consider(&self, recorded: &Recorded) -> Result<(), StoreError> {
        let Recorded { position, event } = recorded;
        let office = &self.subscriptions;
        let now = (self.now)();
        let candidates = office.post().candidates(*position, event, now);
        let mut concerned = Vec::new();
        if !candidates.is_empty() {
            let changes = Changes::of(event);
            for (slot, subscription) in candidates {
                if self.is_due(&subscription, event, &changes).await? {
                    concerned.push(slot);
                }
            }
        }
        let mut post = office.post();
        for slot in concerned {
            post.due(slot, *position, event, now);
        }
        post.set_read_to(*position);
        Ok(())
    }

    pub(super) async fn concerned(
        &self,
        subscription: &Subscription,
        event: &Arc<Event>,
        changes: &Changes<'_>,
        release: &Release,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        let (store, policy) = (&*self.subscriptions.store, &self.policy);
        let judge = Judge { store, policy, now: (self.now)(), release };
        judge.concerned(subscription, event, changes).await
    }

    /// What of the changes may be told to this subscriber.
    pub(super) fn release(&self, subscription: &Subscription) -> Release {
        let Subscription { key, endpoint, .. } = subscription;
        self.subscriptions.border.release(&key.tenant, endpoint)
    }

    /// Is an event to be told? Says what is held back of what would have been told.
    async fn is_due(
        &self,
        subscription: &Subscription,
        event: &Arc<Event>,
        changes: &Changes<'_>,
    ) -> Result<bool, StoreError> {
        let release = self.release(subscription);
        let is_due = self.concerned(subscription, event, changes, &release).await?.is_some();
        if release.is_everything() {
            return Ok(is_due);
        }
        let everything = Release::default();
        if let Some(seen) = self.concerned(subscription, event, changes, &everything).await? {
            let held = release.event(&seen).held;
            if !held.is_nothing() {
                self.subscriptions.border.held_back(subscription, &held, !is_due);
            }
        }
        Ok(is_due)
    }

    /// Fills outboxes that had no room before; tells whether there is more to do.
    async fn refill(&self) -> Result<bool, StoreError> {
        let hungry = self.subscriptions.post().hungry();
        for missing in &hungry {
            match self.subscriptions.store.journal(missing.after, EVENTS_AT_ONCE).await {
                Ok(events) => self.fill(missing, events).await?,
                Err(JournalError::Gone { first }) => self.subscriptions.post().lost(missing, first),
                Err(JournalError::Store(error)) => return Err(error),
            }
        }
        Ok(!hungry.is_empty())
    }

    async fn fill(&self, missing: &Missing, events: Vec<Recorded>) -> Result<(), StoreError> {
        let read_to = self.subscriptions.post().read_to();
        let events: Vec<Recorded> =
            events.into_iter().take_while(|one| one.position <= read_to).collect();
        let to = events.last().map_or(read_to, |last| last.position);
        let found = self.among(&missing.subscription, &events).await?;
        self.subscriptions.post().refill(missing, to, &found, (self.now)());
        Ok(())
    }

    async fn among(
        &self,
        subscription: &Subscription,
        events: &[Recorded],
    ) -> Result<Vec<(Position, Arc<Event>)>, StoreError> {
        let mut found = Vec::new();
        let release = self.release(subscription);
        let ours = events.iter().filter(|one| one.event.tenant == subscription.key.tenant);
        for Recorded { position, event } in ours {
            // What was held back of it was told when it was read for the first time.
            let changes = Changes::of(event);
            if self.concerned(subscription, event, &changes, &release).await?.is_some() {
                found.push((*position, event.clone()));
            }
        }
        Ok(found)
    }
}
