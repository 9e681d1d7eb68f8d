//! A place in a text that is being read.

use crate::invalid::Invalid;

/// Reads forward; knows what it reads, so that errors can tell.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    what: &'static str,
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Refuses text that is longer than allowed before anything looks at it.
    pub fn new(what: &'static str, text: &'a str, bytes_max: usize) -> Result<Cursor<'a>, Invalid> {
        if text.len() > bytes_max {
            let problem =
                format!("{} bytes are too long; at most {bytes_max} may stand here", text.len());
            return Err(Invalid::new(what, "", 0, problem));
        }
        Ok(Cursor { what, text, at: 0 })
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
}
