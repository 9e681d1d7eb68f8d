//! The doors, put together behind one address.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use broker::Broker;
use http::StatusCode;
use ngsi_ld::{Authenticate, Door};

use crate::admin::{self, Admin};
use crate::audit::{self, AuditDoor};
use crate::authenticate::{Bearers, Open};
use crate::egress::EgressRules;
use crate::events::{self, Events};
use crate::fetch::Fetcher;
use crate::gate::{self, Gate};
use crate::health;
use crate::keys::Keys;
use crate::oidc::Providers;
use crate::openapi;
use crate::platform::Platform;
use crate::problem::problem;
use crate::recording::{self, OncePerRequest, Recorder};
use crate::settings::{Api, Apis, Settings};
use crate::tls::Certificates;

/// Who may come in. `keys` are nothing where none are asked for.
pub fn authenticate(
    keys: Option<Arc<Keys>>,
    providers: Arc<Providers>,
    certificates: Certificates,
) -> Arc<dyn Authenticate> {
    let authenticate: Arc<dyn Authenticate> = match keys {
        Some(keys) => Arc::new(Bearers { keys, providers, certificates }),
        None => Arc::new(Open),
    };
    Arc::new(OncePerRequest(authenticate))
}

/// The NGSI-LD door.
pub fn door(settings: &Settings, platform: &Platform, authenticate: Arc<dyn Authenticate>) -> Door {
    let fetcher = Arc::new(Fetcher::new(EgressRules::of_server(settings)));
    Door::new(platform.broker.clone(), authenticate, fetcher, ngsi_ld(settings))
}

/// All that can be served. `warnings` are for everyone to read.
pub struct Doors {
    pub data: Door,
    pub admin: Arc<Admin>,
    pub audit: AuditDoor,
    pub recorder: Recorder,
    pub events: Events,
    pub broker: Arc<Broker>,
    pub gate: Arc<Gate>,
    pub warnings: Vec<String>,
}

impl Doors {
    /// What of it is served at one address.
    pub fn router(&self, apis: &Apis) -> Router {
        let mut asks_who = match apis.contains(Api::Data) {
            true => ngsi_ld::router(self.data.clone()),
            false => Router::new().fallback(elsewhere),
        };
        if apis.contains(Api::Admin) {
            asks_who = asks_who.merge(admin::router(self.admin.clone()));
            asks_who = asks_who.merge(audit::router(self.audit.clone()));
        }
        if apis.contains(Api::Events) {
            asks_who = asks_who.merge(events::router(self.events.clone()));
        }
        let mut router =
            asks_who.layer(from_fn_with_state(self.recorder.clone(), recording::record));
        if apis.contains(Api::Data) {
            router = router.merge(openapi::router());
        }
        if apis.contains(Api::Health) {
            router = router.merge(health::router(
                self.broker.clone(),
                self.audit.ledger(),
                &self.warnings,
            ));
        }
        router.layer(from_fn_with_state(self.gate.clone(), gate::pass))
    }
}

async fn elsewhere() -> Response {
    problem(StatusCode::NOT_FOUND, "nothing is served here under this path")
}

/// What of the settings concerns this door.
pub fn ngsi_ld(settings: &Settings) -> ngsi_ld::Settings {
    let public_url = settings.public_url.trim_end_matches('/');
    ngsi_ld::Settings {
        body_bytes_max: settings.body_bytes_max.as_usize(),
        json_depth_max: settings.json_depth_max.0,
        uri_bytes_max: settings.uri_bytes_max.as_usize(),
        attributes_max: settings.attributes_max,
        instances_max: settings.instances_max,
        history_change_readings_max: settings.history_change_readings_max,
        batch_max: settings.batch_max,
        page_limit_default: settings.page_limit_default,
        page_limit_max: settings.page_limit_max,
        history_answer_readings_max: settings.history_answer_readings_max,
        join_level_max: settings.join_level_max.0,
        linked_entities_max: settings.linked_entities_max,
        query_bytes_max: settings.query_bytes_max.as_usize(),
        query_terms_max: settings.query_terms_max,
        query_depth_max: settings.query_depth_max.0,
        query_order_keys_max: settings.query_order_keys_max,
        query_geometry_bytes_max: settings.query_geometry_bytes_max.as_usize(),
        pattern_bytes_max: settings.pattern_bytes_max.as_usize(),
        pattern_compiled_bytes_max: settings.pattern_compiled_bytes_max.as_usize(),
        context_bytes_max: settings.context_bytes_max.as_usize(),
        context_terms_max: settings.context_terms_max,
        context_depth_max: settings.context_depth_max,
        contexts_max: settings.contexts_max,
        contexts_stored_max: settings.contexts_stored_max,
        context_cache_bytes_max: settings.context_cache_bytes_max.0,
        context_lifetime_default: settings.context_lifetime_default.as_secs(),
        context_lifetime_min: settings.context_lifetime_min.as_secs(),
        public_url: (!public_url.is_empty()).then(|| public_url.to_owned()),
        source_alias: settings.source_alias.clone(),
    }
}

/// What of the settings concerns streams.
pub fn streams(settings: &Settings) -> subscriptions::StreamSettings {
    subscriptions::StreamSettings {
        streams_max: settings.streams_max,
        queue_max: settings.stream_queue_max,
    }
}

/// What of the settings concerns subscriptions.
pub fn subscriptions(settings: &Settings) -> subscriptions::Settings {
    subscriptions::Settings {
        subscriptions_max: settings.subscriptions_max,
        queue_max: settings.notification_queue_max,
        queued_max: settings.notifications_queued_max,
        deliveries_max: settings.deliveries_max.max(1),
        deliveries_per_endpoint_max: settings.deliveries_per_endpoint_max.max(1),
        retry_first: settings.notification_retry_first,
        retry_max: settings.notification_retry_max,
        hold: settings.notification_hold,
        lifetime: settings.notification_lifetime,
        refusals_max: u32::try_from(settings.notification_refusals_max).unwrap_or(u32::MAX),
        dead_letters_max: settings.dead_letters_max,
        timeout: settings.notification_timeout,
        entities_max: settings.notification_entities_max.max(1),
        write_interval: settings.notification_write_interval.max(WRITE_INTERVAL_LEAST),
    }
}

/// A timer needs a span.
const WRITE_INTERVAL_LEAST: std::time::Duration = std::time::Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use store_embedded::{EmbeddedSettings, EncryptionSettings};

    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_rooms() {
        assert_eq!(ngsi_ld(&Settings::default()), ngsi_ld::Settings::default());
        assert_eq!(subscriptions(&Settings::default()), subscriptions::Settings::default());
        assert_eq!(streams(&Settings::default()), subscriptions::StreamSettings::default());
        let ours = crate::platform::embedded(&Settings::default()).unwrap();
        let theirs = EmbeddedSettings::new(&Settings::default().data);
        // Where the keys come from is for a server to say; it is on by default there.
        assert!(matches!(ours.encryption, EncryptionSettings::On(_)));
        let theirs = EmbeddedSettings { encryption: ours.encryption.clone(), ..theirs };
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}
