//! Before a request is judged: the keys that its token needs are there, or were asked for.

use http::HeaderMap;
use identity::oidc::is_token;
use ngsi_ld::bearer;

use super::Providers;

impl Providers {
    /// Tokens are judged without waiting. Whoever brings one that is signed with a key not known yet
    /// waits here while it is fetched, for a while; nobody else does.
    pub async fn prepare(&self, headers: &HeaderMap) {
        if self.is_empty() {
            return;
        }
        let token = bearer(headers).filter(|bearer| is_token(bearer));
        let provider = token.and_then(|token| self.to_ask(token)).cloned();
        if let Some(provider) = provider {
            provider.ask().await;
        }
    }
}
