//! One identity provider: its keys, how old they are, and when it is asked again.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use broker::Clock;
use identity::oidc::{Issuer, Jwks, Jws, Refusal, TokenDigest, VerifiedTokens, verify};
use policy::Caller;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::download::{Download, DownloadError};
use crate::clock::{SystemClock, moment};
use crate::settings::IssuerSettings;

/// An issuer and what is known of its keys.
#[derive(Debug)]
pub struct Provider {
    issuer: Issuer,
    times: KeyTimes,
    download: Download,
    known: RwLock<Known>,
    /// Held by whoever asks the provider, so that one asks at a time.
    asking: Mutex<()>,
}

/// When keys are fetched and for how long they count.
#[derive(Clone, Copy, Debug)]
pub struct KeyTimes {
    pub refresh: Duration,
    pub retry: Duration,
    pub outage_max: Duration,
}

/// Keys, and the tokens that were verified with them and no others.
#[derive(Debug)]
pub struct Keys {
    jwks: Jwks,
    tokens: VerifiedTokens,
}

#[derive(Debug, Default)]
struct Known {
    keys: Option<Arc<Keys>>,
    /// When the provider last told these keys.
    confirmed_at: Option<Instant>,
    /// When it was last asked, whatever it said.
    asked_at: Option<Instant>,
    /// What went wrong then.
    failure: Option<String>,
}

/// Even where a setting would have a provider asked for each token that is made up.
const RETRY_LEAST: Duration = Duration::from_millis(100);

impl KeyTimes {
    pub fn of(settings: &IssuerSettings) -> KeyTimes {
        KeyTimes {
            refresh: settings.keys_refresh,
            retry: settings.keys_retry.max(RETRY_LEAST),
            outage_max: settings.keys_outage_max,
        }
    }

    /// How long a provider that failed is left alone where nobody waits for it.
    fn retry_unasked(&self) -> Duration {
        self.retry.max(self.refresh / 10)
    }
}

impl Known {
    fn age(&self, now: Instant) -> Option<Duration> {
        self.confirmed_at.map(|at| now.saturating_duration_since(at))
    }

    fn is_left_alone(&self, now: Instant, span: Duration) -> bool {
        self.asked_at.is_some_and(|at| now.saturating_duration_since(at) < span)
    }

    /// The keys, unless they are too old to be believed.
    fn keys(&self, now: Instant, outage_max: Duration) -> Option<&Arc<Keys>> {
        let age = self.age(now)?;
        self.keys.as_ref().filter(|_| age <= outage_max)
    }
}

impl Provider {
    pub fn new(issuer: Issuer, times: KeyTimes, download: Download) -> Provider {
        let known = RwLock::default();
        Provider { issuer, times, download, known, asking: Mutex::new(()) }
    }

    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The keys that count now; nothing where none were fetched, or too long ago.
    pub fn keys(&self, now: Instant) -> Option<Arc<Keys>> {
        self.read().keys(now, self.times.outage_max).cloned()
    }

    /// Who sends this token, where these keys have proven it before.
    pub fn remembered(&self, digest: &TokenDigest, now: Instant) -> Option<Caller> {
        self.keys(now)?.tokens.caller(digest, SystemClock.now())
    }

    /// Who sends this token; remembered from then on.
    pub fn verify(
        &self,
        jws: &Jws<'_>,
        digest: TokenDigest,
        keys: &Keys,
    ) -> Result<Caller, Refusal> {
        let verified = verify(jws, &self.issuer, &keys.jwks, SystemClock.now())?;
        let caller = verified.caller.clone();
        keys.tokens.insert(digest, verified);
        Ok(caller)
    }

    /// May it be asked now? Otherwise anyone could have it asked as often as they like, with tokens
    /// they make up.
    pub fn may_be_asked(&self, now: Instant) -> bool {
        !self.read().is_left_alone(now, self.times.retry)
    }

