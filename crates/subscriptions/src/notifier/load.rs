//! At the start: the subscriptions there are, and how far each was.

use std::sync::Arc;

use store::StoreError;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::{Notifier, STORE_PAUSE};
use crate::post::State;
use crate::subscription::Key;

impl Notifier {
    pub(super) async fn load(&self) {
        while let Err(error) = self.try_load().await {
            warn!(%error, "could not read the subscriptions; trying again");
            sleep(STORE_PAUSE).await;
        }
    }

    async fn try_load(&self) -> Result<(), StoreError> {
        let office = &self.subscriptions;
        let _no_changes_meanwhile = office.changing.lock().await;
        let read_to = office.read_to().await?;
        let mut begin = office.journal_end();
        let mut count = 0_usize;
        for tenant in office.tenants().await? {
            for (id, record) in office.records(&tenant).await? {
                let id = model::Uri::from_valid(id.as_str());
                let key = Key { tenant: tenant.clone(), id };
                let state = office.state(&key).await?.unwrap_or_default().caught_up(read_to);
                let subscription = match self.wire.read(key.clone(), &record) {
                    Ok(subscription) => subscription,
                    Err(problem) => {
                        error!(subscription.id = %key, problem, "could not read a subscription");
                        // Whoever can read it goes on from here, whatever is read meanwhile.
                        office.put_state(&key, &State { is_idle: false, ..state }).await?;
                        continue;
                    }
                };
                begin = begin.min(state.cursor);
                office.post().put(Arc::new(subscription), state, (self.now)());
                count += 1;
            }
        }
        office.post().set_read_to(begin);
        if count > 0 {
            info!(subscriptions = count, journal_position = begin.0, "following the journal");
        }
        Ok(())
    }
}
