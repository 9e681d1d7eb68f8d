//! The machine's clock: the only one that is read.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use broker::Clock;
use model::{DateTime, Timestamp};

#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time enters the platform")]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
    }
}

impl SystemClock {
    /// Now, to the second.
    pub fn second(self) -> DateTime {
        DateTime::new(Timestamp(self.now().0 / 1_000_000 * 1_000_000), 0)
    }
}

/// A moment to measure from.
#[expect(clippy::disallowed_methods, reason = "durations are measured at the edge, which is here")]
pub fn moment() -> Instant {
    Instant::now()
}
