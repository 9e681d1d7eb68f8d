//! One context object into term definitions (JSON-LD 1.1 API, 4.2 Create Term Definition), without scoped contexts.

use crate::{
    compile::{CompileError, Limits},
    core_context::{self, DEFAULT_VOCAB},
    iri::{self, Shape},
    terms::{Coercion, Definition, Definitions, Terms},
    written::{Id, Written},
};
use serde_json::{Map, Value};
use std::collections::HashMap;

type Members = Map<String, Value>;

/// What the context objects read so far have defined.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) definitions: Definitions,
    vocab: Option<Box<str>>,
    terms: usize,
    bytes: usize,
}

impl Draft {
    pub(crate) fn vocab(&self) -> &str {
        self.vocab.as_deref().unwrap_or(DEFAULT_VOCAB)
    }

    /// Reads a user's context object; what it says of core terms is checked and ignored (NGSI-LD 4.4).
    pub(crate) fn read(
        &mut self,
        local: &Members,
        place: &str,
        limits: &Limits,
    ) -> Result<(), CompileError> {
        Scope::new(self, local, place, limits, Some(core_context::terms())).read()
    }
}

/// The terms of a core context; its scoped contexts concern no name that clients choose, and are passed over.
pub(crate) fn core_terms(document: &str) -> Result<Terms, CompileError> {
    let place = "the core context";
    let document: Value =
        serde_json::from_str(document).map_err(|error| invalid(place, error.to_string()))?;
    let Some(local) = document["@context"].as_object() else {
        return Err(invalid(place, "it is not an object"));
    };
    let mut draft = Draft::default();
    Scope::new(&mut draft, local, place, &Limits::default(), None).read()?;
    Ok(Terms::new(draft.definitions))
}

pub(crate) fn invalid(place: &str, why: impl Into<String>) -> CompileError {
    CompileError::Invalid { place: place.to_owned(), why: why.into() }
}

enum Progress {
    Open,
    Done,
}

/// One context object while its terms, which may name each other in any order, are being defined.
struct Scope<'a> {
    draft: &'a mut Draft,
    local: &'a Members,
    place: &'a str,
    limits: &'a Limits,
    core: Option<&'static Terms>,
    progress: HashMap<&'a str, Progress>,
    depth: usize,
}

impl<'a> Scope<'a> {
    fn new(
        draft: &'a mut Draft,
        local: &'a Members,
        place: &'a str,
        limits: &'a Limits,
        core: Option<&'static Terms>,
    ) -> Self {
        Self { draft, local, place, limits, core, progress: HashMap::new(), depth: 0 }
    }

    fn read(mut self) -> Result<(), CompileError> {
        self.draft.terms += self.local.len();
        if self.limits.context_terms_max < self.draft.terms {
            let max = self.limits.context_terms_max;
            return Err(CompileError::TooLarge { limit: "context_terms_max", max });
        }
        for (key, value) in self.local.iter().filter(|(key, _)| iri::is_keyword(key)) {
            self.set(key, value)?;
        }
        for key in self.local.keys().filter(|key| !iri::is_keyword(key)) {
            self.define(key)?;
        }
        Ok(())
    }

    /// What a context says of itself. Languages, bases and protection change no name, so they are only checked.
    fn set(&mut self, key: &str, value: &Value) -> Result<(), CompileError> {
        let understood = match key {
            "@vocab" => return self.set_vocab(value),
            "@context" => return Err(CompileError::Embedded { place: self.place.to_owned() }),
            "@version" => value.as_f64() == Some(1.1),
            "@base" | "@language" | "@direction" => value.is_null() || value.is_string(),
            "@protected" => value.is_boolean(),
            "@propagate" => *value == Value::Bool(true),
            "@type" => value.is_object(),
            _ => return Err(self.invalid(format!("a context cannot define `{key}` here"))),
        };
        if understood {
            Ok(())
        } else {
            Err(self.invalid(format!("`{key}` has a value that it cannot have")))
        }
    }

    fn set_vocab(&mut self, value: &Value) -> Result<(), CompileError> {
        self.draft.vocab = match value {
            Value::Null => None,
            Value::String(text) => {
                let vocab = match iri::shape(text) {
                    Shape::Prefixed(prefix, rest) => self.prefixed(prefix, rest),
                    _ => None,
                };
                let vocab = vocab.unwrap_or_else(|| text.clone());
                if !iri::is_absolute(&vocab) {
                    return Err(
                        self.invalid(format!("`@vocab` is `{text}`, which is not an absolute IRI"))
                    );
                }
                Some(vocab.into())
            }
            _ => return Err(self.invalid("`@vocab` is neither a text nor null")),
        };
        Ok(())
    }

