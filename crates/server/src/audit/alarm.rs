//! Saying something again at intervals, as long as it lasts.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is said that nothing is recorded.
const ALARM_INTERVAL: Duration = Duration::from_secs(60);

/// When something was said last.
#[derive(Debug, Default)]
pub struct Alarm(Mutex<Option<Instant>>);

impl Alarm {
    /// Is it to be said, by now? Then it counts as said.
    pub fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| ALARM_INTERVAL <= now.saturating_duration_since(last));
        if is_due {
            *last = Some(now);
        }
        is_due
    }

    /// It is over: the next time is the first.
    pub fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::moment;

    #[test]
    fn it_is_said_at_intervals_and_at_once_when_it_begins_anew() {
        let (alarm, start) = (Alarm::default(), moment());
        assert!(alarm.is_due(start));
        assert!(!alarm.is_due(start + ALARM_INTERVAL / 2));
        assert!(alarm.is_due(start + ALARM_INTERVAL));
        alarm.end();
        assert!(alarm.is_due(start + ALARM_INTERVAL));
    }
}
