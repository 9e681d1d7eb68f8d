//! The keys of an issuer, from where its provider publishes them.

use http::StatusCode;
use identity::oidc::{Discovery, DiscoveryError, JWKS_BYTES_MAX, Jwks, JwksError, shown_url};
use url::Url;

use crate::egress::{EgressError, EgressRules, Kind, Refused};
use crate::fetch::{FetchError, Fetcher};
use crate::settings::AllowPrivate;

/// How the keys of one issuer are fetched.
#[derive(Debug)]
pub struct Download {
    fetcher: Fetcher,
    rules: EgressRules,
    issuer: String,
    /// Whether the issuer's own host may be in a private network.
    allow_private: bool,
}

/// Why there are no keys. URLs are shown without what may be secret.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    #[error("`{url}`: {source}")]
    Fetch { url: String, source: FetchError },
    #[error("`{0}`: it is in a private network (setting `allow_private` of this issuer)")]
    Private(String),
    /// Otherwise a provider could have any machine inside called.
    #[error(
        "`{0}`: it is in a private network, and `allow_private` is for the host of the issuer \
         alone; have the provider publish its keys there"
    )]
    PrivateElsewhere(String),
    #[error("`{0}`: it leads to another machine, and http is for this machine itself; use https")]
    NotHere(String),
    #[error(
        "`{url}`: it is larger than {max} bytes, the most for what a provider publishes (or set \
         by `egress_bytes_max`)"
    )]
    TooLarge { url: String, max: usize },
    /// Whoever follows believes whomever it is led to.
    #[error("`{0}`: it redirects, which is not followed; write the address it redirects to")]
    Moved(String),
    #[error("`{url}`: {source}")]
    Discovery { url: String, source: DiscoveryError },
    #[error("`{url}`: {source}")]
    Keys { url: String, source: JwksError },
}

impl DownloadError {
    /// Did the provider say nothing? Then its last keys are the best that is known. What it says is
    /// believed: an outage must not keep keys alive that were taken back.
    pub fn is_outage(&self) -> bool {
        match self {
            DownloadError::Fetch { source, .. } => match source {
                FetchError::Status(status) => is_later(*status),
                FetchError::TimedOut(_) | FetchError::Http(_) => true,
                // Also where the rules do not let it be asked.
                FetchError::Egress(_) => true,
                _ => false,
            },
            // Its name leads elsewhere, so it was not asked.
            DownloadError::Private(_)
            | DownloadError::PrivateElsewhere(_)
            | DownloadError::NotHere(_) => true,
            _ => false,
        }
    }
}

/// Is the answer that there is none now?
fn is_later(status: StatusCode) -> bool {
    let asked_to_wait = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_server_error() || asked_to_wait.contains(&status)
}

impl Download {
    pub fn new(rules: EgressRules, issuer: &str, allow_private: bool) -> Download {
        let bytes_max = rules.bytes_max.min(JWKS_BYTES_MAX);
        let rules = EgressRules { redirects_max: 0, bytes_max, ..rules };
        let fetcher = Fetcher::new(rules.clone());
        Download { fetcher, rules, issuer: issuer.to_owned(), allow_private }
    }

    /// The keys as they are now. Discovery comes first each time: a provider may move them.
    pub async fn keys(&self) -> Result<Jwks, DownloadError> {
        let url = Discovery::url_of(&self.issuer);
        let document = self.get(&url).await?;
        let discovery = Discovery::parse(&document, &self.issuer)
            .map_err(|source| DownloadError::Discovery { url: shown_url(&url), source })?;
        let url = discovery.jwks_uri;
        let keys = self.get(url.as_str()).await?;
        Jwks::parse(&keys)
            .map_err(|source| DownloadError::Keys { url: shown_url(url.as_str()), source })
    }

    async fn get(&self, url: &str) -> Result<bytes::Bytes, DownloadError> {
        let (shown, rules) = (shown_url(url), self.rules_for(url));
        match self.fetcher.within(rules).get(url).await {
            Ok(fetched) => Ok(fetched.body),
            Err(FetchError::TooManyRedirects(_) | FetchError::Downgrade) => {
                Err(DownloadError::Moved(shown))
            }
            Err(FetchError::TooLarge(max)) => Err(DownloadError::TooLarge { url: shown, max }),
            Err(FetchError::Egress(EgressError::Refused(Refused::Private(_, kind)))) => {
                Err(self.private(url, kind))
            }
            Err(source) => Err(DownloadError::Fetch { url: shown, source }),
        }
    }

