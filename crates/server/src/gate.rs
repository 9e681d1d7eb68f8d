//! The gate: what every request passes before a door sees it, and before anything of its body is
//! read. Addresses from which signing in failed too often wait; callers and tenants keep to their
//! rates; and requests take turns.

mod address;
mod bounded;
mod bucket;
mod lockout;
mod rates;
mod share;
mod turns;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::Tenant;
use ngsi_ld::{Authenticate, Unauthenticated, bearer};
use policy::Caller;
use tracing::warn;

use crate::clock::moment;
use crate::http::From as Whence;
use crate::oidc::Providers;
use crate::problem::{seconds, too_many_requests};
use crate::recording::caller_is;
use crate::settings::Settings;

use address::{Proxies, Source};
use lockout::{Failed, LockoutRules, Lockouts};
use rates::{Allowance, Rates, Sender, TooFast, What};
use share::ShareRules;
use turns::{Turn, Turns};

pub use address::PROXIES_MAX;
pub use bucket::Rate;
pub use lockout::{DELAY_MAX, FAILURES_MAX};

/// The gate of a server.
pub struct Gate {
    authenticate: Arc<dyn Authenticate>,
    providers: Arc<Providers>,
    proxies: Proxies,
    lockouts: Mutex<Lockouts>,
    rates: Mutex<Rates>,
    turns: Arc<Turns>,
    body_bytes_max: u64,
    began: Instant,
}

/// Who sends a request, and its turn, which lasts until the answer begins: what is sent for longer,
/// such as a stream, has a limit of its own.
struct Admitted {
    caller: Result<Caller, Unauthenticated>,
    _turn: Option<Turn>,
}

/// Lets a request through to the doors when it may go.
pub async fn pass(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    match gate.admit(&mut request).await {
        Ok(admitted) => caller_is(admitted.caller, next.run(request)).await,
        Err(refused) => *refused,
    }
}

const NOWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// What a tenant has in the place of the settings. What is nothing is as they say; a rate that is
/// `Some(None)` has no end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantRates {
    pub caller_requests: Option<Option<Rate>>,
    pub caller_body_bytes: Option<Option<Rate>>,
    pub requests: Option<Option<Rate>>,
    pub body_bytes: Option<Option<Rate>>,
    /// Worked on at a time.
    pub turns: Option<usize>,
}

/// The address of the client, also behind proxies that are trusted; an extension of every request
/// that came through the gate.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub IpAddr);

/// This failure to sign in locked the address of the client for so long; an extension of the request.
#[derive(Clone, Copy, Debug)]
pub struct LockedFor(pub Duration);

static TENANT: HeaderName = HeaderName::from_static("ngsild-tenant");

impl Gate {
    pub fn new(
        settings: &Settings,
        authenticate: Arc<dyn Authenticate>,
        providers: Arc<Providers>,
    ) -> Gate {
        let lockout = LockoutRules {
            failures_max: settings.lockout_failures_max,
            window: settings.lockout_window,
            lock: settings.lockout_time,
            delay: settings.lockout_delay,
        };
        let share =
            ShareRules { all_max: settings.requests_max, tenant_max: settings.tenant_requests_max };
        Gate {
            authenticate,
            providers,
            proxies: Proxies {
                trusted: settings.trusted_proxies.clone(),
                header: settings.proxy_header,
            },
            lockouts: Mutex::new(Lockouts::new(lockout, settings.lockout_addresses_max)),
            rates: Mutex::new(Rates::new(usual(settings), settings.callers_remembered_max)),
            turns: Arc::new(Turns::new(share)),
            body_bytes_max: settings.body_bytes_max.0,
            began: moment(),
        }
    }

    /// Gives a tenant rates of its own.
    pub fn limit(&self, tenant: &Tenant, own: TenantRates) {
        let mut rates = self.rates();
        let usual = rates.usual();
        let rules = rates::Rules {
            caller: Allowance {
                requests: own.caller_requests.unwrap_or(usual.caller.requests),
                body_bytes: own.caller_body_bytes.unwrap_or(usual.caller.body_bytes),
            },
            tenant: Allowance {
                requests: own.requests.unwrap_or(usual.tenant.requests),
                body_bytes: own.body_bytes.unwrap_or(usual.tenant.body_bytes),
            },
        };
        rates.limit(tenant, (rules != usual).then_some(rules));
        self.turns.limit(tenant, own.turns);
    }

