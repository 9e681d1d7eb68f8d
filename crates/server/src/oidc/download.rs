//! The keys of an issuer, from where its provider publishes them.

use identity::oidc::{Discovery, DiscoveryError, Jwks, JwksError};

use crate::egress::EgressRules;
use crate::fetch::{FetchError, Fetcher};
use crate::settings::IssuerSettings;

/// How the keys of one issuer are fetched.
#[derive(Debug)]
pub struct Download {
    fetcher: Fetcher,
    issuer: String,
}

#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    #[error("`{url}`: {source}")]
    Fetch { url: String, source: FetchError },
    /// Whoever follows believes whomever it is led to.
    #[error("`{0}`: it redirects, which is not followed; write the address it redirects to")]
    Moved(String),
    #[error("`{url}`: {source}")]
    Discovery { url: String, source: DiscoveryError },
    #[error("`{url}`: {source}")]
    Keys { url: String, source: JwksError },
}

impl Download {
    pub fn new(rules: &EgressRules, settings: &IssuerSettings, issuer: &str) -> Download {
        let private = rules.private || settings.allow_private;
        let rules = EgressRules { private, redirects_max: 0, ..rules.clone() };
        Download { fetcher: Fetcher::new(rules), issuer: issuer.to_owned() }
    }

    /// The keys as they are now. Discovery comes first each time: a provider may move them.
    pub async fn keys(&self) -> Result<Jwks, DownloadError> {
        let url = Discovery::url_of(&self.issuer);
        let document = self.get(&url).await?;
        let discovery = Discovery::parse(&document, &self.issuer)
            .map_err(|source| DownloadError::Discovery { url, source })?;
        let url = discovery.jwks_uri;
        let keys = self.get(&url).await?;
        Jwks::parse(&keys).map_err(|source| DownloadError::Keys { url, source })
    }

    async fn get(&self, url: &str) -> Result<bytes::Bytes, DownloadError> {
        match self.fetcher.get(url).await {
            Ok(fetched) => Ok(fetched.body),
            Err(FetchError::TooManyRedirects(_) | FetchError::Downgrade) => {
                Err(DownloadError::Moved(url.to_owned()))
            }
            Err(source) => Err(DownloadError::Fetch { url: url.to_owned(), source }),
        }
    }
}
