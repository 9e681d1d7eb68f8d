//! The HTTP stack of the server with nothing behind it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

const CONSTANT_BYTES_MAX: usize = 4 * 1024 * 1024;
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Nobody needs it for longer; should whoever started it be gone, it ends by itself.
const LIFETIME: Duration = Duration::from_secs(4 * 3600);

#[tokio::main]
pub async fn serve(listen: SocketAddr) -> io::Result<()> {
    let router = Router::new()
        .route("/health", get(|| async {}))
        .route("/constant/{bytes}", get(constant))
        .route("/accept", post(accept).patch(accept))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Bytes::from(vec![b' '; CONSTANT_BYTES_MAX]));
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        // Where it fails the connection is gone already.
        let _ = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, router).into_future();
    tokio::time::timeout(LIFETIME, serving).await.unwrap_or(Ok(()))
}

async fn constant(State(blank): State<Bytes>, Path(bytes): Path<usize>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], blank.slice(..bytes.min(CONSTANT_BYTES_MAX)))
}

async fn accept(method: Method, body: Bytes) -> StatusCode {
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(_) if method == Method::PATCH => StatusCode::NO_CONTENT,
        Ok(_) => StatusCode::CREATED,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
