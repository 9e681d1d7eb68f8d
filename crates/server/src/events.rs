//! `GET /events`: changes as they happen, as server-sent events, or over a WebSocket where the
//! client asks for that.
//!
//! What is told is what a subscriber would be notified of, each with its position in the journal.
//! A client that comes again with the last position it has seen (`Last-Event-ID`, or `?after=`) is
//! told what happened meanwhile.

mod pump;
mod sse;
mod web_socket;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::header::UPGRADE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use ngsi_ld::{Authenticate, Door};
use store::Position;
use subscriptions::{OpenError, Stream, Streams};

use crate::http::Place;
use crate::problem::problem;
use crate::stop::Stopped;

use pump::{End, Pump, Said};

/// What streams need.
#[derive(Clone)]
pub struct Events {
    pub door: Door,
    pub authenticate: Arc<dyn Authenticate>,
    pub streams: Arc<Streams>,
    pub keepalive: Duration,
    pub stopped: Stopped,
}

pub fn router(events: Events) -> Router {
    Router::new().route("/events", get(listen)).with_state(events)
}

async fn listen(
    State(events): State<Events>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    let stream = match events.open(&head).await {
        Ok(stream) => stream,
        Err(answer) => return *answer,
    };
    let (place, is_wanted) = (head.extensions.get::<Place>().cloned(), is_wanted(&head.headers));
    let pump = Pump::new(&events, stream, head);
    match upgrade {
        Ok(upgrade) => upgrade
            .read_buffer_size(web_socket::READ_BYTES)
            .max_message_size(web_socket::READ_BYTES)
            .max_frame_size(web_socket::READ_BYTES)
            .on_upgrade(async move |socket| {
                web_socket::tell(socket, pump.start(), events.stopped).await;
                drop(place);
            }),
        Err(rejection) if is_wanted => *refused((rejection.status(), rejection.body_text())),
        Err(_) => sse::answer(pump.start()),
    }
}

impl Events {
    async fn open(&self, head: &Parts) -> Result<Stream, Box<Response>> {
        let (subscription, asked) = self.door.listen(head).await?;
        let after = last_event_id(&head.headers).map_err(refused)?.or(asked).map(Position);
        let opened = self.streams.open(subscription, after).await;
        opened.map_err(|error| {
            let status = match &error {
                OpenError::TooMany(_) | OpenError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
                OpenError::OverQuota(_) => StatusCode::FORBIDDEN,
                OpenError::NotYet { .. } => StatusCode::BAD_REQUEST,
                OpenError::Gone(_) => StatusCode::GONE,
            };
            refused((status, error.to_string()))
        })
    }
}

/// Does the client ask for a WebSocket? It may ask for other protocols, and gets none.
fn is_wanted(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Where a client that comes again was before.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, (StatusCode, String)> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    match value.to_str().map(str::trim) {
        Ok("") => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|_| wrong_id()),
        Err(_) => Err(wrong_id()),
    }
}

fn wrong_id() -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, "`Last-Event-ID` is not the id of an event from here".to_owned())
}

fn refused((status, detail): (StatusCode, String)) -> Box<Response> {
    Box::new(problem(status, &detail))
}
