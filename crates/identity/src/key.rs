//! Keys: who holds one, what it allows, and the digest of its secret.

use model::{DateTime, Tenant};
use policy::{Caller, Role};

use crate::token::Digest;

/// A key as it is kept: everything but the secret.
#[derive(Clone, Debug)]
pub struct Key {
    /// The public part of the token; twelve hexadecimal digits.
    pub id: String,
    /// Who it speaks for.
    pub caller: Caller,
    pub created_at: DateTime,
    pub(crate) digest: Digest,
}

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Another one than that of every key there is.
    pub name: String,
    pub role: Role,
    /// Where given, the only tenant the key opens.
    pub tenant: Option<Tenant>,
}
