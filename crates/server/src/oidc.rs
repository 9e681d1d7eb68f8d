//! Callers with tokens of identity providers: whose keys are asked for, when, and what holds while
//! a provider cannot be reached.

mod download;
mod layer;
mod provider;

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::oidc::{Issuer, Jws, Refusal, RefusalKind, TokenDigest};
use ngsi_ld::Unauthenticated;
use policy::Caller;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::moment;
use crate::egress::EgressRules;
use crate::settings::{Settings, TrustedIssuer};
use crate::stop::Stopped;

use download::Download;
pub use provider::{Provider, Unproven, WAIT_MAX, WAITERS_MAX};

/// The identity providers of a server.
#[derive(Debug)]
pub struct Providers(Vec<Arc<Provider>>);

/// How often the age of keys is looked at.
const AGE_INTERVAL: Duration = Duration::from_millis(500);

/// A token before any key was asked.
enum Read<'p, 't> {
    /// It was verified a moment ago.
    Remembered(Caller),
    New(Jws<'t>, TokenDigest, &'p Arc<Provider>),
}

impl Providers {
    /// Fetches nothing yet.
    pub fn new(issuers: &[TrustedIssuer], settings: &Settings) -> Providers {
        let provider = |one: &TrustedIssuer| {
            let rules = EgressRules::of_server(settings);
            let download = Download::new(rules, one.issuer.url(), one.written.allow_private);
            Arc::new(Provider::new(one.issuer.clone(), one.key_times, download))
        };
        Providers(issuers.iter().map(provider).collect())
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
        let now = moment();
        let (jws, digest, provider) = match self.read(token, now).map_err(unauthenticated)? {
            Read::Remembered(caller) => return Ok(caller),
            Read::New(jws, digest, provider) => (jws, digest, provider),
        };
        provider.judge(&jws, digest, now).map_err(|unproven| match unproven {
            // The key that signed it may be on its way.
            _ if unproven.is_for_lack_of_keys() && provider.is_being_asked() => {
                Unauthenticated::Unavailable(provider.unavailable())
            }
            Unproven::NoKeys => Unauthenticated::Unavailable(provider.unavailable()),
            Unproven::Refused(refusal) => unauthenticated(refusal),
        })
    }

    /// The provider whose keys must be asked for before this token can be judged; nothing for
    /// most.
    fn to_ask(&self, token: &str) -> Option<&Arc<Provider>> {
        let now = moment();
        let Ok(Read::New(jws, digest, provider)) = self.read(token, now) else { return None };
        if !provider.may_be_asked(now) && !provider.is_being_asked() {
            return None;
        }
        let judged = provider.judge(&jws, digest, now);
        judged.is_err_and(|unproven| unproven.is_for_lack_of_keys()).then_some(provider)
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
                provider.start_asking();
            }
        }
    }

    fn read<'t>(&self, token: &'t str, now: Instant) -> Result<Read<'_, 't>, Refusal> {
        let digest = TokenDigest::of(token)?;
        if let Some(caller) = self.remembered(&digest, now) {
            return Ok(Read::Remembered(caller));
        }
        let jws = Jws::parse(token)?;
        let provider = self.of(&jws)?;
        Ok(Read::New(jws, digest, provider))
    }

    fn remembered(&self, digest: &TokenDigest, now: Instant) -> Option<Caller> {
        self.0.iter().find_map(|provider| provider.remembered(digest, now))
    }

    fn of(&self, jws: &Jws<'_>) -> Result<&Arc<Provider>, Refusal> {
        let issuer = jws.issuer().ok_or(Refusal::NoIssuer)?;
        let provider = self.0.iter().find(|one| one.issuer().url() == issuer);
        provider.ok_or_else(|| Refusal::of_issuer(issuer))
    }
}

fn weak_warning(name: &str) -> String {
    format!(
        "identity provider `{name}`: its administrators may sign in with a password alone \
         (`admin_any_sign_in`); set `admin_acr` or `admin_amr`"
    )
}

fn unauthenticated(refusal: Refusal) -> Unauthenticated {
    let reason = refusal.to_string();
    match refusal {
        Refusal::Weak { acr_values, .. } => Unauthenticated::Weak { reason, acr_values },
        _ if refusal.is_forged() => Unauthenticated::Forged(reason),
        _ if refusal.kind() == RefusalKind::NotEntitled => Unauthenticated::NotEntitled(reason),
        _ => Unauthenticated::Invalid(reason),
    }
}
