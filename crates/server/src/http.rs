//! The HTTP server: connections in, requests to the doors, an orderly end.

mod patient;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::audit::Outcome;
use axum::Router;
use axum::response::Response;
use http::header::{HeaderValue, STRICT_TRANSPORT_SECURITY, UPGRADE};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::{Instrument, debug, error_span, info, warn};

use crate::clock::moment;
use crate::problem::problem;
use crate::recording::TurnedAway;
use crate::request_id;
use crate::settings::{Networks, Settings};
use crate::stop::Stopped;
use crate::tls::{self, Peer, Tls};

use patient::Patient;

/// How connections and requests are held to limits.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub connections_max: usize,
    pub header_read_timeout: Duration,
    pub header_bytes_max: usize,
    pub headers_max: usize,
    pub request_timeout: Duration,
    pub write_timeout: Duration,
    pub shutdown_timeout: Duration,
    pub slow_request: Duration,
}

impl HttpSettings {
    pub fn of(settings: &Settings) -> HttpSettings {
        HttpSettings {
            connections_max: settings.connections_max.min(Semaphore::MAX_PERMITS),
            header_read_timeout: settings.header_read_timeout,
            header_bytes_max: settings.header_bytes_max.as_usize().max(HEADER_BYTES_LEAST),
            headers_max: settings.headers_max,
            request_timeout: settings.request_timeout,
            write_timeout: settings.write_timeout.max(WRITE_TIMEOUT_LEAST),
            shutdown_timeout: settings.shutdown_timeout,
            slow_request: settings.slow_request,
        }
    }
}

/// Hyper takes no smaller buffer.
const HEADER_BYTES_LEAST: usize = 8 * 1024;

/// Even a quick client takes a moment.
const WRITE_TIMEOUT_LEAST: Duration = Duration::from_millis(100);

const HEADERS_MAX_OF_HYPER: usize = 100;

/// What a client beyond `connections_max` hears.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\
    connection: close\r\n\r\n";

/// What a client hears that is in none of the networks of `allow_from`.
const FORBIDDEN: &[u8] =
    b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How long to wait after the system refused a connection, for want of file handles as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One of the connections that there may be. Whoever takes a connection over from HTTP takes this
/// too: until it is dropped, the connection counts, and the end of the server waits for it.
#[derive(Clone, Debug)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// The address that a request came from; an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct From(pub SocketAddr);

/// An address that is taken, and what is served there.
#[derive(Debug)]
pub struct Listener {
    /// For the log.
    pub name: String,
    pub socket: TcpListener,
    pub router: Router,
    /// Whence clients may come; from everywhere where it is empty.
    pub allow_from: Networks,
    /// Told of whom is turned away before it can ask for anything.
    pub turned_away: Option<TurnedAway>,
    /// Nothing where HTTP is spoken without TLS.
    pub tls: Option<Arc<Tls>>,
    /// Sent with every answer.
    pub hsts: Option<HeaderValue>,
}

/// Serves at all addresses until told to stop, then finishes the requests under way.
pub async fn serve(listeners: Vec<Listener>, settings: HttpSettings, stop: Stopped) {
    let settings = Arc::new(settings);
    let mut serving = JoinSet::new();
    for listener in listeners {
        serving.spawn(listen(listener, settings.clone(), stop.clone()));
    }
    while let Some(ended) = serving.join_next().await {
        if let Err(error) = ended {
            warn!(%error, "a listener did not end in good order");
        }
    }
}

/// What every connection of a listener is served with.
#[derive(Debug)]
struct Shared {
    name: String,
    router: Router,
    tls: Option<Arc<Tls>>,
    hsts: Option<HeaderValue>,
    turned_away: Option<TurnedAway>,
    settings: Arc<HttpSettings>,
}

