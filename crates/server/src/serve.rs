//! Serving: from settings to a running server, and to its orderly end.

use std::path::PathBuf;
use std::sync::Arc;

use ::audit::Entry;
use identity::Token;
use policy::InForce;
use store::Store;
use subscriptions::{DeadLetters, Notifier, Streams};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Duration, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::admin::Admin;
use crate::audit::{AuditDoor, Ledger, LedgerSettings, Sinks};
use crate::border::Border;
use crate::clock::SystemClock;
use crate::doors::{self, Doors};
use crate::egress::EgressRules;
use crate::encryption;
use crate::events::Events;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::http::{self, HttpSettings};
use crate::keys::{self, Keys};
use crate::listeners::{self, Taken};
use crate::location::Location;
use crate::notify;
use crate::oidc::Providers;
use crate::platform::Platform;
use crate::policies::{self, Versions};
use crate::quotas::TenantQuotas;
use crate::recording::{self, Recorder, SignIns};
use crate::retention;
use crate::say::say;
use crate::settings::Settings;
use crate::stop::{self, Stopped};
use crate::tls::{self, Certificates, Pair, Tls};

/// A server that is ready: its data are open and its address is taken.
#[derive(Debug)]
pub struct Ready {
    pub settings: Settings,
    pub platform: Platform,
    /// Shown once, at the first start of a data directory.
    pub first_key: Option<Token>,
    keys: Option<Arc<Keys>>,
    providers: Arc<Providers>,
    certificates: Certificates,
    ledger: Arc<Ledger>,
    sinks: Sinks,
    listeners: Vec<Taken>,
    /// Put in force before anybody can ask; nothing where the platform's own are.
    policies: Option<InForce>,
}

/// How often the file of keys is looked at.
const KEYS_INTERVAL: Duration = Duration::from_millis(500);

/// How often what residency held back is recorded: what is alike, together.
const HELD_BACK_INTERVAL: Duration = Duration::from_secs(5);

const OPEN_WARNING: &str =
    "open: no keys are asked for; everyone on this machine may read and change everything";

/// Refuses what must not be served, then opens everything that serving needs.
pub async fn prepare(mut settings: Settings) -> Result<Ready, Failure> {
    let mut listeners = listeners::take(&mut settings).await?;
    // An open server asks for no token either.
    let issuers = if settings.open { Vec::new() } else { settings.issuers.clone() };
    let providers = Arc::new(Providers::new(&issuers, &settings));
    let certificates = Certificates::new(&settings.certificates).map_err(|(name, problem)| {
        Failure::Refused(format!("certificates: setting `{name}`: {problem}"))
    })?;
    let platform = Platform::open(&settings)?;
    let policies = policies::loaded(&*platform.store, &policies::limits(&settings)).await;
    let policies = policies.map_err(policies::command::cannot_start)?;
    listeners::read_tls(&mut listeners, &settings)?;
    let ledger = Arc::new(Ledger::open(LedgerSettings::of(&settings)?, Arc::new(SystemClock))?);
    let sinks = Sinks::open(&settings, &ledger)?;
    record(&ledger, recording::configuration(&settings)).await?;
    let (first_key, keys) = if settings.open {
        (None, None)
    } else {
        let first = keys::first(&settings.data)?;
        if first.is_some() {
            record(&ledger, recording::first_key()).await?;
        }
        (first, Some(Arc::new(Keys::open(&settings.data)?)))
    };
    Ok(Ready {
        settings,
        platform,
        first_key,
        keys,
        providers,
        certificates,
        ledger,
        sinks,
        listeners,
        policies,
    })
}

async fn record(ledger: &Ledger, entry: Entry) -> Result<(), Failure> {
    let recorded = ledger.record_durably(entry).await;
    recorded.map_err(|error| Failure::Refused(error.to_string()))
}

impl Ready {
    /// Where clients find it; the first address where it has several.
    pub fn address(&self) -> String {
        self.listeners.first().map(Taken::url).unwrap_or_default()
    }

    /// The certificate of that address, where the server made it: clients must be told to trust it.
    pub fn generated_certificate(&self) -> Option<PathBuf> {
        let first = self.listeners.first()?;
        let made = first.settings.tls && first.settings.tls_certificate.is_empty();
        made.then(|| Pair::of(&self.settings.data).certificate)
    }

