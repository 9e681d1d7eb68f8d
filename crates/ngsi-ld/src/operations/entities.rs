//! One entity: create, retrieve, merge, replace, delete (clauses 5.6.1, 5.7.1, 5.6.17, 5.6.18 and
//! 5.6.6).

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use broker::Committed;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use model::{Change, Entity, EntityId, Operation, TypeSelector};

use super::representation::{self, Representation};
use crate::contexts::Compiled;
use crate::door::{
    Call, ENTITIES, Parameters, Payload, Problem, ROOT, entity_id, no_content, segment,
};
use crate::read::{self, Form};

/// Create Entity (5.6.1).
pub(crate) async fn create(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&["local"])?;
    call.parameters.local()?;
    let payload = Payload::read(call, body).await?;
    let compiled = payload.context(call).await?;
    let limits = call.settings().payload();
    let (id, draft) = read::entity(payload.text(), compiled.context(), &limits)?;
    let location = format!("{ROOT}entities/{}", segment(id.as_str()));
    change(call, id, None, Operation::Create(draft)).await?;
    created(&location)
}

/// Merge Entity (5.6.17).
pub(crate) async fn merge(call: &Call<'_>, id: &str, body: Body) -> Result<Response, Problem> {
    let parameters = &call.parameters;
    parameters.allow(&["format", "lang", "local", "observedAt", "options", "type"])?;
    let simplified = simplified_input(parameters)?;
    let observed_at = parameters.date_time("observedAt")?;
    parameters.local()?;
    let language = parameters.text("lang");
    let form = Form::Merge { simplified, language };
    let (id, types, fragment) = fragment(call, id, body, form).await?;
    change(call, id, types, Operation::Merge { fragment, observed_at }).await?;
    Ok(no_content())
}

/// Replace Entity (5.6.18).
pub(crate) async fn replace(call: &Call<'_>, id: &str, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&["local", "type"])?;
    call.parameters.local()?;
    let (id, types, fragment) = fragment(call, id, body, Form::Append).await?;
    let draft = fragment.into_draft();
    let draft = draft.map_err(|error| Problem::bad_request_data(error.to_string()))?;
    change(call, id, types, Operation::Replace(draft)).await?;
    Ok(no_content())
}

/// Delete Entity (5.6.6).
pub(crate) async fn delete(call: &Call<'_>, id: &str) -> Result<Response, Problem> {
    call.parameters.allow(&["local", "type"])?;
    call.parameters.local()?;
    let id = entity_id(id)?;
    let types = match call.parameters.text("type") {
        None => None,
        Some(_) => call.types(&*call.linked_context().await?)?,
    };
    change(call, id, types, Operation::Delete).await?;
    Ok(no_content())
}

/// Retrieve Entity (5.7.1).
pub(crate) async fn retrieve(call: &Call<'_>, id: &str) -> Result<Response, Problem> {
    let parameters = &call.parameters;
    parameters.allow(&[
        "attrs",
        "containedBy",
        "datasetId",
        "entityMap",
        "entityMapLifetime",
        "format",
        "geometryProperty",
        "join",
        "joinLevel",
        "lang",
        "local",
        "omit",
        "options",
        "pick",
        "type",
    ])?;
    super::query::refuse_entity_map(call)?;
    parameters.local()?;
    let media_type = call.accepted(ENTITIES)?;
    let id = entity_id(id)?;
    let compiled = call.linked_context().await?;
    let asked = representation::Asked::of_parameters(parameters);
    let types = call.types(&compiled)?;
    let representation = Representation::new(call, &asked, compiled, media_type)?;
    let entity = existing(call, &id, types.as_ref()).await?;
    if !representation.shows_anything_of(&entity) {
        return Err(Problem::not_found(format!(
            "entity `{id}` has none of the members that were asked for"
        )));
    }
    Ok(representation.of_one(call, entity).await?.into_response())
}

/// The entity as it is now, if it is one of these types.
pub(super) async fn existing(
    call: &Call<'_>,
    id: &EntityId,
    types: Option<&TypeSelector>,
) -> Result<Arc<Entity>, Problem> {
    let found = call.broker().retrieve(&call.caller, &call.tenant, id).await?;
    match found {
        None => Err(Problem::not_found(format!("entity `{id}` does not exist"))),
        Some(entity) if types.is_none_or(|types| types.matches(&entity.types)) => Ok(entity),
        Some(_) => Err(Problem::not_found(format!("entity `{id}` is not of the types asked for"))),
    }
}

pub(super) async fn change(
    call: &Call<'_>,
    id: EntityId,
    types: Option<TypeSelector>,
    operation: Operation,
) -> Result<Committed, Problem> {
    let change = Change { tenant: call.tenant.clone(), id, types, operation };
    Ok(call.broker().change(&call.caller, change).await?)
}

/// What a body says of the entity in the path, and which types it must have.
pub(super) async fn fragment(
    call: &Call<'_>,
    id: &str,
    body: Body,
    form: Form<'_>,
) -> Result<(EntityId, Option<TypeSelector>, model::Fragment), Problem> {
    let id = entity_id(id)?;
    let payload = Payload::read(call, body).await?;
    let compiled = payload.context(call).await?;
    let types = call.types(&compiled)?;
    let limits = call.settings().payload();
    let (named, fragment) = read::fragment(payload.text(), compiled.context(), form, &limits)?;
    if let Some(named) = named.filter(|named| *named != id) {
        return Err(Problem::bad_request_data(format!(
            "the body is of entity `{named}`, the path of entity `{id}`"
        )));
    }
    Ok((id, types, fragment))
}

/// Is the body in the simplified representation (6.5.3.4)? `format` wins over `options`.
pub(super) fn simplified_input(parameters: &Parameters<'_>) -> Result<bool, Problem> {
    const SIMPLIFIED: [&str; 2] = ["simplified", "keyValues"];
    parameters.allow_options(&SIMPLIFIED)?;
    match parameters.text("format") {
        None => Ok(parameters.options().next().is_some()),
        Some(format) if SIMPLIFIED.contains(&format) => Ok(true),
        Some(format) => Err(Problem::invalid_request(format!(
            "`format`: the operation has no format `{format}`; it knows: simplified, keyValues"
        ))),
    }
}

/// 201, and where to find what was created, relative to this server (6.4.3.1).
pub(super) fn created(location: &str) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(location);
    let location = location.map_err(|_| Problem::internal("the location is not plain text"))?;
    Ok((StatusCode::CREATED, [(LOCATION, location)]).into_response())
}

/// The name of the attribute in a path (4.6.2).
pub(super) fn attribute_name(name: &str, compiled: &Compiled) -> Result<model::Name, Problem> {
    if name.is_empty() {
        return Err(Problem::bad_request_data("the path has no attribute name"));
    }
    read::attribute_name(name, compiled.context())
        .map_err(|error| Problem::bad_request_data(format!("the attribute name: {error}")))
}
