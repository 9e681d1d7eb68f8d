//! What the layer knows of a request before a door does.

use ::audit::{Entry, Event, Identity, Outcome, Who};
use axum::extract::Request;
use http::Method;
use identity::oidc::is_token;
use ngsi_ld::{Unauthenticated, bearer};
use policy::Caller;

use crate::gate::{Client, LockedFor};
use crate::problem::seconds;
use crate::request_id;

/// Who asked for what, from where.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it is, if it is let through; nothing where that is never recorded.
    pub event: Option<Event>,
    who: Who,
    method: Method,
    target: String,
    from: String,
    request: String,
    locked: Option<LockedFor>,
}

/// Paths that need no caller, so that there is nothing to record.
pub fn is_public(path: &str) -> bool {
    matches!(path, "/health" | "/openapi.json")
}

/// The name of whoever could not prove to be anyone.
const UNKNOWN: &str = "unknown";

impl Asked {
    pub fn of(request: &Request, caller: &Result<Caller, Unauthenticated>) -> Asked {
        let headers = request.headers();
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let kind = match bearer(headers) {
            Some(bearer) if is_token(bearer) => Identity::Token,
            Some(_) => Identity::Key,
            None => Identity::Anonymous,
        };
        let who = Who {
            name: caller.as_ref().map_or(UNKNOWN, |caller| &caller.name).into(),
            kind,
            tenant: text("ngsild-tenant").filter(|name| !name.is_empty()).map(Into::into),
        };
        let from = request.extensions().get::<Client>();
        Asked {
            event: event(request.method(), request.uri().path()),
            who,
            // Without the query, which may hold what is nobody's business.
            method: request.method().clone(),
            target: request.uri().path().to_owned(),
            from: from.map(|Client(address)| address.to_string()).unwrap_or_default(),
            request: text(request_id::NAME.as_str()).unwrap_or_default().to_owned(),
            locked: request.extensions().get().copied(),
        }
    }

    pub fn entry(&self, event: Event, outcome: Outcome) -> Entry {
        let entry = Entry::new(event, self.who.clone(), outcome)
            .target(&self.target)
            .from(&self.from)
            .request(&self.request)
            .detail("method", self.method.as_str());
        match self.locked {
            Some(LockedFor(time)) => entry.detail("address_locked_s", &seconds(time).to_string()),
            None => entry,
        }
    }
}

/// What a request is, by what it asks for.
fn event(method: &Method, path: &str) -> Option<Event> {
    let path = path.trim_end_matches('/');
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match path.split('/').nth(1) {
        _ if *method == Method::OPTIONS => None,
        Some("audit") if path == "/audit/export" => Some(Event::Export),
        Some("audit") => Some(Event::AuditRead),
        Some("admin") if !reads => Some(Event::Administration),
        _ if reads || path.ends_with("/entityOperations/query") => Some(Event::Read),
        _ => Some(Event::Write),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_tells_what_it_is() {
        let check = |method: Method, path, expected| {
            assert_eq!(event(&method, path), expected, "{method} {path}");
        };
        check(Method::GET, "/ngsi-ld/v1/entities", Some(Event::Read));
        check(Method::HEAD, "/ngsi-ld/v1/entities/", Some(Event::Read));
        check(Method::POST, "/ngsi-ld/v1/entities", Some(Event::Write));
        check(Method::POST, "/ngsi-ld/v1/entityOperations/query", Some(Event::Read));
        check(Method::POST, "/ngsi-ld/v1/temporal/entityOperations/query/", Some(Event::Read));
        check(Method::POST, "/ngsi-ld/v1/entityOperations/upsert", Some(Event::Write));
        check(Method::OPTIONS, "/ngsi-ld/v1/entities", None);
        check(Method::GET, "/events", Some(Event::Read));
        check(Method::GET, "/admin/deadLetters", Some(Event::Read));
        check(Method::DELETE, "/admin/deadLetters", Some(Event::Administration));
        check(Method::GET, "/audit", Some(Event::AuditRead));
        check(Method::GET, "/audit/key", Some(Event::AuditRead));
        check(Method::GET, "/audit/export", Some(Event::Export));
    }
}
