//! Subscriptions: create, list, retrieve, update, delete (clauses 5.8.1 to 5.8.5, 6.10 and 6.11).

mod endpoint;
mod members;
mod names;
mod read;
mod record;
mod show;
mod stream;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::LINK;
use model::{NULL, Timestamp, Uri};
use query::Limits;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subscriptions::{Key, Subscription};

use super::entities::created;
use super::jsonld_contexts::publish;
use super::query::page;
use crate::contexts::Compiled;
use crate::door::{
    Answer, Call, JSON, MediaType, PREFERENCE_APPLIED, Payload, Preferences, Problem, ROOT,
    no_content, preferred_version, segment,
};

use members::Members;
use names::{Terms, renamed};
use record::Record;
use show::{Reader, shown};

pub(crate) use stream::listen;

pub use endpoint::INFO_MAX as ENDPOINT_INFO_MAX;

/// The members that a subscription may have (table 5.2.12-1). Others are left out.
const MEMBERS: [&str; 25] = [
    "csf",
    "datasetId",
    "description",
    "entities",
    "expandValues",
    "expiresAt",
    "geoQ",
    "id",
    "isActive",
    "jsonKeys",
    "jsonldContext",
    "lang",
    "localOnly",
    "ngsildConformance",
    "notification",
    "notificationTrigger",
    "q",
    "scopeQ",
    "splitEntities",
    "subscriptionName",
    "temporalQ",
    "throttling",
    "timeInterval",
    "type",
    "watchedAttributes",
];

/// Those of `notification` that only the server says (table 5.2.14.2-1).
const ONLY_SHOWN: [&str; 6] =
    ["lastFailure", "lastNotification", "lastSuccess", "status", "timesFailed", "timesSent"];

/// Create Subscription (5.8.1).
pub(crate) async fn create(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&[])?;
    call.broker().may_write(&call.caller, &call.tenant)?;
    let payload = Payload::read(call, body).await?;
    let mut written = written(&payload)?;
    let compiled = payload.context(call).await?;
    check_type(&written, true)?;
    let now = call.broker().now();
    let given = Members { all: &written, within: "" };
    let id = match given.uri("id")? {
        Some(id) => id,
        None => new_id(&payload, call, now),
    };
    refuse_past(given, now)?;
    written.insert("id".to_owned(), id.as_str().into());
    let (context, context_url) =
        notification_context(call, given_context(&written)?, &compiled).await?;
    let mut record = Record {
        members: expanded(written, &compiled),
        words: names::Words::default(),
        context,
        context_url: Some(context_url),
        caller: call.caller.clone(),
        created_at: now,
    };
    let key = Key { tenant: call.tenant.clone(), id };
    let terms = Terms::of(&compiled);
    let limits = call.query_limits();
    let subscription = read::subscription(key.clone(), &record, &terms, &limits)?;
    record.words = terms.into_words();
    call.broker().create_subscription(&call.caller, subscription, record.to_bytes()).await?;
    created(&format!("{ROOT}subscriptions/{}", segment(key.id.as_str())))
}

/// Query Subscriptions (5.8.4), in the order in which they were made.
pub(crate) async fn list(call: &Call<'_>) -> Result<Response, Problem> {
    call.parameters.allow(&["count", "limit", "offset", "options"])?;
    call.parameters.allow_options(&[])?;
    let media_type = call.accepted(JSON)?;
    let count = call.parameters.flag("count")?;
    let page = page::asked(call, count)?;
    let all = call.broker().all_subscriptions(&call.caller, &call.tenant).await?;
    let compiled = call.linked_context().await?;
    let mut records =
        all.iter().map(|(_, bytes)| understood(bytes)).collect::<Result<Vec<_>, _>>()?;
    if !call.broker().sees_all(&call.caller, &call.tenant) {
        records.retain(|record| record.is_of(&call.caller));
    }
    records.sort_by_key(|record| record.created_at);
    let total = records.len();
    let on_page: Vec<Record> = records.into_iter().skip(page.offset).take(page.limit).collect();
    let more = page.offset.saturating_add(on_page.len()) < total;
    let shown: Vec<Value> = on_page
        .iter()
        .map(|record| Ok(as_shown(call, record, &compiled, media_type)?.into()))
        .collect::<Result<_, Problem>>()?;
    let mut answer = answer(call, &Value::from(shown), media_type, &compiled);
    for link in page::links(call, page, more, media_type) {
        answer.headers.append(LINK, link);
    }
    if count {
        answer.headers.insert("ngsild-results-count", HeaderValue::from(total));
    }
    Ok(answer.into_response())
}

