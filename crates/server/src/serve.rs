//! Serving: from settings to a running server, and to its orderly end.

use std::sync::Arc;

use identity::Token;
use policy::Policy;
use store::Store;
use subscriptions::{DeadLetters, Notifier, Streams};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Duration, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::admin::Admin;
use crate::clock::SystemClock;
use crate::doors;
use crate::egress::EgressRules;
use crate::events::Events;
use crate::failure::Failure;
use crate::http::{self, HttpSettings};
use crate::keys::{self, Keys};
use crate::notify;
use crate::oidc::Providers;
use crate::platform::Platform;
use crate::retention;
use crate::say::say;
use crate::settings::Settings;
use crate::stop::{self, Stopped};

/// A server that is ready: its data are open and its address is taken.
#[derive(Debug)]
pub struct Ready {
    pub settings: Settings,
    pub platform: Platform,
    /// Shown once, at the first start of a data directory.
    pub first_key: Option<Token>,
    keys: Option<Arc<Keys>>,
    providers: Arc<Providers>,
    listener: TcpListener,
}

/// How often the file of keys is looked at.
const KEYS_INTERVAL: Duration = Duration::from_millis(500);

const OPEN_WARNING: &str =
    "open: no keys are asked for; everyone on this machine may read and change everything";

/// Refuses what must not be served, then opens everything that serving needs.
pub async fn prepare(settings: Settings) -> Result<Ready, Failure> {
    check_open(&settings)?;
    let listener = http::listen(&settings).await.map_err(Failure::Refused)?;
    // Port 0 was any port; now it is one.
    let listen = listener.local_addr().unwrap_or(settings.listen);
    let settings = Settings { listen, ..settings };
    // An open server asks for no token either.
    let issuers = if settings.open { Vec::new() } else { settings.issuers.clone() };
    let providers = Providers::new(&issuers, &settings);
    let providers = providers.map_err(|error| Failure::Refused(format!("issuers: {error}")))?;
    let platform = Platform::open(&settings)?;
    let (first_key, keys) = if settings.open {
        (None, None)
    } else {
        (keys::first(&settings.data)?, Some(Arc::new(Keys::open(&settings.data)?)))
    };
    let providers = Arc::new(providers);
    Ok(Ready { settings, platform, first_key, keys, providers, listener })
}

/// An open server must not be reachable from another machine.
fn check_open(settings: &Settings) -> Result<(), Failure> {
    if settings.open && !settings.listen.ip().is_loopback() {
        return Err(Failure::Refused(format!(
            "--open asks for no keys, so it is refused on {}, which other machines can reach; \
             listen on 127.0.0.1, or leave --open out",
            settings.listen
        )));
    }
    Ok(())
}

impl Ready {
    pub fn address(&self) -> String {
        format!("http://{}", self.settings.listen)
    }

    pub fn warnings(&self) -> Vec<String> {
        if self.settings.open { vec![OPEN_WARNING.to_owned()] } else { self.providers.warnings() }
    }

    /// Serves until the process is told to stop; then finishes requests and closes the store.
    pub async fn run(self) -> Result<(), Failure> {
        let (stop, stopped) = stop::channel();
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::io("signals"))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::io("signals"))?;
        let warnings = self.warnings();
        warnings.iter().for_each(|warning| warn!("{warning}"));
        let authenticate = doors::authenticate(self.keys.clone(), self.providers.clone());
        let door = doors::door(&self.settings, &self.platform, authenticate.clone());
        let notifier = notifier(&self.settings, &self.platform, door.clone());
        let dead_letters = DeadLetters::new(
            notifier.subscriptions.clone(),
            notifier.wire.clone(),
            notifier.deliver.clone(),
            notifier.now.clone(),
        );
        let store = self.platform.store.clone();
        let admin = Admin { authenticate: authenticate.clone(), dead_letters, store };
        let streams = Streams::new(
            self.platform.store.clone(),
            Policy::default(),
            notifier.now.clone(),
            doors::streams(&self.settings),
        );
        let streams = Arc::new(streams);
        let events = Events {
            door: door.clone(),
            authenticate,
            streams: streams.clone(),
            keepalive: self.settings.stream_keepalive,
            stopped: stopped.clone(),
        };
        let router =
            doors::router(door, admin, events, &self.platform, self.providers.clone(), &warnings);
        info!(address = self.address(), "listening");
        tokio::spawn(sweep(self.platform.store.clone(), self.settings.clone(), stopped.clone()));
        let (store, settings) = (self.platform.store.clone(), self.settings.clone());
        tokio::spawn(retention::keep(store, settings, stopped.clone()));
        if let Some(keys) = self.keys {
            tokio::spawn(follow_keys(keys, stopped.clone()));
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
        let serving = tokio::spawn(http::serve(self.listener, router, settings, stopped));
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
        info!("stopped");
        Ok(())
    }
}

/// What tells subscribers of what happens.
fn notifier(settings: &Settings, platform: &Platform, door: ngsi_ld::Door) -> Notifier {
    let rules = EgressRules::of_server(settings);
    Notifier {
        subscriptions: platform.broker.subscriptions().clone(),
        policy: Policy::default(),
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

async fn follow_keys(keys: Arc<Keys>, mut stop: Stopped) {
    let mut ticks = interval(KEYS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => keys.refresh(),
            _ = stop.told() => return,
        }
    }
}

/// What a server says when it is ready.
pub fn greet(ready: &Ready) {
    say(format!("Comity listens on {}", ready.address()));
    for warning in ready.warnings() {
        say(format!("WARNING: {warning}"));
    }
    if let Some(key) = &ready.first_key {
        say(format!("The administrator's key, shown only now:\n\n    {}\n", key.as_str()));
    }
    say("Ready. Stop with Ctrl-C.");
}
