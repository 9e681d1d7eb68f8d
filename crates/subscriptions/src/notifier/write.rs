//! Writing down how far things are, so that a crash loses nothing.

use std::sync::Arc;

use serde_json::json;
use store::StoreError;
use tokio::task::JoinSet;
use tracing::warn;

use super::Notifier;
use super::carry::named;
use crate::changes::Changes;
use crate::dead_letters::letter_name;
use crate::office::DEAD_LETTERS;
use crate::post::{DeadLetter, Snapshot};
use crate::subscription::Key;
use crate::wire::{About, Told};

/// How many states are on their way to the store at one time, to share its syncs.
const WRITES_AT_ONCE: usize = 64;

impl Notifier {
    /// Writes what has changed, or gives it back to be written later.
    pub(super) async fn write_down(self: Arc<Self>) -> Result<(), Snapshot> {
        let snapshot = self.subscriptions.post().snapshot();
        let nothing = snapshot.states.is_empty() && snapshot.buried.is_empty();
        if nothing && !self.subscriptions.has_read_far(snapshot.read_to) {
            return Ok(());
        }
        match self.write(&snapshot).await {
            Ok(()) => Ok(()),
            Err(error) => {
                warn!(%error, "could not write down what was delivered; trying again");
                Err(snapshot)
            }
        }
    }

    /// Dead letters come first: what is not waiting any more must be found among them.
    async fn write(self: &Arc<Self>, snapshot: &Snapshot) -> Result<(), StoreError> {
        for some in snapshot.buried.chunks(WRITES_AT_ONCE) {
            let mut writes = JoinSet::new();
            for letter in some {
                let (notifier, letter) = (self.clone(), letter.clone());
                writes.spawn(async move { notifier.write_letter(&letter).await });
            }
            all_written(writes).await?;
        }
        for some in snapshot.states.chunks(WRITES_AT_ONCE) {
            let mut writes = JoinSet::new();
            for (key, state) in some {
                let (office, key, state) = (self.subscriptions.clone(), key.clone(), state.clone());
                writes.spawn(async move {
                    // One that was deleted meanwhile leaves no state behind.
                    if office.post().account(&key).is_none() {
                        return Ok(());
                    }
                    office.put_state(&key, &state).await
                });
            }
            all_written(writes).await?;
        }
        self.subscriptions.put_read_to(snapshot.read_to).await
    }

    async fn write_letter(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let DeadLetter { subscription, position, event, at, reason } = letter;
        let key: &Key = &subscription.key;
        if self.subscriptions.post().account(key).is_none() {
            return Ok(());
        }
        let id = named(key, &position.0.to_string());
        // What the receiver might not know is not kept for whoever looks at the letter either.
        let release = self.release(subscription);
        let changes = Changes::of(event);
        let body = match self.concerned(subscription, event, &changes, &release).await? {
            Some(event) => {
                let (id, about) = (id.clone(), About::Changes(vec![event]));
                let told = Told { id, subscription: subscription.clone(), at: *at, about, release };
                self.wire.write(&told).await.map(|message| message.body).ok()
            }
            None => None,
        };
        let document = json!({
            "id": id,
            "subscriptionId": key.id.as_str(),
            "entityId": event.id.as_str(),
            "position": position.0,
            "changedAt": event.at.to_string(),
            "givenUpAt": at.to_string(),
            "reason": reason,
            "notification": body,
        });
        let bytes = Some(document.to_string().into_bytes());
        let name = letter_name(&key.id, *position);
        self.subscriptions.put(DEAD_LETTERS, &key.tenant, &name, bytes).await
    }
}

/// Waits for all of them; the first error ends that.
pub(crate) async fn all_written(
    mut writes: JoinSet<Result<(), StoreError>>,
) -> Result<(), StoreError> {
    while let Some(written) = writes.join_next().await {
        written.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))?;
    }
    Ok(())
}
