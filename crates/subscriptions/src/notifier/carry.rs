//! One delivery, from news to the endpoint.

use std::sync::Arc;

use model::{Entity, Event};
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
        if rights(&self.policy, subscription).is_none() {
            return Outcome::Nothing;
        }
        let about = match &delivery.news {
            News::Changes(events) if !delivery.must_check => About::Changes(events.clone()),
            News::Changes(events) => match self.still_due(subscription, events).await {
                Ok(events) if events.is_empty() => return Outcome::Nothing,
                Ok(events) => About::Changes(events),
                Err(error) => return Outcome::Held(error.to_string()),
            },
            News::Period(_) => match self.entities(subscription).await {
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

    /// Those of the changes that the subscription is about under its terms of now.
    async fn still_due(
        &self,
        subscription: &Subscription,
        events: &[Arc<Event>],
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let mut due = Vec::new();
        for event in events {
            if self.concerns(subscription, &Changes::of(event)).await? {
                due.push(event.clone());
            }
        }
        Ok(due)
    }

    /// All entities that the subscription is about now.
    async fn entities(&self, subscription: &Subscription) -> Result<Vec<Arc<Entity>>, StoreError> {
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
        Ok(self.subscriptions.store.query(permitted, (self.now)()).await?.entities)
    }
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
