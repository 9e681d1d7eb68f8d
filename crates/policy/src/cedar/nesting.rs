//! How deep and how long conditions are, told before they are parsed: Cedar's parser and validator
//! take a stack frame for each bracket and each operator, and a stack that is too small ends the
//! process.

use super::source::{Limits, Problem, Source};

/// Refuses a text in which brackets stand too deep, or a policy joins too many parts.
pub(super) fn check(source: &Source, limits: &Limits) -> Result<(), Problem> {
    let (mut depth, mut terms) = (0_usize, 0_usize);
    let (depth_max, terms_max) = (limits.policy_depth_max, limits.policy_terms_max);
    for (at, mark) in Marks::of(&source.text) {
        match mark {
            Mark::Opens => depth += 1,
            Mark::Closes => depth = depth.saturating_sub(1),
            Mark::Joins => terms += 1,
            Mark::Ends => (depth, terms) = (0, 0),
        }
        if depth_max < depth {
            let problem = format!(
                "brackets stand more than {depth_max} deep inside each other (setting \
                 `policy_depth_max`)"
            );
            return Err(Problem::at(source, at, problem));
        }
        if terms_max < terms {
            let problem = format!(
                "the policy joins more than {terms_max} parts (setting `policy_terms_max`)"
            );
            let help = "write `in [..]` or `[..].contains(..)`, or several policies";
            return Err(Problem::at(source, at, problem).with_help(Some(help)));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Opens,
    Closes,
    /// An operator, a member, or a branch: whatever makes an expression of others.
    Joins,
    /// The end of a policy.
    Ends,
}

/// What counts of a text; strings and comments do not.
struct Marks<'a> {
    text: &'a [u8],
    at: usize,
}

impl Marks<'_> {
    fn of(text: &str) -> Marks<'_> {
        Marks { text: text.as_bytes(), at: 0 }
    }

    fn skip_string(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                return;
            }
        }
    }

    fn skip_while(&mut self, wanted: fn(&u8) -> bool) {
        while self.text.get(self.at).is_some_and(wanted) {
            self.at += 1;
        }
    }
}

impl Iterator for Marks<'_> {
    type Item = (usize, Mark);

    fn next(&mut self) -> Option<(usize, Mark)> {
        loop {
            let start = self.at;
            let byte = *self.text.get(start)?;
            self.at += 1;
            let mark = match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'/' if self.text.get(self.at) == Some(&b'/') => {
                    self.skip_while(|byte| *byte != b'\n');
                    continue;
                }
                b'(' | b'[' | b'{' => Mark::Opens,
                b')' | b']' | b'}' => Mark::Closes,
                b';' => Mark::Ends,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                    self.skip_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
                    match &self.text[start..self.at] {
                        b"if" | b"in" | b"is" | b"has" | b"like" | b"when" | b"unless" => {
                            Mark::Joins
                        }
                        _ => continue,
                    }
                }
                b'&' | b'|' | b'!' | b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'.' => {
                    self.skip_while(|byte| matches!(byte, b'&' | b'|' | b'='));
                    Mark::Joins
                }
                _ => continue,
            };
            return Some((start, mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let limits = Limits { policy_depth_max: 3, policy_terms_max: 4, ..Limits::DEFAULT };
        let found = super::check(&Source::new("x", text), &limits);
        assert_eq!(found.err().map_or("taken".to_owned(), |problem| problem.to_string()), expected);
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        check("a (((\"((((\\\"((((\"))) // ((((((((\n b", "taken");
        check("\"a && b && c && d && e && f\" && // && && && &&\n a", "taken");
        check("unfinished && \"", "taken");
        check("unfinished && \"\\", "taken");
    }

    #[test]
    fn brackets_and_parts_are_counted_for_each_policy() {
        check(
            "a (([{",
            "x:1:6: brackets stand more than 3 deep inside each other (setting \
               `policy_depth_max`)",
        );
        check("a && b && c && d; a && b && c && d", "taken");
        check("(((;(((", "taken");
        check(
            "a && !b && if.c",
            "x:1:14: the policy joins more than 4 parts (setting \
               `policy_terms_max`) (write `in [..]` or `[..].contains(..)`, or several policies)",
        );
    }
}
