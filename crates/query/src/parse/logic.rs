//! And, or and parentheses: what `q`, `scopeQ` and type selections have in common.

use crate::invalid::Invalid;

use super::cursor::Cursor;

/// A tree that and and or build.
pub(crate) trait Logic: Sized {
    fn all(parts: Vec<Self>) -> Self;
    fn any(parts: Vec<Self>) -> Self;
}

/// How one language spells its trees.
pub(crate) struct Grammar {
    /// Stand between alternatives; `;`, and, binds tighter (clause 4.9).
    pub or_marks: &'static [&'static str],
    /// What stands between the marks, with its article: `an entity type`.
    pub term: &'static str,
}

/// Reads one term, and leaves the cursor after it.
type ReadTerm<'r, 'a, T> = &'r mut dyn FnMut(&mut Cursor<'a>) -> Result<T, Invalid>;

/// Reads a whole text.
pub(crate) fn parse<'a, T: Logic>(
    mut cursor: Cursor<'a>,
    grammar: &Grammar,
    term: ReadTerm<'_, 'a, T>,
) -> Result<T, Invalid> {
    let mut reader = Reader { grammar, term, terms: 0, depth: 0 };
    let tree = reader.alternatives(&mut cursor)?;
    if !cursor.is_at_end() {
        let marks = grammar.or_marks.join("`, `");
        return Err(cursor.expected(&format!("`;`, `{marks}` or the end")));
    }
    Ok(tree)
}

struct Reader<'r, 'a, T> {
    grammar: &'r Grammar,
    term: ReadTerm<'r, 'a, T>,
    terms: usize,
    depth: usize,
}

impl<'a, T: Logic> Reader<'_, 'a, T> {
    fn alternatives(&mut self, cursor: &mut Cursor<'a>) -> Result<T, Invalid> {
        let mut parts = vec![self.conjunction(cursor)?];
        while self.grammar.or_marks.iter().any(|mark| cursor.eat(mark)) {
            parts.push(self.conjunction(cursor)?);
        }
        Ok(single(parts, T::any))
    }

    fn conjunction(&mut self, cursor: &mut Cursor<'a>) -> Result<T, Invalid> {
        let mut parts = vec![self.part(cursor)?];
        while cursor.eat(";") {
            parts.push(self.part(cursor)?);
        }
        Ok(single(parts, T::all))
    }

    fn part(&mut self, cursor: &mut Cursor<'a>) -> Result<T, Invalid> {
        cursor.skip_spaces();
        let start = cursor.at();
        let part =
            if cursor.eat("(") { self.group(cursor, start)? } else { self.one_term(cursor)? };
        cursor.skip_spaces();
        Ok(part)
    }

    fn group(&mut self, cursor: &mut Cursor<'a>, start: usize) -> Result<T, Invalid> {
        if self.depth >= cursor.limits.query_depth_max {
            let problem = format!("more than {} parentheses inside each other", self.depth);
            return Err(cursor.error_at(start, problem).exceeding("query_depth_max"));
        }
        self.depth += 1;
        let tree = self.alternatives(cursor)?;
        cursor.expect(")", "at the end of a group")?;
        self.depth -= 1;
        Ok(tree)
    }

    fn one_term(&mut self, cursor: &mut Cursor<'a>) -> Result<T, Invalid> {
        cursor.check_terms(self.terms, "terms")?;
        self.terms += 1;
        match cursor.peek() {
            None | Some(';' | '|' | ',' | ')') => Err(cursor.expected(self.grammar.term)),
            Some(_) => (self.term)(cursor),
        }
    }
}

fn single<T>(mut parts: Vec<T>, join: impl Fn(Vec<T>) -> T) -> T {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}
