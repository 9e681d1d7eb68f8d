//! One identity provider: its keys, how old they are, and when it is asked again.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use broker::Clock;
use identity::oidc::{
    Issuer, Jwks, Jws, Refusal, RefusalKind, TokenDigest, VerifiedTokens, check_unsigned, verify,
};
use policy::Caller;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tracing::{info, warn};

use super::download::{Download, DownloadError};
use crate::clock::{SystemClock, moment};
use crate::settings::KeyTimes;

/// How many requests wait for the keys of one provider at a time. Others are answered at once: they
/// would hold connections that callers with keys need.
pub const WAITERS_MAX: usize = 64;

/// How long each of them waits at most.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// An issuer and what is known of its keys.
#[derive(Debug)]
pub struct Provider {
    issuer: Issuer,
    times: KeyTimes,
    download: Download,
    known: RwLock<Known>,
    /// Its one permit is held while the provider is asked, so that it is asked once at a time.
    asking: Arc<Semaphore>,
    /// Tells whoever waits that it has been asked.
    asked: watch::Sender<()>,
    waiters: Semaphore,
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
    /// Whether that was in vain.
    failed: bool,
}

/// Why a token does not tell who sends it.
#[derive(Debug)]
pub enum Unproven {
    Refused(Refusal),
    /// There are no keys to judge it by.
    NoKeys,
}

impl Unproven {
    /// May keys prove it that are not known yet?
    pub fn is_for_lack_of_keys(&self) -> bool {
        match self {
            Unproven::Refused(refusal) => refusal.kind() == RefusalKind::UnknownKey,
            Unproven::NoKeys => true,
        }
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
        Provider {
            issuer,
            times,
            download,
            known: RwLock::default(),
            asking: Arc::new(Semaphore::new(1)),
            asked: watch::Sender::new(()),
            waiters: Semaphore::new(WAITERS_MAX),
        }
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

    /// Who sends this token, by the keys that are known; remembered from then on.
    pub fn judge(
        &self,
        jws: &Jws<'_>,
        digest: TokenDigest,
        now: Instant,
    ) -> Result<Caller, Unproven> {
        let Some(keys) = self.keys(now) else {
            // Nobody is asked for keys on account of a token that none could prove.
            check_unsigned(jws, &self.issuer).map_err(Unproven::Refused)?;
            return Err(Unproven::NoKeys);
        };
        let verified = verify(jws, &self.issuer, &keys.jwks, SystemClock.now());
        let verified = verified.map_err(Unproven::Refused)?;
        let caller = verified.caller.clone();
        keys.tokens.insert(digest, verified);
        Ok(caller)
    }

    /// May it be asked now? Otherwise anyone could have it asked as often as they like, with tokens
    /// they make up.
    pub fn may_be_asked(&self, now: Instant) -> bool {
        !self.read().is_left_alone(now, self.times.retry)
    }

    pub fn is_being_asked(&self) -> bool {
        self.asking.available_permits() == 0
    }

    /// Are its keys in use, and so old that it should be asked for them?
    pub fn is_due(&self, now: Instant) -> bool {
        let known = self.read();
        let old = known.age(now).is_some_and(|age| self.times.refresh <= age);
        old && !known.is_left_alone(now, retry_unasked(&self.times))
    }

    /// Why its tokens cannot be judged.
    pub fn unavailable(&self) -> String {
        let name = self.issuer.name();
        if self.read().failed && !self.is_being_asked() {
            format!(
                "the keys of identity provider `{name}` could not be fetched, so its tokens cannot \
                 be checked; try again later (the log tells why)"
            )
        } else {
            format!("the keys of identity provider `{name}` are being fetched; try again")
        }
    }

    /// Has the provider asked for its keys, and waits until it was, for a while and with a few
    /// others at most.
    pub async fn ask(self: &Arc<Self>) {
        let Ok(_place) = self.waiters.try_acquire() else { return };
        let mut asked = self.asked.subscribe();
        if self.start_asking() {
            // Whoever waits for longer is answered that keys are being fetched.
            let _ = timeout(WAIT_MAX, asked.changed()).await;
        }
    }

    /// Has the provider asked where it may be, in a task of its own: a client that does not wait
    /// must not keep the others from it. Tells whether it is being asked.
    pub fn start_asking(self: &Arc<Self>) -> bool {
        let Ok(asking) = self.asking.clone().try_acquire_owned() else { return true };
        let now = moment();
        if !self.may_be_asked(now) {
            return false;
        }
        self.write().asked_at = Some(now);
        tokio::spawn(self.clone().learn_all(asking));
        true
    }

    async fn learn_all(self: Arc<Self>, asking: OwnedSemaphorePermit) {
        let answer = self.download.keys().await;
        self.learn(answer, moment());
        // In this order: whoever comes before has its answer told, and whoever comes after may ask.
        drop(asking);
        self.asked.send_replace(());
    }

    fn learn(&self, answer: Result<Jwks, DownloadError>, now: Instant) {
        let mut known = self.write();
        // One that took long to answer is left alone for as long as others.
        known.asked_at = Some(now);
        known.failed = answer.is_err();
        match answer {
            Ok(jwks) => self.learn_keys(&mut known, jwks, now),
            Err(error) => self.learn_failure(&mut known, &error, now),
        }
    }

    fn learn_keys(&self, known: &mut Known, jwks: Jwks, now: Instant) {
        known.confirmed_at = Some(now);
        // The same keys have verified the same tokens.
        if known.keys.as_ref().is_some_and(|keys| keys.jwks == jwks) {
            return;
        }
        let issuer = self.issuer.name();
        match jwks.len() {
            0 => warn!(
                issuer,
                "an identity provider has no key that can check a signature, such as RSA (2048 to \
                 8192 bits), EC (P-256, P-384) or OKP (Ed25519); its tokens are refused"
            ),
            keys => info!(issuer, keys, "learned the keys of an identity provider"),
        }
        known.keys = Some(Arc::new(Keys { jwks, tokens: VerifiedTokens::default() }));
    }

    fn learn_failure(&self, known: &mut Known, error: &DownloadError, now: Instant) {
        let age = known.age(now).map(|age| age.as_secs());
        if !error.is_outage() {
            known.keys = None;
            known.confirmed_at = None;
        }
        let then = match known.keys(now, self.times.outage_max) {
            Some(_) => "those there are stay in use",
            None => "its tokens are answered with 503",
        };
        warn!(
            %error,
            issuer = self.issuer.name(),
            keys.age_s = age,
            "could not fetch the keys of an identity provider; {then}"
        );
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a provider that failed is left alone where nobody waits for it.
fn retry_unasked(times: &KeyTimes) -> Duration {
    times.retry.max(times.refresh / 10)
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
        assert_eq!(retry_unasked(&times(5, 600)), Duration::from_secs(60));
        assert_eq!(retry_unasked(&times(5, 10)), Duration::from_secs(5));
    }
}
