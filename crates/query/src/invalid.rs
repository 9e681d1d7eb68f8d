//! What is wrong with the text of a query, and where.

/// A query that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{what}`, character {character}: {problem}")]
pub struct Invalid {
    /// The parameter as the user knows it: `q`, `scopeQ`, ..
    pub what: &'static str,
    /// The byte at which the problem begins.
    pub at: usize,
    /// The same place for people: the first character is 1.
    pub character: usize,
    pub problem: String,
    /// Is it only too much of what could be read otherwise?
    pub exceeds: bool,
}

impl Invalid {
    /// A problem at a byte of `text`.
    pub fn new(what: &'static str, text: &str, at: usize, problem: impl Into<String>) -> Invalid {
        let character = text.char_indices().take_while(|(start, _)| *start < at).count() + 1;
        Invalid { what, at, character, problem: problem.into(), exceeds: false }
    }

    /// Too much, by the limit of this setting.
    pub(crate) fn exceeding(self, setting: &str) -> Invalid {
        let problem = format!("{} (setting `{setting}`)", self.problem);
        Invalid { problem, exceeds: true, ..self }
    }
}
