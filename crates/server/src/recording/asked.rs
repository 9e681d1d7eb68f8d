//! What the layer knows of a request before a door does.

use ::audit::{Entry, Event, Identity, Outcome, Who};
use axum::extract::Request;
use http::Method;
use identity::oidc::is_token;
use model::Tenant;
use ngsi_ld::{Unauthenticated, bearer};
use policy::Caller;

use super::UNKNOWN;
use crate::gate::{Client, LockedFor};
use crate::problem::seconds;
use crate::request_id;
use crate::tls::Peer;

/// Who asked for what, from where.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it is, if it is let through; nothing where that is never recorded.
    pub event: Option<Event>,
    who: Who,
    method: Method,
    /// The path and its query, of which an entry keeps what is no secret.
    target: String,
    route: String,
    /// The names in a certificate that made nobody a caller.
    certificate: Option<String>,
    from: String,
    request: String,
    /// Its failure to sign in locked the address.
    pub locked: Option<LockedFor>,
}

/// Paths that need no caller, so that there is nothing to record.
pub fn is_public(path: &str) -> bool {
    matches!(path, "/health" | "/openapi.json")
}

impl Asked {
    pub fn of(request: &Request, caller: &Result<Caller, Unauthenticated>) -> Asked {
        let headers = request.headers();
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let peer = request.extensions().get::<Peer>();
        let kind = match (bearer(headers), peer) {
            (Some(bearer), _) if is_token(bearer) => Identity::Token,
            (Some(_), _) => Identity::Key,
            (None, Some(_)) => Identity::Certificate,
            (None, None) => Identity::Anonymous,
        };
        let nobody = peer.filter(|_| caller.is_err());
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let who = Who {
            name: caller.as_ref().map_or(UNKNOWN, |caller| &caller.name).into(),
            kind,
            tenant: text("ngsild-tenant").filter(|name| !name.is_empty()).map(Into::into),
        };
        let from = request.extensions().get::<Client>();
        Asked {
            event: event(request.method(), request.uri().path()),
            who,
            method: request.method().clone(),
            target: target.to_owned(),
            route: route(request.method(), request.uri().path()),
            certificate: nobody.map(|peer| peer.names().join(", ")),
            from: from.map(|Client(address)| address.to_string()).unwrap_or_default(),
            request: text(request_id::NAME.as_str()).unwrap_or_default().to_owned(),
            locked: request.extensions().get().copied(),
        }
    }

    /// The tenant that is asked for; the default one where its name is none that a tenant can have,
    /// which doors refuse.
    pub fn tenant(&self) -> Tenant {
        let named = self.who.tenant.as_ref().map(|name| Tenant::parse(name.as_str()));
        named.and_then(Result::ok).unwrap_or_default()
    }

    pub fn entry(&self, event: Event, outcome: Outcome) -> Entry {
        let mut entry = Entry::new(event, self.who.clone(), outcome)
            .target(&self.target)
            .from(&self.from)
            .request(&self.request)
            .detail("method", self.method.as_str());
        if let Some(LockedFor(time)) = self.locked {
            entry = entry.detail("address_locked_s", &seconds(time).to_string());
        }
        match &self.certificate {
            Some(names) => entry.detail("certificate", names),
            None => entry,
        }
    }

    /// What requests for one thing have in common, with the method.
    pub fn route(&self) -> &str {
        &self.route
    }
}

/// How many parts of a path tell the route, and how long they are.
const ROUTE_PARTS_MAX: usize = 3;
const ROUTE_BYTES_MAX: usize = 64;

/// The method, and what the path begins with: whoever tries many ids does the same again and again.
fn route(method: &Method, path: &str) -> String {
    let end = path.match_indices('/').nth(ROUTE_PARTS_MAX).map_or(path.len(), |(end, _)| end);
    format!("{method} {}", &path[..path.floor_char_boundary(end.min(ROUTE_BYTES_MAX))])
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
    fn a_route_is_what_a_path_begins_with() {
        assert_eq!(route(&Method::GET, "/ngsi-ld/v1/entities/urn:x:1"), "GET /ngsi-ld/v1/entities");
        assert_eq!(route(&Method::PUT, "/admin"), "PUT /admin");
        let long = format!("/{}", "\u{e9}".repeat(100));
        assert!(route(&Method::GET, &long).len() <= "GET ".len() + ROUTE_BYTES_MAX);
    }

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
