//! The HTTP server: connections in, requests to the doors, an orderly end.

mod patient;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::header::UPGRADE;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

use crate::clock::moment;
use crate::problem::problem;
use crate::settings::Settings;
use crate::stop::Stopped;

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

/// How long to wait after the system refused a connection, for want of file handles as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One of the connections that there may be. Whoever takes a connection over from HTTP takes this
/// too: until it is dropped, the connection counts, and the end of the server waits for it.
#[derive(Clone, Debug)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Serves until told to stop, then finishes the requests under way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: HttpSettings,
    mut stop: Stopped,
) {
    let free = Arc::new(Semaphore::new(settings.connections_max));
    let settings = Arc::new(settings);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.told() => break,
        };
        match accepted {
            Ok((stream, _)) => match free.clone().try_acquire_owned() {
                Ok(permit) => {
                    let router = router.clone();
                    let (settings, stop) = (settings.clone(), stop.clone());
                    tokio::spawn(connection(stream, router, settings, stop, permit));
                }
                Err(_) => turn_away(&stream, settings.connections_max),
            },
            Err(error) => {
                warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
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

fn turn_away(stream: &TcpStream, connections_max: usize) {
    // Whether the client hears it or not, it is disconnected.
    let _ = stream.try_write(FULL);
    warn!(connections_max, "too many connections; one was turned away");
}

async fn connection(
    stream: TcpStream,
    router: Router,
    settings: Arc<HttpSettings>,
    mut stop: Stopped,
    permit: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        info!(%error, "a connection was lost before it began");
        return;
    }
    let stream = Patient::new(stream, settings.write_timeout, stop.clone());
    let place = Place { _permit: Arc::new(permit) };
    let (limits, given) = (settings.clone(), place.clone());
    let doors = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        // Others have no use for it, and it costs an allocation.
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(given.clone());
        }
        answer(doors.clone(), request, limits.clone())
    });
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
    request: Request<Incoming>,
    settings: Arc<HttpSettings>,
) -> Result<Response, Infallible> {
    let began = moment();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answer = match tokio::time::timeout(settings.request_timeout, doors.call(request)).await {
        Ok(answer) => answer?,
        Err(_) => timed_out(&settings),
    };
    let took = began.elapsed();
    if !settings.slow_request.is_zero() && took > settings.slow_request {
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

/// Listens where the settings say, or explains what stands in the way.
pub async fn listen(settings: &Settings) -> Result<TcpListener, String> {
    let address = settings.listen;
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is in use by another program; choose another port with --listen")
        }
        _ => format!("could not listen on {address}: {error}"),
    })
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
