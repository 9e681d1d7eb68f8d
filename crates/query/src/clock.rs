//! Dates and times of day as texts (clause 4.6.3).

use std::ops::RangeInclusive;

/// `YYYY-MM-DD`. Dates of this form stand in time as their texts stand in the alphabet.
pub(crate) fn is_date(text: &str) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return false };
    [y1, y2, y3, y4].iter().all(|digit| digit.is_ascii_digit())
        && number([*m1, *m2], 1..=12).is_some()
        && number([*d1, *d2], 1..=31).is_some()
}

/// Microseconds since midnight of `hh:mm:ss[.ffffff]Z`, the fraction after a point or a comma.
pub(crate) fn time_of_day(text: &str) -> Option<u64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2, fraction @ .., b'Z'] = text.as_bytes() else {
        return None;
    };
    let hours = number([*h1, *h2], 0..=23)?;
    let minutes = number([*m1, *m2], 0..=59)?;
    let seconds = number([*s1, *s2], 0..=60)?;
    let micros = match fraction {
        [] => 0,
        [b'.' | b',', digits @ ..] if (1..=6).contains(&digits.len()) => micros(digits)?,
        _ => return None,
    };
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

fn micros(digits: &[u8]) -> Option<u64> {
    let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
    padded.copied().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0'))
    })
}

fn number(digits: [u8; 2], within: RangeInclusive<u64>) -> Option<u64> {
    let [tens, ones] = digits.map(|digit| digit.is_ascii_digit().then(|| u64::from(digit - b'0')));
    let number = tens? * 10 + ones?;
    within.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_complete() {
        for (text, expected) in [
            ("2026-04-01", true),
            ("2026-13-01", false),
            ("2026-4-1", false),
            ("2026-04-01T00:00:00Z", false),
            ("", false),
        ] {
            assert_eq!(is_date(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_is_complete_and_in_utc() {
        for (text, expected) in [
            ("00:00:01Z", Some(1_000_000)),
            ("12:00:00Z", Some(43_200_000_000)),
            ("12:00:00,5Z", Some(43_200_500_000)),
            ("12:00:00.000001Z", Some(43_200_000_001)),
            ("12:00:00", None),
            ("24:00:00Z", None),
            ("12:00:00.Z", None),
        ] {
            assert_eq!(time_of_day(text), expected, "{text}");
        }
    }
}
