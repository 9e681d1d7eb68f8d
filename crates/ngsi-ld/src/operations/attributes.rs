//! Attributes of one entity: append, update, and one by one retrieve, patch, replace, delete and
//! set its value (clauses 5.6.2 to 5.6.5, 5.6.19; TS 104 176 7.5 and 7.6).

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use broker::Committed;
use http::StatusCode;
use model::{Attribute, Instances, Name, Operation, TypeSelector, Uri};
use serde_json::json;

use super::entities::{attribute_name, change, existing, fragment};
use super::representation::{Asked, Representation, dataset_id};
use crate::contexts::Compiled;
use crate::door::{
    Answer, Call, JSON, MediaType, Payload, Problem, entity_id, json, no_content, preferences,
};
use crate::read::{self, Form};
use crate::write;

/// Append Attributes (5.6.3).
pub(crate) async fn append(call: &Call<'_>, id: &str, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&["local", "options", "type"])?;
    call.parameters.allow_options(&["noOverwrite"])?;
    call.parameters.local()?;
    let overwrite = !call.parameters.has_option("noOverwrite");
    let (id, types, fragment) = fragment(call, id, body, Form::Append).await?;
    let committed = change(call, id, types, Operation::Append { fragment, overwrite }).await?;
    Ok(update_result(&committed))
}

/// Update Attributes (5.6.2).
pub(crate) async fn update(call: &Call<'_>, id: &str, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&["local", "type"])?;
    call.parameters.local()?;
    let (id, types, fragment) = fragment(call, id, body, Form::Update).await?;
    let committed = change(call, id, types, Operation::Update(fragment)).await?;
    Ok(update_result(&committed))
}

/// 204, or 207 with what was left out (5.2.18).
fn update_result(committed: &Committed) -> Response {
    if committed.not_updated.is_empty() {
        return no_content();
    }
    let names = |names: &[Name]| names.iter().map(Name::to_string).collect::<Vec<_>>();
    let not_updated = names(&committed.not_updated).into_iter().map(|name| {
        json!({"attributeName": name, "reason": "it was left as it was: an attribute that exists, where overwriting was not allowed, or a scope, where there was none"})
    });
    let not_updated: Vec<_> = not_updated.collect();
    let result = json!({"updated": names(&committed.updated), "notUpdated": not_updated});
    json(StatusCode::MULTI_STATUS, &result)
}

/// Partial Attribute Update (5.6.4).
pub(crate) async fn patch(
    call: &Call<'_>,
    id: &str,
    name: &str,
    body: Body,
) -> Result<Response, Problem> {
    let target = Target::read(call, id, name, body).await?;
    let (text, context) = (target.payload.text(), target.compiled.context());
    let limits = call.settings().payload();
    let patch = read::attribute_fragment(text, context, &target.name, &limits)?;
    let operation = Operation::UpdateAttribute { name: target.name, patch };
    change(call, target.id, target.types, operation).await?;
    Ok(no_content())
}

/// Replace Attribute (5.6.19).
pub(crate) async fn replace(
    call: &Call<'_>,
    id: &str,
    name: &str,
    body: Body,
) -> Result<Response, Problem> {
    let target = Target::read(call, id, name, body).await?;
    let (text, context) = (target.payload.text(), target.compiled.context());
    let limits = call.settings().payload();
    let attribute = read::attribute(text, context, &target.name, &limits)?;
    change(call, target.id, target.types, Operation::ReplaceAttribute(attribute)).await?;
    Ok(no_content())
}

/// What a path and a body say of one attribute.
struct Target {
    id: Uri,
    name: Name,
    types: Option<TypeSelector>,
    payload: Payload,
    compiled: Arc<Compiled>,
}

impl Target {
    async fn read(call: &Call<'_>, id: &str, name: &str, body: Body) -> Result<Target, Problem> {
        call.parameters.allow(&["local", "type"])?;
        call.parameters.local()?;
        let id = entity_id(id)?;
        let payload = Payload::read(call, body).await?;
        let compiled = payload.context(call).await?;
        let name = attribute_name(name, &compiled)?;
        let types = call.types(&compiled)?;
        Ok(Target { id, name, types, payload, compiled })
    }
}

