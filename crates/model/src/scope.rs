//! Places in a hierarchy that an entity belongs to (clause 4.18).

use std::fmt;

/// `/Madrid/Gardens`: levels separated by slashes, kept as written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a scope; it must look like /Madrid/Gardens, each level opening with a letter, \
     and have at most {max} bytes",
    max = Scope::BYTES_MAX
)]
pub struct NotAScope(pub String);

impl Scope {
    /// Scopes become keys of the stores, which have a limit of their own.
    pub const BYTES_MAX: usize = 1_024;

    pub fn parse(text: &str) -> Result<Scope, NotAScope> {
        let levels = text.strip_prefix('/').unwrap_or(text);
        if text.len() <= Scope::BYTES_MAX && levels.split('/').all(is_level) {
            Ok(Scope(text.into()))
        } else {
            Err(NotAScope(text.chars().take(200).collect()))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The levels from the root, without slashes.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.strip_prefix('/').unwrap_or(&self.0).split('/')
    }
}

/// A letter, then letters, digits and `_`.
fn is_level(level: &str) -> bool {
    level.starts_with(char::is_alphabetic)
        && level.chars().all(|c| c.is_alphabetic() || c.is_numeric() || c == '_')
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_opens_with_a_letter() {
        for good in ["/Madrid", "Madrid", "/Madrid/Gardens/Parque_Norte2", "/München"] {
            assert_eq!(Scope::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "/", "/Madrid/", "//Madrid", "/1st", "/a b", "/a-b", "urn:ngsi-ld:null"] {
            assert!(Scope::parse(bad).is_err(), "{bad}");
        }
    }
}
