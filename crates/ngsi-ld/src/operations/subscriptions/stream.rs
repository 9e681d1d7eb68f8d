//! A subscription that lasts as long as somebody listens: what it is about stands in the parameters
//! of a URI, named as those of queries and as the members of subscriptions.

use serde_json::{Map, Value, json};
use subscriptions::{Key, Subscription};

use super::names::{Terms, Words};
use super::record::Record;
use super::{expanded, read};
use crate::door::{Call, Parameters, Problem};

/// The names that each stream goes by: it is no subscription that could be asked for.
const ID: &str = "urn:ngsi-ld:Subscription:stream";

const PARAMETERS: [&str; 23] = [
    "after",
    "attrs",
    "coordinates",
    "datasetId",
    "expandValues",
    "format",
    "geometry",
    "geoproperty",
    "georel",
    "id",
    "idPattern",
    "join",
    "joinLevel",
    "jsonKeys",
    "lang",
    "notificationTrigger",
    "omit",
    "options",
    "pick",
    "q",
    "scopeQ",
    "showChanges",
    "type",
];

/// What a map of live things needs to know: what comes, changes and goes.
const TRIGGERS: &str = "entityCreated,entityUpdated,entityDeleted";

/// What a stream is to tell of, and after which position it begins, where that is given.
pub(crate) async fn listen(call: &Call<'_>) -> Result<(Subscription, Option<u64>), Problem> {
    let parameters = &call.parameters;
    parameters.allow(&PARAMETERS)?;
    call.broker().may_read(&call.caller, &call.tenant)?;
    call.broker().known_tenant(&call.tenant).await?;
    let compiled = call.linked_context().await?;
    let record = Record {
        members: expanded(members(parameters)?, &compiled),
        words: Words::default(),
        context: compiled.json().to_owned(),
        context_url: compiled.url().map(str::to_owned),
        caller: call.caller.clone(),
        created_at: call.broker().now(),
    };
    let key = Key { tenant: call.tenant.clone(), id: model::Uri::from_valid(ID) };
    let terms = Terms::of(&compiled);
    let subscription = read::subscription(key, &record, &terms, &call.query_limits())?;
    let after = parameters.number("after")?.map(|after| after as u64);
    Ok((subscription, after))
}

/// The parameters as members of a subscription (5.2.12).
fn members(parameters: &Parameters<'_>) -> Result<Map<String, Value>, Problem> {
    let mut members = Map::new();
    for name in ["q", "scopeQ", "lang", "expandValues", "jsonKeys"] {
        set(&mut members, name, parameters.text(name).map(Value::from));
    }
    for (name, member) in [("attrs", "watchedAttributes"), ("datasetId", "datasetId")] {
        set(&mut members, member, parameters.text(name).map(list));
    }
    let triggers = parameters.text("notificationTrigger").unwrap_or(TRIGGERS);
    members.insert("notificationTrigger".to_owned(), list(triggers));
    set(&mut members, "entities", selector(parameters));
    set(&mut members, "geoQ", geo(parameters));
    // There is nothing else, so that a stream may be about everything.
    members.insert("localOnly".to_owned(), true.into());
    members.insert("notification".to_owned(), notification(parameters)?);
    Ok(members)
}

fn selector(parameters: &Parameters<'_>) -> Option<Value> {
    let text = |name| parameters.text(name);
    let (types, ids, pattern) = (text("type"), text("id"), text("idPattern"));
    if types.is_none() && ids.is_none() && pattern.is_none() {
        return None;
    }
    let mut selector = Map::new();
    selector.insert("type".to_owned(), types.unwrap_or("*").into());
    set(&mut selector, "id", ids.map(list));
    set(&mut selector, "idPattern", pattern.map(Value::from));
    Some(Value::from(vec![Value::from(selector)]))
}

fn geo(parameters: &Parameters<'_>) -> Option<Value> {
    let mut geo = Map::new();
    for name in ["georel", "geometry", "coordinates", "geoproperty"] {
        set(&mut geo, name, parameters.text(name).map(Value::from));
    }
    (!geo.is_empty()).then(|| geo.into())
}

fn notification(parameters: &Parameters<'_>) -> Result<Value, Problem> {
    parameters.allow_options(&["sysAttrs", "normalized", "concise", "simplified", "keyValues"])?;
    let mut notification = Map::new();
    let option = parameters.options().find(|option| *option != "sysAttrs");
    set(&mut notification, "format", parameters.text("format").or(option).map(Value::from));
    set(&mut notification, "pick", parameters.text("pick").map(list));
    set(&mut notification, "omit", parameters.text("omit").map(list));
    set(&mut notification, "join", parameters.text("join").map(Value::from));
    set(&mut notification, "joinLevel", parameters.number("joinLevel")?.map(Value::from));
    set(&mut notification, "showChanges", parameters.boolean("showChanges")?.map(Value::from));
    notification.insert("sysAttrs".to_owned(), parameters.has_option("sysAttrs").into());
    // Whoever listens is the endpoint.
    notification.insert("endpoint".to_owned(), json!({"uri": "http://stream.invalid/"}));
    Ok(notification.into())
}

fn set(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value);
    }
}

fn list(text: &str) -> Value {
    text.split(',').map(str::trim).collect()
}
