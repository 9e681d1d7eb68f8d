//! History: what is read of evolutions, and of the parameters that ask for them.

use model::{Name, Timestamp};
use ngsi_ld::read;
use query::{Aggregation, TemporalText, Window};

use crate::sample::{CONTEXT, LIMITS, is_shallow};

/// Moments that are looked for among periods.
const MOMENTS: [i64; 6] = [
    0,
    1,
    -1,
    1_775_044_800_000_000,
    // The first and the last second of what has a date.
    -62_135_596_800_000_000,
    253_402_300_799_000_000,
];

/// A body as the temporal API takes it: an evolution, and an instance of one.
pub fn evolution(data: &[u8]) {
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| is_shallow(text)) else { return };
    if let Ok((_, mut readings)) = read::evolution(text, &CONTEXT, &LIMITS) {
        let count = readings.count();
        readings.stamp(Timestamp(1_000_000));
        let twice = readings.clone();
        readings.extend(twice);
        assert_eq!(readings.count(), 2 * count, "nothing is lost where evolutions join");
    }
    let _ = read::evolution_fragment(text, &CONTEXT, &LIMITS);
    let _ = read::reading(text, &CONTEXT, &Name::new("urn:n"), &LIMITS);
}

/// `timerel`, `timeAt`, `endTimeAt`, `timeproperty`, `aggrMethods` and `aggrPeriodDuration`, a line
/// each; an empty one is not given.
pub fn temporal(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n').map(|line| Some(line).filter(|line| !line.is_empty()));
    let mut line = || lines.next().flatten();
    let asked = TemporalText {
        timerel: line(),
        time_at: line(),
        end_time_at: line(),
        timeproperty: line(),
    };
    if let Ok(Some(window)) = Window::read(asked)
        && let (Some(from), Some(until)) = (window.from, window.until)
    {
        assert!(!window.contains(until) || from < until, "{window:?}");
    }
    let (methods, duration) = (line().unwrap_or_default(), line());
    let Ok(aggregation) = Aggregation::read(methods, duration) else { return };
    if aggregation.period.is_zero() {
        return;
    }
    for origin in MOMENTS.map(Timestamp) {
        for at in MOMENTS.map(Timestamp) {
            let (begin, end) = aggregation.period.around(origin, at);
            assert!(begin < end, "{aggregation:?} {origin:?} {at:?}");
            assert!(begin <= at && at < end, "{aggregation:?} {origin:?} {at:?} {begin:?} {end:?}");
        }
    }
}
