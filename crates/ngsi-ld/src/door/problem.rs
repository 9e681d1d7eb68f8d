//! What a client hears when a request is refused (clauses 5.5.2, 5.5.3, 6.3.2 and 6.3.3).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use broker::BrokerError;
use broker::{CommitError, HistoryError, StoreError};
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use model::Refused;
use subscriptions::SubscribeError;

use super::authentication::Unauthenticated;
use super::negotiation::{APPLICATION_JSON, MediaType};
use crate::read::InvalidEntity;

/// A refusal: what kind of error it is, and what exactly is wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    /// What a client must prove (`WWW-Authenticate`).
    challenge: Option<HeaderValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AlreadyExists,
    BadRequestData,
    Conflict,
    InternalError,
    InvalidRequest,
    LdContextNotAvailable,
    NonexistentTenant,
    OperationNotSupported,
    ResourceNotFound,
    TooComplexQuery,
    TooManyResults,
    /// Not an NGSI-LD error, but one of HTTP itself.
    Http(StatusCode),
    MethodNotAllowed(&'static str),
    NotAcceptable(&'static [MediaType]),
    Unavailable,
}

/// Why a request was refused to its caller, in the answer's own words; an extension of such
/// answers, for the audit record.
#[derive(Clone, Debug)]
pub struct Reason(pub String);

impl Reason {
    /// Is an answer of this status about the caller, not about what was asked?
    pub fn is_kept(status: StatusCode) -> bool {
        matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
        )
    }
}

/// How long a client should wait before it tries again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// What all problem types begin with (clause 5.5.2).
const TYPES: &str = "https://uri.etsi.org/ngsi-ld/errors/";

impl Problem {
    fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem { kind, detail: detail.into(), challenge: None }
    }

    /// The input does not meet the requirements of the operation.
    pub fn bad_request_data(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::BadRequestData, detail)
    }

    /// The request is malformed, or has parameters that the operation does not know (6.3.20).
    pub fn invalid_request(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::InvalidRequest, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::ResourceNotFound, detail)
    }

    pub fn already_exists(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::AlreadyExists, detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::Conflict, detail)
    }

    pub fn not_supported(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::OperationNotSupported, detail)
    }

    pub fn context_not_available(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::LdContextNotAvailable, detail)
    }

    pub fn too_complex(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::TooComplexQuery, detail)
    }

    pub fn too_many_results(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::TooManyResults, detail)
    }

    /// The tenant has all that it may have. The standard has no error for it.
    pub fn over_quota(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::Http(StatusCode::FORBIDDEN), detail)
    }

    pub fn internal(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::InternalError, detail)
    }

    pub fn unauthenticated(error: &Unauthenticated) -> Problem {
        let kind = match error.status() {
            StatusCode::SERVICE_UNAVAILABLE => Kind::Unavailable,
            status => Kind::Http(status),
        };
        Problem { challenge: error.challenge(), ..Problem::new(kind, error.to_string()) }
    }

    pub fn body_too_large(bytes_max: usize) -> Problem {
        Problem::new(
            Kind::Http(StatusCode::PAYLOAD_TOO_LARGE),
            format!("the body is larger than {bytes_max} bytes (setting `body_bytes_max`)"),
        )
    }

    pub fn uri_too_long(bytes_max: usize) -> Problem {
        Problem::new(
            Kind::Http(StatusCode::URI_TOO_LONG),
            format!(
                "the path and query are longer than {bytes_max} bytes (setting \
                 `uri_bytes_max`); POST /entityOperations/query takes longer queries"
            ),
        )
    }

    /// The body has a length nobody told (clause 6.3.4).
    pub fn length_required() -> Problem {
        Problem::new(Kind::Http(StatusCode::LENGTH_REQUIRED), "")
    }

    pub fn unsupported_media_type() -> Problem {
        Problem::new(Kind::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE), "")
    }

    pub fn method_not_allowed(method: &str, allowed: &'static str) -> Problem {
        Problem::new(
            Kind::MethodNotAllowed(allowed),
            format!("{method} is not possible here; {allowed} are"),
        )
    }

    pub fn not_acceptable(available: &'static [MediaType]) -> Problem {
        let names: Vec<&str> = available.iter().map(|one| one.name()).collect();
        Problem::new(
            Kind::NotAcceptable(available),
            format!("the resource is available as {}", names.join(", ")),
        )
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::BadRequestData | Kind::InvalidRequest => StatusCode::BAD_REQUEST,
            Kind::AlreadyExists | Kind::Conflict => StatusCode::CONFLICT,
            Kind::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::LdContextNotAvailable => StatusCode::GATEWAY_TIMEOUT,
            Kind::NonexistentTenant | Kind::ResourceNotFound => StatusCode::NOT_FOUND,
            Kind::OperationNotSupported => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::TooComplexQuery | Kind::TooManyResults => StatusCode::FORBIDDEN,
            Kind::Http(status) => status,
            Kind::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Kind::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn type_and_title(&self) -> (&'static str, &'static str) {
        match self.kind {
            Kind::AlreadyExists => ("AlreadyExists", "it exists already"),
            Kind::BadRequestData => ("BadRequestData", "the request data is not valid"),
            Kind::Conflict => ("Conflict", "the operation conflicts with the state of the system"),
            Kind::InternalError | Kind::Unavailable => ("InternalError", "the operation failed"),
            Kind::InvalidRequest | Kind::NotAcceptable(_) => {
                ("InvalidRequest", "the request is not valid")
            }
            Kind::LdContextNotAvailable => {
                ("LdContextNotAvailable", "a remote @context could not be retrieved")
            }
            Kind::NonexistentTenant => ("NonexistentTenant", "the tenant does not exist"),
            Kind::OperationNotSupported => {
                ("OperationNotSupported", "the operation is not supported")
            }
            Kind::ResourceNotFound => ("ResourceNotFound", "not found"),
            Kind::TooComplexQuery => ("TooComplexQuery", "the query is too complex"),
            Kind::TooManyResults => ("TooManyResults", "the query asks for too many results"),
            Kind::Http(status) => ("", status.canonical_reason().unwrap_or("error")),
            Kind::MethodNotAllowed(_) => ("", "Method Not Allowed"),
        }
    }

    /// The problem as it stands in a body (clause 5.5.3).
    pub fn json(&self) -> serde_json::Value {
        let (name, title) = self.type_and_title();
        let kind =
            if name.is_empty() { "about:blank".to_owned() } else { format!("{TYPES}{name}") };
        let mut json = serde_json::json!({
            "type": kind,
            "title": title,
            "detail": self.detail,
            "status": self.status().as_u16(),
        });
        if let Kind::NotAcceptable(available) = self.kind {
            json["available"] = available.iter().map(|one| one.name()).collect();
        }
        json
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self.kind {
            Kind::Unavailable => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            Kind::MethodNotAllowed(allowed) => Some((ALLOW, HeaderValue::from_static(allowed))),
            _ => Some((WWW_AUTHENTICATE, self.challenge.clone()?)),
        }
    }
}

