//! Of which time a partial answer is: the `Content-Range` header (6.3.10).

use broker::{Evolution, Told};
use http::HeaderValue;
use model::{Reading, Timestamp};
use query::Window;

use crate::write::shortest;

/// The unit is called as the conformance suite and the clients that are in use call it; 6.3.10
/// says `DateTime`.
///
/// With `lastN` an answer goes backwards in time, without it forwards; so does the range.
pub(super) fn content_range(
    window: Window,
    last_n: Option<usize>,
    evolutions: &[Evolution],
) -> Option<HeaderValue> {
    let told = evolutions.iter().flat_map(|evolution| &evolution.attributes);
    let moments = told.flat_map(|(_, told)| span(told, window));
    let (least, most) = moments.fold(None, |span: Option<(Timestamp, Timestamp)>, at| {
        Some(span.map_or((at, at), |(least, most)| (least.min(at), most.max(at))))
    })?;
    let text = |at: Timestamp| shortest(at).text();
    let (start, end, size) = match last_n {
        Some(n) => (window.until.unwrap_or(most), least, n.to_string()),
        None => (window.from.unwrap_or(least), most, "*".to_owned()),
    };
    let (start, end) = (text(start), text(end));
    let range = format!("date-time {}-{}/{size}", start.as_str(), end.as_str());
    HeaderValue::from_str(&range).ok()
}

/// The first and the last moment of what is told of an attribute.
fn span(told: &Told, window: Window) -> impl Iterator<Item = Timestamp> {
    let moment = |reading: &Reading| {
        window.property.of(reading).unwrap_or_else(|| reading.moment().instant())
    };
    let (first, last) = match told {
        Told::Readings(readings) => (readings.first().map(moment), readings.last().map(moment)),
        Told::Aggregates(series) => {
            let periods = series.iter().flat_map(|one| &one.methods);
            let periods = || periods.clone().flat_map(|(_, periods)| periods);
            (periods().map(|one| one.start).min(), periods().map(|one| one.end).max())
        }
    };
    first.into_iter().chain(last)
}

#[cfg(test)]
mod tests {
    use model::{DateTime, EntityId, EvolutionHeader, Instance, Json, Name, Value};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    #[test]
    fn the_range_follows_the_direction_of_the_answer() {
        let reading = |second| {
            let observed_at = Some(DateTime::new(at(second), 0));
            let value = Value::Property(Json::from_compact("1"));
            Reading::Said(Instance { observed_at, ..Instance::new(value) })
        };
        let told = |seconds: &[i64]| Told::Readings(seconds.iter().map(|s| reading(*s)).collect());
        let header = EvolutionHeader {
            id: EntityId::parse("urn:x:1").unwrap(),
            types: Vec::new(),
            created_at: at(0),
            modified_at: at(0),
            deleted_at: None,
        };
        let attributes = vec![
            (Name::new("urn:a"), told(&[10, 20])),
            (Name::new("urn:b"), told(&[5])),
            (Name::new("urn:c"), told(&[])),
        ];
        let evolutions = [Evolution { header, attributes }];
        let check = |from: Option<i64>, until: Option<i64>, last_n, expected: &str| {
            let (from, until) = (from.map(at), until.map(at));
            let window = Window { from, until, ..Window::default() };
            let range = content_range(window, last_n, &evolutions).unwrap();
            assert_eq!(range.to_str().unwrap().replace("1970-01-01T00:", ""), expected);
        };
        check(None, None, None, "date-time 00:05Z-00:20Z/*");
        check(Some(1), None, None, "date-time 00:01Z-00:20Z/*");
        check(None, Some(30), None, "date-time 00:05Z-00:20Z/*");
        check(Some(1), Some(30), None, "date-time 00:01Z-00:20Z/*");
        check(None, None, Some(7), "date-time 00:20Z-00:05Z/7");
        check(Some(1), None, Some(7), "date-time 00:20Z-00:05Z/7");
        check(None, Some(30), Some(7), "date-time 00:30Z-00:05Z/7");
        check(Some(1), Some(30), Some(7), "date-time 00:30Z-00:05Z/7");
        assert!(content_range(Window::default(), None, &[]).is_none());
    }
}
