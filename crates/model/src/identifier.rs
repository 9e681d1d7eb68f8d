//! Names of things: URIs of entities and datasets, expanded names, tenants.

use std::fmt;
use std::sync::Arc;

use crate::text::Text;

/// An absolute URI or IRI: a scheme, a colon, and something after it (RFC 3986, RFC 3987).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(Text);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAUri {
    #[error("`{0}` is not a valid URI")]
    Invalid(String),
    #[error("`{start}...` has {bytes} bytes; a URI takes at most {max}", max = Uri::BYTES_MAX)]
    TooLong { start: String, bytes: usize },
}

impl Uri {
    /// Identifiers become keys of the stores, which have a limit of their own.
    pub const BYTES_MAX: usize = 4_096;

    pub fn parse(text: &str) -> Result<Uri, NotAUri> {
        if text.len() > Uri::BYTES_MAX {
            let start = text.chars().take(60).collect();
            return Err(NotAUri::TooLong { start, bytes: text.len() });
        }
        let valid = text.split_once(':').is_some_and(|(scheme, rest)| {
            is_scheme(scheme) && !rest.is_empty() && rest.chars().all(may_stand_in_an_iri)
        });
        if valid { Ok(Uri(text.into())) } else { Err(NotAUri::Invalid(text.to_owned())) }
    }

    /// Takes text that was a `Uri` before: the way back from a store.
    pub fn from_valid(text: impl Into<Text>) -> Uri {
        Uri(text.into())
    }

    /// What stands before every URI, and is none: where a search by URI begins.
    pub fn first() -> Uri {
        Uri("".into())
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same, keeping nothing alive but itself; see [`Text::detached`].
    pub fn detached(&self) -> Uri {
        Uri(self.0.detached())
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn may_stand_in_an_iri(c: char) -> bool {
    !(c.is_whitespace()
        || c.is_control()
        || is_invisible(c)
        || matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`'))
}

/// Characters that are not seen, or turn others around: with them, two identifiers that look alike
/// would be different ones. RFC 3987 asks to keep them out (section 4.1, 7.5).
fn is_invisible(c: char) -> bool {
    let is_noncharacter = matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff);
    is_noncharacter
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.as_str())
    }
}

/// The URI that names one entity.
pub type EntityId = Uri;

/// An expanded name of an entity type or attribute: an IRI, never the short form a client wrote.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The stores keep every name that was ever used.
    pub const BYTES_MAX: usize = 4_096;

    /// Takes a name that a context has expanded.
    pub fn new(expanded: impl Into<Arc<str>>) -> Name {
        Name(expanded.into())
    }

    /// Do both share one text? Cheap; a no does not mean that they differ.
    pub fn is_same_as(&self, other: &Name) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose data it is. Nothing of one tenant is visible to another (clause 4.14).
///
/// The default tenant has the empty name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(Arc<str>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a tenant name; it takes 1 to {max} letters, digits, `_`, `-` or `.`",
    max = Tenant::BYTES_MAX
)]
pub struct NotATenant(pub String);

impl Tenant {
    pub const BYTES_MAX: usize = 100;

    pub fn parse(text: &str) -> Result<Tenant, NotATenant> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if (1..=Tenant::BYTES_MAX).contains(&text.len()) && text.chars().all(plain) {
            Ok(Tenant(text.into()))
        } else {
            Err(NotATenant(text.chars().take(200).collect()))
        }
    }

    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    /// Empty for the default tenant.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_default() { "(default)" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_a_scheme_and_something_after_it() {
        for good in ["urn:ngsi-ld:Lamp:7", "http://example.org/a?b#c", "a+b.c-d:x", "urn:städte:ü"]
        {
            assert_eq!(Uri::parse(good).unwrap().as_str(), good);
        }
        for bad in
            ["", "lamp", "urn:", ":x", "1a:x", "urn:a b", "urn:<a>", "urn:a\"b", "urn:a\u{202e}b"]
        {
            assert!(Uri::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tenant_name_is_short_and_plain() {
        assert!(Tenant::parse("city-1.north").is_ok());
        for bad in ["", "a b", "a/b", &"x".repeat(101)] {
            assert!(Tenant::parse(bad).is_err(), "{bad}");
        }
        assert!(Tenant::default().is_default());
    }
}
