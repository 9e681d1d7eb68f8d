//! One delivery, from news to the endpoint.

use std::sync::Arc;

use model::{Entity, Event};
use policy::{HeldBack, Release, Released};
use query::{Filter, Page, Query};
use store::StoreError;
use tracing::{debug, warn};

use super::Notifier;
use crate::changes::Changes;
use crate::concern::rights;
use crate::post::{Delivery, News, Outcome};
use crate::subscription::{Key, Subscription};
use crate::wire::{About, Told};

/// What the ids of notifications begin with.
pub(crate) const NOTIFICATION: &str = "urn:ngsi-ld:Notification:";

impl Notifier {
    pub(super) async fn carry(self: Arc<Self>, delivery: Delivery) -> Outcome {
        let outcome = self.try_carry(&delivery).await;
        let subscription = &delivery.subscription;
        let endpoint = subscription.endpoint.host();
        match &outcome {
            Outcome::Delivered | Outcome::Nothing => {
                debug!(subscription.id = %subscription.key, "told `{endpoint}`");
            }
            Outcome::Held(reason) | Outcome::Refused(reason) | Outcome::Failed(reason) => {
                warn!(
                    subscription.id = %subscription.key,
                    reason,
                    "could not tell `{endpoint}`; trying again"
                );
            }
        }
        outcome
    }

    async fn try_carry(&self, delivery: &Delivery) -> Outcome {
        let subscription = &delivery.subscription;
        let Some(rights) = rights(&self.policy, subscription) else { return Outcome::Nothing };
        // The endpoint may be another one by now.
        let release = self.release(subscription);
        let is_told_as_is = rights.are_all() && release.is_everything() && !delivery.must_check;
        let about = match &delivery.news {
            News::Changes(events) if is_told_as_is => About::Changes(events.clone()),
            News::Changes(events) => match self.still_due(subscription, events, &release).await {
                Ok(events) if events.is_empty() => return Outcome::Nothing,
                Ok(events) => About::Changes(events),
                Err(error) => return Outcome::Held(error.to_string()),
            },
            News::Period(_) => match self.entities(subscription, &release).await {
                Ok(entities) if entities.is_empty() => return Outcome::Nothing,
                Ok(entities) => About::Entities(entities),
                Err(error) => return Outcome::Held(error.to_string()),
            },
        };
        let told = Told {
            id: notification_id(delivery),
            subscription: subscription.clone(),
            at: (self.now)(),
            about,
            release,
        };
        let limit = self.subscriptions.settings.timeout;
        let message = match tokio::time::timeout(limit, self.wire.write(&told)).await {
            Ok(Ok(message)) => message,
            Ok(Err(problem)) => return Outcome::Held(problem),
            Err(_) => return Outcome::Held(format!("it could not be written within {limit:?}")),
        };
        // The subscription may have ended meanwhile.
        if !self.subscriptions.post().leaves(delivery.ticket, told.at) {
            return Outcome::Nothing;
        }
        let limit = subscription.endpoint.timeout.map_or(limit, |wanted| wanted.min(limit));
        let delivering = self.deliver.deliver(&subscription.endpoint, message);
        match tokio::time::timeout(limit, delivering).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed(format!("it did not answer within {limit:?}")),
        }
    }

    /// Those of the changes that the subscription is about under its terms of now, as the one who
    /// made it may see them now.
    async fn still_due(
        &self,
        subscription: &Subscription,
        events: &[Arc<Event>],
        release: &Release,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let mut due = Vec::new();
        for event in events {
            let changes = Changes::of(event);
            due.extend(self.concerned(subscription, event, &changes, release).await?);
        }
        Ok(due)
    }

    /// All entities that the subscription is about now, as far as they may be told.
    async fn entities(
        &self,
        subscription: &Subscription,
        release: &Release,
    ) -> Result<Vec<Arc<Entity>>, StoreError> {
        if let Some(held) = condition_held_back(subscription, release) {
            self.subscriptions.border.held_back(subscription, &held, true);
            return Ok(Vec::new());
        }
        let selectors: Vec<Filter> =
            subscription.selectors.iter().map(|selector| selector.filter()).collect();
        let mut all = vec![subscription.filter.clone()];
        if !selectors.is_empty() {
            all.push(Filter::Any(selectors));
        }
        let tenant = subscription.key.tenant.clone();
        let limit = self.subscriptions.settings.entities_max;
        let query =
            Query { page: Page { offset: 0, limit }, ..Query::of(tenant, Filter::All(all)) };
        let Ok(permitted) = self.policy.permit(&subscription.caller, query) else {
            return Ok(Vec::new());
        };
        let found = self.subscriptions.store.query(permitted, (self.now)()).await?.entities;
        Ok(self.rest_of(subscription, release, found))
    }

    fn rest_of(
        &self,
        subscription: &Subscription,
        release: &Release,
        entities: Vec<Arc<Entity>>,
    ) -> Vec<Arc<Entity>> {
        let rest = |entity: &Arc<Entity>| {
            let Released { rest, held } = release.entity(entity);
            if !held.is_nothing() {
                self.subscriptions.border.held_back(subscription, &held, rest.is_none());
            }
            rest
        };
        entities.iter().filter_map(rest).collect()
    }
}

/// What the condition of a subscription looks at that its receiver may not know: whoever is told
/// which entities fulfil it is told of their values. What a condition looks at behind relationships
/// is not known, so it may be anything that is held back.
fn condition_held_back(subscription: &Subscription, release: &Release) -> Option<HeldBack> {
    if subscription.link_depth > 0 && !release.is_everything() {
        return Some(HeldBack { attributes: Vec::new(), rules: release.rules() });
    }
    let mut read = subscription.filter.attributes_read().into_iter();
    read.find_map(|name| {
        let rule = release.holds_back(name)?;
        Some(HeldBack { attributes: vec![name.clone()], rules: vec![rule] })
    })
}

/// The same for the same news.
fn notification_id(delivery: &Delivery) -> String {
    let key = &delivery.subscription.key;
    match (delivery.positions, &delivery.news) {
        (Some((first, last)), _) if first == last => named(key, &first.0.to_string()),
        (Some((first, last)), _) => named(key, &format!("{}-{}", first.0, last.0)),
        (None, News::Period(at)) => named(key, &format!("at-{}", at.0)),
        (None, News::Changes(_)) => named(key, "0"),
    }
}

pub(crate) fn named(key: &Key, what: &str) -> String {
    format!("{NOTIFICATION}{}:{what}", key.id)
}
