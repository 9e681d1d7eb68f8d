//! From the text of query parameters to trees.

mod cursor;
mod logic;
mod name;
mod operand;
mod order;
mod path;
mod q;
mod scope;
mod types;

use model::Name;

use crate::limits::Limits;

pub use q::QOptions;

pub(crate) use cursor::Cursor;
pub(crate) use name::is_name;

/// Reads the texts of a query: one method for each language.
#[derive(Clone, Copy)]
pub struct Parser<'a> {
    pub expand: Expand<'a>,
    pub limits: &'a Limits,
}

/// Expands a term to a name, or tells why it cannot.
pub type Expand<'a> = &'a dyn Fn(&str) -> Result<Name, String>;

impl<'a> Parser<'a> {
    /// One with the default limits.
    pub fn new(expand: Expand<'a>) -> Parser<'a> {
        Parser { expand, limits: &Limits::DEFAULT }
    }
}

impl std::fmt::Debug for Parser<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parser").field("limits", self.limits).finish_non_exhaustive()
    }
}

/// For the tests of what conditions mean.
#[cfg(test)]
pub(crate) fn parse_q(
    text: &str,
    options: &QOptions,
    expand: Expand<'_>,
) -> Result<crate::Condition, crate::Invalid> {
    Parser::new(expand).q(text, options)
}

#[cfg(test)]
mod tests;
