//! Regular expressions of bounded size (IEEE 1003.2, as clauses 4.9 and 5.2.33 use it).

use regex::{Regex, RegexBuilder};

use crate::invalid::Invalid;
use crate::limits::Limits;

/// How many groups of a pattern may stand inside each other.
pub const PATTERN_DEPTH_MAX: u32 = 50;

/// A regular expression, searched in the whole text unless anchored.
///
/// A match takes time in proportion to the text, whatever the pattern: there is no backtracking.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

pub type IdPattern = Pattern;

impl Pattern {
    /// Reads a pattern within the default limits.
    pub fn parse(text: &str) -> Result<Pattern, Invalid> {
        Pattern::within(text, &Limits::DEFAULT)
    }

    pub fn within(text: &str, limits: &Limits) -> Result<Pattern, Invalid> {
        let invalid = |problem: String| Invalid::new("pattern", "", 0, problem);
        if text.len() > limits.pattern_bytes_max {
            let problem = format!("a pattern takes at most {} bytes", limits.pattern_bytes_max);
            return Err(invalid(problem).exceeding("pattern_bytes_max"));
        }
        // Undefined in POSIX, and never meant.
        if ["**", "+*", "?*", "*+", "++", "?+"].iter().any(|twice| repeats_twice(text, twice)) {
            return Err(invalid("not a regular expression: a repetition is repeated".to_owned()));
        }
        let compiled_max = limits.pattern_compiled_bytes_max;
        let regex = RegexBuilder::new(text)
            .size_limit(compiled_max)
            .dfa_size_limit(compiled_max)
            .nest_limit(PATTERN_DEPTH_MAX)
            .build();
        regex.map(|regex| Pattern { regex }).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                let problem = format!("the pattern takes more than {compiled_max} bytes compiled");
                invalid(problem).exceeding("pattern_compiled_bytes_max")
            }
            other => invalid(explained(&other)),
        })
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.as_str() == other.as_str()
    }
}

/// Do these two operators stand side by side, and not as plain characters?
fn repeats_twice(text: &str, operators: &str) -> bool {
    text.match_indices(operators).any(|(at, _)| {
        let before = &text[..at];
        let escaped = before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        let in_class = before.rfind('[').is_some_and(|open| !before[open..].contains(']'));
        !escaped && !in_class
    })
}

/// One line, where the regex crate draws a picture.
fn explained(error: &regex::Error) -> String {
    let text = error.to_string();
    let reason = text.lines().rev().find_map(|line| line.trim().strip_prefix("error: "));
    format!("not a regular expression: {}", reason.unwrap_or("it cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: &str) {
        let found = Pattern::parse(pattern).map(|pattern| pattern.is_match(text).to_string());
        assert_eq!(found.unwrap_or_else(|e| e.problem), expected, "{pattern}");
    }

    #[test]
    fn a_pattern_is_searched_unless_anchored() {
        check("Lamp", "urn:ngsi-ld:Lamp:7", "true");
        check("^Lamp", "urn:ngsi-ld:Lamp:7", "false");
        check(".*downtown$", "urn:x:downtown", "true");
        check("^[[:alpha:]]+$", "abc", "true");
    }

    #[test]
    fn a_pattern_has_bounds() {
        const LONG: &str = "a pattern takes at most 1024 bytes (setting `pattern_bytes_max`)";
        const LARGE: &str = "the pattern takes more than 1048576 bytes compiled (setting \
                             `pattern_compiled_bytes_max`)";
        check("(", "", "not a regular expression: unclosed group");
        check(r"(a)\1", "", "not a regular expression: backreferences are not supported");
        check(&"a".repeat(1025), "", LONG);
        check(r"\w{9999}", "", LARGE);
    }
}
