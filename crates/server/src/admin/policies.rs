//! Policies, for those who manage access: in force, older versions, and put in force.
//!
//! `If-Match` with the number of a version makes a change only where that one is in force.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use http::header::IF_MATCH;
use http::request::Parts;
use policy::{Action, Caller};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Refused, respond, respond_noted};
use crate::clock::SystemClock;
use crate::policies::{ChangeError, Found, Proposal, Version, Written};
use crate::recording::Note;

pub(super) async fn show(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    let answer = async {
        admin.access_manager(&head)?;
        let in_force = admin.policies.policy().in_force();
        let (version, written) = admin.policies.get(in_force.version).await.map_err(refused)?;
        let mut shown = shown(&version, &written)?;
        let warnings = in_force.policies.warnings().iter();
        shown["warnings"] = warnings.map(|one| Found::Problem(one.clone()).json()).collect();
        Ok(shown)
    };
    respond(answer.await)
}

pub(super) async fn list(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    let answer = async {
        admin.access_manager(&head)?;
        let versions = admin.policies.list().await.map_err(ChangeError::from);
        Ok(json!({"versions": versions.map_err(refused)?}))
    };
    respond(answer.await)
}

pub(super) async fn version(
    State(admin): State<Arc<Admin>>,
    Path(number): Path<u64>,
    head: Parts,
) -> Response {
    let answer = async {
        admin.access_manager(&head)?;
        let (version, written) = admin.policies.get(number).await.map_err(refused)?;
        shown(&version, &written)
    };
    respond(answer.await)
}

pub(super) async fn put(State(admin): State<Arc<Admin>>, head: Parts, body: Bytes) -> Response {
    let answer = async {
        let caller = admin.access_manager(&head)?;
        let written = Written::read(&body).map_err(bad)?;
        let proposal = proposal(&caller, &head)?;
        let version = admin.policies.put(written, &proposal).await.map_err(refused)?;
        noted(&version)
    };
    respond_noted(answer.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    version: u64,
}

pub(super) async fn roll_back(
    State(admin): State<Arc<Admin>>,
    head: Parts,
    body: Bytes,
) -> Response {
    let answer = async {
        let caller = admin.access_manager(&head)?;
        let to: RollBack = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
        let proposal = proposal(&caller, &head)?;
        let version = admin.policies.roll_back(to.version, &proposal).await.map_err(refused)?;
        noted(&version)
    };
    respond_noted(answer.await)
}

impl Admin {
    /// The caller, if it may say who may do what. Policies are of all tenants.
    fn access_manager(&self, head: &Parts) -> Result<Caller, Refused> {
        let caller = self.authenticate.authenticate(&head.headers, &head.extensions);
        let caller = caller.map_err(Refused::Unauthenticated)?;
        let allowed = self.policy.check_everywhere(&caller, &[Action::ManageAccess]);
        allowed.map_err(|denied| (StatusCode::FORBIDDEN, denied.to_string()))?;
        Ok(caller)
    }
}

fn proposal<'a>(caller: &'a Caller, head: &Parts) -> Result<Proposal<'a>, Refused> {
    let seen = head.headers.get(IF_MATCH).map(|value| {
        let number = value.to_str().ok().map(|text| text.trim().trim_matches('"').parse());
        number.and_then(Result::ok).ok_or_else(|| {
            bad("`If-Match` takes the number of the version that is in force".to_owned())
        })
    });
    Ok(Proposal { caller, at: SystemClock.second(), seen: seen.transpose()? })
}

fn shown(version: &Version, written: &Written) -> Result<Value, Refused> {
    let mut shown = json!(version);
    for (name, texts) in [
        ("policies", &written.policies),
        ("areas", &written.areas),
        ("expected", &written.expected),
    ] {
        shown[name] = json!(texts);
    }
    Ok(shown)
}

fn noted(version: &Version) -> Result<(Value, Note), Refused> {
    let mut note = Note::default().with("version", version.version);
    if let Some(restores) = version.restores {
        note = note.with("restores", restores);
    }
    if !version.comment.is_empty() {
        note = note.with("comment", &version.comment);
    }
    Ok((json!(version), note))
}

fn bad(problem: String) -> Refused {
    Refused::Problem(StatusCode::BAD_REQUEST, problem)
}

fn refused(error: ChangeError) -> Refused {
    let status = match &error {
        ChangeError::Invalid(..) => StatusCode::BAD_REQUEST,
        ChangeError::LocksOut(_) => StatusCode::CONFLICT,
        ChangeError::Changed { .. } => StatusCode::PRECONDITION_FAILED,
        ChangeError::Unknown(_) => StatusCode::NOT_FOUND,
        ChangeError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let detail = error.to_string();
    match error {
        ChangeError::Invalid(_, found) => Refused::Invalid(detail, found),
        _ => Refused::Problem(status, detail),
    }
}
