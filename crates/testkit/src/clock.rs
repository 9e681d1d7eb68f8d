//! A clock that stands still until a test moves it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use broker::Clock;
use model::Timestamp;

#[derive(Debug)]
pub struct MovableClock(AtomicI64);

impl MovableClock {
    /// 2026-04-01T12:00:00Z: where a clock stands unless a test says otherwise.
    pub const START: Timestamp = Timestamp(1_775_044_800_000_000);

    pub fn at(now: Timestamp) -> MovableClock {
        MovableClock(AtomicI64::new(now.0))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    pub fn advance(&self, by: Duration) {
        let micros =
            i64::try_from(by.as_micros()).expect("a test moves its clock by years at most");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Default for MovableClock {
    fn default() -> MovableClock {
        MovableClock::at(MovableClock::START)
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_until_it_is_moved() {
        let clock = MovableClock::default();
        assert_eq!(clock.now().to_string(), "2026-04-01T12:00:00.000Z");
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.now().to_string(), "2026-04-01T12:01:30.000Z");
    }
}
