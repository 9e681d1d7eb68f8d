//! Series over time: reading number `i` of a series is the same in every run.

use crate::entity::mix;
use crate::http::Request;

const EVOLUTIONS: &str = "/ngsi-ld/v1/temporal/entities";

/// How many readings one request brings.
pub const READINGS: u64 = 1_000;

/// The readings of the series that is asked about.
pub const SERIES_READINGS: u64 = 100_000;

/// The series whose readings are 15 minutes apart, and the one with a reading each minute.
pub const QUARTERS: u64 = 1_000_000_000;
pub const MINUTES: u64 = 1_000_000_001;

/// 2020-01-01T00:00:00Z, in minutes since 1970.
const FIRST_MINUTE: u64 = 26_297_280;

/// So many readings of a series, from the first on; they lie so many minutes apart.
pub fn readings(series: u64, first: u64, count: u64, minutes: u64) -> Request {
    let readings: Vec<String> = (first..first + count)
        .map(|number| {
            let temperature = 15.0 + (mix(series ^ (number << 20)) % 100) as f64 / 10.0;
            let at = moment(FIRST_MINUTE + number * minutes);
            format!(r#"{{"type":"Property","value":{temperature:.1},"observedAt":"{at}"}}"#)
        })
        .collect();
    let (id, readings) = (id(series), readings.join(","));
    let body = format!(r#"{{"id":"{id}","type":"Series","temperature":[{readings}]}}"#);
    // 201 for the first of a series, and 204 afterwards.
    let expected = if first == 0 { 201 } else { 204 };
    Request { method: "POST", path: EVOLUTIONS.to_owned(), body, expected }
}

/// A month of a series with a reading every 15 minutes.
pub fn month(number: u64) -> Request {
    let month = number % 24;
    let (year, month) = (2020 + month / 12, month % 12 + 1);
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    Request::get(format!(
        "{EVOLUTIONS}/{}?attrs=temperature&format=temporalValues&timerel=between\
         &timeAt={year}-{month:02}-01T00:00:00Z&endTimeAt={next_year}-{next_month:02}-01T00:00:00Z",
        id(QUARTERS)
    ))
}

/// Averages over all readings of the other series, by periods such as `PT1H`.
pub fn averages(period: &str) -> Request {
    Request::get(format!(
        "{EVOLUTIONS}/{}?attrs=temperature&format=aggregatedValues&aggrMethods=avg\
         &aggrPeriodDuration={period}",
        id(MINUTES)
    ))
}

fn id(series: u64) -> String {
    format!("urn:ngsi-ld:Series:{series}")
}

/// A minute since 1970 as a date and time (the civil calendar from days, by Howard Hinnant).
fn moment(minute: u64) -> String {
    let (days, minute) = (minute / 1_440 + 719_468, minute % 1_440);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let day = day - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:00Z", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_dates() {
        assert_eq!(moment(FIRST_MINUTE), "2020-01-01T00:00:00Z");
        assert_eq!(moment(FIRST_MINUTE + 59 * 1_440 + 61), "2020-02-29T01:01:00Z");
        assert_eq!(moment(FIRST_MINUTE + 366 * 1_440), "2021-01-01T00:00:00Z");
    }

    #[test]
    fn a_request_holds_its_readings() {
        let body: serde_json::Value =
            serde_json::from_str(&readings(7, 0, READINGS, 15).body).unwrap();
        assert_eq!(body["temperature"].as_array().map(Vec::len), Some(READINGS as usize));
    }
}
