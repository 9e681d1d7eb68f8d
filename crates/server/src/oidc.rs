//! Callers with tokens of identity providers: whose keys are asked for, when, and what holds while
//! a provider cannot be reached.

mod download;
mod layer;
mod provider;

use std::sync::Arc;
use std::time::Duration;

use identity::oidc::{Issuer, IssuerError, Jws, Refusal, RefusalKind, TokenDigest};
use ngsi_ld::Unauthenticated;
use policy::Caller;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::moment;
use crate::egress::EgressRules;
use crate::settings::{IssuerSettings, Settings};
use crate::stop::Stopped;

use download::Download;
pub use layer::prepare;
pub use provider::{KeyTimes, Provider};

/// The identity providers of a server.
#[derive(Debug)]
pub struct Providers(Vec<Arc<Provider>>);

/// How often the age of keys is looked at.
const AGE_INTERVAL: Duration = Duration::from_millis(500);

impl Providers {
    /// Fetches nothing yet.
    pub fn new(issuers: &[IssuerSettings], settings: &Settings) -> Result<Providers, IssuerError> {
        let rules = EgressRules::of_server(settings);
        let provider = |one: &IssuerSettings| {
            let issuer = one.issuer()?;
            let download = Download::new(&rules, one, issuer.url());
            Ok(Arc::new(Provider::new(issuer, KeyTimes::of(one), download)))
        };
        Ok(Providers(issuers.iter().map(provider).collect::<Result<_, _>>()?))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What should not be as it is.
    pub fn warnings(&self) -> Vec<String> {
        let weak = |issuer: &&Issuer| issuer.is_weak_for_administrators();
        let issuers = self.0.iter().map(|provider| provider.issuer());
        issuers.filter(weak).map(|issuer| weak_warning(issuer.name())).collect()
    }

    /// Who sends this token, with the keys that are known.
    pub fn caller(&self, token: &str) -> Result<Caller, Unauthenticated> {
        let (digest, now) = (TokenDigest::of(token), moment());
        if let Some(caller) = self.remembered(&digest, now) {
            return Ok(caller);
        }
        let jws = Jws::parse(token).map_err(unauthenticated)?;
        let provider = self.of(&jws).map_err(unauthenticated)?;
        match provider.keys(now) {
            Some(keys) => provider.verify(&jws, digest, &keys).map_err(unauthenticated),
            None => Err(Unauthenticated::Unavailable(provider.unavailable())),
        }
    }

    /// The provider whose keys must be asked for before this token can be judged; nothing for
    /// most.
    fn to_ask(&self, token: &str) -> Option<&Arc<Provider>> {
        let (digest, now) = (TokenDigest::of(token), moment());
        if self.remembered(&digest, now).is_some() {
            return None;
        }
        let jws = Jws::parse(token).ok()?;
        let provider = self.of(&jws).ok()?;
        if !provider.may_be_asked(now) {
            return None;
        }
        let Some(keys) = provider.keys(now) else { return Some(provider) };
        let verified = provider.verify(&jws, digest, &keys);
        let unknown = |refusal: Refusal| refusal.kind() == RefusalKind::UnknownKey;
        verified.is_err_and(unknown).then_some(provider)
    }

    /// Looks at the age of keys until told to stop, and fetches those anew that are in use.
    pub async fn keep(&self, mut stop: Stopped) {
        let mut ticks = interval(AGE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.told() => return,
            }
            for provider in self.0.iter().filter(|one| one.is_due(moment())) {
                // It has a task of its own: one that is slow must not hold up the others.
                drop(provider.start_asking());
            }
        }
    }

    fn remembered(&self, digest: &TokenDigest, now: std::time::Instant) -> Option<Caller> {
        self.0.iter().find_map(|provider| provider.remembered(digest, now))
    }

    fn of(&self, jws: &Jws<'_>) -> Result<&Arc<Provider>, Refusal> {
        let issuer = jws.issuer().ok_or(Refusal::NoIssuer)?;
        let provider = self.0.iter().find(|one| one.issuer().url() == issuer);
        provider.ok_or_else(|| Refusal::of_issuer(issuer))
    }
}

/// A token has two dots; a key has none.
pub fn is_token(bearer: &str) -> bool {
    bearer.bytes().filter(|byte| *byte == b'.').count() == 2
}

fn weak_warning(name: &str) -> String {
    format!(
        "identity provider `{name}`: its administrators may sign in with a password alone; set \
         `admin_acr` or `admin_amr`"
    )
}

fn unauthenticated(refusal: Refusal) -> Unauthenticated {
    let reason = refusal.to_string();
    match refusal {
        Refusal::Weak { acr_values, .. } => Unauthenticated::Weak { reason, acr_values },
        _ if refusal.kind() == RefusalKind::NotEntitled => Unauthenticated::NotEntitled(reason),
        _ => Unauthenticated::Invalid(reason),
    }
}
