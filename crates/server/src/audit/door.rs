//! For auditors: the record, read. Nothing here changes it, and nobody else may read it.
//!
//! | path | method | does |
//! |---|---|---|
//! | `/audit` | GET | finds entries, newest first, some at a time |
//! | `/audit/export` | GET | streams a part of the record as it stands, signed, to be verified elsewhere |
//! | `/audit/key` | GET | shows the public key that signs, and the anchor of the last line |
//!
//! Reading is itself recorded, by the layer around all doors.

mod parameters;
mod stream;

use std::sync::Arc;

use ::audit::PublicKey;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, RETRY_AFTER};
use http::request::Parts;
use model::{NotATenant, Tenant};
use ngsi_ld::Authenticate;
use policy::{Action, Caller, Policy};
use serde_json::json;
use tokio::sync::Semaphore;

use super::command::as_pem;
use super::{Ledger, search};
use crate::problem::{problem, unauthenticated};
use crate::recording::Note;

/// Searches and exports at the same time; further ones are answered with 503. Each holds a thread
/// that waits for the disk, or for its client.
const READERS_MAX: usize = 4;

/// What the routes share.
#[derive(Clone)]
pub struct AuditDoor {
    ledger: Arc<Ledger>,
    authenticate: Arc<dyn Authenticate>,
    policy: Policy,
    readers: Arc<Semaphore>,
}

impl AuditDoor {
    pub fn new(
        ledger: Arc<Ledger>,
        authenticate: Arc<dyn Authenticate>,
        policy: Policy,
    ) -> AuditDoor {
        let readers = Arc::new(Semaphore::new(READERS_MAX));
        AuditDoor { ledger, authenticate, policy, readers }
    }

    pub fn ledger(&self) -> Arc<Ledger> {
        self.ledger.clone()
    }
}

pub fn router(door: AuditDoor) -> Router {
    Router::new()
        .route("/audit", get(find))
        .route("/audit/export", get(export))
        .route("/audit/key", get(key))
        .with_state(door)
}

type Refused = Box<Response>;

fn refused(status: StatusCode, detail: &str) -> Refused {
    Box::new(problem(status, detail))
}

impl AuditDoor {
    fn caller(&self, head: &Parts) -> Result<Caller, Refused> {
        let caller = self.authenticate.authenticate(&head.headers, &head.extensions);
        caller.map_err(|error| Box::new(unauthenticated(&error)))
    }

    /// Refuses who may not read what the record says of a tenant; of none: of all of them.
    fn check(&self, caller: &Caller, about: Option<&Tenant>) -> Result<(), Refused> {
        let checked = match about {
            Some(tenant) => self.policy.check(caller, &[Action::Audit], tenant),
            None => self.policy.check_everywhere(caller, &[Action::Audit]),
        };
        checked.map_err(|denied| refused(StatusCode::FORBIDDEN, &denied.to_string()))
    }

    /// Refuses who may not read the record of all tenants.
    fn check_all(&self, head: &Parts) -> Result<(), Refused> {
        let caller = self.caller(head)?;
        match &caller.tenant {
            None => self.check(&caller, None),
            Some(bound) => {
                self.check(&caller, Some(bound))?;
                let detail = "the record is of all tenants and is exported whole; your key opens \
                              one of them, and may search what is about that";
                Err(refused(StatusCode::FORBIDDEN, detail))
            }
        }
    }

    /// Of which tenant a search may tell; nothing where it may tell of all.
    fn searched(&self, caller: Caller, asked: Option<&str>) -> Result<Option<Tenant>, Refused> {
        let Some(bound) = caller.tenant.clone() else {
            let bad = |error: NotATenant| refused(StatusCode::BAD_REQUEST, &error.to_string());
            let tenant = asked.map(|name| match name {
                "" => Ok(Tenant::default()),
                name => Tenant::parse(name).map_err(bad),
            });
            let tenant = tenant.transpose()?;
            self.check(&caller, tenant.as_ref())?;
            return Ok(tenant);
        };
        self.check(&caller, Some(&bound))?;
        if asked.is_some_and(|asked| asked != bound.as_str()) {
            let detail = format!("your key may only search what is about tenant {bound}");
            return Err(refused(StatusCode::FORBIDDEN, &detail));
        }
        Ok(Some(bound))
    }
}

