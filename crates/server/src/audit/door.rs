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
use ngsi_ld::Authenticate;
use policy::{Caller, Role};
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
    readers: Arc<Semaphore>,
}

impl AuditDoor {
    pub fn new(ledger: Arc<Ledger>, authenticate: Arc<dyn Authenticate>) -> AuditDoor {
        AuditDoor { ledger, authenticate, readers: Arc::new(Semaphore::new(READERS_MAX)) }
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

/// Whether the caller may read the record: auditors alone. Who administers must not be able to
/// find out what is known of it.
fn may_audit(caller: &Caller) -> bool {
    caller.role == Role::Auditor
}

impl AuditDoor {
    /// The caller, if it is an auditor.
    fn auditor(&self, head: &Parts) -> Result<Caller, Refused> {
        let caller = self.authenticate.authenticate(&head.headers, &head.extensions);
        let caller = caller.map_err(|error| Box::new(unauthenticated(&error)))?;
        if may_audit(&caller) {
            return Ok(caller);
        }
        let Caller { name, role, .. } = caller;
        let detail = format!("`{name}` has the role {role}, which may not read the audit record");
        Err(refused(StatusCode::FORBIDDEN, &detail))
    }

    /// The same, if it may read the record of all tenants.
    fn auditor_of_all(&self, head: &Parts) -> Result<(), Refused> {
        match self.auditor(head)?.tenant {
            None => Ok(()),
            Some(_) => {
                let detail = "the record is of all tenants and is exported whole; your key opens \
                              one of them, and may search what is about that";
                Err(refused(StatusCode::FORBIDDEN, detail))
            }
        }
    }
}

async fn find(State(door): State<AuditDoor>, RawQuery(query): RawQuery, head: Parts) -> Response {
    let answer = async {
        let caller = door.auditor(&head)?;
        let bad = |detail: String| refused(StatusCode::BAD_REQUEST, &detail);
        let mut asked = parameters::search(query.as_deref().unwrap_or_default()).map_err(bad)?;
        let note = parameters::note(&asked);
        if let Some(tenant) = caller.tenant {
            let name = tenant.as_str();
            if asked.tenant.as_deref().is_some_and(|asked| asked != name) {
                let detail = format!("your key may only search what is about tenant {name}");
                return Err(refused(StatusCode::FORBIDDEN, &detail));
            }
            asked.tenant = Some(name.to_owned());
        }
        let _reader = door.readers.try_acquire().map_err(|_| busy())?;
        let directory = door.ledger.directory().to_owned();
        let page = tokio::task::spawn_blocking(move || search(&directory, &asked)).await;
        let page = page.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))?;
        let note = note.with("found", page.lines.len());
        Ok((
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
        door.auditor_of_all(&head)?;
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
    if let Err(refused) = door.auditor(&head) {
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
