//! Texts that policies are read from, how much of them is taken, and what is wrong with them.

use std::fmt;

/// A text and what people call it, such as the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub text: String,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    pub(super) fn check_size(&self, limits: &Limits) -> Result<(), Problem> {
        let (bytes, max) = (self.text.len(), limits.policy_source_bytes_max);
        if bytes <= max {
            return Ok(());
        }
        let setting = "(setting `policy_source_bytes_max`)";
        Err(Problem::at(self, 0, format!("has {bytes} bytes; at most {max} are read {setting}")))
    }
}

/// Everything that one set of policies is read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// In the language of Cedar.
    pub policies: Vec<Source>,
    /// JSON objects from the name of an area to its geometry (RFC 7946), for `Area::"<name>"`.
    pub areas: Vec<Source>,
}

impl Sources {
    /// The policies that a platform begins with.
    pub fn defaults() -> Sources {
        let defaults = Source::new("defaults.cedar", super::DEFAULTS);
        Sources { policies: vec![defaults], areas: Vec::new() }
    }
}

/// How much is taken, each limit under the name of its setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long one text may be.
    pub policy_source_bytes_max: usize,
    /// How many policies there may be in all texts.
    pub policies_max: usize,
    /// How many areas there may be in all texts.
    pub policy_areas_max: usize,
    /// How many attributes policies may name.
    pub policy_attributes_max: usize,
    /// How deep brackets may stand inside each other.
    pub policy_depth_max: usize,
    /// How many operators, members and branches one policy may have.
    pub policy_terms_max: usize,
    /// How many rights are kept ready: one for each kind of caller, action and tenant.
    pub policy_rights_kept_max: usize,
}

impl Limits {
    pub const DEFAULT: Limits = Limits {
        policy_source_bytes_max: 256 * 1024,
        policies_max: 1_000,
        policy_areas_max: 1_000,
        policy_attributes_max: 256,
        policy_depth_max: 32,
        policy_terms_max: 256,
        policy_rights_kept_max: 16 * 1024,
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

/// Why policies are not taken, or where they look wrong. Line and column begin with 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub source: String,
    pub line: usize,
    pub column: usize,
    /// The policy it is about, where that is known.
    pub policy: Option<String>,
    pub message: String,
    /// What could be written instead.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at a byte of a source.
    pub(super) fn at(source: &Source, byte: usize, message: impl Into<String>) -> Problem {
        let before = source.text.get(..byte).unwrap_or(&source.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Problem {
            source: source.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            policy: None,
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn with_help(self, help: Option<impl Into<String>>) -> Problem {
        Problem { help: help.map(Into::into), ..self }
    }

    pub(super) fn of_policy(self, id: &str) -> Problem {
        Problem { policy: Some(id.to_owned()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.source, self.line, self.column)?;
        if let Some(policy) = &self.policy {
            write!(f, "policy `{policy}`: ")?;
        }
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|help| write!(f, " ({help})"))
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_in_characters() {
        let source = Source::new("x.cedar", "äb\ncöd");
        let at = |byte| {
            let problem = Problem::at(&source, byte, "p");
            (problem.line, problem.column)
        };
        assert_eq!((at(0), at(2), at(4), at(7)), ((1, 1), (1, 2), (2, 1), (2, 3)));
        assert_eq!(at(1_000), (2, 4));
    }
}