    /// What a person should know of each address.
    pub fn lines(&self) -> Vec<String> {
        self.listeners.iter().flat_map(Taken::lines).collect()
    }

    /// For whoever runs the server.
    pub fn warnings(&self) -> Vec<String> {
        let encryption = encryption::warnings(&self.settings);
        [self.public_warnings(), self.providers.warnings(), encryption].concat()
    }

    /// For everyone who asks: nothing that would help to get in.
    fn public_warnings(&self) -> Vec<String> {
        if self.settings.open { vec![OPEN_WARNING.to_owned()] } else { Vec::new() }
    }

    /// Serves until the process is told to stop; then finishes requests and closes the store.
    pub async fn run(self) -> Result<(), Failure> {
        let (stop, stopped) = stop::channel();
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::io("signals"))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::io("signals"))?;
        self.warnings().iter().for_each(|warning| warn!("{warning}"));
        let warnings = self.public_warnings();
        let authenticate = doors::authenticate(
            self.keys.clone(),
            self.providers.clone(),
            self.certificates.clone(),
        );
        let door = doors::door(&self.settings, &self.platform, authenticate.clone());
        let notifier = notifier(&self.settings, &self.platform, door.clone());
        let dead_letters = DeadLetters::new(
            notifier.subscriptions.clone(),
            notifier.policy.clone(),
            notifier.wire.clone(),
            notifier.deliver.clone(),
            notifier.now.clone(),
        );
        let store = self.platform.store.clone();
        let policy = self.platform.broker.policy().clone();
        if let Some(InForce { policies, version }) = self.policies {
            policy.replace(policies, version);
        }
        let streams = Streams::new(
            self.platform.store.clone(),
            notifier.policy.clone(),
            notifier.now.clone(),
            doors::streams(&self.settings),
        );
        let streams = Arc::new(streams);
        let gate = Gate::new(&self.settings, authenticate.clone(), self.providers.clone());
        let gate = Arc::new(gate);
        let quotas = Arc::new(TenantQuotas {
            store: store.clone(),
            subscriptions: self.platform.broker.subscriptions().clone(),
            streams: streams.clone(),
            gate: gate.clone(),
            putting: tokio::sync::Mutex::default(),
        });
        quotas.begin().await.map_err(broker::BrokerError::from)?;
        let location = Location::new(&self.settings, &self.platform);
        let versions =
            Versions::new(store.clone(), policy.clone(), policies::limits(&self.settings));
        let admin = Arc::new(Admin {
            authenticate: authenticate.clone(),
            policy: policy.clone(),
            policies: versions,
            dead_letters,
            store: store.clone(),
            embedded: store,
            subscriptions: self.platform.broker.subscriptions().clone(),
            quotas,
            location,
        });
        let events = Events {
            door: door.clone(),
            authenticate: authenticate.clone(),
            streams: streams.clone(),
            keepalive: self.settings.stream_keepalive,
            stopped: stopped.clone(),
        };
        let sign_ins = SignIns::new(self.settings.audit_sign_in_interval);
        let audit = AuditDoor::new(self.ledger.clone(), authenticate.clone(), policy.clone());
        let recorder = Recorder::new(self.ledger.clone(), authenticate, policy, sign_ins);
        let doors = Doors {
            data: door,
            admin,
            audit,
            recorder,
            events,
            broker: self.platform.broker.clone(),
            gate,
            warnings,
        };
        let secret: Vec<_> = self.listeners.iter().filter_map(Taken::tls).cloned().collect();
        for one in &self.listeners {
            let fingerprint = one.tls().map(|tls| tls.fingerprint());
            info!(listener = one.settings.name, address = one.url(), fingerprint, "listening");
        }
        if !secret.is_empty() {
            tokio::spawn(follow_tls(secret, stopped.clone()));
        }
        self.sinks.start(&stopped);
        let (border, ledger) = (self.platform.border.clone(), self.ledger.clone());
        tokio::spawn(record_held_back(border, ledger, stopped.clone()));
        tokio::spawn(sweep(self.platform.store.clone(), self.settings.clone(), stopped.clone()));
        let (store, settings) = (self.platform.store.clone(), self.settings.clone());
        tokio::spawn(encryption::keep(store, settings, stopped.clone()));
        let (store, settings) = (self.platform.store.clone(), self.settings.clone());
        tokio::spawn(retention::keep(store, settings, stopped.clone()));
        if let Some(keys) = self.keys {
            tokio::spawn(follow_keys(keys, self.ledger.clone(), stopped.clone()));
        }
        if !self.providers.is_empty() {
            let (providers, stopped) = (self.providers, stopped.clone());
            tokio::spawn(async move { providers.keep(stopped).await });
        }
        let mut stop_streaming = stopped.clone();
        tokio::spawn(async move { streams.run(stop_streaming.told()).await });
        let mut stop_notifying = stopped.clone();
        let notifying = tokio::spawn(notifier.run(async move { stop_notifying.told().await }));
        let settings = HttpSettings::of(&self.settings);
        let listeners = self.listeners.into_iter().map(|one| one.listener(&doors)).collect();
        let serving = tokio::spawn(http::serve(listeners, settings, stopped));
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        info!("stopping; requests under way are finished first");
        stop.now();
        if let Err(error) = serving.await {
            warn!(%error, "the HTTP server did not end in good order");
        }
        if let Err(error) = notifying.await {
            warn!(%error, "notifications did not end in good order; some are sent again");
        }
        close(self.platform).await;
        if let Err(error) = self.ledger.close().await {
            warn!(%error, "the audit record did not end in good order");
        }
        info!("stopped");
        Ok(())
    }
}

