//! What happens again and again is recorded once, and then how often it did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::audit::{Entry, Event, Outcome, Who};
use model::Timestamp;

/// For how long the same is counted before the record says how often it was.
pub const FOLD_INTERVAL: Duration = Duration::from_secs(60);

/// How many different things are counted at a time. What comes beyond that is counted together.
pub const FOLDS_MAX: usize = 1_024;

/// What makes two entries the same: everything but their time, request and details, and of the
/// target the route alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Same {
    As {
        event: Event,
        caller: String,
        kind: &'static str,
        tenant: String,
        from: String,
        route: String,
        outcome: String,
    },
    Others,
}

#[derive(Debug)]
struct Fold {
    since: Timestamp,
    last: Timestamp,
    /// How often it happened after the first time.
    again: u64,
    entry: Entry,
}

/// What was recorded lately, and how often it happened since.
#[derive(Clone, Debug, Default)]
pub struct Folds(Arc<Mutex<HashMap<Same, Fold>>>);

impl Folds {
    /// The entry, where it is to be recorded; nothing where it is counted. `route` is what requests
    /// for one thing have in common, whichever the target.
    pub fn take(&self, at: Timestamp, entry: Entry, route: &str, outcome: &str) -> Option<Entry> {
        let mut folds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let mut same = Same::As {
            event: entry.event,
            caller: entry.who.name.as_str().to_owned(),
            kind: entry.who.kind.name(),
            tenant: text(entry.who.tenant.as_ref().map(|tenant| tenant.as_str())),
            from: text(entry.from.as_ref().map(|from| from.as_str())),
            route: route.to_owned(),
            outcome: outcome.to_owned(),
        };
        let is_full = FOLDS_MAX <= folds.len() && !folds.contains_key(&same);
        let entry = if is_full { others() } else { entry };
        if is_full {
            same = Same::Others;
        }
        if let Some(fold) = folds.get_mut(&same) {
            fold.again += 1;
            fold.last = fold.last.max(at);
            return None;
        }
        let summary = Entry { request: None, ..entry.clone() }.target(route);
        let entry_of_all = if is_full { others() } else { summary };
        folds.insert(same, Fold { since: at, last: at, again: 0, entry: entry_of_all });
        Some(entry)
    }

    /// What has been counted for long enough, or all of it.
    pub fn due(&self, now: Timestamp, all: bool) -> Vec<(Timestamp, Entry)> {
        let interval = i64::try_from(FOLD_INTERVAL.as_micros()).unwrap_or(i64::MAX);
        let is_due = |fold: &Fold| {
            // A clock that was put back must not hold anything up.
            all || now < fold.since || interval <= now.0.saturating_sub(fold.since.0)
        };
        let mut folds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = folds.extract_if(|_, fold| is_due(fold));
        let told = due.filter(|(_, fold)| fold.again > 0).map(|(_, fold)| {
            let again = fold.again.to_string();
            let last = model::DateTime::new(fold.last, 6).to_string();
            (now, fold.entry.detail("again", &again).detail("last", &last))
        });
        told.collect()
    }
}

/// Too many different things at a time to tell each.
fn others() -> Entry {
    let reason = "further refusals of many kinds, counted together";
    Entry::new(Event::Refusal, Who::system(), Outcome::refused(reason))
}

#[cfg(test)]
mod tests {
    use ::audit::Identity;

    use super::*;

    fn entry(caller: &str, from: &str) -> Entry {
        let who = Who { name: caller.into(), kind: Identity::Key, tenant: None };
        let entry = Entry::new(Event::Refusal, who, Outcome::refused("no right"));
        entry.target("/entities/urn:x:1").from(from).request("7")
    }

    fn told(due: &[(Timestamp, Entry)]) -> Vec<(String, String)> {
        let detail = |entry: &Entry| {
            let again = entry.details.iter().find(|(name, _)| *name == "again");
            again.map(|(_, count)| count.to_owned()).unwrap_or_default()
        };
        let target = |entry: &Entry| entry.target.as_ref().map(ToString::to_string);
        due.iter().map(|(_, entry)| (target(entry).unwrap_or_default(), detail(entry))).collect()
    }

    #[test]
    fn the_same_is_told_once_and_then_how_often() {
        let folds = Folds::default();
        let second = |second: i64| Timestamp(second * 1_000_000);
        let take = |at, caller, from, route, outcome| {
            folds.take(second(at), entry(caller, from), route, outcome).is_some()
        };
        assert!(take(0, "rob", "192.0.2.1", "/entities/{id}", "403"));
        for other in 1..50 {
            assert!(!take(other, "rob", "192.0.2.1", "/entities/{id}", "403"));
        }
        assert!(take(9, "eva", "192.0.2.1", "/entities/{id}", "403"));
        assert!(take(9, "rob", "192.0.2.2", "/entities/{id}", "403"));
        assert!(take(9, "rob", "192.0.2.1", "/types", "403"));
        assert!(take(9, "rob", "192.0.2.1", "/entities/{id}", "429"));
        assert_eq!(told(&folds.due(second(59), false)), []);
        let due = folds.due(second(60), false);
        assert_eq!(told(&due), [("/entities/{id}".to_owned(), "49".to_owned())]);
        assert_eq!(due[0].1.request, None);
        assert!(take(61, "rob", "192.0.2.1", "/entities/{id}", "403"), "it begins anew");
        assert!(!take(61, "rob", "192.0.2.1", "/entities/{id}", "403"));
        assert_eq!(told(&folds.due(second(62), true)).len(), 1);
    }

    #[test]
    fn memory_has_a_limit() {
        let folds = Folds::default();
        let taken = (0..FOLDS_MAX + 100).filter(|number| {
            folds.take(Timestamp(0), entry(&number.to_string(), ""), "/", "403").is_some()
        });
        assert_eq!(taken.count(), FOLDS_MAX + 1);
        assert!(folds.0.lock().unwrap().len() <= FOLDS_MAX + 1);
        assert_eq!(told(&folds.due(Timestamp(0), true)), [(String::new(), "99".to_owned())]);
    }
}
