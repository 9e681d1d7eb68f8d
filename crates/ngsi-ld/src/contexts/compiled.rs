//! A context that is ready for use, with what an answer says of it.

use std::sync::Arc;

use http::HeaderValue;
use jsonld::{CORE_CONTEXT_URL, Context, is_core_url};
use model::Timestamp;
use serde_json::Value;

use super::library::Gathered;
use super::shelf::Entry;

#[derive(Debug)]
pub(crate) struct Compiled {
    context: Arc<Context>,
    /// The URL that stands for all of it; nothing where no single one does.
    url: Option<Box<str>>,
    link: Option<HeaderValue>,
    json: Box<str>,
    sources: Vec<Arc<Entry>>,
    weight: u64,
}

/// What a compiled context takes beside its documents.
const BYTES_BESIDE: u64 = 1024;

impl Compiled {
    /// The core context alone.
    pub fn core() -> Compiled {
        Compiled::made(Context::core(), &[], Gathered::default())
    }

    pub(super) fn new(context: Context, written: &Value, gathered: Gathered) -> Compiled {
        let mut items = Vec::new();
        flatten(written, &mut items);
        Compiled::made(Arc::new(context), &items, gathered)
    }

    /// From the items that are not core contexts.
    fn made(context: Arc<Context>, items: &[&Value], gathered: Gathered) -> Compiled {
        let url = match items {
            [] => Some(CORE_CONTEXT_URL),
            [Value::String(url)] => Some(url.as_str()),
            _ => None,
        };
        let json = match items {
            [] => Value::from(CORE_CONTEXT_URL).to_string(),
            [one] => one.to_string(),
            items => serde_json::to_string(items).unwrap_or_default(),
        };
        Compiled {
            context,
            url: url.map(Into::into),
            link: url.and_then(link_to),
            weight: BYTES_BESIDE + json.len() as u64 + gathered.bytes,
            json: json.into(),
            sources: gathered.sources,
        }
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The JSON text for a `@context` member. The core context is not named beside others: it is
    /// always there (clause 4.4).
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The value of a `Link` header (JSON-LD 1.1, 6.2); nothing where no URL stands for it all.
    pub fn link(&self) -> Option<&HeaderValue> {
        self.link.as_ref()
    }

    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The stored contexts that it was made from.
    pub fn sources(&self) -> &[Arc<Entry>] {
        &self.sources
    }

    /// Are all its sources still there, and fresh?
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.sources.iter().all(|source| source.is_usable(now))
    }

    pub fn weight(&self) -> u64 {
        self.weight
    }
}

fn flatten<'a>(written: &'a Value, items: &mut Vec<&'a Value>) {
    match written {
        Value::Array(all) => all.iter().for_each(|one| flatten(one, items)),
        Value::String(url) if is_core_url(url) => {}
        other => items.push(other),
    }
}

/// A `Link` to the context of a JSON document (clause 6.3.5).
pub(crate) fn link_to(url: &str) -> Option<HeaderValue> {
    let text = format!(
        "<{url}>; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\""
    );
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(written: Value, url: Option<&str>, json: &str) {
        let mut items = Vec::new();
        flatten(&written, &mut items);
        let compiled = Compiled::made(Context::core(), &items, Gathered::default());
        assert_eq!((compiled.url(), compiled.json()), (url, json), "{written}");
    }

    #[test]
    fn a_single_url_stands_for_the_context_and_the_core_is_named_only_alone() {
        let core = format!("\"{CORE_CONTEXT_URL}\"");
        check(json!([]), Some(CORE_CONTEXT_URL), &core);
        check(
            json!("http://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.3.jsonld"),
            Some(CORE_CONTEXT_URL),
            &core,
        );
        let one = "\"https://a.org/c\"";
        check(json!("https://a.org/c"), Some("https://a.org/c"), one);
        check(json!([["https://a.org/c"], CORE_CONTEXT_URL]), Some("https://a.org/c"), one);
        check(json!([{"a": "https://a.org/a"}]), None, r#"{"a":"https://a.org/a"}"#);
        check(
            json!(["https://a.org/c", "https://a.org/d"]),
            None,
            r#"["https://a.org/c","https://a.org/d"]"#,
        );
    }

    #[test]
    fn a_link_has_the_form_of_json_ld() {
        assert_eq!(
            link_to("https://a.org/c").unwrap(),
            "<https://a.org/c>; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\""
        );
    }
}
