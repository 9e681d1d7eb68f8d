//! Addresses from which signing in failed too often: when they have to wait, and for how long.

use std::collections::VecDeque;
use std::time::Duration;

use super::address::Source;
use super::bounded::{Bounded, Remembered};

/// When an address is locked.
#[derive(Clone, Copy, Debug)]
pub struct LockoutRules {
    /// So many failures lock it. 0: nothing does.
    pub failures_max: usize,
    /// Within this time.
    pub window: Duration,
    /// For this time.
    pub lock: Duration,
    /// How long the answer to the second failure is held back; twice as long with each one more.
    pub delay: Duration,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// Its answer is held back for this time.
    Delayed(Duration),
    /// Nothing more is looked at from there for this time.
    Locked(Duration),
}

/// The failures of all addresses.
#[derive(Debug)]
pub struct Lockouts {
    rules: LockoutRules,
    sources: Bounded<Source, Record>,
}

/// Of one address.
#[derive(Debug, Default)]
struct Record {
    /// When there were failures, the last last.
    failures: VecDeque<Duration>,
    /// The last of them stops to count, or the lock ends.
    over_at: Duration,
    locked: bool,
}

/// Failures that are counted for one address, at most.
pub const FAILURES_MAX: usize = 1_000;

/// The answer to a failure is held back no longer than this.
pub const DELAY_MAX: Duration = Duration::from_secs(10);

impl Lockouts {
    /// Remembers `sources_max` addresses at most.
    pub fn new(rules: LockoutRules, sources_max: usize) -> Lockouts {
        let failures_max = rules.failures_max.min(FAILURES_MAX);
        let rules = LockoutRules { failures_max, ..rules };
        Lockouts { rules, sources: Bounded::new(sources_max) }
    }

    /// For how long an address is locked still. Moments are spans since the server began.
    pub fn locked(&self, source: Source, now: Duration) -> Option<Duration> {
        let record = self.sources.get(&source)?;
        (record.locked && now < record.over_at).then(|| record.over_at - now)
    }

    /// Notes that signing in failed. What fails during a lock does not make it longer.
    pub fn failed(&mut self, source: Source, now: Duration) -> Failed {
        let rules = self.rules;
        if rules.failures_max == 0 {
            return Failed::Delayed(Duration::ZERO);
        }
        if let Some(left) = self.locked(source, now) {
            return Failed::Locked(left);
        }
        let record = self.sources.entry(source, now);
        if record.locked {
            *record = Record::default();
        }
        while record.failures.front().is_some_and(|at| *at + rules.window <= now) {
            record.failures.pop_front();
        }
        record.failures.push_back(now);
        let failures = record.failures.len();
        if rules.failures_max <= failures {
            *record = Record { locked: true, over_at: now + rules.lock, ..Record::default() };
            return Failed::Locked(rules.lock);
        }
        record.over_at = now + rules.window;
        Failed::Delayed(delay(rules.delay, failures))
    }
}

/// How long the answer to the nth failure is held back.
fn delay(second: Duration, nth: usize) -> Duration {
    let doublings = u32::try_from(nth.saturating_sub(2)).unwrap_or(u32::MAX);
    match nth {
        0 | 1 => Duration::ZERO,
        _ => second.saturating_mul(2_u32.saturating_pow(doublings)).min(DELAY_MAX),
    }
}

impl Remembered for Record {
    fn over_at(&self) -> Duration {
        self.over_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: LockoutRules = LockoutRules {
        failures_max: 5,
        window: Duration::from_secs(900),
        lock: Duration::from_secs(600),
        delay: Duration::from_millis(250),
    };

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn source(last: u8) -> Source {
        Source::of([10, 0, 0, last].into())
    }

    /// What failures at these moments lead to: `250ms`, or `locked 600s`.
    fn check(rules: LockoutRules, moments: &[u64], expected: &str) {
        let mut lockouts = Lockouts::new(rules, 100);
        let told = |second: &u64| match lockouts.failed(source(1), at(*second)) {
            Failed::Delayed(delay) => format!("{delay:?}"),
            Failed::Locked(left) => format!("locked {left:?}"),
        };
        let told: Vec<String> = moments.iter().map(told).collect();
        assert_eq!(told.join(" "), expected);
    }

    #[test]
    fn failures_are_held_back_and_then_lock() {
        check(RULES, &[0, 1, 2, 3, 4, 5], "0ns 250ms 500ms 1s locked 600s locked 599s");
        // Only those within the window count, wherever it is.
        check(RULES, &[0, 890, 891, 892, 900, 901], "0ns 250ms 500ms 1s 1s locked 600s");
        // After the lock it begins anew.
        check(RULES, &[0, 0, 0, 0, 0, 599, 600], "0ns 250ms 500ms 1s locked 600s locked 1s 0ns");
        let two = LockoutRules { failures_max: 1, ..RULES };
        check(two, &[0, 1], "locked 600s locked 599s");
        let none = LockoutRules { failures_max: 0, ..RULES };
        check(none, &[0; 4], "0ns 0ns 0ns 0ns");
        let many = LockoutRules { failures_max: usize::MAX, delay: at(4), ..RULES };
        check(many, &[0; 5], "0ns 4s 8s 10s 10s");
    }

    #[test]
    fn one_address_does_not_lock_another() {
        let mut lockouts = Lockouts::new(RULES, 100);
        for _ in 0..5 {
            lockouts.failed(source(1), at(7));
        }
        assert_eq!(lockouts.locked(source(1), at(606)), Some(at(1)));
        assert_eq!(lockouts.locked(source(1), at(607)), None);
        assert_eq!(lockouts.locked(source(2), at(8)), None);
        assert_eq!(lockouts.failed(source(2), at(8)), Failed::Delayed(Duration::ZERO));
    }

    #[test]
    fn a_lock_outlasts_many_addresses_that_fail_once() {
        let rules = LockoutRules { lock: at(1_800), ..RULES };
        let mut lockouts = Lockouts::new(rules, 50);
        for _ in 0..5 {
            lockouts.failed(source(0), at(1));
        }
        for nth in 0..10_000_u32 {
            lockouts.failed(Source::of((0x0b00_0000 + nth).to_be_bytes().into()), at(2));
        }
        assert_eq!(lockouts.locked(source(0), at(2)), Some(at(1_799)));
    }

    proptest! {
        /// Compared with a plain reading of the rule: locked from the failure with which the last
        /// `failures_max` that counted lie within the window.
        #[test]
        fn as_the_rule_says(
            failures_max in 1_usize..6,
            pauses in proptest::collection::vec(0_u64..300, 1..100),
        ) {
            let rules = LockoutRules { failures_max, ..RULES };
            let mut lockouts = Lockouts::new(rules, 10);
            let (mut now, mut locked_until, mut counted) = (0, 0, Vec::new());
            for pause in pauses {
                now += pause;
                let left = lockouts.locked(source(1), at(now));
                prop_assert_eq!(left.is_some(), now < locked_until);
                let failed = lockouts.failed(source(1), at(now));
                if now < locked_until {
                    prop_assert_eq!(failed, Failed::Locked(at(locked_until - now)));
                    continue;
                }
                counted.push(now);
                let within = counted.iter().filter(|then| now - **then < 900).count();
                prop_assert_eq!(matches!(failed, Failed::Locked(_)), within == failures_max);
                if within == failures_max {
                    counted.clear();
                    locked_until = now + 600;
                }
            }
        }
    }
}
