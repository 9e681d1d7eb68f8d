//! Names as clients write them: terms, expanded by the door's context.

use model::Name;

use crate::invalid::Invalid;

use super::cursor::Cursor;
use super::{Expand, Parser};

impl Parser<'_> {
    /// A list of attribute names such as that of `attrs`, `expandValues` or `jsonKeys`: `a,b`.
    pub fn names(self, what: &'static str, text: &str) -> Result<Vec<Name>, Invalid> {
        let mut cursor = Cursor::new(what, text, self.limits)?;
        let mut names = Vec::new();
        loop {
            cursor.check_terms(names.len(), "names")?;
            cursor.skip_spaces();
            let start = cursor.at();
            let term = cursor.take_while(|c| c != ',').trim_end();
            names.push(checked(&cursor, start, term, "an attribute name", self.expand)?);
            if cursor.is_at_end() {
                return Ok(names);
            }
            cursor.eat(",");
        }
    }
}

/// Reads a term up to the first character that cannot stand in one, and expands it.
pub(super) fn name(
    cursor: &mut Cursor<'_>,
    wanted: &str,
    expand: Expand<'_>,
) -> Result<Name, Invalid> {
    let start = cursor.at();
    let term = if is_iri(cursor.rest()) {
        cursor.take_while(|c| {
            !matches!(
                c,
                ';' | '|'
                    | ','
                    | '('
                    | ')'
                    | '{'
                    | '}'
                    | '['
                    | '='
                    | '!'
                    | '~'
                    | '<'
                    | '>'
                    | ' '
                    | '"'
            )
        })
    } else {
        cursor.take_while(stands_in_name)
    };
    if term.is_empty() {
        return Err(cursor.expected(wanted));
    }
    checked(cursor, start, term, wanted, expand)
}

/// Expands a term that was read at `start`.
pub(super) fn checked(
    cursor: &Cursor<'_>,
    start: usize,
    term: &str,
    wanted: &str,
    expand: Expand<'_>,
) -> Result<Name, Invalid> {
    if !is_name(term) {
        let problem = if term.is_empty() {
            format!("expected {wanted}")
        } else {
            format!("expected {wanted}, found `{term}`")
        };
        return Err(cursor.error_at(start, problem));
    }
    expand(term).map_err(|problem| cursor.error_at(start, problem))
}

/// A name that a client may write: a letter, then letters, digits and `_`, perhaps with a prefix
/// (clause 4.6.2), or an IRI.
pub(crate) fn is_name(term: &str) -> bool {
    is_iri(term)
        || term.split(':').count() <= 2
            && term.split(':').all(|part| part.starts_with(char::is_alphabetic))
            && term.chars().all(stands_in_name)
}

fn stands_in_name(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric() || matches!(c, '_' | ':')
}

fn is_iri(text: &str) -> bool {
    ["http://", "https://", "urn:"]
        .iter()
        .any(|start| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}
