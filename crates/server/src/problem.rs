//! What is wrong, as HTTP says it (RFC 9457).

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use ngsi_ld::{Reason, Unauthenticated};
use serde_json::{Value, json};

/// How long a client should wait before it tries again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// A problem, in the user's words.
pub fn problem(status: StatusCode, detail: &str) -> Response {
    told(status, detail, None)
}

/// A problem with one more member.
pub fn problem_with(status: StatusCode, detail: &str, member: (&str, Value)) -> Response {
    told(status, detail, Some(member))
}

fn told(status: StatusCode, detail: &str, member: Option<(&str, Value)>) -> Response {
    let mut problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    if let Some((name, value)) = member {
        problem[name] = value;
    }
    let kind = [(CONTENT_TYPE, "application/problem+json")];
    let mut response = (status, kind, format!("{problem}\n")).into_response();
    if Reason::is_kept(status) {
        response.extensions_mut().insert(Reason(detail.to_owned()));
    }
    response
}

/// What comes too fast, or too often: when to come again. Below the paths of NGSI-LD, problems are of
/// the media type that its clients know (clause 5.5.3).
pub fn too_many_requests(path: &str, detail: &str, wait: Duration) -> Response {
    let mut response = problem(StatusCode::TOO_MANY_REQUESTS, detail);
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
    if path.starts_with("/ngsi-ld/") {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

/// In whole seconds, and never too few.
pub fn seconds(wait: Duration) -> u64 {
    wait.as_nanos().div_ceil(1_000_000_000).try_into().unwrap_or(u64::MAX).max(1)
}

/// Why nobody is known to be asking.
pub fn unauthenticated(error: &Unauthenticated) -> Response {
    let mut response = problem(error.status(), &error.to_string());
    if let Some(challenge) = error.challenge() {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    if error.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response
}
