//! Compiled term definitions, and the maps that find them from either side.

use std::collections::{BTreeSet, HashMap};

const NGSI_LD_DATE_TIME: &str = "https://uri.etsi.org/ngsi-ld/DateTime";
const NGSI_LD_DATE: &str = "https://uri.etsi.org/ngsi-ld/Date";
const NGSI_LD_TIME: &str = "https://uri.etsi.org/ngsi-ld/Time";

/// What a term's `@type` says of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Coercion {
    #[default]
    None,
    Id,
    Vocab,
    Json,
    DateTime,
    Date,
    Time,
    /// Any other datatype, by its IRI.
    Datatype(Box<str>),
}

impl Coercion {
    pub(crate) fn of(expanded: &str) -> Self {
        match expanded {
            "@none" => Self::None,
            "@id" => Self::Id,
            "@vocab" => Self::Vocab,
            "@json" => Self::Json,
            NGSI_LD_DATE_TIME => Self::DateTime,
            NGSI_LD_DATE => Self::Date,
            NGSI_LD_TIME => Self::Time,
            iri => Self::Datatype(iri.into()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Definition {
    /// An absolute IRI or a keyword.
    pub(crate) iri: Box<str>,
    pub(crate) coercion: Coercion,
    pub(crate) is_prefix: bool,
}

pub(crate) type Definitions = HashMap<Box<str>, Definition>;

/// The hash of these maps is std's, keyed by chance: users choose the keys, so they could otherwise choose collisions.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    definitions: Definitions,
    /// For each IRI the shortest term, and of equally short ones the first.
    by_iri: HashMap<Box<str>, Box<str>>,
    /// For each IRI the terms that may stand for it as prefix; best first.
    prefixes: HashMap<Box<str>, Vec<Box<str>>>,
    /// The lengths of the keys of `prefixes`, so that finding those of an IRI is a few look-ups.
    prefix_lengths: BTreeSet<usize>,
}

impl Terms {
    pub(crate) fn new(definitions: Definitions) -> Self {
        let mut terms = Self::default();
        let mut sorted: Vec<_> = definitions.iter().collect();
        sorted.sort_by_key(|(term, _)| (term.len(), *term));
        for (term, definition) in sorted {
            terms.by_iri.entry(definition.iri.clone()).or_insert_with(|| term.clone());
            if definition.is_prefix && !term.contains(':') && &**term != "_" {
                terms.prefix_lengths.insert(definition.iri.len());
                terms.prefixes.entry(definition.iri.clone()).or_default().push(term.clone());
            }
        }
        terms.definitions = definitions;
        terms
    }

    pub(crate) fn get(&self, term: &str) -> Option<&Definition> {
        self.definitions.get(term)
    }

    pub(crate) fn term_for(&self, iri: &str) -> Option<&str> {
        self.by_iri.get(iri).map(|term| &**term)
    }

    /// Every way to write `iri` as prefix and rest, of each prefix IRI the best term first.
    pub(crate) fn prefixed<'a>(&'a self, iri: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let heads =
            self.prefix_lengths.range(..iri.len()).filter_map(|at| iri.split_at_checked(*at));
        heads.flat_map(|(head, rest)| {
            self.prefixes.get(head).into_iter().flatten().map(move |term| (&**term, rest))
        })
    }
}
