//! Moments: what the system records, and what clients write (clause 4.6.3).

use std::fmt;
use std::num::NonZeroU8;

/// Microseconds since 1970, UTC; negative before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// From then on, years have five digits.
const YEAR_10000_SECONDS: i64 = 253_402_300_800;

impl fmt::Display for Timestamp {
    /// `2026-04-01T12:00:00.000Z`; microseconds appear only where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date_time().fmt(f)
    }
}

impl Timestamp {
    /// This moment, or the one just after `last`, if that was not before: what changes one thing at
    /// a time has moments that ascend, whatever a clock says.
    pub fn following(self, last: Option<Timestamp>) -> Timestamp {
        last.map_or(self, |last| self.max(Timestamp(last.0.saturating_add(1))))
    }

    /// With as many digits as it takes: three, or six where there are microseconds.
    pub fn date_time(self) -> DateTime {
        let digits = if self.0 % 1_000 == 0 { 3 } else { 6 };
        DateTime::new(self, digits)
    }
}

impl Timestamp {
    /// The same day and time so many months later, or the last day of that month where it has no
    /// such day. Far outside the calendar, the moment itself.
    pub fn plus_months(self, months: i64) -> Timestamp {
        let micros_per_day = SECONDS_PER_DAY * MICROS_PER_SECOND;
        let (days, of_day) = (self.0.div_euclid(micros_per_day), self.0.rem_euclid(micros_per_day));
        let (year, month, day) = civil_from_days(days);
        let Some(month) = (year * 12 + month - 1).checked_add(months) else { return self };
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        let last = (28..=31).rev().find(|last| is_a_day(year, month, *last)).unwrap_or(28);
        let days = match year {
            -300_000..=300_000 => days_from_civil(year, month, day.min(last)),
            _ => return self,
        };
        days.checked_mul(micros_per_day)
            .and_then(|micros| micros.checked_add(of_day))
            .map_or(self, Timestamp)
    }
}

/// A moment as a client wrote it: equal moments compare equal, yet each reads back with the
/// number of fractional digits it came with.
#[derive(Clone, Copy, Debug)]
pub struct DateTime {
    instant: Timestamp,
    /// One more than there are, so that a moment that may be missing takes no more room.
    digits: NonZeroU8,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a DateTime; it must look like 2026-04-01T12:00:00Z, in UTC")]
pub struct NotADateTime(pub String);

impl DateTime {
    pub const DIGITS_MAX: u8 = 6;

    /// `YYYY-MM-DDThh:mm:ss[.ffffff]Z`, the fraction after a point or a comma.
    pub fn parse(text: &str) -> Result<DateTime, NotADateTime> {
        read(text.as_bytes()).ok_or_else(|| NotADateTime(text.chars().take(100).collect()))
    }

