//! Bodies: within their limits, of the right type, and with the context that goes with them.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::Method;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::negotiation::{MediaType, content_type};
use super::problem::Problem;
use super::request::Call;
use crate::contexts::{Compiled, context_url};

/// Refuses a request whose body could not be read anyway (clause 6.3.4): one without a length,
/// too large, or of an unknown type. Nothing of the body has been read by then.
pub(super) fn check_head(head: &Parts, bytes_max: usize) -> Result<(), Problem> {
    if !has_body(&head.method) {
        return Ok(());
    }
    let length = head.headers.get(CONTENT_LENGTH).ok_or_else(Problem::length_required)?;
    let length: Option<usize> = length.to_str().ok().and_then(|text| text.parse().ok());
    let length = length.ok_or_else(|| Problem::invalid_request("Content-Length is no number"))?;
    if bytes_max < length {
        return Err(Problem::body_too_large(bytes_max));
    }
    match content_type(&head.headers, head.method == Method::PATCH) {
        Some(_) => Ok(()),
        None => Err(Problem::unsupported_media_type()),
    }
}

fn has_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// Valid UTF-8, not nested too deep; JSON or not.
#[derive(Debug)]
pub(crate) struct Payload {
    bytes: Bytes,
    pub media_type: MediaType,
}

impl Payload {
    pub async fn read(call: &Call<'_>, body: Body) -> Result<Payload, Problem> {
        let settings = call.settings();
        let bytes = to_bytes(body, settings.body_bytes_max).await;
        // The length was checked; what is left is a client that went away, or sent more.
        let bytes = bytes.map_err(|_| Problem::invalid_request("the body did not arrive whole"))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let at = error.valid_up_to();
            Problem::invalid_request(format!("the body is not valid UTF-8, from byte {at} on"))
        })?;
        check_depth(text, settings.json_depth_max).map_err(|depth_max| {
            Problem::invalid_request(format!(
                "the body is nested more than {depth_max} levels deep (setting `json_depth_max`)"
            ))
        })?;
        check_surrogates(text)?;
        let is_patch = call.head.method == Method::PATCH;
        let media_type = content_type(call.headers(), is_patch).unwrap_or(MediaType::Json);
        Ok(Payload { bytes, media_type })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// The context of a body that is one element (clause 6.3.5).
    pub async fn context(&self, call: &Call<'_>) -> Result<Arc<Compiled>, Problem> {
        match self.media_type {
            MediaType::LdJson => {
                refuse_link(call)?;
                inner_context(call, self.text()).await
            }
            _ => {
                refuse_inner(self.text())?;
                call.linked_context().await
            }
        }
    }
}

/// JSON-LD has its context in the body, and nowhere else.
pub(crate) fn refuse_link(call: &Call<'_>) -> Result<(), Problem> {
    match context_url(call.headers()) {
        Ok(None) => Ok(()),
        _ => Err(Problem::bad_request_data(
            "the body is application/ld+json, so its @context stands in it; a Link header to one \
             is not allowed",
        )),
    }
}

/// JSON has its context in a header, and nowhere else.
pub(crate) fn refuse_inner(text: &str) -> Result<(), Problem> {
    if !text.contains("\"@context\"") || Head::of(text).is_none_or(|head| head.context.is_none()) {
        return Ok(());
    }
    Err(Problem::bad_request_data(
        "the body is application/json, so its @context is named in a Link header; in the body it \
         is not allowed (send application/ld+json instead)",
    ))
}

/// The context that stands in an element.
pub(crate) async fn inner_context(call: &Call<'_>, text: &str) -> Result<Arc<Compiled>, Problem> {
    let head = serde_json::from_str::<Head<'_>>(text);
    // A list of nothing would do for a structure, too.
    if head.is_ok() && !text.trim_start().starts_with('{') {
        return Err(Problem::invalid_request("the body is not a JSON object"));
    }
    let head = head.map_err(|error| {
        let problem = if error.is_data() { "a JSON object" } else { "valid JSON" };
        Problem::invalid_request(format!("the body is not {problem}: {error}"))
    })?;
    match head.context {
        Some(written) => call.door.contexts.written(call.asker(), written.get()).await,
        None => {
            Err(Problem::bad_request_data("the body is application/ld+json, but has no @context"))
        }
    }
}

/// What of an element concerns the door.
#[derive(Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(rename = "@context", borrow)]
    pub context: Option<&'a RawValue>,
}

impl<'a> Head<'a> {
    fn of(text: &'a str) -> Option<Head<'a>> {
        serde_json::from_str(text).ok()
    }
}

/// Refuses half a character: an escape of a surrogate without its other half, which others could
/// not read back.
fn check_surrogates(text: &str) -> Result<(), Problem> {
    let may_hold_one = text.contains("\\ud") || text.contains("\\uD");
    // Reading strings in full finds them; few bodies need that.
    if may_hold_one && let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        return Err(Problem::invalid_request(format!("the body is not valid JSON: {error}")));
    }
    Ok(())
}

/// Refuses JSON that nests deeper than allowed, so that no parser is led astray.
pub(crate) fn check_depth(text: &str, depth_max: usize) -> Result<(), usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth_max < depth {
                    return Err(depth_max);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(check_depth(r#"[{"a":[1]}]"#, 3), Ok(()));
        assert_eq!(check_depth(r#"[{"a":[1]}]"#, 2), Err(2));
        assert_eq!(check_depth(r#"["[[[[\"[[["]"#, 1), Ok(()));
        assert_eq!(check_depth("]]][", 1), Ok(()));
    }
}
