//! A text that may be a part of a larger one.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

/// A part of a text that several share: cloned and cut without a copy.
///
/// It keeps the whole alive; what is kept for long is [`Text::detached`] first.
#[derive(Clone)]
pub struct Text {
    whole: Arc<str>,
    start: u32,
    end: u32,
}

impl Text {
    /// Nothing where the range does not lie in the text, or cuts a character.
    pub fn part_of(whole: &Arc<str>, range: Range<usize>) -> Option<Text> {
        whole.get(range.clone())?;
        let (start, end) = (range.start.try_into().ok()?, range.end.try_into().ok()?);
        Some(Text { whole: whole.clone(), start, end })
    }

    pub fn as_str(&self) -> &str {
        self.whole.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The same text, keeping nothing alive but itself.
    pub fn detached(&self) -> Text {
        let text = self.as_str();
        if text.len() == self.whole.len() { self.clone() } else { Text::from(text) }
    }
}

/// Texts end at 4 GiB; no limit on input comes near that.
impl<T: Into<Arc<str>>> From<T> for Text {
    fn from(text: T) -> Text {
        let whole = text.into();
        let end = u32::try_from(whole.len()).unwrap_or(u32::MAX);
        Text { whole, start: 0, end }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_equals_the_same_text_elsewhere_and_can_be_detached() {
        let whole: Arc<str> = "städte".into();
        let part = Text::part_of(&whole, 4..7).unwrap();
        assert_eq!(part, Text::from("dte"));
        assert_eq!(part.detached(), part);
        assert!(part > Text::from("dta"));
        assert!(Text::part_of(&whole, 3..7).is_none(), "in the middle of a character");
        assert!(Text::part_of(&whole, 4..8).is_none(), "beyond the end");
    }
}
