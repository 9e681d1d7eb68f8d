//! Text of a limited length, which says so where it was cut.

use std::fmt;

use serde::{Deserialize, Serialize};

/// At most `MAX` bytes. What is longer is cut, and ends with how long it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Text<const MAX: usize>(Box<str>);

/// More than what [`note`] may come to; what `MAX` must leave room for.
const NOTE_BYTES_MAX: usize = 48;

fn note(bytes: usize) -> String {
    format!("... (cut from {bytes} bytes)")
}

impl<const MAX: usize> Text<MAX> {
    pub const BYTES_MAX: usize = MAX;

    pub fn new(text: &str) -> Text<MAX> {
        const { assert!(MAX > NOTE_BYTES_MAX) }
        if text.len() <= MAX {
            return Text(text.into());
        }
        let note = note(text.len());
        let end = text.floor_char_boundary(MAX - note.len());
        Text(format!("{}{note}", &text[..end]).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> From<&str> for Text<MAX> {
    fn from(text: &str) -> Text<MAX> {
        Text::new(text)
    }
}

impl<const MAX: usize> From<String> for Text<MAX> {
    fn from(text: String) -> Text<MAX> {
        if text.len() <= MAX { Text(text.into()) } else { Text::new(&text) }
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0.into()
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let short = Text::<64>::new("short");
        assert_eq!(short.as_str(), "short");
        let cut = Text::<64>::new(&"\u{e9}".repeat(50));
        assert_eq!(cut.as_str(), format!("{}... (cut from 100 bytes)", "\u{e9}".repeat(20)));
        assert!(cut.as_str().len() <= 64);
        assert_eq!(Text::<64>::new(cut.as_str()), cut);
        assert!(note(usize::MAX).len() <= NOTE_BYTES_MAX);
        assert!(Text::<64>::new(&"x".repeat(65)).as_str().len() <= 64);
    }
}
