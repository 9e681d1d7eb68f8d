//! Server-sent events (WHATWG HTML, 9.2).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

use super::Said;

pub fn answer(said: Receiver<Said>) -> Response {
    // `X-Accel-Buffering` keeps proxies of one kind from waiting for more.
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (http::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::new(Lines(said))).into_response()
}

struct Lines(Receiver<Said>);

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let said = std::task::ready!(self.0.poll_recv(context));
        Poll::Ready(said.map(|said| Ok(Frame::data(lines(said).into()))))
    }
}

fn lines(said: Said) -> String {
    match said {
        Said::News { position, notification } => {
            let mut lines = format!("id: {}\n", position.0);
            notification.split('\n').for_each(|line| {
                lines.push_str("data: ");
                lines.push_str(line);
                lines.push('\n');
            });
            lines.push('\n');
            lines
        }
        // Without data it is no event, but the client remembers the id.
        Said::Here(position) => format!("id: {}\n\n", position.0),
        Said::End(end) => format!("event: end\ndata: {}\n\n", Value::from(end.to_string())),
    }
}
