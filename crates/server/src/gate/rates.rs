//! How many requests, and bytes of their bodies, callers and tenants may send in a time.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

use model::Tenant;
use policy::Caller;

use super::address::Source;
use super::bounded::{Bounded, Remembered};
use super::bucket::{Bucket, Rate};

/// What is allowed to one caller, or to a tenant; what is not there has no end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    pub requests: Option<Rate>,
    pub body_bytes: Option<Rate>,
}

/// What a tenant has in the place of the settings; its callers too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub caller: Allowance,
    pub tenant: Allowance,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, Hash)]
pub enum Sender<'a> {
    /// Nobody is known to be asking.
    Address(Source),
    Caller {
        name: &'a str,
        bound: Option<&'a Tenant>,
    },
}

/// Something comes faster than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast {
    pub what: What,
    pub per_second: u64,
    pub wait: Duration,
}

/// What comes too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    CallerRequests,
    CallerBodyBytes,
    TenantRequests,
    TenantBodyBytes,
}

/// The buckets of all callers and tenants.
#[derive(Debug)]
pub struct Rates {
    usual: Rules,
    own: HashMap<Tenant, Rules>,
    /// By the hash of who it is, so that nothing is copied for each request. That two share a bucket
    /// is as good as impossible, and harms none but them.
    senders: Bounded<u64, Buckets>,
    tenants: Bounded<u64, Buckets>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Buckets {
    requests: Bucket,
    body_bytes: Bucket,
}

impl Remembered for Buckets {
    fn over_at(&self) -> Duration {
        self.requests.over_at().max(self.body_bytes.over_at())
    }
}

impl<'a> From<&'a Caller> for Sender<'a> {
    fn from(caller: &'a Caller) -> Sender<'a> {
        Sender::Caller { name: &caller.name, bound: caller.tenant.as_ref() }
    }
}

impl Rates {
    /// Remembers `senders_max` callers at most, and as many tenants.
    pub fn new(usual: Rules, senders_max: usize) -> Rates {
        Rates {
            usual,
            own: HashMap::new(),
            senders: Bounded::new(senders_max),
            tenants: Bounded::new(senders_max),
            hasher: RandomState::new(),
        }
    }

    /// What holds where a tenant has nothing of its own.
    pub fn usual(&self) -> Rules {
        self.usual
    }

    /// Gives a tenant rules of its own, or takes them away.
    pub fn limit(&mut self, tenant: &Tenant, rules: Option<Rules>) {
        match rules {
            Some(rules) => self.own.insert(tenant.clone(), rules),
            None => self.own.remove(tenant),
        };
    }

    /// Counts a request, with the bytes of its body, unless it comes too fast: then nothing is
    /// counted. `tenant` is nothing where it is not known for whom the request is. Moments are spans
    /// since the server began.
    pub fn pass(
        &mut self,
        sender: Sender<'_>,
        tenant: Option<&Tenant>,
        body_bytes: u64,
        now: Duration,
    ) -> Result<(), TooFast> {
        let rules = tenant.and_then(|tenant| self.own.get(tenant)).unwrap_or(&self.usual);
        let (ours, theirs) = (rules.caller, rules.tenant);
        let theirs = if tenant.is_some() { theirs } else { Allowance::default() };
        let sender = ours.is_any().then(|| self.hasher.hash_one(sender));
        let tenant = tenant.filter(|_| theirs.is_any()).map(|tenant| self.hasher.hash_one(tenant));
        let mut sender = sender.map(|sender| self.senders.entry(sender, now));
        let mut tenant = tenant.map(|tenant| self.tenants.entry(tenant, now));
        let tokens = (1, body_bytes);
        if let Some(buckets) = &sender {
            let (requests, bytes) = (What::CallerRequests, What::CallerBodyBytes);
            buckets.check(&ours, tokens, (requests, bytes), now)?;
        }
        if let Some(buckets) = &tenant {
            let (requests, bytes) = (What::TenantRequests, What::TenantBodyBytes);
            buckets.check(&theirs, tokens, (requests, bytes), now)?;
        }
        if let Some(buckets) = &mut sender {
            buckets.take(&ours, tokens, now);
        }
        if let Some(buckets) = &mut tenant {
            buckets.take(&theirs, tokens, now);
        }
        Ok(())
    }
}

impl Allowance {
    fn is_any(&self) -> bool {
        self.requests.is_some() || self.body_bytes.is_some()
    }
}

impl Buckets {
    fn check(
        &self,
        allowed: &Allowance,
        (requests, body_bytes): (u64, u64),
        (of_requests, of_bytes): (What, What),
        now: Duration,
    ) -> Result<(), TooFast> {
        let each = [
            (allowed.requests, &self.requests, requests, of_requests),
            (allowed.body_bytes, &self.body_bytes, body_bytes, of_bytes),
        ];
        for (rate, bucket, tokens, what) in each {
            let Some(rate) = rate.filter(|_| tokens > 0) else { continue };
            let wait = bucket.wait(rate, tokens, now);
            if !wait.is_zero() {
                return Err(TooFast { what, per_second: rate.per_second(), wait });
            }
        }
        Ok(())
    }