    /// A moment with a stated number of fractional digits, at most [`DateTime::DIGITS_MAX`].
    pub fn new(instant: Timestamp, digits: u8) -> DateTime {
        DateTime {
            instant,
            digits: NonZeroU8::MIN.saturating_add(digits.min(DateTime::DIGITS_MAX)),
        }
    }

    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    pub fn digits(&self) -> u8 {
        self.digits.get() - 1
    }
}

impl PartialEq for DateTime {
    fn eq(&self, other: &DateTime) -> bool {
        self.instant == other.instant
    }
}

impl Eq for DateTime {}

impl PartialOrd for DateTime {
    fn partial_cmp(&self, other: &DateTime) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DateTime {
    fn cmp(&self, other: &DateTime) -> std::cmp::Ordering {
        self.instant.cmp(&other.instant)
    }
}

impl DateTime {
    /// As it is written; [`fmt::Display`] shows the same.
    pub fn text(&self) -> DateTimeText {
        let micros = self.instant.0.rem_euclid(MICROS_PER_SECOND);
        let seconds = self.instant.0.div_euclid(MICROS_PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let mut text = DateTimeText { bytes: [0; DATE_TIME_BYTES_MAX], length: 0 };
        if !(0..=9999).contains(&year) {
            // Not to be had by parsing; moments of the system's own may lie there.
            text.put_all(format!("{year:04}").as_bytes());
        } else {
            text.put_digits(year, 4);
        }
        for (mark, number) in [
            (b'-', month),
            (b'-', day),
            (b'T', of_day / 3600),
            (b':', of_day / 60 % 60),
            (b':', of_day % 60),
        ] {
            text.put_all(&[mark]);
            text.put_digits(number, 2);
        }
        let digits = self.digits();
        if digits > 0 {
            text.put_all(b".");
            text.put_digits(micros / 10_i64.pow(6 - u32::from(digits)), digits.into());
        }
        text.put_all(b"Z");
        text
    }
}

/// Years of 64-bit microseconds have up to six digits and a sign.
const DATE_TIME_BYTES_MAX: usize = 32;

/// A moment, written without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct DateTimeText {
    bytes: [u8; DATE_TIME_BYTES_MAX],
    length: usize,
}

impl DateTimeText {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    fn put_all(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    fn put_digits(&mut self, mut number: i64, width: usize) {
        for place in self.bytes[self.length..self.length + width].iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.length += width;
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

fn read(text: &[u8]) -> Option<DateTime> {
    let (whole, fraction) = text.strip_suffix(b"Z")?.split_at_checked(19)?;
    for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        if whole[at] != mark {
            return None;
        }
    }
    let (year, month, day) = (number(&whole[0..4])?, number(&whole[5..7])?, number(&whole[8..10])?);
    let (hour, minute, second) =
        (number(&whole[11..13])?, number(&whole[14..16])?, number(&whole[17..19])?);
    // A leap second is accepted and read as the first moment of the next minute.
    if hour > 23 || minute > 59 || second > 60 || !is_a_day(year, month, day) {
        return None;
    }
    let (micros, digits) = match fraction {
        [] => (0, 0),
        [b'.' | b',', digits @ ..] if (1..=6).contains(&digits.len()) => {
            (number(digits)? * 10_i64.pow(6 - digits.len() as u32), digits.len() as u8)
        }
        _ => return None,
    };
    let days = days_from_civil(year, month, day);
    let seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    if YEAR_10000_SECONDS <= seconds {
        return None; // A leap second at the end of 9999; the year after could not be written.
    }
    Some(DateTime::new(Timestamp(seconds * MICROS_PER_SECOND + micros), digits))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

fn is_a_day(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_date_time_reads_back_as_it_was_written() {
        for text in ["2022-03-14T01:59:26.535Z", "1969-12-31T23:59:59Z", "2000-02-29T00:00:00.1Z"] {
            assert_eq!(DateTime::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            DateTime::parse("2022-03-14T01:59:26,5Z").unwrap().to_string(),
            "2022-03-14T01:59:26.5Z"
        );
    }

    #[test]
    fn only_utc_and_complete_forms_are_date_times() {
        for text in [
            "",
            "2022-03-14",
            "2022-03-14T01:59:26",
            "2022-03-14T01:59:26+01:00",
            "2022-13-14T01:59:26Z",
            "2022-02-30T01:59:26Z",
            "2022-03-14T24:59:26Z",
            "2022-03-14T01:59:26.Z",
            "2022-03-14T01:59:26.1234567Z",
            "2022-03-14 01:59:26Z",
            "20é2-03-14T01:59:26Z",
            "9999-12-31T23:59:60Z",
        ] {
            assert!(DateTime::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_reads_back(micros in -62_135_596_800_000_000_i64..253_402_300_799_000_000) {
            let written = DateTime::new(Timestamp(micros), 6).to_string();
            prop_assert_eq!(DateTime::parse(&written).unwrap().instant(), Timestamp(micros));
        }
    }
}
