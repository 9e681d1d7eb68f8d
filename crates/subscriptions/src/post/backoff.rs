//! How long to wait after a failure.

use std::time::Duration;

use model::Timestamp;

/// Doubles with each failure up to a bound; by chance between half of that and all of it, so that
/// those who failed together do not come back together.
pub(super) fn backoff(failures: u32, first: Duration, max: Duration, chance: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    let whole = first.saturating_mul(1 << doublings).min(max).as_micros();
    let half = whole / 2;
    let extra = half * u128::from(chance % 1_000) / 1_000;
    Duration::from_micros(u64::try_from(half + extra).unwrap_or(u64::MAX))
}

pub(super) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_add(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let (first, max) = (Duration::from_secs(1), Duration::from_secs(60));
        let longest = |failures| backoff(failures, first, max, 999).as_secs_f64().ceil();
        assert_eq!([1, 2, 3, 7, 1_000].map(longest), [1.0, 2.0, 4.0, 60.0, 60.0]);
        assert_eq!(backoff(3, first, max, 0), Duration::from_secs(2));
    }
}
