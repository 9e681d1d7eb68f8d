//! Downloads of `@context` documents over HTTP and HTTPS, within the egress rules.

use std::fmt;
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
use url::{Position, Url};

use crate::egress::{Connector, EgressError, EgressRules};

#[derive(Clone)]
pub struct Fetcher {
    connector: Connector,
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
    #[error(transparent)]
    Egress(EgressError),
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
    #[error("its server speaks no proper HTTP: {0}")]
    Http(#[from] hyper::Error),
}

impl From<EgressError> for FetchError {
    fn from(error: EgressError) -> FetchError {
        match error {
            EgressError::NotAUrl => FetchError::NotAUrl,
            EgressError::TimedOut(after) => FetchError::TimedOut(after),
            other => FetchError::Egress(other),
        }
    }
}

enum Step {
    Arrived(Fetched),
    Moved(Url),
}

pub const HEADERS_MAX: usize = 64;
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
const ACCEPT: &str = "application/ld+json, application/json;q=0.9, */*;q=0.1";

impl Fetcher {
    pub fn new(rules: EgressRules) -> Fetcher {
        Fetcher { connector: Connector::new(rules) }
    }

    /// With connections that are opened in this way.
    #[cfg(test)]
    pub fn of(connector: Connector) -> Fetcher {
        Fetcher { connector }
    }

    /// The same, within other rules; the authorities that it believes stay those they are.
    pub fn within(&self, rules: EgressRules) -> Fetcher {
        Fetcher { connector: self.connector.within(rules) }
    }

    /// Downloads one document, redirects included, or says in the user's words why not.
    pub async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        let timeout = self.connector.rules().timeout;
        let arrived = tokio::time::timeout(timeout, self.follow(url)).await;
        arrived.unwrap_or(Err(FetchError::TimedOut(timeout)))
    }

    async fn follow(&self, url: &str) -> Result<Fetched, FetchError> {
        let mut url = Url::parse(url).map_err(|_| FetchError::NotAUrl)?;
        for _ in 0..=self.connector.rules().redirects_max {
            match self.request(&url).await? {
                Step::Arrived(fetched) => return Ok(fetched),
                Step::Moved(to) if url.scheme() == "https" && to.scheme() != "https" => {
                    return Err(FetchError::Downgrade);
                }
                Step::Moved(to) => url = to,
            }
        }
        Err(FetchError::TooManyRedirects(self.connector.rules().redirects_max))
    }

    async fn request(&self, url: &Url) -> Result<Step, FetchError> {
        let stream = self.connector.connect(url).await?;
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
        let bytes_max = self.connector.rules().bytes_max;
        let body = Limited::new(body, bytes_max).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => FetchError::Http(*error),
            Err(_) => FetchError::TooLarge(bytes_max),
        })?;
        let expires_in = lifetime(&head.headers);
        Ok(Step::Arrived(Fetched { body: body.to_bytes(), expires_in }))
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
        f.debug_struct("Fetcher").field("rules", self.connector.rules()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
