//! Durations of ISO 8601, and the periods that they cut time into (clause 4.5.19.1).

use model::Timestamp;

use crate::invalid::Invalid;

/// A duration in calendar months and exact microseconds; zero stands for the whole time range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    months: i64,
    micros: i64,
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Longer than all of time that can be written down.
const MONTHS_MAX: i64 = 12 * 10_000;
const MICROS_MAX: i64 = 10_000 * 366 * DAY;

impl Period {
    /// Reads `P[n]Y[n]M[n]DT[n]H[n]M[n]S` or `P[n]W`, of which parts may be missing, but not all.
    pub fn parse(what: &'static str, text: &str) -> Result<Period, Invalid> {
        let problem = "a duration is expected, such as PT1H, P1D or P1Y6M";
        let invalid = || Invalid::new(what, text, 0, problem);
        let body = text.strip_prefix('P').ok_or_else(invalid)?;
        let (date, time) = match body.split_once('T') {
            Some((_, "")) => return Err(invalid()),
            Some((date, time)) => (date, time),
            None => (body, ""),
        };
        if body.is_empty() {
            return Err(invalid());
        }
        let mut period = Period::default();
        let units: &[(char, i64, i64)] = if date.ends_with('W') {
            &[('W', 0, 7 * DAY)]
        } else {
            &[('Y', 12, 0), ('M', 1, 0), ('D', 0, DAY)]
        };
        if date.ends_with('W') && !time.is_empty() {
            return Err(invalid());
        }
        period.add(date, units).ok_or_else(invalid)?;
        period
            .add(time, &[('H', 0, HOUR), ('M', 0, MINUTE), ('S', 0, SECOND)])
            .ok_or_else(invalid)?;
        if period.months > MONTHS_MAX || period.micros > MICROS_MAX {
            return Err(Invalid::new(what, text, 0, "a duration takes 10,000 years at most"));
        }
        Ok(period)
    }

    /// Adds the parts of a text, which stand in the order of `units`, each once at most.
    fn add(&mut self, text: &str, units: &[(char, i64, i64)]) -> Option<()> {
        let (mut rest, mut units) = (text, units.iter());
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: i64 = rest.get(..digits)?.parse().ok()?;
            let unit = rest[digits..].chars().next()?;
            let (_, months, micros) = units.by_ref().find(|(name, ..)| *name == unit)?;
            self.months = self.months.checked_add(number.checked_mul(*months)?)?;
            self.micros = self.micros.checked_add(number.checked_mul(*micros)?)?;
            rest = &rest[digits + unit.len_utf8()..];
        }
        Some(())
    }

    pub fn is_zero(&self) -> bool {
        *self == Period::default()
    }

    /// The moment so many periods after another.
    fn after(&self, origin: Timestamp, count: i64) -> Timestamp {
        let shifted = origin.plus_months(self.months.saturating_mul(count));
        Timestamp(shifted.0.saturating_add(self.micros.saturating_mul(count)))
    }

    /// The period in which a moment lies, where the first begins at `origin`: its start and its
    /// end. No period has the length zero.
    pub fn around(&self, origin: Timestamp, at: Timestamp) -> (Timestamp, Timestamp) {
        if self.months == 0 {
            let length = self.micros.max(1);
            let since = at.0.saturating_sub(origin.0).rem_euclid(length);
            let start = at.0.saturating_sub(since);
            return (Timestamp(start), Timestamp(start.saturating_add(length)));
        }
        // A month has 30.436875 days on average.
        let average = (i128::from(self.months) * i128::from(DAY) * 30_436_875 / 1_000_000
            + i128::from(self.micros))
        .max(1);
        let distance = i128::from(at.0) - i128::from(origin.0);
        let mut count = distance.div_euclid(average) as i64;
        while at < self.after(origin, count) {
            count -= 1;
        }
        while self.after(origin, count + 1) <= at {
            count += 1;
        }
        (self.after(origin, count), self.after(origin, count + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::DateTime;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        DateTime::parse(text).unwrap().instant()
    }

    fn period(text: &str) -> Period {
        Period::parse("aggrPeriodDuration", text).unwrap()
    }

    #[test]
    fn durations_are_read_as_the_clause_says() {
        assert_eq!(
            period("P3Y6M4DT12H30M5S"),
            Period { months: 42, micros: 4 * DAY + 12 * HOUR + 30 * MINUTE + 5 * SECOND }
        );
        assert_eq!(period("P2W"), Period { months: 0, micros: 14 * DAY });
        assert!(period("PT0S").is_zero() && period("P0D").is_zero());
        for text in [
            "",
            "P",
            "PT",
            "1H",
            "PT1",
            "PH",
            "P1H",
            "PT1D",
            "P1M1Y",
            "P1W1D",
            "P1DT",
            "P-1D",
            "PT1.5H",
            "P0001-01-01T00:00:00",
            "P99999999999999999999D",
            "P20000Y",
            "P1WT1H",
        ] {
            assert!(Period::parse("aggrPeriodDuration", text).is_err(), "{text}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let (start, end) =
            period("P1M").around(at("2026-01-31T00:00:00Z"), at("2026-02-28T12:00:00Z"));
        assert_eq!((start, end), (at("2026-02-28T00:00:00Z"), at("2026-03-31T00:00:00Z")));
        let (start, end) =
            period("P1Y").around(at("2024-02-29T00:00:00Z"), at("2025-03-01T00:00:00Z"));
        assert_eq!((start, end), (at("2025-02-28T00:00:00Z"), at("2026-02-28T00:00:00Z")));
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_its_period(months in 0_i64..30, micros in 0_i64..40 * DAY, origin in -1_000_000 * DAY / 10..1_000_000 * DAY / 10, distance in -3_000 * DAY..3_000 * DAY) {
            prop_assume!(months > 0 || micros > HOUR);
            let period = Period { months, micros };
            let at = Timestamp(origin + distance);
            let (start, end) = period.around(Timestamp(origin), at);
            prop_assert!(start <= at && at < end);
        }
    }
}
