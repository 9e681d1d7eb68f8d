//! Notifications over HTTP and HTTPS, and by way of `mqtt` over MQTT, within the egress rules, on connections that are kept.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, connect::Connect};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use subscriptions::{Deliver, Endpoint, Message, Outcome};
use tower::service_fn;
use url::Url;

use crate::egress::{Connector, EgressError, EgressRules, Stream};
use crate::fetch::{HEAD_BYTES_MAX, HEADERS_MAX};
use crate::mqtt::MqttDelivery;

/// How long a connection is kept on which nothing is sent.
const IDLE: Duration = Duration::from_secs(30);

/// How long the rest of an answer is waited for.
const DRAIN: Duration = Duration::from_millis(500);

/// What an endpoint may say in answer; nobody reads it.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A way to bring notifications to endpoints. Connections to each are kept, up to a number.
pub fn delivery(rules: EgressRules, connections_kept_max: usize) -> Arc<dyn Deliver> {
    let out = Connector::new(rules);
    let mqtt = MqttDelivery::new(out.clone(), connections_kept_max);
    let connector = service_fn(move |uri: Uri| {
        let out = out.clone();
        Box::pin(async move {
            let url = Url::parse(&uri.to_string()).map_err(|_| EgressError::NotAUrl)?;
            Ok::<_, EgressError>(Kept(TokioIo::new(out.connect(&url).await?)))
        })
    });
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(connections_kept_max)
        .http1_max_headers(HEADERS_MAX)
        .http1_max_buf_size(HEAD_BYTES_MAX)
        .http1_title_case_headers(true)
        .build(connector);
    Arc::new(Delivery { client, mqtt })
}

struct Delivery<C> {
    client: Client<C, Full<Bytes>>,
    mqtt: MqttDelivery,
}

#[async_trait]
impl<C: Connect + Clone + Send + Sync + 'static> Deliver for Delivery<C> {
    async fn deliver(&self, endpoint: &Endpoint, message: Message) -> Outcome {
        if endpoint.uri.starts_with("mqtt") {
            return self.mqtt.deliver(endpoint, &message).await;
        }
        let Some(request) = request(&endpoint.uri, message) else {
            return Outcome::Refused("its URI cannot be asked over HTTP".to_owned());
        };
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) => return Outcome::Failed(innermost(&error)),
        };
        let status = response.status();
        // Read to the end, so that the connection can be used again; whoever takes long over it has
        // taken the notification all the same.
        let rest = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
        let _ = tokio::time::timeout(DRAIN, rest).await;
        judged(status)
    }
}

fn request(uri: &str, message: Message) -> Option<Request<Full<Bytes>>> {
    // Without the fragment, which is not sent.
    let mut url = Url::parse(uri).ok()?;
    url.set_fragment(None);
    let mut request = Request::post(url.as_str())
        .header(CONTENT_TYPE, message.content_type)
        .header(USER_AGENT, concat!("comity/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(message.body)))
        .ok()?;
    for (name, value) in &message.headers {
        let name = HeaderName::try_from(name).ok()?;
        request.headers_mut().append(name, HeaderValue::try_from(value).ok()?);
    }
    Some(request)
}

/// What is wrong with this notification is told from what is wrong with the endpoint.
fn judged(status: StatusCode) -> Outcome {
    let answered = format!("it answered {status}");
    match status {
        status if status.is_success() => Outcome::Delivered,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY => {
            Outcome::Failed(answered)
        }
        status if status.is_server_error() => Outcome::Failed(answered),
        _ => Outcome::Refused(answered),
    }
}

/// The cause that a user can do something about.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A connection that the client may keep.
struct Kept(TokioIo<Box<dyn Stream>>);

impl Connection for Kept {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Kept {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Kept {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_whose_fault_it_is() {
        let judge = |status: u16| judged(StatusCode::from_u16(status).unwrap());
        assert_eq!(judge(200), Outcome::Delivered);
        assert_eq!(judge(204), Outcome::Delivered);
        for failed in [408, 429, 500, 503] {
            assert!(matches!(judge(failed), Outcome::Failed(_)), "{failed}");
        }
        for refused in [301, 400, 401, 404] {
            assert!(matches!(judge(refused), Outcome::Refused(_)), "{refused}");
        }
    }

    #[test]
    fn a_message_becomes_a_request() {
        let message = Message {
            content_type: "application/json",
            headers: vec![("Link".to_owned(), "<a>".to_owned())],
            body: "{}".to_owned(),
        };
        let request = request("http://a.example/n?x=1#y", message).unwrap();
        assert_eq!(request.uri(), "http://a.example/n?x=1");
        assert_eq!(request.headers()["link"], "<a>");
    }
}