/// Delete Attribute (5.6.5); `scope` is one here.
pub(crate) async fn delete(call: &Call<'_>, id: &str, name: &str) -> Result<Response, Problem> {
    let parameters = &call.parameters;
    parameters.allow(&["datasetId", "deleteAll", "local", "type"])?;
    parameters.local()?;
    let id = entity_id(id)?;
    let compiled = call.linked_context().await?;
    let types = call.types(&compiled)?;
    let instances = match parameters.flag("deleteAll")? {
        true => Instances::All,
        false => Instances::One(dataset(call)?),
    };
    let operation = if compiled.context().expand_term(name) == SCOPE {
        Operation::DeleteScope
    } else {
        Operation::DeleteAttribute { name: attribute_name(name, &compiled)?, instances }
    };
    change(call, id, types, operation).await?;
    Ok(no_content())
}

const SCOPE: &str = "https://uri.etsi.org/ngsi-ld/scope";

/// Which instance is meant: the default one unless `datasetId` names another.
pub(super) fn dataset(call: &Call<'_>) -> Result<Option<Uri>, Problem> {
    call.parameters.text("datasetId").map_or(Ok(None), dataset_id)
}

/// Retrieve Attribute (TS 104 176 7.5).
pub(crate) async fn retrieve(call: &Call<'_>, id: &str, name: &str) -> Result<Response, Problem> {
    call.parameters.allow(&["datasetId", "format", "lang", "local", "options", "type"])?;
    call.parameters.local()?;
    let media_type = call.accepted(JSON)?;
    let id = entity_id(id)?;
    let compiled = call.linked_context().await?;
    let name = attribute_name(name, &compiled)?;
    let types = call.types(&compiled)?;
    let asked = Asked::of_parameters(&call.parameters);
    let representation = Representation::new(call, &asked, compiled, media_type)?;
    let entity = existing(call, &id, types.as_ref()).await?;
    let attribute = entity.attributes.get(&name).ok_or_else(|| no_attribute(&name))?;
    let answer = representation.of_attribute(attribute);
    Ok(answer.ok_or_else(|| no_attribute(&name))?.into_response())
}

/// Retrieve Attribute Value (TS 104 176 7.6.3.1).
pub(crate) async fn value(call: &Call<'_>, id: &str, name: &str) -> Result<Response, Problem> {
    const VALUE: &[MediaType] = &[MediaType::Json];
    call.parameters.allow(&["datasetId", "local", "type"])?;
    call.parameters.local()?;
    call.accepted(VALUE)?;
    let id = entity_id(id)?;
    let compiled = call.linked_context().await?;
    let name = attribute_name(name, &compiled)?;
    let types = call.types(&compiled)?;
    let dataset_id = dataset(call)?;
    let entity = existing(call, &id, types.as_ref()).await?;
    let attribute = entity.attributes.get(&name).ok_or_else(|| no_attribute(&name))?;
    let instance = instance(attribute, dataset_id.as_ref())?;
    let mut body = String::new();
    write::value(&mut body, instance, compiled.context());
    let answer = Answer::new(body, MediaType::Json);
    Ok(answer.with_context(&compiled, preferences(call.headers())).into_response())
}

fn instance<'a>(
    attribute: &'a Attribute,
    dataset_id: Option<&Uri>,
) -> Result<&'a model::Instance, Problem> {
    attribute.instance(dataset_id).ok_or_else(|| {
        let name = &attribute.name;
        Problem::not_found(match dataset_id {
            Some(dataset_id) => {
                format!("attribute `{name}` has no instance with datasetId `{dataset_id}`")
            }
            None => {
                format!("attribute `{name}` has no default instance; name one by its datasetId")
            }
        })
    })
}

fn no_attribute(name: &Name) -> Problem {
    Problem::not_found(format!("the entity has no attribute `{name}`"))
}

/// Set Attribute Value (TS 104 175 10.2.6): everything but the value stays as it is.
pub(crate) async fn set_value(
    call: &Call<'_>,
    id: &str,
    name: &str,
    body: Body,
) -> Result<Response, Problem> {
    call.parameters.allow(&["datasetId", "local", "observedAt", "type"])?;
    call.parameters.local()?;
    let id = entity_id(id)?;
    let dataset_id = dataset(call)?;
    let observed_at = call.parameters.date_time("observedAt")?;
    let payload = Payload::read(call, body).await?;
    if payload.media_type == MediaType::LdJson {
        return Err(Problem::bad_request_data(
            "a bare value has no place for a @context; send it as application/json",
        ));
    }
    let compiled = call.linked_context().await?;
    let name = attribute_name(name, &compiled)?;
    let types = call.types(&compiled)?;
    let limits = call.settings().payload();
    let value = read::value(payload.text(), compiled.context(), &limits)?;
    let operation = Operation::SetValue { name, dataset_id, value, observed_at };
    change(call, id, types, operation).await?;
    Ok(no_content())
}