    /// Are its keys in use, and so old that it should be asked for them?
    pub fn is_due(&self, now: Instant) -> bool {
        let known = self.read();
        let old = known.age(now).is_some_and(|age| self.times.refresh <= age);
        let asking = self.asking.try_lock().is_err();
        old && !asking && !known.is_left_alone(now, self.times.retry_unasked())
    }

    /// Why its tokens cannot be judged.
    pub fn unavailable(&self) -> String {
        let name = self.issuer.name();
        match &self.read().failure {
            Some(_) => format!(
                "the keys of identity provider `{name}` could not be fetched, so its tokens cannot \
                 be checked; try again later (the log tells why)"
            ),
            None => format!("the keys of identity provider `{name}` are being fetched; try again"),
        }
    }

    /// Asks the provider for its keys, or waits for whoever does so already.
    pub async fn ask(self: &Arc<Self>) {
        if let Err(error) = self.start_asking().await {
            warn!(%error, issuer = self.issuer.name(), "fetching keys did not end in good order");
        }
    }

    /// Asks in a task of its own: a client that does not wait must not keep the others from it.
    pub fn start_asking(self: &Arc<Self>) -> JoinHandle<()> {
        let provider = self.clone();
        tokio::spawn(async move {
            let _asking = provider.asking.lock().await;
            if provider.may_be_asked(moment()) {
                let answer = provider.download.keys().await;
                provider.learn(answer, moment());
            }
        })
    }

    fn learn(&self, answer: Result<Jwks, DownloadError>, now: Instant) {
        let mut known = self.write();
        known.asked_at = Some(now);
        let issuer = self.issuer.name();
        match answer {
            Ok(jwks) => {
                known.failure = None;
                known.confirmed_at = Some(now);
                // The same keys have verified the same tokens.
                if known.keys.as_ref().is_none_or(|keys| keys.jwks != jwks) {
                    info!(issuer, keys = jwks.len(), "an identity provider has other keys");
                    known.keys = Some(Arc::new(Keys { jwks, tokens: VerifiedTokens::default() }));
                }
            }
            Err(error) => {
                known.failure = Some(error.to_string());
                let age = known.age(now).map(|age| age.as_secs());
                if known.keys(now, self.times.outage_max).is_some() {
                    warn!(%error, issuer, keys.age_s = age, "could not fetch the keys of an identity \
                        provider; those there are stay in use");
                } else {
                    warn!(%error, issuer, keys.age_s = age, "could not fetch the keys of an identity \
                        provider; its tokens are answered with 503");
                }
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_count_until_an_outage_lasts_too_long() {
        let (start, second) = (moment(), Duration::from_secs(1));
        let jwk = testkit::SigningKey::ed25519("a", [1; 32]).jwk();
        let jwks = serde_json::json!({ "keys": [jwk] }).to_string();
        let jwks = Jwks::parse(jwks.as_bytes()).unwrap();
        let keys = Some(Arc::new(Keys { jwks, tokens: VerifiedTokens::default() }));
        let known = Known { keys, confirmed_at: Some(start), ..Known::default() };
        assert!(known.keys(start + 10 * second, 10 * second).is_some());
        assert!(known.keys(start + 11 * second, 10 * second).is_none());
        assert!(Known::default().keys(start, second).is_none());
    }

    #[test]
    fn a_provider_is_left_alone_after_it_was_asked() {
        let (start, second) = (moment(), Duration::from_secs(1));
        let known = Known { asked_at: Some(start), ..Known::default() };
        assert!(known.is_left_alone(start, second));
        assert!(!known.is_left_alone(start + second, second));
        assert!(!Known::default().is_left_alone(start, second));
    }

    #[test]
    fn where_nobody_waits_there_is_no_hurry() {
        let times = |retry, refresh| KeyTimes {
            refresh: Duration::from_secs(refresh),
            retry: Duration::from_secs(retry),
            outage_max: Duration::ZERO,
        };
        assert_eq!(times(5, 600).retry_unasked(), Duration::from_secs(60));
        assert_eq!(times(5, 10).retry_unasked(), Duration::from_secs(5));
    }
}
