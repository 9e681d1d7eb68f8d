//! Purge Entities: delete what a query finds, or some of its attributes (clauses 5.6.21 and
//! 6.4.3.3).

use axum::response::Response;
use broker::Purge;
use http::StatusCode;
use model::{Name, Operation};

use super::batch::BatchResult;
use super::selection::{self, Selection};
use crate::contexts::Compiled;
use crate::door::{Call, Problem, json, no_content};
use crate::read;

const PARAMETERS: [&str; 15] = [
    "attrs",
    "coordinates",
    "csf",
    "drop",
    "geometry",
    "geometryProperty",
    "geoproperty",
    "georel",
    "id",
    "idPattern",
    "keep",
    "local",
    "q",
    "scopeQ",
    "type",
];

pub(crate) async fn purge(call: &Call<'_>) -> Result<Response, Problem> {
    call.parameters.allow(&PARAMETERS)?;
    let compiled = call.linked_context().await?;
    let asked = selection::Asked::of_parameters(&call.parameters)?;
    let selection = Selection::new(&asked, &compiled, &call.query_limits())?;
    if selection.link_depth > 0 {
        return Err(Problem::bad_request_data("a purge cannot look at linked entities"));
    }
    let operation = operation(call, &compiled)?;
    let purge = Purge { tenant: call.tenant.clone(), filter: selection.whole(), operation };
    let purged = call.broker().purge(&call.caller, purge).await?;
    if purged.failed.is_empty() {
        return Ok(no_content());
    }
    let mut result = BatchResult::default();
    purged.done.into_iter().for_each(|id| result.succeeded(id.as_str()));
    for (id, error) in purged.failed {
        result.failed(id.as_str(), &Problem::from(error));
    }
    Ok(json(StatusCode::MULTI_STATUS, &result.json()))
}

fn operation(call: &Call<'_>, compiled: &Compiled) -> Result<Operation, Problem> {
    match (call.parameters.text("drop"), call.parameters.text("keep")) {
        (None, None) => Ok(Operation::Delete),
        (Some(drop), None) => Ok(Operation::Drop(names(drop, compiled)?)),
        (None, Some(keep)) => Ok(Operation::Retain(names(keep, compiled)?)),
        (Some(_), Some(_)) => Err(Problem::bad_request_data("`drop` does not go with `keep`")),
    }
}

fn names(text: &str, compiled: &Compiled) -> Result<Vec<Name>, Problem> {
    let names = text.split(',').map(|name| read::attribute_name(name.trim(), compiled.context()));
    Ok(names.collect::<Result<_, _>>()?)
}
