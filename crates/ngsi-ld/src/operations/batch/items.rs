//! The items of a batch, each with what is wrong with it.

use std::sync::Arc;

use axum::body::Body;
use model::{EntityId, Operation};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::contexts::Compiled;
use crate::door::{Call, MediaType, Payload, Problem, inner_context, refuse_inner, refuse_link};

/// One item of a batch: what to do, or why it cannot be done.
pub(super) struct Item {
    /// The id as far as it can be told, for the account of what failed.
    pub id: String,
    pub operation: Result<(EntityId, Operation), Problem>,
}

/// Makes of the text of an entity what is to be done with it.
pub(super) type ReadItem<'r> =
    &'r (dyn Fn(&str, &Compiled) -> Result<(EntityId, Operation), Problem> + Sync);

/// The entities of a batch, each with its context (clause 6.3.5).
pub(super) async fn entities(
    call: &Call<'_>,
    body: Body,
    read: ReadItem<'_>,
) -> Result<Vec<Item>, Problem> {
    let payload = Payload::read(call, body).await?;
    let elements = elements(call, payload.text())?;
    let shared = match payload.media_type {
        MediaType::LdJson => {
            refuse_link(call)?;
            None
        }
        _ => Some(call.linked_context().await?),
    };
    let mut items = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let text = element.get();
        let operation = match context(call, text, shared.as_ref()).await {
            Ok(compiled) => read(text, &compiled),
            Err(problem) => Err(problem),
        };
        let id = if operation.is_ok() { String::new() } else { told_id(text, index) };
        items.push(Item { id, operation });
    }
    Ok(items)
}

async fn context(
    call: &Call<'_>,
    text: &str,
    shared: Option<&Arc<Compiled>>,
) -> Result<Arc<Compiled>, Problem> {
    match shared {
        None => inner_context(call, text).await,
        Some(shared) => refuse_inner(text).map(|()| shared.clone()),
    }
}

/// The ids of a batch of deletions.
pub(super) async fn ids(call: &Call<'_>, body: Body) -> Result<Vec<Item>, Problem> {
    let payload = Payload::read(call, body).await?;
    let elements = elements(call, payload.text())?;
    let items = elements.into_iter().map(|element| {
        let id: String = serde_json::from_str(element.get()).map_err(|_| {
            Problem::bad_request_data("the body is an array of entity ids; one of them is no text")
        })?;
        let operation = EntityId::parse(&id)
            .map(|id| (id, Operation::Delete))
            .map_err(|error| Problem::bad_request_data(error.to_string()));
        Ok(Item { id, operation })
    });
    items.collect()
}

/// The elements of the array that a batch is; none of them null (clause 5.6.7.4).
fn elements<'t>(call: &Call<'_>, text: &'t str) -> Result<Vec<&'t RawValue>, Problem> {
    let elements: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Problem::bad_request_data("the body of a batch is a JSON array")
            }
            _ => Problem::invalid_request(format!("the body is not valid JSON: {error}")),
        })?;
    if elements.is_empty() {
        return Err(Problem::bad_request_data("the batch is empty"));
    }
    let batch_max = call.settings().batch_max;
    if batch_max < elements.len() {
        return Err(Problem::bad_request_data(format!(
            "the batch has {} items; the limit is {batch_max} (setting `batch_max`)",
            elements.len()
        )));
    }
    if let Some(index) = elements.iter().position(|element| element.get() == "null") {
        return Err(Problem::bad_request_data(format!("item {index} of the batch is null")));
    }
    Ok(elements)
}

/// The id that an invalid item names, or else a URI that tells which item it is.
fn told_id(text: &str, index: usize) -> String {
    #[derive(Deserialize)]
    struct Named {
        #[serde(alias = "@id")]
        id: Option<Value>,
    }
    let named = serde_json::from_str::<Named>(text).ok().and_then(|named| named.id);
    match named {
        Some(Value::String(id)) => id,
        _ => format!("urn:comity:batch-item:{index}"),
    }
}
