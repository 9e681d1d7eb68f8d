//! A compiled context: names to IRIs and back, by look-ups alone.

use crate::{
    core_context,
    iri::{self, Shape},
    memo::Memo,
    name::check_name,
    terms::{Coercion, Definition, Terms},
};
use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

/// What the terms of one request mean: the core context, and under it the user's (NGSI-LD 4.4).
///
/// For every name, `expand_term(compact_iri(expand_term(name)))` is `expand_term(name)`.
#[derive(Debug)]
pub struct Context {
    user: Terms,
    vocab: Box<str>,
    expanded: Memo,
    compacted: Memo,
}

impl Context {
    /// The context of a request that names none: the newest core alone (NGSI-LD 5.5.5).
    pub fn core() -> Arc<Self> {
        static CORE: LazyLock<Arc<Context>> = LazyLock::new(|| {
            Arc::new(Context::new(Terms::default(), core_context::DEFAULT_VOCAB.into()))
        });
        CORE.clone()
    }

    pub(crate) fn new(user: Terms, vocab: Box<str>) -> Self {
        Self { user, vocab, expanded: Memo::default(), compacted: Memo::default() }
    }

    /// As [`Context::expand_term`]; what was asked before is answered by one look-up, and shared.
    pub fn expanded(&self, term: &str) -> Arc<str> {
        self.expanded.get(term, || self.expand_term(term).into())
    }

    /// As [`Context::compact_name`]; what was asked before is answered by one look-up, and shared.
    pub fn compacted(&self, iri: &str) -> Arc<str> {
        self.compacted.get(iri, || self.compact_name(iri).into())
    }

    /// The IRI of an entity type or attribute name (NGSI-LD 5.5.7).
    ///
    /// A term that stands for a keyword gives the keyword: `type` gives `@type`.
    pub fn expand_term<'a>(&'a self, term: &'a str) -> Cow<'a, str> {
        if let Some(definition) = self.definition(term) {
            return Cow::Borrowed(&definition.iri);
        }
        match iri::shape(term) {
            Shape::Keyword | Shape::Whole => Cow::Borrowed(term),
            Shape::Prefixed(prefix, rest) => match self.prefix(prefix) {
                Some(head) => Cow::Owned([head, rest].concat()),
                None if iri::has_scheme(term) => Cow::Borrowed(term),
                None => Cow::Owned([&self.vocab, term].concat()),
            },
            Shape::Plain => Cow::Owned([&self.vocab, term].concat()),
        }
    }

    /// The IRI of a value that is read as a term: a VocabProperty's (NGSI-LD 4.5.20), or one coerced to `@vocab`.
    pub fn expand_vocab<'a>(&'a self, text: &'a str) -> Cow<'a, str> {
        self.expand_term(text)
    }

    /// The IRI of a value that is an identifier. Only a prefix is expanded; no base is known, so none is applied.
    pub fn expand_id<'a>(&'a self, text: &'a str) -> Cow<'a, str> {
        match iri::shape(text) {
            Shape::Prefixed(prefix, rest) => match self.prefix(prefix) {
                Some(head) => Cow::Owned([head, rest].concat()),
                None => Cow::Borrowed(text),
            },
            Shape::Keyword | Shape::Whole | Shape::Plain => Cow::Borrowed(text),
        }
    }

    /// The shortest way this context has to write `iri`: a term, a name under the vocabulary, a prefixed name, or else
    /// the IRI itself (NGSI-LD 5.5.7). Among several terms the core's wins, then the shortest, then the first.
    ///
    /// What it gives expands to `iri` again. Only an IRI whose scheme the context made a prefix cannot be written; it is
    /// given as it is.
    pub fn compact_iri<'a>(&'a self, iri: &'a str) -> Cow<'a, str> {
        if let Some(term) = core_context::terms().term_for(iri).or_else(|| self.user.term_for(iri))
        {
            return Cow::Borrowed(term);
        }
        if let Some(name) = iri.strip_prefix(&*self.vocab).filter(|name| self.is_free(name, iri)) {
            return Cow::Borrowed(name);
        }
        self.compact_with_prefix(iri).map_or(Cow::Borrowed(iri), Cow::Owned)
    }

    /// As [`Context::compact_iri`], for the name of an entity type or attribute: what it gives is a name (NGSI-LD 4.6.2).
    /// What the vocabulary leaves of an IRI may be none, such as `lamps/Lamp`; a prefix or the IRI itself serves then.
    pub fn compact_name<'a>(&'a self, iri: &'a str) -> Cow<'a, str> {
        let compact = self.compact_iri(iri);
        if check_name(&compact).is_ok() {
            return compact;
        }
        let prefixed = self.compact_with_prefix(iri).filter(|name| check_name(name).is_ok());
        prefixed.map_or(Cow::Borrowed(iri), Cow::Owned)
    }

    /// What a term's definition says of its values; a name without definition says nothing.
    pub fn coercion(&self, term: &str) -> &Coercion {
        self.definition(term).map_or(&Coercion::None, |definition| &definition.coercion)
    }

    /// The JSON-LD keyword a member stands for: `@type` for `type`, for `@type`, and for a user's alias of it.
    pub fn keyword<'a>(&'a self, member: &'a str) -> Option<&'a str> {
        let word = self.definition(member).map_or(member, |definition| &definition.iri);
        iri::is_keyword(word).then_some(word)
    }

    fn definition(&self, term: &str) -> Option<&Definition> {
        core_context::terms().get(term).or_else(|| self.user.get(term))
    }

    fn prefix(&self, term: &str) -> Option<&str> {
        self.definition(term)
            .filter(|definition| definition.is_prefix)
            .map(|definition| &*definition.iri)
    }

    /// Whether `name`, what is left of `iri` under the vocabulary, reads as nothing else.
    fn is_free(&self, name: &str, iri: &str) -> bool {
        match iri::shape(name) {
            Shape::Keyword => false,
            Shape::Plain => !name.is_empty() && self.definition(name).is_none(),
            Shape::Whole | Shape::Prefixed(..) => self.expand_term(name) == iri,
        }
    }

    fn compact_with_prefix(&self, iri: &str) -> Option<String> {
        let mut best: Option<String> = None;
        for (prefix, rest) in core_context::terms().prefixed(iri).chain(self.user.prefixed(iri)) {
            let length = prefix.len() + 1 + rest.len();
            if best.as_ref().is_some_and(|best| best.len() < length) {
                continue;
            }
            let candidate = format!("{prefix}:{rest}");
            let is_better =
                best.as_ref().is_none_or(|best| (length, &candidate) < (best.len(), best));
            if is_better && self.expand_term(&candidate) == iri {
                best = Some(candidate);
            }
        }
        best
    }
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
