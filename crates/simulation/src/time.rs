//! Time and chance, as everyone in a story has them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::Clock;
use model::Timestamp;
use testkit::Chance;
use tokio::time::Instant;

/// Tells the simulated time, each time a microsecond later at least, so that moments tell events
/// apart.
#[derive(Debug)]
pub struct StoryClock {
    began: Instant,
    last: AtomicI64,
}

/// When every story begins: 2026-04-01T12:00:00Z.
const BEGINNING: i64 = 1_775_044_800_000_000;

impl StoryClock {
    pub fn start() -> StoryClock {
        StoryClock { began: Instant::now(), last: AtomicI64::new(BEGINNING) }
    }

    /// Microseconds since the story began.
    pub fn elapsed(&self) -> i64 {
        self.last.load(Ordering::Relaxed) - BEGINNING
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = (BEGINNING + passed).max(self.last.load(Ordering::Relaxed) + 1);
        self.last.store(now, Ordering::Relaxed);
        Timestamp(now)
    }
}

/// Chance that is shared; everyone throws the same dice, one after the other.
#[derive(Clone, Debug)]
pub struct Dice(Arc<Mutex<Chance>>);

impl Dice {
    pub fn of(seed: u64) -> Dice {
        Dice(Arc::new(Mutex::new(Chance::new(seed))))
    }

    pub fn bits(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bits()
    }

    /// A number from 0 to `end`, not included; `end` is not 0.
    pub fn below(&self, end: usize) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).below(end)
    }

    /// True so many times in a hundred.
    pub fn percent(&self, likely: usize) -> bool {
        self.below(100) < likely
    }

    pub fn pick<T: Copy>(&self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Up to so many milliseconds.
    pub fn millis(&self, most: usize) -> Duration {
        Duration::from_millis(self.below(most + 1) as u64)
    }
}
