//! Downloads of `@context` documents over HTTP and HTTPS, within the egress rules.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ngsi_ld::FetchContext;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Position, Url};

use crate::egress::EgressRules;
use crate::tls;

#[derive(Clone)]
pub struct Fetcher {
    rules: EgressRules,
    tls: TlsConnector,
}

/// A document, and for how long its server says that it may be kept.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub body: Bytes,
    pub expires_in: Option<Duration>,
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("it is not a URL that can be downloaded; use http or https, without a password")]
    NotAUrl,
    #[error(
        "`{0}` is in a private network, which nothing may reach from here (setting \
         `egress_allow_private`)"
    )]
    Private(String),
    #[error(
        "it is at an address of this server, which calls itself neither for contexts nor with \
         notifications"
    )]
    Own,
    #[error("it did not arrive within {0:?} (setting `egress_timeout`)")]
    TimedOut(Duration),
    #[error("it is larger than {0} bytes (setting `egress_bytes_max`)")]
    TooLarge(usize),
    #[error("it redirects more than {0} times (setting `egress_redirects_max`)")]
    TooManyRedirects(usize),
    #[error("it redirects from https to http")]
    Downgrade,
    #[error("its server answered {0}")]
    Status(StatusCode),
    #[error("its server could not be reached: {0}")]
    Unreachable(#[from] io::Error),
    #[error("its server speaks no proper HTTP: {0}")]
    Http(#[from] hyper::Error),
}

enum Step {
    Arrived(Fetched),
    Moved(Url),
}

/// A connection, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub const HEADERS_MAX: usize = 64;
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
const ACCEPT: &str = "application/ld+json, application/json;q=0.9, */*;q=0.1";

impl Fetcher {
    /// Believes the public certificate authorities, and those of the rules.
    pub fn new(rules: EgressRules) -> Fetcher {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        rules.authorities.add_to(&mut roots);
        let provider = tls::provider();
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the built-in provider knows the default versions; every start tries it")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Fetcher { rules, tls: TlsConnector::from(Arc::new(config)) }
    }

    /// The same, within other rules; the authorities that it believes stay those they are.
    pub fn within(&self, rules: EgressRules) -> Fetcher {
        Fetcher { rules, tls: self.tls.clone() }
    }

    /// Downloads one document, redirects included, or says in the user's words why not.
    pub async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        let timeout = self.rules.timeout;
        let arrived = tokio::time::timeout(timeout, self.follow(url)).await;
        arrived.unwrap_or(Err(FetchError::TimedOut(timeout)))
    }

    async fn follow(&self, url: &str) -> Result<Fetched, FetchError> {
        let mut url = Url::parse(url).map_err(|_| FetchError::NotAUrl)?;
        for _ in 0..=self.rules.redirects_max {
            match self.request(&url).await? {
                Step::Arrived(fetched) => return Ok(fetched),
                Step::Moved(to) if url.scheme() == "https" && to.scheme() != "https" => {
                    return Err(FetchError::Downgrade);
                }
                Step::Moved(to) => url = to,
            }
        }
        Err(FetchError::TooManyRedirects(self.rules.redirects_max))
    }

    async fn request(&self, url: &Url) -> Result<Step, FetchError> {
        let stream = self.connect(url).await?;
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await?;
        // Ends when the sender and the answer are dropped.
        tokio::spawn(connection);
        let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
            .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(header::ACCEPT, ACCEPT)
            .header(header::USER_AGENT, concat!("comity/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| FetchError::NotAUrl)?;
        self.read(url, sender.send_request(request).await?).await
    }

    async fn read(&self, url: &Url, response: Response<Incoming>) -> Result<Step, FetchError> {
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            let location = text(&head.headers, header::LOCATION);
            let location = location.ok_or(FetchError::Status(head.status))?;
            return url.join(&location).map(Step::Moved).map_err(|_| FetchError::NotAUrl);
        }
        if head.status != StatusCode::OK {
            return Err(FetchError::Status(head.status));
        }
        let bytes_max = self.rules.bytes_max;
        let body = Limited::new(body, bytes_max).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => FetchError::Http(*error),
            Err(_) => FetchError::TooLarge(bytes_max),
        })?;
        let expires_in = lifetime(&head.headers);
        Ok(Step::Arrived(Fetched { body: body.to_bytes(), expires_in }))
    }

    /// Connects to an address that was looked up and checked here, so that a name cannot mean
    /// another address a moment later.
    pub(crate) async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, FetchError> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(FetchError::NotAUrl),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::NotAUrl);
        }
        let host = url.host().ok_or(FetchError::NotAUrl)?.to_owned();
        let port = url.port_or_known_default().ok_or(FetchError::NotAUrl)?;
        self.connect_to(host, port, secure).await
    }

    /// As [`Fetcher::connect`], for protocols other than HTTP.
    pub(crate) async fn connect_to(
        &self,
        host: Host,
        port: u16,
        secure: bool,
    ) -> Result<Box<dyn Stream>, FetchError> {
        // Who began it may no longer wait for it: it ends all the same.
        let timeout = self.rules.timeout;
        let connected = tokio::time::timeout(timeout, self.connected(host, port, secure)).await;
        connected.unwrap_or(Err(FetchError::TimedOut(timeout)))
    }

    async fn connected(
        &self,
        host: Host,
        port: u16,
        secure: bool,
    ) -> Result<Box<dyn Stream>, FetchError> {
        let stream = TcpStream::connect(self.addresses(&host, port).await?.as_slice()).await?;
        stream.set_nodelay(true)?;
        if !secure {
            return Ok(Box::new(stream));
        }
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name).map_err(|_| FetchError::NotAUrl)?,
            Host::Ipv4(address) => ServerName::IpAddress(address.into()),
            Host::Ipv6(address) => ServerName::IpAddress(address.into()),
        };
        Ok(Box::new(self.tls.connect(name, stream).await?))
    }

    async fn addresses(&self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
        let found: Vec<SocketAddr> = match host {
            Host::Ipv4(address) => vec![SocketAddr::from((*address, port))],
            Host::Ipv6(address) => vec![SocketAddr::from((*address, port))],
            Host::Domain(name) => tokio::net::lookup_host((name.as_str(), port)).await?.collect(),
        };
        if found.iter().any(|address| self.rules.is_own(*address)) {
            return Err(FetchError::Own);
        }
        let allowed: Vec<SocketAddr> =
            found.into_iter().filter(|address| self.rules.allow(address.ip())).collect();
        if allowed.is_empty() { Err(FetchError::Private(host.to_string())) } else { Ok(allowed) }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// How long an answer lets its document be kept; nothing where it does not say.
fn lifetime(headers: &HeaderMap) -> Option<Duration> {
    let control = text(headers, header::CACHE_CONTROL);
    control.as_deref().and_then(max_age).or_else(|| {
        let date = |name| httpdate::parse_http_date(&text(headers, name)?).ok();
        // By the server's own clock, so that ours does not matter.
        let (now, end) = (date(header::DATE)?, date(header::EXPIRES)?);
        Some(end.duration_since(now).unwrap_or_default())
    })
}

/// `no-store` asks for more than a platform can do that must work without internet; it is taken
/// as `no-cache`: ask again each time.
fn max_age(cache_control: &str) -> Option<Duration> {
    let mut directives = cache_control.split(',').map(str::trim);
    if directives.clone().any(|one| matches!(one, "no-store" | "no-cache")) {
        return Some(Duration::ZERO);
    }
    let seconds = directives.find_map(|one| one.strip_prefix("max-age="))?;
    seconds.trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[async_trait]
impl FetchContext for Fetcher {
    async fn fetch(&self, url: &str) -> Result<ngsi_ld::Fetched, ngsi_ld::FetchError> {
        let fetched = self.get(url).await;
        let fetched = fetched.map_err(|error| ngsi_ld::FetchError(error.to_string()))?;
        Ok(ngsi_ld::Fetched { bytes: fetched.body, expires_in: fetched.expires_in })
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
