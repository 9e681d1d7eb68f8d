//! Contexts that are kept here: add, list, serve, delete and reload (clauses 5.13, 6.29 and 6.30).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::HOST;
use jsonld::{CORE_CONTEXT_URL, is_core_url};
use model::Timestamp;
use serde_json::{Value, json};

use super::entities::created;
use crate::contexts::{CONTEXTS_PATH, Compiled, Entry, Kind, Shelf};
use crate::door::{Answer, Call, JSON, Payload, Problem, no_content, segment};

/// Add @context (5.13.2).
pub(crate) async fn add(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&[])?;
    call.broker().may_write(&call.caller, &call.tenant)?;
    let payload = Payload::read(call, body).await?;
    let text = payload.text();
    let document: Value = serde_json::from_str(text).map_err(|error| {
        Problem::invalid_request(format!("the body is not valid JSON: {error}"))
    })?;
    let Some(context) = document.get("@context") else {
        return Err(Problem::invalid_request("the body has no `@context`"));
    };
    call.door.contexts.check(&document).map_err(Problem::bad_request_data)?;
    // What stands outside of the @context does not belong to it (clause 5.13.2.3).
    let text = json!({"@context": context}).to_string();
    let contexts = &call.door.contexts;
    let shelf = contexts.shelf(&call.tenant).await?;
    contexts.make_room(&shelf).await?;
    let now = call.broker().now();
    let id = shelf.new_id(Kind::Hosted, &text, now);
    let entry = Entry::new(id, Kind::Hosted, None, now, None);
    let entry = shelf.put(entry, text.into_bytes()).await?;
    created(&path(&entry))
}

/// List @contexts (5.13.3).
pub(crate) async fn list(call: &Call<'_>) -> Result<Response, Problem> {
    call.parameters.allow(&["details", "kind"])?;
    let details = call.parameters.flag("details")?;
    let kind = call.parameters.text("kind").map(|name| {
        Kind::from_name(name).ok_or_else(|| {
            Problem::bad_request_data("`kind` is none of Hosted, Cached and ImplicitlyCreated")
        })
    });
    let kind = kind.transpose()?;
    let media_type = call.accepted(JSON)?;
    call.broker().may_read(&call.caller, &call.tenant)?;
    // A tenant that has none is told so by an empty list.
    let shelf = call.door.contexts.shelf(&call.tenant).await?;
    let mut listed: Vec<Value> = Vec::new();
    if kind.is_none_or(|kind| kind == Kind::Cached) {
        let core = core_metadata(call);
        listed.push(if details { core } else { CORE_CONTEXT_URL.into() });
    }
    let wanted = shelf.all();
    let wanted = wanted.iter().filter(|entry| kind.is_none_or(|kind| entry.kind == kind));
    listed.extend(wanted.map(|entry| match details {
        true => metadata(call, entry),
        false => url(call, entry).into(),
    }));
    Ok(Answer::new(Value::from(listed).to_string(), media_type).into_response())
}

/// Serve @context (5.13.4).
pub(crate) async fn serve(call: &Call<'_>, id: &str) -> Result<Response, Problem> {
    call.parameters.allow(&["details"])?;
    let details = call.parameters.flag("details")?;
    let media_type = call.accepted(JSON)?;
    let shelf = readable_shelf(call).await?;
    if is_core_url(id) && details {
        return Ok(Answer::new(core_metadata(call).to_string(), media_type).into_response());
    }
    let entry = shelf.find(id).filter(|_| !is_core_url(id));
    let body = match &entry {
        Some(entry) if details => metadata(call, entry).to_string(),
        Some(entry) if entry.kind != Kind::Cached => {
            let text = shelf.text(entry).await?.and_then(|text| String::from_utf8(text).ok());
            text.ok_or_else(|| unknown(id))?
        }
        None if !is_core_url(id) => return Err(unknown(id)),
        _ => {
            return Err(Problem::not_supported(format!(
                "`{id}` is a copy of a context that another server hosts; ask that server, or \
                 give `details=true` for what is known of the copy"
            )));
        }
    };
    if let Some(entry) = &entry {
        call.door.contexts.note_found(&call.tenant, entry, call.broker().now()).await;
    }
    Ok(Answer::new(body, media_type).into_response())
}

