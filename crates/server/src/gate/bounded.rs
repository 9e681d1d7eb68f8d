//! A table that remembers only so many, and only while it makes a difference.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// What is remembered of someone. Moments are spans since the server began.
pub trait Remembered: Default {
    /// From this moment on it is the same as if nothing were remembered.
    fn over_at(&self) -> Duration;
}

/// What is remembered, by key.
#[derive(Debug)]
pub struct Bounded<K, V> {
    kept: HashMap<K, V>,
    max: usize,
    swept_at: Duration,
}

/// How often what is over is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

impl<K: Hash + Eq + Copy, V: Remembered> Bounded<K, V> {
    /// Remembers `max` at most.
    pub fn new(max: usize) -> Bounded<K, V> {
        Bounded { kept: HashMap::new(), max: max.max(1), swept_at: Duration::ZERO }
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.kept.get(key)
    }

    /// What is remembered of this one from now on.
    pub fn entry(&mut self, key: K, now: Duration) -> &mut V {
        let is_new = !self.kept.contains_key(&key);
        if is_new && (self.max <= self.kept.len() || self.swept_at + SWEEP_INTERVAL <= now) {
            self.sweep(now);
        }
        self.kept.entry(key).or_default()
    }

    /// Forgets what is over; where that leaves no room, an eighth of the rest, and first what would
    /// have been over first.
    fn sweep(&mut self, now: Duration) {
        self.swept_at = now;
        self.kept.retain(|_, value| now < value.over_at());
        if self.kept.len() < self.max {
            return;
        }
        let mut ends: Vec<Duration> = self.kept.values().map(V::over_at).collect();
        let (_, last, _) = ends.select_nth_unstable(self.max / 8);
        let last = *last;
        let mut left = self.max / 8 + 1;
        self.kept.retain(|_, value| {
            let goes = value.over_at() <= last && left > 0;
            left -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Until(Duration);

    impl Remembered for Until {
        fn over_at(&self) -> Duration {
            self.0
        }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_over_is_forgotten_in_time() {
        let mut table: Bounded<u64, Until> = Bounded::new(1_000);
        for key in 0..100 {
            table.entry(key, at(1)).0 = at(key);
        }
        table.entry(1_000, at(70)).0 = at(200);
        assert_eq!(table.kept.len(), 30, "of 71 to 99, and the new one");
        assert!(table.get(&70).is_none() && table.get(&71).is_some());
    }

    #[test]
    fn there_are_never_too_many_and_what_ends_last_stays() {
        for max in [1, 2, 7, 100] {
            let mut table: Bounded<u64, Until> = Bounded::new(max);
            table.entry(u64::MAX, at(0)).0 = at(1_000_000);
            for key in 0..1_000 {
                // Every other one is never over, and all of them end at the same moment.
                table.entry(key, at(0)).0 = at(1_000 * (key % 2));
                assert!(table.kept.len() <= max, "{max}");
                assert!(table.get(&key).is_some());
            }
            assert_eq!(table.get(&u64::MAX).is_some(), max > 1, "{max}");
        }
    }
}
