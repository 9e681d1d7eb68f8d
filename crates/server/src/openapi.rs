//! `GET /openapi.json`: what this server answers, described for programs (OpenAPI 3.1).

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

/// Written by hand; `tests/openapi.rs` holds it to what is routed.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// Needs no key: the document tells what every installation of this version answers.
pub(crate) fn router() -> Router {
    let answer = || async { ([(CONTENT_TYPE, "application/json")], DOCUMENT) };
    Router::new().route("/openapi.json", get(answer))
}
