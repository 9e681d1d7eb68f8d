//! What a provider says about itself (OpenID Connect Discovery 1.0, RFC 8414).

use serde::Deserialize;
use url::{Host, Url};

use super::refusal::{shown, told};

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    pub jwks_uri: Url,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    #[error("it is not a JSON object with `issuer` and `jwks_uri`: {0}")]
    Malformed(String),
    /// Otherwise one issuer could speak for another (Discovery section 4.3).
    #[error("it is of issuer `{found}`, but `{expected}` is expected, letter by letter")]
    OtherIssuer { found: String, expected: String },
    #[error(
        "its `jwks_uri` is `{0}`; it must be https without user or password (http is for a \
         provider on this machine itself)"
    )]
    NotSecure(String),
}

#[derive(Deserialize)]
struct Written {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    /// Where the document of an issuer is.
    pub fn url_of(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    pub fn parse(bytes: &[u8], issuer: &str) -> Result<Discovery, DiscoveryError> {
        let written: Result<Written, _> = serde_json::from_slice(bytes);
        let written = written.map_err(|error| DiscoveryError::Malformed(told(&error)))?;
        if written.issuer != issuer {
            let (found, expected) = (shown(&written.issuer), issuer.to_owned());
            return Err(DiscoveryError::OtherIssuer { found, expected });
        }
        match Url::parse(&written.jwks_uri) {
            // As the parser has it: without line breaks, which it would pass over.
            Ok(url) if is_secure(&url) && !is_downgrade(issuer, &url) => {
                Ok(Discovery { jwks_uri: url })
            }
            _ => Err(DiscoveryError::NotSecure(shown_url(&written.jwks_uri))),
        }
    }
}

/// Can nobody on the way change what comes from this URL? Over https, or on this machine; what a
/// name such as `localhost` leads to is for whoever connects to check. A user or password in it
/// would be one in log lines.
pub(crate) fn is_secure(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let nobody = url.username().is_empty() && url.password().is_none();
    nobody && (url.scheme() == "https" || (url.scheme() == "http" && here))
}

/// A URL of others as it may stand in a log line: short, and without user, password and query.
pub fn shown_url(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.rsplit_once('@') {
        Some((_, rest)) => shown(rest),
        None => shown(url),
    }
}

/// Would the keys of an issuer with TLS come without it?
fn is_downgrade(issuer: &str, keys: &Url) -> bool {
    keys.scheme() != "https" && Url::parse(issuer).is_ok_and(|issuer| issuer.scheme() == "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, expected: &str) {
        check_of("https://login.example/city", document, expected);
    }

    fn check_of(issuer: &str, document: &str, expected: &str) {
        let told = match Discovery::parse(document.as_bytes(), issuer) {
            Ok(discovery) => discovery.jwks_uri.into(),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn keys_are_where_the_right_issuer_says() {
        let document = |issuer: &str, keys: &str| {
            format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}","scopes_supported":[]}}"#)
        };
        let (ours, keys) = ("https://login.example/city", "https://keys.example/jwks");
        check(&document(ours, keys), keys);
        check(&document(ours, "http://localhost:1/jwks"), "must be https");
        let local = "http://localhost:1";
        check_of(local, &document(local, "http://localhost:1/jwks"), "http://localhost:1/jwks");
        check_of(local, &document(local, "http://10.0.0.1/jwks"), "must be https");
        check(&document(ours, "https://me:secret@keys.example/jwks"), "without user or password");
        check(&document("https://login.example/city/", keys), "letter by letter");
        check(&document(ours, "https://keys.example/\\nERROR x"), "https://keys.example/ERROR%20x");
        check(&document(ours, "http://keys.example/jwks"), "must be https");
        check(&document(ours, "file:///etc/passwd"), "must be https");
        check("{}", "missing field 'issuer'");
        check("x", "not a JSON object");
        let long = format!(r#"{{"issuer":"x","jwks_uri":{{"{}\u202e":1}}}}"#, "a".repeat(9_000));
        let told = Discovery::parse(long.as_bytes(), ours).unwrap_err().to_string();
        assert!(told.len() < 300 && !told.contains('\u{202e}'), "{told}");
    }

    #[test]
    fn urls_are_shown_without_what_may_be_secret() {
        assert_eq!(shown_url("https://a.example/b?key=c#d"), "https://a.example/b");
        assert_eq!(shown_url("https://me:secret@a.example/b"), "a.example/b");
        assert_eq!(shown_url("a\nb"), "a?b");
    }

    #[test]
    fn a_document_has_one_place() {
        let url = "https://login.example/city/.well-known/openid-configuration";
        assert_eq!(Discovery::url_of("https://login.example/city"), url);
        assert_eq!(Discovery::url_of("https://login.example/city/"), url);
    }

    #[test]
    fn only_this_machine_may_do_without_tls() {
        for good in
            ["https://a.example", "http://127.0.0.1:1/", "http://[::1]/", "http://localhost"]
        {
            assert!(is_secure(&Url::parse(good).unwrap()), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://10.0.0.1",
            "http://localhost.a.example",
            "https://user@a.example",
            "https://:secret@a.example",
            "ftp://localhost",
            "data:x",
        ] {
            assert!(!is_secure(&Url::parse(bad).unwrap()), "{bad}");
        }
    }
}
