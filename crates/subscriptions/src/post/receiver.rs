//! One endpoint as the post sees it: how many deliveries are under way, how quick it is, and whether
//! it is left alone for a while.

use std::time::Duration;

use model::Timestamp;

use super::backoff::{after, backoff};
use super::line::Line;
use crate::settings::Settings;

/// Who answers within that is quick.
const QUICK: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// How many subscriptions name it.
    pub subscriptions: usize,
    pub under_way: usize,
    /// Failures in a row.
    failures: u32,
    closed_until: Option<Timestamp>,
    /// Did it answer quickly the last time? Nobody knows of one that was never asked.
    pub is_quick: bool,
    /// Those that wait until something under way has ended.
    pub line: Line,
}

/// Whether an endpoint takes one more delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Yes,
    /// Ask again when a delivery has ended.
    Full,
    Closed(Timestamp),
}

impl Receiver {
    /// After a failure a single delivery finds out whether the endpoint is there again.
    pub fn room(&self, now: Timestamp, settings: &Settings) -> Room {
        match self.closed_until {
            Some(until) if now < until => Room::Closed(until),
            _ if self.under_way == 0 => Room::Yes,
            _ if self.failures > 0 => Room::Full,
            _ if self.under_way < settings.deliveries_per_endpoint_max => Room::Yes,
            _ => Room::Full,
        }
    }

    /// It answered what was sent at `since`.
    pub fn answered(&mut self, since: Timestamp, now: Timestamp) {
        self.failures = 0;
        self.closed_until = None;
        self.is_quick = now <= after(since, QUICK);
    }

    /// Leaves it alone for a while, at least for `cooldown`.
    pub fn failed(
        &mut self,
        now: Timestamp,
        cooldown: Option<Duration>,
        settings: &Settings,
        chance: u64,
    ) {
        self.is_quick = false;
        // Those that were under way together fail together, and count once.
        if self.closed_until.is_none_or(|until| until <= now) {
            self.failures = self.failures.saturating_add(1);
        }
        let wait = backoff(self.failures, settings.retry_first, settings.retry_max, chance);
        let until = after(now, wait.max(cooldown.unwrap_or_default()));
        self.closed_until = self.closed_until.max(Some(until));
    }

    pub fn is_forgettable(&self) -> bool {
        self.subscriptions == 0 && self.under_way == 0
    }
}
