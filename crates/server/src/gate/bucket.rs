//! A token bucket, kept as the moment at which it will be full again (the generic cell rate
//! algorithm): one number, and no drift.

use std::time::Duration;

use super::bounded::Remembered;

/// How quickly tokens come, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: u64,
    burst: u64,
}

impl Rate {
    /// No rate where `per_second` is 0. A `burst` of 0 means what one second brings.
    pub fn of(per_second: u64, burst: u64) -> Option<Rate> {
        let burst = if burst == 0 { per_second } else { burst };
        (per_second > 0).then_some(Rate { per_second, burst })
    }

    pub fn per_second(self) -> u64 {
        self.per_second
    }

    /// How long it takes until so many tokens have come, in picoseconds: as long as so many times
    /// one, or a burst would not be what it is said to be.
    fn span(self, tokens: u64) -> u128 {
        PICOS_A_SECOND.div_ceil(u128::from(self.per_second)) * u128::from(tokens)
    }
}

const PICOS_A_SECOND: u128 = 1_000_000_000_000;
const PICOS_A_NANO: u128 = 1_000;

fn picos(span: Duration) -> u128 {
    span.as_nanos() * PICOS_A_NANO
}

/// Rather a moment later than too soon.
fn span(picos: u128) -> Duration {
    let nanos = picos.div_ceil(PICOS_A_NANO);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Full to begin with. Moments are spans since the server began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// In picoseconds: a byte may take less than a nanosecond.
    full_at: u128,
}

impl Bucket {
    /// How long to wait until so many tokens can be taken; nothing where they can be now. More than
    /// the bucket holds can be taken when it is full.
    pub fn wait(&self, rate: Rate, tokens: u64, now: Duration) -> Duration {
        let lacking = self.full_at.saturating_sub(picos(now));
        let needed = rate.span(tokens.min(rate.burst));
        span((lacking + needed).saturating_sub(rate.span(rate.burst)))
    }

    /// Takes them, whether they are there or not: what is lacking has to come first then.
    pub fn take(&mut self, rate: Rate, tokens: u64, now: Duration) {
        self.full_at = self.full_at.max(picos(now)) + rate.span(tokens);
    }
}

impl Remembered for Bucket {
    fn over_at(&self) -> Duration {
        span(self.full_at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_and_then_one_after_the_other() {
        let rate = Rate::of(10, 3).unwrap();
        let mut bucket = Bucket::default();
        for (now, tokens, wait) in [
            (0, 1, 0),
            (0, 1, 0),
            (0, 1, 0),
            (0, 1, 100),
            (99, 1, 1),
            (100, 1, 0),
            (100, 1, 100),
            (100, 3, 300),
            // More than there ever are: when the bucket is full, and what follows waits for it.
            (399, 30, 1),
            (400, 30, 0),
            (400, 1, 2_800),
        ] {
            assert_eq!(bucket.wait(rate, tokens, ms(now)), ms(wait), "at {now} ms, {tokens}");
            if wait == 0 {
                bucket.take(rate, tokens, ms(now));
            }
        }
        assert_eq!(Rate::of(0, 3), None);
        assert_eq!(Rate::of(5, 0), Rate::of(5, 5));
    }

    proptest! {
        /// In no span of time pass more than the burst and what the span brings; whoever waits as
        /// long as told passes then, and not a moment earlier.
        #[test]
        fn never_more_than_the_rate_and_never_less(
            per_second in 1_u64..2_000_000,
            burst in 1_u64..5_000,
            steps in proptest::collection::vec((0_u64..2_000_000_000, 1_u64..50), 1..200),
        ) {
            let rate = Rate::of(per_second, burst).unwrap();
            let mut bucket = Bucket::default();
            let mut now = Duration::ZERO;
            let mut taken: Vec<(Duration, u64)> = Vec::new();
            for (pause, tokens) in steps {
                now += Duration::from_nanos(pause);
                let tokens = tokens.min(burst);
                let wait = bucket.wait(rate, tokens, now);
                prop_assert_eq!(bucket.wait(rate, tokens, now + wait), Duration::ZERO);
                if let Some(early) = wait.checked_sub(Duration::from_nanos(1)) {
                    prop_assert!(bucket.wait(rate, tokens, now + early) > Duration::ZERO);
                    continue;
                }
                bucket.take(rate, tokens, now);
                taken.push((now, tokens));
                let mut sum = 0;
                for (since, tokens) in taken.iter().rev() {
                    sum += tokens;
                    let brought =
                        picos(now - *since) * u128::from(per_second) / PICOS_A_SECOND;
                    prop_assert!(u128::from(sum) <= u128::from(burst) + brought + 1);
                }
            }
            // Forgotten where it is over, it is as good as new.
            let (later, fresh) = (bucket.over_at(), Bucket::default());
            prop_assert_eq!(bucket.wait(rate, burst, later), fresh.wait(rate, burst, later));
        }
    }
}
