//! What leaves by itself: notifications go where egress allows it, and what residency keeps in its
//! regions stays there. What was held back is counted, and recorded a moment later.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ::audit::{Entry, Event, Outcome, Who};
use jsonld::Context;
use model::{Name, Tenant};
use policy::{HeldBack, Region, Release, Residency};
use subscriptions::{Endpoint, Key, Subscription};
use url::{Host, Url};

use crate::egress::{EgressRules, Target};
use crate::settings::{Destinations, Settings};

/// How many kinds of what was held back wait to be recorded; further ones are only counted.
pub const KINDS_MAX: usize = 1_000;

#[derive(Debug)]
pub struct Border {
    rules: EgressRules,
    regions: Vec<(Region, Destinations)>,
    residency: Residency,
    counts: Counts,
    waiting: Mutex<BTreeMap<Held, u64>>,
}

/// Since this process began.
#[derive(Debug, Default)]
struct Counts {
    whole: AtomicU64,
    part: AtomicU64,
}

/// What was held back from whom. Equal ones are recorded together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    key: Key,
    host: String,
    is_all: bool,
    attributes: Vec<Name>,
    rules: Vec<usize>,
}

impl Border {
    /// The tables were checked when they were read; what could not be used is left out.
    pub fn of(settings: &Settings) -> Border {
        let regions = settings.regions.iter();
        let region = |one: &crate::settings::RegionSettings| {
            Some((one.region().ok()?, one.destinations.clone()))
        };
        Border {
            rules: EgressRules::of_server(settings),
            regions: regions.filter_map(region).collect(),
            residency: residency(settings),
            counts: Counts::default(),
            waiting: Mutex::default(),
        }
    }

    /// The regions in which an endpoint lies, as far as its URI tells: what a name leads to is not
    /// looked up, for it may lead elsewhere a moment later.
    pub fn regions_of(&self, endpoint: &Endpoint) -> Vec<Region> {
        let Some(target) = target(endpoint) else { return Vec::new() };
        let address = match &target.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some((*address).into()),
            Host::Ipv6(address) => Some((*address).into()),
        };
        let lies_in = |destinations: &Destinations| {
            destinations.matching(&target.host, target.port, address).is_some()
        };
        let regions = self.regions.iter().filter(|(_, destinations)| lies_in(destinations));
        regions.map(|(region, _)| region.clone()).collect()
    }

    pub fn residency(&self) -> &Residency {
        &self.residency
    }

    /// Notifications that were not sent because of residency, and those from which something was
    /// left out.
    pub fn counts(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.counts.whole), read(&self.counts.part))
    }

    /// What was held back since this was last asked, for the record.
    pub fn entries(&self) -> Vec<Entry> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = take(&mut *waiting);
        waiting.into_iter().map(|(held, times)| held.entry(times)).collect()
    }
}

pub fn residency(settings: &Settings) -> Residency {
    Residency::new(settings.residency.iter().filter_map(|one| one.rule().ok()))
}

fn target(endpoint: &Endpoint) -> Option<Target> {
    Target::of(&Url::parse(&endpoint.uri).ok()?).ok()
}

impl subscriptions::Border for Border {
    fn check(&self, endpoint: &Endpoint) -> Result<(), String> {
        let Some(target) = target(endpoint) else {
            return Err(format!("`{}` cannot be called", endpoint.host()));
        };
        self.rules.check(&target).map_err(|refused| refused.to_string())
    }

    fn release(&self, tenant: &Tenant, endpoint: &Endpoint) -> Release {
        if !self.residency.concerns(tenant) {
            return Release::default();
        }
        self.residency.release(tenant, &self.regions_of(endpoint))
    }

    fn held_back(&self, subscription: &Subscription, held: &HeldBack, is_all: bool) {
        let count = if is_all { &self.counts.whole } else { &self.counts.part };
        count.fetch_add(1, Ordering::Relaxed);
        let held = Held {
            key: subscription.key.clone(),
            host: subscription.endpoint.host().to_owned(),
            is_all,
            attributes: held.attributes.clone(),
            rules: held.rules.clone(),
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = waiting.len() < KINDS_MAX;
        if let Some(times) = waiting.get_mut(&held) {
            *times += 1;
        } else if has_room {
            waiting.insert(held, 1);
        }
    }
}

impl Held {
    fn entry(&self, times: u64) -> Entry {
        let what = if self.is_all { "a notification" } else { "part of a notification" };
        let reason = format!("{what} was held back: `{}` is in no region for it", self.host);
        let mut who = Who::system();
        let tenant = self.key.tenant.as_str();
        who.tenant = Some(tenant).filter(|name| !name.is_empty()).map(Into::into);
        let entry = Entry::new(Event::Refusal, who, Outcome::refused(&reason));
        let rules: Vec<String> = self.rules.iter().map(usize::to_string).collect();
        let entry = entry
            .target(&format!("subscription {}", self.key.id))
            .detail("residency", &rules.join(", "))
            .detail("times", &times.to_string());
        if self.attributes.is_empty() {
            return entry;
        }
        let context = Context::core();
        let names = self.attributes.iter().map(|name| context.compact_name(name.as_str()));
        entry.detail("attributes", &names.collect::<Vec<_>>().join(", "))
    }
}
