//! Scopes over time: each holds until the next takes its place (clauses 4.18 and 5.7.4).

use model::{Reading, Timestamp, scopes_of};

use super::{TimeProperty, Window};
use crate::filter::ScopeCondition;

/// The times at which a condition held for the scopes of an entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeTimes {
    /// From one moment (included) to another (excluded), in order.
    spans: Vec<(Timestamp, Timestamp)>,
}

/// The moment by which readings stand in order.
fn moment(property: TimeProperty, reading: &Reading) -> Timestamp {
    property.of(reading).unwrap_or_else(|| reading.modified_at())
}

impl ScopeTimes {
    /// Takes all readings of an entity's scopes; keeps what lies in the window.
    pub fn of(
        scopes: &[Reading],
        condition: &ScopeCondition,
        property: TimeProperty,
        window: Option<Window>,
    ) -> ScopeTimes {
        let mut ordered: Vec<(Timestamp, &Reading)> =
            scopes.iter().map(|reading| (moment(property, reading), reading)).collect();
        ordered.sort_by_key(|(at, _)| *at);
        let from = window.and_then(|window| window.from).unwrap_or(Timestamp(i64::MIN));
        let until = window.and_then(|window| window.until).unwrap_or(Timestamp(i64::MAX));
        let mut spans = Vec::new();
        for (place, (start, reading)) in ordered.iter().enumerate() {
            let end = ordered.get(place + 1).map_or(Timestamp(i64::MAX), |(next, _)| *next);
            let holds = match reading {
                Reading::Said(instance) => condition.matches(&scopes_of(&instance.value)),
                Reading::Deleted(_) => false,
            };
            let span = ((*start).max(from), end.min(until));
            if holds && span.0 < span.1 {
                spans.push(span);
            }
        }
        ScopeTimes { spans }
    }

    pub fn is_never(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.covers(at, at)
    }

    /// Does it hold at all moments from a first to a last one?
    pub fn covers(&self, first: Timestamp, last: Timestamp) -> bool {
        let after = self.spans.partition_point(|(start, _)| *start <= first);
        after.checked_sub(1).is_some_and(|at| last < self.spans[at].1)
    }
}

/// What is shown of an entity's scopes: those in the window, and the one that held when it began.
pub fn scopes_shown(
    mut scopes: Vec<Reading>,
    property: TimeProperty,
    window: Option<Window>,
) -> Vec<Reading> {
    scopes.sort_by_key(|reading| moment(property, reading));
    let Some(window) = window else { return scopes };
    let before = |at: Timestamp| window.from.is_some_and(|from| at < from);
    let first = scopes.partition_point(|reading| before(moment(property, reading)));
    scopes.drain(..first.saturating_sub(1));
    scopes.retain(|reading| {
        let at = moment(property, reading);
        before(at) || window.contains(at)
    });
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parser;
    use model::{DateTime, Instance, Json, Name, Value};

    fn scope(text: &str, at: i64) -> Reading {
        let observed_at = Some(DateTime::new(Timestamp(at), 6));
        let value = Value::Property(Json::text(text));
        Reading::Said(Instance { observed_at, ..Instance::new(value) })
    }

    fn times(text: &str, window: Option<Window>) -> ScopeTimes {
        let expand = |name: &str| Ok(Name::new(name));
        let condition = Parser::new(&expand).scope_q(text).unwrap();
        let scopes = [scope("/S", 30), scope("/R", 10)];
        ScopeTimes::of(&scopes, &condition, TimeProperty::ObservedAt, window)
    }

    #[test]
    fn a_scope_holds_until_the_next() {
        let window = |from, until| {
            let property = TimeProperty::ObservedAt;
            Some(Window { property, from: Some(Timestamp(from)), until: Some(Timestamp(until)) })
        };
        let times_of = |times: &ScopeTimes| {
            (0..50).filter(|at| times.contains(Timestamp(*at))).collect::<Vec<i64>>()
        };
        assert_eq!(times_of(&times("/R", None)), (10..30).collect::<Vec<_>>());
        assert_eq!(times_of(&times("/R|/S", window(20, 40))), (20..40).collect::<Vec<_>>());
        assert!(times("/S", window(0, 30)).is_never());
        assert!(times("/T", None).is_never());
        let shown = scopes_shown(
            vec![scope("/R", 10), scope("/Q", 5), scope("/S", 30)],
            TimeProperty::ObservedAt,
            window(20, 25),
        );
        assert_eq!(shown, [scope("/R", 10)]);
    }
}
