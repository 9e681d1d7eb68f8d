//! The clock: to measure is what this crate is for.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "nothing here decides by the time it reads")]
pub fn moment() -> Instant {
    Instant::now()
}