async fn find(State(door): State<AuditDoor>, RawQuery(query): RawQuery, head: Parts) -> Response {
    let answer = async {
        let caller = door.caller(&head)?;
        let bad = |detail: String| refused(StatusCode::BAD_REQUEST, &detail);
        let mut asked = parameters::search(query.as_deref().unwrap_or_default()).map_err(bad)?;
        let note = parameters::note(&asked);
        let searched = door.searched(caller, asked.tenant.as_deref())?;
        asked.tenant = searched.map(|tenant| tenant.as_str().to_owned());
        let _reader = door.readers.try_acquire().map_err(|_| busy())?;
        let directory = door.ledger.directory().to_owned();
        let page = tokio::task::spawn_blocking(move || search(&directory, &asked)).await;
        let page = page.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))?;
        let note = note.with("found", page.lines.len());
        Ok::<_, Refused>((
            json!({
                "entries": page.lines,
                "next": page.next,
                "unreadable": page.unreadable,
                "damaged": page.damaged,
            }),
            note,
        ))
    };
    match answer.await {
        Ok((page, note)) => {
            let mut answer = json_answer(&page);
            answer.extensions_mut().insert(note);
            answer
        }
        Err(refused) => *refused,
    }
}

async fn export(State(door): State<AuditDoor>, RawQuery(query): RawQuery, head: Parts) -> Response {
    let answer = async {
        door.check_all(&head)?;
        let bad = |detail: String| refused(StatusCode::BAD_REQUEST, &detail);
        let (from, until) = parameters::span(query.as_deref().unwrap_or_default()).map_err(bad)?;
        let reader = door.readers.clone().try_acquire_owned().map_err(|_| busy())?;
        // So that no more than what is recorded from here on is exported without a signature. What
        // cannot be signed is exported all the same.
        let signed = door.ledger.sign().await.is_ok();
        let mut note = Note::default().with("signed", signed);
        for (name, moment) in [("from", from), ("until", until)] {
            if let Some(moment) = moment {
                note = note.with(name, model::DateTime::new(moment, 6));
            }
        }
        let body = stream::lines(door.ledger.directory().to_owned(), from, until, reader);
        Ok::<_, Refused>((body, note))
    };
    match answer.await {
        Ok((body, note)) => {
            let headers = [
                (CONTENT_TYPE, "application/x-ndjson"),
                (CONTENT_DISPOSITION, "attachment; filename=\"audit.ndjson\""),
                (CACHE_CONTROL, "no-store"),
            ];
            let mut answer = (headers, body).into_response();
            answer.extensions_mut().insert(note);
            answer
        }
        Err(refused) => *refused,
    }
}

async fn key(State(door): State<AuditDoor>, head: Parts) -> Response {
    let allowed = door.caller(&head).and_then(|caller| {
        let tenant = caller.tenant.clone().unwrap_or_default();
        door.check(&caller, Some(&tenant))
    });
    if let Err(refused) = allowed {
        return *refused;
    }
    let status = door.ledger.status();
    let Some(key) = status.key else {
        let detail = "the audit record could not be opened yet; the log tells why";
        return problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    };
    json_answer(&key_json(&key, &status.last.to_string()))
}

fn key_json(key: &PublicKey, anchor: &str) -> serde_json::Value {
    json!({
        "id": key.id().to_string(),
        "public": key.to_string(),
        "pem": as_pem(key),
        "anchor": anchor,
    })
}

fn json_answer(json: &serde_json::Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (headers, format!("{json}\n")).into_response()
}

fn busy() -> Refused {
    let detail = format!("{READERS_MAX} others read the audit record at this time; try again");
    let mut answer = problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
    answer.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static("5"));
    Box::new(answer)
}

fn unreadable(error: &dyn std::fmt::Display) -> Refused {
    tracing::warn!(%error, "the audit record could not be read");
    refused(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the audit record could not be read; the log tells why",
    )
}
