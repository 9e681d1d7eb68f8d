//! A subscription as readers see it (clauses 5.2.12 and 5.2.14.2).

use model::{DateTime, Timestamp};
use serde_json::{Map, Value, json};
use subscriptions::{Account, Status, Triggers};

use super::names::{compacted, renamed};
use super::record::Record;
use crate::contexts::Compiled;

/// To whom a subscription is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Who made it, or looks after the platform.
    Trusted,
    Other,
}

/// The members of a subscription in the words of a context, with what is known of it besides.
pub(super) fn shown(
    record: &Record,
    account: &Account,
    reader: Reader,
    now: Timestamp,
    compiled: &Compiled,
) -> Map<String, Value> {
    let mut members = record.members.clone();
    renamed(&mut members, &|name| compacted(name, compiled));
    let status = status(&members, now).name();
    members.insert("status".to_owned(), status.into());
    if !members.contains_key("notificationTrigger") {
        let triggers: Vec<&str> = Triggers::DEFAULT.iter().map(|one| one.name()).collect();
        members.insert("notificationTrigger".to_owned(), triggers.into());
    }
    if !members.contains_key("jsonldContext")
        && let Some(url) = &record.context_url
    {
        members.insert("jsonldContext".to_owned(), url.as_str().into());
    }
    if let Some(Value::Object(notification)) = members.get_mut("notification") {
        add_account(notification, account);
        if reader == Reader::Other {
            hide_secrets(notification);
        }
    }
    members
}

fn status(members: &Map<String, Value>, now: Timestamp) -> Status {
    let at = members.get("expiresAt").and_then(Value::as_str);
    let at = at.and_then(|text| DateTime::parse(text).ok());
    match at {
        Some(at) if at.instant() <= now => Status::Expired,
        _ if members.get("isActive") == Some(&Value::Bool(false)) => Status::Paused,
        _ => Status::Active,
    }
}

/// Counts of 0 and moments that have not come are left out: their data types do not allow them.
fn add_account(notification: &mut Map<String, Value>, account: &Account) {
    let mut add = |name: &str, value: Value| drop(notification.insert(name.to_owned(), value));
    if let Some(is_ok) = account.is_ok() {
        add("status", if is_ok { "ok" } else { "failed" }.into());
    }
    for (name, count) in [("timesSent", account.times_sent), ("timesFailed", account.times_failed)]
    {
        if count > 0 {
            add(name, json!(count));
        }
    }
    let moments = [
        ("lastNotification", account.last_notification),
        ("lastSuccess", account.last_success),
        ("lastFailure", account.last_failure),
    ];
    for (name, at) in moments {
        if let Some(at) = at {
            add(name, at.to_string().into());
        }
    }
}

/// What an endpoint is given to prove who is sending is for the one who gave it.
fn hide_secrets(notification: &mut Map<String, Value>) {
    if let Some(Value::Object(endpoint)) = notification.get_mut("endpoint") {
        endpoint.remove("receiverInfo");
        endpoint.remove("notifierInfo");
        // With MQTT, a password may stand in the URI.
        if let Some(Value::String(uri)) = endpoint.get_mut("uri")
            && let Some((scheme, rest)) = uri.split_once("://")
            && let Some((_, host)) = rest.rsplit_once('@')
        {
            *uri = format!("{scheme}://{host}");
        }
    }
}
