//! The keys of an issuer (RFC 7517).

use serde::Deserialize;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::key::{Material, PublicKey};
use super::refusal::{Refusal, shown};

/// How large a set of keys may be, as it arrives.
pub const JWKS_BYTES_MAX: usize = 256 * 1024;

/// How many keys a set may have, those counted that are of no use here.
pub const KEYS_MAX: usize = 100;

/// Keys that check signatures. Two sets are equal where they hold the same keys in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Jwk {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: PublicKey,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    #[error("the key set has {0} bytes; {JWKS_BYTES_MAX} are the most")]
    TooLarge(usize),
    #[error("the key set is not a JSON object with `keys`: {0}")]
    Malformed(String),
    #[error("the key set has {0} keys; {KEYS_MAX} are the most")]
    TooMany(usize),
    #[error(
        "none of the {0} keys of the set can check a signature; there must be one of the kinds \
         RSA (2048 to 8192 bits), EC (P-256, P-384) or OKP (Ed25519), not for encryption"
    )]
    NoUsableKey(usize),
}

#[derive(Deserialize)]
struct WrittenSet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Written {
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    #[serde(flatten)]
    material: Material,
}

impl Jwks {
    /// Reads a set. Keys of unknown kinds, for other purposes, or not well-formed are left out, as
    /// RFC 7517 section 5 has it; a set of which nothing is left is an error.
    pub fn parse(bytes: &[u8]) -> Result<Jwks, JwksError> {
        if JWKS_BYTES_MAX < bytes.len() {
            return Err(JwksError::TooLarge(bytes.len()));
        }
        let set: Result<WrittenSet, _> = serde_json::from_slice(bytes);
        let written = set.map_err(|error| JwksError::Malformed(error.to_string()))?.keys;
        let count = written.len();
        if KEYS_MAX < count {
            return Err(JwksError::TooMany(count));
        }
        let keys: Vec<Jwk> = written.into_iter().filter_map(Jwk::read).collect();
        if keys.is_empty() {
            return Err(JwksError::NoUsableKey(count));
        }
        Ok(Jwks { keys })
    }

    /// How many keys there are, one at least.
    #[expect(clippy::len_without_is_empty, reason = "a set without keys is not read")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that may have signed: those with this id, all where none is named, and of these
    /// those that the algorithm can use.
    pub(crate) fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<&PublicKey>, Refusal> {
        let named = |jwk: &&Jwk| id.is_none() || jwk.id.as_deref() == id;
        if !self.keys.iter().any(|jwk| named(&jwk)) {
            return Err(Refusal::UnknownKey(shown(id.unwrap_or_default())));
        }
        let fits = |jwk: &&Jwk| {
            jwk.key.fits(algorithm) && jwk.algorithm.is_none_or(|only| only == algorithm)
        };
        let found: Vec<&PublicKey> =
            self.keys.iter().filter(named).filter(fits).map(|jwk| &jwk.key).collect();
        match (found.len(), id) {
            (0, Some(_)) => Err(Refusal::KeyDoesNotFit(algorithm)),
            // A key that came since may be the one.
            (0, None) => Err(Refusal::UnknownKey(String::new())),
            // To try one after the other would let a token cost as many checks as there are keys.
            (2.., None) => Err(Refusal::NoKeyId),
            _ => Ok(found),
        }
    }
}

impl Jwk {
    fn read(value: Value) -> Option<Jwk> {
        let written = Written::deserialize(value).ok()?;
        let signs = written.purpose.is_none_or(|purpose| purpose == "sig")
            && written.key_ops.is_none_or(|all| all.iter().any(|one| one == "verify"));
        if !signs {
            return None;
        }
        let algorithm = match &written.alg {
            None => None,
            Some(name) => Some(Algorithm::from_name(name)?),
        };
        let key = PublicKey::from_jwk(&written.material)?;
        if algorithm.is_some_and(|algorithm| !key.fits(algorithm)) {
            return None;
        }
        Some(Jwk { id: written.kid, algorithm, key })
    }
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
