//! Many entities at once: create, upsert, update, merge, delete (clauses 5.6.7 to 5.6.10, 5.6.20
//! and 5.5.11). Each stands for itself; what fails does not keep others from succeeding.

mod items;
mod result;

use axum::body::Body;
use axum::response::Response;
use broker::Outcome;
use broker::{CommitError, Committed};
use http::StatusCode;
use model::{Change, EntityId, Name, Operation};
use serde_json::Value;

use crate::contexts::Compiled;
use crate::door::{Call, Problem, json, no_content};
use crate::read::{self, Form, Limits};
use items::Item;
pub(super) use result::BatchResult;

/// Batch Entity Creation (5.6.7).
pub(crate) async fn create(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    allow(call, &[])?;
    let limits = call.settings().payload();
    let read = |text: &str, compiled: &Compiled| {
        let (id, draft) = read::entity(text, compiled.context(), &limits)?;
        Ok((id, Operation::Create(draft)))
    };
    let done = run(call, items::entities(call, body, &read).await?).await?;
    Ok(if done.result.has_errors() {
        json(StatusCode::MULTI_STATUS, &done.result.json())
    } else {
        json(StatusCode::CREATED, &Value::from(done.created))
    })
}

/// Batch Entity Creation or Update (5.6.8).
pub(crate) async fn upsert(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    allow(call, &["replace", "update"])?;
    let updates = call.parameters.has_option("update");
    if updates && call.parameters.has_option("replace") {
        return Err(Problem::invalid_request("`options`: replace does not go with update"));
    }
    let limits = call.settings().payload();
    let read = |text: &str, compiled: &Compiled| {
        let (id, draft) = read::entity(text, compiled.context(), &limits)?;
        let operation = match updates {
            true => Operation::CreateOrAppend(draft),
            false => Operation::CreateOrReplace(draft),
        };
        Ok((id, operation))
    };
    let done = run(call, items::entities(call, body, &read).await?).await?;
    Ok(if done.result.has_errors() {
        json(StatusCode::MULTI_STATUS, &done.result.json())
    } else if done.created.is_empty() {
        no_content()
    } else {
        json(StatusCode::CREATED, &Value::from(done.created))
    })
}

/// Batch Entity Update (5.6.9).
pub(crate) async fn update(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    allow(call, &["noOverwrite"])?;
    let overwrite = !call.parameters.has_option("noOverwrite");
    let limits = call.settings().payload();
    let read = |text: &str, compiled: &Compiled| {
        let (id, fragment) = fragment(text, compiled, Form::Append, &limits)?;
        Ok((id, Operation::Append { fragment, overwrite }))
    };
    let done = run(call, items::entities(call, body, &read).await?).await?;
    Ok(done.without_content())
}

/// Batch Entity Merge (5.6.20).
pub(crate) async fn merge(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    allow(call, &[])?;
    let limits = call.settings().payload();
    let read = |text: &str, compiled: &Compiled| {
        let form = Form::Merge { simplified: false, language: None };
        let (id, fragment) = fragment(text, compiled, form, &limits)?;
        Ok((id, Operation::Merge { fragment, observed_at: None }))
    };
    let done = run(call, items::entities(call, body, &read).await?).await?;
    Ok(done.without_content())
}

/// Batch Entity Delete (5.6.10).
pub(crate) async fn delete(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    allow(call, &[])?;
    let done = run(call, items::ids(call, body).await?).await?;
    Ok(done.without_content())
}

fn allow(call: &Call<'_>, options: &[&str]) -> Result<(), Problem> {
    let known: &[&str] = if options.is_empty() { &["local"] } else { &["local", "options"] };
    call.parameters.allow(known)?;
    call.parameters.allow_options(options)?;
    call.parameters.local()?;
    // Asked here, because a batch in which nothing is valid asks nobody else.
    Ok(call.broker().may_write(&call.caller, &call.tenant)?)
}

/// A part of an entity that says of which one.
fn fragment(
    text: &str,
    compiled: &Compiled,
    form: Form<'_>,
    limits: &Limits,
) -> Result<(EntityId, model::Fragment), Problem> {
    let (id, fragment) = read::fragment(text, compiled.context(), form, limits)?;
    let id = id.ok_or_else(|| Problem::bad_request_data("an entity needs an `id`"))?;
    Ok((id, fragment))
}

/// What became of a batch.
struct Done {
    result: BatchResult,
    /// The entities that were not there before.
    created: Vec<String>,
}

impl Done {
    /// 204, or 207 where something failed.
    fn without_content(self) -> Response {
        if self.result.has_errors() {
            json(StatusCode::MULTI_STATUS, &self.result.json())
        } else {
            no_content()
        }
    }
}

async fn run(call: &Call<'_>, items: Vec<Item>) -> Result<Done, Problem> {
    let mut result = BatchResult::default();
    let mut ids = Vec::with_capacity(items.len());
    let mut changes = Vec::with_capacity(items.len());
    for item in items {
        match item.operation {
            Ok((id, operation)) => {
                ids.push(id.clone());
                let tenant = call.tenant.clone();
                changes.push(Change { tenant, id, types: None, operation });
            }
            Err(problem) => result.failed(&item.id, &problem),
        }
    }
    let outcomes = if changes.is_empty() {
        if !call.asker().creates {
            call.broker().known_tenant(&call.tenant).await?;
        }
        Vec::new()
    } else {
        call.broker().change_all(&call.caller, changes).await?
    };
    if let Some(error) = store_failed(&outcomes) {
        return Err(Problem::from(error));
    }
    let mut created = Vec::new();
    for (id, outcome) in ids.iter().zip(outcomes) {
        match outcome {
            Ok(committed) if committed.not_updated.is_empty() => {
                result.succeeded(id.as_str());
                if committed.created {
                    created.push(id.to_string());
                }
            }
            Ok(committed) => result.failed(id.as_str(), &left_alone(&committed)),
            Err(error) => result.failed(id.as_str(), &Problem::from(error)),
        }
    }
    Ok(Done { result, created })
}

/// The store's own failure, where nothing at all was written because of it.
fn store_failed(outcomes: &[Outcome]) -> Option<CommitError> {
    let is_store = |outcome: &Outcome| matches!(outcome, Err(CommitError::Store(_)));
    if !outcomes.iter().all(is_store) {
        return None;
    }
    outcomes.first().and_then(|outcome| outcome.clone().err())
}

fn left_alone(committed: &Committed) -> Problem {
    let names: Vec<String> = committed.not_updated.iter().map(Name::to_string).collect();
    Problem::already_exists(format!(
        "these attributes exist, and overwriting was not allowed: {}",
        names.join(", ")
    ))
}