    /// Defines a term of this object, unless that is done. A term that is being defined cannot be used to define it.
    fn define(&mut self, text: &str) -> Result<(), CompileError> {
        let found = self.local.get_key_value(text).filter(|(term, _)| !iri::is_keyword(term));
        let Some((term, written)) = found else { return Ok(()) };
        match self.progress.get(&**term) {
            Some(Progress::Done) => return Ok(()),
            Some(Progress::Open) => return Err(CompileError::Cycle(term.clone())),
            None if term.is_empty() => return Err(self.invalid("a term may not be empty")),
            None if self.limits.context_depth_max <= self.depth => {
                return Err(CompileError::TooDeep { max: self.limits.context_depth_max });
            }
            None => self.progress.insert(term, Progress::Open),
        };
        self.depth += 1;
        let written = Written::parse(term, written, self.place)?;
        if written.is_scoped && self.core.is_some() {
            return Err(CompileError::Scoped { term: term.clone(), place: self.place.to_owned() });
        }
        if self.core.is_none_or(|core| core.get(term).is_none()) {
            match self.definition(term, &written)? {
                Some(definition) => self.insert(term, definition)?,
                None => drop(self.draft.definitions.remove(&**term)),
            }
        }
        self.depth -= 1;
        self.progress.insert(term, Progress::Done);
        Ok(())
    }

    fn insert(&mut self, term: &str, definition: Definition) -> Result<(), CompileError> {
        self.draft.bytes += term.len() + definition.iri.len();
        if self.limits.context_bytes_max < self.draft.bytes {
            let max = self.limits.context_bytes_max;
            return Err(CompileError::TooLarge { limit: "context_bytes_max", max });
        }
        self.draft.definitions.insert(term.into(), definition);
        Ok(())
    }

    fn definition(
        &mut self,
        term: &str,
        written: &Written<'_>,
    ) -> Result<Option<Definition>, CompileError> {
        let iri = match written.id {
            Id::Null => return Ok(None),
            Id::Text(text) if text != term => self.expand(text)?,
            Id::Text(_) | Id::Absent => self.expand_shape(term)?,
        };
        if iri == "@context" || !(iri::is_keyword(&iri) || iri::is_absolute(&iri)) {
            return Err(self.invalid(format!("term `{term}` cannot stand for `{iri}`")));
        }
        if looks_like_iri(term) && self.expand_shape(term)? != iri {
            return Err(
                self.invalid(format!("term `{term}` reads as an IRI, but stands for `{iri}`"))
            );
        }
        let coercion = match written.datatype {
            None => Coercion::None,
            Some(datatype) => self.coercion(term, datatype)?,
        };
        let is_prefix = written.serves_as_prefix(&iri);
        Ok(Some(Definition { iri: iri.into(), coercion, is_prefix }))
    }

    fn coercion(&mut self, term: &str, datatype: &str) -> Result<Coercion, CompileError> {
        let expanded = self.expand(datatype)?;
        match Coercion::of(&expanded) {
            Coercion::Datatype(iri) if !iri::is_absolute(&iri) => {
                Err(self.invalid(format!("the `@type` of term `{term}` cannot be `{datatype}`")))
            }
            coercion => Ok(coercion),
        }
    }

    fn expand(&mut self, text: &str) -> Result<String, CompileError> {
        if iri::is_keyword(text) {
            return Ok(text.to_owned());
        }
        self.define(text)?;
        match self.known(text) {
            Some(definition) => Ok(definition.iri.to_string()),
            None => self.expand_shape(text),
        }
    }

    /// What `text` means where it is not itself a term.
    fn expand_shape(&mut self, text: &str) -> Result<String, CompileError> {
        match iri::shape(text) {
            Shape::Keyword | Shape::Whole => return Ok(text.to_owned()),
            Shape::Prefixed(prefix, rest) => {
                self.define(prefix)?;
                if let Some(iri) = self.prefixed(prefix, rest) {
                    return Ok(iri);
                }
                if iri::has_scheme(text) {
                    return Ok(text.to_owned());
                }
            }
            Shape::Plain => {}
        }
        Ok(format!("{}{text}", self.draft.vocab()))
    }

    fn prefixed(&self, prefix: &str, rest: &str) -> Option<String> {
        let definition = self.known(prefix).filter(|definition| definition.is_prefix)?;
        Some(format!("{}{rest}", definition.iri))
    }

    fn known(&self, term: &str) -> Option<&Definition> {
        let core = self.core.and_then(|core| core.get(term));
        core.or_else(|| self.draft.definitions.get(term))
    }

    fn invalid(&self, why: impl Into<String>) -> CompileError {
        invalid(self.place, why)
    }
}

/// Such a term must stand for what it would mean without definition; or else the IRI it reads as could not be written.
fn looks_like_iri(term: &str) -> bool {
    match iri::shape(term) {
        Shape::Whole => true,
        Shape::Prefixed(_, rest) => !rest.is_empty() || term.contains('/'),
        Shape::Keyword | Shape::Plain => term.contains('/'),
    }
}
