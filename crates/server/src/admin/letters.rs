//! Notifications that were given up, some at a time: `?subscription=` names a subscription,
//! `?after=` the letter after which to begin, `?limit=` how many are meant.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use model::Uri;
use serde_json::{Value, json};
use subscriptions::{LETTERS_AT_ONCE, Letters};

use super::{Admin, Refused, respond, respond_noted, unavailable};
use crate::recording::Note;

/// How many letters are meant where nobody says.
const LIMIT: usize = 100;

type Parameters = Query<HashMap<String, String>>;

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    parameters: Parameters,
    head: Parts,
) -> Response {
    let answer = async {
        let which = letters(&admin, &head, &parameters)?;
        let letters = admin.dead_letters.list(&which).await;
        Ok(Value::from(letters.map_err(unavailable)?))
    };
    respond(answer.await)
}

pub(super) async fn empty(
    State(admin): State<Arc<Admin>>,
    parameters: Parameters,
    head: Parts,
) -> Response {
    let answer = async {
        let which = letters(&admin, &head, &parameters)?;
        let removed = admin.dead_letters.empty(&which).await.map_err(unavailable)?;
        Ok((json!({"removed": removed}), note(&which).with("removed", removed)))
    };
    respond_noted(answer.await)
}

pub(super) async fn replay(
    State(admin): State<Arc<Admin>>,
    parameters: Parameters,
    head: Parts,
) -> Response {
    let answer = async {
        let which = letters(&admin, &head, &parameters)?;
        let replayed = admin.dead_letters.replay(&which).await.map_err(unavailable)?;
        let note = note(&which);
        let note = note.with("delivered", replayed.delivered).with("failed", replayed.failed);
        let answer = json!({
            "delivered": replayed.delivered,
            "failed": replayed.failed,
            "gone": replayed.gone,
            "last": replayed.last,
        });
        Ok((answer, note))
    };
    respond_noted(answer.await)
}

/// The letters that are meant, if the caller may administer their tenant.
fn letters(
    admin: &Admin,
    head: &Parts,
    parameters: &HashMap<String, String>,
) -> Result<Letters, Refused> {
    let tenant = admin.tenant(head)?;
    let mut which = Letters { tenant, subscription: None, after: None, limit: LIMIT };
    for (name, value) in parameters {
        match name.as_str() {
            "subscription" => {
                let id = Uri::parse(value).map_err(|error| bad(format!("`{name}`: {error}")))?;
                which.subscription = Some(id);
            }
            "after" => which.after = Some(value.clone()),
            "limit" => {
                let limit = value.parse().ok().filter(|one| (1..=LETTERS_AT_ONCE).contains(one));
                let problem = || bad(format!("`limit` is a number from 1 to {LETTERS_AT_ONCE}"));
                which.limit = limit.ok_or_else(problem)?;
            }
            _ => {
                let name: String = name.chars().take(100).collect();
                let problem = format!("there is no `{name}` here; use subscription, after, limit");
                return Err(bad(problem));
            }
        }
    }
    Ok(which)
}

/// Which letters, for the audit record.
fn note(which: &Letters) -> Note {
    let note = Note::default().with("limit", which.limit);
    match &which.subscription {
        Some(id) => note.with("subscription", id),
        None => note,
    }
}

fn bad(problem: String) -> Refused {
    Refused::Problem(StatusCode::BAD_REQUEST, problem)
}