impl IntoResponse for Problem {
    /// Always `application/json`, so that old clients are not broken (clause 5.5.3); 411 and 415
    /// come without a body (clause 6.3.4).
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        headers.extend(self.header());
        let status = self.status();
        if matches!(status, StatusCode::LENGTH_REQUIRED | StatusCode::UNSUPPORTED_MEDIA_TYPE) {
            return (status, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, APPLICATION_JSON);
        let mut response = (status, headers, Body::from(self.json().to_string())).into_response();
        if Reason::is_kept(status) {
            response.extensions_mut().insert(Reason(self.detail));
        }
        response
    }
}

impl From<InvalidEntity> for Problem {
    fn from(error: InvalidEntity) -> Problem {
        match error {
            InvalidEntity::NotJson(_) | InvalidEntity::NotAnObject(_) => {
                Problem::invalid_request(error.to_string())
            }
            InvalidEntity::Invalid { .. } => Problem::bad_request_data(error.to_string()),
        }
    }
}

impl From<BrokerError> for Problem {
    fn from(error: BrokerError) -> Problem {
        match error {
            BrokerError::Denied(denied) => {
                Problem::new(Kind::Http(StatusCode::FORBIDDEN), denied.to_string())
            }
            BrokerError::UnknownTenant(_) => {
                Problem::new(Kind::NonexistentTenant, error.to_string())
            }
            BrokerError::TooManyLinked(_) => Problem::too_many_results(error.to_string()),
            BrokerError::Subscribe(SubscribeError::Exists(_)) => {
                Problem::already_exists(error.to_string())
            }
            BrokerError::Subscribe(SubscribeError::TooMany(_)) => {
                Problem::too_many_results(error.to_string())
            }
            BrokerError::Subscribe(SubscribeError::OverQuota(_)) => {
                Problem::over_quota(error.to_string())
            }
            BrokerError::Subscribe(SubscribeError::Endpoint(_)) => {
                Problem::new(Kind::Http(StatusCode::FORBIDDEN), error.to_string())
            }
            BrokerError::Subscribe(SubscribeError::Store(error)) => Problem::from(error),
            BrokerError::Commit(error) => Problem::from(error),
            BrokerError::History(error) => Problem::from(error),
            BrokerError::Store(error) => Problem::from(error),
        }
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Problem {
        match error {
            CommitError::Refused(refused) => Problem::from(refused),
            CommitError::OtherType(_) => Problem::not_found(error.to_string()),
            CommitError::OverQuota { .. } => Problem::over_quota(error.to_string()),
            CommitError::Denied(denied) => Problem::from(BrokerError::Denied(denied)),
            CommitError::Store(error) => Problem::from(error),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        let detail = refused.to_string();
        match refused {
            Refused::Exists(_) => Problem::already_exists(detail),
            Refused::Unknown(_)
            | Refused::NoAttribute(_)
            | Refused::NoInstance(..)
            | Refused::NoDefaultInstance(_)
            | Refused::NoReading(..)
            | Refused::NoScope => Problem::not_found(detail),
            Refused::KindChanged { .. }
            | Refused::Incomplete(_)
            | Refused::NoTypes(_)
            | Refused::InvalidValue(..)
            | Refused::TooManyAttributes(..) => Problem::bad_request_data(detail),
        }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Problem {
        let detail = error.to_string();
        match error {
            HistoryError::NotEligible { .. } => Problem::invalid_request(detail),
            HistoryError::TooManyPeriods { .. } => Problem::too_many_results(detail),
            HistoryError::Store(error) => Problem::from(error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        let kind = match error {
            StoreError::DiskFull { .. } | StoreError::Unavailable(_) => Kind::Unavailable,
            StoreError::Damaged { .. } => Kind::InternalError,
            StoreError::TooComplex { .. } => Kind::TooComplexQuery,
        };
        Problem::new(kind, error.to_string())
    }
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
