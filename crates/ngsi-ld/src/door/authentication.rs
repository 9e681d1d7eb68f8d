//! Who is asking: the seam to whatever knows the keys.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use policy::Caller;

/// Proves identities. The server supplies it.
pub trait Authenticate: Send + Sync {
    /// The caller that the headers prove; no I/O, for every request waits for it.
    fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Unauthenticated>;
}

/// Why nobody is known to be asking; both are answered with 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    #[error("the request has no key; send one as `Authorization: Bearer <key>`")]
    Missing,
    #[error("the key is not known here; it may have been revoked")]
    Unknown,
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
