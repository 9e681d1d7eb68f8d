//! Why a token is not taken, in words for whoever has to mend it.

use std::time::Duration;

use policy::role;

use super::algorithm::Algorithm;
use super::jws::TOKEN_BYTES_MAX;
use super::verify::SUBJECT_CHARS_MAX;
use crate::visible::is_hidden;

/// What is wrong with a token. Nothing here holds the token or its signature; what is quoted of it
/// is cut short and has no control characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the token has {0} bytes; {TOKEN_BYTES_MAX} are the most")]
    TooLarge(usize),
    #[error("the token is not a signed JWT: {0}")]
    Malformed(&'static str),
    #[error(
        "the token is encrypted (JWE), which nobody here can read; have the provider sign access \
         tokens only (JWS)"
    )]
    Encrypted,
    #[error("the token is signed by `{found}`; issuer `{issuer}` allows {allowed}")]
    Algorithm { found: String, issuer: String, allowed: String },
    #[error("the token is of type `{found}`; issuer `{issuer}` allows {allowed}")]
    Type { found: String, issuer: String, allowed: String },
    #[error("the token has critical extensions (`crit`), of which none is known here")]
    Critical,
    #[error("the token is signed with a key that its issuer does not publish (key id `{0}`)")]
    UnknownKey(String),
    #[error("the token names a key of its issuer that is not for signatures by {0}")]
    KeyDoesNotFit(Algorithm),
    #[error("the token does not say with which key it is signed (`kid`), and several could be")]
    NoKeyId,
    #[error("the signature of the token is wrong")]
    Signature,
    /// Such as an ID token or a logout token: whoever an app shows it to must not get in with it.
    #[error("the token is not one for access: it has claim `{0}`")]
    NotForAccess(&'static str),
    #[error("the token is not one for access: its claim `typ` is `{0}`, not `Bearer`")]
    Purpose(String),
    #[error(
        "the token is bound to a key of its sender (`cnf`), which cannot be checked here; ask the \
         provider for a bearer token"
    )]
    Bound,
    #[error("the token has no issuer (`iss`)")]
    NoIssuer,
    #[error("the token is of issuer `{0}`, which is not known here (setting `issuers`)")]
    Issuer(String),
    #[error("claim `{0}` of the token is missing, or is not a moment in seconds")]
    NoMoment(&'static str),
    #[error("the token expired {} ago", span(.0))]
    Expired(Duration),
    #[error("the token is not valid yet (`{claim}`), but in {}; compare the clocks", span(.ahead))]
    NotYet { claim: &'static str, ahead: Duration },
    #[error("the token is valid for {}; {} is the longest", span(.found), span(.max))]
    Lifetime { found: Duration, max: Duration },
    #[error("the token is for audience {found}, but {expected} is expected")]
    Audience { found: String, expected: String },
    #[error(
        "the claim that names the caller (`{0}`) is missing, or is not a text of 1 to \
         {SUBJECT_CHARS_MAX} visible characters"
    )]
    NoName(String),
    #[error(
        "the token gives no role here: `{claim}` has none of the values that issuer `{issuer}` \
         maps to one"
    )]
    NoRole { claim: String, issuer: String },
    #[error("the token opens no tenant here: `{claim}` {problem}")]
    NoTenant { claim: String, problem: &'static str },
    #[error(
        "the token is for role `{}`, which asks for a stronger sign-in: {required}; it has {found}",
        role::ADMIN
    )]
    Weak {
        required: String,
        found: String,
        /// What a client may ask its provider for (RFC 9470).
        acr_values: Vec<String>,
    },
}

/// What a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Get another token.
    Invalid,
    /// The same, and the keys of the issuer may have changed since they were fetched: fetch them.
    UnknownKey,
    /// Have rights given at the provider.
    NotEntitled,
    /// Sign in again, with more proof.
    Weak,
}

impl Refusal {
    /// The token is of an issuer that is not known.
    pub fn of_issuer(claimed: &str) -> Refusal {
        Refusal::Issuer(shown(claimed))
    }

    /// Its issuer did not make it: whoever sends it tries what they have no right to. What has only
    /// expired, or is signed with a key that may just not be known yet, is no such attempt.
    pub fn is_forged(&self) -> bool {
        matches!(
            self,
            Refusal::Signature
                | Refusal::Algorithm { .. }
                | Refusal::KeyDoesNotFit(_)
                | Refusal::Malformed(_)
        )
    }

    pub fn kind(&self) -> RefusalKind {
        match self {
            // A provider that gives its keys no ids, or the same again, changes them like this.
            Refusal::UnknownKey(_)
            | Refusal::KeyDoesNotFit(_)
            | Refusal::NoKeyId
            | Refusal::Signature => RefusalKind::UnknownKey,
            Refusal::NoRole { .. } | Refusal::NoTenant { .. } => RefusalKind::NotEntitled,
            Refusal::Weak { .. } => RefusalKind::Weak,
            _ => RefusalKind::Invalid,
        }
    }
}

const SHOWN_CHARS_MAX: usize = 100;

/// A text of others, such as one of a token, as it may stand in an answer or a log line.
pub(crate) fn shown(text: &str) -> String {
    let visible = |c: char| if is_hidden(c) || c == '`' { '?' } else { c };
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).map(visible).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

/// What a reader of JSON says, which may quote what it read.
pub(crate) fn told(error: &serde_json::Error) -> String {
    shown(&error.to_string().replace('`', "'"))
}

const LISTED_MAX: usize = 5;

/// Some texts, each in quotes.
pub(crate) fn listed<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut texts = texts.into_iter();
    let some: Vec<String> =
        texts.by_ref().take(LISTED_MAX).map(|text| format!("`{}`", shown(text))).collect();
    match (some.is_empty(), texts.next()) {
        (true, _) => "none".to_owned(),
        (false, None) => some.join(", "),
        (false, Some(_)) => format!("{}, ...", some.join(", ")),
    }
}

/// A span in the largest unit of which it has two, so that it is told well enough.
fn span(span: &Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let seconds = span.as_secs();
    let unit = UNITS.iter().find(|(length, _)| 2 * length <= seconds);
    unit.map_or_else(
        || format!("{seconds} s"),
        |(length, name)| format!("{} {name}", seconds / length),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        let check = |seconds, expected: &str| {
            assert_eq!(span(&Duration::from_secs(seconds)), expected);
        };
        check(0, "0 s");
        check(119, "119 s");
        check(300, "5 min");
        check(7_200, "2 h");
        check(172_800, "2 d");
        check(u64::MAX, "213503982334601 d");
    }

    #[test]
    fn what_is_quoted_is_short_and_visible() {
        assert_eq!(shown("a\nb`c\u{202e}d"), "a?b?c?d");
        assert_eq!(shown(&"x".repeat(101)).len(), 103);
        assert_eq!(listed([]), "none");
        assert_eq!(listed(["a", "b"]), "`a`, `b`");
        assert_eq!(listed(["a"; 9]), "`a`, `a`, `a`, `a`, `a`, ...");
    }
}
