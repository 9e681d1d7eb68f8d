//! Which keys and tokens were used lately, so that not each of their requests is a sign-in.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::Request;
use http::header::AUTHORIZATION;

use crate::clock::moment;
use crate::http::From;

/// How many are remembered. After that all are forgotten, and recorded once more: too often is
/// better than not at all.
const SIGN_INS_MAX: usize = 100_000;

/// Remembers what is used from where by a number alone, never the key or token itself.
#[derive(Debug)]
pub struct SignIns {
    interval: Duration,
    hasher: RandomState,
    recorded: Mutex<HashMap<u64, Instant>>,
}

/// One that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIn(u64);

impl SignIns {
    /// Each is recorded once in this time, as long as it is used.
    pub fn new(interval: Duration) -> SignIns {
        SignIns { interval, hasher: RandomState::new(), recorded: Mutex::default() }
    }

    /// Something where the request is the first in a while with its key or token, from its address.
    pub fn begin(&self, request: &Request) -> Option<SignIn> {
        let used = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
        let from = request.extensions().get::<From>().map(|From(address)| address.ip());
        self.begin_at(self.hasher.hash_one((used, from)), moment())
    }

    fn begin_at(&self, number: u64, now: Instant) -> Option<SignIn> {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let last = recorded.get(&number);
        if last.is_some_and(|last| now.saturating_duration_since(*last) < self.interval) {
            return None;
        }
        if recorded.len() >= SIGN_INS_MAX {
            recorded.clear();
        }
        recorded.insert(number, now);
        Some(SignIn(number))
    }

    /// It could not be recorded, so the next one is the first again.
    pub fn forget(&self, SignIn(number): SignIn) {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_in_once_in_a_while() {
        let second = Duration::from_secs(1);
        let (sign_ins, start) = (SignIns::new(10 * second), moment());
        assert_eq!(sign_ins.begin_at(1, start), Some(SignIn(1)));
        assert_eq!(sign_ins.begin_at(2, start), Some(SignIn(2)));
        assert_eq!(sign_ins.begin_at(1, start + 9 * second), None);
        assert_eq!(sign_ins.begin_at(1, start + 10 * second), Some(SignIn(1)));
        sign_ins.forget(SignIn(2));
        assert_eq!(sign_ins.begin_at(2, start), Some(SignIn(2)));
    }

    #[test]
    fn memory_has_a_limit() {
        let (sign_ins, start) = (SignIns::new(Duration::from_secs(10)), moment());
        for number in 0..SIGN_INS_MAX as u64 + 10 {
            assert!(sign_ins.begin_at(number, start).is_some());
        }
        assert!(sign_ins.recorded.lock().unwrap().len() <= SIGN_INS_MAX);
    }
}