    /// Waits until a request may be worked on, or answers it.
    async fn admit(&self, request: &mut Request) -> Result<Admitted, Box<Response>> {
        let headers = request.headers();
        // Without a connection, as in a test of the doors alone, there is no address to count.
        let peer = request.extensions().get().map_or(NOWHERE, |Whence(address)| address.ip());
        let client = self.proxies.client(peer, headers);
        let source = Source::of(client);
        if bearer(headers).is_some()
            && let Some(left) = self.lockouts().locked(source, self.now())
        {
            return Err(locked(request, left));
        }
        self.providers.prepare(headers).await;
        let caller = self.authenticate.authenticate(headers, request.extensions());
        let turn = match &caller {
            Ok(known) => {
                let tenant = tenant(known, headers);
                self.pass(request, Sender::from(known), Some(&tenant))?;
                // To refuse those whom nobody knows costs nothing, and whoever asks for `/health`
                // must not wait.
                Some(self.turns.turn(tenant).await)
            }
            Err(error) => {
                let locked = self.hold_back(source, error).await;
                self.pass(request, Sender::Address(source), None)?;
                if let Some(locked) = locked {
                    request.extensions_mut().insert(locked);
                }
                None
            }
        };
        request.extensions_mut().insert(Client(client));
        Ok(Admitted { caller, _turn: turn })
    }

    /// Counts a failure to sign in, and lets whoever failed wait.
    async fn hold_back(&self, source: Source, error: &Unauthenticated) -> Option<LockedFor> {
        if !matches!(error, Unauthenticated::Unknown | Unauthenticated::Forged(_)) {
            return None;
        }
        let now = self.now();
        // Several at once may have found the address open; one of them locks it.
        let (before, failed) = {
            let mut lockouts = self.lockouts();
            (lockouts.locked(source, now), lockouts.failed(source, now))
        };
        match failed {
            Failed::Delayed(delay) => tokio::time::sleep(delay).await,
            Failed::Locked(left) if before.is_none() => {
                let lock_s = seconds(left);
                warn!(client.address = %source, lock_s, "signing in failed too often; locked");
                return Some(LockedFor(left));
            }
            Failed::Locked(_) => {}
        }
        None
    }

    fn pass(
        &self,
        request: &Request,
        sender: Sender<'_>,
        tenant: Option<&Tenant>,
    ) -> Result<(), Box<Response>> {
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let length = length.and_then(|text| text.parse().ok()).unwrap_or_default();
        // No door reads more, whatever a client says that it sends.
        let body_bytes = self.body_bytes_max.min(length);
        let passed = self.rates().pass(sender, tenant, body_bytes, self.now());
        passed.map_err(|error| too_fast(request, &error))
    }

    fn now(&self) -> Duration {
        moment().saturating_duration_since(self.began)
    }

    fn lockouts(&self) -> MutexGuard<'_, Lockouts> {
        self.lockouts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rates of the settings. Of an open server all callers are one, which has no end of its own.
fn usual(settings: &Settings) -> rates::Rules {
    let rate = |per_second: usize, burst: usize| Rate::of(per_second as u64, burst as u64);
    let caller = Allowance {
        requests: rate(settings.caller_requests_per_second, settings.caller_requests_burst),
        body_bytes: Rate::of(settings.caller_body_bytes_per_second.0, 0),
    };
    let tenant = Allowance {
        requests: rate(settings.tenant_requests_per_second, settings.tenant_requests_burst),
        body_bytes: Rate::of(settings.tenant_body_bytes_per_second.0, 0),
    };
    let caller = if settings.open { Allowance::default() } else { caller };
    rates::Rules { caller, tenant }
}

/// For which tenant a request counts: the only one of its caller, or the one that it names. Where it
/// may not be named, a door says so.
fn tenant(caller: &Caller, headers: &HeaderMap) -> Tenant {
    if let Some(bound) = &caller.tenant {
        return bound.clone();
    }
    let name = headers.get(&TENANT).and_then(|name| name.to_str().ok());
    let named = name.filter(|name| !name.is_empty()).map(Tenant::parse);
    named.and_then(Result::ok).unwrap_or_default()
}

fn locked(request: &Request, left: Duration) -> Box<Response> {
    let detail = format!(
        "signing in failed too often from this address; come again in {} s (setting \
         `lockout_time`)",
        seconds(left)
    );
    refused(request, &detail, left)
}

fn too_fast(request: &Request, error: &TooFast) -> Box<Response> {
    let TooFast { what, per_second, wait } = *error;
    let (whose, unit, setting, quota) = match what {
        What::CallerRequests => {
            ("a caller", "requests", "caller_requests_per_second", "callerRequests")
        }
        What::CallerBodyBytes => {
            ("a caller", "bytes of bodies", "caller_body_bytes_per_second", "callerBodyBytes")
        }
        What::TenantRequests => {
            ("the tenant", "requests", "tenant_requests_per_second", "requests")
        }
        What::TenantBodyBytes => {
            ("the tenant", "bytes of bodies", "tenant_body_bytes_per_second", "bodyBytes")
        }
    };
    let detail = format!(
        "{whose} may send {per_second} {unit} a second; come again in {} s (setting `{setting}`, or \
         the tenant's quota `{quota}`)",
        seconds(wait)
    );
    refused(request, &detail, wait)
}

fn refused(request: &Request, detail: &str, wait: Duration) -> Box<Response> {
    let mut response = too_many_requests(request.uri().path(), detail, wait);
    if let Some(tenant) = request.headers().get(&TENANT) {
        let tenant: HeaderValue = tenant.clone();
        response.headers_mut().insert(TENANT.clone(), tenant);
    }
    Box::new(response)
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
