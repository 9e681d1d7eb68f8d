//! The limits of what is kept and sent.

use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many subscriptions a tenant may have.
    pub subscriptions_max: usize,
    /// Notifications of one subscription that are held in memory; further ones are read again from
    /// the journal when it is their turn.
    pub queue_max: usize,
    /// As `queue_max`, for all subscriptions together.
    pub queued_max: usize,
    /// Notifications under way at one time.
    pub deliveries_max: usize,
    /// As `deliveries_max`, to one endpoint.
    pub deliveries_per_endpoint_max: usize,
    /// How long an endpoint that fails is left alone at first; each time twice as long.
    pub retry_first: Duration,
    /// The longest that it is left alone.
    pub retry_max: Duration,
    /// How long a notification waits that cannot be written, because a context is missing.
    pub hold: Duration,
    /// For how long a notification is tried, counted from the change.
    pub lifetime: Duration,
    /// How often an endpoint may refuse one notification before that is given up.
    pub refusals_max: u32,
    /// How many notifications that were given up are kept for each subscription.
    pub dead_letters_max: usize,
    /// How long an endpoint may take to answer, whatever a subscription says.
    pub timeout: Duration,
    /// How many entities one notification tells of.
    pub entities_max: usize,
    /// How often it is written down how far things are. What was sent since may be sent again
    /// after a crash.
    pub write_interval: Duration,
}

impl Settings {
    /// How many of `deliveries_max` may be under way to endpoints that were not quick the last time,
    /// or that nobody knows yet. However many of these there are, others have the rest.
    pub fn slow_deliveries_max(&self) -> usize {
        (self.deliveries_max / 2).max(1)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            subscriptions_max: 100_000,
            queue_max: 1_000,
            queued_max: 100_000,
            deliveries_max: 256,
            deliveries_per_endpoint_max: 16,
            retry_first: Duration::from_millis(500),
            retry_max: Duration::from_secs(300),
            hold: Duration::from_secs(10),
            lifetime: Duration::from_secs(24 * 3600),
            refusals_max: 5,
            dead_letters_max: 1_000,
            timeout: Duration::from_secs(5),
            entities_max: 1_000,
            write_interval: Duration::from_secs(1),
        }
    }
}
