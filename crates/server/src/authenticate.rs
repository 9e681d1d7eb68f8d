//! Callers from the headers of a request, and from the certificate of its client.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};
use identity::oidc::is_token;
use ngsi_ld::{Authenticate, Unauthenticated, bearer};
use policy::{Caller, role};

use crate::keys::Keys;
use crate::oidc::Providers;
use crate::tls::{Certificates, Peer};

/// Asks for a key, for a token of an identity provider, or for a client certificate.
#[derive(Debug)]
pub struct Bearers {
    pub keys: Arc<Keys>,
    pub providers: Arc<Providers>,
    pub certificates: Certificates,
}

/// Asks for nothing: `--open`, on a loopback address only.
#[derive(Debug)]
pub struct Open;

impl Authenticate for Bearers {
    /// A certificate must be good whatever else there is. Beside it, a key or token decides who
    /// is calling: a machine that many use shows its own certificate, and whom it speaks for.
    fn authenticate(
        &self,
        headers: &HeaderMap,
        connection: &Extensions,
    ) -> Result<Caller, Unauthenticated> {
        let peer = connection.get::<Peer>();
        if let Some(peer) = peer {
            peer.check().map_err(Unauthenticated::Invalid)?;
        }
        match (bearer(headers), peer) {
            (Some(bearer), _) => self.of_bearer(bearer),
            // What was sent as a key or token and cannot be read must not be passed over.
            (None, Some(peer)) if !headers.contains_key(AUTHORIZATION) => {
                self.certificates.caller(peer).map_err(Unauthenticated::NotEntitled)
            }
            (None, _) => Err(Unauthenticated::Missing),
        }
    }
}

impl Bearers {
    fn of_bearer(&self, bearer: &str) -> Result<Caller, Unauthenticated> {
        if is_token(bearer) && !self.providers.is_empty() {
            return self.providers.caller(bearer);
        }
        self.keys.caller(bearer).ok_or(Unauthenticated::Unknown)
    }
}

impl Authenticate for Open {
    fn authenticate(&self, _: &HeaderMap, _: &Extensions) -> Result<Caller, Unauthenticated> {
        Ok(Caller::with_role("anyone".to_owned(), role::ADMIN))
    }
}
