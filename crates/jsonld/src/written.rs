//! A term definition as it is written, before its texts are expanded (JSON-LD 1.1, 9.15.1).

use crate::{compile::CompileError, define::invalid, iri};
use serde_json::Value;

pub(crate) struct Written<'w> {
    pub(crate) id: Id<'w>,
    pub(crate) datatype: Option<&'w str>,
    pub(crate) is_scoped: bool,
    is_simple: bool,
    prefix: Option<bool>,
}

pub(crate) enum Id<'w> {
    Absent,
    Null,
    Text(&'w str),
}

impl<'w> Written<'w> {
    pub(crate) fn parse(term: &str, value: &'w Value, place: &str) -> Result<Self, CompileError> {
        let mut found = Self {
            id: Id::Absent,
            datatype: None,
            is_scoped: false,
            is_simple: false,
            prefix: None,
        };
        match value {
            Value::Null => found.id = Id::Null,
            Value::String(text) => (found.id, found.is_simple) = (Id::Text(text), true),
            Value::Object(members) => {
                for (key, value) in members {
                    found
                        .take(key, value)
                        .map_err(|why| invalid(place, format!("term `{term}` {why}")))?;
                }
            }
            _ => {
                return Err(invalid(
                    place,
                    format!("term `{term}` is neither a text nor an object"),
                ));
            }
        }
        Ok(found)
    }

    /// A simple term serves where its IRI ends like one; a term written as an object where it says `@prefix`.
    pub(crate) fn serves_as_prefix(&self, iri: &str) -> bool {
        self.prefix.unwrap_or(self.is_simple && iri::ends_as_prefix(iri)) && !iri::is_keyword(iri)
    }

    fn take(&mut self, key: &str, value: &'w Value) -> Result<(), String> {
        match (key, value) {
            ("@id", Value::String(text)) => self.id = Id::Text(text),
            ("@id", Value::Null) => self.id = Id::Null,
            ("@type", Value::String(text)) => self.datatype = Some(text),
            ("@prefix", Value::Bool(prefix)) => self.prefix = Some(*prefix),
            ("@context", _) => self.is_scoped = true,
            // They shape values, or guard terms from other contexts; what a name stands for does not depend on them.
            ("@container" | "@language" | "@direction" | "@index" | "@nest" | "@protected", _) => {}
            ("@reverse", _) => return Err("is `@reverse`, which NGSI-LD has no use for".to_owned()),
            _ => return Err(format!("has a `{key}` that it cannot have")),
        }
        Ok(())
    }
}
