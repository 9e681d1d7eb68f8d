//! `GET /health`: is the server well? Like the description in `openapi.rs`, it needs no key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use broker::{Broker, BrokerError};
use model::{Change, EntityId, Operation, Tenant, TypeSelector};
use serde_json::json;
use tokio::sync::Mutex;

use crate::audit::Ledger;
use crate::clock::moment;
use crate::platform::operator;

/// For how long an answer of the store is good: who asks more often costs it nothing.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Knows whether the store takes changes.
#[derive(Debug)]
struct Writes {
    broker: Arc<Broker>,
    /// When it was last asked, and why it refuses them, if it does.
    last: Mutex<Option<(Instant, Option<String>)>>,
}

/// `warnings` tell what is not as it should be from the start on: nothing in a sound installation.
pub fn router(broker: Arc<Broker>, ledger: Arc<Ledger>, warnings: &[String]) -> Router {
    let writes = Arc::new(Writes { broker, last: Mutex::new(None) });
    let warnings = warnings.to_vec();
    let answer = move || {
        let (writes, ledger, warnings) = (writes.clone(), ledger.clone(), warnings.clone());
        async move { ([(CONTENT_TYPE, "application/json")], health(&writes, &ledger, warnings).await) }
    };
    Router::new().route("/health", get(answer))
}

/// Always with status 200: reads go on where writes are refused, and no restart makes room.
async fn health(writes: &Writes, ledger: &Ledger, mut warnings: Vec<String>) -> String {
    let refused = writes.refused().await;
    let accepted = refused.is_none();
    warnings.extend(refused.map(|why| format!("writes are refused: {why}")));
    let recorded = ledger.status();
    let records = recorded.failing.is_none();
    if !records {
        // Why is for the log alone: anyone may read this.
        warnings.push("the audit record is not written; the log tells why".to_owned());
    }
    let answer = json!({
        "status": if warnings.is_empty() { "ok" } else { "warning" },
        "version": env!("CARGO_PKG_VERSION"),
        "writes": if accepted { "accepted" } else { "refused" },
        "audit": {
            "state": if records { "recording" } else { "failing" },
            "lost": recorded.lost,
        },
        "warnings": warnings,
    });
    format!("{answer}\n")
}

impl Writes {
    /// Why changes are refused; nothing where they are not.
    async fn refused(&self) -> Option<String> {
        let mut last = self.last.lock().await;
        if let Some((asked_at, refused)) = &*last
            && asked_at.elapsed() < ASK_AGAIN_AFTER
        {
            return refused.clone();
        }
        let refused = self.ask().await;
        *last = Some((moment(), refused.clone()));
        refused
    }

    /// Asks as those who write do, for a change that changes nothing: the removal of an entity
    /// that must be of one type out of none. A store that takes changes finds no such entity.
    async fn ask(&self) -> Option<String> {
        let id = EntityId::parse("urn:comity:health").ok()?;
        let types = Some(TypeSelector::OneOf(Vec::new()));
        let change = Change { tenant: Tenant::default(), id, types, operation: Operation::Delete };
        match self.broker.change(&operator(), change).await {
            Ok(_) | Err(BrokerError::Commit(_)) => None,
            Err(error) => Some(error.to_string()),
        }
    }
}