/// Delete and Reload @context (5.13.5).
pub(crate) async fn delete(call: &Call<'_>, id: &str) -> Result<Response, Problem> {
    call.parameters.allow(&["reload"])?;
    let reload = call.parameters.flag("reload")?;
    call.broker().may_write(&call.caller, &call.tenant)?;
    if id.is_empty() {
        return Err(Problem::bad_request_data("the path has no context id"));
    }
    if is_core_url(id) {
        return match reload {
            true => Ok(no_content()),
            false => Err(Problem::bad_request_data("the core context is built in, and stays")),
        };
    }
    let shelf = known_shelf(call).await?;
    let entry = shelf.find(id);
    match entry {
        Some(entry) if !reload => shelf.remove(&entry).await?,
        Some(entry) if entry.kind == Kind::Cached => {
            call.door.contexts.reload(&shelf, &entry, call.broker().now()).await?;
        }
        None if !reload => return Err(unknown(id)),
        // Something that is not there is not a copy either (ETSI test 051_04).
        _ => {
            return Err(Problem::bad_request_data(format!(
                "`{id}` is not a copy of a context that another server hosts, so it cannot be \
                 loaded again"
            )));
        }
    }
    Ok(no_content())
}

/// Gives a context that no URL stands for one, and hosts it there (5.13.1).
pub(super) async fn publish(call: &Call<'_>, compiled: &Compiled) -> Result<String, Problem> {
    let contexts = &call.door.contexts;
    let shelf = contexts.shelf(&call.tenant).await?;
    let id = Shelf::implicit_id(compiled.json());
    let entry = match shelf.find(&id) {
        Some(entry) => entry,
        None => {
            contexts.make_implicit_room(&shelf).await?;
            let now = call.broker().now();
            let text = format!("{{\"@context\":{}}}", compiled.json());
            let entry = Entry::new(id, Kind::ImplicitlyCreated, None, now, None);
            shelf.put(entry, text.into_bytes()).await?
        }
    };
    Ok(url(call, &entry))
}

async fn readable_shelf(call: &Call<'_>) -> Result<std::sync::Arc<Shelf>, Problem> {
    call.broker().may_read(&call.caller, &call.tenant)?;
    known_shelf(call).await
}

/// The contexts of a tenant for which anything was ever written, be it a context (clause 5.5.10).
async fn known_shelf(call: &Call<'_>) -> Result<std::sync::Arc<Shelf>, Problem> {
    let shelf = call.door.contexts.shelf(&call.tenant).await?;
    if shelf.len() == 0 {
        call.broker().known_tenant(&call.tenant).await?;
    }
    Ok(shelf)
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no context `{id}`"))
}

fn path(entry: &Entry) -> String {
    format!("{CONTEXTS_PATH}{}", segment(&entry.id))
}

/// Where a client finds the context: its original place, or here.
fn url(call: &Call<'_>, entry: &Entry) -> String {
    if let Some(url) = &entry.url {
        return url.clone();
    }
    let host = call.headers().get(HOST).and_then(|host| host.to_str().ok());
    match (&call.settings().public_url, host) {
        (Some(public), _) => format!("{}{}", public.trim_end_matches('/'), path(entry)),
        (None, Some(host)) => format!("http://{host}{}", path(entry)),
        (None, None) => path(entry),
    }
}

/// What is known of a context (5.13.3.5).
fn metadata(call: &Call<'_>, entry: &Entry) -> Value {
    let mut json = json!({
        "URL": url(call, entry),
        "localId": entry.id,
        "kind": entry.kind.name(),
        "createdAt": entry.created_at.to_string(),
        "numberOfHits": entry.hits(),
    });
    let mut add = |name: &str, at: Option<Timestamp>| {
        if let Some(at) = at {
            json[name] = at.to_string().into();
        }
    };
    add("expiresAt", entry.expires_at());
    add("lastUsage", entry.last_usage());
    json
}

/// The core context is there without ever having been fetched.
fn core_metadata(call: &Call<'_>) -> Value {
    json!({
        "URL": CORE_CONTEXT_URL,
        "localId": CORE_CONTEXT_URL,
        "kind": Kind::Cached.name(),
        "createdAt": call.door.started_at.to_string(),
    })
}
