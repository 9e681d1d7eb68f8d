//! How long history is kept: settings for all of it, rules of administrators for some, and the
//! task that removes what is older.

use std::sync::Arc;

use jsonld::Context;
use model::{Name, Tenant};
use serde::{Deserialize, Serialize};
use store::{
    DocumentKey, DocumentRange, Kept, Retained, Retention, RetentionRule, Store, StoreError,
};
use store_embedded::EmbeddedStore;
use tokio::time::{Duration, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::clock::SystemClock;
use crate::settings::{Settings, Written};
use crate::stop::Stopped;

/// The rules of one tenant, as administrators write them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The first that is about a series counts; for others the settings do.
    pub rules: Vec<Rule>,
}

/// One rule. Types and attributes are IRIs, or terms of the core context; durations are written
/// as in settings, such as `90d`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// How long readings are kept; for ever unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readings: Option<String>,
    /// How long is kept what the numbers of each hour came to; not at all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<String>,
}

/// Rules of one tenant, at most.
pub const RULES_MAX: usize = 1_000;

impl Rules {
    /// Reads the body of a request; tells what is wrong with it.
    pub fn read(body: &[u8]) -> Result<Rules, String> {
        let rules: Rules = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if rules.rules.len() > RULES_MAX {
            return Err(format!("there are {} rules; {RULES_MAX} are taken", rules.rules.len()));
        }
        rules.of(&Tenant::default())?;
        Ok(rules)
    }

    fn of(&self, tenant: &Tenant) -> Result<Vec<RetentionRule>, String> {
        let context = Context::core();
        let name = |text: &String| Name::new(&*context.expand_term(text));
        let place = |at: usize| move |problem| format!("rule {}: {problem}", at + 1);
        let rule = |(at, rule): (usize, &Rule)| {
            Ok(RetentionRule {
                tenant: Some(tenant.clone()),
                entity_type: rule.entity_type.as_ref().map(name),
                attribute: rule.attribute.as_ref().map(name),
                kept: rule.kept().map_err(place(at))?,
            })
        };
        self.rules.iter().enumerate().map(rule).collect()
    }
}

impl Rule {
    fn kept(&self) -> Result<Kept, String> {
        let read = |text: &Option<String>| text.as_deref().map(Duration::read).transpose();
        let kept = Kept {
            raw: read(&self.readings)?,
            hourly: read(&self.hourly)?,
            daily: read(&self.daily)?,
        };
        if kept.raw.is_none() && (kept.hourly.is_some() || kept.daily.is_some()) {
            return Err(
                "roll-ups are made when readings are removed; say how long `readings` are \
                        kept"
                    .to_owned(),
            );
        }
        Ok(kept)
    }
}

const KIND: &str = "history-retention";

fn key(tenant: &Tenant) -> DocumentKey {
    DocumentKey { kind: KIND, tenant: Tenant::default(), name: tenant.as_str().to_owned() }
}

/// The rules of a tenant; none were ever given to most.
pub async fn rules(store: &dyn Store, tenant: &Tenant) -> Result<Rules, StoreError> {
    let document = store.document(&key(tenant)).await?;
    let rules = document.map(|document| serde_json::from_slice(&document));
    rules.transpose().map(Option::unwrap_or_default).map_err(|error| StoreError::Damaged {
        place: format!("the rules of retention of tenant `{tenant}`"),
        problem: error.to_string(),
    })
}

pub async fn put_rules(
    store: &dyn Store,
    tenant: &Tenant,
    rules: &Rules,
) -> Result<(), StoreError> {
    let document = serde_json::to_vec(rules).map_err(std::io::Error::other)?;
    store.put_document(key(tenant), Some(document)).await
}

/// Of a tenant that ends.
pub async fn remove_rules(store: &dyn Store, tenant: &Tenant) -> Result<(), StoreError> {
    store.put_document(key(tenant), None).await
}

/// What is in force: the rules of all tenants, and the settings for everything else.
async fn in_force(store: &dyn Store, settings: &Settings) -> Result<Retention, StoreError> {
    let mut all = Vec::new();
    for (name, _) in store.documents(&DocumentRange::all(KIND, &Tenant::default())).await? {
        let tenant = match name.as_str() {
            "" => Tenant::default(),
            name => Tenant::parse(name).map_err(std::io::Error::other)?,
        };
        match rules(store, &tenant).await?.of(&tenant) {
            Ok(rules) => all.extend(rules),
            Err(problem) => warn!(%tenant, problem, "rules of retention are passed over"),
        }
    }
    let given = |age: Duration| (!age.is_zero()).then_some(age);
    let otherwise = Kept {
        raw: given(settings.history_age_max),
        hourly: given(settings.history_hourly_age_max),
        daily: given(settings.history_daily_age_max),
    };
    Ok(Retention { rules: all, otherwise })
}

/// Removes history that is kept no longer, now and then.
pub async fn keep(store: Arc<EmbeddedStore>, settings: Settings, mut stop: Stopped) {
    let mut ticks = interval(settings.history_sweep_interval.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.told() => return,
        }
        let now = broker::Clock::now(&SystemClock);
        let retained = match in_force(&*store, &settings).await {
            Ok(retention) if retention.is_nothing() => continue,
            Ok(retention) => store.retain(retention, now).await,
            Err(error) => Err(error),
        };
        match retained {
            Ok(retained) if retained.readings > 0 => {
                let Retained { readings, periods, late } = retained;
                info!(readings, periods, late, "removed old readings; periods are kept of them");
            }
            Ok(_) => {}
            Err(error) => warn!(%error, "could not remove old history; trying again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_or_refused_with_a_reason() {
        let text = r#"{"rules": [{"type": "Meter", "readings": "90d", "daily": "3650d"}, {"attribute": "power"}]}"#;
        let rules = Rules::read(text.as_bytes()).unwrap();
        let read = rules.of(&Tenant::default()).unwrap();
        assert_eq!(read[0].kept.raw, Some(Duration::from_secs(90 * 86_400)));
        assert_eq!(read[1].kept, Kept::default());
        let written = serde_json::to_vec(&rules).unwrap();
        assert_eq!(Rules::read(&written).unwrap(), rules);
        for (text, problem) in [
            ("[]", "expected struct Rules"),
            (r#"{"rules": [{"types": "Meter"}]}"#, "unknown field `types`"),
            (r#"{"rules": [{}, {"readings": "soon"}]}"#, "rule 2"),
            (r#"{"rules": [{"daily": "10d"}]}"#, "say how long `readings` are kept"),
        ] {
            let refused = Rules::read(text.as_bytes()).unwrap_err();
            assert!(refused.contains(problem), "{refused}");
        }
    }
}
