//! `GET /health`: is the server well? Like the description in `openapi.rs`, it needs no key.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::json;

/// What is not as it should be, for people: none in a sound installation.
pub fn router(warnings: &[String]) -> Router {
    let answer = json!({
        "status": if warnings.is_empty() { "ok" } else { "warning" },
        "version": env!("CARGO_PKG_VERSION"),
        "warnings": warnings,
    });
    let answer = format!("{answer}\n");
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], answer.clone()) };
    Router::new().route("/health", get(answer))
}
