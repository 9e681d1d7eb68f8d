//! Names that are what they look like.

use std::ops::RangeInclusive;

/// Names stand in lists and log lines, where nothing may hide in them: no space around, no control
/// characters, none that only changes how others look (`Cf`, such as a change of direction), and no
/// line or paragraph separators.
pub(crate) fn is_visible(name: &str) -> bool {
    name.trim() == name && !name.chars().any(is_hidden)
}

/// Is it a character that is not seen itself, and that may change how others are?
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control() || FORMAT.iter().any(|range| range.contains(&c))
}

/// General categories Cf, Zl and Zp of Unicode 16.
const FORMAT: [RangeInclusive<char>; 21] = [
    '\u{ad}'..='\u{ad}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{2064}',
    '\u{2066}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0001}'..='\u{e0001}',
    '\u{e0020}'..='\u{e007f}',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_a_name() {
        for good in ["a", "a b", "J\u{fc}rgen", "\u{65e5}\u{672c}", "meter-7@roof"] {
            assert!(is_visible(good), "{good:?}");
        }
        for bad in ["a\nb", " a", "a\u{a0}", "a\u{202e}b", "a\u{200b}", "a\u{2028}b", "\u{e0041}"] {
            assert!(!is_visible(bad), "{bad:?}");
        }
    }
}