async fn listen(listener: Listener, settings: Arc<HttpSettings>, mut stop: Stopped) {
    let Listener { name, socket, router, allow_from, turned_away, tls, hsts } = listener;
    // Each listener has its own: clients of one cannot take the places of another.
    let free = Arc::new(Semaphore::new(settings.connections_max));
    let shared =
        Arc::new(Shared { name, router, tls, hsts, turned_away, settings: settings.clone() });
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.told() => break,
        };
        match accepted {
            Ok((stream, from)) if !allow_from.is_empty() && !allow_from.contains(from.ip()) => {
                shared.turn_away(&stream, FORBIDDEN);
                info!(listener = shared.name, %from, "a client is in no network of `allow_from`");
                shared
                    .record(from, Outcome::refused("the address is in no network of `allow_from`"));
            }
            Ok((stream, from)) => match free.clone().try_acquire_owned() {
                Ok(permit) => {
                    let place = Place { _permit: Arc::new(permit) };
                    tokio::spawn(connection(stream, from, shared.clone(), stop.clone(), place));
                }
                Err(_) => {
                    shared.turn_away(&stream, FULL);
                    let connections_max = settings.connections_max;
                    let listener = &shared.name;
                    warn!(listener, connections_max, "too many connections; one was turned away");
                }
            },
            Err(error) => {
                warn!(listener = shared.name, %error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(socket);
    finish(&free, &settings).await;
}

/// Waits for the connections to end, but not for ever.
async fn finish(free: &Semaphore, settings: &HttpSettings) {
    let all = u32::try_from(settings.connections_max).unwrap_or(u32::MAX);
    let ended = tokio::time::timeout(settings.shutdown_timeout, free.acquire_many(all)).await;
    if ended.is_err() {
        let open = settings.connections_max - free.available_permits();
        warn!(connections.open = open, "some requests did not end in time; they are cut off");
    }
}

impl Shared {
    fn record(&self, from: SocketAddr, outcome: Outcome) {
        if let Some(turned_away) = &self.turned_away {
            turned_away.record(&self.name, from, outcome);
        }
    }

    /// Whether the client hears it or not, it is disconnected. Over TLS there is nothing to hear:
    /// it would cost a handshake.
    fn turn_away(&self, stream: &TcpStream, answer: &[u8]) {
        if self.tls.is_none() {
            let _ = stream.try_write(answer);
        }
    }
}

async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    shared: Arc<Shared>,
    mut stop: Stopped,
    place: Place,
) {
    if let Err(error) = stream.set_nodelay(true) {
        info!(%error, "a connection was lost before it began");
        return;
    }
    let stream = Patient::new(stream, shared.settings.write_timeout, stop.clone());
    let Some(tls) = shared.tls.clone() else {
        return requests(stream, (from, None), shared, stop, place).await;
    };
    let timeout = shared.settings.header_read_timeout;
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(timeout, tls.accept(stream)) => shaken,
        _ = stop.told() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            let chain = stream.get_ref().1.peer_certificates();
            let peer = chain.map(|chain| Peer::new(tls, chain.to_vec()));
            requests(stream, (from, peer), shared, stop, place).await;
        }
        Ok(Err(error)) => shared.record(from, tls::tell_failed(&shared.name, from, &error)),
        Err(_) => {
            debug!(listener = shared.name, %from, "a TLS handshake took too long");
            shared.record(from, Outcome::failed("the TLS handshake took too long"));
        }
    }
}

/// Serves the requests of one connection, whatever carries it.
async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (from, peer): (SocketAddr, Option<Peer>),
    shared: Arc<Shared>,
    mut stop: Stopped,
    place: Place,
) {
    let (common, given) = (shared.clone(), place.clone());
    let doors = TowerToHyperService::new(shared.router.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        // Others have no use for it, and it costs an allocation.
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(given.clone());
        }
        request.extensions_mut().insert(From(from));
        if let Some(peer) = &peer {
            request.extensions_mut().insert(peer.clone());
        }
        answer(doors.clone(), request, common.clone())
    });
    let settings = &shared.settings;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_read_timeout)
        .max_buf_size(settings.header_bytes_max);
    // Only another limit than hyper's own costs an allocation for each request.
    if settings.headers_max != HEADERS_MAX_OF_HYPER {
        builder.max_headers(settings.headers_max);
    }
    let serving = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut serving = std::pin::pin!(serving);
    // What a client does to its own connection is no event of the platform.
    let _ = tokio::select! {
        ended = serving.as_mut() => ended,
        _ = stop.told() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    drop(place);
}

async fn answer(
    doors: TowerToHyperService<Router>,
    mut request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response, Infallible> {
    let settings = &shared.settings;
    let began = moment();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let id = request_id::admit(request.headers_mut());
    // At the highest level, so that it is there wherever a line is.
    let span = error_span!("request", id = id.to_str().unwrap_or_default());
    let called = doors.call(request).instrument(span.clone());
    let mut answer = match tokio::time::timeout(settings.request_timeout, called).await {
        Ok(answer) => answer?,
        Err(_) => timed_out(settings),
    };
    answer.headers_mut().insert(request_id::NAME, id);
    if let Some(hsts) = &shared.hsts {
        answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    let took = began.elapsed();
    if !settings.slow_request.is_zero() && took > settings.slow_request {
        let _in_span = span.enter();
        // The query is left out: it may hold what is nobody's business.
        warn!(
            http.method = %method,
            http.path = uri.path(),
            http.status = answer.status().as_u16(),
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            plan = answer.extensions().get::<broker::Plan>().map(tracing::field::display),
            "a request was slow"
        );
    }
    Ok(answer)
}

fn timed_out(settings: &HttpSettings) -> Response {
    let seconds = settings.request_timeout.as_secs_f32();
    let detail = format!("it was given up after {seconds} s (setting `request_timeout`)");
    problem(StatusCode::SERVICE_UNAVAILABLE, &detail)
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
