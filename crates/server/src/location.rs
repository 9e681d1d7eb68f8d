//! Where the data of a tenant lie, and where they go: what `/admin/location` tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonld::Context;
use model::{Name, Tenant};
use policy::{Region, ResidencyRule};
use serde_json::{Value, json};
use subscriptions::Subscriptions;
use url::Url;

use crate::border::Border;
use crate::platform::Platform;
use crate::settings::{Settings, Written};

/// How many endpoints are listed; how many there are is told.
pub const ENDPOINTS_MAX: usize = 1_000;

pub struct Location {
    /// What is the same for all tenants.
    common: Value,
    border: Arc<Border>,
    subscriptions: Arc<Subscriptions>,
}

impl Location {
    pub fn new(settings: &Settings, platform: &Platform) -> Location {
        let subscriptions = platform.broker.subscriptions().clone();
        Location { common: common(settings), border: platform.border.clone(), subscriptions }
    }

    pub fn held_back(&self) -> (u64, u64) {
        self.border.counts()
    }

    pub fn of(&self, tenant: &Tenant) -> Value {
        let rules = self.border.residency().about(tenant);
        let rules: Vec<Value> = rules.map(|(number, rule)| shown(number, rule)).collect();
        let mut endpoints: BTreeMap<(String, Vec<Region>), usize> = BTreeMap::new();
        for endpoint in self.subscriptions.endpoints(tenant) {
            let key = (endpoint.host().to_owned(), self.border.regions_of(&endpoint));
            *endpoints.entry(key).or_default() += 1;
        }
        let count = endpoints.len();
        let listed = endpoints.iter().take(ENDPOINTS_MAX).map(|((host, regions), count)| {
            json!({ "host": host, "regions": texts(regions), "subscriptions": count })
        });
        let listed: Vec<Value> = listed.collect();
        let mut told = self.common.clone();
        told["tenant"] = tenant.as_str().into();
        told["residency"] = rules.into();
        told["endpoints"] = listed.into();
        told["endpointsCount"] = count.into();
        told
    }
}

fn common(settings: &Settings) -> Value {
    let data = std::path::absolute(&settings.data).unwrap_or_else(|_| settings.data.clone());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let region = Some(&settings.region).filter(|region| !region.is_empty());
    let sinks = [("syslog", &settings.audit_syslog), ("http", &settings.audit_http)];
    let sinks = sinks.iter().filter(|(_, url)| !url.is_empty());
    let sinks = sinks.map(|(kind, url)| json!({ "kind": kind, "host": host_of(url) }));
    let regions = settings.regions.iter().map(|one| {
        json!({ "name": one.name.to_ascii_lowercase(), "destinations": one.destinations.texts() })
    });
    json!({
        "region": region,
        "host": host.trim(),
        "dataDirectory": data.to_string_lossy(),
        "auditRecord": data.join("audit").to_string_lossy(),
        "auditSinks": sinks.collect::<Vec<_>>(),
        // The platform makes none by itself; whoever copies the directory knows where to.
        "backups": [],
        "egress": {
            "allow": settings.egress_allow.texts(),
            "deny": settings.egress_deny.texts(),
            "allowPrivate": settings.egress_allow_private.text(),
            "tls": settings.egress_tls.text(),
        },
        "regions": regions.collect::<Vec<_>>(),
    })
}

/// Without a path, which may hold a secret.
fn host_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(|url| {
        let host = url.host_str()?;
        Some(url.port().map_or(host.to_owned(), |port| format!("{host}:{port}")))
    });
    host.unwrap_or_default()
}

fn shown(number: usize, rule: &ResidencyRule) -> Value {
    let context = Context::core();
    let name = |name: &Option<Name>| {
        name.as_ref().map(|name| context.compact_name(name.as_str()).into_owned())
    };
    json!({
        "number": number,
        "entityType": name(&rule.entity_type),
        "attribute": name(&rule.attribute),
        "regions": texts(&rule.regions),
    })
}

fn texts(regions: &[Region]) -> Vec<&str> {
    regions.iter().map(Region::as_str).collect()
}
