//! Which subscription, or which receiver, is looked at when.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use model::Timestamp;

/// Who was put in first comes first, of those with the same moment.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    order: BTreeMap<(Timestamp, u64), T>,
    places: HashMap<T, (Timestamp, u64)>,
    entered: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Agenda<T> {
        Agenda { order: BTreeMap::new(), places: HashMap::new(), entered: 0 }
    }
}

impl<T: Clone + Eq + Hash> Agenda<T> {
    /// Looks at it then, unless it is looked at earlier anyway.
    pub fn add(&mut self, one: T, at: Timestamp) {
        match self.places.get(&one) {
            Some((known, _)) if *known <= at => return,
            Some(place) => drop(self.order.remove(place)),
            None => {}
        }
        self.entered += 1;
        self.places.insert(one.clone(), (at, self.entered));
        self.order.insert((at, self.entered), one);
    }

    pub fn remove(&mut self, one: &T) {
        if let Some(place) = self.places.remove(one) {
            self.order.remove(&place);
        }
    }

    /// Takes out the first one whose moment has come.
    pub fn pop(&mut self, now: Timestamp) -> Option<T> {
        let first = self.order.first_entry().filter(|first| first.key().0 <= now)?;
        let one = first.remove();
        self.places.remove(&one);
        Some(one)
    }

    pub fn first(&self) -> Option<Timestamp> {
        self.order.first_key_value().map(|((at, _), _)| *at)
    }
}
