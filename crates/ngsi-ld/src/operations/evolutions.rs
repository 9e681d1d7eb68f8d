//! The temporal evolution of one entity: upsert, retrieve, delete, and what is said of its
//! attributes (clauses 5.6.11 to 5.6.16 and 5.7.3).

pub(crate) mod query;
mod range;
mod representation;
pub(super) mod temporal;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use broker::{Chronicled, RetrieveHistory};
use model::{EntityId, HistoryChange, HistoryOperation, Instances, Name, SCOPE, Uri};

use super::attributes::dataset;
use super::entities::{attribute_name, created};
use super::query::refuse_entity_map;
use super::representation::Asked;
use crate::contexts::Compiled;
use crate::door::{Call, JSON, Payload, Problem, ROOT, entity_id, no_content, segment, uri};
use crate::read;

use representation::EvolutionForm;

/// Create or Update (Upsert) Temporal Evolution of an Entity (5.6.11).
pub(crate) async fn upsert(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&["local"])?;
    call.parameters.local()?;
    let payload = Payload::read(call, body).await?;
    let compiled = payload.context(call).await?;
    let limits = call.settings().payload();
    let (id, readings) = read::evolution(payload.text(), compiled.context(), &limits)?;
    let location = format!("{ROOT}temporal/entities/{}", segment(id.as_str()));
    let done = change(call, id, HistoryOperation::Upsert(readings)).await?;
    if done.created { created(&location) } else { Ok(no_content()) }
}

/// Add Attributes to Temporal Evolution of an Entity (5.6.12).
pub(crate) async fn add(call: &Call<'_>, id: &str, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&["local"])?;
    call.parameters.local()?;
    let id = entity_id(id)?;
    let payload = Payload::read(call, body).await?;
    let compiled = payload.context(call).await?;
    let limits = call.settings().payload();
    let (named, readings) = read::evolution_fragment(payload.text(), compiled.context(), &limits)?;
    if let Some(named) = named.filter(|named| *named != id) {
        return Err(Problem::bad_request_data(format!(
            "the body is of entity `{named}`, the path of entity `{id}`"
        )));
    }
    change(call, id, HistoryOperation::Add(readings)).await?;
    Ok(no_content())
}

/// Delete Temporal Evolution of an Entity (5.6.16).
pub(crate) async fn delete(call: &Call<'_>, id: &str) -> Result<Response, Problem> {
    call.parameters.allow(&["local"])?;
    call.parameters.local()?;
    change(call, entity_id(id)?, HistoryOperation::Delete).await?;
    Ok(no_content())
}

/// Delete Attribute from Temporal Evolution of an Entity (5.6.13).
pub(crate) async fn delete_attribute(
    call: &Call<'_>,
    id: &str,
    name: &str,
) -> Result<Response, Problem> {
    call.parameters.allow(&["datasetId", "deleteAll", "local"])?;
    call.parameters.local()?;
    let id = entity_id(id)?;
    let name = evolving_name(name, &*call.linked_context().await?)?;
    let instances = match call.parameters.flag("deleteAll")? {
        true => Instances::All,
        false => Instances::One(dataset(call)?),
    };
    change(call, id, HistoryOperation::DeleteAttribute { name, instances }).await?;
    Ok(no_content())
}

/// Modify Attribute Instance in Temporal Evolution of an Entity (5.6.14).
pub(crate) async fn modify_instance(
    call: &Call<'_>,
    (id, name, instance_id): (&str, &str, &str),
    body: Body,
) -> Result<Response, Problem> {
    call.parameters.allow(&["local"])?;
    call.parameters.local()?;
    let id = entity_id(id)?;
    let payload = Payload::read(call, body).await?;
    let compiled = payload.context(call).await?;
    let name = evolving_name(name, &compiled)?;
    let instance_id = self::instance_id(instance_id)?;
    let limits = call.settings().payload();
    let reading = read::reading(payload.text(), compiled.context(), &name, &limits)?;
    let operation =
        HistoryOperation::ModifyInstance { name, instance_id, reading: Box::new(reading) };
    change(call, id, operation).await?;
    Ok(no_content())
}

/// Delete Attribute Instance from Temporal Evolution of an Entity (5.6.15).
pub(crate) async fn delete_instance(
    call: &Call<'_>,
    id: &str,
    name: &str,
    instance_id: &str,
) -> Result<Response, Problem> {
    call.parameters.allow(&["local"])?;
    call.parameters.local()?;
    let id = entity_id(id)?;
    let name = evolving_name(name, &*call.linked_context().await?)?;
    let instance_id = self::instance_id(instance_id)?;
    change(call, id, HistoryOperation::DeleteInstance { name, instance_id }).await?;
    Ok(no_content())
}

/// Retrieve Temporal Evolution of an Entity (5.7.3).
pub(crate) async fn retrieve(call: &Call<'_>, id: &str) -> Result<Response, Problem> {
    let parameters = &call.parameters;
    parameters.allow(&RETRIEVE)?;
    refuse_entity_map(call)?;
    parameters.local()?;
    let media_type = call.accepted(JSON)?;
    let id = entity_id(id)?;
    let compiled = call.linked_context().await?;
    let asked = Asked::of_parameters(parameters);
    let when = temporal::Asked::of_parameters(parameters);
    let form = EvolutionForm::new(call, &asked, &when, compiled, media_type)?;
    let tenant = call.tenant.clone();
    let request = RetrieveHistory { tenant, id: id.clone(), readings: form.readings(call) };
    let found = call.broker().evolution(&call.caller, request).await?;
    let unknown = || Problem::not_found(format!("entity `{id}` has no temporal evolution"));
    let mut found = found.ok_or_else(unknown)?;
    let evolution = found.evolutions.pop().ok_or_else(unknown)?;
    if !form.shows_anything_of(&evolution) {
        return Err(Problem::not_found(format!(
            "the evolution of entity `{id}` has nothing of what was asked for"
        )));
    }
    let mut response = form.of_one(&evolution).into_response();
    form.mark(&mut response, &[evolution], found.cut);
    response.extensions_mut().insert(found.plan);
    Ok(response)
}

const RETRIEVE: [&str; 17] = [
    "aggrMethods",
    "aggrPeriodDuration",
    "attrs",
    "datasetId",
    "endTimeAt",
    "entityMap",
    "entityMapLifetime",
    "format",
    "lang",
    "lastN",
    "local",
    "omit",
    "options",
    "pick",
    "timeAt",
    "timeproperty",
    "timerel",
];

async fn change(
    call: &Call<'_>,
    id: EntityId,
    operation: HistoryOperation,
) -> Result<Chronicled, Problem> {
    let change = HistoryChange { tenant: call.tenant.clone(), id, operation };
    Ok(call.broker().chronicle(&call.caller, change).await?)
}

/// The attribute in a path; a scope is one here (4.5.6).
fn evolving_name(name: &str, compiled: &Compiled) -> Result<Name, Problem> {
    if !name.is_empty() && compiled.context().expand_term(name) == SCOPE {
        return Ok(Name::new(SCOPE));
    }
    attribute_name(name, compiled)
}

fn instance_id(text: &str) -> Result<Uri, Problem> {
    uri("instanceId", text)
}
