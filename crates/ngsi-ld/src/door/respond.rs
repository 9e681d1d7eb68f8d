//! Answers, with the headers that go with them (clause 6.3.6).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::negotiation::{APPLICATION_JSON, MediaType, Preferences};
use crate::contexts::Compiled;

pub(crate) static PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The version of NGSI-LD that answers conform to, whichever was preferred (clause 4.3.6.8).
const VERSION_APPLIED: HeaderValue = HeaderValue::from_static("ngsi-ld=1.9");

/// A successful answer with a body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub body: String,
    pub media_type: MediaType,
    pub headers: HeaderMap,
}

impl Answer {
    pub fn new(body: String, media_type: MediaType) -> Answer {
        Answer { body, media_type, headers: HeaderMap::new() }
    }

    /// Names the context in a header, unless the body holds it.
    pub fn with_context(mut self, compiled: &Compiled, preferences: Preferences) -> Answer {
        let in_header = match self.media_type {
            MediaType::Json => true,
            MediaType::LdJson => false,
            MediaType::GeoJson => preferences.context_in_header,
        };
        if let Some(link) = compiled.link().filter(|_| in_header) {
            self.headers.append(LINK, link.clone());
        }
        if preferences.version {
            self.headers.insert(PREFERENCE_APPLIED.clone(), VERSION_APPLIED);
        }
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(CONTENT_TYPE, self.media_type.header());
        response
    }
}

/// Nothing to say, not even a length (clause 6.3.6): axum tells the length of what has one.
pub(crate) fn no_content() -> Response {
    let body = Body::from_stream(Body::empty().into_data_stream());
    (StatusCode::NO_CONTENT, body).into_response()
}

/// Plain JSON without a context, such as the result of a batch.
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(CONTENT_TYPE, APPLICATION_JSON)], Body::from(body.to_string())).into_response()
}
