//! Callers from the headers of a request.

use std::sync::Arc;

use http::HeaderMap;
use ngsi_ld::{Authenticate, Unauthenticated, bearer};
use policy::{Caller, Role};

use crate::keys::Keys;

/// Asks for a key.
#[derive(Debug)]
pub struct WithKeys(pub Arc<Keys>);

/// Asks for nothing: `--open`, on a loopback address only.
#[derive(Debug)]
pub struct Open;

impl Authenticate for WithKeys {
    fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Unauthenticated> {
        let token = bearer(headers).ok_or(Unauthenticated::Missing)?;
        self.0.caller(token).ok_or(Unauthenticated::Unknown)
    }
}

impl Authenticate for Open {
    fn authenticate(&self, _: &HeaderMap) -> Result<Caller, Unauthenticated> {
        Ok(Caller { name: "anyone".to_owned(), role: Role::Admin, tenant: None })
    }
}
