//! Whose turn it is: how many requests are worked on at a time, and which of those that wait is
//! next, so that a tenant that sends as much as it can leaves the others theirs.

use std::collections::{HashMap, VecDeque};

use model::Tenant;

/// One request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// May it begin?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Now,
    Later(Ticket),
}

/// How many there may be at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareRules {
    /// Of all tenants together.
    pub all_max: usize,
    /// Of one tenant, whether others wait or not, so that there is always room for another.
    pub tenant_max: usize,
}

/// The requests that are worked on, and those that wait.
#[derive(Debug)]
pub struct Share {
    rules: ShareRules,
    own: HashMap<Tenant, usize>,
    running: usize,
    waiting: usize,
    /// Only tenants of which something runs or waits.
    tenants: HashMap<Tenant, Tally>,
    last: u64,
    /// Counts what happens, so that it is known which of two was earlier.
    events: u64,
}

#[derive(Debug, Default)]
struct Tally {
    running: usize,
    /// When it was last its turn, or else when it came.
    turn_at: u64,
    /// In the order in which they came.
    waiting: VecDeque<Ticket>,
}

impl Share {
    pub fn new(rules: ShareRules) -> Share {
        let all_max = rules.all_max.max(1);
        let rules = ShareRules { all_max, tenant_max: rules.tenant_max.clamp(1, all_max) };
        Share {
            rules,
            own: HashMap::new(),
            running: 0,
            waiting: 0,
            tenants: HashMap::new(),
            last: 0,
            events: 0,
        }
    }

    /// Lets a tenant have another share than the rules say, or the same again.
    pub fn limit(&mut self, tenant: &Tenant, max: Option<usize>) {
        match max {
            Some(max) => self.own.insert(tenant.clone(), max.clamp(1, self.rules.all_max)),
            None => self.own.remove(tenant),
        };
    }

    fn max(&self, tenant: &Tenant) -> usize {
        self.own.get(tenant).copied().unwrap_or(self.rules.tenant_max)
    }

    pub fn enter(&mut self, tenant: &Tenant) -> Entry {
        let max = self.max(tenant);
        self.events += 1;
        if !self.tenants.contains_key(tenant) {
            let tally = Tally { turn_at: self.events, ..Tally::default() };
            self.tenants.insert(tenant.clone(), tally);
        }
        let all_max = self.rules.all_max;
        let Some(tally) = self.tenants.get_mut(tenant) else { return Entry::Now };
        if self.running < all_max && tally.running < max && tally.waiting.is_empty() {
            self.running += 1;
            tally.running += 1;
            tally.turn_at = self.events;
            return Entry::Now;
        }
        self.last += 1;
        self.waiting += 1;
        tally.waiting.push_back(Ticket(self.last));
        Entry::Later(Ticket(self.last))
    }

    /// One that was worked on has ended; tells who may begin now.
    pub fn leave(&mut self, tenant: &Tenant) -> Vec<Ticket> {
        if let Some(tally) = self.tenants.get_mut(tenant) {
            self.running -= 1;
            tally.running -= 1;
        }
        self.tidy(tenant);
        self.call()
    }

    /// One that waited has gone; tells whether it still waited.
    pub fn give_up(&mut self, tenant: &Tenant, ticket: Ticket) -> bool {
        let Some(tally) = self.tenants.get_mut(tenant) else { return false };
        let place = tally.waiting.iter().position(|waiting| *waiting == ticket);
        if let Some(place) = place {
            tally.waiting.remove(place);
            self.waiting -= 1;
        }
        self.tidy(tenant);
        place.is_some()
    }

    fn tidy(&mut self, tenant: &Tenant) {
        let gone = |tally: &Tally| tally.running == 0 && tally.waiting.is_empty();
        if self.tenants.get(tenant).is_some_and(gone) {
            self.tenants.remove(tenant);
        }
    }

    /// Lets begin who may: of the tenants that wait, first the one of which the fewest run, and of
    /// several such the one whose turn was the longest ago.
    fn call(&mut self) -> Vec<Ticket> {
        let mut called = Vec::new();
        while self.waiting > 0 && self.running < self.rules.all_max {
            let may = self.tenants.iter().filter(|(tenant, tally)| {
                !tally.waiting.is_empty() && tally.running < self.max(tenant)
            });
            let next = may.min_by_key(|(_, tally)| (tally.running, tally.turn_at));
            let Some(tenant) = next.map(|(tenant, _)| tenant.clone()) else { break };
            let Some(tally) = self.tenants.get_mut(&tenant) else { break };
            called.extend(tally.waiting.pop_front());
            self.events += 1;
            tally.turn_at = self.events;
            tally.running += 1;
            self.running += 1;
            self.waiting -= 1;
        }
        called
    }
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
