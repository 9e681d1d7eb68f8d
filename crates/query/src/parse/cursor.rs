//! A place in a text that is being read.

use crate::invalid::Invalid;
use crate::limits::Limits;

/// Reads forward; knows what it reads, so that errors can tell, and how much of it is taken.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    what: &'static str,
    text: &'a str,
    at: usize,
    pub limits: &'a Limits,
}

impl<'a> Cursor<'a> {
    /// Refuses text that is longer than allowed before anything looks at it.
    pub fn new(
        what: &'static str,
        text: &'a str,
        limits: &'a Limits,
    ) -> Result<Cursor<'a>, Invalid> {
        Cursor::within(limits.query_bytes_max, "query_bytes_max", what, text, limits)
    }

    /// For coordinates, which may be longer than other texts.
    pub fn of_geometry(
        what: &'static str,
        text: &'a str,
        limits: &'a Limits,
    ) -> Result<Cursor<'a>, Invalid> {
        let bytes_max = limits.query_geometry_bytes_max;
        Cursor::within(bytes_max, "query_geometry_bytes_max", what, text, limits)
    }

    fn within(
        bytes_max: usize,
        setting: &str,
        what: &'static str,
        text: &'a str,
        limits: &'a Limits,
    ) -> Result<Cursor<'a>, Invalid> {
        let checked = check_length(what, text, bytes_max);
        checked.map_err(|invalid| invalid.exceeding(setting))?;
        Ok(Cursor { what, text, at: 0, limits })
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Steps over `mark`, if it stands here.
    pub fn eat(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    pub fn expect(&mut self, mark: &str, after: &str) -> Result<(), Invalid> {
        if self.eat(mark) { Ok(()) } else { Err(self.expected(&format!("`{mark}` {after}"))) }
    }

    pub fn skip_spaces(&mut self) {
        self.take_while(|c| c == ' ');
    }

    pub fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.take(end)
    }

    /// The next `bytes` bytes; all there is where they do not end at a character.
    pub fn take(&mut self, bytes: usize) -> &'a str {
        let rest = self.rest();
        let taken = rest.get(..bytes).unwrap_or(rest);
        self.at += taken.len();
        taken
    }

    /// `expected a value after ==`, and what stands there instead.
    pub fn expected(&self, wanted: &str) -> Invalid {
        match self.peek() {
            None => self.error(format!("expected {wanted}")),
            Some(found) => self.error(format!("expected {wanted}, found `{found}`")),
        }
    }

    pub fn error(&self, problem: impl Into<String>) -> Invalid {
        self.error_at(self.at, problem)
    }

    pub fn error_at(&self, at: usize, problem: impl Into<String>) -> Invalid {
        Invalid::new(self.what, self.text, at, problem)
    }

    /// Refuses one more of what `count` stand already; of such things, `what`, `max` may stand.
    pub fn check_count(
        &self,
        count: usize,
        max: usize,
        what: &str,
        setting: &str,
    ) -> Result<(), Invalid> {
        if count < max {
            return Ok(());
        }
        Err(self.error(format!("more than {max} {what}")).exceeding(setting))
    }

    /// Refuses one more term of any kind.
    pub fn check_terms(&self, count: usize, what: &str) -> Result<(), Invalid> {
        self.check_count(count, self.limits.query_terms_max, what, "query_terms_max")
    }
}

fn check_length(what: &'static str, text: &str, bytes_max: usize) -> Result<(), Invalid> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    let problem = format!("{} bytes are too long; at most {bytes_max} may stand here", text.len());
    Err(Invalid::new(what, "", 0, problem))
}
