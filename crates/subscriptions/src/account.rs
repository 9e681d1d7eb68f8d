//! What became of the notifications of a subscription.

use model::Timestamp;

/// Of all that were due, each is delivered, waiting, dead or expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub delivered: u64,
    /// Waiting to be sent, or under way.
    pub waiting: u64,
    /// Given up: the endpoint did not take them in time, or at all.
    pub dead: u64,
    /// No longer wanted: the subscription was paused, expired or deleted before they were sent.
    pub expired: u64,
    /// Attempts to send (5.2.14.2).
    pub times_sent: u64,
    pub times_failed: u64,
    pub last_notification: Option<Timestamp>,
    pub last_success: Option<Timestamp>,
    pub last_failure: Option<Timestamp>,
}

impl Account {
    pub fn due(&self) -> u64 {
        self.delivered + self.waiting + self.dead + self.expired
    }

    /// How the last attempt ended, if one did.
    pub fn is_ok(&self) -> Option<bool> {
        match (self.last_success, self.last_failure) {
            (None, None) => None,
            (success, failure) => Some(success >= failure),
        }
    }

    /// With the counts of another one.
    pub fn plus(self, other: &Account) -> Account {
        Account {
            delivered: self.delivered + other.delivered,
            waiting: self.waiting + other.waiting,
            dead: self.dead + other.dead,
            expired: self.expired + other.expired,
            times_sent: self.times_sent + other.times_sent,
            times_failed: self.times_failed + other.times_failed,
            last_notification: self.last_notification.max(other.last_notification),
            last_success: self.last_success.max(other.last_success),
            last_failure: self.last_failure.max(other.last_failure),
        }
    }
}