/// What tells subscribers of what happens.
fn notifier(settings: &Settings, platform: &Platform, door: ngsi_ld::Door) -> Notifier {
    let rules = EgressRules::of_server(settings);
    Notifier {
        subscriptions: platform.broker.subscriptions().clone(),
        policy: platform.broker.policy().clone(),
        wire: Arc::new(door),
        deliver: notify::delivery(rules, settings.deliveries_per_endpoint_max),
        now: Arc::new(|| broker::Clock::now(&SystemClock)),
        chance: Arc::new(chance),
    }
}

/// Any number. That it cannot be had costs nothing but that endpoints are tried at the same time.
fn chance() -> u64 {
    let mut bytes = [0; 8];
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// Writes out what the store still holds. It waits for the disk, so it has a thread of its own.
async fn close(platform: Platform) {
    let store = platform.store;
    if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
        warn!(%error, "the store did not close in good order; the next start recovers");
    }
}

/// Removes what has expired, now and then.
async fn sweep(store: Arc<dyn Store>, settings: Settings, mut stop: Stopped) {
    let mut ticks = interval(settings.sweep_interval.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.told() => return,
        }
        let now = broker::Clock::now(&SystemClock);
        if let Err(error) = store.sweep(now, settings.sweep_entities_max).await {
            warn!(%error, "could not remove what has expired; trying again");
        }
    }
}

/// Takes changes of the keys over, and records them.
async fn follow_keys(keys: Arc<Keys>, ledger: Arc<Ledger>, mut stop: Stopped) {
    let mut ticks = interval(KEYS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.told() => return,
        }
        let Some((before, after)) = keys.refresh() else { continue };
        for entry in recording::key_changes(&before, &after) {
            if let Err(error) = ledger.record_durably(entry).await {
                warn!(%error, "the keys changed, and that could not be recorded");
            }
        }
    }
}

/// Records what residency held back.
async fn record_held_back(border: Arc<Border>, ledger: Arc<Ledger>, mut stop: Stopped) {
    let mut ticks = interval(HELD_BACK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let last = tokio::select! {
            _ = ticks.tick() => false,
            _ = stop.told() => true,
        };
        for entry in border.entries() {
            if let Err(error) = ledger.record(entry).await {
                warn!(%error, "data were held back, and that could not be recorded");
            }
        }
        if last {
            return;
        }
    }
}

async fn follow_tls(all: Vec<Arc<Tls>>, stop: Stopped) {
    if let Err(error) = tls::follow(all, stop).await {
        warn!(%error, "changes of certificates are not followed; restart to take them up");
    }
}

/// What a server says when it is ready.
pub fn greet(ready: &Ready) {
    ready.lines().iter().for_each(say);
    for warning in ready.warnings() {
        say(format!("WARNING: {warning}"));
    }
    if let Some(key) = &ready.first_key {
        say(format!("The administrator's key, shown only now:\n\n    {}\n", key.as_str()));
    }
    say("Ready. Stop with Ctrl-C.");
}
