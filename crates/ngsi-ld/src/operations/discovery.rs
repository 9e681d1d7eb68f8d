//! Which types and attributes there are (clauses 5.7.5 to 5.7.10, 6.25 to 6.28).

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use broker::{AttributeCount, Census};
use model::{Kind, Name};
use query::{Filter, Page, Query};
use serde_json::{Value, json};

use crate::contexts::Compiled;
use crate::door::{Answer, Call, JSON, MediaType, Problem, expanded, preferences};

/// The names of all types, or with `details` those of their attributes too (5.7.5 and 5.7.6).
pub(crate) async fn types(call: &Call<'_>) -> Result<Response, Problem> {
    call.parameters.allow(&["details", "local"])?;
    let view = View::of(call).await?;
    let types = view.census.types.iter().map(|(name, _)| name);
    if call.parameters.flag("details")? {
        return Ok(view.list(types.map(|name| view.type_details(name)).collect()));
    }
    let names: Vec<String> = types.map(|name| view.name(name)).collect();
    Ok(view.object(json!({
        "id": view.list_id("EntityTypeList"),
        "type": "EntityTypeList",
        "typeList": names,
    })))
}

/// What is known of one type (5.7.7).
pub(crate) async fn entity_type(call: &Call<'_>, name: &str) -> Result<Response, Problem> {
    call.parameters.allow(&["local"])?;
    let view = View::of(call).await?;
    let name = expanded(name, &view.compiled);
    let found = view.census.types.iter().find(|(known, _)| *known == name);
    let (name, count) =
        found.ok_or_else(|| Problem::not_found(format!("there is no entity of type `{name}`")))?;
    let of_type = |count: &&AttributeCount| count.entity_type == *name;
    let attributes = view.attribute_names(of_type).into_iter().map(|attribute| {
        let kinds = view.kinds(|count| of_type(&count) && count.attribute == *attribute);
        json!({
            "id": attribute.as_str(),
            "type": "Attribute",
            "attributeName": view.name(attribute),
            "attributeTypes": kinds,
        })
    });
    let attributes: Vec<Value> = attributes.collect();
    Ok(view.object(json!({
        "id": name.as_str(),
        "type": "EntityTypeInfo",
        "typeName": view.name(name),
        "entityCount": count,
        "attributeDetails": attributes,
    })))
}

/// The names of all attributes, or with `details` the types that have them too (5.7.8 and 5.7.9).
pub(crate) async fn attributes(call: &Call<'_>) -> Result<Response, Problem> {
    call.parameters.allow(&["details", "local"])?;
    let view = View::of(call).await?;
    let names = view.attribute_names(|_| true);
    if call.parameters.flag("details")? {
        return Ok(view.list(names.into_iter().map(|name| view.attribute_details(name)).collect()));
    }
    let names: Vec<String> = names.into_iter().map(|name| view.name(name)).collect();
    Ok(view.object(json!({
        "id": view.list_id("AttributeList"),
        "type": "AttributeList",
        "attributeList": names,
    })))
}

/// What is known of one attribute (5.7.10).
pub(crate) async fn attribute(call: &Call<'_>, name: &str) -> Result<Response, Problem> {
    call.parameters.allow(&["local"])?;
    let view = View::of(call).await?;
    let name = expanded(name, &view.compiled);
    if !view.census.attributes.iter().any(|count| count.attribute == name) {
        return Err(Problem::not_found(format!("no entity has an attribute `{name}`")));
    }
    let mut details = view.attribute_details(&name);
    details["attributeTypes"] = view.kinds(|count| count.attribute == name).into();
    details["attributeCount"] = view.count(&name).await?.into();
    Ok(view.object(details))
}

/// A census as one client sees it.
struct View<'a> {
    call: &'a Call<'a>,
    compiled: Arc<Compiled>,
    media_type: MediaType,
    census: Census,
}

impl<'a> View<'a> {
    async fn of(call: &'a Call<'_>) -> Result<View<'a>, Problem> {
        call.parameters.local()?;
        let media_type = call.accepted(JSON)?;
        let compiled = call.linked_context().await?;
        let census = call.broker().census(&call.caller, &call.tenant).await?;
        Ok(View { call, compiled, media_type, census })
    }

    /// As short as the context allows.
    fn name(&self, name: &Name) -> String {
        self.compiled.context().compact_iri(name.as_str()).into_owned()
    }

    /// There is one list of each kind in a tenant.
    fn list_id(&self, kind: &str) -> String {
        let tenant = self.call.tenant.as_str();
        let tenant = if tenant.is_empty() { "default" } else { tenant };
        format!("urn:ngsi-ld:{kind}:{tenant}")
    }

    /// Each name once, in the order of the census.
    fn attribute_names(&self, wanted: impl Fn(&&AttributeCount) -> bool) -> Vec<&Name> {
        let mut names: Vec<&Name> =
            self.census.attributes.iter().filter(wanted).map(|count| &count.attribute).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn kinds(&self, wanted: impl Fn(&AttributeCount) -> bool) -> Vec<&'static str> {
        let found = self.census.attributes.iter().filter(|count| wanted(count));
        let mut kinds: Vec<Kind> = found.map(|count| count.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.into_iter().map(Kind::term).collect()
    }

    fn type_details(&self, name: &Name) -> Value {
        let attributes = self.attribute_names(|count| count.entity_type == *name);
        let attributes: Vec<String> = attributes.into_iter().map(|name| self.name(name)).collect();
        json!({
            "id": name.as_str(),
            "type": "EntityType",
            "typeName": self.name(name),
            "attributeNames": attributes,
        })
    }

    fn attribute_details(&self, name: &Name) -> Value {
        let found = self.census.attributes.iter().filter(|count| count.attribute == *name);
        let mut types: Vec<&Name> = found.map(|count| &count.entity_type).collect();
        types.sort_unstable();
        types.dedup();
        let types: Vec<String> = types.into_iter().map(|name| self.name(name)).collect();
        json!({
            "id": name.as_str(),
            "type": "Attribute",
            "attributeName": self.name(name),
            "typeNames": types,
        })
    }

    /// How many entities have the attribute. Counts by type do not tell where an entity has
    /// several types, or instances of several kinds; then they are counted.
    async fn count(&self, name: &Name) -> Result<u64, Problem> {
        let mut counts = self.census.attributes.iter().filter(|count| count.attribute == *name);
        if let (Some(only), None) = (counts.next(), counts.next()) {
            return Ok(only.entities);
        }
        let filter = Filter::Attributes(vec![name.clone()]);
        let query = Query::of(self.call.tenant.clone(), filter);
        let query = Query { page: Page { offset: 0, limit: 0 }, count: true, ..query };
        let found = self.call.broker().query(&self.call.caller, query).await?;
        Ok(found.total.unwrap_or_default() as u64)
    }

    fn object(&self, mut object: Value) -> Response {
        self.add_context(&mut object);
        self.answer(object.to_string())
    }

    fn list(&self, mut objects: Vec<Value>) -> Response {
        objects.iter_mut().for_each(|object| self.add_context(object));
        self.answer(Value::from(objects).to_string())
    }

    fn add_context(&self, object: &mut Value) {
        if self.media_type == MediaType::LdJson {
            let context = serde_json::from_str(self.compiled.json());
            object["@context"] = context.unwrap_or_default();
        }
    }

    fn answer(&self, body: String) -> Response {
        let answer = Answer::new(body, self.media_type);
        answer.with_context(&self.compiled, preferences(self.call.headers())).into_response()
    }
}