/// Retrieve Subscription (5.8.3).
pub(crate) async fn retrieve(call: &Call<'_>, id: &str) -> Result<Response, Problem> {
    call.parameters.allow(&["options"])?;
    call.parameters.allow_options(&[])?;
    let media_type = call.accepted(JSON)?;
    let key = key(call, id)?;
    let compiled = call.linked_context().await?;
    let (record, _) = existing(call, &key).await?;
    let shown = as_shown(call, &record, &compiled, media_type)?;
    Ok(answer(call, &shown.into(), media_type, &compiled).into_response())
}

/// Update Subscription (5.8.2): members of the fragment take the place of those there are.
pub(crate) async fn update(call: &Call<'_>, id: &str, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&[])?;
    let key = key(call, id)?;
    call.broker().may_write(&call.caller, &call.tenant)?;
    let payload = Payload::read(call, body).await?;
    let fragment = written(&payload)?;
    let compiled = payload.context(call).await?;
    existing(call, &key).await?;
    check_type(&fragment, false)?;
    let given = Members { all: &fragment, within: "" };
    if given.uri("id")?.is_some_and(|id| id != key.id) {
        return Err(given.wrong("id", "is another one than in the path; it cannot be changed"));
    }
    refuse_past(given, call.broker().now())?;
    let context = match given_context(&fragment)? {
        None => None,
        url => Some(notification_context(call, url, &compiled).await?),
    };
    let fragment = expanded(fragment, &compiled);
    loop {
        let (mut record, seen) = existing(call, &key).await?;
        let terms = Terms::of(&compiled);
        let has_words = ["q", "csf", "expandValues", "jsonKeys"]
            .iter()
            .any(|name| fragment.contains_key(*name));
        // Whoever aims it anew does so with the rights of today.
        if record.is_of(&call.caller) {
            record.caller = call.caller.clone();
        }
        merge(&mut record.members, fragment.clone());
        if let Some((context, url)) = &context {
            (record.context, record.context_url) = (context.clone(), Some(url.clone()));
        }
        let words = record.words.clone();
        let terms = if has_words { terms } else { Terms::Known(&words) };
        let limits = call.query_limits();
        let subscription = read::subscription(key.clone(), &record, &terms, &limits)?;
        record.words = terms.into_words();
        let bytes = record.to_bytes();
        // Somebody else may have changed it meanwhile.
        if call.broker().update_subscription(&call.caller, subscription, &seen, bytes).await? {
            return Ok(no_content());
        }
    }
}

/// Delete Subscription (5.8.5).
pub(crate) async fn delete(call: &Call<'_>, id: &str) -> Result<Response, Problem> {
    call.parameters.allow(&[])?;
    let key = key(call, id)?;
    call.broker().may_write(&call.caller, &call.tenant)?;
    existing(call, &key).await?;
    match call.broker().delete_subscription(&call.caller, &key).await? {
        true => Ok(no_content()),
        false => Err(unknown(&key)),
    }
}

/// The subscription that was written down before.
pub(crate) fn read_back(key: Key, bytes: &[u8], limits: &Limits) -> Result<Subscription, String> {
    let record = Record::from_bytes(bytes).ok_or("its record is damaged")?;
    let terms = Terms::Known(&record.words);
    let read = read::subscription(key, &record, &terms, limits);
    read.map_err(|problem| problem.detail().to_owned())
}

/// The members of the body, without what is not the client's to say.
fn written(payload: &Payload) -> Result<Map<String, Value>, Problem> {
    let body: Value = serde_json::from_str(payload.text()).map_err(|error| {
        Problem::invalid_request(format!("the body is not valid JSON: {error}"))
    })?;
    let Value::Object(mut members) = body else {
        return Err(Problem::invalid_request("the body is not a JSON object"));
    };
    for (keyword, member) in [("@id", "id"), ("@type", "type")] {
        if let Some(value) = members.remove(keyword) {
            members.entry(member).or_insert(value);
        }
    }
    members.retain(|name, _| MEMBERS.contains(&name.as_str()));
    if let Some(Value::Object(notification)) = members.get_mut("notification") {
        notification.retain(|name, _| !ONLY_SHOWN.contains(&name.as_str()));
    }
    Ok(members)
}

fn check_type(members: &Map<String, Value>, is_needed: bool) -> Result<(), Problem> {
    match members.get("type").map(|kind| kind.as_str()) {
        Some(Some("Subscription")) => Ok(()),
        None if !is_needed => Ok(()),
        _ => Err(Problem::bad_request_data("the `type` of a subscription is `Subscription`")),
    }
}

fn refuse_past(members: Members<'_>, now: Timestamp) -> Result<(), Problem> {
    let removes = members.all.get("expiresAt").is_some_and(is_null);
    if removes {
        return Ok(());
    }
    match read::expires_at(members)? {
        Some(at) if at < now => Err(members.wrong("expiresAt", "is in the past")),
        _ => Ok(()),
    }
}

