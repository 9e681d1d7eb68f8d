//! Lines as NDJSON, some at a time, posted to an endpoint.

use std::fs;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use url::{Position, Url};

use super::{Numbered, Sink, SinkError};
use crate::egress::{Connector, EgressRules, Target};
use crate::fetch::{HEAD_BYTES_MAX, HEADERS_MAX};
use crate::notify::ANSWER_BYTES_MAX;

pub struct Http {
    url: Url,
    token: Option<HeaderValue>,
    connector: Connector,
    timeout: Duration,
}

impl Http {
    /// `token_file` holds what is sent as `Authorization: Bearer`; nothing is, where it is empty.
    pub fn new(url: &str, token_file: &str, rules: EgressRules) -> Result<Http, String> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or("it is an http or https URL, such as https://logs.example/audit")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has no user or password; `audit_http_token_file` holds a token".into());
        }
        let target = Target::of(&url).map_err(|error| error.to_string())?;
        rules.check(&target).map_err(|error| error.to_string())?;
        let token = if token_file.is_empty() { None } else { Some(token(token_file)?) };
        let timeout = rules.timeout;
        Ok(Http { url, token, connector: Connector::new(rules), timeout })
    }

    async fn post(&self, body: Vec<u8>) -> Result<StatusCode, SinkError> {
        let stream = self.connector.connect(&self.url).await.map_err(SinkError::of)?;
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(SinkError::of)?;
        // Ends when the sender and the answer are dropped.
        tokio::spawn(connection);
        let url = &self.url;
        let mut request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
            .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .header(header::USER_AGENT, concat!("comity/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(SinkError::of)?;
        if let Some(token) = &self.token {
            request.headers_mut().insert(header::AUTHORIZATION, token.clone());
        }
        let response = sender.send_request(request).await.map_err(SinkError::of)?;
        let status = response.status();
        // The answer is all there, or its end does not matter.
        let _ = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok(status)
    }
}

fn token(file: &str) -> Result<HeaderValue, String> {
    let text = fs::read_to_string(file);
    let text = text.map_err(|error| format!("`{file}` (`audit_http_token_file`): {error}"))?;
    let value = HeaderValue::try_from(format!("Bearer {}", text.trim()));
    let mut value = value.map_err(|_| format!("`{file}` holds no token"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[async_trait]
impl Sink for Http {
    async fn send(&mut self, lines: &[Numbered]) -> Result<u64, SinkError> {
        let mut body = Vec::new();
        for line in lines {
            body.extend_from_slice(&line.text);
            body.push(b'\n');
        }
        let posted = tokio::time::timeout(self.timeout, self.post(body)).await;
        let late = || SinkError(format!("it did not answer within {:?}", self.timeout));
        let status = posted.map_err(|_| late())??;
        if !status.is_success() {
            return Err(SinkError(format!("it answered {status}")));
        }
        Ok(lines.last().map_or(0, |line| line.seq))
    }
}
