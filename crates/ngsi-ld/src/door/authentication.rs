//! Who is asking: the seam to whatever knows the keys.

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use policy::Caller;

/// Proves identities. The server supplies it.
pub trait Authenticate: Send + Sync {
    /// The caller that the headers prove, or what the server knows of their connection and has put
    /// into `connection`; no I/O, for every request waits for it.
    fn authenticate(
        &self,
        headers: &HeaderMap,
        connection: &Extensions,
    ) -> Result<Caller, Unauthenticated>;
}

/// Why nobody is known to be asking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    #[error("the request has no key; send one as `Authorization: Bearer <key>`")]
    Missing,
    #[error("the key is not known here; it may have been revoked")]
    Unknown,
    /// The token of an identity provider proves nothing.
    #[error("{0}")]
    Invalid(String),
    /// The same, and its signature shows that its issuer did not make it.
    #[error("{0}")]
    Forged(String),
    /// The token proves who is asking, and nothing here is for them.
    #[error("{0}")]
    NotEntitled(String),
    /// The same, until they sign in with more proof, such as one of these `acr`.
    #[error("{reason}")]
    Weak { reason: String, acr_values: Vec<String> },
    /// What would tell is not within reach for now.
    #[error("{0}")]
    Unavailable(String),
}

impl Unauthenticated {
    pub fn status(&self) -> StatusCode {
        match self {
            Unauthenticated::Missing
            | Unauthenticated::Unknown
            | Unauthenticated::Invalid(_)
            | Unauthenticated::Forged(_) => StatusCode::UNAUTHORIZED,
            Unauthenticated::NotEntitled(_) | Unauthenticated::Weak { .. } => StatusCode::FORBIDDEN,
            Unauthenticated::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What `WWW-Authenticate` says (RFC 6750 section 3, RFC 9470 section 3).
    pub fn challenge(&self) -> Option<HeaderValue> {
        let (error, acr_values) = match self {
            Unauthenticated::Missing => return Some(HeaderValue::from_static("Bearer")),
            Unauthenticated::Unavailable(_) => return None,
            Unauthenticated::Unknown | Unauthenticated::Invalid(_) | Unauthenticated::Forged(_) => {
                ("invalid_token", None)
            }
            Unauthenticated::NotEntitled(_) => ("insufficient_scope", None),
            Unauthenticated::Weak { acr_values, .. } => {
                ("insufficient_user_authentication", Some(acr_values.join(" ")))
            }
        };
        let described = quotable(&self.to_string());
        let mut challenge = format!("Bearer error=\"{error}\", error_description=\"{described}\"");
        if let Some(values) = acr_values.filter(|values| !values.is_empty()) {
            challenge.push_str(&format!(", acr_values=\"{}\"", quotable(&values)));
        }
        HeaderValue::try_from(challenge).ok()
    }
}

/// A text in the few characters that stand between quotes there (RFC 6750 section 3).
fn quotable(text: &str) -> String {
    let plain = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    text.chars().map(|c| if plain(c) { c } else { '?' }).collect()
}

/// The token of `Authorization: Bearer <token>`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_tells_what_is_wrong_in_plain_characters() {
        let check = |error: Unauthenticated, status: u16, expected: &str| {
            assert_eq!(error.status().as_u16(), status);
            let challenge = error.challenge().map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(challenge.unwrap_or_default(), expected);
        };
        check(Unauthenticated::Missing, 401, "Bearer");
        check(
            Unauthenticated::Invalid("a \"b\"\r\n\u{e9} `c`".into()),
            401,
            "Bearer error=\"invalid_token\", error_description=\"a ?b???? `c`\"",
        );
        check(
            Unauthenticated::NotEntitled("no role".into()),
            403,
            "Bearer error=\"insufficient_scope\", error_description=\"no role\"",
        );
        let acr_values = vec!["mfa".to_owned(), "phr".to_owned()];
        check(
            Unauthenticated::Weak { reason: "weak".into(), acr_values },
            403,
            "Bearer error=\"insufficient_user_authentication\", error_description=\"weak\", \
             acr_values=\"mfa phr\"",
        );
        check(Unauthenticated::Unavailable("later".into()), 503, "");
    }

    #[test]
    fn a_token_follows_the_word_bearer() {
        let check = |value: &'static str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, http::HeaderValue::from_static(value));
            assert_eq!(bearer(&headers), expected, "{value}");
        };
        check("Bearer comity_1", Some("comity_1"));
        check("bearer  comity_1", Some("comity_1"));
        check("Basic YQ==", None);
        check("Bearer ", None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