fn expanded(mut members: Map<String, Value>, compiled: &Compiled) -> Map<String, Value> {
    renamed(&mut members, &|term| compiled.context().expand_term(term).into_owned());
    members
}

/// Members take the place of those there are; the NGSI-LD Null, or null, takes them away (5.5.8).
fn merge(members: &mut Map<String, Value>, fragment: Map<String, Value>) {
    for (name, value) in fragment {
        if is_null(&value) {
            members.shift_remove(&name);
        } else {
            members.insert(name, value);
        }
    }
}

fn is_null(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some(NULL)
}

fn given_context(members: &Map<String, Value>) -> Result<Option<Uri>, Problem> {
    if members.get("jsonldContext").is_some_and(is_null) {
        return Ok(None);
    }
    Members { all: members, within: "" }.uri("jsonldContext")
}

/// The context of notifications, as JSON text, and the URL that stands for it (5.8.1.4).
async fn notification_context(
    call: &Call<'_>,
    given: Option<Uri>,
    compiled: &Compiled,
) -> Result<(String, String), Problem> {
    if let Some(url) = given {
        call.door.contexts.at(call.asker(), url.as_str()).await?;
        return Ok((Value::from(url.as_str()).to_string(), url.as_str().to_owned()));
    }
    let url = match compiled.url() {
        Some(url) => url.to_owned(),
        None => publish(call, compiled).await?,
    };
    Ok((compiled.json().to_owned(), url))
}

/// An id that no other subscription has: of what it says, who says it and when.
fn new_id(payload: &Payload, call: &Call<'_>, now: Timestamp) -> Uri {
    let mut hash = Sha256::new();
    hash.update(now.0.to_be_bytes());
    hash.update(call.caller.name.as_bytes());
    hash.update(call.tenant.as_str().as_bytes());
    hash.update(payload.text().as_bytes());
    let digest: String = hash.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    Uri::from_valid(format!("urn:ngsi-ld:Subscription:{digest}").as_str())
}

fn key(call: &Call<'_>, id: &str) -> Result<Key, Problem> {
    let id = Uri::parse(id)
        .map_err(|error| Problem::bad_request_data(format!("the subscription id: {error}")))?;
    Ok(Key { tenant: call.tenant.clone(), id })
}

/// The record of a subscription, and its bytes.
async fn existing(call: &Call<'_>, key: &Key) -> Result<(Record, Vec<u8>), Problem> {
    let bytes = call.broker().subscription(&call.caller, key).await?;
    let bytes = bytes.ok_or_else(|| unknown(key))?;
    let record = understood(&bytes)?;
    if record.is_of(&call.caller) || call.broker().sees_all(&call.caller, &call.tenant) {
        return Ok((record, bytes));
    }
    // Its conditions, and what it sends, may be about what this caller does not see.
    Err(unknown(key))
}

fn understood(bytes: &[u8]) -> Result<Record, Problem> {
    Record::from_bytes(bytes)
        .ok_or_else(|| Problem::internal("the record of a subscription is damaged"))
}

fn unknown(key: &Key) -> Problem {
    Problem::not_found(format!("subscription `{key}` does not exist"))
}

fn as_shown(
    call: &Call<'_>,
    record: &Record,
    compiled: &Compiled,
    media_type: MediaType,
) -> Result<Map<String, Value>, Problem> {
    let id = record.members.get("id").and_then(Value::as_str).unwrap_or_default();
    let account = call.broker().account(&key(call, id)?);
    let trusted = record.is_of(&call.caller)
        || call.broker().may_administer(&call.caller, &call.tenant).is_ok();
    let reader = if trusted { Reader::Trusted } else { Reader::Other };
    let mut members = shown(record, &account, reader, call.broker().now(), compiled);
    if media_type == MediaType::LdJson {
        let context = serde_json::from_str(compiled.json()).unwrap_or_default();
        members.insert("@context".to_owned(), context);
    }
    Ok(members)
}

/// A version of NGSI-LD that is preferred is always applied: no version says a subscription in
/// another way (clause 4.3.6.8).
fn answer(call: &Call<'_>, body: &Value, media_type: MediaType, compiled: &Compiled) -> Answer {
    let answer = Answer::new(body.to_string(), media_type);
    let mut answer = answer.with_context(compiled, Preferences::default());
    let applied = preferred_version(call.headers())
        .and_then(|version| HeaderValue::from_str(&format!("ngsi-ld={version}")).ok());
    if let Some(applied) = applied {
        answer.headers.insert(PREFERENCE_APPLIED.clone(), applied);
    }
    answer
}
