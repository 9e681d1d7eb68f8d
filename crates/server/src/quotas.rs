//! What tenants may have and send, as administrators set it: kept as documents, in force at once.

use std::sync::Arc;

use model::Tenant;
use serde::{Deserialize, Serialize};
use store::{Discover, DocumentKey, DocumentRange, Store, StoreError};
use subscriptions::{Streams, Subscriptions};
use tracing::warn;

use crate::clock::SystemClock;
use crate::gate::{Gate, Rate, TenantRates};

/// The quotas of one tenant, as administrators write them. What is not there has the limits of the
/// settings alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Quotas {
    /// Entities there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entities: Option<u64>,
    /// Subscriptions there may be, where `subscriptions_max` allows as many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<usize>,
    /// Streams that may be open, where `streams_max` allows as many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<usize>,
    /// Requests of all callers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<RateQuota>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<RateQuota>,
    /// Requests of each caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_requests: Option<RateQuota>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_body_bytes: Option<RateQuota>,
    /// Requests worked on at a time, in the place of `tenant_requests_max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent_requests: Option<usize>,
}

/// So many in a second, and after a pause so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RateQuota {
    /// 0: no limit.
    pub per_second: u64,
    /// 0: as many as in a second.
    #[serde(default)]
    pub burst: u64,
}

impl From<RateQuota> for Option<Rate> {
    fn from(quota: RateQuota) -> Option<Rate> {
        Rate::of(quota.per_second, quota.burst)
    }
}

impl Quotas {
    /// Reads the body of a request; tells what is wrong with it.
    pub fn read(body: &[u8]) -> Result<Quotas, String> {
        // An empty array would read as no quotas, too.
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(body).map_err(|error| error.to_string())?;
        serde_json::from_value(members.into()).map_err(|error| error.to_string())
    }

    fn rates(&self) -> TenantRates {
        TenantRates {
            caller_requests: self.caller_requests.map(Option::from),
            caller_body_bytes: self.caller_body_bytes.map(Option::from),
            requests: self.requests.map(Option::from),
            body_bytes: self.body_bytes.map(Option::from),
            turns: self.concurrent_requests,
        }
    }
}

/// What a tenant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    pub entities: u64,
    pub subscriptions: usize,
    pub streams: usize,
}

/// Where quotas are kept, and where they hold.
#[derive(Debug)]
pub struct TenantQuotas {
    pub store: Arc<dyn Store>,
    pub subscriptions: Arc<Subscriptions>,
    pub streams: Arc<Streams>,
    pub gate: Arc<Gate>,
    /// Held while quotas are put, so that those kept are those in force.
    pub putting: tokio::sync::Mutex<()>,
}

const KIND: &str = "tenant-quotas";

impl TenantQuotas {
    /// Puts in force what is kept, before anything is served.
    pub async fn begin(&self) -> Result<(), StoreError> {
        let range = DocumentRange::all(KIND, &Tenant::default());
        for (name, _) in self.store.documents(&range).await? {
            let tenant = match name.as_str() {
                "" => Tenant::default(),
                name => Tenant::parse(name).map_err(std::io::Error::other)?,
            };
            match self.of(&tenant).await {
                Ok(quotas) => self.apply(&tenant, &quotas),
                Err(error) => warn!(%tenant, %error, "the quotas of a tenant are passed over"),
            }
        }
        Ok(())
    }

    /// The quotas of a tenant; none were ever given to most.
    pub async fn of(&self, tenant: &Tenant) -> Result<Quotas, StoreError> {
        let document = self.store.document(&key(tenant)).await?;
        let quotas = document.map(|document| serde_json::from_slice(&document));
        quotas.transpose().map(Option::unwrap_or_default).map_err(|error| StoreError::Damaged {
            place: format!("the quotas of tenant `{tenant}`"),
            problem: error.to_string(),
        })
    }

    /// Keeps quotas, and puts them in force.
    pub async fn put(&self, tenant: &Tenant, quotas: &Quotas) -> Result<(), StoreError> {
        let document = match *quotas == Quotas::default() {
            true => None,
            false => Some(serde_json::to_vec(quotas).map_err(std::io::Error::other)?),
        };
        let _one_at_a_time = self.putting.lock().await;
        self.store.put_document(key(tenant), document).await?;
        self.apply(tenant, quotas);
        Ok(())
    }

    /// What the tenant has of that which quotas limit: from counts, not by looking.
    pub async fn used(
        &self,
        tenant: &Tenant,
        permitted: policy::Permitted<Discover>,
    ) -> Result<Used, StoreError> {
        Ok(Used {
            entities: self
                .store
                .census(permitted, broker::Clock::now(&SystemClock))
                .await?
                .entities,
            subscriptions: self.subscriptions.count(tenant).await?,
            streams: self.streams.count(tenant),
        })
    }

    fn apply(&self, tenant: &Tenant, quotas: &Quotas) {
        self.store.limit_entities(tenant, quotas.entities);
        self.subscriptions.limit(tenant, quotas.subscriptions);
        self.streams.limit(tenant, quotas.streams);
        self.gate.limit(tenant, quotas.rates());
    }
}

fn key(tenant: &Tenant) -> DocumentKey {
    DocumentKey { kind: KIND, tenant: Tenant::default(), name: tenant.as_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_or_refused_with_a_reason() {
        let text =
            r#"{"entities": 5, "requests": {"perSecond": 10}, "callerRequests": {"perSecond": 0}}"#;
        let quotas = Quotas::read(text.as_bytes()).unwrap();
        let rates = quotas.rates();
        assert_eq!(rates.requests, Some(Rate::of(10, 10)));
        assert_eq!(rates.caller_requests, Some(None), "no limit, whatever the settings say");
        assert_eq!(rates.body_bytes, None, "as the settings say");
        let written = serde_json::to_vec(&quotas).unwrap();
        assert_eq!(Quotas::read(&written), Ok(quotas));
        for (text, problem) in [
            ("[]", "expected a map"),
            (r#"{"entity": 1}"#, "unknown field `entity`"),
            (r#"{"entities": -1}"#, "invalid value"),
            (r#"{"requests": {"burst": 1}}"#, "missing field `perSecond`"),
        ] {
            let refused = Quotas::read(text.as_bytes()).unwrap_err();
            assert!(refused.contains(problem), "{refused}");
        }
    }
}
