//! From what a client named to a compiled context, with the documents that the caller holds.

use crate::{
    context::Context,
    core_context::is_core_url,
    define::{Draft, invalid},
    iri,
    reference::ContextRef,
    terms::Terms,
};
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// The documents the caller has at hand; core contexts are never asked for.
pub trait Library {
    fn document(&self, url: &str) -> Option<Arc<Value>>;
}

impl Library for HashMap<String, Arc<Value>> {
    fn document(&self, url: &str) -> Option<Arc<Value>> {
        self.get(url).cloned()
    }
}

/// How much one `@context` may ask for, with all the documents it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What its terms and the IRIs they stand for take together.
    pub context_bytes_max: usize,
    pub context_terms_max: usize,
    /// How deep documents, arrays, and terms that are defined by terms may nest.
    pub context_depth_max: usize,
    /// How many documents it may lead to; one that it leads to twice counts twice.
    pub contexts_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            context_bytes_max: 8 * 1024 * 1024,
            context_terms_max: 50_000,
            context_depth_max: 16,
            contexts_max: 32,
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompileError {
    /// Fetch this, put it in the library, and compile again.
    #[error("the context at `{0}` is not at hand")]
    Needs(String),
    #[error("{place} is not a valid context: {why}")]
    Invalid { place: String, why: String },
    #[error(
        "term `{term}` in {place} has a context of its own; NGSI-LD does not allow scoped contexts"
    )]
    Scoped { term: String, place: String },
    #[error("{place} has a @context inside; NGSI-LD does not allow embedded contexts")]
    Embedded { place: String },
    #[error("the context is too large: `{limit}` is {max}")]
    TooLarge { limit: &'static str, max: usize },
    #[error("the context is nested too deeply: `context_depth_max` is {max}")]
    TooDeep { max: usize },
    /// A document leads to itself, or a term is defined by itself.
    #[error("the context leads from `{0}` to `{0}` again")]
    Cycle(String),
}

/// Compiles a `@context`; the core context is added, and wins, whether or not it is named (NGSI-LD 4.4, 5.5.7).
pub fn compile(
    reference: &ContextRef,
    library: &dyn Library,
    limits: &Limits,
) -> Result<Context, CompileError> {
    let mut reader =
        Reader { library, limits, draft: Draft::default(), open: Vec::new(), documents: 0 };
    reader.read(reference, 0)?;
    let vocab = reader.draft.vocab().into();
    Ok(Context::new(Terms::new(reader.draft.definitions), vocab))
}

struct Reader<'a> {
    library: &'a dyn Library,
    limits: &'a Limits,
    draft: Draft,
    /// The documents being read, each led to by the one before.
    open: Vec<String>,
    documents: usize,
}

impl Reader<'_> {
    fn read(&mut self, reference: &ContextRef, depth: usize) -> Result<(), CompileError> {
        if self.limits.context_depth_max < depth {
            return Err(CompileError::TooDeep { max: self.limits.context_depth_max });
        }
        match reference {
            ContextRef::Url(url) => self.read_document(url, depth),
            ContextRef::Inline(members) => self.read_object(members),
            ContextRef::List(items) => items.iter().try_for_each(|item| self.read(item, depth + 1)),
        }
    }

    fn read_document(&mut self, url: &str, depth: usize) -> Result<(), CompileError> {
        let url = self.resolve(url)?;
        if is_core_url(&url) {
            return Ok(());
        }
        let document = self.document(&url)?;
        let reference = ContextRef::parse(written(&document, &url)?);
        let reference =
            reference.map_err(|error| invalid(&place(Some(&url)), error.to_string()))?;
        self.open.push(url);
        self.read(&reference, depth + 1)?;
        self.open.pop();
        Ok(())
    }

    fn read_object(&mut self, members: &Map<String, Value>) -> Result<(), CompileError> {
        let place = place(self.open.last());
        let Some(import) = members.get("@import") else {
            return self.draft.read(members, &place, self.limits);
        };
        let Value::String(url) = import else {
            return Err(invalid(&place, "`@import` is not a URL"));
        };
        let mut merged = self.imported(url)?;
        merged.extend(members.clone());
        merged.shift_remove("@import");
        self.draft.read(&merged, &place, self.limits)
    }

    /// The context object that `@import` names; it may not import in turn (JSON-LD 1.1, 4.1.10).
    fn imported(&mut self, url: &str) -> Result<Map<String, Value>, CompileError> {
        let url = self.resolve(url)?;
        if is_core_url(&url) {
            return Ok(Map::new());
        }
        let document = self.document(&url)?;
        match written(&document, &url)? {
            Value::Object(members) if !members.contains_key("@import") => Ok(members.clone()),
            _ => Err(invalid(
                &place(Some(&url)),
                "only one object without `@import` can be imported",
            )),
        }
    }

    fn document(&mut self, url: &str) -> Result<Arc<Value>, CompileError> {
        if self.open.iter().any(|open| open == url) {
            return Err(CompileError::Cycle(url.to_owned()));
        }
        self.documents += 1;
        if self.limits.contexts_max < self.documents {
            return Err(CompileError::TooLarge {
                limit: "contexts_max",
                max: self.limits.contexts_max,
            });
        }
        self.library.document(url).ok_or_else(|| CompileError::Needs(url.to_owned()))
    }

    /// A URL as seen from the document that holds it; a request's own context has no place to see it from.
    fn resolve(&self, url: &str) -> Result<String, CompileError> {
        let resolved = match self.open.last() {
            Some(base) => iri::resolve(base, url),
            None => Some(url.to_owned()),
        };
        resolved.filter(|url| iri::is_absolute(url)).ok_or_else(|| {
            invalid(&place(self.open.last()), format!("`{url}` is not an absolute URL"))
        })
    }
}

fn written<'d>(document: &'d Value, url: &str) -> Result<&'d Value, CompileError> {
    let found = document.get("@context");
    found.ok_or_else(|| invalid(&place(Some(url)), "the document has no `@context`"))
}

fn place(url: Option<impl AsRef<str>>) -> String {
    url.map_or_else(|| "the @context".to_owned(), |url| format!("`{}`", url.as_ref()))
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