    fn take(&mut self, allowed: &Allowance, (requests, body_bytes): (u64, u64), now: Duration) {
        if let Some(rate) = allowed.requests {
            self.requests.take(rate, requests, now);
        }
        if let Some(rate) = allowed.body_bytes {
            self.body_bytes.take(rate, body_bytes, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn named(name: &str) -> Sender<'_> {
        Sender::Caller { name, bound: None }
    }

    fn allow(per_second: u64, body_bytes: u64) -> Allowance {
        let (requests, body_bytes) = (Rate::of(per_second, 0), Rate::of(body_bytes, 0));
        Allowance { requests, body_bytes }
    }

    fn what(passed: Result<(), TooFast>) -> Option<What> {
        passed.err().map(|error| error.what)
    }

    #[test]
    fn callers_have_their_own_and_share_that_of_their_tenant() {
        let usual = Rules { caller: allow(2, 0), tenant: allow(5, 100) };
        let (north, south) = (Tenant::parse("north").unwrap(), Tenant::parse("south").unwrap());
        let mut rates = Rates::new(usual, 100);
        let mut pass =
            |name, tenant, bytes| what(rates.pass(named(name), Some(tenant), bytes, NOW));
        assert_eq!(pass("a", &north, 0), None);
        assert_eq!(pass("a", &north, 0), None);
        assert_eq!(pass("a", &north, 0), Some(What::CallerRequests));
        assert_eq!(pass("b", &north, 200), None, "the bucket is full, so a large body passes");
        assert_eq!(pass("b", &north, 1), Some(What::TenantBodyBytes));
        assert_eq!(pass("c", &north, 0), None, "what was refused counts nothing");
        assert_eq!(pass("c", &north, 0), None);
        assert_eq!(pass("d", &north, 0), Some(What::TenantRequests));
        assert_eq!(pass("d", &south, 0), None);
        // Nobody's tenant is counted for those nobody knows.
        let stranger = Sender::Address(Source::of([10, 0, 0, 1].into()));
        assert_eq!(what(rates.pass(stranger, None, 0, NOW)), None);
        assert_eq!(what(rates.pass(stranger, None, 0, NOW)), None);
        assert_eq!(what(rates.pass(stranger, None, 0, NOW)), Some(What::CallerRequests));
    }

    #[test]
    fn one_caller_is_told_from_another_of_the_same_name() {
        let north = Tenant::parse("north").unwrap();
        let mut rates = Rates::new(Rules { caller: allow(1, 0), ..Rules::default() }, 100);
        assert!(rates.pass(named("a"), Some(&north), 0, NOW).is_ok());
        let bound = Sender::Caller { name: "a", bound: Some(&north) };
        assert!(rates.pass(bound, Some(&north), 0, NOW).is_ok());
        let refused = rates.pass(named("a"), Some(&north), 0, NOW).unwrap_err();
        assert_eq!((refused.per_second, refused.wait), (1, NOW));
    }

    #[test]
    fn a_tenant_may_have_rules_of_its_own() {
        let north = Tenant::parse("north").unwrap();
        let mut rates = Rates::new(Rules { caller: allow(1, 0), ..Rules::default() }, 100);
        rates.limit(&north, Some(Rules { tenant: allow(3, 0), ..Rules::default() }));
        let mut passed = |tenant: &Tenant| {
            (0..10).filter(|_| rates.pass(named("a"), Some(tenant), 0, NOW).is_ok()).count()
        };
        assert_eq!((passed(&north), passed(&Tenant::default())), (3, 1));
        rates.limit(&north, None);
        let later = NOW + NOW;
        assert!(rates.pass(named("a"), Some(&north), 0, later).is_ok());
        assert!(rates.pass(named("a"), Some(&north), 0, later).is_err());
    }

    #[test]
    fn where_nothing_is_limited_nothing_is_remembered() {
        let mut rates = Rates::new(Rules::default(), 100);
        assert!(rates.pass(named("a"), Some(&Tenant::default()), u64::MAX, NOW).is_ok());
        let key = rates.hasher.hash_one(named("a"));
        assert!(rates.senders.get(&key).is_none());
    }
}