    /// Why an address is not called that is not public, or not of this machine.
    fn private(&self, url: &str, kind: Kind) -> DownloadError {
        let shown = shown_url(url);
        if is_plain(url) && kind != Kind::Loopback {
            DownloadError::NotHere(shown)
        } else if self.is_own_host(url) {
            DownloadError::Private(shown)
        } else {
            DownloadError::PrivateElsewhere(shown)
        }
    }

    fn rules_for(&self, url: &str) -> EgressRules {
        let rules = self.rules.clone();
        let private = match self.allow_private && self.is_own_host(url) {
            true => AllowPrivate::All,
            false => rules.private,
        };
        EgressRules { private, loopback_alone: is_plain(url), ..rules }
    }

    fn is_own_host(&self, url: &str) -> bool {
        match (Url::parse(url), Url::parse(&self.issuer)) {
            (Ok(url), Ok(issuer)) => url.host() == issuer.host(),
            _ => false,
        }
    }
}

/// Is there no TLS? Who answers then is known of this machine alone.
fn is_plain(url: &str) -> bool {
    !url.starts_with("https:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn check(issuer: &str, url: &str, address: &str, expected: bool) {
        let rules = EgressRules::of(&Settings::default());
        let download = Download::new(rules, issuer, true);
        let allowed = download.rules_for(url).allows(address.parse().unwrap());
        assert_eq!(allowed, expected, "{issuer} {url} {address}");
    }

    #[test]
    fn a_provider_leads_nowhere_inside_but_to_its_own_host() {
        let ours = "https://login.example/city";
        check(ours, "https://login.example/keys", "10.0.0.1", true);
        check(ours, "https://login.example:8443/keys", "10.0.0.1", true);
        check(ours, "https://keys.example/keys", "10.0.0.1", false);
        check(ours, "https://keys.example/keys", "127.0.0.1", false);
        check(ours, "https://keys.example/keys", "1.1.1.1", true);
    }

    #[test]
    fn without_tls_there_is_this_machine_alone_whatever_its_name_leads_to() {
        let local = "http://localhost:8080";
        check(local, "http://localhost:8080/keys", "127.0.0.1", true);
        check(local, "http://localhost:8080/keys", "::1", true);
        check(local, "http://localhost:8080/keys", "10.0.0.1", false);
        check(local, "http://localhost:8080/keys", "1.1.1.1", false);
    }

    async fn check_refused(issuer: &str, allow_private: bool, url: &str, expected: &str) {
        let rules = EgressRules::of(&Settings::default());
        let error = Download::new(rules, issuer, allow_private).get(url).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[tokio::test]
    async fn what_must_not_be_reached_is_told_with_what_would_allow_it() {
        let (ours, local) = ("https://10.0.0.1", "http://10.0.0.1");
        check_refused(ours, false, "https://10.0.0.1/k?a=b", "/k`: it is in a private").await;
        check_refused(ours, false, "https://10.0.0.1/k", "`allow_private` of this issuer").await;
        check_refused(ours, true, "https://10.0.0.2/k", "for the host of the issuer alone").await;
        check_refused(local, true, "http://10.0.0.1/k", "http is for this machine itself").await;
        check_refused("http://127.0.0.1", false, "http://127.0.0.1/", "of this issuer").await;
    }

    #[test]
    fn only_silence_is_an_outage() {
        let check = |source: FetchError, expected: bool| {
            let error = DownloadError::Fetch { url: String::new(), source };
            assert_eq!(error.is_outage(), expected, "{error}");
        };
        for (status, expected) in
            [(500, true), (503, true), (429, true), (404, false), (410, false)]
        {
            check(FetchError::Status(StatusCode::from_u16(status).unwrap()), expected);
        }
        check(FetchError::TimedOut(std::time::Duration::ZERO), true);
        check(
            FetchError::Egress(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()),
            true,
        );
        let other = DiscoveryError::OtherIssuer { found: "a".to_owned(), expected: "b".to_owned() };
        let other = DownloadError::Discovery { url: String::new(), source: other };
        assert!(!other.is_outage());
        let malformed = Jwks::parse(b"<html>").unwrap_err();
        assert!(!DownloadError::Keys { url: String::new(), source: malformed }.is_outage());
    }
}
