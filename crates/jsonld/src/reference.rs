//! What a client names as its `@context`: a URL, an object, or an array of these.

use serde_json::{Map, Value};

/// A `@context` as written (NGSI-LD 5.2.3), before any document is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextRef {
    Url(String),
    Inline(Map<String, Value>),
    List(Vec<ContextRef>),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a @context is a URL, an object, or an array of these; not {0}")]
pub struct ContextError(&'static str);

impl ContextRef {
    pub fn parse(written: &Value) -> Result<Self, ContextError> {
        match written {
            Value::String(url) if url.is_empty() => Err(ContextError("an empty text")),
            Value::String(url) => Ok(Self::Url(url.clone())),
            Value::Object(terms) => Ok(Self::Inline(terms.clone())),
            Value::Array(items) => {
                items.iter().map(Self::parse).collect::<Result<_, _>>().map(Self::List)
            }
            Value::Null => Err(ContextError("null")),
            Value::Bool(_) => Err(ContextError("true or false")),
            Value::Number(_) => Err(ContextError("a number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_context_is_a_url_an_object_or_an_array_of_these() {
        let written = json!(["https://example.org/c.jsonld", {"a": "https://example.org/a"}]);
        let Ok(ContextRef::List(items)) = ContextRef::parse(&written) else { panic!("{written}") };
        assert_eq!(items[0], ContextRef::Url("https://example.org/c.jsonld".to_owned()));
        assert!(matches!(&items[1], ContextRef::Inline(terms) if terms.len() == 1));
    }

    #[test]
    fn anything_else_is_refused() {
        for written in [json!(null), json!(true), json!(7), json!(""), json!([[null]])] {
            assert!(ContextRef::parse(&written).is_err(), "{written}");
        }
    }
}
