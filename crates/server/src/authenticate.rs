//! Callers from the headers of a request.

use std::sync::Arc;

use http::HeaderMap;
use ngsi_ld::{Authenticate, Unauthenticated, bearer};
use policy::{Caller, Role};

use crate::keys::Keys;
use crate::oidc::{Providers, is_token};

/// Asks for a key, or for a token of an identity provider.
#[derive(Debug)]
pub struct Bearers {
    pub keys: Arc<Keys>,
    pub providers: Arc<Providers>,
}

/// Asks for nothing: `--open`, on a loopback address only.
#[derive(Debug)]
pub struct Open;

impl Authenticate for Bearers {
    fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Unauthenticated> {
        let bearer = bearer(headers).ok_or(Unauthenticated::Missing)?;
        if is_token(bearer) && !self.providers.is_empty() {
            return self.providers.caller(bearer);
        }
        self.keys.caller(bearer).ok_or(Unauthenticated::Unknown)
    }
}

impl Authenticate for Open {
    fn authenticate(&self, _: &HeaderMap) -> Result<Caller, Unauthenticated> {
        Ok(Caller { name: "anyone".to_owned(), role: Role::Admin, tenant: None })
    }
}
