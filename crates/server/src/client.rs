//! Asks a running server what only that can do.

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http::{Method, Request};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use url::{Position, Url};

use crate::egress::{Connector, EgressRules};
use crate::failure::Failure;
use crate::settings::{AllowPrivate, Authorities, Settings};

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A server, and as whom to speak to it.
pub struct Client {
    server: Url,
    key: Option<String>,
    tenant: Option<String>,
    connector: Connector,
}

impl Client {
    /// `authorities` are trusted beside those of the web.
    pub fn new(
        server: Url,
        key: Option<String>,
        tenant: Option<String>,
        authorities: Authorities,
    ) -> Client {
        let rules = EgressRules::of(&Settings::default());
        // Whom a person names may be anywhere.
        let rules = EgressRules { private: AllowPrivate::All, authorities, ..rules };
        Client { server, key, tenant, connector: Connector::new(rules) }
    }

    /// Asks, and reads the answer as JSON; what the server refuses is a failure in its words.
    pub async fn ask(&self, method: Method, path: &str) -> Result<Value, Failure> {
        let answer = self.try_ask(method, path).await;
        answer.map_err(|problem| Failure::Refused(format!("{}: {problem}", self.server)))
    }

    async fn try_ask(&self, method: Method, path: &str) -> Result<Value, String> {
        let url = self.server.join(path).map_err(said)?;
        let request = self.request(method, &url).map_err(said)?;
        let stream = self.connector.connect(&url).await.map_err(said)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(said)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let json: Value =
            serde_json::from_slice(&body.map_err(said)?.to_bytes()).unwrap_or_default();
        if status.is_success() {
            return Ok(json);
        }
        let detail = json["detail"].as_str().or(json["title"].as_str());
        Err(detail.map_or(status.to_string(), |detail| format!("{status}: {detail}")))
    }

    fn request(&self, method: Method, url: &Url) -> Result<Request<Empty<Bytes>>, http::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, &url[Position::BeforeHost..Position::AfterPort]);
        if let Some(key) = &self.key {
            request =
                request.header(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {key}"))?);
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("ngsild-tenant", tenant);
        }
        request.body(Empty::new())
    }
}

fn said(problem: impl std::fmt::Display) -> String {
    problem.to_string()
}
