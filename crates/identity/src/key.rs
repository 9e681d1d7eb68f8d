//! Keys: who holds one, what it allows, and the digest of its secret.

use model::DateTime;
use policy::Caller;

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
    /// Who it speaks for; the name is another one than that of every key there is.
    pub caller: Caller,
}
